from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.problems import ProblemError
from api.receivers.delivery import CHINA, Incoming, Upsert
from api.receivers.wjx import WjxConnection, read

KEY = "push-key"
CONNECTION = WjxConnection.model_validate(
    {
        "key": KEY,
        "department": "q1",
        "departments": {"1": "采购部"},
        "comments": {"q3": "对其他部门有什么意见?", "q5_1": ""},
    }
)
IDENTITY = {
    "ipaddress": "203.0.113.7",
    "province": "广东",
    "city": "深圳",
    "openid": "oABCdef123",
    "nickname": "小李飞刀",
    "thirdusername": "lisi",
    "sojumpparm": "emp10234",
    "realname": "李四",
}


def sheet(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "activity": "5657754",
        "index": "17",
        "name": "员工反馈",
        "timetaken": "528",
        "submittime": "2026-03-05 10:01:59",
        "q1": "1",
        "q2": "3",
        "q3": "报销交上去三周没人理",
        "q5_1": "谢谢行政",
        "joinid": "101812480275",
        "totalvalue": "15",
        **IDENTITY,
        **changes,
    }
    signed = f"{found['activity']}{found['index']}{KEY}"
    return {"sign": hashlib.sha1(signed.encode("utf-8", "replace")).hexdigest(), **found}


Make = Callable[..., Incoming]


def test_the_comments_of_a_sheet(incoming: Make, stored: Any) -> None:
    delivery = read(CONNECTION, incoming(sheet()))
    first, second = stored(delivery)
    assert (first.source, first.form, first.source_id, first.item) == ("wjx", "5657754", "101812480275", "q3")
    assert (first.text, first.question, first.department) == ("报销交上去三周没人理", "对其他部门有什么意见?", "采购部")
    assert first.submitted_at == datetime(2026, 3, 5, 10, 1, 59, tzinfo=CHINA)
    assert (second.item, second.text, second.question) == ("q5_1", "谢谢行政", None)
    (change,) = delivery.changes
    assert isinstance(change, Upsert) and not change.replace and not change.partial
    assert delivery.reply is None


def test_nothing_that_says_who_it_was_is_kept(incoming: Make, stored: Any) -> None:
    kept = repr(stored(read(CONNECTION, incoming(sheet()))))
    assert not any(value in kept for value in IDENTITY.values())


def test_the_form_of_the_official_sample_is_read(incoming: Make, stored: Any) -> None:
    found = sheet(q3="1,2")
    body = json.dumps(found, ensure_ascii=False).replace('"q3": "1,2"', '"q3","1,2"').encode()
    assert stored(read(CONNECTION, incoming(body)))[0].text == "1,2"


@pytest.mark.parametrize(
    "changes",
    [
        {"sign": ""},
        {"sign": None},
        {"sign": "0" * 40},
        {"sign": hashlib.sha1(b"565775417").hexdigest()},
        {"index": "", "sign": hashlib.sha1(f"5657754{KEY}".encode()).hexdigest()},
        {"activity": "\ud800"},
    ],
)
def test_a_wrong_signature_is_refused(incoming: Make, changes: dict[str, Any]) -> None:
    body = json.dumps(sheet() | changes).encode()
    with pytest.raises(ProblemError) as refused:
        read(CONNECTION, incoming(body))
    assert refused.value.status_code == 401


def test_a_signature_for_another_answer_is_refused(incoming: Make) -> None:
    with pytest.raises(ProblemError) as refused:
        read(CONNECTION, incoming(sheet() | {"index": "18"}))
    assert refused.value.status_code == 401


def test_numbers_and_capitals_do_not_matter(incoming: Make, stored: Any) -> None:
    found = sheet(activity=5657754, index=17, joinid=101812480275)
    assert len(stored(read(CONNECTION, incoming(found | {"sign": found["sign"].upper()})))) == 2


@pytest.mark.parametrize("nothing", ["", "  ", "(空)", "(跳过)", None])
def test_an_unanswered_question_is_no_comment(incoming: Make, stored: Any, nothing: Any) -> None:
    assert [item.item for item in stored(read(CONNECTION, incoming(sheet(q3=nothing))))] == ["q5_1"]
    assert read(CONNECTION, incoming(sheet(q3=nothing, q5_1=nothing))).changes == ()


def test_a_department_without_a_name_is_kept_as_it_came(incoming: Make, stored: Any) -> None:
    assert stored(read(CONNECTION, incoming(sheet(q1="7"))))[0].department == "7"
    assert stored(read(CONNECTION, incoming(sheet(q1=""))))[0].department is None


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"joinid": "a b"}, 422), ({"joinid": "../x"}, 422), ({"q3": "慢" * 20_001}, 422), ({"activity": "5" * 201}, 422)],
)
def test_what_cannot_be_stored_is_refused(incoming: Make, changes: dict[str, Any], status: int) -> None:
    with pytest.raises(ProblemError) as refused:
        read(CONNECTION, incoming(sheet(**changes)))
    assert refused.value.status_code == status


@pytest.mark.parametrize("body", [b"", b"[]", b"activity=1", b'{"a":{"b":1}}', b"\x00\xff"])
def test_what_is_no_sheet_is_refused(incoming: Make, body: bytes) -> None:
    with pytest.raises(ProblemError) as refused:
        read(CONNECTION, incoming(body))
    assert refused.value.status_code == 400


def test_text_that_no_database_takes_is_mended(incoming: Make, stored: Any) -> None:
    body = json.dumps(sheet(q3="慢\x00了\ud83d")).encode()
    assert stored(read(CONNECTION, incoming(body)))[0].text == "慢了\ufffd"


TEXT = st.text(st.characters(codec=None), max_size=20)
VALUES = TEXT | st.integers() | st.none() | st.booleans() | st.lists(st.none())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(sheet())), VALUES, max_size=5))
def test_any_value_is_read_or_refused(incoming: Make, stored: Any, changes: dict[str, Any]) -> None:
    try:
        items = stored(read(CONNECTION, incoming(json.dumps(sheet(**changes)).encode())))
    except ProblemError as refused:
        assert refused.status_code in (400, 401, 422)
    else:
        for item in items:
            item.text.encode()
