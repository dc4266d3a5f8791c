from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import httpx

from api.settings import Settings
from fbclass import Classifier


def test_the_model_says_who_it_is(client: httpx.Client, tiny_model: Path) -> None:
    info = Classifier.load(tiny_model).info
    answer = client.get("/v1/model").json()
    assert (answer["name"], answer["version"], answer["model"]) == (info.name, info.version, str(info))
    assert answer["themes"] == list(info.schema.ids)
    assert answer["schema_hash"] == info.schema.hash
    assert answer["thresholds"] == dict(info.thresholds)
    assert answer["metrics"] == dict(info.metrics)


def test_the_themes_are_the_schema_of_the_model(client: httpx.Client, tiny_model: Path) -> None:
    assert client.get("/v1/themes").json() == Classifier.load(tiny_model).schema.to_dict()


def test_ready_only_once_a_prediction_has_succeeded(serve: Any, tiny_model: Path) -> None:
    gate = threading.Event()

    def load(settings: Settings) -> Classifier:
        class Waiting(Classifier):
            def classify(self, *args: Any, **named: Any) -> Any:
                assert gate.wait(10)
                return super().classify(*args, **named)

        return Waiting.load(settings.model, threads=1)

    with serve(load=load, wait_ready=False) as client:
        assert client.get("/health/live").json() == {"status": "ok"}
        answer = client.get("/health/ready")
        assert answer.status_code == 503
        assert answer.json()["type"] == "urn:fbclass:problem:not-ready"
        assert int(answer.headers["retry-after"]) >= 1
        gate.set()
        client.post("/v1/classify", json={"text": "慢"})  # answered after the warm-up, which came first
        assert client.get("/health/ready").json() == {"status": "ok"}


def test_never_ready_when_the_model_fails(serve: Any, tiny_model: Path) -> None:
    class Failing(Classifier):
        def classify(self, *args: Any, **named: Any) -> Any:
            raise RuntimeError("no")

    with serve(load=lambda settings: Failing.load(settings.model), wait_ready=False) as client:
        assert client.post("/v1/classify", json={"text": "慢"}).status_code == 500
        assert client.get("/health/ready").status_code == 503
        assert client.get("/health/live").status_code == 200
