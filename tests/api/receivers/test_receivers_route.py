"""Whole deliveries against the real service: verified, stored once, changed, deleted, and nobody's identity kept."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.kinds import STORAGE_DOWN
from api.problems import ProblemError
from api.receivers.delivery import Delivery, Nonce, Removal, Upsert, submission
from api.receivers.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from api.routes.receivers import _carry_out

SECRET = "a secret of some length"
TOKEN = "0123456789abcdef"
RECEIVERS = f"""
[yearly]
platform = "wjx"
key = "push-key"
token = "{TOKEN}"
comments = {{ q3 = "意见?" }}

[pulse]
platform = "tencent"
token = "{TOKEN}"
comments = {{ q2 = "", q3 = "" }}

[table]
platform = "feishu"
verification_token = "verification"
department = "fldDept"
comments = {{ fldText = "" }}

[intranet]
platform = "webhook"
secret = "{SECRET}"
"""
PHONE = "13812345678"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def receiving(
    request: pytest.FixtureRequest, serve: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """A client of a service at which four forms deliver, on each kind of database."""
    file = tmp_path_factory.mktemp("settings") / "receivers.toml"
    file.write_text(RECEIVERS, encoding="utf-8")
    is_postgres = request.param == "postgresql"
    own = {"database_url": request.getfixturevalue("postgres").new_database()} if is_postgres else {}
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FBCLASS_RECEIVERS", str(file))
            client = stack.enter_context(serve(**own))
        yield client


def stored(client: httpx.Client, **wanted: str) -> list[dict[str, Any]]:
    answer = client.get("/v1/submissions", params={"limit": "200", "order": "oldest", **wanted})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["submissions"])


def count(answer: httpx.Response) -> tuple[int, int, int]:
    """What the answer says was stored, known and removed."""
    assert answer.status_code == 200, answer.text
    found = answer.json()
    return found["stored"], found["known"], found["removed"]


def wjx(index: int, text: str) -> bytes:
    sheet = {
        "activity": "5657754",
        "index": str(index),
        "joinid": f"90{index}",
        "submittime": "2026-03-05 10:01:59",
        "q3": text,
        "ipaddress": "203.0.113.7",
        "nickname": "小李飞刀",
        "sign": hashlib.sha1(f"5657754{index}push-key".encode()).hexdigest(),
    }
    return json.dumps(sheet, ensure_ascii=False).encode()


def tencent(action: str, event: str, answer: int, **texts: str) -> dict[str, Any]:
    questions = [{"id": name, "type": "textarea", "text": text} for name, text in texts.items()]
    payload = {"survey_id": 77, "answer_id": answer, "openid": "oABC", "answer": [{"id": "1", "questions": questions}]}
    return {"id": event, "action": f"answer.{action}", "payload": payload}


def feishu(event: str, *rows: dict[str, Any]) -> dict[str, Any]:
    header = {"event_id": event, "event_type": "drive.file.bitable_record_changed_v1", "token": "verification"}
    return {"header": header, "event": {"file_token": "bascn", "table_id": "tbl", "action_list": list(rows)}}


def row(action: str, record: str, **values: str) -> dict[str, Any]:
    fields = [{"field_id": name, "field_value": value} for name, value in values.items()]
    return {"action": f"record_{action}", "record_id": record, "after_value": fields}


def signed(client: httpx.Client, body: dict[str, Any], *, at: int | None = None) -> httpx.Response:
    raw = json.dumps(body).encode()
    moment = int(time.time()) if at is None else at
    headers = {TIMESTAMP_HEADER: str(moment), SIGNATURE_HEADER: sign(SECRET, moment, raw)}
    return client.post("/v1/receivers/webhook/intranet", content=raw, headers=headers)


def test_a_sheet_is_stored_once_and_masked(receiving: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    url = f"/v1/receivers/wjx/yearly?token={TOKEN}"
    with caplog.at_level(logging.DEBUG):
        assert count(receiving.post(url, content=wjx(1, f"报销没人理,打我{PHONE}"))) == (1, 0, 0)
        assert count(receiving.post(url, content=wjx(1, f"报销没人理,打我{PHONE}"))) == (0, 1, 0)
    (found,) = stored(receiving, source="wjx")
    assert (found["form"], found["source_id"], found["item"]) == ("5657754", "901", "q3")
    assert found["text"] == "报销没人理,打我[电话]"
    assert found["prediction"]["model"]
    everything = json.dumps(found, ensure_ascii=False)
    assert not any(value in everything for value in (PHONE, "203.0.113.7", "小李飞刀"))
    # httpx is the client here, and logs the address that it asks.
    logged = [record.getMessage() for record in caplog.records if not record.name.startswith("http")]
    assert logged
    assert not any(value in line for line in logged for value in ("报销", PHONE, TOKEN, "小李飞刀"))


@pytest.mark.parametrize("token", ["", "?token=", "?token=wrong", f"?TOKEN={TOKEN}"])
def test_without_the_token_of_the_address_nobody_is_heard(receiving: httpx.Client, token: str) -> None:
    answer = receiving.post(f"/v1/receivers/wjx/yearly{token}", content=wjx(2, "慢"))
    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:fbclass:problem:signature-invalid"
    assert "www-authenticate" in answer.headers


def test_an_answer_is_changed_and_deleted(receiving: httpx.Client) -> None:
    url = f"/v1/receivers/tencent/pulse?token={TOKEN}"
    create = tencent("create", "e1", 1, q2="报销很慢", q3="谢谢")
    assert count(receiving.post(url, json=create)) == (2, 0, 0)
    assert count(receiving.post(url, json=tencent("update", "e2", 1, q2="好多了", q3=""))) == (1, 0, 0)
    assert [found["text"] for found in stored(receiving, source="tencent", source_id="1")] == ["好多了"]
    # A late repetition of the first push does not bring the old text back.
    assert count(receiving.post(url, json=create)) == (0, 0, 0)
    assert count(receiving.post(url, json=create | {"id": "e3"}))[0] <= 1  # another event: only what is missing
    assert "报销很慢" not in [found["text"] for found in stored(receiving, source="tencent", source_id="1")]
    assert count(receiving.post(url, json=tencent("delete", "e4", 1)))[2] >= 1
    assert stored(receiving, source="tencent", source_id="1") == []
    assert count(receiving.post(url, json=create | {"id": "e5"}))[0] == 0
    assert stored(receiving, source="tencent", source_id="1") == []


def test_an_update_without_comments_adds_nothing(receiving: httpx.Client) -> None:
    url = f"/v1/receivers/tencent/pulse?token={TOKEN}"
    assert count(receiving.post(url, json=tencent("update", "u1", 3, q2="", q3=""))) == (0, 0, 0)
    assert count(receiving.post(url, json=tencent("update", "u2", 3, q2="慢", q3="很慢"))) == (2, 0, 0)
    receiving.post(url, json=tencent("update", "u3", 3, q2="", q3=" "))
    assert stored(receiving, source="tencent", source_id="3") == []
    assert count(receiving.post(url, json=tencent("update", "u4", 3, q2="还是慢", q3=""))) == (1, 0, 0)
    assert [found["text"] for found in stored(receiving, source="tencent", source_id="3")] == ["还是慢"]


def test_a_deletion_that_comes_first_holds(receiving: httpx.Client) -> None:
    url = f"/v1/receivers/tencent/pulse?token={TOKEN}"
    assert count(receiving.post(url, json=tencent("delete", "d1", 2))) == (0, 0, 0)
    assert count(receiving.post(url, json=tencent("create", "d2", 2, q2="慢")))[0] == 0
    assert stored(receiving, source="tencent", source_id="2") == []


def test_rows_of_a_table_are_followed(receiving: httpx.Client) -> None:
    url = "/v1/receivers/feishu/table"
    check = {"type": "url_verification", "token": "verification", "challenge": "abc"}
    assert receiving.post(url, json=check).json() == {"challenge": "abc"}
    added = feishu(
        "f1", row("added", "rec1", fldText='"很慢"', fldDept='"采购部"'), row("added", "rec2", fldText='"谢谢"')
    )
    assert count(receiving.post(url, json=added)) == (2, 0, 0)
    assert count(receiving.post(url, json=added)) == (0, 0, 0)
    assert count(receiving.post(url, json=feishu("f2", row("edited", "rec1", fldText='"好了"')))) == (1, 0, 0)
    (found,) = stored(receiving, source="feishu", source_id="rec1")
    assert (found["text"], found["department"]) == ("好了", "采购部")
    receiving.post(url, json=feishu("f2b", row("edited", "rec2", fldText="")))
    assert stored(receiving, source="feishu", source_id="rec2") == []
    assert count(receiving.post(url, json=feishu("f2c", row("edited", "rec2", fldText='"谢谢大家"')))) == (1, 0, 0)
    deleted = feishu("f3", {"action": "record_deleted", "record_id": "rec1"})
    assert count(receiving.post(url, json=deleted)) == (0, 0, 1)
    assert [found["source_id"] for found in stored(receiving, source="feishu")] == ["rec2"]


def test_a_signed_request_works_once(receiving: httpx.Client) -> None:
    body = {"form": "f", "id": "1", "comments": [{"text": "很慢"}], "name": "李四"}
    now = int(time.time())
    assert count(signed(receiving, body, at=now)) == (1, 0, 0)
    again = signed(receiving, body, at=now)
    assert again.status_code == 409
    assert again.json()["type"] == "urn:fbclass:problem:delivery-repeated"
    assert count(signed(receiving, body, at=now + 1)) == (0, 1, 0)
    assert count(signed(receiving, {"form": "f", "id": "1", "action": "delete"})) == (0, 0, 1)
    assert stored(receiving, source="webhook") == []
    assert signed(receiving, body, at=now - 400).json()["type"] == "urn:fbclass:problem:timestamp-outside-window"


def test_of_the_same_requests_at_once_one_is_taken(receiving: httpx.Client) -> None:
    body = {"form": "f", "id": "at once", "comments": [{"text": "很慢"}]}
    now = int(time.time())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: signed(receiving, body, at=now), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert len(stored(receiving, source="webhook", source_id="at once")) == 1
    signed(receiving, {"form": "f", "id": "at once", "action": "delete"})


@pytest.mark.parametrize("path", ["wjx/pulse", "yearly/wjx", "dingtalk/x", "wjx/慢", "webhook/%00", "webhook/.."])
def test_a_form_that_is_not_set_up_is_not_found(receiving: httpx.Client, path: str) -> None:
    assert receiving.post(f"/v1/receivers/{path}", json={}).status_code == 404


def test_a_service_without_receivers_receives_nothing(client: httpx.Client) -> None:
    answer = client.post("/v1/receivers/webhook/intranet", json={})
    assert answer.status_code == 404
    assert "FBCLASS_RECEIVERS" in answer.json()["detail"]


@pytest.mark.parametrize("form", ["wjx/yearly", "tencent/pulse", "feishu/table", "webhook/intranet"])
@pytest.mark.parametrize("body", [b"", b"\xff", b"[" * 50_000, b"{}", b'{"action": "answer.create"}', b"null"])
def test_no_body_makes_a_receiver_fail(receiving: httpx.Client, form: str, body: bytes) -> None:
    answer = receiving.post(f"/v1/receivers/{form}?token={TOKEN}", content=body)
    assert answer.status_code in (200, 400, 401, 422)
    if answer.status_code == 200:
        assert count(answer) == (0, 0, 0)


def test_a_mistake_in_the_settings_is_told_at_the_start(start: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "receivers.toml"
    file.write_text('[x]\nplatform = "dingtalk"\n', encoding="utf-8")
    process = start(FBCLASS_RECEIVERS=str(file), FBCLASS_DATABASE_URL=f"sqlite:///{tmp_path / 'db'}")
    assert process.wait() != 0
    assert "Traceback" not in process.log
    assert "'dingtalk'" in process.log and "请改正" in process.log


class Unsteady:
    """A store that fails the first time, and remembers in which order it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.nonces: set[str] = set()

    async def seen(self, source: str, nonce: str) -> bool:
        return nonce in self.nonces

    async def store(self, items: Any, *, replace: bool = False, partial: bool = False) -> list[Any]:
        self.asked.append("store")
        if len(self.asked) == 1:
            raise ProblemError(STORAGE_DOWN)
        return []

    async def delete(self, source: str, form: str, source_id: str) -> int:
        self.asked.append("delete")
        return 1

    async def first_time(self, source: str, nonce: str, keep: timedelta) -> bool:
        self.asked.append("remember")
        self.nonces.add(nonce)
        return True


def test_a_delivery_that_failed_is_taken_when_it_comes_again() -> None:
    item = submission("webhook", "f", "1", "慢")
    delivery = Delivery((Upsert((item,)), Removal("webhook", "f", "2")), Nonce("n", timedelta(minutes=1), refuse=True))
    store: Any = Unsteady()

    async def carry_out() -> Any:
        return await _carry_out(store, "webhook", "intranet", delivery)

    with pytest.raises(ProblemError):
        asyncio.run(carry_out())
    assert asyncio.run(carry_out()).removed == 1
    assert store.asked == ["store", "store", "delete", "remember"]
    with pytest.raises(ProblemError) as repeated:
        asyncio.run(carry_out())
    assert repeated.value.status_code == 409
