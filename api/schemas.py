"""The shapes that go in and out over HTTP, with their limits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

MAX_TEXT_LENGTH = 20_000  # characters; settings may lower these, so the published description holds everywhere
MAX_COMMENTS = 512
MAX_ID_LENGTH = 200


class _Request(BaseModel):
    # A misspelt field would otherwise be ignored without a word. NUL and friends are valid text.
    model_config = ConfigDict(extra="forbid", strict=True)


class Comment(_Request):
    """One comment as an employee wrote it."""

    id: str | None = Field(None, max_length=MAX_ID_LENGTH, description="Your own id; the prediction carries it.")
    text: str = Field(max_length=MAX_TEXT_LENGTH, description="The comment. A blank one is valid: no theme, neutral.")
    question: str | None = Field(
        None,
        max_length=MAX_TEXT_LENGTH,
        description="The question it answers. Accepted for later models; the present one does not read it.",
    )


class Comments(_Request):
    """Several comments; the predictions come back in the same order."""

    comments: list[Comment] = Field(
        max_length=MAX_COMMENTS, description="The comments, each with its own optional id and question."
    )


def _form(value: Any) -> str:
    many = "comments" in value if isinstance(value, dict) else isinstance(value, Comments)
    return "many" if many else "one"


FORMS = ("one", "many")
ClassifyRequest = Annotated[Annotated[Comment, Tag("one")] | Annotated[Comments, Tag("many")], Discriminator(_form)]


class _Response(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Span(_Response):
    """A piece of the text as given. Offsets count Unicode characters; end is exclusive."""

    start: int = Field(ge=0, description="Index of the first character.")
    end: int = Field(ge=0, description="Index after the last character.")
    text: str = Field(description="The characters between them.")


class ThemeTag(_Response):
    """A theme that the comment speaks of."""

    id: str = Field(description="Stable id of the theme.")
    name: str = Field(description="Name of the theme, in Chinese.")
    score: float = Field(ge=0, le=1, description="Calibrated probability.")
    evidence: list[Span] = Field(description="Where in the text the theme is.")


class Sentiment(_Response):
    """The writer's overall attitude."""

    label: Literal["negative", "neutral", "positive"] = Field(description="The likeliest attitude.")
    scores: dict[str, float] = Field(description="Calibrated probability of each attitude.")


PREDICTION_EXAMPLE: dict[str, Any] = {
    "id": "17",
    "text": "采购申请提了三周没人理,打电话也总说在走流程",
    "themes": [
        {
            "id": "slow_response",
            "name": "响应慢",
            "score": 0.97,
            "evidence": [{"start": 0, "end": 11, "text": "采购申请提了三周没人理"}],
        }
    ],
    "sentiment": {"label": "negative", "scores": {"negative": 0.94, "neutral": 0.05, "positive": 0.01}},
    "about": [{"start": 0, "end": 4, "text": "采购申请"}],
    "scores": {"information_silo": 0.03, "goal_conflict": 0.01, "culture_gap": 0.01, "slow_response": 0.97},
    "needs_review": False,
    "truncated": False,
    "model": "fbclass-small@0.1.0",
}


class Prediction(_Response):
    """What the model says of one comment."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [PREDICTION_EXAMPLE]})

    id: str | None = Field(description="The id that came with the comment, or null.")
    text: str = Field(description="The comment as given.")
    themes: list[ThemeTag] = Field(description="Themes over their own threshold, highest first; often empty.")
    sentiment: Sentiment
    about: list[Span] = Field(description="Departments, roles or systems spoken of.")
    scores: dict[str, float] = Field(description="Calibrated probability of every theme, by id.")
    needs_review: bool = Field(description="True for a comment that a person should look at.")
    truncated: bool = Field(description="True when part of the text was not read.")
    model: str = Field(description="Name and version of the model.")


class Predictions(_Response):
    """Predictions in the order of the comments."""

    predictions: list[Prediction] = Field(description="One for each comment, in the same order.")
    model: str = Field(description="Name and version of the model.")


class Health(_Response):
    """The service is up."""

    status: Literal["ok"] = Field("ok", description="Always ok; anything else is a problem document.")


class Model(_Response):
    """The model that answers."""

    name: str = Field(description="Name of the model.")
    version: str = Field(description="Version of the model.")
    model: str = Field(description="Name and version, as predictions carry them.")
    themes: list[str] = Field(description="Ids of the themes it knows, in order.")
    schema_hash: str = Field(description="SHA-256 over these ids.")
    thresholds: dict[str, float] = Field(description="Probability from which each theme is reported.")
    metrics: dict[str, Any] = Field(description="Accuracy measured on comments that it was not trained on.")


class Theme(_Response):
    """What one theme means."""

    id: str = Field(description="Stable id.")
    name_zh: str = Field(description="Name in Chinese.")
    name_en: str = Field(description="Name in English.")
    definition_zh: str = Field(description="Definition in Chinese.")
    definition_en: str = Field(description="Definition in English.")
    counts: list[str] = Field(description="What is tagged with it.")
    does_not_count: list[str] = Field(description="What is not.")
    examples: list[str] = Field(description="Comments that speak of it.")
    actions_zh: list[str] = Field(description="Suggested actions, in Chinese.")
    actions_en: list[str] = Field(description="Suggested actions, in English.")
    retired: bool = Field(description="True when it is no longer given.")


class Themes(_Response):
    """The theme schema of the model that answers."""

    version: str = Field(description="Version of the schema.")
    themes: list[Theme] = Field(description="The themes, in order.")
