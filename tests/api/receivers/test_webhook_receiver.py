from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api import outgoing
from api.problems import ProblemError
from api.receivers.delivery import Incoming, Removal, Upsert
from api.receivers.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from api.receivers.webhook import WebhookConnection, read

SECRET = "a secret of some length"
PREVIOUS = "the one used before this"
CONNECTION = WebhookConnection.model_validate({"secret": SECRET, "previous_secret": PREVIOUS})
SENT = 1_772_676_120  # the moment of conftest.NOW
ANSWER = {
    "form": "行政反馈",
    "id": "2026-17",
    "department": "采购部",
    "time": "2026-03-05T10:01:59+08:00",
    "comments": [{"item": "q3", "question": "意见?", "text": "报销三周没人理"}, {"item": "q4", "text": "谢谢"}],
    "name": "李四",
    "open_id": "ou_8240099442cf",
    "ip": "203.0.113.7",
}

Make = Callable[..., Incoming]


@pytest.fixture
def send(incoming: Make) -> Callable[..., Incoming]:
    """A signed request; named arguments change how it is signed."""

    def make(body: Any, *, at: int = SENT, secret: str = SECRET, signature: str | None = None) -> Incoming:
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        headers = {TIMESTAMP_HEADER: str(at), SIGNATURE_HEADER: signature or sign(secret, at, raw)}
        return incoming(raw, **headers)

    return make


def status(incoming: Incoming) -> int:
    with pytest.raises(ProblemError) as refused:
        read(CONNECTION, incoming)
    return refused.value.status_code


def test_the_signature_is_hmac_sha256_over_time_and_body() -> None:
    # printf '1772676120.{"a":1}' | openssl dgst -sha256 -hmac 'a secret of some length'
    expected = "v1=a9c67363e8c65feb227d0cc5b5de33e6c568f3dd272247a7042011927fd0a820"
    assert sign(SECRET, SENT, b'{"a":1}') == expected


def standard(body: bytes, *, message: str = "msg_1", at: int = SENT, secret: str = SECRET) -> dict[str, str]:
    """Headers as standardwebhooks.com describes them, and as this service signs what it sends."""
    key = b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
    signature = outgoing.sign(key, message, at, body)
    return {"webhook-id": message, "webhook-timestamp": str(at), "webhook-signature": f"v1a,AAAA {signature}"}


@pytest.mark.parametrize("secret", [SECRET, "whsec_" + b64encode(b"twenty-four bytes of key").decode()])
def test_standard_webhooks_are_taken_as_well(incoming: Make, stored: Any, secret: str) -> None:
    connection = WebhookConnection.model_validate({"secret": secret})
    body = json.dumps(ANSWER).encode()
    first = read(connection, incoming(body, **standard(body, secret=secret)))
    assert len(stored(first)) == 2
    again = read(connection, incoming(body, **standard(body, secret=secret, message="msg_2")))
    assert again.nonce != first.nonce


def test_standard_webhooks_are_held_to_the_same_rules(incoming: Make) -> None:
    body = json.dumps(ANSWER).encode()
    right = standard(body)
    assert status(incoming(body, **standard(body, at=SENT - 301))) == 401
    assert status(incoming(body + b" ", **right)) == 401
    wrong = [{"webhook-id": "msg_2"}, {"webhook-id": "\u6162"}, {"webhook-timestamp": str(SENT + 1)}]
    wrong += [{"webhook-signature": given} for given in ("", "v1,", "v1,%%", "v1a,AAAA", "v1=AAAA")]
    for changes in wrong:
        assert status(incoming(body, **right | changes)) == 401


def test_an_answer_becomes_its_comments(send: Make, stored: Any) -> None:
    delivery = read(CONNECTION, send(ANSWER))
    first, second = stored(delivery)
    assert (first.source, first.form, first.source_id, first.item) == ("webhook", "行政反馈", "2026-17", "q3")
    assert (first.text, first.question, first.department) == ("报销三周没人理", "意见?", "采购部")
    assert first.submitted_at == datetime(2026, 3, 5, 2, 1, 59, tzinfo=UTC)
    assert (second.text, second.question) == ("谢谢", None)
    assert delivery.nonce is not None and delivery.nonce.refuse and delivery.nonce.keep > timedelta(minutes=10)
    assert not any(value in repr((first, second)) for value in ("李四", "ou_8240099442cf", "203.0.113.7"))


