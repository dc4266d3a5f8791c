"""A prediction as columns of a table: what they are called and what stands in them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fbclass.results import Prediction, SentimentLabel
from fbclass.schema import ThemeSchema
from fbclass.tables.cells import shorten
from fbclass.tables.table import Table

Role = Literal["themes", "sentiment", "evidence", "about", "needs_review"]


@dataclass(frozen=True, slots=True)
class Wording:
    """How one language names the columns and what is in them."""

    columns: Mapping[Role, str]
    score: str  # with {} for the theme
    sentiments: Mapping[SentimentLabel, str]
    yes: str
    between_names: str
    between_quotes: str


WORDINGS: dict[str, Wording] = {
    "zh": Wording(
        columns={
            "themes": "主题",
            "sentiment": "情感",
            "evidence": "依据",
            "about": "涉及对象",
            "needs_review": "需复核",
        },
        score="{}得分",
        sentiments={"negative": "负面", "neutral": "中性", "positive": "正面"},
        yes="是",
        between_names="、",
        between_quotes="；",
    ),
    "en": Wording(
        columns={
            "themes": "Themes",
            "sentiment": "Sentiment",
            "evidence": "Evidence",
            "about": "About",
            "needs_review": "Needs review",
        },
        score="{} score",
        sentiments={"negative": "negative", "neutral": "neutral", "positive": "positive"},
        yes="yes",
        between_names=", ",
        between_quotes="; ",
    ),
}
_WIDTHS: dict[Role | None, float] = {
    "themes": 20,
    "sentiment": 8,
    "evidence": 42,
    "about": 18,
    "needs_review": 9,
    None: 13,
}
_HEADER = re.compile(r"(?P<base>[^|]+?)(?P<question>\|.*?)?(?P<copy>\(\d+\))?", re.DOTALL)
QUESTION_LENGTH = 12  # characters of a question in a header


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """One column to add: a value per row of the table, None where nothing was answered."""

    header: str
    width: float  # of the column, in the unit of Excel (digits)
    is_score: bool
    values: tuple[str | float | None, ...]


@dataclass(frozen=True, slots=True)
class ResultGroup:
    """Columns of an earlier run in a header: indices by role, and scores by the name of the theme."""

    question: str  # as shortened in the headers, "" if they carry none
    language: str
    roles: Mapping[Role, int]
    scores: Mapping[str, int]


def result_columns(
    table: Table, predictions: Mapping[int, Sequence[Prediction]], schema: ThemeSchema, language: str
) -> list[ResultColumn]:
    """The columns to add for every text column of the table, with headers that are not yet taken."""
    words = WORDINGS[language]
    used = set(table.header)
    columns: list[ResultColumn] = []
    for column in table.text_columns:
        question = f"|{shorten(table.label(column), QUESTION_LENGTH)}" if len(table.text_columns) > 1 else ""
        given = [
            prediction if table.text(row, column).strip() else None
            for row, prediction in enumerate(predictions[column])
        ]
        names = [*(words.columns.items()), *((None, words.score.format(schema[i].name(language))) for i in schema.ids)]
        copy = 1  # one number for the whole group, so that it stays recognisable as one
        while any(_numbered(name + question, copy) in used for _, name in names):
            copy += 1
        cells: list[tuple[str | float | None, ...]] = [
            *(tuple(_cell(p, role, schema, language) if p else None for p in given) for role in words.columns),
            *(tuple(round(float(p.scores[i]), 4) if p else None for p in given) for i in schema.ids),
        ]
        for (role, name), values in zip(names, cells, strict=True):
            header = _numbered(name + question, copy)
            used.add(header)
            columns.append(ResultColumn(header, _WIDTHS[role], role is None, values))
    return columns


def result_groups(header: Sequence[str]) -> list[ResultGroup]:
    """Columns that an earlier run has added; a group needs two of them, so that a lone 主题 is not taken for one."""
    groups = []
    for language, words in WORDINGS.items():
        roles: dict[tuple[str, str], dict[Role, int]] = {}
        scores: dict[tuple[str, str], dict[str, int]] = {}
        by_name = {name: role for role, name in words.columns.items()}
        tail = words.score.removeprefix("{}")
        for index, text in enumerate(header):
            match = _HEADER.fullmatch(text)
            if match is None:
                continue
            base, key = match["base"], ((match["question"] or "|")[1:], match["copy"] or "")
            if base in by_name:
                roles.setdefault(key, {})[by_name[base]] = index
            elif base.endswith(tail):
                scores.setdefault(key, {})[base.removesuffix(tail)] = index
        groups += [
            ResultGroup(key[0], language, found, scores.get(key, {})) for key, found in roles.items() if len(found) >= 2
        ]
    return groups


def result_indices(header: Sequence[str]) -> set[int]:
    """The columns of a header that hold earlier results."""
    return {i for group in result_groups(header) for i in (*group.roles.values(), *group.scores.values())}


def _numbered(name: str, copy: int) -> str:
    return name if copy == 1 else f"{name}({copy})"


def _cell(prediction: Prediction, role: Role, schema: ThemeSchema, language: str) -> str:
    words = WORDINGS[language]
    if role == "themes":
        return words.between_names.join(schema[tag.id].name(language) for tag in prediction.themes)
    if role == "sentiment":
        return words.sentiments[prediction.sentiment.label]
    if role == "evidence":
        quotes = (span.text for tag in prediction.themes for span in tag.evidence)
        return words.between_quotes.join(dict.fromkeys(" ".join(quote.split()) for quote in quotes))
    if role == "about":
        return words.between_names.join(dict.fromkeys(span.text for span in prediction.about))
    return words.yes if prediction.needs_review else ""
