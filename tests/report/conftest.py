"""Comments with their predictions, built by hand so that every number can be checked by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from fbclass.report import ReportRow
from fbclass.results import SENTIMENTS, Prediction, Sentiment, SentimentLabel, Span, ThemeTag
from fbclass.schema import ThemeSchema

MakeRow = Callable[..., ReportRow]


@pytest.fixture(scope="session")
def schema() -> ThemeSchema:
    """The theme schema that the project ships."""
    return ThemeSchema.load(Path(__file__).parents[2] / "data" / "themes.yaml")


@pytest.fixture(scope="session")
def make_row(schema: ThemeSchema) -> MakeRow:
    """Build one row: ``themes`` maps theme ids to the evidence in the text ("" for none)."""

    def make(
        text: str,
        themes: Mapping[str, str] | None = None,
        sentiment: SentimentLabel = "neutral",
        *,
        department: str | None = None,
        question: str | None = None,
        respondent: str | None = None,
        score: float = 0.9,
        about: tuple[str, ...] = (),
        needs_review: bool = False,
        model: str = "tiny@0.0.1",
    ) -> ReportRow:
        tags = tuple(
            ThemeTag(theme_id, schema[theme_id].name_zh, score, (_span(text, evidence),) if evidence else ())
            for theme_id, evidence in (themes or {}).items()
        )
        prediction = Prediction(
            id=None,
            text=text,
            themes=tags,
            sentiment=Sentiment(sentiment, {label: 0.9 if label == sentiment else 0.05 for label in SENTIMENTS}),
            about=tuple(_span(text, name) for name in about),
            scores={theme_id: score if theme_id in (themes or {}) else 0.02 for theme_id in schema.ids},
            needs_review=needs_review,
            truncated=False,
            model=model,
        )
        return ReportRow(text, prediction, department, question, respondent)

    return make


def _span(text: str, piece: str) -> Span:
    start = text.index(piece)
    return Span(start, start + len(piece), piece)
