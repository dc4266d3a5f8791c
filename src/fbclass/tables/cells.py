"""Single cells: what text is in one, and what may safely be written into one."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from typing import Any

_ERRORS = frozenset({"#N/A", "#NAME?", "#REF!", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!", "#CALC!"})
# What 问卷星 and others write where a question was skipped.
_UNANSWERED = frozenset({"(空)", "(跳过)", "（空）", "（跳过）"})
# A spreadsheet takes a cell that starts with one of these for a formula (OWASP: CSV injection).
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # the full-width forms too
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
EXCEL_CELL = 32_767  # characters that Excel keeps in one cell


def cell_text(value: Any, *, unanswered: bool) -> str:
    """The text of a cell of any type; blank for None, formula errors and, if asked, markers of unanswered questions."""
    if value is None:
        return ""
    if isinstance(value, str):
        stripped = value.strip()
        if stripped in _ERRORS or (unanswered and stripped in _UNANSWERED):
            return ""
        return value
    return plain(value)


def plain(value: Any) -> str:
    """A cell as text for a format without types: 3.0 is "3", dates are ISO 8601 with a space."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, dt.datetime):
        # A workbook knows no dates without a time: midnight is how it says that there is none.
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(sep=" ")
    if isinstance(value, (dict, list)):
        import json

        return json.dumps(value, ensure_ascii=False)
    return str(value)


def letter(column: int) -> str:
    """The Excel letter of a 0-based column: 0 is A, 26 is AA."""
    letters = ""
    number = column + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def from_letter(name: str) -> int | None:
    """The 0-based column of an Excel letter, None if it is none."""
    if not re.fullmatch("[A-Za-z]{1,3}", name):
        return None
    number = 0
    for character in name.upper():
        number = number * 26 + ord(character) - ord("A") + 1
    return number - 1


def one_line(text: str) -> str:
    """The text with line breaks and runs of white space as one space."""
    return " ".join(text.split())


def shorten(text: str, length: int) -> str:
    """The text on one line, at most ``length`` characters long."""
    text = one_line(text)
    return text if len(text) <= length else text[: length - 1] + "…"


def fold(text: str) -> str:
    """A header for comparing: NFKC, lower case, no white space."""
    return "".join(unicodedata.normalize("NFKC", text).lower().split())


def legal(text: str) -> str:
    """The text without what a workbook cannot hold, cut where Excel would cut it."""
    text = _ILLEGAL.sub("", text)
    return text if len(text) <= EXCEL_CELL else text[: EXCEL_CELL - 1] + "…"


def looks_like_formula(text: str) -> bool:
    """True if a spreadsheet would run the cell instead of showing it."""
    return text.startswith(_FORMULA)


def without_formula(text: str) -> str:
    """The text for a delimited file, with an apostrophe in front where a spreadsheet would see a formula."""
    return "'" + text if looks_like_formula(text) else text
