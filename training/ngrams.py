"""Regressions on character n-grams beside the encoder, for the sentiment.

    python -m training.ngrams --comments data/feedback --texts real_texts.jsonl --encoder models/encoder

A linear model reads set phrases that a small encoder mistakes, and the other way round: the sum of both logits is right
more often than either. What speaks for praise in a comment written for a survey and in a post on a forum differs, so
each kind has a regression of its own, and a third says which of the two a text is like: a mixture of experts with a
gate (Jacobs et al. 1991, https://doi.org/10.1162/neco.1991.3.1.79), better on both kinds than one regression on all
(training/LOG.md). All are fitted alone, by convex optimisation, and join the encoder when that has been trained; learnt
together, neither is as good as alone. They travel in the encoder folder as ``ngrams.safetensors``, and
``training.finetune`` puts them into the model.

A *run* is one to four tokens that follow each other, a token being about a character. Weights are kept for the runs
that matter most, each under its hash, so that other runs weigh nothing (unlike feature hashing, Weinberger et al. 2009,
https://arxiv.org/abs/0902.2206, where all that share a place share a weight).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from fbclass.encode import TextEncoder
from fbclass.errors import InputError
from fbclass.results import SENTIMENTS
from training.adapt import held_out_texts, read_lines, to_comment
from training.config import option, run_script
from training.data import Comment, load_comments
from training.ngram_head import COLUMNS, FILE, hash_runs

FloatArray = npt.NDArray[np.float64]

_RAREST = 3  # texts that a run must stand in
_NEVER = -30.0  # logit of being a post where none was given


@dataclass
class NgramsConfig:
    """Every setting; each is a command-line flag."""

    comments: str = option("data/feedback", "folder with train, dev and test, of which train is read")
    texts: str = option("", "file of labelled posts, without the share that training.adapt keeps apart; empty: none")
    held_out: float = option(0.25, "that share")
    more_texts: str = option("", "another such file, all of which is read; empty: none")
    encoder: str = option("models/encoder", "encoder folder, for its tokeniser; the n-grams are written into it")
    c: float = option(0.4, "inverse strength of the regularisation")
    share: float = option(0.6, "weight of the logits for comments beside the encoder's")
    post_share: float = option(0.6, "weight of the logits for posts")
    kept: int = option(80_000, "runs whose weights are kept")
    max_length: int = option(512, "tokens of a text that are read")


@dataclass(frozen=True, slots=True)
class Runs:
    """How often each run stands in each text: ``counts`` (texts, runs), ``hashes`` (runs,), ``lengths`` (texts,) in
    tokens.
    """

    counts: sparse.csr_matrix
    hashes: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]

    @classmethod
    def of(cls, ids: Sequence[npt.NDArray[np.int64]]) -> Runs:
        """Count the runs of tokenised texts that stand in ``_RAREST`` of them or more."""
        found = [hash_runs(torch.from_numpy(each)[None])[0].numpy() for each in ids]
        hashes, columns = np.unique(np.concatenate(found), return_inverse=True)
        rows = np.repeat(np.arange(len(ids)), [len(each) for each in found])
        counts = sparse.coo_matrix((np.ones(len(rows)), (rows, columns)), (len(ids), len(hashes))).tocsr()
        often = np.bincount(counts.indices, minlength=len(hashes)) >= _RAREST
        return cls(counts[:, often], hashes[often], np.array([len(each) for each in ids]))

    def fit(self, rows: Sequence[int], labels: Sequence[int], c: float) -> tuple[FloatArray, FloatArray]:
        """Weights (runs, classes) and intercepts (classes,) of a logistic regression fitted on these rows; of two
        classes, those of the second alone (runs, 1).

        The features are counts times inverse document frequency over the root of the length.
        """
        counts = self.counts[rows]
        documents = np.bincount(counts.indices, minlength=len(self.hashes))
        # What these rows lack would get the largest frequency, and a weight of 0 all the same.
        frequency = np.log((1 + len(rows)) / (1 + documents)) + 1
        features = sparse.diags(1 / np.sqrt(self.lengths[rows])) @ counts @ sparse.diags(frequency)
        fitted = LogisticRegression(C=c, max_iter=200).fit(features, labels)
        return fitted.coef_.T * frequency[:, None], fitted.intercept_

    def heaviest(self, weights: FloatArray, kept: int) -> npt.NDArray[np.int64]:
        """The ``kept`` runs that move the logits of all texts most, in that order; ``weights`` (runs, columns)."""
        documents = np.bincount(self.counts.indices, minlength=len(self.hashes))
        return np.argsort(-np.abs(weights).max(1) * np.sqrt(documents), kind="stable")[:kept]


def fit_ngrams(
    comments: Sequence[Comment], posts: Sequence[Comment], encoder: TextEncoder, config: NgramsConfig
) -> dict[str, Tensor]:
    """The tensors of ``ngrams.safetensors``: ``hashes`` (kept,) int32, ``weights`` (kept, 7) float16 and ``bias`` (7,),
    as ``NgramHead`` has them. Without posts every text is read as a comment.

    ``InputError`` when a sentiment is missing.
    """
    texts = [*comments, *posts]
    first = {window.text_index: window.ids for window in reversed(encoder.encode([text.text for text in texts]))}
    runs = Runs.of(list(first.values()))
    post = np.array([index >= len(comments) for index in first])
    sentiment = np.array([SENTIMENTS.index(texts[index].sentiment) for index in first])
    size = len(SENTIMENTS)
    weights, bias = np.zeros((len(runs.hashes), COLUMNS)), np.zeros(COLUMNS)
    for column, rows, share in ((0, ~post, config.share), (size, post, config.post_share)):
        if column and not posts:
            bias[-1] = _NEVER
            continue
        if set(sentiment[rows]) != {0, 1, 2}:
            raise InputError(
                "The labelled texts must have all three sentiments: add texts of the one that is missing.",
                "已标注的文本必须三种情感都有：请补上缺少的那一种。",
            )
        fitted, intercept = runs.fit(np.flatnonzero(rows), sentiment[rows], config.c)
        weights[:, column : column + size] = share * fitted
        if column:  # how frequent each sentiment is among comments, the encoder knows; among posts, less well
            bias[column : column + size] = share * intercept
    if posts:
        weights[:, -1:], bias[-1:] = runs.fit(range(len(post)), post, config.c)
    chosen = runs.heaviest(weights, config.kept)
    return {
        "hashes": torch.from_numpy(runs.hashes[chosen]).int(),
        "weights": torch.from_numpy(weights[chosen]).half(),
        "bias": torch.from_numpy(bias).float(),
    }


def write_ngrams(config: NgramsConfig) -> str:
    """Fit the regressions and write them into the encoder folder; returns a line for the terminal."""
    comments = load_comments(Path(config.comments), "train")
    posts = held_out_texts(Path(config.texts), config.held_out)[0] if config.texts else []
    if config.more_texts:
        posts += [to_comment(row, i, "more") for i, row in enumerate(read_lines(Path(config.more_texts)))]
    folder = Path(config.encoder)
    tensors = fit_ngrams(comments, posts, TextEncoder(folder / "tokenizer.json", config.max_length), config)
    save_file(tensors, folder / FILE)
    return f"wrote {len(tensors['hashes']):,} n-grams of {len(comments) + len(posts):,} texts to {folder / FILE}"


if __name__ == "__main__":
    raise SystemExit(run_script(NgramsConfig, write_ngrams))
