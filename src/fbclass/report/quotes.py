"""Choose what to quote for a theme, mark the evidence in it and mask personal data.

Good quotes are clear cases (high score), of a length that is read, not alike, and from different
departments; the department itself is never shown beside a quote.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from fbclass.nonanswer import says_nothing
from fbclass.privacy import PersonalKind, find_personal
from fbclass.report.rows import ReportRow
from fbclass.report.statistics import theme_ids
from fbclass.results import Prediction, Span
from fbclass.schema import ThemeSchema

_SHORTEST, _LONGEST = 10, 120  # characters; longer comments are cut to the sentences around the evidence
_SENTENCE_END = re.compile(r"[。!?;\uff01\uff1f\uff1b\n]+")
_TOO_ALIKE = 0.5  # Jaccard overlap of character pairs from which two quotes say the same


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a quote. ``masked`` names the kind of personal data that stood here; ``text`` is then empty."""

    text: str
    marked: bool
    masked: PersonalKind | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """What to show of one comment; ``cut_before`` and ``cut_after`` say that it went on there."""

    segments: tuple[Segment, ...]
    cut_before: bool
    cut_after: bool

    @property
    def plain(self) -> str:
        """The words alone, without what was masked."""
        return "".join(segment.text for segment in self.segments)


def theme_quotes(rows: Sequence[ReportRow], schema: ThemeSchema, theme_id: str, limit: int = 4) -> list[Quote]:
    """Up to ``limit`` quotes that show what the theme looks like here."""
    tagged = [row for row in rows if not row.blank and theme_id in theme_ids(row, schema)]

    def score(prediction: Prediction) -> float:
        return next(tag.score for tag in prediction.themes if tag.id == theme_id)

    def evidence(prediction: Prediction) -> tuple[Span, ...]:
        return next(tag.evidence for tag in prediction.themes if tag.id == theme_id)

    return _choose(tagged, score, evidence, limit)


def positive_quotes(rows: Sequence[ReportRow], limit: int = 3) -> list[Quote]:
    """Up to ``limit`` quotes of what employees appreciate."""
    praise = [
        row
        for row in rows
        if not row.blank and not says_nothing(row.text) and row.prediction.sentiment.label == "positive"
    ]
    return _choose(praise, lambda prediction: prediction.sentiment.scores.get("positive", 0.0), lambda _: (), limit)


def _choose(
    rows: Sequence[ReportRow],
    score: Callable[[Prediction], float],
    evidence: Callable[[Prediction], tuple[Span, ...]],
    limit: int,
) -> list[Quote]:
    # The text is the last key, so that equal scores come in the same order on every run.
    ranked = sorted(rows, key=lambda row: (-_quality(row, score(row.prediction)), row.prediction.text))
    chosen: list[Quote] = []
    pairs: list[frozenset[str]] = []
    departments: set[str] = set()
    # First round: every quote from another department; second round: whatever is good and different.
    for from_elsewhere in (True, False):
        for row in ranked:
            if len(chosen) == limit:
                return chosen
            if from_elsewhere and row.department and row.department in departments:
                continue
            quote = make_quote(row.prediction.text, evidence(row.prediction))
            shape = _character_pairs(quote.plain)
            if any(_overlap(shape, other) >= _TOO_ALIKE for other in pairs):
                continue
            chosen.append(quote)
            pairs.append(shape)
            departments.add(row.department or "")
    return chosen


def _quality(row: ReportRow, score: float) -> float:
    """The score, less what makes a quote hard to use: doubt, and a length that is not read."""
    length = len(row.prediction.text.strip())
    doubt = 0.3 if row.prediction.needs_review else 0.0
    if length < _SHORTEST:
        return score - doubt - 0.3
    return score - doubt - (0.1 if length > _LONGEST else 0.0)


def make_quote(text: str, evidence: Sequence[Span]) -> Quote:
    """The part of ``text`` worth showing, in segments: evidence marked, personal data masked."""
    start, end = _excerpt(text, evidence)
    personal = [span for span in find_personal(text) if span.end > start and span.start < end]
    # Personal data is masked whole: a cut must not leave half a number standing.
    start, end = min([start, *(p.start for p in personal)]), max([end, *(p.end for p in personal)])
    marked = [False] * len(text)
    for span in evidence:
        marked[span.start : span.end] = [True] * (min(span.end, len(text)) - span.start)

    segments: list[Segment] = []
    position = start
    while position < end:
        mask = next((span for span in personal if span.start == position), None)
        if mask:
            segments.append(Segment("", any(marked[mask.start : mask.end]), mask.kind))
            position = mask.end
            continue
        stop = position
        hard_stop = min([end, *(span.start for span in personal if span.start > position)])
        while stop < hard_stop and marked[stop] == marked[position]:
            stop += 1
        segments.append(Segment(text[position:stop], marked[position]))
        position = stop
    return Quote(tuple(segments), bool(text[:start].strip()), bool(text[end:].strip()))


def _excerpt(text: str, evidence: Sequence[Span]) -> tuple[int, int]:
    """The whole text when it is short, else the sentences of the first evidence and what fits after them."""
    first = len(text) - len(text.lstrip())
    last = len(text.rstrip())
    if last - first <= _LONGEST:
        return first, last
    anchor = min(evidence, key=lambda span: span.start) if evidence else Span(first, first + 1, "")
    ends = [match.end() for match in _SENTENCE_END.finditer(text, first, last)]
    start = max([first, *(e for e in ends if e <= anchor.start)])
    if anchor.start - start > _LONGEST // 2:  # a sentence without end: start near the evidence
        start = anchor.start
    fitting = [e for e in ends if anchor.end <= e <= start + _LONGEST]
    return start, max(fitting) if fitting else min(last, max(start + _LONGEST, min(anchor.end, start + 2 * _LONGEST)))


def _character_pairs(text: str) -> frozenset[str]:
    letters = [c for c in text if c.isalnum()]
    return frozenset(a + b for a, b in pairwise(letters)) or frozenset(letters)


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    union = len(one | other)
    return len(one & other) / union if union else 1.0
