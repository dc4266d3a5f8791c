"""The Open Inference Protocol, version 2, so that KServe clients and gateways can use the model as any other.

Source: https://github.com/kserve/open-inference-protocol. Errors are problem documents with the member
``error`` that the protocol asks for.
"""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from api.kinds import INVALID_INPUT, NOT_READY, Kind
from api.problems import ProblemError, pointer
from api.routes import json_only, problems
from api.schemas import FieldError
from api.service import RETRY_AFTER, Service, ServiceDep
from api.tensors import (
    OUTPUT_NAMES,
    InferenceRequest,
    InferenceResponse,
    TensorMetadata,
    metadata,
    read_texts,
    tensors,
)
from fbclass import __version__

UNKNOWN_MODEL = Kind(
    "unknown-model",
    HTTPStatus.NOT_FOUND,
    "No model of this name and version answers here; GET /v1/model says which does.",
    "这里没有此名称和版本的模型;可用的模型见 GET /v1/model。",
)
_NOT_FOUND = {404: "No model of this name and version answers here."}
_ANY_VERSION = "/models/{name}"
_ONE_VERSION = "/models/{name}/versions/{version}"

router = APIRouter(prefix="/v2", tags=["open inference protocol"], strict_content_type=False)


class ServerMetadata(BaseModel):
    """Who answers."""

    name: str = Field(description="Name of the server.")
    version: str = Field(description="Its version.")
    extensions: list[str] = Field(description="Extensions of the protocol; none.")


class Live(BaseModel):
    """The server is up."""

    live: bool = Field(description="Always true; anything else is a problem document.")


class Ready(Live):
    """The server answers."""

    ready: bool = Field(description="Always true; anything else is a problem document.")


class ModelReady(BaseModel):
    """The model answers."""

    name: str = Field(description="Name of the model.")
    ready: bool = Field(description="Always true; anything else is a problem document.")


class ModelMetadata(BaseModel):
    """What the model takes and gives."""

    name: str = Field(description="Name of the model.")
    versions: list[str] = Field(description="Its versions.")
    platform: str = Field(description="What runs it.")
    inputs: list[TensorMetadata] = Field(description="Tensors it takes.")
    outputs: list[TensorMetadata] = Field(description="Tensors it gives.")


@router.get("", name="server_metadata", summary="Server metadata")
async def server_metadata() -> ServerMetadata:
    """Name and version of the service."""
    return ServerMetadata(name="fbclass", version=__version__, extensions=[])


@router.get("/health/live", name="server_live", summary="Server live")
async def server_live() -> Live:
    """The same as `/health/live`, for clients of this protocol."""
    return Live(live=True)


@router.get(
    "/health/ready",
    name="server_ready",
    summary="Server ready",
    responses=problems({503: "No prediction has succeeded yet."}),
)
async def server_ready(service: ServiceDep) -> Ready:
    """The same as `/health/ready`, for clients of this protocol."""
    _check_ready(service)
    return Ready(live=True, ready=True)


@router.get(_ANY_VERSION, name="model_metadata", summary="Model metadata", responses=problems(_NOT_FOUND))
@router.get(
    _ONE_VERSION, name="model_version_metadata", summary="Model metadata, by version", responses=problems(_NOT_FOUND)
)
async def model_metadata(service: ServiceDep, name: str, version: str | None = None) -> ModelMetadata:
    """Inputs and outputs. `scores` and `themes` have a column for each theme, in the order of `/v1/model`."""
    _check_model(service, name, version)
    info = service.engine.info
    inputs, outputs = metadata(service.engine.schema.ids)
    return ModelMetadata(
        name=info.name, versions=[info.version], platform="onnxruntime_onnx", inputs=inputs, outputs=outputs
    )


_READY = problems({**_NOT_FOUND, 503: "No prediction has succeeded yet."})


@router.get(f"{_ANY_VERSION}/ready", name="model_ready", summary="Model ready", responses=_READY)
@router.get(f"{_ONE_VERSION}/ready", name="model_version_ready", summary="Model ready, by version", responses=_READY)
async def model_ready(service: ServiceDep, name: str, version: str | None = None) -> ModelReady:
    """200 once the model has answered."""
    _check_model(service, name, version)
    _check_ready(service)
    return ModelReady(name=name, ready=True)


_INFER = problems(
    {
        **_NOT_FOUND,
        400: "The body is not valid JSON in UTF-8.",
        413: "The body is too large.",
        415: "The body is not sent as JSON; the binary extension is not offered.",
        422: "The body breaks the rules; errors says where and how.",
        429: "Too many comments are waiting; Retry-After says how many seconds to wait.",
        500: "The service failed.",
        503: "The service is starting or stopping.",
    }
)


async def _json_or_untyped(request: Request) -> None:
    """JSON, also without Content-Type: Triton's client sends none with tensors that are not binary."""
    if "content-type" in request.headers:
        await json_only(request)


_JSON = [Depends(_json_or_untyped)]


@router.post(f"{_ANY_VERSION}/infer", name="infer", summary="Inference", responses=_INFER, dependencies=_JSON)
@router.post(
    f"{_ONE_VERSION}/infer",
    name="infer_version",
    summary="Inference, by version",
    responses=_INFER,
    dependencies=_JSON,
)
async def infer(
    service: ServiceDep, name: str, body: InferenceRequest, version: str | None = None
) -> InferenceResponse:
    """Classify up to 512 comments. Output `prediction` has, as JSON, all that `/v1/classify` says of a comment."""
    _check_model(service, name, version)
    names = [output.name for output in body.outputs] if body.outputs else list(OUTPUT_NAMES)
    comments = _checked(service, body, names)
    predictions = await service.classify(comments)
    info = service.engine.info
    return InferenceResponse(
        model_name=info.name,
        model_version=info.version,
        id=body.id,
        outputs=tensors(predictions, service.engine.schema.ids, names),
    )


def _check_ready(service: Service) -> None:
    if not service.ready:
        raise ProblemError(NOT_READY, headers=RETRY_AFTER)


def _check_model(service: Service, name: str, version: str | None) -> None:
    info = service.engine.info
    if name != info.name or version not in (None, info.version):
        raise ProblemError(UNKNOWN_MODEL)


def _checked(service: Service, body: InferenceRequest, names: list[str]) -> list[str]:
    """The comments, within the limits of this installation; 422 for what breaks a rule."""
    comments, errors = read_texts(body.inputs[0], service.settings.max_text_length)
    limit = service.settings.max_batch
    if len(body.inputs[0].data) > limit:
        where = pointer("inputs", 0, "data")
        errors = [
            FieldError(pointer=where, detail=f"must hold at most {limit} comments", detail_zh=f"最多 {limit} 条评论")
        ]
    known = ", ".join(OUTPUT_NAMES)
    errors += [
        FieldError(
            pointer=pointer("outputs", index, "name"), detail=f"must be one of {known}", detail_zh=f"应为 {known} 之一"
        )
        for index, name in enumerate(names)
        if name not in OUTPUT_NAMES
    ]
    if errors:
        raise ProblemError(INVALID_INPUT, errors=errors)
    return comments
