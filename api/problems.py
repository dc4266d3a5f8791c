"""Errors as ``application/problem+json`` (RFC 9457), with every sentence in English and in Chinese.

No answer carries the text of an exception, a comment or a field name from the request: what a client
sent is named by its place in the body (a JSON Pointer), never repeated.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.schemas import FORMS, MAX_COMMENTS

MEDIA_TYPE = "application/problem+json"
_MAX_ERRORS = 20  # a body with more mistakes than this is better read anew than listed


class FieldError(BaseModel):
    """One thing that is wrong with the body."""

    pointer: str = Field(description="Where, as a JSON Pointer in a URI fragment (RFC 6901).")
    detail: str = Field(description="What is wrong, in English.")
    detail_zh: str = Field(description="What is wrong, in Chinese.")


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(description="Stable name of the kind of error.")
    title: str = Field(description="What kind of error it is.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What went wrong and what to do, in English.")
    detail_zh: str = Field(description="What went wrong and what to do, in Chinese.")
    instance: str = Field(description="Path of the request.")
    errors: list[FieldError] | None = Field(None, description="For a body that breaks the rules: what and where.")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: ``slug`` names it for programs, the sentences are for people."""

    slug: str
    status: HTTPStatus
    english: str
    chinese: str


INVALID_JSON = Kind(
    "invalid-json",
    HTTPStatus.BAD_REQUEST,
    "The body is not valid JSON in UTF-8.",
    "请求体不是有效的 UTF-8 JSON。",
)
NOT_LOCAL = Kind(
    "not-local",
    HTTPStatus.FORBIDDEN,
    "Only this machine may use the service: it has no access keys yet.",
    "目前还没有访问密钥,只允许本机访问。",
)
NOT_FOUND = Kind(
    "not-found",
    HTTPStatus.NOT_FOUND,
    "There is nothing at this path; /openapi.json lists the paths there are.",
    "没有这个地址;全部地址见 /openapi.json。",
)
METHOD_NOT_ALLOWED = Kind(
    "method-not-allowed",
    HTTPStatus.METHOD_NOT_ALLOWED,
    "This path does not take this method; the Allow header names those it takes.",
    "该地址不支持此请求方法;可用的方法见 Allow 响应头。",
)
BODY_TOO_LARGE = Kind(
    "body-too-large",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "The body is too large; send fewer comments at a time.",
    "请求体过大,请减少每次发送的评论数。",
)
UNSUPPORTED_MEDIA_TYPE = Kind(
    "unsupported-media-type",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "Send the body as Content-Type: application/json, in UTF-8.",
    "请以 Content-Type: application/json(UTF-8 编码)发送请求体。",
)
HOST_NOT_ALLOWED = Kind(
    "host-not-allowed",
    HTTPStatus.MISDIRECTED_REQUEST,
    "The Host header must be localhost, 127.0.0.1 or [::1].",
    "Host 请求头只能是 localhost、127.0.0.1 或 [::1]。",
)
INVALID_INPUT = Kind(
    "invalid-input",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "The body breaks the rules; errors says where and how.",
    "请求体不符合要求,errors 里写明了位置和原因。",
)
QUEUE_FULL = Kind(
    "queue-full",
    HTTPStatus.TOO_MANY_REQUESTS,
    "Too many comments are waiting; send again after the seconds in Retry-After.",
    "排队的评论太多,请在 Retry-After 指定的秒数之后重试。",
)
INTERNAL = Kind(
    "internal-error",
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "The service failed; its log has more under the X-Request-ID of this answer.",
    "服务内部出错,可凭本响应的 X-Request-ID 查看服务日志。",
)
NOT_READY = Kind(
    "not-ready",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The service is starting or stopping; try again shortly.",
    "服务正在启动或停止,请稍后重试。",
)

_BY_STATUS = {kind.status.value: kind for kind in (INVALID_JSON, NOT_FOUND, METHOD_NOT_ALLOWED)}

