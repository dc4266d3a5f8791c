"""What a model has to beat: bags of words and of characters with logistic regression.

    python -m training.baselines [--data data/feedback]

TF-IDF of jieba words and of character n-grams, one logistic regression per theme and one for
sentiment, trained on the same rows as the model and read through the same normalisation. Length of the
n-grams and C are searched, and the threshold of each theme is set, on dev and nowhere else; the
search takes seconds and is run every time, so that it can never be out of date. The command prints
what was chosen. Words and n-grams seen once are left out: keeping them made dev a little worse and the
fit four times slower. ``training.evaluate`` measures the result beside the model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, precision_recall_curve
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline
from transformers import HfArgumentParser

from fbclass.results import SENTIMENTS, Prediction, Sentiment, ThemeTag
from fbclass.schema import ThemeSchema
from fbclass.text import normalize
from training.config import option
from training.data import Comment, load_comments

FloatArray = npt.NDArray[np.float64]
WORDS, CHARACTERS = "jieba TF-IDF", "character TF-IDF"
LONGEST = {WORDS: (1, 2, 3), CHARACTERS: (2, 3, 4)}  # n-grams of 1 to this many
THEME_C = (4.0, 16.0, 64.0)  # on dev 1 was worse at every length, 256 and 1024 no better than 64
SENTIMENT_C = (1.0, 4.0, 16.0)  # 64 was no better than 16


@dataclass
class BaselinesConfig:
    """Every setting; each is a command-line flag."""

    data: str = option("data/feedback", "folder with train and dev, themes.yaml beside it")


@dataclass(frozen=True, slots=True)
class Baseline:
    """Two fitted pipelines. ``thresholds``: per theme, as in a model; ``chosen`` says what dev decided."""

    name: str
    schema: ThemeSchema
    themes: Pipeline
    sentiment: Pipeline
    thresholds: FloatArray
    chosen: str

    def classify(self, texts: Sequence[str]) -> list[Prediction]:
        """As many predictions as texts, in the same order: no evidence, no party, never for review."""
        prepared = prepare(texts)
        themes: FloatArray = self.themes.predict_proba(prepared)
        sentiment: FloatArray = self.sentiment.predict_proba(prepared)
        return [self._prediction(*row) for row in zip(texts, themes, sentiment, strict=True)]

    def _prediction(self, text: str, themes: FloatArray, sentiment: FloatArray) -> Prediction:
        ids = self.schema.ids
        over = sorted(np.flatnonzero(themes >= self.thresholds), key=lambda k: -themes[k])
        return Prediction(
            id=None,
            text=text,
            themes=tuple(ThemeTag(ids[k], self.schema[ids[k]].name_zh, float(themes[k]), ()) for k in over),
            sentiment=Sentiment(
                SENTIMENTS[int(sentiment.argmax())], dict(zip(SENTIMENTS, map(float, sentiment), strict=True))
            ),
            about=(),
            scores=dict(zip(ids, map(float, themes), strict=True)),
            needs_review=False,
            truncated=False,
            model=self.name,
        )


def fit_baselines(
    train: Sequence[Comment], dev: Sequence[Comment], schema: ThemeSchema, *, refit: bool = False
) -> list[Baseline]:
    """Both baselines, fitted on ``train``; all choices are made on ``dev``.

    ``refit``: once everything is chosen, fit again on train and dev together, as fine-tuning does.
    """
    return [fit_baseline(name, train, dev, schema, refit=refit) for name in LONGEST]


def fit_baseline(
    name: str, train: Sequence[Comment], dev: Sequence[Comment], schema: ThemeSchema, *, refit: bool = False
) -> Baseline:
    """One baseline: "jieba TF-IDF" or "character TF-IDF"."""
    gold, dev_gold = _themes(train, schema), _themes(dev, schema)
    tones, dev_tones = _sentiments(train), _sentiments(dev)
    texts, dev_texts = prepare([c.text for c in train]), prepare([c.text for c in dev])
    best: dict[str, tuple[float, Pipeline, str]] = {}

    def keep(task: str, score: float, pipeline: Pipeline, settings: str) -> None:
        if task not in best or score > best[task][0]:
            best[task] = (score, pipeline, settings)

    for longest in LONGEST[name]:
        vectorizer = _vectorizer(name, longest)
        x = vectorizer.fit_transform(texts)
        dev_x = vectorizer.transform(dev_texts)
        for c in THEME_C:
            model = OneVsRestClassifier(LogisticRegression(C=c, solver="liblinear", random_state=0)).fit(x, gold)
            score = float(np.mean([f1 for f1, _ in _thresholds(dev_gold, model.predict_proba(dev_x))]))
            keep("themes", score, _pipeline(vectorizer, model), f"1 to {longest}-grams, C {c:g}")
        for c in SENTIMENT_C:
            model = LogisticRegression(C=c, max_iter=1000).fit(x, tones)
            score = float(f1_score(dev_tones, model.predict(dev_x), average="macro"))
            keep("sentiment", score, _pipeline(vectorizer, model), f"1 to {longest}-grams, C {c:g}")
    themes, sentiment = best["themes"][1], best["sentiment"][1]
    chosen = "; ".join(f"{task}: {settings} (dev macro-F1 {f1:.3f})" for task, (f1, _, settings) in best.items())
    thresholds = np.array([t for _, t in _thresholds(dev_gold, themes.predict_proba(dev_texts))])
    if refit:
        both = [*texts, *dev_texts]
        themes = clone(themes).fit(both, np.concatenate([gold, dev_gold]))
        sentiment = clone(sentiment).fit(both, np.concatenate([tones, dev_tones]))
    return Baseline(name, schema, themes, sentiment, thresholds, chosen)


def prepare(texts: Sequence[str]) -> list[str]:
    """Normalised as the model's texts are, and in lower case."""
    return [normalize(text).text.lower() for text in texts]


