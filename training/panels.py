"""Figures on a common axis: the one kind of plot that nearly everything in an evaluation needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, isnan
from typing import Literal

from fbclass.evaluation import Measure

Kind = Literal["figure", "share"]


@dataclass(frozen=True, slots=True)
class Line:
    """One figure with its interval, both from 0 to 1. ``rows``: comments it rests on; ``note``: one more cell.

    ``main`` lines stand out: the model among the baselines.
    """

    name: str
    value: float
    low: float
    high: float
    rows: int | None = None
    note: str = ""
    main: bool = True

    @property
    def defined(self) -> bool:
        """False where there was nothing to measure."""
        return not isnan(self.value)


@dataclass(frozen=True, slots=True)
class Group:
    """Lines under a common heading; empty: none."""

    name: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on the axis, in percent of its width, and what is written there."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One plot: groups of lines on one axis.

    ``note_head`` names the column of the notes, empty: none; ``rows_head`` that of the counts, where there are any.
    """

    head: str
    groups: tuple[Group, ...]
    kind: Kind = "figure"
    note_head: str = ""
    rows_head: str = "comments"

    @property
    def axis(self) -> tuple[float, float, float]:
        """First and last value, and the step of the ticks; it need not start at 0, dots have no length."""
        lines = [line for group in self.groups for line in group.lines if line.defined]
        low = min((line.low for line in lines), default=0.0)
        high = max((line.high for line in lines), default=1.0)
        step = next((s for s in (0.01, 0.02, 0.05, 0.1) if high - low <= 6 * s), 0.2)
        first, last = floor(low / step + 1e-9) * step, ceil(high / step - 1e-9) * step
        return first, max(last, first + step), step

    @property
    def ticks(self) -> list[Tick]:
        """Where the axis has marks."""
        first, last, step = self.axis
        count = round((last - first) / step)
        return [Tick(100 * i / count, self.write(first + i * step)) for i in range(count + 1)]

    @property
    def counted(self) -> bool:
        """Whether any line says how many comments it rests on."""
        return any(line.rows is not None for group in self.groups for line in group.lines)

    def at(self, value: float) -> float:
        """Where on the axis a value stands, in percent of its width."""
        first, last, _ = self.axis
        return 100 * (value - first) / (last - first)

    def write(self, value: float) -> str:
        """A value as it stands on the axis."""
        return f"{value:.0%}" if self.kind == "share" else f"{value:.2f}"

    def digits(self, value: float) -> str:
        """A value as it stands in the table."""
        return f"{value:.1%}" if self.kind == "share" else f"{value:.3f}"


def line(name: str, measure: Measure, rows: int | None = None, *, note: str = "", main: bool = True) -> Line:
    """A line from a measured figure."""
    return Line(name, measure.value, measure.low, measure.high, rows, note, main)


def panel(head: str, lines: Sequence[Line], kind: Kind = "figure", rows_head: str = "comments") -> Panel:
    """A plot of one group without a heading."""
    return Panel(head, (Group("", tuple(lines)),), kind, rows_head=rows_head)
