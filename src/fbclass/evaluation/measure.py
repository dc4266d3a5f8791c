"""From labelled rows and predictions to figures with intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from fbclass.evaluation.bootstrap import group_indices, mean_of_defined, measure, ratio, resampled_sums
from fbclass.evaluation.calibration import Reliability, reliability
from fbclass.evaluation.counts import Labels, align, label_counts, span_counts
from fbclass.evaluation.gold import Gold
from fbclass.evaluation.scores import (
    Evaluation,
    EvidenceScore,
    LabelScore,
    Measure,
    ReviewScore,
    SentimentScore,
    SpanScore,
)
from fbclass.results import SENTIMENTS, Prediction

FloatArray = npt.NDArray[np.float64]
Sums = Mapping[str, FloatArray]  # column -> (1 + resamples,): the sum as it is, then resampled
RESAMPLES = 1000


def evaluate(
    gold: Sequence[Gold],
    predictions: Sequence[Prediction],
    *,
    themes: Sequence[str] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 1,
) -> Evaluation:
    """Compare predictions with the labels of the same rows, in the same order.

    ``themes``: the ids to measure; None takes all that the predictions have scores for. A theme in a
    row's ``unlabelled`` counts neither for nor against in that row. Intervals: 95%, percentile
    bootstrap over groups. ``ValueError`` if lengths differ or there is no row.
    """
    labels = align(gold, predictions, themes)
    sums = _sums(gold, predictions, labels, resamples, seed)
    head = {name: measure(compute(sums, labels.themes)) for name, compute in _HEADLINE.items()}
    return Evaluation(
        model=predictions[0].model,
        rows=len(gold),
        groups=group_indices([row.group for row in gold])[1],
        themes=tuple(_label(sums, "theme", t, _theme_reliability(labels, k)) for k, t in enumerate(labels.themes)),
        macro_f1=head["macro_f1"],
        micro_f1=head["micro_f1"],
        exact_match=head["exact_match"],
        false_alarm=head["false_alarm"],
        sentiment=SentimentScore(
            accuracy=head["sentiment_accuracy"],
            macro_f1=head["sentiment_macro_f1"],
            labels=tuple(_label(sums, "sentiment", label) for label in SENTIMENTS),
            confusion=_confusion(labels),
            reliability=reliability(labels.confidence, labels.sentiment == labels.sentiment_given),
        ),
        evidence=_evidence(sums) if "evidence.gold" in sums else None,
        about=_span(sums, "about") if "about.gold" in sums else None,
        review=ReviewScore(
            flagged=_share(sums, "flagged", "rows"),
            wrong=_share(sums, "wrong", "rows"),
            caught=_share(sums, "caught", "wrong"),
            hits=_share(sums, "caught", "flagged"),
        ),
    )


def difference(
    gold: Sequence[Gold],
    first: Sequence[Prediction],
    second: Sequence[Prediction],
    *,
    themes: Sequence[str] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 1,
) -> dict[str, Measure]:
    """``first`` minus ``second`` for each figure of ``HEADLINE``, with a paired bootstrap interval.

    Both are measured on the same resampled rows, so what makes a sample hard or easy for both cancels out.
    """
    one, two = (align(gold, predictions, themes) for predictions in (first, second))
    if one.themes != two.themes:
        raise ValueError(f"themes {one.themes} and {two.themes}: two models are compared on the same themes")
    a = _sums(gold, first, one, resamples, seed)
    b = _sums(gold, second, two, resamples, seed)
    return {name: measure(compute(a, one.themes) - compute(b, one.themes)) for name, compute in _HEADLINE.items()}


def _sums(
    gold: Sequence[Gold], predictions: Sequence[Prediction], labels: Labels, resamples: int, seed: int
) -> dict[str, FloatArray]:
    columns = label_counts(labels) | span_counts(gold, predictions, labels)
    table = np.column_stack([values.astype(np.float64) for values in columns.values()])
    return dict(zip(columns, resampled_sums(table, [row.group for row in gold], resamples, seed).T, strict=True))


def _f1(sums: Sums, *names: str) -> FloatArray:
    """F1 of the columns of ``names`` taken together: of one label, or micro-averaged over several."""
    hit, gold, given = (np.sum([sums[f"{name}.{kind}"] for name in names], axis=0) for kind in ("hit", "gold", "given"))
    return ratio(2 * hit, gold + given)


def _macro_f1(sums: Sums, kind: str, labels: Sequence[str]) -> FloatArray:
    return mean_of_defined([_f1(sums, f"{kind}:{label}") for label in labels])


_HEADLINE: dict[str, Callable[[Sums, Sequence[str]], FloatArray]] = {
    "macro_f1": lambda sums, themes: _macro_f1(sums, "theme", themes),
    "micro_f1": lambda sums, themes: _f1(sums, *(f"theme:{theme}" for theme in themes)),
    "exact_match": lambda sums, _: ratio(sums["exact"], sums["rows"]),
    "false_alarm": lambda sums, _: ratio(sums["false_alarm"], sums["themeless"]),
    "sentiment_accuracy": lambda sums, _: ratio(sums["right_sentiment"], sums["rows"]),
    "sentiment_macro_f1": lambda sums, _: _macro_f1(sums, "sentiment", SENTIMENTS),
}
HEADLINE: tuple[str, ...] = tuple(_HEADLINE)


def _share(sums: Sums, part: str, whole: str) -> Measure:
    return measure(ratio(sums[part], sums[whole]))


def _span(sums: Sums, name: str) -> SpanScore:
    precision = _share(sums, f"{name}.hit", f"{name}.given")
    return SpanScore(precision, _share(sums, f"{name}.hit", f"{name}.gold"), measure(_f1(sums, name)))


def _label(sums: Sums, kind: str, label: str, calibration: Reliability | None = None) -> LabelScore:
    name = f"{kind}:{label}"
    score = _span(sums, name)
    support, predicted = int(sums[f"{name}.gold"][0]), int(sums[f"{name}.given"][0])
    return LabelScore(label, score.precision, score.recall, score.f1, support, predicted, calibration)


def _evidence(sums: Sums) -> EvidenceScore:
    return EvidenceScore(
        overall=_span(sums, "evidence"),
        given_theme=_span(sums, "place"),
        overlap=_share(sums, "overlapping", "right"),
        whole_text=measure(ratio(2 * sums["place.gold"], sums["place.gold"] + sums["place.length"])),
    )


def _theme_reliability(labels: Labels, theme: int) -> Reliability:
    known = labels.known[:, theme]
    return reliability(labels.scores[known, theme], labels.gold[known, theme])


def _confusion(labels: Labels) -> tuple[tuple[int, ...], ...]:
    size = len(SENTIMENTS)
    cells = np.bincount(labels.sentiment * size + labels.sentiment_given, minlength=size * size).reshape(size, size)
    return tuple(tuple(int(cell) for cell in row) for row in cells)
