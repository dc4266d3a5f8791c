"""The shapes of submissions over HTTP, and the cursor that pages them."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from api.schemas import MAX_ID_LENGTH, MAX_TEXT_LENGTH, Answer, Request, StoredPrediction
from fbclass.store.submissions import Submission

PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"
# RFC 3339, with the capital letters that every sender uses.
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})", re.ASCII)
_CURSOR = re.compile(r"([no])(\d{1,18})", re.ASCII)
MAX_SEQ = 2**63 - 1


def moment(value: Any) -> datetime:
    """An RFC 3339 date and time with its offset; nothing else, so that no time zone is ever guessed."""
    try:
        if isinstance(value, str) and _MOMENT.fullmatch(value):
            # Python reads six digits of a second at most.
            return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value))
    except ValueError:
        pass
    raise PydanticCustomError("moment", "must be a date and time with its offset (RFC 3339)")


Moment = Annotated[datetime, BeforeValidator(moment)]
Name = Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH, pattern=PRINTABLE)]


class NewSubmission(Request):
    """What a form sends."""

    source_id: Name | None = Field(
        None, description="The answer's id in your form: sent again, it is stored once. No name, number or account."
    )
    form: Name = Field(description="Which form it comes from.")
    question: str | None = Field(None, max_length=MAX_TEXT_LENGTH, description="The question that it answers.")
    text: str = Field(
        max_length=MAX_TEXT_LENGTH, description="The comment. Personal data is masked before it is stored."
    )
    department: str | None = Field(None, max_length=MAX_ID_LENGTH, description="The writer's department.")
    submitted_at: Moment | None = Field(None, description="When it was written, RFC 3339 with its offset.")


class StoredSubmission(Answer):
    """A submission as it is kept, with its prediction."""

    id: str = Field(description="Its id here.")
    source: str = Field(description="How it came: api, or the name of a form platform.")
    form: str = Field(description="Which form it comes from.")
    source_id: str | None = Field(description="The answer's id in that form.")
    item: str = Field(description="Which question of the answer, where one answer has several comments.")
    question: str | None = Field(description="The question that it answers, masked.")
    text: str = Field(description="The comment, masked. Offsets count its characters.")
    department: str | None = Field(description="The writer's department.")
    submitted_at: datetime | None = Field(description="When it was written.")
    received_at: datetime = Field(description="When it came here.")
    prediction: StoredPrediction


class SubmissionPage(Answer):
    """Some submissions, and where the next ones begin."""

    submissions: list[StoredSubmission] = Field(description="In the order asked for.")
    next: str | None = Field(description="Pass it as cursor to get the next page; null on the last.")


class DeadLetter(Answer):
    """An event that the outgoing webhook did not take."""

    event: str = Field(description="Id of the event, the webhook-id that was sent.")
    submission: str = Field(description="Id of the submission that it tells of.")
    attempts: int = Field(description="How often it was tried.")
    reason: str = Field(description="Status of the last answer, or the kind of failure.")
    failed_at: datetime = Field(description="When it was given up.")


class Outbox(Answer):
    """What the outgoing webhook has still to be told, and what it did not take."""

    waiting: int = Field(ge=0, description="Events that are still tried.")
    dead: int = Field(ge=0, description="Events that were given up.")
    dead_letters: list[DeadLetter] = Field(description="The newest of these.")


class Revived(Answer):
    """Dead letters were put back."""

    revived: int = Field(ge=0, description="How many will be tried again.")


Order = Literal["newest", "oldest"]


def shown(row: Submission) -> StoredSubmission:
    """A kept submission as it goes out."""
    return StoredSubmission.model_validate(row)


def make_cursor(order: Order, seq: int) -> str:
    """Where a page ended, in a form that nobody should read."""
    return base64.urlsafe_b64encode(f"{order[0]}{seq}".encode()).decode().rstrip("=")


def read_cursor(order: Order, cursor: str) -> int | None:
    """The ``seq`` that a page ended with; None for what is no cursor of this order."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    found = _CURSOR.fullmatch(text)
    return int(found[2]) if found and found[1] == order[0] else None
