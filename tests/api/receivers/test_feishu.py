from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.problems import ProblemError
from api.receivers.delivery import Delivery, Incoming, Removal, Upsert
from api.receivers.feishu import FeishuConnection, read

TOKEN = "L3bzVf0sz7qb9XoT"
KEY = "kudryavka"
FIELDS = {
    "comments": {"fldText": "对其他部门有什么意见?", "fldMore": ""},
    "department": "fldDept",
    "departments": {"optA": "采购部"},
}
PLAIN = FeishuConnection.model_validate({"verification_token": TOKEN, **FIELDS})
SEALED = FeishuConnection.model_validate({"verification_token": TOKEN, "encrypt_key": KEY, "table": "tblA", **FIELDS})


def text(words: str) -> str:
    """A text field as the event has it: a JSON string."""
    return json.dumps([{"type": "text", "text": words}], ensure_ascii=False)


def row(action: str = "record_added", **values: str) -> dict[str, Any]:
    fields = [{"field_id": name, "field_value": value} for name, value in values.items()]
    person = {"users": [{"name": "李四", "en_name": "Li Si", "user_id": {"open_id": "ou_8240099442cf"}}]}
    who = {"field_id": "fldWho", "field_value": '[{"id":"ou_8240099442cf"}]', "field_identity_value": person}
    return {"action": action, "record_id": "recAbc1", "before_value": [], "after_value": [*fields, who]}


def event(*rows: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "schema": "2.0",
        "header": {
            "event_id": "85ec04b2f6cff27a1bf249b26fbabcef",
            "event_type": "drive.file.bitable_record_changed_v1",
            "create_time": "1772676119000",
            "token": TOKEN,
            "app_id": "cli_a00c8400a7babcef",
            "tenant_key": "736588c9260abcef",
        },
        "event": {
            "file_type": "bitable",
            "file_token": "bascnAbc",
            "table_id": "tblA",
            "operator_id": {"open_id": "ou_8240099442cf", "union_id": "on_6", "user_id": "lisi"},
            "action_list": list(rows),
            **changes,
        },
    }


def seal(found: Any, key: str = KEY) -> bytes:
    """What the platform does: AES-256-CBC under SHA-256 of the key, the IV in front, base64."""
    raw = found if isinstance(found, bytes) else json.dumps(found).encode()
    padded = raw + bytes([16 - len(raw) % 16]) * (16 - len(raw) % 16)
    iv = bytes(range(16))
    encryptor = Cipher(algorithms.AES(hashlib.sha256(key.encode()).digest()), modes.CBC(iv)).encryptor()
    sealed = base64.b64encode(iv + encryptor.update(padded) + encryptor.finalize()).decode()
    return json.dumps({"encrypt": sealed}).encode()


def signed(body: bytes, key: str = KEY) -> dict[str, str]:
    digest = hashlib.sha256(f"1772676119nonce{key}".encode() + body).hexdigest()
    return {
        "X_Lark_Request_Timestamp": "1772676119",
        "X_Lark_Request_Nonce": "nonce",
        "X_Lark_Signature": digest,
    }


Make = Callable[..., Incoming]
ADDED = event(row(fldText=text("报销三周没人理"), fldDept='"optA"'))


def status(connection: FeishuConnection, incoming: Incoming) -> int:
    with pytest.raises(ProblemError) as refused:
        read(connection, incoming)
    return refused.value.status_code


def test_the_decryption_is_that_of_the_documentation() -> None:
    """The sample of the platform's own documentation."""
    from api.receivers.feishu import _decrypted

    assert _decrypted("test key", "P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=") == b"hello world"


def test_an_added_row_becomes_its_comments(incoming: Make, stored: Any) -> None:
    delivery = read(PLAIN, incoming(ADDED))
    (item,) = stored(delivery)
    assert (item.source, item.form, item.source_id, item.item) == ("feishu", "bascnAbc/tblA", "recAbc1", "fldText")
    assert (item.text, item.question, item.department) == ("报销三周没人理", "对其他部门有什么意见?", "采购部")
    assert item.submitted_at == datetime.fromtimestamp(1772676119, UTC)
    (change,) = delivery.changes
    assert isinstance(change, Upsert) and not change.replace and not change.partial
    assert delivery.nonce is not None and not delivery.nonce.refuse


def test_an_encrypted_and_signed_event_is_opened(incoming: Make, stored: Any) -> None:
    body = seal(ADDED)
    assert len(stored(read(SEALED, incoming(body, **signed(body))))) == 1


def test_nothing_that_says_who_it_was_is_kept(incoming: Make, stored: Any) -> None:
    kept = repr(stored(read(PLAIN, incoming(ADDED))))
    assert not any(value in kept for value in ("李四", "Li Si", "ou_8240099442cf", "lisi", "on_6", "cli_a00", "736588"))


def test_an_edit_changes_only_what_it_names(incoming: Make) -> None:
    (change,) = read(PLAIN, incoming(event(row("record_edited", fldText=text("好多了"))))).changes
    assert isinstance(change, Upsert) and change.partial
    assert [(item.item, item.text, item.department, item.submitted_at) for item in change.items] == [
        ("fldText", "好多了", None, None)
    ]
    assert read(PLAIN, incoming(event(row("record_edited", fldOther="666")))).changes == ()


