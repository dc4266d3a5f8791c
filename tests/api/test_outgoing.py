from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
BODY = {"form": "f", "text": "报销单交上去一个月了还没批"}


class Receiver:
    """A real HTTP server that answers with what the test wants, and remembers what came."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str]]] = []  # then 204
        self.got: list[tuple[dict[str, str], bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                status, headers = outer.answers.pop(0) if outer.answers else (204, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def events(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got]

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


def settings(receiver: Receiver, **changed: Any) -> dict[str, Any]:
    own = {"webhook_url": receiver.url, "webhook_secret": SECRET, "webhook_delay": 0.02, "webhook_attempts": 3}
    return own | changed


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def outbox(client: httpx.Client) -> Any:
    return client.get("/v1/dead-letters").json()


def test_every_stored_submission_is_told_once_with_a_signature(
    serve: Any, receiver: Receiver, database_url: str
) -> None:
    with serve(database_url=database_url, **settings(receiver)) as client:
        kept = client.post("/v1/submissions", json=BODY | {"source_id": "1", "text": "打13812345678"}).json()
        client.post("/v1/submissions", json=BODY | {"source_id": "1", "text": "打13812345678"})
        until(lambda: outbox(client)["waiting"] == 0)
        ((headers, body),) = receiver.got
        event = json.loads(body)
        assert event["type"] == "submission.classified" and event["data"] == kept
        assert "13812345678" not in body.decode()
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = hmac.new(base64.b64decode(SECRET.removeprefix("whsec_")), signed, hashlib.sha256).digest()
        assert headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
        assert abs(time.time() - int(headers["webhook-timestamp"])) < 60


def test_what_fails_is_tried_again_under_the_same_id(serve: Any, receiver: Receiver) -> None:
    receiver.answers = [(503, {}), (302, {"location": "http://127.0.0.1:9/"}), (200, {})]
    with serve(**settings(receiver)) as client:
        client.post("/v1/submissions", json=BODY)
        until(lambda: len(receiver.got) == 3 and outbox(client)["waiting"] == 0)
        assert len(set(receiver.events)) == 1
        assert outbox(client)["dead"] == 0
        shown = client.get("/metrics").text
        assert 'fbclass_webhook_attempts_total{outcome="delivered"} 1.0' in shown
        assert 'fbclass_webhook_attempts_total{outcome="failed"} 2.0' in shown


@pytest.mark.parametrize(("answers", "attempts", "reason"), [([(500, {})] * 3, 3, "500"), ([(410, {})], 1, "410")])
def test_what_is_not_taken_becomes_a_dead_letter_and_can_be_tried_again(
    serve: Any, receiver: Receiver, answers: Sequence[tuple[int, dict[str, str]]], attempts: int, reason: str
) -> None:
    receiver.answers = list(answers)
    with serve(**settings(receiver)) as client:
        kept = client.post("/v1/submissions", json=BODY).json()
        until(lambda: outbox(client)["dead"] == 1)
        (letter,) = outbox(client)["dead_letters"]
        assert (letter["attempts"], letter["reason"], letter["event"]) == (attempts, reason, receiver.events[0])
        assert client.post("/v1/dead-letters/retry").json() == {"revived": 1}
        until(lambda: outbox(client)["dead"] == 0 and outbox(client)["waiting"] == 0)
        assert len(receiver.got) == attempts + 1 and json.loads(receiver.got[-1][1])["data"]["id"] == kept["id"]


def test_a_receiver_that_is_away_gets_its_events_later_also_after_a_restart(
    serve: Any, receiver: Receiver, database_url: str
) -> None:
    away = settings(receiver, webhook_url="http://127.0.0.1:9/hook", webhook_attempts=50, webhook_delay=0.5)
    with serve(database_url=database_url, **away) as client:
        for number in range(3):
            client.post("/v1/submissions", json=BODY | {"source_id": str(number)})
        assert outbox(client)["waiting"] == 3
    with serve(database_url=database_url, **settings(receiver)) as client:
        until(lambda: outbox(client)["waiting"] == 0)
    assert sorted(json.loads(body)["data"]["source_id"] for _, body in receiver.got) == ["0", "1", "2"]


def test_a_deleted_submission_is_not_told(serve: Any, receiver: Receiver) -> None:
    receiver.answers = [(503, {"retry-after": "2"})]
    with serve(**settings(receiver)) as client:
        kept = client.post("/v1/submissions", json=BODY).json()
        until(lambda: len(receiver.got) == 1)
        client.delete(f"/v1/submissions/{kept['id']}")
        assert outbox(client)["waiting"] == 0
        time.sleep(2.5)
    assert len(receiver.got) == 1


def test_retry_after_is_honoured(serve: Any, receiver: Receiver) -> None:
    receiver.answers = [(429, {"retry-after": "1"})]
    with serve(**settings(receiver)) as client:
        begin = time.monotonic()
        client.post("/v1/submissions", json=BODY)
        until(lambda: len(receiver.got) == 2)
        assert time.monotonic() - begin >= 0.9


def test_without_a_webhook_nothing_waits(serve: Any) -> None:
    with serve() as client:
        client.post("/v1/submissions", json=BODY)
        assert outbox(client) == {"waiting": 0, "dead": 0, "dead_letters": []}
