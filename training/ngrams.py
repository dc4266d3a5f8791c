"""A regression on character n-grams beside the encoder, for the sentiment.

    python -m training.ngrams --comments data/feedback --texts real_texts.jsonl --encoder models/encoder

A linear model reads set phrases that a small encoder mistakes, and the other way round: the sum of both logits is right
more often than either, on comments and on posts (training/LOG.md). The regression is fitted alone, by convex
optimisation, and joins the encoder when that has been trained; learnt together, neither is as good as alone. It
travels in the encoder folder as ``ngrams.safetensors``, and ``training.finetune`` puts it into the model.

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
from training.ngram_head import FILE, hash_runs

_RAREST = 3  # texts that a run must stand in


@dataclass
class NgramsConfig:
    """Every setting; each is a command-line flag."""

    comments: str = option("data/feedback", "folder with train, dev and test, of which train is read")
    texts: str = option("", "file of labelled texts, without the share that training.adapt keeps apart; empty: none")
    held_out: float = option(0.25, "that share")
    more_texts: str = option("", "another such file, all of which is read; empty: none")
    encoder: str = option("models/encoder", "encoder folder, for its tokeniser; the n-grams are written into it")
    c: float = option(0.2, "inverse strength of the regularisation")
    share: float = option(0.4, "weight of the n-grams' logits beside the encoder's")
    kept: int = option(40_000, "runs whose weights are kept")
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

    def fit(self, sentiments: Sequence[int], c: float) -> npt.NDArray[np.float64]:
        """Weights (runs, 3) of a multinomial logistic regression on counts times inverse document frequency over the
        root of the length. Its intercept is left out: how frequent each sentiment is, the encoder knows.
        """
        documents = np.bincount(self.counts.indices, minlength=len(self.hashes))
        frequency = np.log((1 + len(self.lengths)) / (1 + documents)) + 1
        features = sparse.diags(1 / np.sqrt(self.lengths)) @ self.counts @ sparse.diags(frequency)
        fitted = LogisticRegression(C=c, max_iter=200).fit(features, sentiments)
        weights: npt.NDArray[np.float64] = fitted.coef_.T * frequency[:, None]
        return weights

    def heaviest(self, weights: npt.NDArray[np.float64], kept: int) -> npt.NDArray[np.int64]:
        """The ``kept`` runs that move the logits of these texts most, in that order."""
        documents = np.bincount(self.counts.indices, minlength=len(self.hashes))
        return np.argsort(-np.abs(weights).max(1) * np.sqrt(documents), kind="stable")[:kept]


def fit_ngrams(comments: Sequence[Comment], encoder: TextEncoder, config: NgramsConfig) -> dict[str, Tensor]:
    """The tensors of ``ngrams.safetensors``: ``hashes`` (kept,) int32, ``weights`` (kept, 3) float16.

    ``InputError`` when a sentiment is missing.
    """
    first = {window.text_index: window.ids for window in reversed(encoder.encode([c.text for c in comments]))}
    sentiments = [SENTIMENTS.index(comments[i].sentiment) for i in first]
    if set(sentiments) != {0, 1, 2}:
        raise InputError(
            "The labelled texts must have all three sentiments: add texts of the one that is missing.",
            "已标注的文本必须三种情感都有：请补上缺少的那一种。",
        )
    runs = Runs.of(list(first.values()))
    weights = runs.fit(sentiments, config.c)
    chosen = runs.heaviest(weights, config.kept)
    return {
        "hashes": torch.from_numpy(runs.hashes[chosen]).int(),
        "weights": torch.from_numpy(config.share * weights[chosen]).half(),
    }


def write_ngrams(config: NgramsConfig) -> str:
    """Fit the regression and write it into the encoder folder; returns a line for the terminal."""
    comments = load_comments(Path(config.comments), "train")
    if config.texts:
        comments += held_out_texts(Path(config.texts), config.held_out)[0]
    if config.more_texts:
        comments += [to_comment(row, i, "more") for i, row in enumerate(read_lines(Path(config.more_texts)))]
    folder = Path(config.encoder)
    tensors = fit_ngrams(comments, TextEncoder(folder / "tokenizer.json", config.max_length), config)
    save_file(tensors, folder / FILE)
    return f"wrote {len(tensors['hashes']):,} n-grams of {len(comments):,} texts to {folder / FILE}"


if __name__ == "__main__":
    raise SystemExit(run_script(NgramsConfig, write_ngrams))
