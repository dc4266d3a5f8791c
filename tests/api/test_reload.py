from __future__ import annotations

import json
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from fbclass import Classifier
from fbclass.bundle import read_info, write_info

RELOAD = "/v1/model/reload"


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    """A model folder that a test may change."""
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def promote(folder: Path, version: str) -> str:
    """Put another version in the folder's place, as a promotion does; its name."""
    info = replace(read_info(folder), version=version)
    write_info(folder, info)
    return str(info)


def damage(folder: Path) -> None:
    (folder / "model.onnx").write_bytes((folder / "model.onnx").read_bytes()[:-100])


@pytest.fixture
def client(serve: Any, folder: Path) -> Iterator[httpx.Client]:
    with serve(model=folder) as client:
        yield client


def live(client: httpx.Client) -> str:
    return str(client.post("/v1/classify", json={"text": "慢"}).json()["model"])


def test_the_promoted_model_takes_over(client: httpx.Client, folder: Path) -> None:
    before = live(client)
    name = promote(folder, "9.9.9")
    assert live(client) == before
    answer = client.post(RELOAD)
    assert (answer.status_code, answer.json()["model"], live(client)) == (200, name, name)
    assert client.get("/v1/model").json()["version"] == "9.9.9"
    shown = client.get("/metrics").text
    assert f'fbclass_model{{model="{name}"}} 1.0' in shown and before not in shown


@pytest.mark.parametrize("kind", ["damaged", "missing", "nonsense"])
def test_a_bad_model_is_refused_and_the_old_one_stays(client: httpx.Client, folder: Path, kind: str) -> None:
    before = live(client)
    if kind == "damaged":
        damage(folder)
    elif kind == "missing":
        shutil.rmtree(folder)
    else:
        (folder / "fbclass.json").write_text("[]", encoding="utf-8")
    answer = client.post(RELOAD)
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:fbclass:problem:model-refused"
    assert str(folder) in answer.json()["detail"] and str(folder) in answer.json()["detail_zh"]
    assert live(client) == before
    assert client.get("/health/ready").status_code == 200
    assert 'fbclass_model_reloads_total{outcome="refused"} 1.0' in client.get("/metrics").text


def test_a_model_that_loads_and_answers_nonsense_is_refused(serve: Any, tiny_model: Path) -> None:
    class Mad(Classifier):
        def classify(self, *args: Any, **named: Any) -> Any:
            return [replace(p, scores=dict.fromkeys(p.scores, float("nan"))) for p in super().classify(*args, **named)]

    class Broken(Classifier):
        def classify(self, *args: Any, **named: Any) -> Any:
            raise RuntimeError("张三不批报销")

    kinds: list[type[Classifier]] = [Classifier, Mad, Broken]
    with serve(load=lambda settings: kinds.pop(0).load(tiny_model, threads=1)) as client:
        for _ in range(2):
            answer = client.post(RELOAD)
            assert answer.status_code == 409 and "张三" not in answer.text
        assert client.post("/v1/classify", json={"text": "慢"}).status_code == 200


def test_nobody_notices_a_change(client: httpx.Client, folder: Path) -> None:
    """Requests all the while: every one is answered, each by one model alone."""
    names = {live(client)}
    stop = threading.Event()

    def ask() -> set[str]:
        seen = set()
        with httpx.Client(base_url=client.base_url, timeout=20) as own:
            while not stop.is_set():
                answer = own.post("/v1/classify", json={"comments": [{"text": "慢"}] * 70})
                assert answer.status_code == 200
                models = {answer.json()["model"], *(p["model"] for p in answer.json()["predictions"])}
                assert len(models) == 1
                seen |= models
        return seen

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask) for _ in range(4)]
        for version in ("2.0.0", "3.0.0"):
            time.sleep(0.3)
            names.add(promote(folder, version))
            assert client.post(RELOAD).status_code == 200
        time.sleep(0.3)
        stop.set()
        seen = set().union(*(one.result() for one in asking))
    assert seen == names


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
def test_a_hangup_changes_the_model_and_a_bad_one_changes_nothing(start: Any, folder: Path) -> None:
    process = start(FBCLASS_MODEL=str(folder))
    with httpx.Client(base_url=f"http://127.0.0.1:{process.port}") as client:
        name = promote(folder, "9.9.9")
        process.popen.send_signal(signal.SIGHUP)
        end = time.monotonic() + 20
        while live(client) != name and time.monotonic() < end:
            time.sleep(0.1)
        assert live(client) == name
        damage(folder)
        process.popen.send_signal(signal.SIGHUP)
        time.sleep(1)
        assert live(client) == name
    process.popen.send_signal(signal.SIGTERM)
    process.wait()
    messages = [json.loads(line)["message"] for line in process.log.splitlines()]
    assert "the model was changed" in messages
    assert any(message.startswith("the model was not changed") and "model.onnx" in message for message in messages)