def test_an_emptied_comment_leaves_no_text(incoming: Make) -> None:
    (change,) = read(PLAIN, incoming(event(row("record_edited", fldText="")))).changes
    assert isinstance(change, Upsert)
    assert [item.text for item in change.items] == [""]
    assert read(PLAIN, incoming(event(row("record_added", fldText="")))).changes == ()


def test_a_deletion_is_honoured(incoming: Make) -> None:
    deleted = {"action": "record_deleted", "record_id": "recAbc1", "before_value": row()["after_value"]}
    assert read(PLAIN, incoming(event(deleted))).changes == (Removal("feishu", "bascnAbc/tblA", "recAbc1"),)


def test_several_rows_in_their_order(incoming: Make) -> None:
    deleted = {"action": "record_deleted", "record_id": "recAbc1"}
    changes = read(PLAIN, incoming(event(row(fldText=text("慢")), deleted, {"action": "x", "record_id": "r"}))).changes
    assert [type(change) for change in changes] == [Upsert, Removal]


def test_another_table_and_another_event_change_nothing(incoming: Make) -> None:
    body = seal(event(row(fldText=text("慢")), table_id="tblB"))
    assert read(SEALED, incoming(body, **signed(body))) == Delivery()
    other = event()
    other["header"]["event_type"] = "im.message.receive_v1"
    assert read(PLAIN, incoming(other)) == Delivery()


def test_the_address_is_checked_with_and_without_encryption(incoming: Make) -> None:
    check = {"challenge": "ajls384kdjx98XX", "token": TOKEN, "type": "url_verification"}
    for connection, body in ((PLAIN, json.dumps(check).encode()), (SEALED, seal(check))):
        assert read(connection, incoming(body)).reply == {"challenge": "ajls384kdjx98XX"}
    assert read(PLAIN, incoming(json.dumps(check | {"challenge": "\ud800"}).encode())).reply == {"challenge": "\ufffd"}
    assert status(PLAIN, incoming(check | {"token": "x"})) == 401
    assert status(SEALED, incoming(check)) == 401
    assert status(SEALED, incoming(seal(check, "another"))) == 401


@pytest.mark.parametrize("token", ["", "x", None, 1, "L3bzVf0sz7qb9Xo慢"])
def test_a_wrong_token_is_refused(incoming: Make, token: Any) -> None:
    wrong = event(row(fldText=text("慢")))
    wrong["header"]["token"] = token
    assert status(PLAIN, incoming(wrong)) == 401
    assert status(SEALED, incoming(seal(wrong), **signed(seal(wrong)))) == 401


def test_an_event_that_is_not_signed_is_refused(incoming: Make) -> None:
    body = seal(ADDED)
    assert status(SEALED, incoming(body)) == 401
    assert status(SEALED, incoming(body, **signed(body, "another"))) == 401
    assert status(SEALED, incoming(body, **signed(body + b" "))) == 401
    assert status(SEALED, incoming(ADDED, **signed(json.dumps(ADDED).encode()))) == 401


@pytest.mark.parametrize(
    "sealed",
    [None, 1, "", "慢", "AAAA", "A" * 43, *(base64.b64encode(bytes(length)).decode() for length in (16, 40, 64))],
)
def test_whatever_cannot_be_opened_gets_one_answer(incoming: Make, sealed: Any) -> None:
    body = json.dumps({"encrypt": sealed}).encode()
    assert status(SEALED, incoming(body, **signed(body))) == 401


@pytest.mark.parametrize("inner", [b"", b"[]", b"\xff", b"{", b"[" * 100_000])
def test_an_opened_body_that_is_no_event_gets_the_same(incoming: Make, inner: bytes) -> None:
    assert status(SEALED, incoming(seal(inner), **signed(seal(inner)))) == 401


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (text("慢\n第二行"), "慢\n第二行"),
        (json.dumps([{"type": "text", "text": "看"}, {"type": "url", "text": "这里", "link": "http://x"}]), "看这里"),
        ('"慢"', "慢"),
        ("慢", "慢"),
        ("[紧急] 慢", "[紧急] 慢"),
        ("666", "666"),
        ('["采购部", "财务部"]', "采购部、财务部"),
        ('{"text": "官网", "link": "http://x"}', "官网"),
        ('{"type": 1, "value": [{"type": "text", "text": "慢"}]}', "慢"),
        ("null", ""),
        ("", ""),
        ("[" * 5000, "[" * 5000),
    ],
)
def test_values_of_every_kind_of_text_field(incoming: Make, stored: Any, value: str, words: str) -> None:
    items = stored(read(PLAIN, incoming(event(row(fldText=value)))))
    assert [item.text for item in items] == ([words] if words else [])


NAMELESS = {"action": "record_added", "record_id": "a b"}


@pytest.mark.parametrize("changes", [{"table_id": None}, {"file_token": {}}, {"action_list": [NAMELESS]}])
def test_what_has_no_identity_of_its_own_is_refused(incoming: Make, changes: dict[str, Any]) -> None:
    assert status(PLAIN, incoming(event(**changes))) == 422


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["record_edited", "fldText"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["action", "record_id", "after_value", "field_id", "field_value"]), inner)
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(actions=ANY, value=ANY, at=ANY)
def test_any_shape_is_read_or_refused(incoming: Make, actions: Any, value: Any, at: Any) -> None:
    found = event(action_list=actions)
    found["header"]["create_time"] = at
    strange = event(row("record_edited", fldText=value))
    for body in (found, strange):
        try:
            read(PLAIN, incoming(body))
        except ProblemError as refused:
            assert refused.status_code == 422