def words(text: str) -> list[str]:
    """The words of a normalised text, white space left out."""
    return [word for word in _segmenter()(text) if word.strip()]


def _segmenter() -> Callable[[str], list[str]]:
    import jieba

    jieba.setLogLevel("WARNING")  # it reports on loading its dictionary otherwise
    cut: Callable[[str], list[str]] = jieba.lcut
    return cut


def _vectorizer(name: str, longest: int) -> TfidfVectorizer:
    common: dict[str, Any] = {"ngram_range": (1, longest), "sublinear_tf": True, "min_df": 2}
    if name == CHARACTERS:
        return TfidfVectorizer(analyzer="char", **common)
    return TfidfVectorizer(tokenizer=words, token_pattern=None, **common)


def _pipeline(vectorizer: TfidfVectorizer, model: Any) -> Pipeline:
    """Put parts together that are fitted already."""
    return Pipeline([("features", vectorizer), ("model", model)])


def _themes(comments: Sequence[Comment], schema: ThemeSchema) -> npt.NDArray[np.int64]:
    return np.array([[int(theme in c.themes) for theme in schema.ids] for c in comments])


def _sentiments(comments: Sequence[Comment]) -> npt.NDArray[np.int64]:
    return np.array([SENTIMENTS.index(c.sentiment) for c in comments])


def _thresholds(gold: npt.NDArray[np.int64], scores: FloatArray) -> list[tuple[float, float]]:
    """For each theme the best F1 and the lowest probability that reaches it."""
    found = []
    for k in range(gold.shape[1]):
        precision, recall, thresholds = precision_recall_curve(gold[:, k], scores[:, k])
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
        best = int(f1[:-1].argmax())
        found.append((float(f1[best]), float(thresholds[best])))
    return found


def main() -> None:
    """Fit both and print what dev decided."""
    (config,) = HfArgumentParser(BaselinesConfig).parse_args_into_dataclasses()
    folder = Path(config.data)
    schema = ThemeSchema.load(folder.parent / "themes.yaml")
    for baseline in fit_baselines(load_comments(folder, "train"), load_comments(folder, "dev"), schema):
        thresholds = ", ".join(f"{i} {t:.3f}" for i, t in zip(schema.ids, baseline.thresholds, strict=True))
        print(f"{baseline.name}: {baseline.chosen}; thresholds {thresholds}")


if __name__ == "__main__":
    main()
