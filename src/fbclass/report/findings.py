"""Say in plain sentences what the numbers show, and no more than they show."""

from __future__ import annotations

from dataclasses import dataclass

from fbclass.report.comparison import Difference, differences
from fbclass.report.intervals import Share
from fbclass.report.statistics import Statistics
from fbclass.report.wording import interval, percent, text
from fbclass.schema import ThemeSchema

_ENOUGH = 10  # comments a theme needs before its mood is spoken of
_FEW = 30  # comments in all below which the report says that they are few
_MORE = 3  # further departments named beside the most telling one


@dataclass(frozen=True, slots=True)
class Finding:
    """A headline and the figures behind it."""

    title: str
    detail: str


def find(statistics: Statistics, schema: ThemeSchema, language: str) -> tuple[Finding, ...]:
    """The findings in the order in which a reader wants them."""
    if statistics.comments == 0:
        return (Finding(text(language, "f_empty"), text(language, "f_empty_detail", rows=statistics.rows)),)
    findings = [_top(statistics, schema, language)]
    if statistics.any_theme.count:
        findings.append(_any(statistics, language))
    findings.append(_mood(statistics, schema, language))
    if any(group.kind == "named" for group in statistics.departments) and statistics.any_theme.count:
        findings.append(_department(differences(statistics), schema, language))
    if statistics.comments < _FEW:
        one = percent(1 / statistics.comments)
        findings.append(
            Finding(text(language, "f_few"), text(language, "f_few_detail", n=statistics.comments, one=one))
        )
    if statistics.needs_review:
        share = percent(Share(statistics.needs_review, statistics.comments))
        findings.append(
            Finding(
                text(language, "f_review", n=statistics.needs_review), text(language, "f_review_detail", share=share)
            )
        )
    return tuple(findings)


def _top(statistics: Statistics, schema: ThemeSchema, language: str) -> Finding:
    first, *others = statistics.ranked
    if not first.share.count:
        return Finding(text(language, "f_none"), text(language, "f_none_detail", n=statistics.comments))
    sentences = [
        text(
            language,
            "f_top_detail",
            count=first.share.count,
            share=percent(first.share),
            interval=interval(first.share),
        )
    ]
    if others and others[0].share.count:
        second = others[0]
        key = "f_top_close" if first.share.overlaps(second.share) else "f_top_clear"
        name = schema[second.id].name(language)
        sentences.append(text(language, key, second=name, share=percent(second.share)))
    return Finding(text(language, "f_top", theme=schema[first.id].name(language)), _join(sentences, language))


def _any(statistics: Statistics, language: str) -> Finding:
    return Finding(
        text(language, "f_any", share=percent(statistics.any_theme)),
        text(
            language,
            "f_any_detail",
            n=statistics.comments,
            count=statistics.any_theme.count,
            several=statistics.several_themes.count,
        ),
    )


def _mood(statistics: Statistics, schema: ThemeSchema, language: str) -> Finding:
    negative, positive = statistics.sentiment.share("negative"), statistics.sentiment.share("positive")
    leaning = "f_negative" if negative.count > positive.count else "f_positive"
    key = "f_even" if negative.overlaps(positive) else leaning
    title = text(language, key, negative=percent(negative), positive=percent(positive))
    sentences = [text(language, "f_neutral_detail", neutral=percent(statistics.sentiment.share("neutral")))]
    moods = [theme for theme in statistics.themes if theme.share.count >= _ENOUGH]
    if len(moods) > 1:
        every = len(moods) == sum(theme.share.count > 0 for theme in statistics.themes)
        worst = max(moods, key=lambda theme: theme.sentiment.share("negative").value)
        sentences.append(
            text(
                language,
                "f_mood_detail" if every else "f_mood_detail_some",
                enough=_ENOUGH,
                theme=schema[worst.id].name(language),
                share=percent(worst.sentiment.share("negative")),
                count=worst.share.count,
            )
        )
    return Finding(title, _join(sentences, language))


def _department(found: tuple[Difference, ...], schema: ThemeSchema, language: str) -> Finding:
    above = [difference for difference in found if difference.above]
    if not above:
        return Finding(text(language, "f_same"), text(language, "f_same_detail"))
    first, *others = above
    sentences = [
        text(
            language,
            "f_department_detail",
            total=first.share.total,
            count=first.share.count,
            share=percent(first.share),
            overall=percent(first.overall),
        )
    ]
    if others:
        items = [
            text(
                language,
                "f_department_item",
                department=other.department,
                theme=schema[other.theme_id].name(language),
                share=percent(other.share),
            )
            for other in others[:_MORE]
        ]
        separator = "、" if language == "zh" else ", "
        sentences.append(text(language, "f_department_more", list=separator.join(items)))
    title = text(language, "f_department", theme=schema[first.theme_id].name(language), department=first.department)
    return Finding(title, _join(sentences, language))


def _join(sentences: list[str], language: str) -> str:
    return ("" if language == "zh" else " ").join(sentences)
