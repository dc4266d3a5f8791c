from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.problems import ProblemError
from api.receivers.delivery import CHINA, Delivery, Incoming, Removal, Upsert
from api.receivers.tencent import TencentConnection, read

CONNECTION = TencentConnection.model_validate(
    {
        "token": "0123456789abcdef",
        "department": "q-1-dept",
        "comments": {"q-2-text": "对其他部门有什么意见?", "q-3-more": ""},
    }
)
IDENTITY = {
    "respondent_id": 60000000001,
    "respondent_type": "wework",
    "qq": 60000000002,
    "openid": "oABCdef123",
    "weixin_openid": "oWX456",
    "country": "中国",
    "province": "广东省",
    "city": "深圳市",
    "ip": "203.0.113.7",
    "ua": "Mozilla/5.0 (iPhone)",
    "referrer": "https://example.com/u/10234",
    "third_party_user": {"openid": "emp10234", "nickname": "小李飞刀", "respondent_id": 60000000001},
}


def event(action: str = "answer.create", written: str = "报销三周没人理", more: str = "") -> dict[str, Any]:
    """A push, shaped as the platform's documentation has it."""
    return {
        "id": "33cc555f-056f-4242-a97c-46f3e7d2016f",
        "object": "Answer",
        "action": action,
        "created_at": "2026-03-05 10:02:00",
        "payload": {
            "survey_id": 5356056,
            "answer_id": 7,
            "started_at": "2026-03-05 09:55:30",
            "ended_at": "2026-03-05 10:01:39",
            **IDENTITY,
            "answer": [
                {
                    "id": "1",
                    "questions": [
                        {
                            "id": "q-1-dept",
                            "type": "radio",
                            "options": [
                                {"id": "o-1", "text": "采购部", "checked": 1},
                                {"id": "o-2", "text": "财务部", "checked": 0},
                            ],
                        },
                        {"id": "q-9-name", "type": "text", "text": "李四"},
                    ],
                },
                {
                    "id": "2",
                    "questions": [
                        {"id": "q-2-text", "type": "textarea", "text": written},
                        {"id": "q-3-more", "type": "textarea", "title": "还有吗?", "text": more},
                    ],
                },
            ],
        },
    }


Make = Callable[..., Incoming]


def test_an_answer_becomes_its_comments(incoming: Make, stored: Any) -> None:
    delivery = read(CONNECTION, incoming(event(more="谢谢行政")))
    first, second = stored(delivery)
    assert (first.source, first.form, first.source_id, first.item) == ("tencent", "5356056", "7", "q-2-text")
    assert (first.text, first.question, first.department) == ("报销三周没人理", "对其他部门有什么意见?", "采购部")
    assert first.submitted_at == datetime(2026, 3, 5, 10, 1, 39, tzinfo=CHINA)
    assert (second.text, second.question) == ("谢谢行政", "还有吗?")
    (change,) = delivery.changes
    assert isinstance(change, Upsert) and not change.replace
    assert delivery.nonce is not None and not delivery.nonce.refuse


def test_nothing_that_says_who_it_was_is_kept(incoming: Make, stored: Any) -> None:
    kept = repr(stored(read(CONNECTION, incoming(event(more="谢谢")))))
    values = [*IDENTITY.values(), *IDENTITY["third_party_user"].values(), "李四"]  # type: ignore[attr-defined]
    assert not any(str(value) in kept for value in values)


def test_a_change_replaces_the_whole_answer(incoming: Make, stored: Any) -> None:
    delivery = read(CONNECTION, incoming(event("answer.update", written="已经解决了")))
    (change,) = delivery.changes
    assert isinstance(change, Upsert) and change.replace
    assert [item.text for item in change.items] == ["已经解决了"]


def test_a_comment_taken_back_leaves_no_text(incoming: Make) -> None:
    (change,) = read(CONNECTION, incoming(event("answer.update", written=" "))).changes
    assert isinstance(change, Upsert) and change.replace
    assert [item.text for item in change.items] == [""]


def test_a_deletion_is_honoured_whatever_else_is_there(incoming: Make) -> None:
    bare = event("answer.delete") | {"payload": {"survey_id": 5356056, "answer_id": 7}}
    for body in (event("answer.delete"), bare):
        assert read(CONNECTION, incoming(body)).changes == (Removal("tencent", "5356056", "7"),)


def test_an_answer_without_comments_changes_nothing(incoming: Make) -> None:
    assert read(CONNECTION, incoming(event(written=""))).changes == ()


@pytest.mark.parametrize("action", ["survey.created", "test", "", None, 1])
def test_other_events_are_taken_and_change_nothing(incoming: Make, action: Any) -> None:
    assert read(CONNECTION, incoming(event() | {"action": action})) == Delivery()


def test_pages_may_stand_in_an_object(incoming: Make, stored: Any) -> None:
    found = event()
    found["payload"]["answer"] = {"pages": found["payload"]["answer"]}
    assert len(stored(read(CONNECTION, incoming(found)))) == 1


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"id": None}, 422),
        ({"id": "慢"}, 422),
        ({"id": "x" * 129}, 422),
        ({"payload": None}, 422),
        ({"payload": {"survey_id": 1}}, 422),
        ({"payload": {"survey_id": True, "answer_id": 1}}, 422),
        ({"payload": {"survey_id": "a b", "answer_id": 1}}, 422),
    ],
)
def test_what_has_no_identity_of_its_own_is_refused(incoming: Make, changes: dict[str, Any], status: int) -> None:
    with pytest.raises(ProblemError) as refused:
        read(CONNECTION, incoming(event() | changes))
    assert refused.value.status_code == status


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 100_000, b"\xff"])
def test_what_is_no_object_is_refused(incoming: Make, body: bytes) -> None:
    with pytest.raises(ProblemError) as refused:
        read(CONNECTION, incoming(body))
    assert refused.value.status_code == 400


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "questions", "options", "text", "title", "checked", "pages"]), inner)
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(answer=ANY, ended=ANY)
def test_any_shape_of_answer_is_read_or_refused(incoming: Make, answer: Any, ended: Any) -> None:
    found = event()
    found["payload"] |= {"answer": answer, "ended_at": ended}
    read(CONNECTION, incoming(found))