def test_update_and_delete(send: Make) -> None:
    (change,) = read(CONNECTION, send({**ANSWER, "action": "update"})).changes
    assert isinstance(change, Upsert) and change.replace
    bare = {"form": "行政反馈", "id": "2026-17", "action": "delete"}
    assert read(CONNECTION, send(bare)).changes == (Removal("webhook", "行政反馈", "2026-17"),)


@pytest.mark.parametrize("away", [-300, -299, 0, 299, 300])
def test_five_minutes_either_way_are_allowed(send: Make, away: int) -> None:
    assert read(CONNECTION, send(ANSWER, at=SENT + away)).changes


@pytest.mark.parametrize("away", [-301, 301, -(10**6), 10**9])
def test_another_time_is_refused_although_it_is_signed(send: Make, away: int) -> None:
    assert status(send(ANSWER, at=SENT + away)) == 401


def test_both_secrets_are_taken_while_one_is_changed(send: Make) -> None:
    assert read(CONNECTION, send(ANSWER, secret=PREVIOUS)).changes
    body = json.dumps(ANSWER).encode()
    several = f"v1=00, {sign(PREVIOUS, SENT, body)}"
    assert read(CONNECTION, send(body, signature=several)).changes


def test_a_repetition_is_recognised_however_its_signatures_are_ordered(send: Make) -> None:
    body = json.dumps(ANSWER).encode()
    one, other = sign(SECRET, SENT, body), sign(PREVIOUS, SENT, body)
    found = {
        read(CONNECTION, send(body, signature=given)).nonce
        for given in (one, other, f"{one},{other}", f"{other},{one}")
    }
    assert len(found) == 1


@pytest.mark.parametrize("signature", ["", "v1=", "v1=00", "慢", "v0=" + "0" * 64, "v1=\ud800", "v1=0," * 5000])
def test_a_wrong_signature_is_refused(incoming: Make, signature: str) -> None:
    assert status(incoming(ANSWER, **{TIMESTAMP_HEADER: str(SENT), SIGNATURE_HEADER: signature})) == 401


def test_time_and_body_are_part_of_what_is_signed(send: Make, incoming: Make) -> None:
    body = json.dumps(ANSWER).encode()
    right = sign(SECRET, SENT, body)
    assert status(send(body, at=SENT + 1, signature=right)) == 401
    assert status(send(body + b" ", signature=right)) == 401
    assert status(send(body, secret="another secret!!")) == 401
    assert status(incoming(body, **{SIGNATURE_HEADER: right})) == 401
    for written in ("", "soon", "-1", "1e9", "１７", "9" * 5000):
        assert status(incoming(body, **{TIMESTAMP_HEADER: written, SIGNATURE_HEADER: right})) == 401


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"nothing"])
def test_what_is_no_json_is_refused(send: Make, body: bytes) -> None:
    assert status(send(body)) == 400


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"id": ""}, "#/id"),
        ({"id": 17}, "#/id"),
        ({"id": "a\nb"}, "#"),
        ({"comments": [{"text": "慢", "item": "*"}]}, "#"),
        ({"form": "x" * 201}, "#/form"),
        ({"action": "drop"}, "#/action"),
        ({"comments": []}, "#/comments"),
        ({"comments": [{"text": "慢"}, {"text": "慢"}]}, "#/comments"),
        ({"comments": [{"text": "慢" * 20_001}]}, "#/comments/0/text"),
        ({"comments": [{"item": "q"}]}, "#/comments/0/text"),
        ({"time": "2026-03-05T10:01:59"}, "#/time"),
        ({"time": "yesterday"}, "#/time"),
    ],
)
def test_what_cannot_be_stored_is_refused_by_its_place(send: Make, changes: dict[str, Any], where: str) -> None:
    with pytest.raises(ProblemError) as refused:
        read(CONNECTION, send({**ANSWER, **changes}))
    assert refused.value.status_code == 422
    assert [error.pointer for error in refused.value.errors] == [where]
    assert not any("慢" in error.detail for error in refused.value.errors)


def test_a_body_that_is_no_object_is_refused(send: Make) -> None:
    assert status(send([1])) == 422
