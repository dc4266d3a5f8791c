"""Read labelled comments: JSON Lines, a folder of them, or a table that someone has filled in.

JSON Lines: ``text``, ``themes`` (ids or names), ``sentiment``, and if marked ``evidence`` (theme ->
pieces of the text), ``about`` (pieces), ``group``, ``id``, ``unlabelled`` (themes not looked for).
Tables: columns text/文本, themes/主题, sentiment/情感, and if there are any group, id, unlabelled/未标注.
What ``fbclass classify`` wrote, corrected by hand, can be read too; its evidence is then the model's
own and is not taken for gold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from fbclass.errors import InputError
from fbclass.evaluation.gold import Gold, all_places, first_places
from fbclass.results import SENTIMENTS, SentimentLabel, Span
from fbclass.schema import ThemeSchema
from fbclass.tables import Table, read_table
from fbclass.tables.cells import fold, plain, shorten
from fbclass.tables.table import GRIDS

# How a column may be called, folded; the first name of each is what messages ask for, in English and Chinese.
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "text": ("text", "文本"),
    "themes": ("themes", "主题", "theme"),
    "sentiment": ("sentiment", "情感", "情绪"),
    "evidence": ("evidence",),
    "about": ("about",),
    "group": ("group", "分组"),
    "unlabelled": ("unlabelled", "未标注"),
    "id": ("id", "编号", "序号"),
}
_SEPARATORS = re.compile("[、,，;；|┋\n]")
_NO_THEME = frozenset({"", "无", "没有", "none", "-", "/"})
_SENTIMENT_NAMES: Mapping[str, SentimentLabel] = {label: label for label in SENTIMENTS} | {
    "负面": "negative",
    "消极": "negative",
    "中性": "neutral",
    "正面": "positive",
    "积极": "positive",
}


def read_gold(path: str | Path, schema: ThemeSchema, *, column: str | None = None) -> list[Gold]:
    """All labelled comments of a file, or of every ``.jsonl`` file in a folder, in order.

    ``column``: where the text is, if it is not called text or 文本. Rows with neither themes nor
    sentiment are not labelled and are left out. ``InputError`` names file, row and value.
    """
    path = Path(path)
    files = _files(path) if path.is_dir() else [path]
    gold = [row for file in files for row in _read(file, schema, column)]
    if not gold:
        raise InputError(
            f"{path} has no labelled comment: fill in the columns themes and sentiment",
            f"{path} 里没有标注过的意见：请填写“主题”和“情感”两列",
        )
    return gold


def _files(folder: Path) -> list[Path]:
    # p2 before p10, as in the file manager.
    files = sorted(folder.glob("*.jsonl"), key=lambda file: (len(file.stem), file.stem))
    if not files:
        inside = ", ".join(sorted(inner.name for inner in folder.iterdir() if inner.is_dir())) or "-"
        raise InputError(
            f"the folder {folder} has no .jsonl file: give one that has, or a single file (folders inside: {inside})",
            f"文件夹 {folder} 里没有 .jsonl 文件：请指定含有标注文件的文件夹或某个文件（其中的子文件夹：{inside}）",
        )
    return files


def _read(path: Path, schema: ThemeSchema, column: str | None) -> list[Gold]:
    table = _table(path, column)
    columns = _find_columns(table, column)
    names = {fold(name): t.id for t in schema.themes for name in (t.id, t.name_zh, t.name_en)}
    known = (
        ", ".join(f"{i} ({schema[i].name_en})" for i in schema.ids),
        "、".join(f"{schema[i].name_zh}（{i}）" for i in schema.ids),
    )
    rows = []
    for index in range(len(table.rows)):
        cells = {name: table.rows[index][at] for name, at in columns.items()}
        if any(not _blank(cells[name]) for name in ("themes", "sentiment")):
            place = _Place(table, index, names, known)
            if cells["themes"] is None and table.format not in GRIDS:  # a blank cell says none, a missing field nothing
                place.fail("themes is missing; write [] for a comment with none", "缺少 themes；没有主题请写 []")
            rows.append(_row(place, table.text(index, columns["text"]), cells))
    return rows


def _table(path: Path, column: str | None) -> Table:
    if column is not None:
        return read_table(path, columns=(column,))
    for name in _COLUMNS["text"]:
        try:
            table = read_table(path, columns=(name,))
        except InputError:
            continue
        if fold(table.header[table.text_columns[0]]) == name:  # not a column that only contains the word
            return table
    return read_table(path)  # finds the column of open text, or says what is wrong with the file


def _find_columns(table: Table, column: str | None) -> dict[str, int]:
    if column is None and len(table.text_columns) != 1:
        several = "、".join(table.label(c) for c in table.text_columns)
        raise InputError(
            f"{table.path.name} has several columns of text ({several}): name the labelled one with --column",
            f"{table.path.name} 里有好几列文本（{several}）：请用 --column 写明标注的是哪一列",
        )
    header = [fold(name) for name in table.header]
    found = {"text": table.text_columns[0]}
    for key, names in _COLUMNS.items():
        if key in ("evidence", "about") and table.format in GRIDS:
            continue  # a cell of quotes, as classify writes it: the model's own
        at = next((header.index(name) for name in names if name in header), None)
        if at is not None and key not in found:
            found[key] = at
    for key in ("themes", "sentiment"):
        if key not in found:
            english, chinese, *_ = _COLUMNS[key]
            there = "、".join(shorten(name, 20) for name in table.header if name.strip())
            raise InputError(
                f"{table.path.name} has no column {english} (or {chinese}): labelled comments need text, themes and "
                f"sentiment; it has {there}",
                f"{table.path.name} 里没有“{chinese}”（或 {english}）这一列：标注数据要有文本、主题、情感三列；"
                f"现在有 {there}",
            )
    return found


class _Place:
    """One row of a file: speaks of it in errors, and knows the names of the themes."""

    def __init__(self, table: Table, index: int, names: Mapping[str, str], known: tuple[str, str]) -> None:
        self.file, self.row, self.names, self.known = table.path.name, table.row_number(index), names, known

    def fail(self, english: str, chinese: str) -> NoReturn:
        raise InputError(f"{self.file}, row {self.row}: {english}", f"{self.file} 第 {self.row} 行：{chinese}")

    def themes(self, cell: Any) -> frozenset[str]:
        """Ids from a list of ids, names or theme objects, or from a cell of names."""
        parts = cell if isinstance(cell, list | tuple) else _SEPARATORS.split(plain(cell))
        ids = set()
        for part in parts:
            name = str(part.get("id", part) if isinstance(part, Mapping) else part).strip()
            if fold(name) in _NO_THEME:
                continue
            if fold(name) not in self.names:
                self.fail(
                    f"the theme {name!r} is not in the schema; use {self.known[0]}",
                    f"主题“{name}”不在主题定义里；可以写 {self.known[1]}",
                )
            ids.add(self.names[fold(name)])
        return frozenset(ids)

    def sentiment(self, cell: Any) -> SentimentLabel:
        """One of SENTIMENTS from its id, its Chinese name or a sentiment object."""
        name = plain(cell.get("label") if isinstance(cell, Mapping) else cell).strip()
        if name.lower() not in _SENTIMENT_NAMES:
            self.fail(
                f"the sentiment {name!r} is not known; use negative, neutral or positive",
                f"情感“{name}”不认识；请写 负面、中性 或 正面",
            )
        return _SENTIMENT_NAMES[name.lower()]

    def pieces(self, text: str, value: Any, field: str, *, everywhere: bool) -> tuple[Span, ...]:
        """Spans of the pieces of text listed in ``value``."""
        if not isinstance(value, list) or not all(isinstance(piece, str) for piece in value):
            self.fail(f"{field} must be a list of pieces of the text", f"{field} 必须是原文片段的列表")
        try:
            return (all_places if everywhere else first_places)(text, value)
        except ValueError as error:
            self.fail(
                f"{field}: {error.args[0]!r} is not a part of the text; copy it exactly",
                f"{field}：“{error.args[0]}”不是原文的一部分；请原样复制",
            )


def _row(place: _Place, text: str, cells: Mapping[str, Any]) -> Gold:
    themes, evidence, about = cells["themes"], cells.get("evidence"), cells.get("about")
    if isinstance(cells["sentiment"], Mapping) or (
        isinstance(themes, Sequence) and any(isinstance(theme, Mapping) for theme in themes)
    ):
        evidence = about = None  # the shape of a prediction: the spans are the model's own
    if evidence is not None and not isinstance(evidence, Mapping):
        place.fail("evidence must give a list of pieces for each theme", "evidence 必须按主题给出原文片段的列表")
    marked: dict[str, tuple[Span, ...]] = {}
    for name, pieces in (evidence or {}).items():
        for theme in place.themes([name]):
            marked[theme] = place.pieces(text, pieces, f"evidence {name}", everywhere=False)
    return Gold(
        text=text,
        themes=place.themes(themes),
        sentiment=place.sentiment(cells["sentiment"]),
        evidence=marked if evidence is not None else None,
        about=place.pieces(text, about, "about", everywhere=True) if about is not None else None,
        group=plain(cells.get("group")) or None,
        unlabelled=place.themes(cells.get("unlabelled")),
        id=plain(cells.get("id")) or None,
        file=place.file,
        row=place.row,
    )


def _blank(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())
