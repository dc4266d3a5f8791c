"""Which departments differ from the survey as a whole by more than chance explains.

A table of ten departments and four themes holds forty comparisons; at 95% two of them would stand out
by chance alone. The level is therefore divided by their number (Bonferroni).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

from fbclass.report.intervals import Share, wilson
from fbclass.report.statistics import Statistics


@dataclass(frozen=True, slots=True)
class Difference:
    """A department's share of one theme that lies outside what the overall share would lead to expect."""

    department: str
    theme_id: str
    share: Share
    overall: Share

    @property
    def above(self) -> bool:
        """True when the department speaks of the theme more than all together do."""
        return self.share.value > self.overall.value


def differences(statistics: Statistics) -> tuple[Difference, ...]:
    """Every difference of a named department from the whole that holds, largest first."""
    named = [group for group in statistics.departments if group.kind == "named"]
    if not named:
        return ()
    z = NormalDist().inv_cdf(1 - 0.05 / (2 * len(named) * len(statistics.themes)))
    found = []
    for theme in statistics.themes:
        for group in named:
            share = group.themes[theme.id]
            low, high = wilson(share.count, share.total, z)
            if not low <= theme.share.value <= high:
                found.append(Difference(group.name, theme.id, share, theme.share))
    return tuple(sorted(found, key=lambda d: (-abs(d.share.value - d.overall.value), d.department, d.theme_id)))
