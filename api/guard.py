"""What every request passes before the routes, and every answer after them.

Before: who may ask (only this machine, by one of its own names) and how much a body may hold. After: a
request id, headers that keep browsers from misusing an answer, and a problem document for whatever failed.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
import uuid
from ipaddress import ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import BODY_TOO_LARGE, HOST_NOT_ALLOWED, INTERNAL, NOT_LOCAL, Kind, ProblemError, problem_response
from fbclass.errors import FbclassError

_LOCAL_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?", re.IGNORECASE)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{1,64}")
_SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
}

log = logging.getLogger("api")


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self.app = app
        self.max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, _one_sentence(send))
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message).update(_SECURITY_HEADERS | {"x-request-id": request_id})
            await send(message)

        async def answer(kind: Kind) -> None:
            await problem_response(scope["path"], kind)(scope, receive, send_with_headers)

        if refusal := self._refusal(scope, headers):
            await answer(refusal)
            return
        try:
            await self.app(scope, self._limited(receive), send_with_headers)
        except Exception as error:  # noqa: BLE001 -- the last line of defence: nothing may reach the server's own log
            _log_failure(scope, request_id, error)
            if not started:
                await answer(INTERNAL)

    def _refusal(self, scope: Scope, headers: Headers) -> Kind | None:
        # However the server was started: without keys, no other machine may ask. A browser on this
        # machine may ask on behalf of a foreign page (DNS rebinding), and then names a foreign host.
        client = scope.get("client")
        if client is not None and not _is_loopback(client[0]):
            return NOT_LOCAL
        if not _LOCAL_HOST.fullmatch(headers.get("host", "")):
            return HOST_NOT_ALLOWED
        length = headers.get("content-length", "")
        if length.isascii() and length.isdigit() and int(length[:20]) > self.max_body_bytes:
            return BODY_TOO_LARGE
        return None

    def _limited(self, receive: Receive) -> Receive:
        size = 0

        async def limited_receive() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self.max_body_bytes:  # a chunked body says nothing of its length beforehand
                raise ProblemError(BODY_TOO_LARGE)
            return message

        return limited_receive


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _log_failure(scope: Scope, request_id: str, error: BaseException) -> None:
    """Log where it failed. The exception's own text stays out: it may quote a comment."""
    route = scope.get("route")
    frames = "".join(
        f"\n  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
    )
    log.error(
        "%s %s failed with %s (request %s)%s",
        scope["method"],
        getattr(route, "path", "(no route)"),
        type(error).__name__,
        request_id,
        frames,
    )


def _one_sentence(send: Send) -> Send:
    """A start that fails for a known reason says it in a sentence instead of a traceback."""

    async def send_sentence(message: Message) -> None:
        error = sys.exc_info()[1]  # the framework reports the failure while it handles the exception
        if message["type"] == "lifespan.startup.failed" and isinstance(error, FbclassError):
            message = {**message, "message": f"{error.chinese}\n{error.english}"}
        await send(message)

    return send_sentence


def drop_query(record: logging.LogRecord) -> bool:
    """Filter for uvicorn's access log: a query string could hold a comment."""
    if isinstance(record.args, tuple) and len(record.args) == 5:
        client, method, path, *rest = record.args
        record.args = (client, method, str(path).partition("?")[0], *rest)
    return True
