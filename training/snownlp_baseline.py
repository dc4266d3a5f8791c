"""SnowNLP's ready-made sentiment beside the model: what is to be had without any labelled comment.

SnowNLP (https://github.com/isnowfy/snownlp) gives the probability that a text is a favourable review, by a
naive Bayes classifier of its words that was fitted on reviews of goods. It is not trained here. It has no
neutral: two cuts in its score, fitted on dev, make the three labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
import numpy.typing as npt
from sklearn.metrics import f1_score

from fbclass.results import SENTIMENTS, Prediction, Sentiment
from fbclass.schema import ThemeSchema
from fbclass.text import normalize
from training.data import Comment

FloatArray = npt.NDArray[np.float64]
SNOWNLP = "SnowNLP"
_CUTS = 40  # places to cut: so many quantiles of the scores on dev


@dataclass(frozen=True, slots=True)
class SnowBaseline:
    """Negative under ``low``, positive over ``high``, neutral between; ``chosen`` says what dev decided."""

    schema: ThemeSchema
    low: float
    high: float
    chosen: str
    name: str = SNOWNLP

    def classify(self, texts: Sequence[str]) -> list[Prediction]:
        """As many predictions as texts, in order, with a sentiment and nothing else.

        No theme is ever given, and the label has probability 1: figures of themes, evidence, review and
        calibration mean nothing for it.
        """
        found = labels(favour(texts), self.low, self.high)
        return [self._prediction(text, int(k)) for text, k in zip(texts, found, strict=True)]

    def _prediction(self, text: str, label: int) -> Prediction:
        return Prediction(
            id=None,
            text=text,
            themes=(),
            sentiment=Sentiment(SENTIMENTS[label], {s: float(k == label) for k, s in enumerate(SENTIMENTS)}),
            about=(),
            scores=dict.fromkeys(self.schema.ids, 0.0),
            needs_review=False,
            truncated=False,
            model=self.name,
        )


def fit_snownlp(dev: Sequence[Comment], schema: ThemeSchema) -> SnowBaseline:
    """The two cuts with the best macro-F1 on dev."""
    scores = favour([c.text for c in dev])
    gold = [SENTIMENTS.index(c.sentiment) for c in dev]
    cuts = np.unique(np.quantile(scores, np.linspace(0, 1, _CUTS + 1)))

    def score(low: float, high: float) -> float:
        return float(f1_score(gold, labels(scores, low, high), average="macro", zero_division=0.0))

    best, low, high = max((score(low, high), low, high) for low, high in combinations_with_replacement(cuts, 2))
    chosen = f"negative under {low:.3f}, positive over {high:.3f} (dev macro-F1 {best:.3f})"
    return SnowBaseline(schema, float(low), float(high), chosen)


def labels(scores: FloatArray, low: float, high: float) -> npt.NDArray[np.int64]:
    """(rows,) indices into SENTIMENTS from (rows,) scores."""
    return np.where(scores < low, 0, np.where(scores > high, 2, 1))


def favour(texts: Sequence[str]) -> FloatArray:
    """(texts,) SnowNLP's probability that each, normalised as the model's texts are, is favourable."""
    from snownlp import sentiment  # reads 15 MB of counts

    return np.array([sentiment.classify(normalize(text).text) for text in texts], float)
