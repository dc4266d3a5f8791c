"""The rows to read first: where the model was wrong and sure of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fbclass.evaluation.counts import align
from fbclass.evaluation.gold import Gold
from fbclass.results import SENTIMENTS, Prediction

Kind = Literal["missed", "invented", "sentiment"]


@dataclass(frozen=True, slots=True)
class Mistake:
    """One wrong label of the row with index ``row``.

    ``kind``: a theme missed, a theme invented, or the wrong sentiment. ``label`` is the theme or the
    sentiment that was given. ``confidence``: the probability the model gave to its wrong answer.
    """

    row: int
    kind: Kind
    label: str
    confidence: float


def find_mistakes(
    gold: Sequence[Gold], predictions: Sequence[Prediction], *, themes: Sequence[str] | None = None
) -> list[Mistake]:
    """Every wrong label, the most confident first. A row with two wrong themes is in it twice."""
    labels = align(gold, predictions, themes)
    found: list[Mistake] = []
    for row in labels.wrong.nonzero()[0].tolist():
        for k, theme in enumerate(labels.themes):
            if labels.known[row, k] and labels.gold[row, k] != labels.given[row, k]:
                score = float(labels.scores[row, k])
                invented = bool(labels.given[row, k])
                found.append(
                    Mistake(row, "invented" if invented else "missed", theme, score if invented else 1 - score)
                )
        given = int(labels.sentiment_given[row])
        if given != labels.sentiment[row]:
            found.append(Mistake(row, "sentiment", SENTIMENTS[given], float(labels.confidence[row])))
    return sorted(found, key=lambda mistake: (-mistake.confidence, mistake.row))
