from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx

from api.problems import MEDIA_TYPE
from api.schemas import PREDICTION_EXAMPLE, Prediction
from api.write_openapi import OPENAPI_FILE, main, render


def test_the_committed_description_is_up_to_date() -> None:
    assert OPENAPI_FILE.read_text(encoding="utf-8") == render(), "run: python -m api.write_openapi"


def test_the_command_writes_it(tmp_path: Path) -> None:
    target = tmp_path / "openapi.json"
    assert main(target) == 0
    assert target.read_text(encoding="utf-8") == render()


def test_the_service_publishes_it(client: httpx.Client) -> None:
    assert client.get("/openapi.json").json() == json.loads(render())


def test_every_error_is_described_as_a_problem_document() -> None:
    operations = [op for path in json.loads(render())["paths"].values() for op in path.values()]
    errors = [r for op in operations for status, r in op["responses"].items() if status >= "400"]
    assert errors
    assert all(list(response["content"]) == [MEDIA_TYPE] for response in errors)


def test_the_examples_are_true_to_the_service(client: httpx.Client) -> None:
    body = json.loads(render())["paths"]["/v1/classify"]["post"]["requestBody"]["content"]["application/json"]
    for example in body["examples"].values():
        assert client.post("/v1/classify", json=example["value"]).status_code == 200
    prediction = Prediction.model_validate(PREDICTION_EXAMPLE, extra="forbid")
    for span in (*prediction.about, *prediction.themes[0].evidence):
        assert prediction.text[span.start : span.end] == span.text
    assert set(client.post("/v1/classify", json={"text": "好"}).json()) == set(PREDICTION_EXAMPLE)


def test_importing_the_application_loads_no_model_and_reads_no_settings() -> None:
    code = "import sys, api.main; assert 'app' not in vars(api.main); print('onnxruntime' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=OPENAPI_FILE.parents[1],
        env={"FBCLASS_PORT": "not a port"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.returncode) == ("False", 0), done.stderr
