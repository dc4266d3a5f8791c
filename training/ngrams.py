"""Regressions on character n-grams beside the encoder, for the sentiment.

    python -m training.ngrams --comments data/feedback --texts real_texts.jsonl --encoder models/encoder

A linear model reads set phrases that a small encoder mistakes, and the other way round: the sum of both logits is right
more often than either. What speaks for praise in a comment written for a survey and in a post on a forum differs, so
each kind has a regression of its own, and a third says which of the two a text is like: a mixture of experts with a
gate (Jacobs et al. 1991, https://doi.org/10.1162/neco.1991.3.1.79), better than one regression on all
(training/LOG.md). All are fitted alone, by convex optimisation, and join the encoder when that has been trained: an
encoder that learns beside them leaves to them what they know of the comments by heart. They travel in the encoder
folder as ``ngrams.safetensors``, and ``training.finetune`` puts them into the model.

A *run* is one to four tokens that follow each other, a token being about a character. Weights are kept for the runs
that matter most, each under its hash, so that other runs weigh nothing (unlike feature hashing, Weinberger et al. 2009,
https://arxiv.org/abs/0902.2206, where all that share a place share a weight).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from fbclass.encode import TextEncoder
from fbclass.errors import InputError, ModelError
from fbclass.results import SENTIMENTS
from training.adapt import held_out_texts, read_lines, to_comment
from training.config import option, run_script
from training.data import Comment, check_sentiments, load_comments
from training.ngram_head import COLUMNS, COMMENT, FILE, KIND, POST, NgramHead, hash_runs, save_ngrams

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
    inverse_regularisation: float = option(0.8, "C of the logistic regressions")
    comment_share: float = option(0.8, "weight of the logits for comments beside the encoder's")
    post_share: float = option(0.6, "weight of the logits for posts")
    places: int = option(80_000, "places of the table; two thirds of them will hold a run")
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

    def fit(
        self, rows: Sequence[int], labels: Sequence[int], inverse_regularisation: float
    ) -> tuple[FloatArray, FloatArray]:
        """Weights (runs, classes) and intercepts (classes,) of a logistic regression fitted on these rows; of two
        classes, those of the second alone (runs, 1).

        The features are counts times inverse document frequency over the root of the length.
        """
        counts = self.counts[rows]
        documents = np.bincount(counts.indices, minlength=len(self.hashes))
        # What these rows lack would get the largest of all, and a weight of 0 all the same.
        idf = np.log((1 + len(rows)) / (1 + documents)) + 1
        features = sparse.diags(1 / np.sqrt(self.lengths[rows])) @ counts @ sparse.diags(idf)
        fitted = LogisticRegression(C=inverse_regularisation, max_iter=200).fit(features, labels)
        return fitted.coef_.T * idf[:, None], fitted.intercept_

    def table(self, weights: FloatArray, bias: FloatArray, places: int) -> NgramHead:
        """The head with these ``weights`` (runs, 7) and ``bias`` (7,).

        Of the runs that meet in one place the heaviest stays: the one with the largest weight times the root of the
        number of texts it stands in, of as many runs as there are places. So a third of the places stay empty.
        """
        documents = np.bincount(self.counts.indices, minlength=len(self.hashes))
        order = np.argsort(-np.abs(weights).max(1) * np.sqrt(documents), kind="stable")[:places]
        place, first = np.unique(self.hashes[order] % places, return_index=True)
        head = NgramHead(places)
        head.keys[place] = torch.from_numpy(self.hashes[order[first]]).int()
        head.weights[place] = torch.from_numpy(weights[order[first]]).float()
        head.bias.copy_(torch.from_numpy(bias))
        return head


def fit_ngrams(
    comments: Sequence[Comment], posts: Sequence[Comment], encoder: TextEncoder, config: NgramsConfig
) -> NgramHead:
    """The three regressions as one table. Without posts every text is read as a comment.

    ``InputError`` when a sentiment is missing.
    """
    texts = [*comments, *posts]
    first = {window.text_index: window.ids for window in reversed(encoder.encode([text.text for text in texts]))}
    runs = Runs.of(list(first.values()))
    is_post = np.array([index >= len(comments) for index in first])
    sentiments = [texts[index].sentiment for index in first]
    weights, bias = np.zeros((len(runs.hashes), COLUMNS)), np.zeros(COLUMNS)

    def fit_sentiment(columns: slice, chosen: npt.NDArray[np.bool_], share: float, kind: tuple[str, str]) -> FloatArray:
        rows = np.flatnonzero(chosen)
        labels = [sentiments[row] for row in rows]
        if missing := [s for s in SENTIMENTS if s not in labels]:
            raise InputError(
                f"Of the {kind[0]} none is {' or '.join(missing)}: all three sentiments must be there, add some.",
                f"{kind[1]}里没有 {'、'.join(missing)} 的：三种情感都要有，请补上。",
            )
        numbers = [SENTIMENTS.index(label) for label in labels]
        fitted, intercept = runs.fit(rows, numbers, config.inverse_regularisation)
        weights[:, columns] = share * fitted
        return share * intercept

    # How frequent each sentiment is among comments, the encoder knows well; among posts less, so these bring theirs.
    fit_sentiment(COMMENT, ~is_post, config.comment_share, ("comments", "意见"))
    bias[KIND] = _NEVER
    if posts:
        bias[POST] = fit_sentiment(POST, is_post, config.post_share, ("posts", "帖子"))
        weights[:, KIND], bias[KIND] = runs.fit(range(len(is_post)), is_post, config.inverse_regularisation)
    return runs.table(weights, bias, config.places)


def write_ngrams(config: NgramsConfig) -> str:
    """Fit the regressions and write them into the encoder folder; returns a line for the terminal. ``InputError`` when
    the texts, ``ModelError`` when the folder do not allow it.
    """
    folder = Path(config.encoder)
    if not (folder / "tokenizer.json").is_file():
        raise ModelError(
            f"{folder} has no tokenizer.json: name an encoder folder after --encoder.",
            f"{folder} 里没有 tokenizer.json：请在 --encoder 后面指定编码器文件夹。",
        )
    comments = load_comments(Path(config.comments), "train")
    posts = held_out_texts(Path(config.texts), config.held_out)[0] if config.texts else []
    if config.more_texts:
        posts += [to_comment(row, i, "more") for i, row in enumerate(read_lines(Path(config.more_texts)))]
    check_sentiments([*comments, *posts])
    head = fit_ngrams(comments, posts, TextEncoder(folder / "tokenizer.json", config.max_length), config)
    settings = {name: value for name, value in asdict(config).items() if name != "encoder"}
    settings |= {name: Path(settings[name]).name for name in ("comments", "texts", "more_texts")}
    save_ngrams(head, folder, settings | {"examples": len(comments) + len(posts)})
    number = int((head.keys > 0).sum())
    return f"wrote {number:,} n-grams of {len(comments):,} comments and {len(posts):,} posts to {folder / FILE}"


if __name__ == "__main__":
    raise SystemExit(run_script(NgramsConfig, write_ngrams))
