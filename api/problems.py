"""Errors as ``application/problem+json`` (RFC 9457), with every sentence in English and in Chinese.

No answer carries the text of an exception, a comment or a field name from the request: what a client
sent is named by its place in the body (a JSON Pointer), never repeated.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.kinds import INVALID_INPUT, INVALID_JSON, INVALID_PARAMETERS, METHOD_NOT_ALLOWED, NOT_FOUND, Kind
from api.schemas import FORMS, MAX_COMMENTS, FieldError, ItemProblem, Problem

MEDIA_TYPE = "application/problem+json"
_MAX_ERRORS = 20  # a body with more mistakes than this is better read anew than listed


_BY_STATUS = {kind.status.value: kind for kind in (INVALID_JSON, NOT_FOUND, METHOD_NOT_ALLOWED)}

_RULES: Mapping[str, tuple[str, str]] = {
    "missing": ("this field is required", "缺少此字段"),
    "string_type": ("must be a string", "必须是字符串"),
    "string_unicode": ("must be valid Unicode text, without lone surrogates", "必须是有效的 Unicode 文本"),
    "list_type": ("must be a list", "必须是列表"),
    "model_attributes_type": ("must be an object", "必须是 JSON 对象"),
    "model_type": ("must be an object", "必须是 JSON 对象"),
    "dict_type": ("must be an object", "必须是 JSON 对象"),
    "bool_type": ("must be true or false", "必须是 true 或 false"),
    "bool_parsing": ("must be true or false", "必须是 true 或 false"),
    "float_type": ("must be a number", "必须是数字"),
    "int_parsing": ("must be a whole number", "必须是整数"),
    "too_long": (f"must hold at most {MAX_COMMENTS} comments", f"最多 {MAX_COMMENTS} 条评论"),
    "string_too_long": ("must have at most {max_length} characters", "最多 {max_length} 个字符"),
    "string_too_short": ("must have at least {min_length} character", "至少 {min_length} 个字符"),
    "string_pattern_mismatch": ("must match {pattern}", "必须符合 {pattern}"),
    "literal_error": ("must be one of {expected}", "必须是 {expected} 之一"),
    "greater_than_equal": ("must be {ge} or more", "不能小于 {ge}"),
    "less_than_equal": ("must be {le} or less", "不能大于 {le}"),
    "moment": (
        "must be a date and time with its offset (RFC 3339), as 2026-03-01T09:30:00+08:00",
        "必须是带时区的日期时间(RFC 3339),例如 2026-03-01T09:30:00+08:00",
    ),
    "theme_id": ("takes only ids of themes, at most 100", "只接受主题 id,最多 100 个"),
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
    english = kind.english + (f" The first {_MAX_ERRORS} of {len(errors)} are listed." if more > 0 else "")
    problem = Problem(
        type=f"urn:fbclass:problem:{kind.slug}",
        title=kind.status.phrase,
        status=kind.status,
        detail=english,
        detail_zh=kind.chinese + (f"共 {len(errors)} 处,列出前 {_MAX_ERRORS} 处。" if more > 0 else ""),
        instance=quote(path),
        errors=list(errors[:_MAX_ERRORS]) or None,
        error=english if path.startswith("/v2") else None,
    )
    body = json.dumps(problem.model_dump(exclude_none=True), ensure_ascii=False).encode()
    return Response(body, kind.status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def add_problem_handlers(app: FastAPI) -> None:
    """Make every error that a route or the framework raises a problem document."""
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(RequestValidationError, _validation_error)


def item_problem(kind: Kind, errors: Sequence[FieldError] = ()) -> ItemProblem:
    """The same for one comment of many."""
    return ItemProblem(
        type=f"urn:fbclass:problem:{kind.slug}",
        status=kind.status,
        detail=kind.english,
        detail_zh=kind.chinese,
        errors=list(errors[:_MAX_ERRORS]) or None,
    )


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.url.path
    if isinstance(error, ProblemError):
        return problem_response(path, error.kind, errors=error.errors, headers=error.headers)
    kind = _BY_STATUS.get(error.status_code)
    if kind is METHOD_NOT_ALLOWED:
        return problem_response(path, kind, headers={"Allow": _allowed(request)})
    if kind is None:
        status = HTTPStatus(error.status_code)
        kind = Kind("http-error", status, f"{status.phrase}.", f"请求失败({status.value})。")
    return problem_response(path, kind, headers=error.headers)


def _allowed(request: Request) -> str:
    """The methods of all routes of a path; the framework names those of the first alone."""
    routes: Sequence[APIRoute] = request.app.state.routes
    found = {
        method for route in routes if route.path_regex.match(request.scope["path"]) for method in route.methods or ()
    }
    return ", ".join(sorted(found or {"GET"}))  # of /openapi.json, which is no route of ours


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if found and found[0]["type"] == "json_invalid":
        position = found[0]["loc"][-1] + 1
        where = FieldError(
            pointer="#", detail=f"cannot be read at character {position}", detail_zh=f"第 {position} 个字符处无法解析"
        )
        return problem_response(request.url.path, INVALID_JSON, errors=[where])
    in_body = all(entry["loc"][0] == "body" for entry in found)
    kind = INVALID_INPUT if in_body else INVALID_PARAMETERS
    return problem_response(request.url.path, kind, errors=[field_error(entry) for entry in found])


def field_error(entry: Mapping[str, Any]) -> FieldError:
    """What one of pydantic's errors says, without what the client sent."""
    # loc is ("body", form, field or index, …); the form is pydantic's, not the client's.
    place, *parts = entry["loc"]
    form = parts.pop(0) if parts and parts[0] in FORMS else None
    if "thresholds" in parts:  # what follows is a key that the client chose
        del parts[parts.index("thresholds") + 1 :]
    if entry["type"] == "extra_forbidden":
        # The name of an unknown field is the client's text: its parent is named instead.
        parts.pop()
        english, chinese = (
            ("takes either comments or text, not both, and no other field", "只能有 comments,不能同时有其他字段")
            if form == "many" and not parts
            else ("has a field that is not known here", "含有不认识的字段")
        )
    elif entry["type"] == "missing" and form and parts in ([], ["text"]):
        english, chinese = "give either text or comments", "请提供 text 或 comments 之一"
    else:
        english, chinese = _RULES.get(entry["type"], ("is not valid", "无效"))
        context = entry.get("ctx", {})
        english, chinese = english.format_map(context), chinese.format_map(context)
    if place != "body":
        return FieldError(parameter=str(parts[0]) if parts else str(place), detail=english, detail_zh=chinese)
    return FieldError(pointer=pointer(*parts), detail=english, detail_zh=chinese)


def pointer(*parts: str | int) -> str:
    """A JSON Pointer as a URI fragment: ``#/comments/3/text``."""
    return "#" + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)
