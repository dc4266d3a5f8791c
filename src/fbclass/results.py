"""What a prediction says, in the shape that Python, JSON Lines and HTTP share.

Offsets count Unicode characters of the text as given; ``end`` is exclusive. Scores are calibrated
probabilities between 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

SentimentLabel = Literal["negative", "neutral", "positive"]
SENTIMENTS: tuple[SentimentLabel, ...] = ("negative", "neutral", "positive")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the text as given: ``text == original[start:end]``."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class ThemeTag:
    """A theme over its own threshold, with the places in the text that say so."""

    id: str
    name: str
    score: float
    evidence: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Sentiment:
    """The writer's overall attitude: the likeliest label and the probability of each."""

    label: SentimentLabel
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says of one comment.

    ``themes`` holds the themes over their threshold, highest score first, and is empty for most
    praise and off-theme comments; ``scores`` always holds every theme of the schema. ``about`` names
    the departments, roles or systems spoken of. ``needs_review`` marks what a person should look at.
    ``truncated`` is true when part of the text was not read.
    """

    id: str | None
    text: str
    themes: tuple[ThemeTag, ...]
    sentiment: Sentiment
    about: tuple[Span, ...]
    scores: Mapping[str, float]
    needs_review: bool
    truncated: bool
    model: str

    def to_dict(self) -> dict[str, Any]:
        """The prediction as plain lists, dicts, strings and numbers, ready for JSON."""
        return asdict(self)