_RULES: Mapping[str, tuple[str, str]] = {
    "missing": ("this field is required", "缺少此字段"),
    "string_type": ("must be a string", "必须是字符串"),
    "string_unicode": ("must be valid Unicode text, without lone surrogates", "必须是有效的 Unicode 文本"),
    "list_type": ("must be a list", "必须是列表"),
    "model_attributes_type": ("must be an object", "必须是 JSON 对象"),
    "model_type": ("must be an object", "必须是 JSON 对象"),
    "dict_type": ("must be an object", "必须是 JSON 对象"),
    "too_long": (f"must hold at most {MAX_COMMENTS} comments", f"最多 {MAX_COMMENTS} 条评论"),
}


class ProblemError(HTTPException):
    """Raised where a request cannot be served; becomes a problem document."""

    def __init__(
        self, kind: Kind, *, errors: Sequence[FieldError] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(kind.status, headers=headers)
        self.kind = kind
        self.errors = errors


def problem_response(
    path: str, kind: Kind, *, errors: Sequence[FieldError] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """The answer for a problem met at ``path``."""
    more = len(errors) - _MAX_ERRORS
    problem = Problem(
        type=f"urn:fbclass:problem:{kind.slug}",
        title=kind.status.phrase,
        status=kind.status,
        detail=kind.english + (f" The first {_MAX_ERRORS} of {len(errors)} are listed." if more > 0 else ""),
        detail_zh=kind.chinese + (f"共 {len(errors)} 处,列出前 {_MAX_ERRORS} 处。" if more > 0 else ""),
        instance=quote(path),
        errors=list(errors[:_MAX_ERRORS]) or None,
    )
    body = json.dumps(problem.model_dump(exclude_none=True), ensure_ascii=False).encode()
    return Response(body, kind.status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def add_problem_handlers(app: FastAPI) -> None:
    """Make every error that a route or the framework raises a problem document."""
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(RequestValidationError, _validation_error)


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.url.path
    if isinstance(error, ProblemError):
        return problem_response(path, error.kind, errors=error.errors, headers=error.headers)
    kind = _BY_STATUS.get(error.status_code)
    if kind is None:
        status = HTTPStatus(error.status_code)
        kind = Kind("http-error", status, f"{status.phrase}.", f"请求失败({status.value})。")
    return problem_response(path, kind, headers=error.headers)


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if found and found[0]["type"] == "json_invalid":
        position = found[0]["loc"][-1] + 1
        where = FieldError(
            pointer="#", detail=f"cannot be read at character {position}", detail_zh=f"第 {position} 个字符处无法解析"
        )
        return problem_response(request.url.path, INVALID_JSON, errors=[where])
    return problem_response(request.url.path, INVALID_INPUT, errors=[_field_error(entry) for entry in found])


def _field_error(entry: Mapping[str, Any]) -> FieldError:
    # loc is ("body", form, field or index, …); the form is pydantic's, not the client's.
    parts = list(entry["loc"][1:])
    form = parts.pop(0) if parts and parts[0] in FORMS else None
    if entry["type"] == "extra_forbidden":
        # The name of an unknown field is the client's text: its parent is named instead.
        parts.pop()
        english, chinese = (
            ("takes either comments or text, not both, and no other field", "只能有 comments,不能同时有其他字段")
            if form == "many" and not parts
            else ("takes only the fields id, text and question", "只接受 id、text、question 这几个字段")
        )
    elif entry["type"] == "string_too_long":
        limit = entry["ctx"]["max_length"]
        english, chinese = f"must have at most {limit} characters", f"最多 {limit} 个字符"
    elif entry["type"] == "missing" and parts in ([], ["text"]):
        english, chinese = "give either text or comments", "请提供 text 或 comments 之一"
    else:
        english, chinese = _RULES.get(entry["type"], ("is not valid", "无效"))
    return FieldError(pointer=pointer(*parts), detail=english, detail_zh=chinese)


def pointer(*parts: str | int) -> str:
    """A JSON Pointer as a URI fragment: ``#/comments/3/text``."""
    return "#" + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)
