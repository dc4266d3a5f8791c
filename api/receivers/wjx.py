"""问卷星: an answer sheet pushed as flat JSON when somebody has handed it in.

Source: 问卷星开放文档, 答卷api推送, https://www.showdoc.com.cn/wjxopenapi/7664690808275512 (read November 2026).
``sign`` is sha1(activity + index + push key) in hexadecimal. It does not cover the answers, so the address
should carry a token as well and be https. A push that fails is repeated, so the first of an answer
(``joinid``) counts and repetitions change nothing. Deletions and edits are not pushed.

Only the questions named in the settings are kept. Everything else that comes along is dropped: IP address,
place, nickname, open id, and ``sojumpparm``, in which many companies pass the employee.
"""

from __future__ import annotations

import hashlib
from typing import ClassVar

from api.problems import ProblemError
from api.receivers.delivery import (
    UNREADABLE,
    Delivery,
    Incoming,
    Platform,
    Upsert,
    beijing_time,
    incomplete,
    refuse,
    submission,
)
from api.receivers.lenient import Scalar, read_flat
from api.receivers.settings import FormConnection, Secret
from api.receivers.signature import same

NAME = "wjx"
_NO_ANSWER = frozenset({"", "(空)", "(跳过)", "（空）", "（跳过）"})  # as its exports write it


class WjxConnection(FormConnection):
    """``key``: the push key (推送密钥) of the account."""

    identity: ClassVar[frozenset[str]] = frozenset(
        {"ip", "ipaddress", "province", "city", "country", "sojumpparm", "udsid", "openid", "wxopenid", "unionid"}
        | {"nickname", "sex", "headimgurl", "thirdusername", "uid", "userid", "username", "realname"}
        | {"parterjoiner", "parteruser", "mobile", "phone", "email"}
    )

    key: Secret


def read(connection: WjxConnection, incoming: Incoming) -> Delivery:
    """The comments of one answer sheet."""
    try:
        sheet = read_flat(incoming.body)
    except ValueError:
        raise ProblemError(UNREADABLE) from None
    activity, index = _text(sheet.get("activity")), _text(sheet.get("index"))
    # SHA-1 is the platform's choice; with the key behind the data, forging a sign still needs the key.
    expected = hashlib.sha1(
        f"{activity}{index}{connection.key.get_secret_value()}".encode("utf-8", "replace")
    ).hexdigest()
    if not activity or not index or not same(expected, _text(sheet.get("sign")).casefold()):
        raise refuse()
    answer = _text(sheet.get("joinid")) or index
    if not (answer.isascii() and answer.isalnum()):
        raise incomplete("joinid must be letters and digits", "joinid 应为字母和数字", "joinid")
    department = _text(sheet.get(connection.department)) if connection.department else ""
    items = tuple(
        submission(
            NAME,
            activity,
            answer,
            text,
            item=question,
            question=wording or None,
            department=connection.department_name(department),
            submitted_at=beijing_time(sheet.get("submittime")),
        )
        for question, wording in connection.comments.items()
        if (text := _text(sheet.get(question))) not in _NO_ANSWER
    )
    return Delivery((Upsert(items),) if items else ())


def _text(value: Scalar) -> str:
    return "" if value is None or isinstance(value, bool) else str(value).strip()


PLATFORM = Platform(NAME, WjxConnection, read)
