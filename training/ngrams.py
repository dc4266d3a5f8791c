"""A bag of character n-grams beside the encoder, fitted first and by convex optimisation.

On a few thousand comments a linear model over n-grams knows set phrases that a small encoder has to
learn again; trained together with it by gradient descent it is neither as good as alone nor does it leave
the encoder anything to learn. So it is fitted first, as an ordinary logistic regression on TF-IDF, and the
encoder then learns to correct it. The corrections are learnt from what the n-grams say of comments that
they were **not** fitted on (stacking with cross-fitting, Wolpert 1992,
https://doi.org/10.1016/S0893-6080(05)80023-1): of its own training comments a bag of n-grams is far too sure.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from torch import Tensor, nn
from tqdm import tqdm

LONGEST = 3  # characters in an n-gram
THEME_C, SENTIMENT_C = 32.0, 16.0  # inverse regularisation, chosen on dev (training/LOG.md)
_MIXERS = (1_000_003, 8_191, 131_071)  # multipliers of the hash, one for each place in the n-gram


class NgramHead(nn.Module):
    """Logits of a logistic regression on TF-IDF of characters and hashed runs of two and three.

    Every row of the tables holds the weights of one n-gram times its inverse document frequency and, in
    the last column, that frequency squared: one look-up gives both the sum and the length of the TF-IDF
    vector. Nothing here is trained by gradient descent but ``scale``, how far the sums are believed.
    """

    def __init__(self, vocabulary: int, themes: int, buckets: int) -> None:
        super().__init__()
        self.themes, self.buckets = themes, buckets
        columns = themes + 3 + 1
        self.single = nn.Embedding(vocabulary, columns)
        self.hashed = nn.Embedding(buckets, columns)
        self.bias = nn.Parameter(torch.zeros(themes + 3))
        self.scale = nn.Parameter(torch.tensor([0.7, 0.7]))  # themes, sentiment
        for parameter in (self.single.weight, self.hashed.weight, self.bias):
            nn.init.zeros_(parameter)
            parameter.requires_grad = False

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Unscaled logits (batch, themes + 3) of the n-grams of these inputs."""
        real = attention_mask.unsqueeze(-1).to(self.single.weight.dtype)
        total = (self.single(input_ids) * real).sum(1)
        for size in range(2, LONGEST + 1):
            total = total + (self.hashed(hash_ngrams(input_ids, size, self.buckets)) * real[:, size - 1 :]).sum(1)
        return total[:, :-1] / torch.sqrt(total[:, -1:] + 1e-6) + self.bias

    def scaled(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """What is added to the encoder's logits: themes (batch, themes), sentiment (batch, 3)."""
        return logits[:, : self.themes] * self.scale[0], logits[:, self.themes :] * self.scale[1]


def hash_ngrams(input_ids: Tensor, size: int, buckets: int) -> Tensor:
    """The bucket of each run of ``size`` tokens; (batch, length - size + 1) int64."""
    length = input_ids.shape[1] - size + 1
    mixed = input_ids[:, :length] * _MIXERS[0]
    for place in range(1, size):
        mixed = mixed + input_ids[:, place : place + length] * _MIXERS[place] * size
    return mixed % buckets


class NgramCounts:
    """TF-IDF features of tokenised comments, with columns as the head looks them up."""

    def __init__(self, ids: Sequence[Sequence[int]], vocabulary: int, buckets: int) -> None:
        self.vocabulary, self.buckets = vocabulary, buckets
        self.counts = self._count(ids)

    def _count(self, ids: Sequence[Sequence[int]]) -> sparse.csr_matrix:
        rows, columns = [], []
        for row, tokens in enumerate(ids):
            line = torch.tensor([tokens])
            found = [np.asarray(tokens)]
            for size in range(2, min(LONGEST, len(tokens)) + 1):
                found.append(self.vocabulary + hash_ngrams(line, size, self.buckets)[0].numpy())
            columns.append(np.concatenate(found))
            rows.append(np.full(len(columns[-1]), row))
        shape = (len(ids), self.vocabulary + self.buckets)
        index = (np.concatenate(rows), np.concatenate(columns))
        return sparse.coo_matrix((np.ones(len(index[0])), index), shape).tocsr()  # repeated places are summed

    def weights(self, chosen: np.ndarray) -> np.ndarray:
        """Inverse document frequencies over the chosen rows; what stands in only one of them gets 0."""
        part = self.counts[chosen]
        documents = np.bincount(part.indices, minlength=part.shape[1])
        idf = np.log((1 + part.shape[0]) / (1 + documents)) + 1
        return np.where(documents > 1, idf, 0.0)

    def features(self, idf: np.ndarray) -> sparse.csr_matrix:
        """All rows, weighted, each divided by the root of its sum of count times squared frequency."""
        norm = np.sqrt(self.counts @ (idf**2) + 1e-6)
        return sparse.diags(1 / norm) @ self.counts @ sparse.diags(idf)


def fit_ngrams(
    head: NgramHead,
    ids: Sequence[Sequence[int]],
    themes: np.ndarray,
    sentiment: np.ndarray,
    groups: Sequence[str],
    folds: int,
) -> np.ndarray:
    """Fill the tables of ``head`` and return honest logits for the same comments.

    ``themes`` (comments, themes) of 0 and 1, ``sentiment`` (comments,) class numbers; comments of one
    group (an author's file) are never on both sides of a fold. Returns (comments, themes + 3): for each
    comment the logits of a regression that was fitted without its group.
    """
    counts = NgramCounts(ids, head.single.num_embeddings, head.buckets)
    everything = np.arange(len(ids))
    honest = np.zeros((len(ids), themes.shape[1] + 3))
    folds = min(folds, len(set(groups)))
    splits = list(GroupKFold(folds).split(everything, groups=groups)) if folds > 1 else []
    with tqdm(total=len(splits) + 1, desc="n-grams", unit="fit") as bar:
        for inside, outside in splits:
            weights, bias, idf = _fit(counts, inside, themes, sentiment)
            honest[outside] = counts.features(idf)[outside] @ weights + bias
            bar.update()
        weights, bias, idf = _fit(counts, everything, themes, sentiment)
        bar.update()
    table = np.concatenate([weights * idf[:, None], idf[:, None] ** 2], axis=1)
    with torch.no_grad():
        head.single.weight.copy_(torch.from_numpy(table[: counts.vocabulary]))
        head.hashed.weight.copy_(torch.from_numpy(table[counts.vocabulary :]))
        head.bias.copy_(torch.from_numpy(bias))
    return honest


def _fit(
    counts: NgramCounts, rows: np.ndarray, themes: np.ndarray, sentiment: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights (features, themes + 3), bias (themes + 3,) and frequencies (features,) from these rows."""
    idf = counts.weights(rows)
    x = counts.features(idf)[rows]
    weights, bias = [], []
    for theme in themes.T:
        if len(set(theme[rows])) < 2:  # a theme that nobody or everybody has: the encoder alone decides
            weights.append(np.zeros(x.shape[1]))
            bias.append(0.0)
            continue
        fitted = LogisticRegression(C=THEME_C, max_iter=200).fit(x, theme[rows])
        weights.append(fitted.coef_[0])
        bias.append(float(fitted.intercept_[0]))
    tone = LogisticRegression(C=SENTIMENT_C, max_iter=200).fit(x, sentiment[rows])
    wide, wide_bias = np.zeros((3, x.shape[1])), np.full(3, 0.0)
    if len(tone.classes_) > 2:
        wide[tone.classes_], wide_bias[tone.classes_] = tone.coef_, tone.intercept_
    return np.array([*weights, *wide]).T, np.array([*bias, *wide_bias]), idf
