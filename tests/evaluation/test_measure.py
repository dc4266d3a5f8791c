"""Figures agree with scikit-learn where it has them, and with counting by hand where it has not."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support

from fbclass.evaluation import Evaluation, Gold, evaluate, reliability
from fbclass.results import SENTIMENTS, Prediction, Sentiment, SentimentLabel, Span, ThemeTag

THEMES = ("a", "b", "c")


def gold(themes: Iterable[str] = (), sentiment: SentimentLabel = "neutral", **more: object) -> Gold:
    return Gold("甲乙丙丁戊己庚辛", frozenset(themes), sentiment, **more)  # type: ignore[arg-type]


def prediction(
    themes: Iterable[str] = (),
    sentiment: SentimentLabel = "neutral",
    *,
    scores: Mapping[str, float] | None = None,
    sure: float = 0.8,
    evidence: Mapping[str, tuple[Span, ...]] | None = None,
    about: tuple[Span, ...] = (),
    review: bool = False,
) -> Prediction:
    given = set(themes)
    probabilities = {t: 0.9 if t in given else 0.1 for t in THEMES} | dict(scores or {})
    tags = tuple(ThemeTag(t, t, probabilities[t], (evidence or {}).get(t, ())) for t in THEMES if t in given)
    rest = dict.fromkeys(SENTIMENTS, (1 - sure) / 2)
    return Prediction(
        None, "", tags, Sentiment(sentiment, rest | {sentiment: sure}), about, probabilities, review, False, "m@1"
    )


def span(start: int, end: int) -> Span:
    return Span(start, end, "x" * (end - start))


def random_rows(rows: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    truth = rng.random((rows, 3)) < (0.5, 0.2, 0.05)
    given = truth ^ (rng.random((rows, 3)) < 0.15)
    tone = rng.integers(3, size=rows)
    return truth, given, tone, np.where(rng.random(rows) < 0.7, tone, rng.integers(3, size=rows))


def names(flags: np.ndarray) -> list[str]:
    return [t for t, flag in zip(THEMES, flags, strict=True) if flag]


@pytest.fixture(scope="module")
def measured() -> Evaluation:
    truth, given, tone, said = random_rows()
    rows = [gold(names(t), SENTIMENTS[s]) for t, s in zip(truth, tone, strict=True)]
    return evaluate(rows, [prediction(names(g), SENTIMENTS[s]) for g, s in zip(given, said, strict=True)])


def test_themes_agree_with_scikit_learn(measured: Evaluation) -> None:
    truth, given, _, _ = random_rows()
    for k, expected in enumerate(zip(*precision_recall_fscore_support(truth, given), strict=True)):
        score = measured.themes[k]
        assert (score.precision.value, score.recall.value, score.f1.value, score.support) == pytest.approx(expected)
        assert score.predicted == given[:, k].sum()
    assert measured.macro_f1.value == pytest.approx(f1_score(truth, given, average="macro"))
    assert measured.micro_f1.value == pytest.approx(f1_score(truth, given, average="micro"))
    assert measured.exact_match.value == pytest.approx((truth == given).all(axis=1).mean())
    none = ~truth.any(axis=1)
    assert measured.false_alarm.value == pytest.approx(given[none].any(axis=1).mean())


def test_sentiment_agrees_with_scikit_learn(measured: Evaluation) -> None:
    _, _, tone, said = random_rows()
    assert measured.sentiment.accuracy.value == pytest.approx((tone == said).mean())
    assert measured.sentiment.macro_f1.value == pytest.approx(f1_score(tone, said, average="macro"))
    assert measured.sentiment.confusion == tuple(map(tuple, confusion_matrix(tone, said).tolist()))
    for k, expected in enumerate(f1_score(tone, said, average=None)):
        assert measured.sentiment.labels[k].f1.value == pytest.approx(expected)
        assert measured.sentiment.labels[k].support == (tone == k).sum()


def test_every_interval_holds_its_figure(measured: Evaluation) -> None:
    figures = [measured.macro_f1, measured.micro_f1, measured.exact_match, measured.sentiment.accuracy]
    for m in figures + [t.f1 for t in measured.themes]:
        assert m.low < m.value < m.high


def test_a_theme_nobody_looked_for_counts_neither_way() -> None:
    rows = [gold(["a"]), gold(["a"], unlabelled=frozenset("b")), gold([], unlabelled=frozenset("ab"))]
    found = evaluate(rows, [prediction(["a"]), prediction(["a", "b"]), prediction(["a", "b", "c"])])
    a, b, c = found.themes
    assert (a.support, a.predicted, a.precision.value) == (2, 2, 1.0)
    assert (b.support, b.predicted, b.f1.defined) == (0, 0, False)
    assert (c.support, c.predicted, c.f1.value) == (0, 1, 0.0)
    assert found.macro_f1.value == 0.5  # of a and c; b is undefined
    assert found.exact_match.value == pytest.approx(2 / 3)
    assert (found.false_alarm.value, b.reliability and sum(x.count for x in b.reliability.bins)) == (1.0, 1)


def test_only_the_themes_asked_for_are_measured() -> None:
    found = evaluate([gold(["a", "retired"])], [prediction(["a", "b"])], themes=["a"])
    assert [t.label for t in found.themes] == ["a"]
    assert found.exact_match.value == 1.0


def test_a_theme_may_be_called_like_anything_else_that_is_counted() -> None:
    rows = [gold(["neutral"], "negative", about=(span(0, 2),))]
    tag = ThemeTag("neutral", "", 0.9, ())
    about = Prediction(
        None,
        "",
        (tag,),
        Sentiment("negative", {"negative": 1.0}),
        (span(0, 2),),
        {"neutral": 0.9, "about": 0.1},
        False,
        False,
        "m",
    )
    found = evaluate(rows, [about])
    assert [t.support for t in found.themes] == [1, 0]
    assert found.sentiment.labels[SENTIMENTS.index("neutral")].support == 0
    assert found.about is not None and found.about.f1.value == 1.0


def test_evidence_is_counted_in_characters() -> None:
    rows = [
        gold(["a"], evidence={"a": (span(0, 4),)}),  # 3 of 4 found, 1 too many
        gold(["a"], evidence={"a": (span(0, 4), span(2, 6))}),  # right theme, wrong place; overlapping gold counts once
        gold(["b"], evidence={"b": (span(0, 2),)}),  # theme missed
        gold([], evidence={}),  # theme invented
        gold(["a"]),  # nobody has marked this one
        gold(["a"], evidence={}),  # nor where this theme is
    ]
    found = evaluate(
        rows,
        [
            prediction(["a"], evidence={"a": (span(1, 5),)}),
            prediction(["a"], evidence={"a": (span(6, 8),)}),
            prediction([]),
            prediction(["c"], evidence={"c": (span(0, 3),)}),
            prediction(["a"], evidence={"a": (span(0, 8),)}),
            prediction(["a"], evidence={"a": (span(0, 8),)}),
        ],
    ).evidence
    assert found is not None
    assert found.overall.precision.value == pytest.approx(3 / (4 + 2 + 3))
    assert found.overall.recall.value == pytest.approx(3 / (4 + 6 + 2))
    assert found.given_theme.precision.value == pytest.approx(3 / 6)
    assert found.given_theme.recall.value == pytest.approx(3 / 10)
    assert found.overlap.value == 0.5
    assert found.whole_text.value == pytest.approx(2 * 10 / (10 + 16))  # two texts of eight characters


def test_about_is_counted_in_characters_and_only_where_marked() -> None:
    rows = [gold(about=(span(0, 2),)), gold(about=()), gold()]
    given = [prediction(about=(span(0, 3),)), prediction(about=(span(0, 2),)), prediction(about=(span(0, 8),))]
    found = evaluate(rows, given).about
    assert found is not None
    assert (found.precision.value, found.recall.value) == (pytest.approx(2 / 5), 1.0)
    unmarked = evaluate([gold()], [prediction()])
    assert unmarked.about is None and unmarked.evidence is None


def test_review_is_measured_against_wrong_themes_and_wrong_sentiment() -> None:
    rows = [gold(["a"]), gold(["a"]), gold(), gold(), gold()]
    given = [
        prediction(["b"], review=True),
        prediction([], review=False),
        prediction(sentiment="negative", review=True),
        prediction(review=True),
        prediction(),
    ]
    review = evaluate(rows, given).review
    figures = (review.wrong.value, review.flagged.value, review.caught.value, review.hits.value)
    assert figures == pytest.approx((3 / 5, 3 / 5, 2 / 3, 2 / 3))


def test_calibration_error_of_a_worked_example() -> None:
    probability = np.array([0.05, 0.09, 0.3, 0.95, 1.0])
    found = reliability(probability, np.array([False, False, True, True, False]))
    assert [x.count for x in found.bins] == [2, 0, 0, 1, 0, 0, 0, 0, 0, 2]
    assert found.bins[9].probability == pytest.approx(0.975)
    assert found.bins[9].frequency == 0.5
    assert found.error == pytest.approx(2 / 5 * 0.07 + 1 / 5 * 0.7 + 2 / 5 * 0.475)


def test_calibration_of_themes_and_sentiment_uses_the_right_probability() -> None:
    rows = [gold(["a"], "positive"), gold([], "positive")]
    given = [prediction(["a"], "positive", scores={"a": 0.7}, sure=0.6), prediction([], "negative", sure=0.6)]
    found = evaluate(rows, given)
    assert found.themes[0].reliability is not None
    assert found.themes[0].reliability.error == pytest.approx((0.3 + 0.1) / 2)
    assert found.sentiment.reliability.error == pytest.approx(0.1)  # sure at 0.6, right half the time


def test_what_cannot_be_measured_is_null_in_json(measured: Evaluation) -> None:
    lone = evaluate([gold(["a"])], [prediction(["a"])])
    assert math.isnan(lone.false_alarm.value)
    data = json.loads(json.dumps(lone.to_dict(), allow_nan=False))
    assert data["false_alarm"] == {"value": None, "low": None, "high": None}
    assert data["themes"][0]["f1"]["value"] == 1.0
    assert json.loads(json.dumps(measured.to_dict(), allow_nan=False))["rows"] == 300


@pytest.mark.parametrize(("rows", "given"), [(0, 0), (2, 1)])
def test_rows_and_predictions_must_pair_up(rows: int, given: int) -> None:
    with pytest.raises(ValueError, match="one for each"):
        evaluate([gold()] * rows, [prediction()] * given)
