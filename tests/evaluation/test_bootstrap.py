"""Intervals are drawn by group, repeatably, and paired between models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fbclass.evaluation import Gold, difference, evaluate
from fbclass.evaluation.bootstrap import measure, resampled_sums
from fbclass.results import Prediction, Sentiment, SentimentLabel


def row(right: bool) -> tuple[Gold, Prediction]:
    said: SentimentLabel = "neutral" if right else "positive"
    given = Prediction(None, "", (), Sentiment(said, {said: 0.9}), (), {"a": 0.1}, False, False, "m")
    return Gold("", frozenset(), "neutral"), given


def sample(size: int, seed: int, share: float = 0.7) -> tuple[list[Gold], list[Prediction]]:
    rows = [row(bool(right)) for right in np.random.default_rng(seed).random(size) < share]
    return [gold for gold, _ in rows], [given for _, given in rows]


def test_resampled_sums_are_sums_over_the_rows_of_the_drawn_groups() -> None:
    counts = np.arange(12, dtype=float).reshape(6, 2) ** 2
    groups = ["x", "y", None, "x", None, "y"]
    sums = resampled_sums(counts, groups, 40, seed=3)
    members = [[0, 3], [1, 5], [2], [4]]  # in order of appearance
    draws = np.random.default_rng(3).integers(4, size=(40, 4))
    expected = [counts[[i for group in draw for i in members[group]]].sum(axis=0) for draw in draws]
    np.testing.assert_allclose(sums, [counts.sum(axis=0), *expected])


def test_the_blocks_that_bound_memory_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = np.random.default_rng(0).random((30, 3))
    whole = resampled_sums(counts, [None] * 30, 100, seed=1)
    monkeypatch.setattr("fbclass.evaluation.bootstrap._BLOCK", 7 * 30)
    np.testing.assert_allclose(resampled_sums(counts, [None] * 30, 100, seed=1), whole)


def test_the_interval_of_a_share_is_near_the_binomial_one() -> None:
    gold, given = sample(400, seed=5)
    accuracy = evaluate(gold, given, resamples=4000).sentiment.accuracy
    spread = 1.96 * np.sqrt(accuracy.value * (1 - accuracy.value) / 400)
    assert accuracy.low == pytest.approx(accuracy.value - spread, abs=0.006)
    assert accuracy.high == pytest.approx(accuracy.value + spread, abs=0.006)


def test_variations_of_one_comment_are_not_more_evidence() -> None:
    gold, given = sample(60, seed=2)
    alone = evaluate(gold, given).sentiment.accuracy
    doubled = [replace(g, group=f"g{i}") for i, g in enumerate(gold)] * 2
    assert evaluate(doubled, given * 2).sentiment.accuracy == alone
    ungrouped = evaluate(gold * 2, given * 2).sentiment.accuracy
    assert ungrouped.high - ungrouped.low < 0.8 * (alone.high - alone.low)


def test_a_seed_repeats_and_another_one_does_not() -> None:
    gold, given = sample(80, seed=4)
    assert evaluate(gold, given, seed=1).to_dict() == evaluate(gold, given, seed=1).to_dict()
    counts = np.random.default_rng(0).random((30, 3))
    one, two = (resampled_sums(counts, [None] * 30, 50, seed) for seed in (1, 2))
    assert (one[0] == two[0]).all() and (one[1:] != two[1:]).any()


def test_differences_are_paired() -> None:
    gold, given = sample(200, seed=6)
    same = difference(gold, given, given)["sentiment_accuracy"]
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)
    wrong_by_ten = [row(False)[1]] * 10 + given[10:]
    gain = difference(gold, given, wrong_by_ten)["sentiment_accuracy"]
    alone = evaluate(gold, given).sentiment.accuracy
    assert gain.value == pytest.approx(sum(p.sentiment.label == "neutral" for p in given[:10]) / 200)
    assert gain.low > 0  # though the interval of each model is far wider than the gain
    assert alone.high - alone.low > gain.value


def test_two_models_with_other_themes_are_not_compared_by_accident() -> None:
    gold, given = sample(5, seed=1)
    with pytest.raises(ValueError, match="same themes"):
        difference(gold, given, [replace(p, scores={"b": 0.1}) for p in given])


def test_resamples_in_which_a_figure_is_undefined_are_left_out() -> None:
    found = measure(np.array([0.5, np.nan, 0.4, 0.6]))
    assert (found.value, found.low, found.high) == (0.5, pytest.approx(0.405), pytest.approx(0.595))
    assert not measure(np.array([np.nan, 0.4])).defined
