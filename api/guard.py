"""What every request passes before the routes, and every answer after them.

Before: who may ask (a key, or this machine alone while there is none), how much a body may hold and how
long all of it may take. After: a request id, headers that keep browsers from misusing an answer, a problem
document for whatever failed, one line in the log and the figures for Prometheus.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import time
import uuid
from ipaddress import ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access import admit, rule
from api.kinds import (
    BODY_TOO_LARGE,
    FOREIGN_PAGE,
    HOST_NOT_ALLOWED,
    INTERNAL,
    NOT_LOCAL,
    QUEUE_FULL,
    TIMED_OUT,
    TOO_SLOW,
)
from api.logs import frames
from api.problems import ProblemError, problem_response
from api.service import RETRY_AFTER, Service
from fbclass.errors import FbclassError
from fbclass.store.keys import ApiKey

_LOCAL_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?", re.IGNORECASE)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{1,64}")
_SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
}
KEY = "fbclass.key"  # in the scope: the ApiKey of the request, None for one that needed none
_HARMLESS = ("GET", "HEAD", "OPTIONS")
_QUIET = ("/health", "/metrics", "/v2/health")  # asked every few seconds: logged only when they fail

# The rest of the body may still come: it must not be taken for the next request.
_TOO_SLOW = ProblemError(TOO_SLOW, headers={"Connection": "close"})

log = logging.getLogger("api")
access_log = logging.getLogger("api.access")


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, max_body_bytes: int, timeout: float) -> None:
        self.app = app
        self.max_body_bytes = max_body_bytes
        self.timeout = timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, _one_sentence(send))
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        begin = time.perf_counter()
        service: Service = scope["app"].state.service
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        status = 0
        body = _Body(receive, self.max_body_bytes)

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).update(_SECURITY_HEADERS | {"x-request-id": request_id})
            await send(message)

        async def answer(problem: ProblemError) -> None:
            if not status:
                response = problem_response(scope["path"], problem.kind, headers=problem.headers)
                await response(scope, receive, send_with_headers)

        try:
            async with asyncio.timeout(self.timeout):
                scope[KEY] = await self._admit(service, scope, headers)
                await self.app(scope, body.receive, send_with_headers)
        except ProblemError as problem:
            await answer(problem)
        except TimeoutError:
            await answer(ProblemError(TIMED_OUT, headers=RETRY_AFTER) if body.complete else _TOO_SLOW)
        except Exception as error:  # noqa: BLE001 -- the last line of defence: nothing may reach the server's own log
            _log_failure(scope, request_id, error)
            await answer(ProblemError(INTERNAL))
        finally:
            self._note(service, scope, request_id, status, time.perf_counter() - begin)

    async def _admit(self, service: Service, scope: Scope, headers: Headers) -> ApiKey | None:
        """The key of a request that may go on; a ``ProblemError`` before its body is read for one that may not."""
        key = None
        if service.keys.in_use:
            authorization = headers.get("authorization", "")
            key = await admit(service.keys, service.limiter, scope["method"], scope["path"], authorization)
        else:
            # However the server was started: without keys, no other machine may ask. A browser on this
            # machine may ask on behalf of a foreign page (DNS rebinding), and then names a foreign host.
            client = scope.get("client")
            if client is not None and not _is_loopback(client[0]):
                raise ProblemError(NOT_LOCAL)
            host = headers.get("host", "")
            if not _LOCAL_HOST.fullmatch(host):
                raise ProblemError(HOST_NOT_ALLOWED)
            # Or the page sends a form, which browsers allow without asking, and names itself as the origin.
            origin = headers.get("origin", f"http://{host}")
            own = (f"http://{host}", *service.settings.cors_origins.split())
            if scope["method"] not in _HARMLESS and origin not in own:
                raise ProblemError(FOREIGN_PAGE)
        if service.batcher.full() and rule(scope["method"], scope["path"]) in ("classify", "submit"):
            raise ProblemError(QUEUE_FULL, headers=RETRY_AFTER)
        length = headers.get("content-length", "")
        if length.isascii() and length.isdigit() and int(length[:20]) > self.max_body_bytes:
            raise ProblemError(BODY_TOO_LARGE)
        return key

    def _note(self, service: Service, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "(none)")  # the path itself is the client's text
        service.metrics.observe(scope["method"], route, status, seconds)
        if status < 400 and route.startswith(_QUIET):
            return
        key: ApiKey | None = scope.get(KEY)
        extra = {
            "request_id": request_id,
            "method": scope["method"] if scope["method"].isalpha() else "?",
            "route": route,
            "status": status,  # 0: the client went away
            "ms": round(1000 * seconds, 1),
        }
        access_log.info("request", extra=extra | ({"key": key.id} if key else {}))


class _Body:
    """The request's body, counted: a chunked one says nothing of its length beforehand."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._size = 0
        self.complete = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size > self._limit:
            raise ProblemError(BODY_TOO_LARGE)
        self.complete = self.complete or not message.get("more_body", False)
        return message


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _log_failure(scope: Scope, request_id: str, error: BaseException) -> None:
    """Log where it failed. The exception's own text stays out: it may quote a comment."""
    log.error(
        "%s %s failed with %s (request %s)%s",
        scope["method"],
        getattr(scope.get("route"), "path", "(no route)"),
        type(error).__name__,
        request_id,
        "".join(f"\n  {frame}" for frame in frames(error)),
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
