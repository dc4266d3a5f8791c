"""Shares with the uncertainty that their size brings."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

Z_95 = 1.959963984540054  # the 97.5% point of the normal distribution


@dataclass(frozen=True, slots=True)
class Share:
    """``count`` of ``total`` with its 95% Wilson interval; all of it between 0 and 1, 0 when total is 0."""

    count: int
    total: int

    def __post_init__(self) -> None:
        if not 0 <= self.count <= self.total:
            raise ValueError(f"a share needs 0 <= count <= total, got {self.count} of {self.total}")

    @property
    def value(self) -> float:
        """The observed share."""
        return self.count / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end of the 95% Wilson score interval."""
        return wilson(self.count, self.total)

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return self.interval[0]

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self.interval[1]

    def overlaps(self, other: Share) -> bool:
        """Whether the two intervals share a point: then the order of the shares is not certain."""
        return self.low <= other.high and other.low <= self.high


def wilson(count: int, total: int, z: float = Z_95) -> tuple[float, float]:
    """Wilson score interval of a share (Wilson 1927); (0, 0) for an empty total.

    It stays inside 0 and 1 and holds its coverage for the small groups of a survey, where the usual
    normal approximation does not.
    """
    if total == 0:
        return 0.0, 0.0
    p = count / total
    spread = z * sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    denominator = 1 + z * z / total
    centre = p + z * z / (2 * total)
    # The ends are exact at 0 and 1; rounding must not push them out.
    low = 0.0 if count == 0 else (centre - spread) / denominator
    high = 1.0 if count == total else (centre + spread) / denominator
    return low, high
