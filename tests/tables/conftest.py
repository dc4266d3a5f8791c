"""What the tests of tables share: the schema, and predictions that need no model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from fbclass.results import Prediction, Sentiment, Span, ThemeTag
from fbclass.schema import ThemeSchema
from fbclass.tables import Table

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def themes() -> ThemeSchema:
    return ThemeSchema.load(ROOT / "data" / "themes.yaml")


@pytest.fixture(scope="session")
def tag(themes: ThemeSchema) -> Callable[[Table], dict[int, list[Prediction]]]:
    """Predictions for a table: every text with 慢 is slow_response, its evidence is the whole text."""

    def one(text: str) -> Prediction:
        slow = "慢" in text
        whole = (Span(0, len(text), text),)
        scores = dict.fromkeys(themes.ids, 0.25) | ({"slow_response": 0.97} if slow else {})
        return Prediction(
            id=None,
            text=text,
            themes=(ThemeTag("slow_response", "响应慢", 0.97, whole),) if slow else (),
            sentiment=Sentiment("negative" if slow else "neutral", {"negative": 0.5, "neutral": 0.5, "positive": 0.0}),
            about=(Span(0, 2, text[:2]),) if slow else (),
            scores=scores,
            needs_review=not slow,
            truncated=False,
            model="test@1",
        )

    return lambda table: {column: [one(text) for text in table.texts(column)] for column in table.text_columns}


HEADER = [
    "序号",
    "提交答卷时间",
    "所用时间",
    "来源",
    "来自IP",
    "1、您所在的部门",
    "2、满意度",
    "3、您对跨部门协作有什么建议?",
]
COMMENTS = [
    "报销单交上去一个月了还没批,太慢了",
    "无",
    "系统之间数据不通,同一张表要填三遍",
    None,
    "采购和财务的口径不一样,每次都要对半天账",
    "无",
    "希望审批慢的问题能尽快解决",
    "感谢信息部的同事,响应很及时",
]


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    """A small export as survey sites write it."""
    import datetime as dt

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(HEADER)
    for number, comment in enumerate(COMMENTS, 1):
        when = dt.datetime(2025, 3, number, 9, 30)
        sheet.append([number, when, f"{60 + number}秒", "微信", f"10.0.0.{number}(江苏-苏州)", "财务部", 4, comment])
    path = tmp_path / "survey.xlsx"
    book.save(path)
    return path
