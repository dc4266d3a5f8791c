"""The sample survey keeps what its data card promises; the demonstration and other tests rely on it."""

from __future__ import annotations

import ipaddress
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

ROOT = Path(__file__).resolve().parents[1]
WORKBOOK = ROOT / "data" / "sample" / "survey.xlsx"
FEEDBACK = ROOT / "data" / "feedback"
GOLDEN = ROOT / "tests" / "golden" / "comments.jsonl"

COLUMNS = (
    "序号",
    "提交答卷时间",
    "所用时间",
    "来源",
    "来源详情",
    "来自IP",
    "1、您所在的部门",
    "2、您的职级",
    "3、您对跨部门协作的整体满意度(1-5分)",
    "4、您对内部服务响应速度的满意度(1-5分)",
    "5、与其他部门协作时,您遇到的最大问题是什么?",
    "6、您希望公司做出哪些改进?",
)
RATINGS, OPEN = COLUMNS[8:10], COLUMNS[10:12]
# RFC 5737: addresses nobody has
DOCUMENTATION = [ipaddress.ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
NOTHING_TO_SAY = {"无", "没有", "沒有", "暂无", "没啥", "没什么", "无。", "没啥问题", "没有问题", "暂时没有"}
_NOT_WORDS = re.compile(r"[\W_]+")


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    """The answers, one dict per response, keyed by column name."""
    sheet = load_workbook(WORKBOOK).worksheets[0]
    header, *body = sheet.iter_rows(values_only=True)
    assert header == COLUMNS
    return [dict(zip(COLUMNS, row, strict=True)) for row in body]


@pytest.fixture(scope="module")
def answers(rows: list[dict[str, Any]]) -> list[str]:
    """Every open answer that is not blank."""
    return [row[column] for row in rows for column in OPEN if row[column] is not None]


def test_has_one_sheet_with_fixed_properties() -> None:
    workbook = load_workbook(WORKBOOK)
    assert len(workbook.worksheets) == 1
    assert workbook.properties.creator == "fbclass"
    # A rebuilt file must not differ from the committed one by the time of day.
    assert workbook.properties.created == workbook.properties.modified


def test_rows_are_numbered_in_order_of_submission(rows: list[dict[str, Any]]) -> None:
    assert [row["序号"] for row in rows] == list(range(1, 321))
    assert all(re.fullmatch(r"2026/3/\d{1,2} \d{1,2}:\d\d:\d\d", row["提交答卷时间"]) for row in rows)
    times = [[int(part) for part in re.findall(r"\d+", row["提交答卷时间"])] for row in rows]
    assert times == sorted(times)


def test_metadata_look_like_an_export(rows: list[dict[str, Any]]) -> None:
    assert all(re.fullmatch(r"\d+秒", row["所用时间"]) for row in rows)
    assert {row["来源"] for row in rows} == {"微信", "链接", "手机提交"}
    for row in rows:
        assert all(type(row[column]) is int and 1 <= row[column] <= 5 for column in RATINGS), row["序号"]


def test_addresses_are_documentation_ranges(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        found = re.fullmatch(r"([\d.]+)\(\w+-\w+\)", row["来自IP"])
        assert found, row["来自IP"]
        address = ipaddress.ip_address(found[1])
        assert any(address in network for network in DOCUMENTATION), row["来自IP"]


def test_departments_are_large_enough_to_compare(rows: list[dict[str, Any]]) -> None:
    sizes = Counter(row[COLUMNS[6]] for row in rows)
    assert len(sizes) == 12
    assert min(sizes.values()) >= 12


def test_blank_and_empty_handed_answers(rows: list[dict[str, Any]], answers: list[str]) -> None:
    cells = len(rows) * len(OPEN)
    assert 0.10 <= (cells - len(answers)) / cells <= 0.15
    assert 0.05 <= sum(answer in NOTHING_TO_SAY for answer in answers) / cells <= 0.10


def test_duplicates_are_few(answers: list[str]) -> None:
    repeated = {a: n for a, n in Counter(answers).items() if n > 1 and a not in NOTHING_TO_SAY}
    assert repeated == {"沟通不畅": 2, "报销太慢了": 2, "招人": 2, "加强沟通": 2}


def test_lengths(answers: list[str]) -> None:
    assert sum(250 <= len(answer) <= 500 for answer in answers) == 6
    assert max(map(len, answers)) <= 500
    assert sum(5 <= len(answer) <= 60 for answer in answers) > len(answers) * 0.7


@pytest.mark.parametrize(
    ("what", "pattern", "at_least"),
    [
        ("line break", r"\n", 5),
        ("emoji", "[\U0001f300-\U0001faff]", 5),
        ("traditional characters", "[總報遲變這說沒點單]", 5),
        ("full-width letters or digits", "[Ａ-Ｚ０-９]", 2),
        ("telephone number", r"(?<!\d)1\d{10}(?!\d)", 1),
    ],
)
def test_the_awkward_cases_are_there(answers: list[str], what: str, pattern: str, at_least: int) -> None:
    assert sum(bool(re.search(pattern, answer)) for answer in answers) >= at_least, what


def test_golden_comments_are_sixty_and_not_in_the_survey(answers: list[str]) -> None:
    golden = [json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()]
    assert [comment["id"] for comment in golden] == [f"g{n:02d}" for n in range(1, 61)]
    assert all(comment.keys() == {"id", "text"} for comment in golden)
    shared = {_bare(comment["text"]) for comment in golden} & {_bare(answer) for answer in answers}
    # "无" is what everybody writes
    assert {text for text in shared if text not in NOTHING_TO_SAY} <= {""}


@pytest.mark.skipif(not FEEDBACK.is_dir(), reason="data/feedback is not there, so there is nothing to compare with")
def test_no_answer_or_golden_comment_stands_in_the_training_data(answers: list[str]) -> None:
    golden = [json.loads(line)["text"] for line in GOLDEN.read_text(encoding="utf-8").splitlines()]
    ours = {bare: text for text in (*answers, *golden) if len(bare := _bare(text)) >= 8}
    for path in sorted(FEEDBACK.rglob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            bare = _bare(json.loads(line)["text"])
            assert bare not in ours, f"{path.relative_to(ROOT)}: {ours[bare]!r}"


def _bare(text: str) -> str:
    """The text without punctuation and white space, so that a comma does not hide a copy."""
    return _NOT_WORDS.sub("", text)
