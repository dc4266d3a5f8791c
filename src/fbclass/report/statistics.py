"""Count what a report says. No wording and no layout here: numbers that a test can check by hand.

Every share is taken over the comments that are not blank. A comment with two themes counts in both, so
theme shares do not add up to the share of comments with any theme.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fbclass.nonanswer import says_nothing
from fbclass.report.intervals import Share
from fbclass.report.rows import ReportRow
from fbclass.results import SENTIMENTS
from fbclass.schema import ThemeSchema

SMALLEST_GROUP = 5  # departments with fewer comments or fewer people are never shown on their own

GroupKind = Literal["named", "other", "missing"]


@dataclass(frozen=True, slots=True)
class SentimentCounts:
    """How many comments of each sentiment."""

    negative: int
    neutral: int
    positive: int

    @property
    def total(self) -> int:
        """All comments counted."""
        return self.negative + self.neutral + self.positive

    def share(self, label: str) -> Share:
        """Share of one sentiment label."""
        return Share(int(getattr(self, label)), self.total)


@dataclass(frozen=True, slots=True)
class ThemeStatistics:
    """One theme over all comments: how often, in which mood, and whom the comments speak of."""

    id: str
    share: Share
    sentiment: SentimentCounts
    about: tuple[tuple[str, int], ...]  # departments, roles, systems with their number of comments


@dataclass(frozen=True, slots=True)
class GroupStatistics:
    """The comments of one department (or question). ``name`` is empty unless ``kind`` is "named"."""

    name: str
    kind: GroupKind
    comments: int
    any_theme: Share
    themes: Mapping[str, Share]
    sentiment: SentimentCounts


@dataclass(frozen=True, slots=True)
class Statistics:
    """Everything a report counts."""

    rows: int
    blank: int
    comments: int  # rows - blank: the base of every share
    nothing: int  # of the comments: those that only say 无 or the like
    any_theme: Share
    several_themes: Share
    sentiment: SentimentCounts
    themes: tuple[ThemeStatistics, ...]  # in the order of the schema
    departments: tuple[GroupStatistics, ...]  # most comments first, then other, then missing; () with fewer than two
    merged_departments: int  # how many are too small to stand on their own
    questions: tuple[GroupStatistics, ...]  # in the order of the survey; () with fewer than two
    needs_review: int
    truncated: int
    models: tuple[str, ...]
    kept: int  # comments whose tags came from the table and not from a model

    def theme(self, theme_id: str) -> ThemeStatistics:
        """The statistics of one theme."""
        return next(theme for theme in self.themes if theme.id == theme_id)

    @property
    def ranked(self) -> tuple[ThemeStatistics, ...]:
        """Themes by their share, largest first; ties in the order of the schema."""
        return tuple(sorted(self.themes, key=lambda theme: -theme.share.count))


def summarize(rows: Sequence[ReportRow], schema: ThemeSchema) -> Statistics:
    """Count everything a report says of ``rows``, for the themes of ``schema`` that are in use."""
    comments = [row for row in rows if not row.blank]
    departments, merged = _departments(comments, schema)
    several = sum(len(theme_ids(row, schema)) > 1 for row in comments)
    return Statistics(
        rows=len(rows),
        blank=len(rows) - len(comments),
        comments=len(comments),
        nothing=sum(says_nothing(row.text) for row in comments),
        any_theme=Share(sum(bool(theme_ids(row, schema)) for row in comments), len(comments)),
        several_themes=Share(several, len(comments)),
        sentiment=_sentiment(comments),
        themes=tuple(_theme(theme_id, comments, schema) for theme_id in schema.ids),
        departments=departments,
        merged_departments=merged,
        questions=_questions(comments, schema),
        needs_review=sum(row.prediction.needs_review for row in comments),
        truncated=sum(row.prediction.truncated for row in comments),
        models=tuple(sorted({row.prediction.model for row in comments if row.prediction.model})),
        kept=sum(not row.prediction.model for row in comments),
    )


def theme_ids(row: ReportRow, schema: ThemeSchema) -> frozenset[str]:
    """Themes of one comment that the schema has in use."""
    return frozenset(tag.id for tag in row.prediction.themes) & frozenset(schema.ids)


def _sentiment(rows: Iterable[ReportRow]) -> SentimentCounts:
    counts = Counter(row.prediction.sentiment.label for row in rows)
    return SentimentCounts(*(counts[label] for label in SENTIMENTS))


def _theme(theme_id: str, comments: Sequence[ReportRow], schema: ThemeSchema) -> ThemeStatistics:
    tagged = [row for row in comments if theme_id in theme_ids(row, schema)]
    # A party counts once per comment, and a party that few speak of could point at the writer.
    spoken_of = Counter(name for row in tagged for name in {span.text.strip() for span in row.prediction.about} if name)
    about = [(name, count) for name, count in spoken_of.most_common() if count >= SMALLEST_GROUP]
    return ThemeStatistics(theme_id, Share(len(tagged), len(comments)), _sentiment(tagged), tuple(about[:6]))


def _group(name: str, kind: GroupKind, rows: Collection[ReportRow], schema: ThemeSchema) -> GroupStatistics:
    found = [theme_ids(row, schema) for row in rows]
    return GroupStatistics(
        name=name,
        kind=kind,
        comments=len(rows),
        any_theme=Share(sum(map(bool, found)), len(rows)),
        themes={theme_id: Share(sum(theme_id in ids for ids in found), len(rows)) for theme_id in schema.ids},
        sentiment=_sentiment(rows),
    )


def _departments(comments: Sequence[ReportRow], schema: ThemeSchema) -> tuple[tuple[GroupStatistics, ...], int]:
    """Groups that are safe to show and the number of departments merged to make them so.

    A department with fewer than ``SMALLEST_GROUP`` comments, or fewer people where respondents are
    known, goes into "other". If "other" (or the group without a department) is then too small itself,
    it could be worked out by subtracting, so the smallest department that is left joins it.
    """
    if not any(_name(row) for row in comments):
        return (), 0
    by_name: defaultdict[str, list[ReportRow]] = defaultdict(list)
    for row in comments:
        by_name[_name(row)].append(row)
    missing = by_name.pop("", [])
    # Smallest first: pop(0) is the next to be merged. Names settle ties, so that the order is always the same.
    named = sorted(by_name.items(), key=lambda item: (len(item[1]), item[0]))
    shown = [(name, rows) for name, rows in named if not _too_small(rows)]
    other = [row for name, rows in named if _too_small(rows) for row in rows]
    if missing and _too_small(missing):
        other, missing = other + missing, []
    while other and _too_small(other) and shown:
        other += shown.pop(0)[1]
    if other and _too_small(other):
        other, missing = other + missing, []
    groups = [_group(name, "named", rows, schema) for name, rows in reversed(shown)]
    if other:
        groups.append(_group("", "other", other, schema))
    if missing:
        groups.append(_group("", "missing", missing, schema))
    # One group alone is the whole survey again: there is nothing to tell apart.
    return tuple(groups) if len(groups) > 1 else (), len(named) - len(shown)


def _too_small(rows: Collection[ReportRow]) -> bool:
    # Rows without a respondent are taken for one person each: then the number of comments decides.
    people = len({row.respondent for row in rows if row.respondent}) + sum(not row.respondent for row in rows)
    return people < SMALLEST_GROUP


def _name(row: ReportRow) -> str:
    return " ".join(row.department.split()) if row.department else ""


def _questions(comments: Sequence[ReportRow], schema: ThemeSchema) -> tuple[GroupStatistics, ...]:
    by_question: defaultdict[str, list[ReportRow]] = defaultdict(list)
    for row in comments:
        if row.question:
            by_question[row.question].append(row)
    if len(by_question) < 2:
        return ()
    return tuple(_group(question, "named", rows, schema) for question, rows in by_question.items())
