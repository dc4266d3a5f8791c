"""Answers that only fill the field, and those that look like it."""

from __future__ import annotations

from pathlib import Path

import pytest

from fbclass.classifier import Classifier
from fbclass.nonanswer import says_nothing
from training.data import SPLITS, load_comments

FILLERS = (
    *(
        "无",
        "没有",
        "暂无",
        "没有意见。",
        "无建议",
        "没什么",
        "/",
        "——",
        "N/A",
        "暂时没有什么意见",
        "不知道",
        "不知道。",
    ),
    *(
        "我也不太清楚",
        "不是很了解",
        "说不清",
        "说不上来…",
        "还没想好",
        "随便",
        "都行",
        "？？？",
        "???",
        "（无）",
        "111",
        "略",
        "test",
    ),
)


@pytest.mark.parametrize("text", FILLERS)
def test_answers_that_only_fill_the_field(text: str) -> None:
    assert says_nothing(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "没有人回复邮件",
            "无人负责",
            "没有统一的平台",
            "食堂不错",
            "无法登录",
            "不知道找谁",
            "不清楚流程",
            "说不清楚归谁管",
        ),
        *("随便改需求", "666", "👍", ":(", "3天", "待定太久", "保密过头"),
    ],
)
def test_answers_that_say_something(text: str) -> None:
    assert not says_nothing(text)


@pytest.mark.parametrize("text", FILLERS)
def test_they_are_neutral_whatever_the_model_says(text: str, default_classifier: Classifier) -> None:
    (prediction,) = default_classifier.classify([text])
    assert prediction.themes == () and prediction.sentiment.label == "neutral" and not prediction.needs_review


def test_no_labelled_comment_contradicts(root: Path) -> None:
    """Of 42,000 comments none that only fills the field has a theme or an attitude."""
    comments = [c for split in SPLITS for c in load_comments(root / "data" / "feedback", split) if says_nothing(c.text)]
    assert len(comments) > 20
    assert [c for c in comments if c.themes or c.sentiment != "neutral"] == []
