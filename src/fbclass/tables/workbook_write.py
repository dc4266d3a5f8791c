"""Give a workbook back with result columns to the right, everything else as it was."""

from __future__ import annotations

import importlib.util
import io
import zipfile
from collections.abc import Sequence
from copy import copy
from typing import Any

from fbclass.errors import OutputError
from fbclass.tables.cells import EXCEL_CELL, legal, looks_like_formula, plain
from fbclass.tables.results import ResultColumn
from fbclass.tables.table import Note, Table
from fbclass.tables.workbook import reading_workbook

_HEADER_FILL = "DDEBF7"  # a light blue of the standard palette: added here, not yours
_MAX_ROWS, _MAX_COLUMNS = 1_048_576, 16_384


def copy_with_results(table: Table, added: Sequence[ResultColumn], *, macros: bool) -> tuple[bytes, tuple[Note, ...]]:
    """The workbook that the table was read from, with the columns added to its sheet."""
    import openpyxl

    data: bytes = table.raw.origin
    with reading_workbook(table.path.name, data) as warnings:
        book = openpyxl.load_workbook(io.BytesIO(data), rich_text=True, keep_vba=macros)
    sheet = book[table.raw.sheet]
    first = _first_free_column(sheet, len(table.header))
    _check_size(table, table.header_row + len(table.rows), first + len(added) - 1)
    _add(sheet, table, added, first)
    _arrange(sheet, table, first + len(added) - 1)
    return _saved(book), _lost(data, warnings, macros)


def new_workbook(table: Table, added: Sequence[ResultColumn]) -> bytes:
    """A new workbook with the table and its results. Text stays text: 00123 keeps its zeros, =1+1 is no formula."""
    import openpyxl

    _check_size(table, len(table.rows) + 1, len(table.header) + len(added))
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "fbclass"
    for column, name in enumerate(table.header, 1):
        _put_text(sheet.cell(1, column), name)
        longest = max((len(plain(row[column - 1])) for row in table.rows[:200]), default=0)
        sheet.column_dimensions[sheet.cell(1, column).column_letter].width = min(max(10, 2 * longest), 60)
    for number, row in enumerate(table.rows, 2):
        for column, value in enumerate(row, 1):
            if isinstance(value, (int, float)):
                sheet.cell(number, column).value = value
            elif value not in (None, ""):
                _check_length(table, number - 2, column - 1, plain(value))
                _put_text(sheet.cell(number, column), plain(value))
    _add(sheet, table, added, len(table.header) + 1, header_row=1)
    _arrange(sheet, table, len(table.header) + len(added), header_row=1)
    return _saved(book)


def _first_free_column(sheet: Any, width: int) -> int:
    """The 1-based column to the right of every value, merged range and table of the sheet."""
    # Not sheet.max_column: columns that only carry a format would push the results far away.
    edges = [width, *(merged.max_col for merged in sheet.merged_cells.ranges)]
    # iter_rows would create every cell down to the last formatted row, a million of them in some files.
    edges += [column for (_, column), cell in sheet._cells.items() if cell.value is not None]
    from openpyxl.utils.cell import range_boundaries

    edges += [range_boundaries(listed.ref)[2] for listed in sheet.tables.values()]
    return int(max(edges)) + 1


def _add(sheet: Any, table: Table, added: Sequence[ResultColumn], first: int, header_row: int | None = None) -> None:
    from openpyxl.styles import Alignment, Font, PatternFill

    top = header_row or table.header_row
    beside = sheet.cell(top, len(table.header))
    fill = PatternFill("solid", fgColor=_HEADER_FILL)
    for column, result in enumerate(added, first):
        head = sheet.cell(top, column)
        _put_text(head, result.header)
        head.fill = fill
        # The user's own font, so that the columns look as if they had always been there, but bold and dark.
        head.font = Font(name=beside.font.name, sz=beside.font.sz, b=True, color="FF1F3864")
        head.alignment = Alignment(horizontal="center", vertical="center", wrap_text=True)
        head.border = copy(beside.border)
        sheet.column_dimensions[head.column_letter].width = result.width
        style = None
        for row, value in enumerate(result.values, top + 1):
            if value is None or value == "":
                continue
            cell = sheet.cell(row, column)
            if style is None:
                cell.font = Font(name=beside.font.name, sz=beside.font.sz)
                cell.alignment = Alignment(vertical="center")
                if result.is_score:
                    cell.number_format = "0.00"
                style = copy(cell._style)
            cell._style = copy(style)  # a hundred times faster than a new Font for every cell
            if result.is_score:
                cell.value = value
            else:
                _put_text(cell, str(value))


