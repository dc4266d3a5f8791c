"""JSON Lines: one object a line in, the same object with the prediction's fields added out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fbclass.errors import InputError
from fbclass.results import Prediction
from fbclass.tables.cells import plain
from fbclass.tables.encoding import decode
from fbclass.tables.table import RawTable, Table


def read_jsonl(path: Path, data: bytes) -> RawTable:
    """Read a JSON Lines file; blank lines are skipped, any other line must be an object."""
    # Only \n ends a line: str.splitlines also splits at U+2028, which JSON allows inside a string.
    objects: list[dict[str, Any]] = []
    numbers: list[int] = []
    for number, line in enumerate(decode(data, path.name).split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
            raise InputError(
                f"{path.name}, line {number} is not valid JSON ({reason}): every line must be one complete JSON object",
                f"{path.name} 第 {number} 行不是有效的 JSON（{reason}）：每一行必须是一个完整的 JSON 对象",
            ) from error
        if not isinstance(value, dict):
            raise InputError(
                f"{path.name}, line {number} is a JSON {_kind(value)}, not an object: "
                'write every comment as {"text": "…"}',
                f'{path.name} 第 {number} 行不是 JSON 对象：请把每条意见写成 {{"text": "…"}}',
            )
        objects.append(value)
        numbers.append(number)
    header = tuple(dict.fromkeys(key for value in objects for key in value))
    rows = tuple(tuple(value.get(key) for key in header) for value in objects)
    return RawTable(path, "jsonl", header, rows, tuple(numbers), origin=tuple(objects))


def jsonl_bytes(table: Table, predictions: Mapping[int, Sequence[Prediction]]) -> bytes:
    """One line per row. With one text column the prediction's fields stand in the object itself; with
    several they stand under ``predictions``, by column name. A field of the input that has the name of
    an added one, but another value, is kept as ``input_<name>``; an ``id`` stays what it was.
    """
    lines = []
    for row in range(len(table.rows)):
        given = _object(table, row)
        if len(table.text_columns) == 1:
            added = _fields(predictions[table.text_columns[0]][row])
        else:
            each = {table.label(c): _fields(predictions[c][row]) for c in table.text_columns}
            for fields in each.values():
                del fields["id"]
            added = {"predictions": each}
        if given.get("id") is not None:
            added["id"] = given["id"]
        merged = {}
        for key, value in given.items():
            hidden = key in added and value is not None and added[key] != value
            merged[_kept_name(key, given) if hidden else key] = value
        lines.append(_line(merged | added))
    return ("\n".join(lines) + "\n" if lines else "").encode("utf-8")


def _object(table: Table, row: int) -> dict[str, Any]:
    if table.format == "jsonl":
        given: dict[str, Any] = table.raw.origin[row]
        return given
    names: dict[str, Any] = {}
    for column, value in enumerate(table.rows[row]):
        name, copy = table.label(column), 2
        while name in names:
            name, copy = f"{table.label(column)}({copy})", copy + 1
        names[name] = value
    return names


def _kept_name(key: str, given: Mapping[str, Any]) -> str:
    name = f"input_{key}"
    while name in given:
        name = f"input_{name}"
    return name


def _fields(prediction: Prediction) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(json.dumps(prediction.to_dict()))
    return fields


def _line(value: Mapping[str, Any]) -> str:
    line = json.dumps(value, ensure_ascii=False, default=plain)
    try:
        line.encode("utf-8")
    except UnicodeEncodeError:  # half a surrogate pair from a \u escape can only go back as an escape
        return json.dumps(value, default=plain)
    return line


def _kind(value: Any) -> str:
    names = {list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")
