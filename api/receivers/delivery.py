"""What a form platform sends, and what it means to the store: the shapes every receiver shares.

A receiver is a plain function from an ``Incoming`` request and its ``Connection`` settings to a
``Delivery``. It verifies that the request is genuine and takes the comments out of it; it stores
nothing and waits for nothing. Only fields named in the settings are ever taken, so that addresses,
open ids, names and locations, which platforms send along, end here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from http import HTTPStatus
from typing import Any, Generic, TypeVar

from api.kinds import Kind
from api.problems import ProblemError, pointer
from api.receivers.settings import Connection
from api.schemas import MAX_ID_LENGTH, MAX_TEXT_LENGTH, FieldError
from api.submissions import SubmissionIn

C = TypeVar("C", bound=Connection)

UNREADABLE = Kind(
    "unreadable-delivery",
    HTTPStatus.BAD_REQUEST,
    "The body is not what this platform sends; docs/forms.md names the format.",
    "请求体不是该平台的推送格式;格式见 docs/forms.md。",
)
NOT_GENUINE = Kind(
    "signature-invalid",
    HTTPStatus.UNAUTHORIZED,
    "The signature or token is missing or wrong; set the same secret at the platform and in the receiver settings.",
    "签名或令牌缺失或不正确;请在平台与接收设置中填写相同的密钥。",
)
OUT_OF_TIME = Kind(
    "timestamp-outside-window",
    HTTPStatus.UNAUTHORIZED,
    "The timestamp is too far from this server's clock; correct the clocks and sign again.",
    "时间戳与服务器时钟相差过大;请校准时钟后重新签名发送。",
)
INCOMPLETE = Kind(
    "delivery-invalid",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "The body lacks what a submission needs or breaks its limits; errors says where and how.",
    "请求体缺少必需的内容或超出限制,errors 里写明了位置和原因。",
)

_HALF_PAIR = re.compile("[\ud800-\udfff]")
CHINA = timezone(timedelta(hours=8))  # platforms write Beijing time without saying so


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as it came: header names in lower case, the body as bytes, ``now`` aware."""

    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    now: datetime


@dataclass(frozen=True, slots=True)
class Upsert:
    """Comments of one answer. ``replace``: the whole answer as it now is; ``partial``: only these parts changed."""

    items: tuple[SubmissionIn, ...]
    replace: bool = False
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Removal:
    """An answer whose comments are to be deleted for good."""

    source: str
    form: str
    source_id: str


@dataclass(frozen=True, slots=True)
class Nonce:
    """What makes a delivery recognisable when it comes again, and for how long to remember it."""

    value: str
    keep: timedelta
    refuse: bool  # True: answer a repetition with 409; False: say that all is well and do nothing


@dataclass(frozen=True, slots=True)
class Delivery:
    """What to do. ``reply``: the JSON that the platform waits for, None for the ordinary count."""

    changes: tuple[Upsert | Removal, ...] = ()
    nonce: Nonce | None = None
    reply: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Platform(Generic[C]):
    """One kind of sender: its name in the address, its settings, and how its requests are read.

    ``read`` raises ``ProblemError``: 401 for a request that is not genuine, 400 for one that cannot be
    read, 422 for one that lacks something.
    """

    name: str
    connection: type[C]
    read: Callable[[C, Incoming], Delivery]


def refuse() -> ProblemError:
    """The same answer for whatever is wrong with a signature, so that it teaches nothing."""
    return ProblemError(NOT_GENUINE, headers={"WWW-Authenticate": "Signature"})


def incomplete(english: str, chinese: str, *where: str | int) -> ProblemError:
    """422 that names the place in the body, never its content."""
    error = FieldError(pointer=pointer(*where), detail=english, detail_zh=chinese)
    return ProblemError(INCOMPLETE, errors=[error])


def read_object(body: bytes) -> dict[str, Any]:
    """The body as a JSON object; 400 when it is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise ProblemError(UNREADABLE) from None
    if not isinstance(found, dict):
        raise ProblemError(UNREADABLE)
    return found


def submission(
    source: str,
    form: str,
    source_id: str,
    text: str,
    *,
    item: str = "",
    question: str | None = None,
    department: str | None = None,
    submitted_at: datetime | None = None,
) -> SubmissionIn:
    """A submission within the limits of the store; 422 where a value breaks them."""
    for name, value in (("form", form), ("id", source_id)):
        if not value:
            raise incomplete(f"{name} must not be empty", f"{name} 不能为空", name)
    if len(text) > MAX_TEXT_LENGTH:
        raise incomplete(
            f"must have at most {MAX_TEXT_LENGTH} characters", f"最多 {MAX_TEXT_LENGTH} 个字符", item or "text"
        )
    try:
        return SubmissionIn(
            source=source,
            form=form,
            source_id=source_id,
            item=item,
            text=storable(text),
            question=storable(question)[:MAX_TEXT_LENGTH] or None if question else None,
            department=_one_line(department)[:MAX_ID_LENGTH] or None if department else None,
            submitted_at=submitted_at,
        )
    except ValueError:  # its message names the field and the rule, and so does this one
        rule = f"form, id and item must be printable, with at most {MAX_ID_LENGTH} characters, and item not *"
        raise incomplete(rule, f"form、id 和 item 应为至多 {MAX_ID_LENGTH} 个可见字符,且 item 不能是 *") from None


def storable(text: str) -> str:
    """Text that every database takes: half a surrogate pair becomes U+FFFD, NUL is dropped."""
    return _HALF_PAIR.sub("\ufffd", text).replace("\x00", "")


def _one_line(name: str) -> str:
    return "".join(character if character.isprintable() else " " for character in storable(name)).strip()


def beijing_time(value: object) -> datetime | None:
    """``2026-03-05 10:01:59`` as platforms write it, in Beijing time; None when it is not that."""
    try:
        moment = datetime.fromisoformat(str(value).strip())
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=CHINA)