def _put_text(cell: Any, text: str) -> None:
    """Write text as text, also where it looks like a formula or an error value."""
    cell.value = legal(text)
    cell.data_type = "s"
    if looks_like_formula(text):
        cell.quotePrefix = True  # stays text when someone edits the cell in Excel


def _arrange(sheet: Any, table: Table, last: int, header_row: int | None = None) -> None:
    """Freeze the header and offer a filter, unless the user has set up their own."""
    top = header_row or table.header_row
    if sheet.freeze_panes is None:
        sheet.freeze_panes = f"A{top + 1}"
    if sheet.tables:
        return  # a filter across a table object makes Excel repair the file
    from openpyxl.utils.cell import get_column_letter, range_boundaries

    start = 1
    if sheet.auto_filter.ref:
        left, upper, _, _ = range_boundaries(sheet.auto_filter.ref)
        if upper != top:
            return
        start = left
    bottom = top + len(table.rows)
    sheet.auto_filter.ref = f"{get_column_letter(start)}{top}:{get_column_letter(last)}{bottom}"


def _saved(book: Any) -> bytes:
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _check_size(table: Table, rows: int, columns: int) -> None:
    if rows > _MAX_ROWS or columns > _MAX_COLUMNS:
        raise OutputError(
            f"{table.path.name} gives {rows:,} rows and {columns:,} columns, a sheet holds {_MAX_ROWS:,} and "
            f"{_MAX_COLUMNS:,}: write to .csv instead",
            f"{table.path.name} 的结果有 {rows:,} 行 {columns:,} 列，一张工作表最多 {_MAX_ROWS:,} 行 "
            f"{_MAX_COLUMNS:,} 列：请改为输出 .csv",
        )


def _check_length(table: Table, row: int, column: int, text: str) -> None:
    if len(text) > EXCEL_CELL:
        number, label = table.row_number(row), table.label(column)
        raise OutputError(
            f"{table.path.name}, row {number}, column {label}: {len(text):,} characters, a cell of Excel holds "
            f"{EXCEL_CELL:,}: write to .csv or .jsonl instead",
            f"{table.path.name} 第 {number} 行“{label}”有 {len(text):,} 个字符，Excel 一格最多 {EXCEL_CELL:,} 个："
            "请改为输出 .csv 或 .jsonl",
        )


def _lost(data: bytes, warnings: Sequence[str], macros: bool) -> tuple[Note, ...]:
    """What openpyxl cannot carry over; the original still has it."""
    english, chinese = [], []
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    if any(name.startswith("xl/media/") for name in names) and importlib.util.find_spec("PIL") is None:
        english.append("pictures (pip install pillow keeps them)")
        chinese.append("图片（安装 pillow 后可以保留）")
    if any("DrawingML" in text for text in warnings):
        english.append("shapes and text boxes")
        chinese.append("图形和文本框")
    if any("extension is not supported" in text for text in warnings):
        english.append("newer kinds of conditional formats or data validation")
        chinese.append("新版条件格式或数据验证")
    if not macros and any(name.endswith("vbaProject.bin") for name in names):
        english.append("macros")
        chinese.append("宏")
    if not english:
        return ()
    return (
        Note(
            f"The copy is without: {', '.join(english)}; the original still has them",
            f"结果文件里没有保留：{'、'.join(chinese)}；原文件不受影响",
        ),
    )
