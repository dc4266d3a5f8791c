"""Hand answers that were fetched from a platform to the service, as if the platform had pushed them.

For a service that no cloud can reach: fetch from inside, with whatever the platform offers, and pipe the
answers in. Run it as often as you like; what is known already changes nothing.

    curl -s "https://open.wj.qq.com/api/surveys/292190/answers?…" | python examples/pull.py tencent 292190
    curl -s "https://open.feishu.cn/open-apis/bitable/v1/apps/…/records?…" | python examples/pull.py feishu tbl…

After the platform comes the id of the survey or table, where the answers do not carry it themselves.
``FBCLASS_RECEIVER`` holds the address to deliver to, http://127.0.0.1:8000/v1/receivers/tencent/pulse?token=…;
``FBCLASS_SECRET`` the secret of the receiver, where there is one: the push key of 问卷星, the verification
token of 飞书. docs/forms.md explains the rest.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Answer = Mapping[str, Any]


def tencent(answer: Answer, form: str, secret: str) -> dict[str, Any]:
    """An answer of GET /api/surveys/{id}/answers. Its state counts, so a changed one is taken anew."""
    digest = hashlib.sha256(json.dumps(answer, sort_keys=True).encode()).hexdigest()
    return {"id": f"pull-{digest[:32]}", "action": "answer.update", "payload": {"survey_id": form, **answer}}


def wjx(answer: Answer, form: str, secret: str) -> dict[str, Any]:
    """An answer sheet of the query interface, which has the fields of a pushed one but the signature."""
    sheet = {"activity": form, **answer}
    signed = f"{sheet['activity']}{sheet['index']}{secret}"
    return {**sheet, "sign": hashlib.sha1(signed.encode()).hexdigest()}


def feishu(record: Answer, form: str, secret: str) -> dict[str, Any]:
    """A record of 查询记录. Records name fields, events number them: the receiver's settings name them here too."""
    values = [
        {"field_id": name, "field_value": json.dumps(value, ensure_ascii=False)}
        for name, value in record["fields"].items()
    ]
    row = {"action": "record_added", "record_id": record["record_id"], "after_value": values}
    return {
        "header": {
            "event_id": f"pull{hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()[:32]}",
            "event_type": "drive.file.bitable_record_changed_v1",
            "token": secret,
        },
        "event": {"file_token": "pull", "table_id": form, "action_list": [row]},
    }


PLATFORMS: Mapping[str, Callable[[Answer, str, str], dict[str, Any]]] = {
    "tencent": tencent,
    "wjx": wjx,
    "feishu": feishu,
}


def answers(document: Any) -> Iterator[Answer]:
    """The answers in what an interface returned: a list, or one under data, list, items or answers."""
    if isinstance(document, list):
        yield from document
        return
    for name in ("data", "list", "items", "answers"):
        if isinstance(document, dict) and isinstance(document.get(name), list | dict):
            yield from answers(document[name])
            return
    raise SystemExit("no list of answers in the input; 输入中没有答卷列表")


def deliver(address: str, push: Mapping[str, Any]) -> dict[str, int]:
    """Post one push; what became of it."""
    body = json.dumps(push, ensure_ascii=False).encode()
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: dict[str, int] = json.load(answer)
    return found


def main() -> int:
    """Deliver every answer on stdin; 1 when one was refused."""
    if len(sys.argv) not in (2, 3) or sys.argv[1] not in PLATFORMS:
        print(f"usage: python examples/pull.py {{{','.join(PLATFORMS)}}} [FORM] < answers.json", file=sys.stderr)
        return 2
    dress, form = PLATFORMS[sys.argv[1]], sys.argv[2] if len(sys.argv) == 3 else ""
    address, secret = os.environ["FBCLASS_RECEIVER"], os.environ.get("FBCLASS_SECRET", "")
    total = {"stored": 0, "known": 0, "removed": 0}
    for answer in answers(json.load(sys.stdin)):
        try:
            found = deliver(address, dress(answer, form, secret))
        except urllib.error.HTTPError as error:
            problem = json.load(error)
            print(f"{error.code}: {problem.get('detail_zh')} {problem.get('detail')}", file=sys.stderr)
            return 1
        total = {name: total[name] + found[name] for name in total}
    print(json.dumps(total))
    return 0


if __name__ == "__main__":
    sys.exit(main())
