"""Spans, windows and doubt, on numbers small enough to check by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fbclass.decode import RawOutput, _best_clause, doubt, find_spans, join_windows, whole_words
from fbclass.results import Span


def characters(text: str) -> np.ndarray:
    return np.array([(i, i + 1) for i in range(len(text))])


def test_runs_over_the_threshold_become_spans_without_their_punctuation() -> None:
    text = "报销慢,没人回。谢谢"
    scores = np.array([0.9, 0.9, 0.9, 0.2, 0.8, 0.8, 0.8, 0.7, 0.1, 0.1])
    assert find_spans(text, characters(text), scores, 0.5, gap=2) == (Span(0, 7, "报销慢,没人回"),)
    assert find_spans(text, characters(text), scores, 0.5, gap=0) == (Span(0, 3, "报销慢"), Span(4, 7, "没人回"))


def test_a_single_character_is_no_span() -> None:
    assert find_spans("好的", characters("好的"), np.array([0.9, 0.1]), 0.5, gap=0) == ()


def test_edges_near_those_of_a_clause_are_moved_there() -> None:
    text = "我们工位数报了三回，行政没吱过一声；搬过去才明白少了七个人"
    start, end = text.index("位数"), text.index("一声")
    assert whole_words(text, [Span(start, end, text[start:end])]) == (
        Span(0, 17, "我们工位数报了三回，行政没吱过一声"),
    )
    far = Span(text.index("三回"), text.index("没吱"), "三回，行政")
    assert whole_words(text, [far]) == (far,), "four characters and more stay as they are"
    assert whole_words(text, [Span(3, 9, text[3:9]), Span(11, 17, text[11:17])]) == (
        Span(0, 9, "我们工位数报了三回"),
        Span(10, 17, "行政没吱过一声"),
    )


def test_spans_that_grow_into_one_another_become_one() -> None:
    assert whole_words("没人回没人", [Span(0, 2, "没人"), Span(4, 5, "人")]) == (Span(0, 5, "没人回没人"),)


def test_the_best_clause_stands_in_when_no_token_is_sure() -> None:
    text = "食堂不错,报销太慢,就这样"
    scores = np.array([0.1] * 5 + [0.4] * 4 + [0.1] * 4)
    assert _best_clause(text, characters(text), scores) == Span(5, 9, "报销太慢")


def test_doubt_is_the_chance_that_a_label_is_wrong() -> None:
    thresholds, sure = np.array([0.4, 0.5]), np.array([0.0, 1.0, 0.0])
    assert doubt(np.array([0.0, 1.0]), sure, thresholds) == 0
    assert doubt(np.array([0.1, 0.8]), sure, thresholds) == pytest.approx(1 - 0.9 * 0.8)
    # At 0.45 the theme is tagged, though it is likelier not to be there.
    assert doubt(np.array([0.45, 0.0]), sure, thresholds) == pytest.approx(0.55)
    assert doubt(np.array([0.0, 0.0]), np.array([0.3, 0.3, 0.4]), thresholds) == pytest.approx(0.6)


def test_windows_are_joined_without_gap_or_repetition() -> None:
    def window(start: int, stop: int, theme: float, tone: float) -> RawOutput:
        n = stop - start
        spans = np.array([(i, i + 1) for i in range(start, stop)])
        return RawOutput(np.array([theme]), np.array([tone, 0.0, 0.0]), spans, np.full((n, 1), theme), np.zeros(n))

    joined = join_windows(
        [(window(0, 10, -1.0, 1.0), 0, 10), (window(6, 16, 3.0, 4.0), 4, 10), (window(12, 18, 0.0, 0.0), 4, 6)]
    )
    assert joined.themes.tolist() == [3.0]
    assert joined.sentiment[0] == pytest.approx((10 * 1 + 10 * 4) / 26)
    assert joined.spans[:, 0].tolist() == list(range(18))
    assert joined.evidence[:, 0].tolist() == [-1.0] * 8 + [3.0] * 6 + [0.0] * 4
