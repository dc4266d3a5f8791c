"""One router for each resource."""

from collections.abc import Mapping
from email.message import Message
from typing import Any

from fastapi import Request

from api.kinds import UNSUPPORTED_MEDIA_TYPE
from api.problems import ProblemError
from api.schemas import Problem

Responses = dict[int | str, dict[str, Any]]

BODY_PROBLEMS = {
    400: "The body is not valid JSON in UTF-8.",
    413: "The body is too large.",
    415: "The body is not sent as JSON.",
    422: "The request breaks the rules; errors says where and how.",
}
STORE_PROBLEMS = {
    503: "The database does not answer, or the service starts or stops; nothing was stored.",
    507: "The disk under the database is full; nothing was stored.",
}


def problems(*descriptions: Mapping[int, str]) -> Responses:
    """Responses for the API description, by status: ``problems({429: "Too many comments are waiting."})``."""
    return {status: {"model": Problem, "description": text} for some in descriptions for status, text in some.items()}


async def json_only(request: Request) -> None:
    """Refuse a body that is not sent as JSON in UTF-8.

    A web page can make a browser send text/plain anywhere; JSON it cannot without being allowed to.
    """
    header = Message()
    header["content-type"] = request.headers.get("content-type", "")
    charset = header.get_content_charset("utf-8")
    if header.get_content_type() != "application/json" or charset not in ("utf-8", "utf8"):
        raise ProblemError(UNSUPPORTED_MEDIA_TYPE)
