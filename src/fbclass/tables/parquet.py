"""Parquet files, through the ``parquet`` extra (pyarrow is too large for the base install)."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fbclass.errors import InputError, MissingExtraError
from fbclass.results import Prediction
from fbclass.schema import ThemeSchema
from fbclass.tables.table import RawTable, Table


def require_pyarrow() -> tuple[Any, Any]:
    """The modules ``pyarrow`` and ``pyarrow.parquet``; ``MissingExtraError`` names the install line."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("pyarrow", "parquet") from error
    return pyarrow, pyarrow.parquet


def read_parquet(path: Path, data: bytes) -> RawTable:
    """Read a Parquet file; ``origin`` is the Arrow table, so that types go back as they came."""
    pyarrow, parquet = require_pyarrow()
    try:
        arrow = parquet.read_table(pyarrow.BufferReader(data))
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise InputError(
            f"{path.name} is not a readable Parquet file ({str(error)[:120]}): export it again",
            f"{path.name} 不是可读的 Parquet 文件（{str(error)[:120]}）：请重新导出",
        ) from error
    columns = [column.to_pylist() for column in arrow.columns]
    rows = tuple(zip(*columns, strict=True)) if columns else ()
    return RawTable(path, "parquet", tuple(arrow.column_names), rows, tuple(range(1, arrow.num_rows + 1)), origin=arrow)


def parquet_bytes(table: Table, predictions: Mapping[int, Sequence[Prediction]], schema: ThemeSchema) -> bytes:
    """The columns of the table and, per text column, the prediction's fields flattened: ``themes`` (ids),
    ``sentiment``, ``evidence``, ``about`` (lists of text), ``needs_review``, ``truncated``, ``score_<theme>``.
    With several text columns each name ends with ``.<column>``.
    """
    pyarrow, parquet = require_pyarrow()
    arrow = table.raw.origin if table.format == "parquet" else _typed(table, pyarrow)
    names = set(arrow.column_names)
    text, texts = pyarrow.string(), pyarrow.list_(pyarrow.string())
    for column in table.text_columns:
        suffix = f".{table.label(column)}" if len(table.text_columns) > 1 else ""
        given = predictions[column]
        added: list[tuple[str, list[Any], Any]] = [
            ("themes", [[tag.id for tag in p.themes] for p in given], texts),
            ("sentiment", [p.sentiment.label for p in given], text),
            ("evidence", [[span.text for tag in p.themes for span in tag.evidence] for p in given], texts),
            ("about", [[span.text for span in p.about] for p in given], texts),
            ("needs_review", [p.needs_review for p in given], pyarrow.bool_()),
            ("truncated", [p.truncated for p in given], pyarrow.bool_()),
            *((f"score_{i}", [p.scores[i] for p in given], pyarrow.float32()) for i in schema.ids),
            ("model", [p.model for p in given], text),
        ]
        for base, values, kind in added:
            name, copy = base + suffix, 2
            while name in names:
                name, copy = f"{base}{suffix}({copy})", copy + 1
            names.add(name)
            arrow = arrow.append_column(name, pyarrow.array(values, kind))
    stream = io.BytesIO()
    parquet.write_table(arrow, stream)
    return stream.getvalue()


def _typed(table: Table, pyarrow: Any) -> Any:
    """An Arrow table of a table from another format; a column of mixed types becomes text."""
    from fbclass.tables.cells import plain

    arrays, names = [], []
    for column in range(len(table.header)):
        values = [row[column] for row in table.rows]
        try:
            arrays.append(pyarrow.array(values))
        except (pyarrow.ArrowException, UnicodeEncodeError):
            arrays.append(pyarrow.array([None if v is None else plain(v) for v in values], pyarrow.string()))
        name, copy = table.label(column), 2
        while name in names:
            name, copy = f"{table.label(column)}({copy})", copy + 1
        names.append(name)
    return pyarrow.table(arrays, names=names)
