"""The bag of n-grams: a logistic regression that the torch module repeats exactly."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from training.ngrams import NgramCounts, NgramHead, fit_ngrams, hash_ngrams

VOCABULARY, BUCKETS = 40, 4096


@pytest.fixture(scope="module")
def comments() -> tuple[list[list[int]], np.ndarray, np.ndarray, list[str]]:
    """200 random token lists; token 7 means theme 0, the pair 8, 9 theme 1, and 10, 11, 12 the three sentiments."""
    rng = np.random.default_rng(3)
    ids, themes, sentiment = [], [], []
    for number in range(200):
        tokens = rng.integers(13, VOCABULARY, rng.integers(5, 20)).tolist()
        first, second, tone = number % 2, number // 2 % 2, number % 3
        tokens += [7] * first + ([8, 9] if second else [9, 8]) + [10 + tone]
        ids.append([2, *tokens, 3])
        themes.append([float(first), float(second)])
        sentiment.append(tone)
    return ids, np.array(themes), np.array(sentiment), [f"file{i // 50}" for i in range(200)]


@pytest.fixture(scope="module")
def fitted(comments: tuple[list[list[int]], np.ndarray, np.ndarray, list[str]]) -> tuple[NgramHead, np.ndarray]:
    head = NgramHead(VOCABULARY, 2, BUCKETS)
    return head, fit_ngrams(head, *comments, folds=4)


def ask(head: NgramHead, tokens: list[int], padding: int = 0) -> np.ndarray:
    row = torch.tensor([tokens + [0] * padding])
    mask = torch.tensor([[1] * len(tokens) + [0] * padding])
    with torch.inference_mode():
        logits: np.ndarray = head(row, mask)[0].numpy()
    return logits


def test_the_module_computes_the_regression(
    comments: tuple[list[list[int]], np.ndarray, np.ndarray, list[str]], fitted: tuple[NgramHead, np.ndarray]
) -> None:
    """Against the same sum done feature by feature with the sparse matrix."""
    head, _ = fitted
    counts = NgramCounts(comments[0], VOCABULARY, BUCKETS)
    idf = counts.weights(np.arange(200))
    table = np.concatenate([head.single.weight.numpy(), head.hashed.weight.numpy()])
    weights = np.divide(table[:, :-1], idf[:, None], out=np.zeros_like(table[:, :-1]), where=idf[:, None] > 0)
    expected = counts.features(idf) @ weights + head.bias.numpy()
    for row in (0, 57, 199):
        assert np.abs(ask(head, comments[0][row]) - expected[row]).max() < 1e-3


def test_honest_logits_generalise_and_are_less_sure(
    comments: tuple[list[list[int]], np.ndarray, np.ndarray, list[str]], fitted: tuple[NgramHead, np.ndarray]
) -> None:
    ids, themes, sentiment, _ = comments
    head, honest = fitted
    assert ((honest[:, :2] > 0) == themes).mean() > 0.95
    assert (honest[:, 2:].argmax(1) == sentiment).mean() > 0.95
    seen = np.array([ask(head, tokens) for tokens in ids])
    assert np.abs(honest[:, :2]).mean() < np.abs(seen[:, :2]).mean()


def test_padding_changes_nothing(
    comments: tuple[list[list[int]], np.ndarray, np.ndarray, list[str]], fitted: tuple[NgramHead, np.ndarray]
) -> None:
    head, _ = fitted
    assert np.allclose(ask(head, comments[0][5]), ask(head, comments[0][5], padding=9), atol=1e-5)


def test_order_counts_in_an_ngram() -> None:
    forward, backward = torch.tensor([[5, 6, 7]]), torch.tensor([[7, 6, 5]])
    assert hash_ngrams(forward, 3, BUCKETS) != hash_ngrams(backward, 3, BUCKETS)
    assert hash_ngrams(forward, 2, BUCKETS).shape == (1, 2)


def test_a_theme_that_nobody_has_is_left_to_the_encoder(
    comments: tuple[list[list[int]], np.ndarray, np.ndarray, list[str]],
) -> None:
    ids, themes, sentiment, groups = comments
    head = NgramHead(VOCABULARY, 2, BUCKETS)
    honest = fit_ngrams(head, ids, np.stack([themes[:, 0], np.zeros(200)], axis=1), sentiment, groups, folds=2)
    assert not honest[:, 1].any() and not head.hashed.weight[:, 1].any()
