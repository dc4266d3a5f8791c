"""The shapes that go in and out over HTTP, with their limits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, TypeAdapter, WithJsonSchema

MAX_TEXT_LENGTH = 20_000  # characters; settings may lower these, so the published description holds everywhere
MAX_COMMENTS = 512
MAX_ID_LENGTH = 200


class Request(BaseModel):
    """What a client sends."""

    # A misspelt field would otherwise be ignored without a word. NUL and friends are valid text.
    model_config = ConfigDict(extra="forbid", strict=True)


Threshold = Annotated[float, Field(ge=0.01, le=0.99, strict=True)]


class Options(Request):
    """How to answer, where it should differ from the model's own way."""

    thresholds: dict[str, Threshold] | None = Field(
        None,
        max_length=100,
        description="Probability from which a theme is reported, by theme id; the model's own for those left out.",
    )
    prefer: Literal["balance", "precision"] = Field(
        "balance", description="precision: fewer themes that are not there, more that are missed."
    )
    evidence: bool = Field(True, description="False: leave the evidence of themes empty.")


class Comment(Request):
    """One comment as an employee wrote it."""

    id: str | None = Field(None, max_length=MAX_ID_LENGTH, description="Your own id; the prediction carries it.")
    text: str = Field(max_length=MAX_TEXT_LENGTH, description="The comment. A blank one is valid: no theme, neutral.")
    question: str | None = Field(
        None,
        max_length=MAX_TEXT_LENGTH,
        description="The question it answers. Accepted for later models; the present one does not read it.",
    )


class SingleComment(Comment):
    """One comment as an employee wrote it, with options."""

    options: Options | None = Field(None, description="How to answer.")


# Anything may stand in the list: what is no comment gets an error at its place, and the rest is answered.
_AnyComment = Annotated[
    Any,
    WithJsonSchema(
        {
            "anyOf": [{"$ref": "#/components/schemas/Comment"}, {}],
            "description": "A comment. What breaks its rules gets an error at its place; the others are answered.",
        }
    ),
]
COMMENT: TypeAdapter[Comment] = TypeAdapter(Comment)


class Comments(Request):
    """Several comments; the predictions come back in the same order."""

    comments: list[_AnyComment] = Field(
        max_length=MAX_COMMENTS, description="The comments, each with its own optional id and question."
    )
    options: Options | None = Field(None, description="How to answer, for all of them.")


def _form(value: Any) -> str:
    many = "comments" in value if isinstance(value, dict) else isinstance(value, Comments)
    return "many" if many else "one"


FORMS = ("one", "many")
ClassifyRequest = Annotated[
    Annotated[SingleComment, Tag("one")] | Annotated[Comments, Tag("many")], Discriminator(_form)
]


class Answer(BaseModel):
    """What a client gets."""

    model_config = ConfigDict(from_attributes=True)


class Span(Answer):
    """A piece of the text as given. Offsets count Unicode characters; end is exclusive."""

    start: int = Field(ge=0, description="Index of the first character.")
    end: int = Field(ge=0, description="Index after the last character.")
    text: str = Field(description="The characters between them.")


class ThemeTag(Answer):
    """A theme that the comment speaks of."""

    id: str = Field(description="Stable id of the theme.")
    name: str = Field(description="Name of the theme, in Chinese.")
    score: float = Field(ge=0, le=1, description="Calibrated probability.")
    evidence: list[Span] = Field(description="Where in the text the theme is.")


class Sentiment(Answer):
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
    "model": "fbclass-small@0.9.0",
}


class StoredPrediction(Answer):
    """What the model says of a comment that is kept beside it."""

    themes: list[ThemeTag] = Field(description="Themes over their own threshold, highest first; often empty.")
    sentiment: Sentiment
    about: list[Span] = Field(description="Departments, roles or systems spoken of.")
    scores: dict[str, float] = Field(description="Calibrated probability of every theme, by id.")
    needs_review: bool = Field(description="True for a comment that a person should look at.")
    truncated: bool = Field(description="True when part of the text was not read.")
    model: str = Field(description="Name and version of the model.")


class Given(Answer):
    """The comment that an answer is about."""

    id: str | None = Field(description="The id that came with the comment, or null.")
    text: str = Field(description="The comment as given.")


class Prediction(StoredPrediction, Given):
    """What the model says of one comment."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [PREDICTION_EXAMPLE]})


class FieldError(Answer):
    """One thing that is wrong with the request."""

    pointer: str | None = Field(
        default=None, description="Where in the body, as a JSON Pointer in a URI fragment (RFC 6901)."
    )
    parameter: str | None = Field(default=None, description="Or the parameter or header that is wrong.")
    detail: str = Field(description="What is wrong, in English.")
    detail_zh: str = Field(description="What is wrong, in Chinese.")


class Problem(Answer):
    """An error (RFC 9457)."""

    type: str = Field(description="Stable name of the kind of error.")
    title: str = Field(description="What kind of error it is.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What went wrong and what to do, in English.")
    detail_zh: str = Field(description="What went wrong and what to do, in Chinese.")
    instance: str = Field(description="Path of the request.")
    errors: list[FieldError] | None = Field(None, description="For a request that breaks the rules: what and where.")
    error: str | None = Field(
        default=None, description="The same as detail, under the name that Open Inference Protocol clients look for."
    )


class ItemProblem(Answer):
    """Why one comment of many has no prediction."""

    type: str = Field(description="Stable name of the kind of error.")
    status: int = Field(description="The HTTP status that the comment alone would get.")
    detail: str = Field(description="What went wrong and what to do, in English.")
    detail_zh: str = Field(description="What went wrong and what to do, in Chinese.")
    errors: list[FieldError] | None = Field(None, description="For a comment that breaks the rules: what and where.")


class Failure(Answer):
    """Stands in the place of a prediction that could not be made."""

    id: str | None = Field(description="The id that came with the comment, or null.")
    error: ItemProblem


class Predictions(Answer):
    """Predictions in the order of the comments."""

    predictions: list[Prediction | Failure] = Field(
        description="One for each comment, in the same order; an error for one that could not be read."
    )
    failed: int = Field(ge=0, description="How many of them are errors.")
    model: str = Field(description="Name and version of the model.")


class Health(Answer):
    """The service is up."""

    status: Literal["ok"] = Field("ok", description="Always ok; anything else is a problem document.")


class Model(Answer):
    """The model that answers."""

    name: str = Field(description="Name of the model.")
    version: str = Field(description="Version of the model.")
    model: str = Field(description="Name and version, as predictions carry them.")
    themes: list[str] = Field(description="Ids of the themes it knows, in order.")
    schema_hash: str = Field(description="SHA-256 over these ids.")
    thresholds: dict[str, float] = Field(description="Probability from which each theme is reported.")
    metrics: dict[str, Any] = Field(description="Accuracy measured on comments that it was not trained on.")


class Theme(Answer):
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


class Themes(Answer):
    """The theme schema of the model that answers."""

    version: str = Field(description="Version of the schema.")
    themes: list[Theme] = Field(description="The themes, in order.")
