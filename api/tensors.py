"""Comments and predictions as tensors of the Open Inference Protocol (version 2, REST).

Source: https://github.com/kserve/open-inference-protocol, specification/protocol/inference_rest.md. One input,
``text``, of strings (BYTES) with shape [N] or [N, 1]; the outputs are in ``OUTPUTS``. Tensor data travels as
JSON; no extension is offered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from api.problems import pointer
from api.schemas import MAX_COMMENTS, MAX_ID_LENGTH, MAX_TEXT_LENGTH, FieldError
from fbclass.results import SENTIMENTS, Prediction

INPUT = "text"
_HALF_PAIR = re.compile("[\ud800-\udfff]")  # no JSON in UTF-8 can carry it back
_Parameter = str | int | float | bool
_TEXT_SCHEMA = {"type": "string", "maxLength": MAX_TEXT_LENGTH}
# Checked by read_texts: a union of pydantic's would put its own names into the places of errors.
_Texts = Annotated[
    list[Any],
    Field(max_length=MAX_COMMENTS),
    WithJsonSchema(
        {
            "type": "array",
            "maxItems": MAX_COMMENTS,
            "items": {"anyOf": [_TEXT_SCHEMA, {"type": "array", "items": _TEXT_SCHEMA, "maxItems": 1, "minItems": 1}]},
        }
    ),
]
_Size = Annotated[int, Field(ge=0, le=MAX_COMMENTS)]


class _Tensors(BaseModel):
    # The protocol lets clients add fields of extensions that a server need not know.
    model_config = ConfigDict(extra="ignore", strict=True, protected_namespaces=())


class InputTensor(_Tensors):
    """The comments."""

    name: Literal["text"] = Field(description="The only input there is.")
    shape: list[_Size] = Field(min_length=1, max_length=2, description="[N] or [N, 1], N being the number of comments.")
    datatype: Literal["BYTES"] = Field(description="Strings.")
    parameters: dict[str, _Parameter] | None = Field(default=None, description="Not used.")
    data: _Texts = Field(description="N comments, flat or one to a row.")


class OutputName(_Tensors):
    """An output that is asked for."""

    name: str = Field(max_length=MAX_ID_LENGTH, description="Name of the output.")
    parameters: dict[str, _Parameter] | None = Field(default=None, description="Not used.")


class InferenceRequest(_Tensors):
    """Comments to classify."""

    id: str | None = Field(default=None, max_length=MAX_ID_LENGTH, description="Your own id; the answer carries it.")
    parameters: dict[str, _Parameter] | None = Field(default=None, description="Not used.")
    inputs: list[InputTensor] = Field(min_length=1, max_length=1, description="The comments, as one tensor.")
    outputs: list[OutputName] | None = Field(
        default=None, max_length=32, description="The outputs that are wanted; all of them when left out."
    )


class OutputTensor(_Tensors):
    """One output for all comments, row by row."""

    name: str = Field(description="Name of the output.")
    shape: list[int] = Field(description="[N], or [N, columns].")
    datatype: str = Field(description="BYTES, BOOL or FP64.")
    parameters: dict[str, _Parameter] | None = Field(default=None, description="columns: what each column stands for.")
    data: list[str | bool | float] = Field(description="The values, flat.")


class InferenceResponse(_Tensors):
    """Predictions in the order of the comments."""

    model_name: str = Field(description="Name of the model.")
    model_version: str = Field(description="Version of the model.")
    id: str | None = Field(default=None, description="The id of the request, or null.")
    outputs: list[OutputTensor] = Field(description="The outputs asked for.")


class TensorMetadata(_Tensors):
    """Name, type and shape of a tensor; -1 stands for the number of comments."""

    name: str = Field(description="Name of the tensor.")
    datatype: str = Field(description="Type of its elements.")
    shape: list[int] = Field(description="Its shape.")


@dataclass(frozen=True, slots=True)
class Output:
    """An output: ``values`` gives one comment's row of it. ``columns``: the theme ids, the attitudes, or none."""

    name: str
    datatype: Literal["BYTES", "BOOL", "FP64"]
    columns: Literal["themes", "sentiments", "none"]
    values: Callable[[Prediction, Sequence[str]], list[Any]]


def _reported(prediction: Prediction, themes: Sequence[str]) -> list[bool]:
    found = {theme.id for theme in prediction.themes}
    return [theme in found for theme in themes]


OUTPUTS = (
    Output("scores", "FP64", "themes", lambda p, themes: [float(p.scores[theme]) for theme in themes]),
    Output("themes", "BOOL", "themes", _reported),
    Output("sentiment", "BYTES", "none", lambda p, _: [p.sentiment.label]),
    Output("sentiment_scores", "FP64", "sentiments", lambda p, _: [float(p.sentiment.scores[s]) for s in SENTIMENTS]),
    Output("needs_review", "BOOL", "none", lambda p, _: [p.needs_review]),
    # Everything, as POST /v1/classify has it: evidence and about have no fixed shape.
    Output("prediction", "BYTES", "none", lambda p, _: [json.dumps(p.to_dict(), ensure_ascii=False)]),
)
OUTPUT_NAMES = tuple(output.name for output in OUTPUTS)


def column_names(output: Output, themes: Sequence[str]) -> Sequence[str]:
    """What the columns of an output stand for; empty for an output of shape [N]."""
    return {"themes": themes, "sentiments": SENTIMENTS, "none": ()}[output.columns]


def metadata(themes: Sequence[str]) -> tuple[list[TensorMetadata], list[TensorMetadata]]:
    """Inputs and outputs of a model with these themes."""
    outputs = [
        TensorMetadata(name=o.name, datatype=o.datatype, shape=[-1, *filter(None, [len(column_names(o, themes))])])
        for o in OUTPUTS
    ]
    return [TensorMetadata(name=INPUT, datatype="BYTES", shape=[-1])], outputs


def read_texts(tensor: InputTensor, max_length: int) -> tuple[list[str], list[FieldError]]:
    """The comments in order, and what is wrong with them."""
    found: list[str] = []
    errors: list[FieldError] = []

    def wrong(english: str, chinese: str, *where: str | int) -> None:
        errors.append(FieldError(pointer=pointer("inputs", 0, *where), detail=english, detail_zh=chinese))

    for index, row in enumerate(tensor.data):
        text = row[0] if isinstance(row, list) and len(row) == 1 else row
        if not isinstance(text, str) or _HALF_PAIR.search(text):
            wrong(
                "must be a string of valid Unicode, or a list of one",
                "必须是有效的字符串,或只含一个字符串的列表",
                "data",
                index,
            )
        elif len(text) > max_length:
            wrong(f"must have at most {max_length} characters", f"最多 {max_length} 个字符", "data", index)
        else:
            found.append(text)
    if tensor.shape not in ([len(tensor.data)], [len(tensor.data), 1]):
        wrong("must be [N] or [N, 1], with N comments in data", "应为 [N] 或 [N, 1],且 data 含 N 条评论", "shape")
    return found, errors


def tensors(predictions: Sequence[Prediction], themes: Sequence[str], names: Sequence[str]) -> list[OutputTensor]:
    """The outputs of these names, in this order."""
    by_name = {output.name: output for output in OUTPUTS}
    found = []
    for output in (by_name[name] for name in names):
        columns = column_names(output, themes)
        found.append(
            OutputTensor(
                name=output.name,
                shape=[len(predictions), *([len(columns)] if columns else [])],
                datatype=output.datatype,
                parameters={"columns": ",".join(columns)} if columns else None,
                data=[value for prediction in predictions for value in output.values(prediction, themes)],
            )
        )
    return found
