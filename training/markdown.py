"""How figures are written in a report: with their intervals, in Markdown tables."""

from __future__ import annotations

from collections.abc import Sequence

from fbclass.evaluation import Measure


def figure(m: Measure) -> str:
    """``0.843 (0.821 to 0.864)``, – where undefined."""
    return f"{m.value:.3f} ({m.low:.3f} to {m.high:.3f})" if m.defined else "–"


def share(m: Measure) -> str:
    """``84.3% (82.1 to 86.4)``, – where undefined."""
    return f"{m.value:.1%} ({100 * m.low:.1f} to {100 * m.high:.1f})" if m.defined else "–"


def points(m: Measure) -> str:
    """A difference in hundredths: ``+4.1 (+2.0 to +6.3)``."""
    return f"{100 * m.value:+.1f} ({100 * m.low:+.1f} to {100 * m.high:+.1f})" if m.defined else "–"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; all but the first column to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
