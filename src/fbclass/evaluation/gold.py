"""What a person says of one comment: the labels that predictions are compared with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fbclass.results import SentimentLabel, Span


@dataclass(frozen=True, slots=True)
class Gold:
    """One labelled comment.

    ``evidence`` (theme id -> spans) and ``about`` are None where nobody has marked them, which is not
    the same as empty. Rows with the same ``group`` are variations on each other; None stands alone.
    ``unlabelled`` names themes that nobody has looked for in this row: they are unknown there, not
    absent. ``file`` and ``row`` (1-based line or row) say where it was read.
    """

    text: str
    themes: frozenset[str]
    sentiment: SentimentLabel
    evidence: Mapping[str, tuple[Span, ...]] | None = None
    about: tuple[Span, ...] | None = None
    group: str | None = None
    unlabelled: frozenset[str] = frozenset()
    id: str | None = None
    file: str = ""
    row: int = 0


def first_places(text: str, pieces: Iterable[str]) -> tuple[Span, ...]:
    """Each piece where it first stands in ``text``: a clause said twice need not mean the same twice.

    ``ValueError`` names a piece that is not in the text.
    """
    spans = []
    for piece in pieces:
        start = text.find(piece)
        if start < 0 or not piece:
            raise ValueError(piece)
        spans.append(Span(start, start + len(piece), piece))
    return tuple(spans)


def all_places(text: str, names: Iterable[str]) -> tuple[Span, ...]:
    """Each name wherever it stands in ``text``; ``ValueError`` names one that is not in it."""
    spans = []
    for name in names:
        first_places(text, [name])  # there is at least one
        spans += [Span(*match.span(), name) for match in re.finditer(re.escape(name), text)]
    return tuple(spans)
