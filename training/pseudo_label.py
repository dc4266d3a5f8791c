"""Guess the sentiment of texts that nobody has labelled, for ``training.adapt`` to learn from.

    python -m training.pseudo_label --unlabelled posts.txt --texts real_texts.jsonl --output guessed.jsonl
    python -m training.adapt --comments data/feedback --texts real_texts.jsonl --guessed guessed.jsonl

Two that err differently guess together: an encoder with heads, and a logistic regression on the character n-grams of
the labelled texts, which reads posts about as well. The guess is the weighted geometric mean of their probabilities.
What an encoder learns from it (distillation, Hinton et al. 2015, https://arxiv.org/abs/1503.02531) it can then say
alone. Texts that are labelled, or kept apart for measuring, are left out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import log_softmax, softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from tqdm import tqdm

from fbclass.encode import TextEncoder
from fbclass.errors import InputError, ModelError
from fbclass.results import SENTIMENTS
from fbclass.schema import ThemeSchema
from fbclass.text import normalize
from training.adapt import held_out_texts, read_lines, to_comment
from training.config import option, run_script
from training.data import Comment
from training.features import batches, build_features
from training.heads import FILE as HEADS
from training.heads import load_heads
from training.loop import has_bfloat16
from training.model import FeedbackModel

FloatArray = npt.NDArray[np.float64]


@dataclass
class PseudoLabelConfig:
    """Every setting; each is a command-line flag."""

    unlabelled: str = option("", "file of texts without labels, one a line")
    output: str = option("guessed.jsonl", "file to write: lines with text and the probability of each sentiment")
    texts: str = option("", "labelled texts for the n-grams, without the share that training.adapt keeps apart")
    held_out: float = option(0.25, "that share")
    more_texts: str = option("", "labelled texts for the n-grams, all of them; empty: none")
    encoder: str = option("models/encoder", "encoder folder with heads")
    schema: str = option("data/themes.yaml", "theme schema")
    ngram_share: float = option(0.6, "weight of the n-grams' guess, from 0 to 1; the rest is the encoder's")
    max_length: int = option(512, "tokens of a text that are read")


def guess_by_ngrams(labelled: Sequence[Comment], texts: Sequence[str]) -> FloatArray:
    """Log-probabilities (texts, 3) by logistic regression on TF-IDF of one to four characters."""
    model = make_pipeline(
        TfidfVectorizer(analyzer="char", ngram_range=(1, 4), min_df=3, sublinear_tf=True),
        LogisticRegression(C=10.0, max_iter=200),
    )
    sentiments = [SENTIMENTS.index(comment.sentiment) for comment in labelled]
    if set(sentiments) != {0, 1, 2}:
        raise InputError(
            "The labelled texts must have all three sentiments: add texts of the one that is missing.",
            "已标注的文本必须三种情感都有：请补上缺少的那一种。",
        )
    model.fit([normalize(comment.text).text for comment in labelled], sentiments)
    guessed: FloatArray = model.predict_log_proba([normalize(text).text for text in texts])
    return guessed


def new_texts(lines: Sequence[str], known: Sequence[str]) -> list[str]:
    """The lines that say something, each once, without those that are the same as a known text once normalised."""
    seen = {normalize(text).text for text in known} | {""}
    new: dict[str, str] = {}
    for line in lines:
        new.setdefault(normalize(line).text, line)
    return [line for text, line in new.items() if text not in seen]


def guess_by_encoder(config: PseudoLabelConfig, texts: Sequence[str]) -> FloatArray:
    """Log-probabilities (texts, 3) by the encoder and its heads; a text without a token gets equal chances."""
    schema = ThemeSchema.load(config.schema)
    folder = Path(config.encoder)
    model = FeedbackModel.from_encoder(folder, len(schema.ids)).eval()
    load_heads(model, schema.ids, folder)
    if not (folder / HEADS).exists():
        raise ModelError(
            f"{folder} has no heads that guess: name an encoder that training.adapt has written.",
            f"{folder} 没有可以用来猜测的输出层：请指定由 training.adapt 写出的编码器。",
        )
    rows = [to_comment({"text": text, "sentiment": "neutral"}, i, "text") for i, text in enumerate(texts)]
    features = build_features(rows, TextEncoder(folder / "tokenizer.json", config.max_length), schema.ids)
    logits = []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
        for batch in tqdm(batches(features, 32, None), total=-(-len(features) // 32), desc="guess", unit="batch"):
            logits.append(model(batch.input_ids, batch.attention_mask).sentiment.float().numpy())
    guessed = np.full((len(texts), 3), -np.log(3))
    kept = np.array([int(name.rpartition("-")[2]) for name in features["id"]], dtype=np.int64)
    # Batches come in the order of length.
    order = np.argsort([len(ids) for ids in features["input_ids"]], kind="stable")
    guessed[kept[order]] = log_softmax(np.concatenate(logits), axis=1)
    return guessed


def pseudo_label(config: PseudoLabelConfig) -> str:
    """Write the guesses; returns a line for the terminal. ``InputError`` when there is no text to guess or the labelled
    texts lack a sentiment, ``ModelError`` when the encoder has no heads.
    """
    for flag in ("unlabelled", "texts"):
        if not getattr(config, flag):
            raise InputError(f"No file was named: give it after --{flag}.", f"没有指定文件：请写在 --{flag} 后面。")
    labelled, apart = held_out_texts(Path(config.texts), config.held_out)
    if config.more_texts:
        labelled += [to_comment(row, i, "more") for i, row in enumerate(read_lines(Path(config.more_texts)))]
    lines = Path(config.unlabelled).read_text(encoding="utf-8").split("\n")
    texts = new_texts(lines, [comment.text for comment in (*labelled, *apart)])
    if not texts:
        raise InputError(
            f"{config.unlabelled} has no text that is not among the labelled ones: give it texts without labels.",
            f"{config.unlabelled} 里没有未标注过的文本：请放入没有标注的文本，每行一条。",
        )
    share = config.ngram_share
    both = share * guess_by_ngrams(labelled, texts) + (1 - share) * guess_by_encoder(config, texts)
    with Path(config.output).open("w", encoding="utf-8") as file:
        for text, guess in zip(texts, softmax(both, axis=1), strict=True):
            chances = {name: round(float(p), 4) for name, p in zip(SENTIMENTS, guess, strict=True)}
            file.write(json.dumps({"text": text, "sentiment": chances}, ensure_ascii=False) + "\n")
    return f"wrote {len(texts):,} guesses to {config.output}"


if __name__ == "__main__":
    raise SystemExit(run_script(PseudoLabelConfig, pseudo_label))
