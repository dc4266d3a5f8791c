"""JSON Lines and Parquet: the fields of the input kept, the prediction's added."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fbclass.errors import InputError, MissingExtraError
from fbclass.results import Prediction
from fbclass.schema import ThemeSchema
from fbclass.tables import Table, check_format, read_table, write_table

Tag = Callable[[Table], dict[int, list[Prediction]]]


def written(path: Path, out: Path, tag: Tag, themes: ThemeSchema, *columns: str) -> list[dict[str, Any]]:
    table = read_table(path, columns=columns)
    write_table(table, tag(table), out, schema=themes)
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def test_each_line_is_the_input_object_with_the_prediction(tmp_path: Path, tag: Tag, themes: ThemeSchema) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(
        '{"id": 17, "text": "审批太慢", "部门": "财务部"}\n\n{"text": null}\n{"id": "x", "extra": [1, {"a": 2}]}\n',
        encoding="utf-8",
    )
    first, second, third = written(path, tmp_path / "out.jsonl", tag, themes)
    assert first["id"] == 17 and first["部门"] == "财务部" and first["text"] == "审批太慢"
    assert first["themes"] == [
        {
            "id": "slow_response",
            "name": "响应慢",
            "score": 0.97,
            "evidence": [{"start": 0, "end": 4, "text": "审批太慢"}],
        }
    ]
    assert set(first["scores"]) == set(themes.ids)
    assert second["id"] is None and second["text"] == "" and second["themes"] == []
    assert third["id"] == "x" and third["extra"] == [1, {"a": 2}]


def test_fields_of_the_input_with_the_same_name_are_kept_beside(tmp_path: Path, tag: Tag, themes: ThemeSchema) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"comment": "审批太慢", "text": "标题", "sentiment": "negative"}\n', encoding="utf-8")
    (line,) = written(path, tmp_path / "out.jsonl", tag, themes, "comment")
    assert line["text"] == "审批太慢" and line["input_text"] == "标题"
    assert line["sentiment"]["label"] == "negative" and line["input_sentiment"] == "negative"


def test_several_columns_stand_under_their_names(tmp_path: Path, tag: Tag, themes: ThemeSchema) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"q1": "审批太慢", "q2": "很好"}\n', encoding="utf-8")
    (line,) = written(path, tmp_path / "out.jsonl", tag, themes, "q1", "q2")
    assert line["predictions"]["q1"]["themes"][0]["id"] == "slow_response"
    assert line["predictions"]["q2"]["themes"] == []


def test_odd_but_valid_json_strings(tmp_path: Path, tag: Tag, themes: ThemeSchema) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"text": "a\u2028慢"}\r\n{"text": "half \\ud83d 慢"}\n', encoding="utf-8")
    lines = [json.loads(line) for line in raw_lines(path, tmp_path / "out.jsonl", tag, themes)]
    assert [line["text"] for line in lines] == ["a\u2028慢", "half \ud83d 慢"]


def raw_lines(path: Path, out: Path, tag: Tag, themes: ThemeSchema) -> list[str]:
    table = read_table(path)
    write_table(table, tag(table), out, schema=themes)
    return out.read_bytes().decode("utf-8").rstrip("\n").split("\n")


@pytest.mark.parametrize(
    ("lines", "number"),
    [
        ('{"text": "好"}\n\n{"text": "慢"\n', 3),
        ('{"text": "好"}\n["慢"]\n', 2),
        ('{"text": "好"}\n"慢"\n', 2),
        ('{"text": ["慢"]}\n', 1),
        ('{"text": "好"}\n{"text": {"a": 1}}\n', 2),
        ("text\n好\n", 1),
    ],
)
def test_a_bad_line_is_refused_with_its_number(tmp_path: Path, lines: str, number: int) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(lines, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_table(path)
    assert f"第 {number} 行" in caught.value.chinese


def test_a_table_becomes_json_lines(survey: Path, tmp_path: Path, tag: Tag, themes: ThemeSchema) -> None:
    lines = written(survey, tmp_path / "out.jsonl", tag, themes)
    assert len(lines) == 8
    assert lines[0]["序号"] == 1 and lines[0]["提交答卷时间"] == "2025-03-01 09:30:00"
    assert lines[0]["themes"][0]["id"] == "slow_response"


def test_parquet_keeps_types_and_adds_flat_columns(tmp_path: Path, tag: Tag, themes: ThemeSchema) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    path, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    given = pa.table({"id": pa.array([1, 2, 3], pa.int16()), "text": ["审批太慢", None, "很好"]})
    pq.write_table(given, path)
    table = read_table(path)
    write_table(table, tag(table), out, schema=themes)
    back = pq.read_table(out)
    assert back.select(["id", "text"]).equals(given)
    assert back["themes"].to_pylist() == [["slow_response"], [], []]
    assert back["evidence"].to_pylist()[0] == ["审批太慢"]
    assert back["score_slow_response"].to_pylist() == pytest.approx([0.97, 0.25, 0.25])
    assert back["needs_review"].to_pylist() == [False, True, True]


def test_parquet_without_pyarrow_names_the_install_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "in.parquet"
    path.write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # what import finds where it is not installed
    with pytest.raises(MissingExtraError, match=r"pip install 'fbclass\[parquet\]'"):
        read_table(path)
    with pytest.raises(MissingExtraError):
        check_format(tmp_path / "out.parquet", Path("in.csv"))


def test_a_workbook_becomes_parquet(survey: Path, tmp_path: Path, tag: Tag, themes: ThemeSchema) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    table, out = read_table(survey), tmp_path / "out.parquet"
    write_table(table, tag(table), out, schema=themes)
    back = pq.read_table(out)
    assert back.num_rows == 8 and back["序号"].to_pylist()[0] == 1
