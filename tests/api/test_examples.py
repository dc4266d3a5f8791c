"""The example clients, run as their users run them: as processes, against the real service."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from examples.client import Client, ServiceError

ROOT = Path(__file__).parents[2]
TOKEN = "0123456789abcdef"
RECEIVERS = f"""
[pulse]
platform = "tencent"
token = "{TOKEN}"
department = "dept"
comments = {{ q2 = "" }}

[yearly]
platform = "wjx"
key = "push-key"
comments = {{ q3 = "" }}

[table]
platform = "feishu"
verification_token = "verification"
comments = {{ "意见" = "" }}
"""


@pytest.fixture(scope="module")
def service(serve: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    file = tmp_path_factory.mktemp("settings") / "receivers.toml"
    file.write_text(RECEIVERS, encoding="utf-8")
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FBCLASS_RECEIVERS", str(file))
            client = stack.enter_context(serve())
        yield client


def run(
    script: str, *arguments: str, address: str = "", stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        # -I and -S: nothing but the standard library
        [sys.executable, "-I", "-S", "-X", "utf8", str(ROOT / "examples" / script), *arguments],
        input=stdin,
        env=os.environ | {"FBCLASS_URL": address} | environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_classify_submit_list_and_delete(service: httpx.Client) -> None:
    address = str(service.base_url)
    texts = ["采购申请提了三周没人理", "谢谢行政同事"]
    assert [found["text"] for found in lines(run("client.py", "classify", *texts, address=address))] == texts
    once = ("submit", "--form", "演示", "--source-id", "17", "--department", "研发部", "打我13812345678")
    (stored,) = lines(run("client.py", *once, address=address))
    assert (stored["form"], stored["source_id"], stored["text"]) == ("演示", "17", "打我[电话]")
    (again,) = lines(run("client.py", *once, address=address))
    assert again["id"] == stored["id"]
    assert [found["id"] for found in lines(run("client.py", "list", "--form", "演示", address=address))] == [
        stored["id"]
    ]
    assert lines(run("client.py", "delete", stored["id"], address=address)) == []
    assert lines(run("client.py", "list", "--form", "演示", address=address)) == []


def test_a_refusal_is_one_sentence_and_a_status(service: httpx.Client) -> None:
    done = run("client.py", "delete", "0" * 32, address=str(service.base_url))
    assert (done.returncode, done.stdout) == (1, "")
    assert "404" in done.stderr and "Traceback" not in done.stderr
    with Client(str(service.base_url)) as client, pytest.raises(ServiceError) as refused:
        client.submit("演示", "慢" * 20_001)
    assert refused.value.status == 422
    assert refused.value.problem["errors"][0]["pointer"] == "#/text"


def test_nobody_there_is_one_sentence() -> None:
    done = run("client.py", "--attempts", "1", "list", address="http://127.0.0.1:9")
    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stderr and "Traceback" not in done.stderr


def test_long_lists_and_many_pages(service: httpx.Client) -> None:
    with Client(str(service.base_url)) as client:
        assert [found["text"] for found in client.classify(["慢"] * 600 + ["快"])] == ["慢"] * 600 + ["快"]
        for number in range(7):
            client.submit("页", f"第{number}条", source_id=str(number))
        found = [one["source_id"] for one in client.submissions(form="页", limit="2", order="oldest")]
    assert found == [str(number) for number in range(7)]


def test_what_is_turned_away_or_lost_is_sent_again_as_the_same() -> None:
    """429, then a broken connection, then an answer: three requests with one Idempotency-Key."""
    keys: list[str | None] = []

    class Unsteady(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            keys.append(self.headers["Idempotency-Key"])
            if len(keys) == 2:
                self.close_connection = True
                return
            body = b'{"id": "x"}'
            self.send_response(429 if len(keys) == 1 else 201)
            self.send_header("Retry-After", "0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Unsteady) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Client(f"http://127.0.0.1:{server.server_port}") as client:
            assert client.submit("f", "慢") == {"id": "x"}
        server.shutdown()
    assert len(keys) == 3 and len(set(keys)) == 1 and keys[0]


def test_answers_that_were_fetched_are_handed_over(service: httpx.Client) -> None:
    def pull(platform: str, form: str, answers: Any, *, survey: str = "77", secret: str = "") -> dict[str, int]:
        address = f"{service.base_url}/v1/receivers/{platform}/{form}?token={TOKEN}"
        environment = {"FBCLASS_RECEIVER": address, "FBCLASS_SECRET": secret}
        done = run("pull.py", platform, survey, stdin=json.dumps(answers), **environment)
        (found,) = lines(done)
        return found

    questions = [{"id": "dept", "options": [{"text": "采购部", "checked": 1}]}, {"id": "q2", "text": "很慢"}]
    answer = {"answer_id": 1, "openid": "oABC", "answer": [{"id": "1", "questions": questions}]}
    fetched = {"code": "OK", "data": {"list": [answer]}}
    assert pull("tencent", "pulse", fetched) == {"stored": 1, "known": 0, "removed": 0}
    assert pull("tencent", "pulse", fetched) == {"stored": 0, "known": 0, "removed": 0}
    questions[1]["text"] = "好多了"
    assert pull("tencent", "pulse", fetched)["stored"] == 1

    sheets = [
        {"activity": "5", "index": str(i), "joinid": f"9{i}", "q3": f"第{i}条", "ip": "203.0.113.7"} for i in (1, 2)
    ]
    assert pull("wjx", "yearly", {"result": True, "data": sheets}, secret="push-key")["stored"] == 2
    assert pull("wjx", "yearly", sheets, secret="push-key") == {"stored": 0, "known": 2, "removed": 0}

    record = {"record_id": "rec1", "fields": {"意见": [{"type": "text", "text": "很慢"}], "姓名": "李四"}}
    page = {"code": 0, "data": {"items": [record], "has_more": False}}
    assert pull("feishu", "table", page, secret="verification")["stored"] == 1
    assert pull("feishu", "table", page, secret="verification")["stored"] == 0

    kept = service.get("/v1/submissions", params={"limit": "200"}).json()["submissions"]
    texts = {found["text"] for found in kept if found["source"] in ("tencent", "wjx", "feishu")}
    assert texts == {"好多了", "第1条", "第2条", "很慢"}
    assert not any(value in json.dumps(kept, ensure_ascii=False) for value in ("oABC", "203.0.113.7", "李四"))


def test_a_pull_with_the_wrong_secret_says_so(service: httpx.Client) -> None:
    address = f"{service.base_url}/v1/receivers/wjx/yearly"
    sheet = [{"activity": "5", "index": "1", "q3": "慢"}]
    done = run("pull.py", "wjx", stdin=json.dumps(sheet), FBCLASS_RECEIVER=address, FBCLASS_SECRET="wrong")
    assert done.returncode == 1 and "401" in done.stderr
    assert hashlib.sha1(b"51wrong").hexdigest() not in done.stderr
    assert run("pull.py", "dingtalk").returncode == 2
