"""Write a table back with the tags added, in the format that the ending of the output asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fbclass.errors import OutputError
from fbclass.results import Prediction
from fbclass.schema import ThemeSchema
from fbclass.tables.cells import without_formula
from fbclass.tables.delimited import delimited_bytes
from fbclass.tables.jsonlines import jsonl_bytes
from fbclass.tables.output import replacing
from fbclass.tables.parquet import parquet_bytes, require_pyarrow
from fbclass.tables.results import ResultColumn, result_columns
from fbclass.tables.table import Note, Table
from fbclass.tables.workbook_write import copy_with_results, new_workbook

_WRITABLE = (".xlsx", ".xlsm", ".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")


def default_output(path: Path) -> Path:
    """Where results go when nobody says: survey.xlsx gives survey_已分类.xlsx, a text file a CSV file."""
    ending = ".csv" if path.suffix.lower() == ".txt" else path.suffix
    return path.with_name(f"{path.stem}_已分类{ending}")


def check_format(path: Path, source: Path) -> None:
    """Raise unless the ending of ``path`` names a format that can hold the tags of ``source``."""
    ending = path.suffix.lower()
    if ending not in _WRITABLE or (ending == ".xlsm" and source.suffix.lower() != ".xlsm"):
        known = ", ".join(e for e in _WRITABLE if e != ".xlsm")
        raise OutputError(
            f"{path.name}: the ending {ending or '(none)'} cannot be written; choose one of {known}",
            f"{path.name}：不能写成 {ending or '（无后缀）'}；请用 {known} 之一",
        )
    if ending == ".parquet":
        require_pyarrow()


def write_table(
    table: Table,
    predictions: Mapping[int, Sequence[Prediction]],
    path: str | Path,
    *,
    schema: ThemeSchema,
    language: str = "zh",
) -> tuple[Note, ...]:
    """Write the table with one group of columns per text column to the right of the user's own.

    ``predictions``: for every index in ``table.text_columns``, one prediction per row. The file is
    complete or absent. Returns notes about what of a workbook could not be kept.
    """
    path = Path(path)
    check_format(path, table.path)
    for column in table.text_columns:
        if len(predictions[column]) != len(table.rows):
            raise ValueError(f"{len(predictions[column])} predictions for {len(table.rows)} rows of column {column}")
    ending = path.suffix.lower()
    notes: tuple[Note, ...] = ()
    if ending in (".jsonl", ".ndjson"):
        data = jsonl_bytes(table, predictions)
    elif ending == ".parquet":
        data = parquet_bytes(table, predictions, schema)
    else:
        added = result_columns(table, predictions, schema, language)
        if ending in (".csv", ".tsv"):
            data = _delimited(table, added, ending)
        elif table.format == "xlsx":
            data, notes = copy_with_results(table, added, macros=ending == ".xlsm")
        else:
            data = new_workbook(table, added)
    with replacing(path) as handle:
        handle.write(data)
    return notes


def _delimited(table: Table, added: Sequence[ResultColumn], ending: str) -> bytes:
    width = len(table.header)
    rows: list[Sequence[Any]] = []
    delimiter = "\t" if ending == ".tsv" else ","
    if table.format in ("csv", "tsv"):
        rows += table.raw.rows[: table.header_row - 1]  # titles above the header
        if table.path.suffix.lower() == ending:
            delimiter = table.raw.origin
    rows.append([*table.header, *(without_formula(column.header) for column in added)])
    for index, row in enumerate(table.rows):
        if not any(value not in (None, "") for value in row):
            rows.append(())
            continue
        rows.append([*row[:width], *(_cell(column, index) for column in added)])
    return delimited_bytes(rows, delimiter)


def _cell(column: ResultColumn, row: int) -> str:
    value = column.values[row]
    if column.is_score:
        return "" if value is None else f"{value:.2f}"
    return without_formula(str(value)) if value else ""
