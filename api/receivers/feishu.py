"""飞书多维表格 (Lark Base): rows added, edited or deleted in a table, and the check of the address.

Sources at https://open.feishu.cn/document/, read November 2026: 多维表格记录变更 (the event,
uAjLw4CM/ukTMukTMukTM/reference/drive-v1/file/events/bitable_record_changed), 接收事件 (signature, token,
decryption, ukTMukTMukTM/uYDNxYjL2QTM24iN0EjN/event-subscription-configure-), 多维表格记录数据结构 (values,
uAjLw4CM/ukTMukTMukTM/reference/bitable-v1/app-table-record/bitable-record-data-structure-overview).

With an encrypt key set, the body is ``{"encrypt": base64(iv + AES-256-CBC)}`` with SHA-256 of the key as
the cipher's key, and ``X-Lark-Signature`` is SHA-256 over timestamp, nonce, encrypt key and raw body; only
the check of the address (``url_verification``) comes unsigned. Every event carries the verification token.
An edit brings only the fields that changed. An event is repeated until it is answered with 200 within
three seconds; one that was handled (``event_id``) is not handled again.

Only the fields named in the settings are kept; who changed the row is dropped.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from api.receivers.delivery import (
    Delivery,
    Incoming,
    Nonce,
    Platform,
    Removal,
    Upsert,
    incomplete,
    read_object,
    refuse,
    storable,
    submission,
)
from api.receivers.settings import FormConnection, Secret
from api.receivers.signature import same

NAME = "feishu"
RECORD_CHANGED = "drive.file.bitable_record_changed_v1"
_REMEMBER = timedelta(days=7)
_BLOCK = 16  # bytes of AES
_IS_ID = re.compile(r"[0-9A-Za-z_\-]{1,64}")


class FeishuConnection(FormConnection):
    """``comments`` and ``department`` are field ids (fld…)."""

    verification_token: Secret
    encrypt_key: Secret | None = None
    table: str | None = None  # table id (tbl…); other tables of the same base are then passed over


def read(connection: FeishuConnection, incoming: Incoming) -> Delivery:
    """What happened to the rows, or the answer to the check of the address."""
    event = read_object(incoming.body)
    if connection.encrypt_key is not None:
        event = _opened(connection.encrypt_key.get_secret_value(), event.get("encrypt"), incoming)
    header = event.get("header")
    token = header.get("token") if isinstance(header, dict) else event.get("token")
    if not isinstance(token, str) or not same(connection.verification_token.get_secret_value(), token):
        raise refuse()
    if event.get("type") == "url_verification":
        return Delivery(reply={"challenge": storable(str(event.get("challenge", "")))[:200]})
    if not isinstance(header, dict) or header.get("event_type") != RECORD_CHANGED:
        return Delivery()
    change = event.get("event")
    if not isinstance(change, dict):
        raise incomplete("event must be an object", "event 应为 JSON 对象", "event")
    table = change.get("table_id")
    if connection.table is not None and table != connection.table:
        return Delivery()
    form = f"{_id(change, 'file_token')}/{_id(change, 'table_id')}"
    actions = change.get("action_list")
    at = _time(header.get("create_time"))
    rows = (row for row in actions if isinstance(row, dict)) if isinstance(actions, list) else iter(())
    return Delivery(
        tuple(_changes(connection, form, rows, at)), Nonce(_id(header, "event_id"), _REMEMBER, refuse=False)
    )


def _changes(
    connection: FeishuConnection, form: str, rows: Iterator[Mapping[str, Any]], at: datetime | None
) -> Iterator[Upsert | Removal]:
    for row in rows:
        record = _id(row, "record_id")
        if row.get("action") == "record_deleted":
            yield Removal(NAME, form, record)
            continue
        added = row.get("action") == "record_added"
        if not added and row.get("action") != "record_edited":
            continue
        fields = _fields(row.get("after_value"))
        department = fields.get(connection.department or "", "")
        items = tuple(
            submission(
                NAME,
                form,
                record,
                fields[field],
                item=field,
                question=wording or None,
                department=connection.department_name(department),
                submitted_at=at if added else None,
            )
            for field, wording in connection.comments.items()
            if fields.get(field) or (field in fields and not added)  # emptied by an edit: the text must go
        )
        if items:
            yield Upsert(items, partial=not added)


def _opened(key: str, sealed: Any, incoming: Incoming) -> dict[str, Any]:
    """The event inside an encrypted body. Whatever is wrong gets one answer, lest errors help to forge a body."""
    headers = incoming.headers
    signed = f"{headers.get('x-lark-request-timestamp', '')}{headers.get('x-lark-request-nonce', '')}{key}"
    digest = hashlib.sha256(signed.encode() + incoming.body).hexdigest()
    genuine = same(digest, headers.get("x-lark-signature", ""))
    try:
        event = json.loads(_decrypted(key, sealed))
    except (ValueError, RecursionError):
        raise refuse() from None
    if not isinstance(event, dict) or not (genuine or event.get("type") == "url_verification"):
        raise refuse()
    return event


def _decrypted(key: str, sealed: Any) -> bytes:
    """AES-256-CBC with PKCS #7 padding; ``ValueError`` for anything that does not fit."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # 15 MB, only needed here
    from cryptography.hazmat.primitives.padding import PKCS7

    if not isinstance(sealed, str):
        raise ValueError("nothing encrypted")
    try:
        raw = base64.b64decode(sealed, validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
    if len(raw) < 2 * _BLOCK:
        raise ValueError("too short")
    decryptor = Cipher(algorithms.AES(hashlib.sha256(key.encode()).digest()), modes.CBC(raw[:_BLOCK])).decryptor()
    unpadder = PKCS7(8 * _BLOCK).unpadder()
    return unpadder.update(decryptor.update(raw[_BLOCK:]) + decryptor.finalize()) + unpadder.finalize()


def _fields(values: Any) -> dict[str, str]:
    """Text of each field by field id."""
    entries = (entry for entry in values if isinstance(entry, dict)) if isinstance(values, list) else ()
    return {str(entry.get("field_id", "")): _plain(entry.get("field_value")) for entry in entries}


def _plain(value: Any) -> str:
    """The words of a field value, which comes as a JSON string: text runs, a choice, several choices."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return str(value).strip()  # bare text
    if isinstance(value, dict):
        # A formula or lookup wraps its value; a choice or a link has a text.
        value = value.get("value", value.get("text", value.get("name", "")))
    if isinstance(value, list):
        texts = [run.get("text", "") if isinstance(run, dict) else run for run in value]
        runs = any(isinstance(run, dict) for run in value)
        return ("" if runs else "、").join(text for text in texts if isinstance(text, str)).strip()
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip()


def _time(milliseconds: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _id(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or not _IS_ID.fullmatch(value):
        raise incomplete(f"{name} must be letters and digits", f"{name} 应为字母和数字")
    return value


PLATFORM = Platform(NAME, FeishuConnection, read)
