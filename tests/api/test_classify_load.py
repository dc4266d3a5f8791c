"""Many at once, too many at once, and a model that fails under them."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.settings import Settings
from fbclass import Classifier
from tests.answers import expected, problem, same

URL = "/v1/classify"


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> Classifier:
    return Classifier.load(tiny_model, threads=1)


def test_64_clients_at_once_each_get_their_own_answers(client: httpx.Client, model: Classifier) -> None:
    texts = [[f"客户{i}第{j}条,{'慢' * (i % 5)}{'好' * j}" for j in range(i % 3 + 1)] for i in range(64)]

    def ask(i: int) -> list[Any]:
        with httpx.Client(base_url=client.base_url, timeout=60, verify=False) as own:
            found = []
            for _ in range(3):
                comments = [{"id": f"{i}-{j}", "text": text} for j, text in enumerate(texts[i])]
                found.append(own.post(URL, json={"comments": comments}).json()["predictions"])
            return found

    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(ask, range(64)))
    for i, rounds in enumerate(answers):
        wanted = expected(model, texts[i], [f"{i}-{j}" for j in range(len(texts[i]))])
        for predictions in rounds:
            assert all(same(found, want) for found, want in zip(predictions, wanted, strict=True))


class Gated:
    """A classifier that waits for its gate: a model as slow as a test needs it."""

    def __init__(self, model: Classifier) -> None:
        self.model, self.name, self.schema, self.info = model, model.name, model.schema, model.info
        self.gate, self.entered = threading.Event(), threading.Event()
        self.gate.set()

    def classify(self, texts: Sequence[str]) -> list[Any]:
        self.entered.set()
        assert self.gate.wait(10)
        return self.model.classify(texts)


def test_a_full_queue_is_a_429_at_once_and_nothing_accepted_is_lost(serve: Any, model: Classifier) -> None:
    engine = Gated(model)
    with serve(load=lambda settings: engine, max_batch=4, queue_limit=4) as client, ThreadPoolExecutor(1) as pool:
        engine.gate.clear()
        engine.entered.clear()
        accepted = pool.submit(client.post, URL, json={"comments": [{"text": "慢"}] * 4})
        assert engine.entered.wait(10)
        answer = client.post(URL, json={"text": ""})
        problem(answer, 429, "queue-full")
        assert int(answer.headers["retry-after"]) >= 1
        assert client.get("/health/live").status_code == 200
        engine.gate.set()
        assert len(accepted.result().json()["predictions"]) == 4
        assert client.post(URL, json={"text": "慢"}).status_code == 200


def test_a_model_that_fails_is_a_500_without_a_word_of_the_comment(
    serve: Any, model: Classifier, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(Gated):
        def classify(self, texts: Sequence[str]) -> list[Any]:
            if "张三不批报销" in texts:
                raise ValueError(f"cannot read {texts}") from RuntimeError(texts)
            return self.model.classify(texts)

    def load(settings: Settings) -> Failing:
        return Failing(model)

    with serve(load=load) as client:
        answer = client.post(URL, json={"text": "张三不批报销"}, headers={"X-Request-ID": "r-17"})
        problem(answer, 500, "internal-error")
        assert client.post(URL, json={"text": "好"}).status_code == 200
        comments = [{"id": str(i), "text": "张三不批报销" if i == 2 else "好"} for i in range(5)]
        many = client.post(URL, json={"comments": comments}).json()
        assert [entry["id"] for entry in many["predictions"]] == ["0", "1", "2", "3", "4"]
        assert many["failed"] == 1 and many["predictions"][2]["error"]["status"] == 500
    assert "张三" not in json.dumps(many, ensure_ascii=False) + answer.text + caplog.text
    assert "POST /v1/classify failed with ValueError (request r-17)" in caplog.text
