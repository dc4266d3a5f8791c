"""CSV, TSV and plain text: read any encoding and delimiter, give the same delimiter back."""

from __future__ import annotations

import csv
import io
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fbclass.errors import InputError
from fbclass.tables.cells import plain
from fbclass.tables.encoding import decode
from fbclass.tables.table import Format, RawTable

_DELIMITERS = (",", "\t", ";")
_NO_DELIMITER = "\x1e"  # for files of one column
_SENTINEL = "\x1ffbclass-end\x1f"
_LIMIT = threading.Lock()


def read_delimited(path: Path, data: bytes, kind: Format) -> RawTable:
    """Read a CSV or TSV file. Row numbers are those that Excel shows: a quoted line break starts no new row."""
    text = decode(data, path.name)
    default = "\t" if kind == "tsv" else ","
    delimiter = _sniff(text, default)
    rows, open_quote = _parse(text, delimiter or _NO_DELIMITER)
    if open_quote and delimiter in (None, "\t"):
        # Programs that write tabs often know no quotes, and a comment may open with one.
        rows, open_quote = _parse(text, delimiter or _NO_DELIMITER, quoted=False)
    if open_quote:
        raise InputError(
            f"{path.name}, line {open_quote}: a quotation mark opens a cell that is never closed, so all rows after it "
            "would be swallowed; close the quote or save the file again from Excel",
            f"{path.name} 第 {open_quote} 行有一个双引号没有配对，后面的行都会被并进这一格；"
            "请补上引号，或用 Excel 重新保存",
        )
    while rows and not any(rows[-1]):
        rows.pop()
    return RawTable(
        path=path,
        format=kind,
        header=None,
        rows=tuple(tuple(row) for row in rows),
        line_numbers=tuple(range(1, len(rows) + 1)),
        origin=delimiter or default,
    )


def read_lines(path: Path, data: bytes) -> RawTable:
    """Read a text file, one comment a line; blank lines in between stay as blank rows."""
    lines = decode(data, path.name).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    return RawTable(
        path=path,
        format="txt",
        header=("意见",),
        rows=tuple((line,) for line in lines),
        line_numbers=tuple(range(1, len(lines) + 1)),
        origin=None,
    )


def delimited_bytes(rows: Iterable[Sequence[Any]], delimiter: str) -> bytes:
    """Rows as a file in UTF-8 with a byte order mark, without which Excel takes Chinese for gibberish."""
    stream = io.StringIO(newline="")
    # A cell with the delimiter or a line break can only be written with quotes, also where the input had none.
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\r\n")
    for row in rows:
        writer.writerow([plain(value) for value in row])
    return stream.getvalue().encode("utf-8-sig", errors="replace")


def _parse(text: str, delimiter: str, *, quoted: bool = True) -> tuple[list[list[str]], int | None]:
    """All rows, and the line where a quote opens that is never closed (None if all is well)."""
    # A sentinel row at the end: if it does not come back alone, an open quote has swallowed it.
    if text and not text.endswith(("\n", "\r")):
        text += "\n"
    reader = csv.reader(
        io.StringIO(text + _SENTINEL, newline=""),
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
    )
    rows: list[list[str]] = []
    start = 1
    with _unlimited_fields():
        for row in reader:
            rows.append(row)
            last, start = start, reader.line_num + 1
    if rows.pop() == [_SENTINEL]:
        return rows, None
    return rows, last


def _sniff(text: str, default: str) -> str | None:
    """The delimiter that sets most of the first rows apart into the same number of cells; None for one column.

    ``csv.Sniffer`` takes letters for delimiters when a file has one column, and Chinese text has many commas.
    """
    sample = text[:65536]
    if len(text) > len(sample):
        sample = sample[: max(sample.rfind("\n"), 1)]
    found: list[tuple[float, int, str]] = []
    header_apart = False
    for delimiter in _DELIMITERS:
        rows, _ = _parse(sample, delimiter)
        widths = [len(row) for row in rows[:50] if any(row)]
        if not widths:
            return default
        header_apart |= widths[0] > 1
        usual = max(set(widths), key=lambda width: (widths.count(width), width))
        if usual > 1:
            # The usual delimiter of the ending wins over an equally even one.
            found.append((widths.count(usual) / len(widths), delimiter == default, delimiter))
    share, _, best = max(found, default=(0.0, 0, default))
    # One comment a line with commas in it: the first line, a header, has none and the others are uneven.
    return best if header_apart or share >= 0.6 else None


@contextmanager
def _unlimited_fields() -> Iterator[None]:
    """Lift the csv module's limit of 128 KiB a field, which is global: our own limit names row and column."""
    with _LIMIT:
        before = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
        try:
            yield
        finally:
            csv.field_size_limit(before)
