"""A form of one's own: JSON with a signature, a time and an id.

``api.receivers.signature`` has the two schemes that are read, that of https://www.standardwebhooks.com and
a shorter one. A request older or newer than five minutes is refused, and so is one that was handled
before; a sender that got no answer signs the same body again, with the new time, and the id keeps it from
being stored twice. Fields that are not listed in ``Answer`` are dropped: a form may send its whole row.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.problems import ProblemError, field_error
from api.receivers.delivery import (
    INCOMPLETE,
    OUT_OF_TIME,
    UNREADABLE,
    Delivery,
    Incoming,
    Nonce,
    Platform,
    Removal,
    Upsert,
    incomplete,
    refuse,
    submission,
)
from api.receivers.settings import Connection, OwnSecret
from api.receivers.signature import Signed, read_signed
from api.schemas import MAX_ID_LENGTH, MAX_TEXT_LENGTH

NAME = "webhook"
WINDOW = timedelta(minutes=5)


class WebhookConnection(Connection):
    """``secret``: shared with the sender; ``previous_secret``: still taken while senders change over."""

    secret: OwnSecret
    previous_secret: OwnSecret | None = None


class Part(BaseModel):
    """One comment of an answer."""

    model_config = ConfigDict(extra="ignore", strict=True)

    text: str = Field(max_length=MAX_TEXT_LENGTH)
    item: str = Field("", max_length=MAX_ID_LENGTH)
    question: str | None = Field(None, max_length=MAX_TEXT_LENGTH)


class Answer(BaseModel):
    """The body. ``update`` gives the whole answer as it now is; ``delete`` needs only form and id."""

    model_config = ConfigDict(extra="ignore", strict=True)

    action: Literal["create", "update", "delete"] = "create"
    form: str = Field(min_length=1, max_length=MAX_ID_LENGTH)
    id: str = Field(min_length=1, max_length=MAX_ID_LENGTH)
    department: str | None = Field(None, max_length=MAX_ID_LENGTH)
    time: str | None = Field(None, max_length=64)  # ISO 8601 with an offset
    comments: list[Part] = Field(default_factory=list, max_length=50)


def read(connection: WebhookConnection, incoming: Incoming) -> Delivery:
    """One answer, created, changed or deleted."""
    signed = _verified(connection, incoming)
    try:
        answer = Answer.model_validate_json(incoming.body)
    except ValidationError as error:
        raise _problem(error) from None
    # Of what was signed, not of the signature: there may be several, in any order.
    nonce = Nonce(hashlib.sha256(signed.content).hexdigest(), 3 * WINDOW, refuse=True)
    if answer.action == "delete":
        return Delivery((Removal(NAME, answer.form, answer.id),), nonce)
    if not answer.comments:
        raise incomplete("give at least one comment", "至少要有一条评论", "comments")
    if len({part.item for part in answer.comments}) < len(answer.comments):
        raise incomplete(
            "every comment of an answer needs its own item", "同一答卷的每条评论需要不同的 item", "comments"
        )
    at = _moment(answer.time)
    items = tuple(
        submission(
            NAME,
            answer.form,
            answer.id,
            part.text,
            item=part.item,
            question=part.question,
            department=answer.department,
            submitted_at=at,
        )
        for part in answer.comments
    )
    return Delivery((Upsert(items, replace=answer.action == "update"),), nonce)


def _verified(connection: WebhookConnection, incoming: Incoming) -> Signed:
    """What was signed; 401 when no signature is right or the time is not ours."""
    signed = read_signed(incoming.headers, incoming.body)
    secrets = [secret.get_secret_value() for secret in (connection.secret, connection.previous_secret) if secret]
    if signed is None or not any(signed.by(secret) for secret in secrets):
        raise refuse()
    if abs(incoming.now.timestamp() - signed.timestamp) > WINDOW.total_seconds():
        raise ProblemError(OUT_OF_TIME, headers={"WWW-Authenticate": "Signature"})
    return signed


def _problem(error: ValidationError) -> ProblemError:
    found = error.errors(include_input=False, include_url=False)
    if found[0]["type"] == "json_invalid":
        return ProblemError(UNREADABLE)
    return ProblemError(INCOMPLETE, errors=[field_error({**entry, "loc": ("body", *entry["loc"])}) for entry in found])


def _moment(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise incomplete("must be ISO 8601, as 2026-03-05T10:01:59+08:00", "应为 ISO 8601 时间", "time") from None
    if moment.tzinfo is None:
        raise incomplete("needs its offset from UTC, as +08:00", "缺少时区,例如 +08:00", "time")
    return moment.astimezone(UTC)


PLATFORM = Platform(NAME, WebhookConnection, read)
