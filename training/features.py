"""Labelled comments as the tensors that fine-tuning takes.

Texts go through the encoder that serving uses, so training and serving cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from datasets import Dataset
from torch import Tensor

from fbclass.encode import TextEncoder
from fbclass.results import SENTIMENTS
from training.data import Comment, to_dataset

_DTYPES = {
    "input_ids": np.int64,
    "theme_labels": np.float32,
    "sentiment_target": np.float32,
    "evidence_labels": np.float32,
    "about_labels": np.float32,
}
UNKNOWN = -1.0  # a label that nobody has given: neither yes nor no


@dataclass(frozen=True, slots=True)
class Batch:
    """``input_ids``, ``attention_mask`` (batch, length) int64; ``themes`` (batch, themes) and
    ``evidence`` (batch, length, themes), ``about`` (batch, length) float32 of 0, 1 and ``UNKNOWN``;
    ``sentiment`` (batch, 3) float32, the probability of each, or 0 for all of them: unknown.
    """

    input_ids: Tensor
    attention_mask: Tensor
    themes: Tensor
    sentiment: Tensor
    evidence: Tensor
    about: Tensor


def build_features(comments: Sequence[Comment], encoder: TextEncoder, themes: Sequence[str]) -> Dataset:
    """Tokenise; one row per comment that has a token, reading its first window only.

    The window is as long as the longest authored comment, so nothing is lost in practice; what is
    longer is read whole when serving.
    """

    def encode(row: dict[str, Any]) -> dict[str, Any]:
        windows = encoder.encode([row["text"]])
        if not windows:
            return {
                "input_ids": [],
                "theme_labels": [],
                "sentiment_target": [0.0] * len(SENTIMENTS),
                "evidence_labels": [],
                "about_labels": [],
            }
        spans = windows[0].spans
        evidence = [
            overlaps(spans, [(e["start"], e["end"]) for e in row["evidence"] if e["theme"] == theme])
            for theme in themes
        ]
        return {
            "input_ids": windows[0].ids.tolist(),
            "theme_labels": [float(theme in row["themes"]) for theme in themes],
            "sentiment_target": [float(row["sentiment"] == sentiment) for sentiment in SENTIMENTS],
            "evidence_labels": np.stack(evidence, axis=1).tolist(),
            "about_labels": overlaps(spans, [(a["start"], a["end"]) for a in row["about"]]).tolist(),
        }

    rows = to_dataset(comments).map(encode, desc="tokenise", keep_in_memory=True)
    return rows.filter(lambda ids: len(ids) > 0, input_columns="input_ids", keep_in_memory=True)


def forget_parties(features: Dataset) -> Dataset:
    """The same rows with every party ``UNKNOWN``."""

    def forget(row: dict[str, Any]) -> dict[str, Any]:
        return {"about_labels": [UNKNOWN] * len(row["input_ids"])}

    return features.map(forget, desc="without parties", keep_in_memory=True)


def only_sentiment(features: Dataset) -> Dataset:
    """The same rows with every label but the sentiment ``UNKNOWN``."""

    def forget(row: dict[str, Any]) -> dict[str, Any]:
        return {
            "theme_labels": [UNKNOWN] * len(row["theme_labels"]),
            "evidence_labels": [[UNKNOWN] * len(row["theme_labels"])] * len(row["input_ids"]),
        }

    return forget_parties(features.map(forget, desc="sentiment only", keep_in_memory=True))


def overlaps(spans: np.ndarray, marked: list[tuple[int, int]]) -> np.ndarray:
    """1.0 for each token span (length, 2) that shares a character with a marked span; (length,)."""
    labels = np.zeros(len(spans))
    for start, end in marked:
        labels[(spans[:, 0] < end) & (spans[:, 1] > start)] = 1.0
    return labels


def batches(features: Dataset, size: int, rng: np.random.Generator | None) -> Iterator[Batch]:
    """Batches of comments of like length; shuffled when ``rng`` is given.

    Comments are shuffled, sorted by length within stretches of 16 batches, cut, and the batches
    shuffled again: a fifth of the padding of a plain shuffle, and hardly less random.
    """
    # Once for all batches, as arrays: from nested lists a batch takes twice as long to make (training/LOG.md).
    rows = {name: [np.asarray(v, _DTYPES[name]) for v in column] for name, column in _columns(features).items()}
    lengths = np.array([len(ids) for ids in rows["input_ids"]])
    order = np.argsort(lengths, kind="stable") if rng is None else rng.permutation(len(lengths))
    stretch = len(order) if rng is None else 16 * size
    cut = [
        part[start : start + size]
        for first in range(0, len(order), stretch)
        for part in [sorted(order[first : first + stretch], key=lambda i: lengths[i])]
        for start in range(0, len(part), size)
    ]
    if rng is not None:
        rng.shuffle(cut)  # type: ignore[arg-type]  # a list of lists of unlike length
    for group in cut:
        yield _collate({name: [rows[name][i] for i in group] for name in rows})


def _columns(features: Dataset) -> dict[str, list[Any]]:
    plain = features.with_format(None)
    return {name: plain[name][:] for name in _DTYPES}


def _collate(rows: dict[str, list[npt.NDArray[Any]]]) -> Batch:
    length = max(map(len, rows["input_ids"]))

    def pad(name: str) -> Tensor:
        return torch.nn.utils.rnn.pad_sequence([torch.from_numpy(row) for row in rows[name]], batch_first=True)

    def stack(name: str) -> Tensor:
        return torch.from_numpy(np.stack(rows[name]))

    return Batch(
        input_ids=pad("input_ids"),
        attention_mask=(torch.arange(length) < torch.tensor([[len(i)] for i in rows["input_ids"]])).long(),
        themes=stack("theme_labels"),
        sentiment=stack("sentiment_target"),
        evidence=pad("evidence_labels"),
        about=pad("about_labels"),
    )
