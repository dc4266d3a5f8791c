"""What is taken for what: pairs of the label that was due and the one that was given, most frequent first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

from fbclass.evaluation import Gold, Mistake, find_mistakes
from fbclass.results import Prediction

NOTHING = ""


@dataclass(frozen=True, slots=True)
class Confusion:
    """``due`` was labelled and ``said`` was given instead.

    Of themes either can be ``NOTHING``: a theme missed and none invented in its place, or one invented where
    none was missed. ``rows``: indices of the comments, surest mistakes first.
    """

    kind: Literal["theme", "sentiment"]
    due: str
    said: str
    rows: tuple[int, ...]


def find_confusions(
    gold: Sequence[Gold], predictions: Sequence[Prediction], themes: Sequence[str]
) -> tuple[Confusion, ...]:
    """All pairs, themes before sentiment. A comment that misses two themes and invents one is in two pairs."""
    by_row: dict[int, list[Mistake]] = defaultdict(list)
    for mistake in find_mistakes(gold, predictions, themes=themes):  # the surest first
        by_row[mistake.row].append(mistake)
    pairs: dict[tuple[Literal["theme", "sentiment"], str, str], list[int]] = defaultdict(list)
    for row, mistakes in by_row.items():
        missed = [m.label for m in mistakes if m.kind == "missed"]
        invented = [m.label for m in mistakes if m.kind == "invented"]
        if missed or invented:
            for due, said in product(missed or [NOTHING], invented or [NOTHING]):
                pairs["theme", due, said].append(row)
        for mistake in mistakes:
            if mistake.kind == "sentiment":
                pairs["sentiment", gold[row].sentiment, mistake.label].append(row)
    found = [Confusion(*pair, tuple(rows)) for pair, rows in pairs.items()]
    return tuple(sorted(found, key=lambda c: (c.kind == "sentiment", -len(c.rows), c.due, c.said)))
