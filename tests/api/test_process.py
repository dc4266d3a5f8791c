from __future__ import annotations

import json
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

Start = Callable[..., Any]


def test_sigterm_lets_requests_in_flight_finish_and_no_comment_is_logged(start: Start) -> None:
    process = start()
    secret = "张三不批报销"
    url = f"http://127.0.0.1:{process.port}"
    comments = [{"id": str(i), "text": secret * 350} for i in range(512)]  # enough work to be met in the middle
    with httpx.Client(base_url=url, timeout=30) as client, ThreadPoolExecutor(1) as pool:
        client.post("/v1/classify", json={"text": secret})
        client.post("/v1/classify", json={secret: secret})
        client.post("/v1/classify", content=secret.encode(), headers={"content-type": "application/json"})
        client.get("/v1/classify", params={"text": secret})
        in_flight = pool.submit(httpx.post, f"{url}/v1/classify", json={"comments": comments}, timeout=30)
        while "fbclass_comments_waiting 0.0" in client.get("/metrics").text:
            assert not in_flight.done(), "give it more to do: it finished before the signal"
        process.popen.send_signal(signal.SIGTERM)
        answer = in_flight.result()
    assert answer.status_code == 200
    assert [p["id"] for p in answer.json()["predictions"]] == [str(i) for i in range(512)]
    assert process.wait() in (0, -signal.SIGTERM)
    assert "Finished server process" in process.log
    entries = [json.loads(line) for line in process.log.splitlines()]
    requests = [entry for entry in entries if entry["message"] == "request"]
    assert [entry["status"] for entry in requests] == [200, 422, 400, 405, 200]
    for entry in requests:
        assert (entry["route"], entry["level"]) == ("/v1/classify", "info")
        assert entry["ms"] > 0 and len(entry["request_id"]) == 32
    assert "Traceback" not in process.log
    assert not any(piece in process.log for piece in ("张三", "%E5%BC%A0", "\\u5f20"))


def test_uvicorn_serves_the_application_by_its_name(start: Start) -> None:
    process = start("uvicorn", "api.main:app", "--port", "0")
    answer = httpx.post(f"http://127.0.0.1:{process.port}/v1/classify", json={"text": "慢"})
    assert (answer.status_code, answer.json()["text"]) == (200, "慢")


@pytest.mark.parametrize("kind", ["missing", "empty", "damaged"])
def test_a_model_that_cannot_be_loaded_ends_the_process_with_a_sentence(
    start: Start, tiny_model: Path, tmp_path: Path, kind: str
) -> None:
    folder = tmp_path / "model"
    if kind != "missing":
        folder.mkdir()
    if kind == "damaged":
        for file in tiny_model.iterdir():
            (folder / file.name).write_bytes(file.read_bytes() + (b" " if file.name == "model.onnx" else b""))
    process = start(FBCLASS_MODEL=str(folder))
    assert process.wait() != 0
    assert process.port is None
    assert "Traceback" not in process.log
    assert str(folder) in process.log and "模型文件夹" in process.log and "model folder" in process.log


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [({"FBCLASS_HOST": "0.0.0.0"}, "访问密钥"), ({"FBCLASS_PORT": "99999"}, "FBCLASS_PORT")],
)
def test_settings_that_cannot_be_kept_are_refused_before_anything_starts(
    start: Start, environment: dict[str, str], sentence: str
) -> None:
    process = start(**environment)
    assert process.wait() == 2
    assert sentence in process.log
    assert len(process.log.strip().splitlines()) == 2  # one sentence in each language
