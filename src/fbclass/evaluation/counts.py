"""What each row adds to the figures: counts, in one column per kind, ready to be summed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fbclass.evaluation.gold import Gold
from fbclass.results import SENTIMENTS, Prediction, Span

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Labels:
    """Gold and predictions side by side. ``gold``, ``given``, ``known``, ``scores``: (rows, themes);
    ``sentiment``, ``sentiment_given``: (rows,) indices into SENTIMENTS; ``confidence``: (rows,)
    probability of the label given; ``flagged``: (rows,).
    """

    themes: tuple[str, ...]
    gold: BoolArray
    given: BoolArray
    known: BoolArray
    scores: FloatArray
    sentiment: IntArray
    sentiment_given: IntArray
    confidence: FloatArray
    flagged: BoolArray

    @property
    def exact(self) -> BoolArray:
        """(rows,) True where every theme that is known is right."""
        same: BoolArray = ((self.gold == self.given) | ~self.known).all(axis=1)
        return same

    @property
    def wrong(self) -> BoolArray:
        """(rows,) True where the theme set or the sentiment is wrong."""
        either: BoolArray = ~self.exact | (self.sentiment != self.sentiment_given)
        return either


def align(gold: Sequence[Gold], predictions: Sequence[Prediction], themes: Sequence[str] | None) -> Labels:
    """Arrays from rows; ``themes`` None: all that the predictions have scores for."""
    if len(gold) != len(predictions) or not gold:
        raise ValueError(f"{len(gold)} labelled rows, {len(predictions)} predictions: one for each, at least one")
    ids = tuple(themes if themes is not None else predictions[0].scores)
    given = [{tag.id for tag in p.themes} for p in predictions]
    return Labels(
        themes=ids,
        gold=np.array([[t in row.themes for t in ids] for row in gold], bool),
        given=np.array([[t in tags for t in ids] for tags in given], bool),
        known=np.array([[t not in row.unlabelled for t in ids] for row in gold], bool),
        scores=np.array([[p.scores[t] for t in ids] for p in predictions], float),
        sentiment=np.array([SENTIMENTS.index(row.sentiment) for row in gold]),
        sentiment_given=np.array([SENTIMENTS.index(p.sentiment.label) for p in predictions]),
        confidence=np.array([p.sentiment.scores[p.sentiment.label] for p in predictions], float),
        flagged=np.array([p.needs_review for p in predictions], bool),
    )


def label_counts(labels: Labels) -> dict[str, npt.NDArray[np.generic]]:
    """Columns for themes (``theme:ID.hit``, …), sentiment and review, each (rows,)."""
    gold, given = labels.gold & labels.known, labels.given & labels.known
    columns: dict[str, npt.NDArray[np.generic]] = {"rows": np.ones(len(gold), bool)}
    for k, theme in enumerate(labels.themes):
        columns |= _outcomes(f"theme:{theme}", gold[:, k], given[:, k])
    for k, label in enumerate(SENTIMENTS):
        columns |= _outcomes(f"sentiment:{label}", labels.sentiment == k, labels.sentiment_given == k)
    none = ~gold.any(axis=1)
    return columns | {
        "exact": labels.exact,
        "themeless": none,
        "false_alarm": none & given.any(axis=1),
        "right_sentiment": labels.sentiment == labels.sentiment_given,
        "wrong": labels.wrong,
        "flagged": labels.flagged,
        "caught": labels.wrong & labels.flagged,
    }


def _outcomes(name: str, gold: BoolArray, given: BoolArray) -> dict[str, npt.NDArray[np.generic]]:
    return {f"{name}.hit": gold & given, f"{name}.gold": gold, f"{name}.given": given}


def span_counts(gold: Sequence[Gold], predictions: Sequence[Prediction], labels: Labels) -> dict[str, IntArray]:
    """Columns for evidence and about, each (rows,), counted in characters; rows without marks add nothing.

    Only the columns of what at least one row has marked: no ``evidence.…``, say, if none has evidence.
    """
    columns: dict[str, IntArray] = {}
    names = [f"{part}.{kind}" for part in ("evidence", "place") for kind in ("hit", "gold", "given")]
    if any(row.evidence is not None for row in gold):
        rows = [_evidence(g, p, labels.themes) for g, p in zip(gold, predictions, strict=True)]
        columns |= dict(zip([*names, "place.length", "right", "overlapping"], np.array(rows, np.int64).T, strict=True))
    if any(row.about is not None for row in gold):
        pairs = zip(gold, predictions, strict=True)
        about = [_overlap(g.about, p.about) if g.about is not None else (0, 0, 0) for g, p in pairs]
        columns |= dict(zip(("about.hit", "about.gold", "about.given"), np.array(about, np.int64).T, strict=True))
    return columns


def _evidence(gold: Gold, prediction: Prediction, themes: Sequence[str]) -> IntArray:
    """Characters (hit, gold, given) over all themes and over rightly found ones; for these also the length
    of the text, their number, and how many have evidence that overlaps.
    """
    sums = np.zeros(9, np.int64)
    if gold.evidence is None:
        return sums
    given = {tag.id: tag.evidence for tag in prediction.themes}
    for theme in themes:
        marked = gold.evidence.get(theme)
        if theme in gold.unlabelled or (theme in gold.themes and not marked):
            continue  # the theme, or where it stands, is not known
        counts = _overlap(marked or (), given.get(theme, ()))
        sums[:3] += counts
        if theme in gold.themes and theme in given:
            sums[3:6] += counts
            sums[6:] += (len(gold.text), 1, counts[0] > 0)
    return sums


def _overlap(gold: Iterable[Span], given: Iterable[Span]) -> tuple[int, int, int]:
    """Characters in both, in gold, in given; a character inside several spans counts once."""
    one, two = _characters(gold), _characters(given)
    return len(one & two), len(one), len(two)


def _characters(spans: Iterable[Span]) -> set[int]:
    return {position for span in spans for position in range(span.start, span.end)}
