"""The figures of an evaluation, as plain frozen data."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from fbclass.evaluation.calibration import Reliability


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure with its 95% bootstrap interval; all three are NaN where the figure is undefined."""

    value: float
    low: float
    high: float

    @property
    def defined(self) -> bool:
        """False where there was nothing to measure, such as the recall of a theme that no row has."""
        return not math.isnan(self.value)


@dataclass(frozen=True, slots=True)
class LabelScore:
    """One theme or sentiment. ``support``: rows labelled with it; ``predicted``: rows given it.

    F1 is undefined, and left out of the macro average, only where a label is neither in the gold nor
    predicted. ``reliability`` is None for a single sentiment: there it belongs to all three together.
    """

    label: str
    precision: Measure
    recall: Measure
    f1: Measure
    support: int
    predicted: int
    reliability: Reliability | None = None


@dataclass(frozen=True, slots=True)
class SentimentScore:
    """``confusion[i][j]``: rows labelled ``labels[i]`` and given ``labels[j]``, in the order of SENTIMENTS."""

    accuracy: Measure
    macro_f1: Measure
    labels: tuple[LabelScore, ...]
    confusion: tuple[tuple[int, ...], ...]
    reliability: Reliability


@dataclass(frozen=True, slots=True)
class SpanScore:
    """Characters inside predicted spans against characters inside gold spans, summed over all rows."""

    precision: Measure
    recall: Measure
    f1: Measure


@dataclass(frozen=True, slots=True)
class EvidenceScore:
    """Evidence, character by character (Chinese tokens are characters).

    ``overall`` counts every theme predicted or labelled, so a wrong theme costs its evidence too (as
    in ERASER, DeYoung et al. 2020, https://aclanthology.org/2020.acl-main.408/). ``given_theme``
    counts only themes that were found rightly: is the right place shown? ``overlap`` is the share of
    those whose evidence shares at least one character with the gold. ``whole_text`` is what
    ``given_theme.f1`` would be if the whole text were marked, and ``overlap`` would then be 1: in
    short comments the evidence is most of the text, so the other figures mean little without it.
    """

    overall: SpanScore
    given_theme: SpanScore
    overlap: Measure
    whole_text: Measure


@dataclass(frozen=True, slots=True)
class ReviewScore:
    """What ``needs_review`` is worth. A comment is wrong if its theme set or its sentiment is.

    ``flagged``: share of comments marked; ``wrong``: share of comments that are wrong; ``caught``:
    share of the wrong ones that are marked; ``hits``: share of the marked ones that are wrong.
    """

    flagged: Measure
    wrong: Measure
    caught: Measure
    hits: Measure


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All figures of one model on one set of labelled comments.

    ``exact_match``: share of rows whose whole theme set is right. ``false_alarm``: share of rows
    labelled with no theme that were given one. ``evidence`` and ``about`` are None where no row is
    marked. ``groups``: independent units that the intervals resample.
    """

    model: str
    rows: int
    groups: int
    themes: tuple[LabelScore, ...]
    macro_f1: Measure
    micro_f1: Measure
    exact_match: Measure
    false_alarm: Measure
    sentiment: SentimentScore
    evidence: EvidenceScore | None
    about: SpanScore | None
    review: ReviewScore

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, figures to six decimals; what is undefined becomes None."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 6)
    return value
