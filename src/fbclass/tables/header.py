"""Find the row of a sheet that holds the column names."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

from fbclass.tables.cells import cell_text
from fbclass.tables.columns import is_data_like

_LOOK_AT = 50  # rows: titles and notes above a header are few
_FULL_ENOUGH = 0.6  # share of the usual width: a title stands alone, a header names nearly every column


def find_header(rows: Sequence[Sequence[Any]]) -> int:
    """The index of the header row: the first that is about as wide as the table and holds names, not data.

    Survey exports put the title of the survey, or a line of notes, above it.
    """
    texts = [[cell_text(value, unanswered=False).strip() for value in row] for row in rows[:_LOOK_AT]]
    widths = [sum(map(bool, row)) for row in texts]
    needed = max(widths, default=0)
    needed = max(2, ceil(_FULL_ENOUGH * needed)) if needed > 1 else 1
    wide = [index for index, width in enumerate(widths) if width >= needed]
    for index in wide:
        cells = [text for text in texts[index] if text]
        if sum(map(is_data_like, cells)) <= len(cells) / 2:
            return index
    return wide[0] if wide else 0


def looks_like_comment(header: str) -> bool:
    """True if a header reads like an answer: the file may have no header, and its first comment would be lost."""
    text = header.strip()
    return len(text) > 12 and text[-1] in "。!！~.;；" and not any(mark in text for mark in "?？:：")
