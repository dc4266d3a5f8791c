"""The axis of a plot holds every interval and has round marks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbclass.evaluation import Measure
from training.panels import line, panel

NAN = float("nan")
PROBABILITY = st.floats(0, 1).map(lambda x: round(x, 4))


@given(st.lists(st.tuples(PROBABILITY, PROBABILITY, PROBABILITY), max_size=6))
def test_every_interval_is_on_the_axis(figures: list[tuple[float, float, float]]) -> None:
    sorted_figures = [sorted(three) for three in figures]
    plot = panel("x", [line("a", Measure(value, low, high)) for low, value, high in sorted_figures])
    for low, value, high in sorted_figures:
        assert -1e-6 <= plot.at(low) <= plot.at(value) <= plot.at(high) <= 100 + 1e-6
    ticks = plot.ticks
    assert 2 <= len(ticks) <= 8
    assert (ticks[0].at, ticks[-1].at) == (0, pytest.approx(100))
    assert len({tick.label for tick in ticks}) == len(ticks)


def test_what_is_undefined_takes_no_room() -> None:
    plot = panel("x", [line("a", Measure(0.91, 0.9, 0.93)), line("b", Measure(NAN, NAN, NAN))], "share")
    assert [tick.label for tick in plot.ticks] == ["90%", "91%", "92%", "93%"]
    assert [entry.defined for entry in plot.groups[0].lines] == [True, False]
