"""腾讯问卷: an answer handed in, changed or deleted.

Source: 腾讯问卷开放文档, Webhook 答卷数据推送, https://wj.qq.com/docs/webhook/, and for the shape of an answer
https://wj.qq.com/docs/openapi/survey/get_answer (read November 2026). The platform signs nothing, so the
address carries a token (``?token=…``), without which nobody is listened to. Every push has an ``id``;
one that was handled is not handled again, so that a late repetition cannot undo a later change. An
answer is known by ``survey_id`` and ``answer_id``; ``answer.delete`` removes its comments for good.

Only the questions named in the settings are kept. Respondent id, QQ number, open id, third-party user,
IP address, browser, place and referring page are dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, ClassVar

from api.receivers.delivery import (
    Delivery,
    Incoming,
    Nonce,
    Platform,
    Removal,
    Upsert,
    beijing_time,
    incomplete,
    read_object,
    submission,
)
from api.receivers.settings import FormConnection, OwnSecret

NAME = "tencent"
_REMEMBER = timedelta(days=7)
_IS_ID = re.compile(r"[0-9A-Za-z_\-]{1,64}")


class TencentConnection(FormConnection):
    """``token``: at least 16 characters, added to the address given to the platform."""

    identity: ClassVar[frozenset[str]] = frozenset(
        {"respondent_id", "respondent_type", "qq", "openid", "weixin_openid", "third_party_user", "wechat_work_user"}
        | {"nickname", "ip", "ua", "referrer", "country", "province", "city", "latitude", "longitude"}
    )

    token: OwnSecret


def read(connection: TencentConnection, incoming: Incoming) -> Delivery:
    """What happened to one answer. Other events, and the test request of the settings page, change nothing."""
    event = read_object(incoming.body)
    action, payload = event.get("action"), event.get("payload")
    if action not in ("answer.create", "answer.update", "answer.delete"):
        return Delivery()
    if not isinstance(payload, dict):
        raise incomplete("payload must be an object", "payload 应为 JSON 对象", "payload")
    nonce = _nonce(event.get("id"))
    form, answer = _number(payload, "survey_id"), _number(payload, "answer_id")
    if action == "answer.delete":
        return Delivery((Removal(NAME, form, answer),), nonce)
    questions = {str(question.get("id", "")): question for question in _questions(payload.get("answer"))}
    changed = action == "answer.update"
    department = _chosen(questions.get(connection.department or "", {}))
    texts = [(item, wording, _written(questions.get(item, {}))) for item, wording in connection.comments.items()]
    written = [entry for entry in texts if entry[2]]
    if changed and not written:
        written = texts[:1]  # every comment was taken back: an empty one takes their place
    items = tuple(
        submission(
            NAME,
            form,
            answer,
            text,
            item=item,
            question=wording or _string(questions.get(item, {}).get("title")) or None,
            department=connection.department_name(department),
            submitted_at=beijing_time(payload.get("ended_at")),
        )
        for item, wording, text in written
    )
    return Delivery((Upsert(items, replace=changed),) if items else (), nonce)


def _nonce(value: Any) -> Nonce:
    if not isinstance(value, str) or not 1 <= len(value) <= 128 or not value.isascii() or not value.isprintable():
        raise incomplete("id must be a string of 1 to 128 ASCII characters", "id 应为 1 至 128 个 ASCII 字符", "id")
    return Nonce(value, _REMEMBER, refuse=False)


def _number(payload: Mapping[str, Any], name: str) -> str:
    value = payload.get(name)
    if isinstance(value, bool) or not isinstance(value, int | str) or not _IS_ID.fullmatch(str(value)):
        raise incomplete(f"{name} must be a number or short name", f"{name} 应为编号", "payload", name)
    return str(value)


def _questions(answer: Any) -> Iterator[Mapping[str, Any]]:
    """Questions on all pages; the documentation allows shapes to differ, so what does not fit is passed over."""
    pages = answer.get("pages") if isinstance(answer, dict) else answer
    for page in pages if isinstance(pages, list) else ():
        questions = page.get("questions") if isinstance(page, dict) else None
        for question in questions if isinstance(questions, list) else ():
            if isinstance(question, dict):
                yield question


def _written(question: Mapping[str, Any]) -> str:
    """What was written: the text, or what stands beside options such as 其他."""
    return _string(question.get("text")) or _chosen(question)


def _chosen(question: Mapping[str, Any]) -> str:
    """The options that were chosen, with 、 between them; the text where there are no options."""
    options = question.get("options")
    if not isinstance(options, list):
        return _string(question.get("text"))
    # checked is missing or 1 for a chosen one
    chosen = [
        option for option in options if isinstance(option, dict) and str(option.get("checked", 1)) in ("1", "True")
    ]
    return "、".join(text for option in chosen if (text := _string(option.get("text"))))


def _string(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


PLATFORM = Platform(NAME, TencentConnection, read)
