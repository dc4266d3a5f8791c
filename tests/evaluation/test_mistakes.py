"""Wrong labels, the surest first."""

from __future__ import annotations

from fbclass.evaluation import Gold, Mistake, find_mistakes
from fbclass.results import Prediction, Sentiment, SentimentLabel, ThemeTag


def prediction(label: SentimentLabel, sure: float, **scores: float) -> Prediction:
    tags = tuple(ThemeTag(t, t, s, ()) for t, s in scores.items() if s >= 0.5)
    return Prediction(None, "", tags, Sentiment(label, {label: sure}), (), scores, False, False, "m")


def test_the_surest_mistakes_come_first_and_right_rows_are_not_listed() -> None:
    gold = [
        Gold("", frozenset({"a"}), "negative"),
        Gold("", frozenset(), "neutral"),
        Gold("", frozenset({"b"}), "neutral", unlabelled=frozenset({"a"})),
    ]
    found = find_mistakes(
        gold,
        [
            prediction("positive", 0.8, a=0.25, b=0.75),  # missed a at 0.25, invented b, wrong sentiment
            prediction("neutral", 0.4, a=0.49, b=0.49),
            prediction("neutral", 0.9, a=0.99, b=0.5),  # a is unknown here
        ],
    )
    assert found == [
        Mistake(0, "sentiment", "positive", 0.8),
        Mistake(0, "missed", "a", 0.75),
        Mistake(0, "invented", "b", 0.75),
    ]
