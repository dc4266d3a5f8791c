"""Read a file of comments, whatever its format, and find what in it is to be classified."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fbclass.errors import InputError
from fbclass.tables.cells import cell_text, letter, plain
from fbclass.tables.columns import Profile, profile
from fbclass.tables.delimited import read_delimited, read_lines
from fbclass.tables.header import find_header, looks_like_comment
from fbclass.tables.jsonlines import read_jsonl
from fbclass.tables.parquet import read_parquet
from fbclass.tables.results import result_indices
from fbclass.tables.select import choose_department, choose_text_columns, find_column
from fbclass.tables.table import GRIDS, Format, Note, RawTable, Table
from fbclass.tables.workbook import old_xls, read_workbook

READABLE: dict[str, Format] = {
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "txt",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
MAX_CHARACTERS = 100_000  # in one cell: a file that ended up in a cell, not a comment


def read_table(
    path: str | Path, *, columns: Sequence[str] = (), sheet: str | None = None, department: str | None = None
) -> Table:
    """Read ``path`` and choose its open-text columns, or take the ``columns`` named (headers or Excel letters).

    ``sheet``: name or 1-based number, for workbooks; the first one with data otherwise.
    ``department``: the column that says where the writer works; found by its name otherwise.
    Raises ``InputError`` with file, row and column for everything that cannot be read.
    """
    raw = _read_raw(Path(path), sheet)
    file = raw.path.name
    header, first = _header(raw, columns)
    width = len(header)
    rows = tuple((*row, *(None,) * (width - len(row)))[:width] for row in raw.rows[first:])
    if not any(plain(value).strip() for row in rows for value in row):
        raise InputError(
            f"{file} holds no comments: it is empty or has nothing below its header",
            f"{file} 里没有意见：文件是空的，或者表头下面没有内容",
        )
    texts = [[cell_text(row[c], unanswered=raw.format in GRIDS) for row in rows] for c in range(width)]
    notes: list[Note] = []
    if columns:
        taken = tuple(dict.fromkeys(find_column(header, name, file) for name in columns))
    elif raw.format == "txt":
        taken = (0,)
    elif raw.format in ("jsonl", "parquet") and "text" in header:
        taken = (header.index("text"),)  # the field's agreed name
    else:
        earlier = result_indices(header)
        profiles = [
            Profile("result", 0.0, 0) if index in earlier else profile(name, column)
            for index, (name, column) in enumerate(zip(header, texts, strict=True))
        ]
        taken, note = choose_text_columns(header, profiles, file, _where(raw, first))
        notes.append(note)
        if raw.format in GRIDS and width == 1 and looks_like_comment(header[0]):
            notes.append(_no_header(file, first, header[0]))
    if raw.other_sheets:
        names = raw.other_sheets
        notes.append(
            Note(
                f"Other sheets with data were not read ({', '.join(names)}): choose one with --sheet",
                f"其他有数据的工作表没有读取（{'、'.join(names)}）：可用 --sheet 指定",
            )
        )
    department_column = (
        choose_department(header, texts, taken)
        if department is None
        else find_column(header, department, file, "--department")
    )
    table = Table(raw, header, rows, first, taken, department_column, tuple(notes))
    _check_cells(table)
    return table


def _read_raw(path: Path, sheet: str | None) -> RawTable:
    ending = path.suffix.lower()
    if not path.exists():
        raise InputError(
            f"the file {path} does not exist: check the name and the folder", f"文件 {path} 不存在：请检查文件名和路径"
        )
    if path.is_dir():
        raise InputError(f"{path} is a folder: give a file in it", f"{path} 是一个文件夹：请给出其中的文件")
    if ending == ".xls":
        raise old_xls(path.name)
    kind = READABLE.get(ending)
    if kind is None:
        known = ", ".join(READABLE)
        raise InputError(
            f"{path.name} has an ending that is not known: fbclass reads {known}; save it as one of these",
            f"不认识 {path.name} 的文件类型：可以读取 {known}，请先另存为其中一种",
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}): close it in other programs and check your rights",
            f"{path} 读不出来（{error.strerror}）：请关掉正在打开它的程序，并检查权限",
        ) from error
    if sheet is not None and kind != "xlsx":
        raise InputError(
            f"--sheet {sheet} fits workbooks only, and {path.name} is none: leave it out",
            f"--sheet {sheet} 只用于 Excel 工作簿，{path.name} 不是：请去掉这个选项",
        )
    if kind == "xlsx":
        return read_workbook(path, data, sheet)
    if kind == "txt":
        return read_lines(path, data)
    if kind == "jsonl":
        return read_jsonl(path, data)
    if kind == "parquet":
        return read_parquet(path, data)
    return read_delimited(path, data, kind)


def _header(raw: RawTable, columns: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """The header and the number of rows down to and with it (0 where a format names its fields itself)."""
    if raw.header is not None:
        return raw.header, 0
    if not raw.rows:
        return (), 0
    index = find_header(raw.rows)
    # A column asked for by name also says which row is the header.
    for other in range(min(len(raw.rows), 10)):
        if columns and all(name in map(plain, raw.rows[other]) for name in columns):
            index = other
            break
    width = max(_width(row) for row in raw.rows[index:])
    names = tuple(plain(value).strip() for value in raw.rows[index][:width])
    return names + ("",) * (width - len(names)), index + 1


def _width(row: Sequence[object]) -> int:
    return max((i for i, value in enumerate(row, 1) if value is not None and value != ""), default=0)


def _where(raw: RawTable, header_row: int) -> Note:
    if raw.format == "xlsx":
        return Note(
            f"{raw.path.name}, sheet {raw.sheet}, header in row {header_row}",
            f"{raw.path.name} 工作表“{raw.sheet}”（表头在第 {header_row} 行）",
        )
    return Note(raw.path.name, raw.path.name)


def _no_header(file: str, row: int, header: str) -> Note:
    return Note(
        f"{file}: row {row} was taken for the header but reads like a comment; if the file has no header, add one",
        f"{file}：第 {row} 行被当作表头，但看起来像一条意见；如果文件没有表头，请先加上一行",
    )


def _check_cells(table: Table) -> None:
    """Refuse a cell that is no comment: too long, or an array or object of JSON."""
    for column in table.text_columns:
        for row in range(len(table.rows)):
            value = table.rows[row][column]
            place = f"{table.path.name}, row {table.row_number(row)}, column {letter(column)} {table.label(column)}"
            place_zh = f"{table.path.name} 第 {table.row_number(row)} 行 {letter(column)} 列“{table.label(column)}”"
            if isinstance(value, (list, dict, bytes)):
                kind = type(value).__name__
                raise InputError(
                    f"{place}: holds a {kind}, not text; name a column of text with --column",
                    f"{place_zh}里是 {kind}，不是文本；请用 --column 写明文本所在的列",
                )
            if isinstance(value, str) and len(value) > MAX_CHARACTERS:
                raise InputError(
                    f"{place}: {len(value):,} characters in one cell, at most {MAX_CHARACTERS:,} are read; "
                    "split or shorten it",
                    f"{place_zh}有 {len(value):,} 个字符，一格最多 {MAX_CHARACTERS:,} 个；请拆开或删减",
                )
