"""Labelled comments are read from the project's own files and from what people fill in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from fbclass.errors import InputError
from fbclass.evaluation import Gold, read_gold
from fbclass.results import SentimentLabel, Span
from fbclass.schema import ThemeSchema
from training.data import find_spans, load_comments

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(scope="module")
def schema() -> ThemeSchema:
    return ThemeSchema.load(DATA / "themes.yaml")


def jsonl(path: Path, *objects: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(o, ensure_ascii=False) + "\n" for o in objects), encoding="utf-8")
    return path


def workbook(path: Path, *rows: list[Any]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def characters(spans: tuple[Span, ...]) -> set[int]:
    return {i for span in spans for i in range(span.start, span.end)}


def test_the_project_data_read_as_training_reads_them(schema: ThemeSchema) -> None:
    gold, comments = read_gold(DATA / "feedback" / "dev", schema), load_comments(DATA / "feedback", "dev")
    assert [row.id for row in gold] == [c.id for c in comments]  # the same files in the same order
    for row, comment in zip(gold, comments, strict=True):
        assert (row.text, row.sentiment, row.group) == (comment.text, comment.sentiment, comment.group)
        assert row.themes == set(comment.themes)
        spans = find_spans(comment)
        assert row.about is not None and characters(row.about) == characters(spans.about)
        assert row.evidence is not None and row.evidence.keys() == spans.evidence.keys()
        for theme, found in row.evidence.items():
            assert characters(found) == characters(spans.evidence[theme])
            assert all(row.text[s.start : s.end] == s.text for s in found)


def labelled(number: int, row: int, text: str, themes: set[str], sentiment: SentimentLabel) -> Gold:
    return Gold(text, frozenset(themes), sentiment, id=str(number), file="标注.xlsx", row=row)


HEADER = ["编号", "文本", "主题", "情感", "部门"]


def test_a_workbook_as_a_person_fills_it_in(tmp_path: Path, schema: ThemeSchema) -> None:
    path = workbook(
        tmp_path / "标注.xlsx",
        HEADER,
        [1, "审批两周没动静,改了规则也没人说", "响应慢、信息孤岛", "负面", "财务"],
        [2, "食堂不错", None, "正面", "行政"],
        [3, "还没标到这一条", None, None, "行政"],
        [4, "催了三遍", "Slow Response;goal_conflict|文化差异", "Negative", ""],
        [5, "没有意见", "无", "中性", ""],
        [6, None, "", "中性", ""],
    )
    assert read_gold(path, schema) == [
        labelled(1, 2, "审批两周没动静,改了规则也没人说", {"slow_response", "information_silo"}, "negative"),
        labelled(2, 3, "食堂不错", set(), "positive"),
        labelled(4, 5, "催了三遍", {"slow_response", "goal_conflict", "culture_gap"}, "negative"),
        labelled(5, 6, "没有意见", set(), "neutral"),
        labelled(6, 7, "", set(), "neutral"),
    ]


def test_a_csv_of_a_chinese_windows_and_english_names(tmp_path: Path, schema: ThemeSchema) -> None:
    path = tmp_path / "labelled.csv"
    text = (
        'text,themes,sentiment,group\n报销太慢,slow_response,negative,g1\n"各部门, 各干各的","Goal conflict",负面,g1\n'
    )
    path.write_bytes(text.encode("gb18030"))
    gold = read_gold(path, schema)
    assert [(r.text, set(r.themes), r.group, r.row) for r in gold] == [
        ("报销太慢", {"slow_response"}, "g1", 2),
        ("各部门, 各干各的", {"goal_conflict"}, "g1", 3),
    ]
    assert gold[0].evidence is None and gold[0].about is None


def test_what_classify_wrote_and_someone_corrected(tmp_path: Path, schema: ThemeSchema) -> None:
    rows = [
        ["您对部门协作有什么建议?", "主题", "情感", "依据", "涉及对象", "需复核"],
        ["采购回邮件要等一周,没有人跟进这件事情", "响应慢", "负面", "采购回邮件要等一周", "采购", ""],
    ]
    (row,) = read_gold(workbook(tmp_path / "out.xlsx", *rows), schema)
    assert (row.text[:2], set(row.themes), row.evidence) == ("采购", {"slow_response"}, None)
    tag = {"id": "slow_response", "name": "响应慢", "score": 0.9, "evidence": [{"start": 0, "end": 2, "text": "采购"}]}
    shape = {"id": "7", "text": "采购慢", "themes": [tag], "sentiment": {"label": "negative"}, "about": []}
    (row,) = read_gold(jsonl(tmp_path / "out.jsonl", shape), schema)
    assert (row.id, set(row.themes), row.sentiment) == ("7", {"slow_response"}, "negative")
    assert row.evidence is None and row.about is None  # the model's own, not someone's


def test_another_column_can_hold_the_text(tmp_path: Path, schema: ThemeSchema) -> None:
    path = workbook(tmp_path / "a.xlsx", ["评论", "text", "主题", "情感"], ["太慢了", "x", "响应慢", "负面"])
    assert [r.text for r in read_gold(path, schema, column="评论")] == ["太慢了"]
    assert [r.text for r in read_gold(path, schema)] == ["x"]


def test_a_column_whose_name_only_contains_text_is_not_the_text(tmp_path: Path, schema: ThemeSchema) -> None:
    comment = "财务审批要等两个星期,催了也没有人理"
    path = workbook(tmp_path / "a.xlsx", ["context", "意见", "主题", "情感"], ["3", comment, "响应慢", "负面"])
    assert [r.text for r in read_gold(path, schema)] == [comment]


def test_themes_that_nobody_looked_for(tmp_path: Path, schema: ThemeSchema) -> None:
    row = {"text": "慢", "themes": ["slow_response"], "sentiment": "negative", "unlabelled": ["culture_gap"]}
    assert read_gold(jsonl(tmp_path / "a.jsonl", row), schema)[0].unlabelled == {"culture_gap"}
    path = workbook(tmp_path / "a.xlsx", ["文本", "主题", "情感", "未标注"], ["慢", "", "负面", "文化差异、目标冲突"])
    assert read_gold(path, schema)[0].unlabelled == {"culture_gap", "goal_conflict"}


GOOD = {"text": "财务没人回", "themes": ["slow_response"], "sentiment": "negative"}


@pytest.mark.parametrize(
    ("change", "english", "chinese"),
    [
        ({"themes": ["slow"]}, "theme 'slow' is not in the schema; use", "主题“slow”不在主题定义里"),
        ({"themes": None}, "themes is missing", "缺少 themes"),
        ({"sentiment": "angry"}, "sentiment 'angry' is not known", "情感“angry”不认识"),
        ({"sentiment": None}, "sentiment '' is not known", "情感“”不认识"),
        ({"evidence": {"slow_response": ["没有人回"]}}, "'没有人回' is not a part of the text", "不是原文的一部分"),
        ({"evidence": {"slow_response": "没人回"}}, "must be a list of pieces", "片段的列表"),
        ({"evidence": ["没人回"]}, "evidence must give a list", "按主题给出"),
        ({"evidence": {"fast": ["没人回"]}}, "theme 'fast' is not in the schema", "主题“fast”"),
        ({"about": ["采购"]}, "about: '采购' is not a part", "about：“采购”不是原文"),
        ({"about": [""]}, "about: '' is not a part", "about：“”不是原文"),
    ],
)
def test_a_wrong_label_is_named_with_file_and_line(
    tmp_path: Path, schema: ThemeSchema, change: dict[str, Any], english: str, chinese: str
) -> None:
    path = jsonl(tmp_path / "p1.jsonl", GOOD, GOOD | change)
    with pytest.raises(InputError) as caught:
        read_gold(path, schema)
    assert caught.value.english.startswith("p1.jsonl, row 2: ") and english in caught.value.english
    assert caught.value.chinese.startswith("p1.jsonl 第 2 行：") and chinese in caught.value.chinese


def test_a_wrong_name_in_a_workbook_is_named_with_its_row(tmp_path: Path, schema: ThemeSchema) -> None:
    path = workbook(tmp_path / "a.xlsx", HEADER, [1, "好", "", "正面", ""], [2, "慢", "响应慢、拖拉", "负面", ""])
    with pytest.raises(InputError, match=r"a\.xlsx, row 3: the theme '拖拉' .* slow_response \(Slow"):
        read_gold(path, schema)


def test_missing_columns_files_and_labels(tmp_path: Path, schema: ThemeSchema) -> None:
    comment = "财务审批要等两个星期,催了也没有人理"
    with pytest.raises(InputError, match=r"a\.xlsx has no column sentiment .* it has 文本、主题"):
        read_gold(workbook(tmp_path / "a.xlsx", ["文本", "主题"], [comment, "响应慢"]), schema)
    with pytest.raises(InputError, match=r"b\.xlsx has no labelled comment"):
        read_gold(workbook(tmp_path / "b.xlsx", HEADER, [1, comment, None, None, "财务"]), schema)
    with pytest.raises(InputError, match="does not exist"):
        read_gold(tmp_path / "none.jsonl", schema)
    two = [["好的方面是什么?", "不好的方面是什么?", "主题", "情感"]]
    two += [[f"第{i}件事情大家都做得很好", f"第{i}件事情没有一个人来管", "", "正面"] for i in range(12)]
    with pytest.raises(InputError, match=r"several columns of text .* --column"):
        read_gold(workbook(tmp_path / "c.xlsx", *two), schema)


def test_a_folder_without_files_says_what_is_in_it(schema: ThemeSchema) -> None:
    with pytest.raises(InputError, match=r"no \.jsonl file: .*dev, test, train"):
        read_gold(DATA / "feedback", schema)
