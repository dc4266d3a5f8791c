"""Where form platforms deliver: verify, take out the comments, store them, answer as the platform expects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from api.kinds import Kind
from api.problems import ProblemError
from api.receivers import PLATFORMS
from api.receivers.delivery import Delivery, Incoming, Removal, Upsert, refuse
from api.receivers.settings import Connection, ReceiverSettings, read_connections
from api.receivers.signature import same
from api.routes import problems
from api.service import ServiceDep
from api.submissions import Submissions

UNKNOWN_FORM = Kind(
    "unknown-form",
    HTTPStatus.NOT_FOUND,
    "No form delivers at this address; add it to the file that FBCLASS_RECEIVERS names and start the service again.",
    "没有表单使用此地址;请在 FBCLASS_RECEIVERS 指定的文件中添加,并重新启动服务。",
)
REPEATED = Kind(
    "delivery-repeated",
    HTTPStatus.CONFLICT,
    "A request with this signature was handled before; sign again with the present time to send it anew.",
    "带有此签名的请求已处理过;如需再次发送,请用当前时间重新签名。",
)


class Received(BaseModel):
    """What became of a delivery, in comments."""

    stored: int = Field(ge=0, description="Comments stored, new or changed.")
    known: int = Field(ge=0, description="Comments that were there already, or deleted earlier, and stay as they were.")
    removed: int = Field(ge=0, description="Comments deleted.")


@asynccontextmanager
async def _connections(app: FastAPI) -> AsyncIterator[None]:
    """Read the settings when the service starts, so that a mistake in them is told then."""
    file = ReceiverSettings().receivers
    models = {name: platform.connection for name, platform in PLATFORMS.items()}
    app.state.connections = read_connections(file, models) if file else {}
    yield


router = APIRouter(prefix="/v1/receivers", tags=["receivers"], lifespan=_connections)


@router.post(
    "/{platform}/{form}",
    summary="A form platform delivers an answer",
    response_model=Received,
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "What the platform sends; docs/forms.md names each format. Needs no key but the platform's "
            "own signature or token.",
            "content": {"application/json": {"schema": {"type": "object"}}},
        }
    },
    responses=problems(
        {
            400: "The body is not what the platform sends.",
            401: "Signature or token missing or wrong.",
            404: "No form delivers at this address.",
            409: "A request with this signature was handled before.",
            413: "The body is too large.",
            422: "The body lacks what a submission needs.",
            429: "Too many comments are waiting; Retry-After says how many seconds to wait.",
            500: "The service failed.",
            503: "The service is starting or stopping, or the database is out of reach.",
            507: "The disk is full.",
        }
    ),
)
async def receive(service: ServiceDep, request: Request, platform: str, form: str) -> Response:
    """Answers 2xx once the comments are stored for good; anything else asks the platform to send again."""
    connections: Mapping[tuple[str, str], Connection] = request.app.state.connections
    connection = connections.get((platform, form))
    if connection is None:
        raise ProblemError(UNKNOWN_FORM)
    token = connection.token
    if token is not None and not same(token.get_secret_value(), request.query_params.get("token", "")):
        raise refuse()
    incoming = Incoming(
        headers=dict(request.headers),
        query=dict(request.query_params),
        body=await request.body(),
        now=datetime.now(UTC),
    )
    delivery = PLATFORMS[platform].read(connection, incoming)
    received = await _carry_out(service.submissions, platform, form, delivery)
    reply: Mapping[str, Any] = received.model_dump() if delivery.reply is None else delivery.reply
    return JSONResponse(reply)


async def _carry_out(submissions: Submissions, platform: str, form: str, delivery: Delivery) -> Received:
    """Store, then remember: broken off in between, it is done again, which changes nothing."""
    nonce = delivery.nonce
    key = f"{form}:{nonce.value}" if nonce else ""
    if nonce and await submissions.seen(platform, key):
        if nonce.refuse:
            raise ProblemError(REPEATED)
        return Received(stored=0, known=0, removed=0)
    stored = known = removed = 0
    for change in _merged(delivery.changes):
        if isinstance(change, Removal):
            removed += await submissions.delete(change.source, change.form, change.source_id)
            continue
        for result in await submissions.store(change.items, replace=change.replace, partial=change.partial):
            stored, known = (stored + 1, known) if result.new else (stored, known + 1)
    if nonce and not await submissions.first_time(platform, key, nonce.keep) and nonce.refuse:
        raise ProblemError(REPEATED)  # the same came twice at once; storing it twice changed nothing
    return Received(stored=stored, known=known, removed=removed)


def _merged(changes: tuple[Upsert | Removal, ...]) -> list[Upsert | Removal]:
    """Answers that are only added go into one transaction."""
    merged: list[Upsert | Removal] = []
    for change in changes:
        last = merged[-1] if merged else None
        if isinstance(change, Upsert) and isinstance(last, Upsert) and _plain(change) and _plain(last):
            merged[-1] = Upsert(last.items + change.items)
        else:
            merged.append(change)
    return merged


def _plain(change: Upsert) -> bool:
    return not change.replace and not change.partial
