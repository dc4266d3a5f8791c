"""Read tags back from a table that was classified before, perhaps corrected by hand since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fbclass.errors import InputError
from fbclass.results import SENTIMENTS, Prediction, Sentiment, SentimentLabel, Span, ThemeTag
from fbclass.schema import ThemeSchema
from fbclass.tables.cells import plain, shorten
from fbclass.tables.results import QUESTION_LENGTH, WORDINGS, ResultGroup, result_groups
from fbclass.tables.table import Table


def existing_tags(table: Table, schema: ThemeSchema) -> dict[int, list[Prediction | None]]:
    """For each text column that carries tags, one prediction per row; None where a row has none.

    Reads the columns that ``write_table`` adds to workbooks and delimited files, and the fields of JSON
    Lines. A table does not hold everything: the likeliest sentiment gets probability 1, evidence is
    given to every theme of the comment, ``model`` is "". A theme that the schema does not
    know raises ``InputError`` with its row.
    """
    if table.format == "jsonl":
        return _from_objects(table, schema)
    found = {}
    groups = result_groups(table.header)
    for column in table.text_columns:
        question = shorten(table.label(column), QUESTION_LENGTH)
        mine = [g for g in groups if g.question == question or (not g.question and len(table.text_columns) == 1)]
        mine = [g for g in mine if "themes" in g.roles]
        if mine:  # the last one: a second run adds its columns to the right of the first
            found[column] = [_from_row(table, column, row, mine[-1], schema) for row in range(len(table.rows))]
    return found


def _from_row(table: Table, column: int, row: int, group: ResultGroup, schema: ThemeSchema) -> Prediction | None:
    words = WORDINGS[group.language]
    cells = {role: plain(table.rows[row][index]).strip().lstrip("'") for role, index in group.roles.items()}
    text = table.text(row, column)
    if not text.strip() or not any(cells.values()):
        return None
    scores = {}
    for theme in schema.ids:
        index = group.scores.get(schema[theme].name(group.language))
        scores[theme] = _number(table.rows[row][index]) if index is not None else 0.0
    names = [name.strip() for name in cells["themes"].replace(",", "、").split("、") if name.strip()]
    ids = [_theme_id(name, schema, table, row) for name in names]
    labels = {name: label for label, name in words.sentiments.items()}
    label = labels.get(cells.get("sentiment", ""), "neutral")
    return _prediction(
        text,
        ids,
        scores,
        label,
        {theme: _find(text, cells.get("evidence", ""), words.between_quotes) for theme in ids},
        _find(text, cells.get("about", ""), words.between_names),
        cells.get("needs_review", "") == words.yes,
        schema,
    )


def _from_objects(table: Table, schema: ThemeSchema) -> dict[int, list[Prediction | None]]:
    found: dict[int, list[Prediction | None]] = {}
    for column in table.text_columns:
        rows: list[Prediction | None] = []
        for row, value in enumerate(table.raw.origin):
            fields = value
            if len(table.text_columns) > 1:
                each = value.get("predictions")
                fields = each.get(table.label(column)) if isinstance(each, dict) else None
            rows.append(_from_fields(table.text(row, column), fields, table, row, schema))
        if any(rows):
            found[column] = rows
    return found


def _from_fields(text: str, fields: Any, table: Table, row: int, schema: ThemeSchema) -> Prediction | None:
    """A prediction from the fields of its JSON shape; None if the object is no prediction (a labelled row, say)."""
    try:
        label = fields["sentiment"]["label"]
        ids = [_theme_id(tag["id"], schema, table, row) for tag in fields["themes"]]
        evidence = {
            tag["id"]: [Span(s["start"], s["end"], s["text"]) for s in tag["evidence"]] for tag in fields["themes"]
        }
        about = [Span(s["start"], s["end"], s["text"]) for s in fields["about"]]
        scores = {theme: _number(fields["scores"].get(theme)) for theme in schema.ids}
        review = bool(fields["needs_review"])
    except (KeyError, TypeError, AttributeError):
        return None
    return _prediction(text, ids, scores, label if label in SENTIMENTS else "neutral", evidence, about, review, schema)


def _prediction(
    text: str,
    ids: Sequence[str],
    scores: Mapping[str, float],
    label: SentimentLabel,
    evidence: Mapping[str, Sequence[Span]],
    about: Sequence[Span],
    needs_review: bool,
    schema: ThemeSchema,
) -> Prediction:
    # A theme that someone added by hand has no score over the threshold; it counts all the same.
    tags = [ThemeTag(i, schema[i].name_zh, scores[i] or 1.0, tuple(evidence.get(i, ()))) for i in dict.fromkeys(ids)]
    return Prediction(
        id=None,
        text=text,
        themes=tuple(sorted(tags, key=lambda tag: -tag.score)),
        sentiment=Sentiment(label, {name: float(name == label) for name in SENTIMENTS}),
        about=tuple(about),
        scores=scores,
        needs_review=needs_review,
        truncated=False,
        model="",
    )


def _theme_id(name: str, schema: ThemeSchema, table: Table, row: int) -> str:
    for theme in schema.themes:
        if name in (theme.id, theme.name_zh, theme.name_en) and not theme.retired:
            return theme.id
    known = "、".join(schema[i].name_zh for i in schema.ids)
    number = table.row_number(row)
    raise InputError(
        f"{table.path.name}, row {number}: the theme {name!r} is not in the schema; use one of {known}",
        f"{table.path.name} 第 {number} 行的主题“{name}”不在主题定义里；请改成 {known} 之一",
    )


def _find(text: str, joined: str, separator: str) -> list[Span]:
    spans = []
    for piece in joined.split(separator.strip()) if separator.strip() else [joined]:
        start = text.find(piece.strip())
        if piece.strip() and start >= 0:
            spans.append(Span(start, start + len(piece.strip()), piece.strip()))
    return spans


def _number(value: Any) -> float:
    try:
        return min(max(float(value), 0.0), 1.0)
    except (TypeError, ValueError):
        return 0.0
