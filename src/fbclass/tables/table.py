"""A table as fbclass reads it: what every reader returns and every writer takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fbclass.tables.cells import cell_text, letter, one_line

Format = Literal["xlsx", "csv", "tsv", "txt", "jsonl", "parquet"]
GRIDS: tuple[Format, ...] = ("xlsx", "csv", "tsv")  # cells in rows and columns, header somewhere on top


@dataclass(frozen=True, slots=True)
class Note:
    """One short line for the person at the keyboard, in both languages."""

    english: str
    chinese: str

    def message(self, language: str) -> str:
        """The line in ``language``: "zh" or "en"."""
        return self.chinese if language == "zh" else self.english


@dataclass(frozen=True, slots=True)
class RawTable:
    """A file as its reader found it, before anyone has asked what is in the columns.

    For grids, ``rows`` are all rows of the sheet and ``header`` is None; for the other formats
    ``header`` names the fields and ``rows`` hold the data only. ``line_numbers`` says where each row
    stands in the file, 1-based. ``origin`` is what the writer of the same format needs to give the
    file back as it was: the bytes of a workbook, the delimiter of a CSV file, the objects of JSON Lines.
    """

    path: Path
    format: Format
    header: tuple[str, ...] | None
    rows: tuple[tuple[Any, ...], ...]
    line_numbers: tuple[int, ...]
    origin: Any
    sheet: str | None = None
    other_sheets: tuple[str, ...] = ()  # sheets with data that are not read


@dataclass(frozen=True, slots=True)
class Comment:
    """One answer to one open question. ``text`` is as given, "" where nothing was answered."""

    row: int  # index into Table.rows
    column: int  # index into Table.header
    text: str
    department: str | None
    question: str | None


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its header found and its open-text columns chosen.

    ``header`` and every row have the same length; cells hold what the file holds (text, numbers,
    dates, None). ``header_row`` is the 1-based row of the header, 0 in formats that have none.
    ``text_columns`` and ``department_column`` are indices into ``header``. ``notes`` say what was
    taken, and why the rest was not.
    """

    raw: RawTable
    header: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    header_row: int
    text_columns: tuple[int, ...]
    department_column: int | None
    notes: tuple[Note, ...]

    @property
    def path(self) -> Path:
        """The file the table was read from."""
        return self.raw.path

    @property
    def format(self) -> Format:
        """The format of that file."""
        return self.raw.format

    def row_number(self, row: int) -> int:
        """Where the row with index ``row`` stands in the file: the row number in Excel, the line of JSON Lines."""
        offset = self.header_row if self.format in GRIDS else 0
        return self.raw.line_numbers[offset + row]

    def label(self, column: int) -> str:
        """How to speak of a column: its header, or its Excel letter when that is blank."""
        return one_line(self.header[column]) or letter(column)

    def text(self, row: int, column: int) -> str:
        """The text of one cell: "" for blank cells, formula errors and the markers of unanswered questions."""
        return cell_text(self.rows[row][column], unanswered=self.format in GRIDS)

    def texts(self, column: int) -> list[str]:
        """The texts of one column, one per row."""
        return [self.text(row, column) for row in range(len(self.rows))]

    def comments(self) -> Iterator[Comment]:
        """Every cell of the chosen columns, column by column, blank ones included."""
        for column in self.text_columns:
            label = self.label(column)
            question = None if self.format == "txt" or label == "text" else label  # "text" asks nothing
            for row in range(len(self.rows)):
                department = self.text(row, self.department_column) if self.department_column is not None else ""
                yield Comment(row, column, self.text(row, column), department.strip() or None, question)
