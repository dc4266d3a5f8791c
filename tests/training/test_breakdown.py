"""Parts of the comments, and what is taken for what."""

from __future__ import annotations

from pathlib import Path

import pytest

from fbclass.classifier import Classifier
from fbclass.evaluation import Gold, find_mistakes, read_gold
from fbclass.results import Prediction, Sentiment, SentimentLabel, ThemeTag
from training.breakdown import FEWEST, REGISTERS, Part, parts_of
from training.confusions import NOTHING, find_confusions

THEMES = ("a", "b", "c")


def labelled(text: str, *themes: str, file: str = "p1.jsonl", sentiment: SentimentLabel = "neutral") -> Gold:
    return Gold(text, frozenset(themes), sentiment, file=file)


def said(*themes: str, sure: float = 0.9, sentiment: SentimentLabel = "neutral") -> Prediction:
    return Prediction(
        id=None,
        text="",
        themes=tuple(ThemeTag(t, t, sure, ()) for t in themes),
        sentiment=Sentiment(sentiment, {"negative": 0.1, "neutral": 0.1, "positive": 0.1} | {sentiment: sure}),
        about=(),
        scores={t: sure if t in themes else 1 - sure for t in THEMES},
        needs_review=False,
        truncated=False,
        model="m",
    )


def test_lengths_and_files_take_every_comment_once() -> None:
    gold = [labelled("字" * n, file=f"folder/p{n % 2}.jsonl") for n in (*[1] * 10, *[15] * 10, *[16] * 10, *[500] * 10)]
    parts = parts_of(gold)
    names = [p.name for p in parts if p.kind == "length"]
    assert names == ["1 to 15 characters", "16 to 30 characters", "over 120 characters"]
    for kind in ("length", "author file"):
        assert sorted(row for p in parts if p.kind == kind for row in p.rows) == list(range(len(gold)))
    assert {p.name for p in parts if p.kind == "author file"} == {"p0", "p1"}


def test_few_comments_are_no_part_unless_they_are_a_file() -> None:
    gold = [labelled("建议写清楚", file="p9.jsonl")] * (FEWEST - 1)
    assert parts_of(gold) == [Part("author file", "p9", tuple(range(FEWEST - 1)))]


@pytest.mark.parametrize(
    ("text", "registers"),
    [
        ("流程不清楚。", set()),
        ("希望写清楚，能不能定个时间？", {"suggestion (建议, 希望, 能不能)", "question"}),
        ("又没人回😡", {"chat (emoji, particles, repeated marks)"}),
        ("咋回事！！", {"chat (emoji, particles, repeated marks)"}),
        ("等了3天，OA还没批", {"with digits", "with Latin words"}),
        ("改了方案也没有人通知到我们这里来", {"without punctuation, from 12 characters"}),
        ("審批太慢。", {"traditional characters"}),
    ],
)
def test_ways_of_writing_are_told_by_the_surface(text: str, registers: set[str]) -> None:
    assert {name for name, test in REGISTERS.items() if test(text)} == registers


def test_labels_are_paired_with_what_stands_in_their_place() -> None:
    gold = [
        labelled("0", "a"),
        labelled("1", "a"),
        labelled("2", "a", "b"),
        labelled("3"),
        labelled("4", "c", sentiment="negative"),
        labelled("5", "a"),
    ]
    predictions = [said("b"), said("b", sure=0.99), said("a"), said("c"), said("c", sentiment="positive"), said("a")]
    found = {(c.kind, c.due, c.said): c.rows for c in find_confusions(gold, predictions, THEMES)}
    assert found == {
        ("theme", "a", "b"): (1, 0),  # the surer one first
        ("theme", "b", NOTHING): (2,),
        ("theme", NOTHING, "c"): (3,),
        ("sentiment", "negative", "positive"): (4,),
    }
    assert next(iter(found)) == ("theme", "a", "b")


def test_every_wrong_label_is_in_a_pair(root: Path, classifier: Classifier) -> None:
    gold = read_gold(root / "data" / "feedback" / "dev" / "p8.jsonl", classifier.schema)[:80]
    predictions = classifier.classify([row.text for row in gold])
    wrong = {m.row for m in find_mistakes(gold, predictions)}
    assert wrong and {row for c in find_confusions(gold, predictions, classifier.schema.ids) for row in c.rows} == wrong
