"""What a body may be made of, and how large it may be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.answers import pointers, problem

URL = "/v1/classify"


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b'{"text": "a",}',
        b'{"text": "a"} x',
        b"not json",
        '{"text": "慢"}'.encode("gbk"),
        b"\xff\xfe\xfd",
        b'{"text": "\x01"}',
        b"[" * 100_000,
        b'{"text": ' + b"9" * 5000 + b"}",
    ],
)
def test_invalid_json_is_a_400(client: httpx.Client, raw: bytes) -> None:
    answer = client.post(URL, content=raw, headers={"content-type": "application/json"})
    problem(answer, 400, "invalid-json")


@pytest.mark.parametrize(
    "raw",
    [
        rb'{"text": "\ud800"}',
        rb'{"text": "\udc00\ud800"}',
        rb'{"text": "a", "id": "\ud800"}',
        rb'{"\ud800": 1}',
        b'{"text": NaN}',
        b'{"text": 1e999}',
        b'{"text": ' + b"9" * 4000 + b"}",
        b'{"text": ' + b"[" * 300 + b"]" * 300 + b"}",
        b"null",
        b"",
    ],
)
def test_json_that_is_no_text_is_a_422(client: httpx.Client, raw: bytes) -> None:
    assert pointers(client.post(URL, content=raw, headers={"content-type": "application/json"}))


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=gbk",
        "nonsense",
        "",
        None,
    ],
)
def test_another_content_type_is_a_415(client: httpx.Client, content_type: str | None) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    problem(client.post(URL, content='{"text": "慢"}'.encode(), headers=headers), 415, "unsupported-media-type")


@pytest.mark.parametrize("content_type", ["application/json; charset=UTF-8", "Application/JSON"])
def test_spellings_of_json_are_taken(client: httpx.Client, content_type: str) -> None:
    answer = client.post(URL, content='{"text": "慢"}'.encode(), headers={"content-type": content_type})
    assert answer.status_code == 200


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_may_hold_4_mib_and_no_more(client: httpx.Client, chunked: bool) -> None:
    def send(size: int) -> httpx.Response:
        raw = b'{"text": "a"' + b" " * (size - 13) + b"}"
        pieces: Iterator[bytes] = (raw[i : i + 65536] for i in range(0, len(raw), 65536))
        return client.post(URL, content=pieces if chunked else raw, headers={"content-type": "application/json"})

    assert send(4 * 1024 * 1024).status_code == 200
    problem(send(4 * 1024 * 1024 + 1), 413, "body-too-large")
    problem(send(12 * 1024 * 1024), 413, "body-too-large")
    assert client.post(URL, json={"text": "慢"}).status_code == 200


def test_an_installation_may_set_lower_limits(serve: Any) -> None:
    with serve(max_batch=2, max_text_length=5, max_body_bytes=1024) as client:
        assert client.post(URL, json={"comments": [{"text": "12345"}] * 2}).status_code == 200
        assert pointers(client.post(URL, json={"text": "123456"})) == ["#/text"]
        assert pointers(client.post(URL, json={"text": "1", "question": "123456"})) == ["#/question"]
        assert pointers(client.post(URL, json={"comments": [{"text": "1"}] * 3})) == ["#/comments"]
        answer = client.post(URL, json={"comments": [{"text": "123456"}, {"text": "1"}]}).json()
        assert answer["failed"] == 1
        assert answer["predictions"][0]["error"]["errors"][0]["pointer"] == "#/comments/0/text"
        problem(client.post(URL, content=b" " * 1025), 413, "body-too-large")
