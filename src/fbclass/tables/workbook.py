"""Excel workbooks: read the values of a sheet, and say clearly what is wrong with a file that is none."""

from __future__ import annotations

import io
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from fbclass.errors import InputError
from fbclass.tables.table import RawTable

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# openpyxl has no error of its own for a broken part: whatever its parsers trip over comes through.
_BROKEN = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, ParseError, SyntaxError, EOFError, OSError, RuntimeError),
    *(LookupError, ValueError, TypeError, AttributeError),
)
_MIN_ROWS = 2  # a header and an answer: a cover sheet with a title is no table


def read_workbook(path: Path, data: bytes, sheet: str | None = None) -> RawTable:
    """Read one sheet: ``sheet`` by name or 1-based number, else the first visible one with data.

    Formulas count with the value that Excel last showed. ``origin`` holds the bytes of the workbook.
    """
    with reading_workbook(path.name, data):
        import openpyxl

        # Read-only mode: a third of the memory, and with data_only the values of formulas.
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        try:
            sheets = [(s.title, s.sheet_state == "visible") for s in book.worksheets]
            wanted = _wanted(path.name, sheets, sheet)
            grids = {name: _grid(book[name]) for name in ([wanted] if wanted else [name for name, _ in sheets])}
        finally:
            book.close()
    if wanted is None:
        full = [name for name, _ in sorted(sheets, key=lambda s: not s[1]) if len(_filled(grids[name])) >= _MIN_ROWS]
        if not full:
            raise InputError(
                f"{path.name} has no sheet with a header and at least one row of data: check that it is the right file",
                f"{path.name} 里没有带表头和数据的工作表：请确认文件是否正确",
            )
        wanted = full[0]
        others = tuple(name for name in full[1:] if dict(sheets)[name])
    else:
        others = ()
        if len(_filled(grids[wanted])) < _MIN_ROWS:
            raise InputError(
                f"{path.name}: the sheet {wanted} is empty (it needs a header and at least one row); "
                "choose another with --sheet",
                f"{path.name} 的工作表“{wanted}”是空的（至少要有表头和一行数据）；请用 --sheet 换一个",
            )
    rows = grids[wanted]
    return RawTable(
        path, "xlsx", None, rows, tuple(range(1, len(rows) + 1)), origin=data, sheet=wanted, other_sheets=others
    )


@contextmanager
def reading_workbook(name: str, data: bytes) -> Iterator[list[str]]:
    """Turn whatever openpyxl raises over a file that is no workbook into ``InputError``; yields its warnings."""
    _check_container(name, data)
    said: list[str] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield said
        said.extend(str(warning.message) for warning in caught)
    except _BROKEN as error:
        raise _damaged(name, str(error)) from error


def _check_container(name: str, data: bytes) -> None:
    if data.startswith(_OLE):
        # Streams of an OLE container are named in UTF-16; an encrypted workbook is kept in EncryptedPackage.
        if "EncryptedPackage".encode("utf-16-le") in data:
            raise InputError(
                f"{name} is protected with a password: open it in Excel, remove the password and save it again",
                f"{name} 设置了打开密码：请在 Excel 中打开，去掉密码后重新保存",
            )
        raise old_xls(name)
    if not data.startswith(b"PK"):
        raise _damaged(name, "not a ZIP archive" if data else "0 bytes")


def old_xls(name: str) -> InputError:
    """The error for workbooks of Excel 97 to 2003."""
    return InputError(
        f"{name} is a workbook of the old .xls format: open it in Excel and save it as .xlsx",
        f"{name} 是旧版 .xls 格式：请用 Excel 打开并另存为 .xlsx",
    )


def _damaged(name: str, reason: str) -> InputError:
    reason = reason.strip("'\"")[:100]
    return InputError(
        f"{name} is damaged or not an Excel workbook ({reason}): open it in Excel and save it again as .xlsx",
        f"{name} 已损坏，或者不是 Excel 工作簿（{reason}）：请用 Excel 打开并重新保存为 .xlsx",
    )


def _wanted(name: str, sheets: list[tuple[str, bool]], sheet: str | None) -> str | None:
    if sheet is None:
        return None
    names = [title for title, _ in sheets]
    for title in names:  # the name first: a sheet may be called 2024
        if title.strip() == sheet.strip():
            return title
    if sheet.isdecimal() and 1 <= int(sheet) <= len(names):
        return names[int(sheet) - 1]
    listed_en, listed_zh = ", ".join(names), "、".join(names)
    raise InputError(
        f"{name} has no sheet {sheet!r}: give --sheet one of {listed_en}, or a number from 1 to {len(names)}",
        f"{name} 里没有工作表“{sheet}”：--sheet 可以写 {listed_zh}，或者 1 到 {len(names)} 的序号",
    )


def _grid(sheet: Any) -> tuple[tuple[Any, ...], ...]:
    # Some exporters state a wrong size (A1 for the whole sheet), and read-only mode would believe it.
    sheet.reset_dimensions()
    from openpyxl.utils.escape import unescape

    rows = [
        tuple(unescape(value) if isinstance(value, str) and "_x" in value else value for value in row)
        for row in sheet.iter_rows(values_only=True)
    ]
    while rows and not _has_value(rows[-1]):
        rows.pop()
    return tuple(rows)


def _filled(rows: tuple[tuple[Any, ...], ...]) -> list[tuple[Any, ...]]:
    return [row for row in rows if _has_value(row)]


def _has_value(row: tuple[Any, ...]) -> bool:
    return any(value is not None and value != "" for value in row)
