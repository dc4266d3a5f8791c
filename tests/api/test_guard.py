from __future__ import annotations

import asyncio
import logging
import socket
import time
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import Message, Receive, Scope, Send

from api.access import KeyRing
from api.guard import Guard, drop_query
from api.metrics import Metrics
from api.problems import MEDIA_TYPE


@pytest.mark.parametrize("path", ["/", "/docs", "/redoc", "/v1/classify/", "/v3", "/员工", "/%00", "/../x"])
def test_an_unknown_path_is_a_404_problem(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.json()["type"] == "urn:fbclass:problem:not-found"
    assert answer.json()["instance"].isascii()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
def test_another_method_is_a_405_that_names_the_right_one(client: httpx.Client, method: str) -> None:
    answer = client.request(method, "/v1/classify")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert answer.json()["type"] == "urn:fbclass:problem:method-not-allowed"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/v1/submissions", "GET, POST"), ("/v1/submissions/x", "DELETE, GET"), ("/openapi.json", "GET")],
)
def test_all_methods_of_a_path_are_named(client: httpx.Client, path: str, allowed: str) -> None:
    answer = client.request("PATCH", path)
    assert (answer.status_code, answer.headers.get_list("allow")) == (405, [allowed])


@pytest.mark.parametrize("path", ["/health/live", "/v1/model", "/nowhere", "/v1/classify"])
def test_every_answer_keeps_browsers_from_misusing_it(client: httpx.Client, path: str) -> None:
    headers = client.get(path, headers={"Origin": "http://evil.example"}).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert not any(name.startswith("access-control-") for name in headers)


def test_a_preflight_from_another_site_is_not_granted(client: httpx.Client) -> None:
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    answer = client.options("/v1/classify", headers=headers)
    assert answer.status_code == 405
    assert "access-control-allow-origin" not in answer.headers


def test_a_page_that_is_named_may_call_and_another_may_not(serve: Any) -> None:
    with serve(cors_origins="https://form.example http://localhost:5173") as client:
        for origin, allowed in (("https://form.example", True), ("http://evil.example", False)):
            headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            preflight = client.options(
                "/v1/classify", headers=headers | {"Access-Control-Request-Headers": "authorization"}
            )
            assert (preflight.status_code == 200) is allowed
            answer = client.post("/v1/classify", json={"text": "慢"}, headers={"Origin": origin})
            assert answer.headers.get("access-control-allow-origin") == (origin if allowed else None)
            assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", ["/v1/model/reload", "/v1/dead-letters/retry", "/v1/classify"])
def test_a_form_on_a_foreign_page_does_nothing(client: httpx.Client, path: str) -> None:
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
        answer = client.post(path, headers={"Origin": origin})
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:fbclass:problem:foreign-page")
    own = str(client.base_url).rstrip("/")
    assert client.post("/v1/classify", json={"text": "慢"}, headers={"Origin": own}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "localhost@evil", "", "192.168.1.5:8000"])
def test_a_foreign_host_name_is_refused(client: httpx.Client, host: str) -> None:
    answer = client.get("/v1/model", headers={"Host": host})
    assert answer.status_code == 421
    assert answer.json()["type"] == "urn:fbclass:problem:host-not-allowed"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:9", "[::1]:8000"])
def test_names_of_this_machine_are_served(client: httpx.Client, host: str) -> None:
    assert client.get("/v1/model", headers={"Host": host}).status_code == 200


def test_a_valid_request_id_is_repeated_and_another_replaced(client: httpx.Client) -> None:
    assert client.get("/health/live", headers={"X-Request-ID": "form-17.a_B"}).headers["x-request-id"] == "form-17.a_B"
    made = []
    for bad in (b"a b", "é".encode(), b"x" * 65, b""):
        made.append(client.get("/health/live", headers={b"X-Request-ID": bad}).headers["x-request-id"])
    assert all(len(request_id) == 32 for request_id in made)
    assert len(set(made)) == len(made)


def test_another_machine_is_refused_however_the_server_was_started() -> None:
    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("must not be reached")

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def main() -> None:
        app = Starlette()
        app.state.service = SimpleNamespace(keys=KeyRing(lambda: ()), metrics=Metrics())
        scope = {"type": "http", "method": "GET", "path": "/v1/model", "headers": [(b"host", b"localhost:8000")]}
        await Guard(inner, max_body_bytes=1024, timeout=10)(
            scope | {"client": ("192.168.1.9", 5000), "app": app}, receive, send
        )

    asyncio.run(main())
    assert sent[0]["status"] == 403


def test_a_client_that_goes_away_leaves_no_trace(client: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    head = b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    address = (client.base_url.host, client.base_url.port)
    for rest in (b"Content-Length: 100\r\n\r\n{", b'Content-Length: 15\r\n\r\n{"text": "\xe6\x85\xa2"}'):
        with socket.create_connection(address) as connection:
            connection.sendall(head + rest)
    time.sleep(0.1)
    assert client.post("/v1/classify", json={"text": "慢"}).status_code == 200
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]


def test_the_access_log_loses_query_strings_and_nothing_else() -> None:
    args = ("127.0.0.1:5", "GET", "/v1/model?text=%E6%85%A2", "1.1", 200)
    record = logging.LogRecord("uvicorn.access", logging.INFO, "", 0, '%s - "%s %s HTTP/%s" %d', args, None)
    assert drop_query(record)
    assert record.getMessage() == '127.0.0.1:5 - "GET /v1/model HTTP/1.1" 200'
