"""The Open Inference Protocol as its clients use it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from fbclass import Classifier, __version__

TEXTS = ["报销单交上去一个月了还没批", "", "行政同事很周到,谢谢!"]


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> Classifier:
    return Classifier.load(tiny_model, threads=1)


@pytest.fixture
def path(model: Classifier) -> str:
    return f"/v2/models/{model.info.name}"


def body(texts: Any = TEXTS, **changes: Any) -> dict[str, Any]:
    return {"inputs": [{"name": "text", "shape": [len(texts)], "datatype": "BYTES", "data": texts} | changes]}


def arrays(answer: httpx.Response) -> dict[str, np.ndarray[Any, Any]]:
    """The outputs as a client makes arrays of them: by type, then by shape."""
    assert answer.status_code == 200, answer.text
    kinds = {"FP64": np.float64, "BOOL": np.bool_, "BYTES": np.object_}
    return {
        output["name"]: np.array(output["data"], dtype=kinds[output["datatype"]]).reshape(output["shape"])
        for output in answer.json()["outputs"]
    }


def test_the_server_says_who_it_is(client: httpx.Client) -> None:
    assert client.get("/v2").json() == {"name": "fbclass", "version": __version__, "extensions": []}
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"live": True, "ready": True}


def test_the_model_says_what_it_takes_and_gives(client: httpx.Client, model: Classifier, path: str) -> None:
    found = client.get(path).json()
    assert (found["name"], found["versions"]) == (model.info.name, [model.info.version])
    assert found["inputs"] == [{"name": "text", "datatype": "BYTES", "shape": [-1]}]
    themes = len(model.schema.ids)
    assert {(o["name"], o["datatype"], *o["shape"]) for o in found["outputs"]} == {
        ("scores", "FP64", -1, themes),
        ("themes", "BOOL", -1, themes),
        ("sentiment", "BYTES", -1),
        ("sentiment_scores", "FP64", -1, 3),
        ("needs_review", "BOOL", -1),
        ("prediction", "BYTES", -1),
    }
    version = f"{path}/versions/{model.info.version}"
    assert client.get(version).json() == found
    for address in (path, version):
        assert client.get(f"{address}/ready").json() == {"name": model.info.name, "ready": True}


def test_outputs_say_what_the_library_says(client: httpx.Client, model: Classifier, path: str) -> None:
    answer = client.post(f"{path}/infer", json=body() | {"id": "42"})
    found = arrays(answer)
    expected = model.classify(TEXTS)
    assert answer.json()["id"] == "42"
    assert (answer.json()["model_name"], answer.json()["model_version"]) == (model.info.name, model.info.version)
    columns = {o["name"]: o["parameters"]["columns"].split(",") for o in answer.json()["outputs"] if o["parameters"]}
    assert columns["scores"] == columns["themes"] == list(model.schema.ids)
    for row, prediction in enumerate(expected):
        assert dict(zip(columns["scores"], found["scores"][row], strict=True)) == pytest.approx(dict(prediction.scores))
        assert {t for t, on in zip(columns["themes"], found["themes"][row], strict=True) if on} == {
            theme.id for theme in prediction.themes
        }
        assert found["sentiment"][row] == prediction.sentiment.label
        assert dict(zip(columns["sentiment_scores"], found["sentiment_scores"][row], strict=True)) == pytest.approx(
            dict(prediction.sentiment.scores)
        )
        assert found["needs_review"][row] == prediction.needs_review
        whole = json.loads(found["prediction"][row])
        assert (whole["text"], whole["themes"] == [], whole["model"]) == (TEXTS[row], not prediction.themes, model.name)


def test_only_the_outputs_asked_for_come_in_their_order(client: httpx.Client, path: str) -> None:
    asked = {"outputs": [{"name": "sentiment"}, {"name": "scores", "parameters": {"binary_data": False}}]}
    answer = client.post(f"{path}/infer", json=body() | asked)
    assert [output["name"] for output in answer.json()["outputs"]] == ["sentiment", "scores"]


@pytest.mark.parametrize(
    ("data", "shape"),
    [(TEXTS, [3]), (TEXTS, [3, 1]), ([[text] for text in TEXTS], [3, 1]), ([], [0]), (["慢"], [1])],
)
def test_shapes_that_clients_send(client: httpx.Client, path: str, data: Any, shape: list[int]) -> None:
    found = arrays(client.post(f"{path}/infer", json=body(data, shape=shape)))
    assert all(len(array) == len(data) for array in found.values())


def test_another_version_of_the_path_infers_too(client: httpx.Client, model: Classifier, path: str) -> None:
    assert client.post(f"{path}/versions/{model.info.version}/infer", json=body()).status_code == 200


@pytest.mark.parametrize("address", ["/v2/models/other", "/v2/models/other/ready"])
def test_another_model_is_not_found(client: httpx.Client, path: str, address: str) -> None:
    version = f"{path}/versions/0.0.0"
    for answer in (client.get(address), client.get(version), client.post("/v2/models/x/infer", json=body())):
        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:fbclass:problem:unknown-model"
        assert answer.json()["error"] == answer.json()["detail"]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"name": "input_ids"}, "#/inputs/0/name"),
        ({"datatype": "FP32"}, "#/inputs/0/datatype"),
        ({"shape": [4]}, "#/inputs/0/shape"),
        ({"shape": [3, 2]}, "#/inputs/0/shape"),
        ({"shape": [3, 1, 1]}, "#/inputs/0/shape"),
        ({"shape": []}, "#/inputs/0/shape"),
        ({"shape": [-3]}, "#/inputs/0/shape/0"),
        ({"data": "慢"}, "#/inputs/0/data"),
        ({"data": ["慢", 1, "慢"]}, "#/inputs/0/data/1"),
        ({"data": ["慢", ["慢", "慢"], "慢"]}, "#/inputs/0/data/1"),
        ({"data": ["慢", "慢", "慢" * 20_001]}, "#/inputs/0/data/2"),
        ({"data": ["慢"] * 513, "shape": [512]}, "#/inputs/0/data"),
    ],
)
def test_what_does_not_fit_is_named_by_its_place(
    client: httpx.Client, path: str, changes: dict[str, Any], where: str
) -> None:
    answer = client.post(f"{path}/infer", json=body(**changes))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == where
    assert answer.json()["error"]


@pytest.mark.parametrize(
    "changes", [{"inputs": []}, {"inputs": None}, {"outputs": [{"name": "logits"}]}, {"outputs": [{}]}, {"id": 17}]
)
def test_a_request_of_another_form_is_refused(client: httpx.Client, path: str, changes: dict[str, Any]) -> None:
    assert client.post(f"{path}/infer", json=body() | changes).status_code == 422


def test_json_without_a_content_type_is_taken_and_another_type_is_not(client: httpx.Client, path: str) -> None:
    raw = json.dumps(body()).encode()
    assert arrays(client.post(f"{path}/infer", content=raw))["sentiment"].shape == (3,)
    assert client.post(f"{path}/infer", content=raw, headers={"content-type": "text/plain"}).status_code == 415


def test_half_a_surrogate_pair_is_refused(client: httpx.Client, path: str) -> None:
    raw = json.dumps(body(["\ud83d"])).encode()
    answer = client.post(f"{path}/infer", content=raw, headers={"content-type": "application/json"})
    assert answer.status_code == 422


def test_the_binary_extension_is_refused_as_what_it_is(client: httpx.Client, path: str) -> None:
    headers = {"content-type": "application/octet-stream", "inference-header-content-length": "10"}
    answer = client.post(f"{path}/infer", content=b"x" * 40, headers=headers)
    assert answer.status_code == 415
    assert answer.json()["error"]


def test_limits_of_the_installation_hold_here_too(serve: Any, model: Classifier) -> None:
    with serve(max_batch=2, max_text_length=5) as client:
        path = f"/v2/models/{model.info.name}/infer"
        assert client.post(path, json=body(["慢", "慢"])).status_code == 200
        assert client.post(path, json=body(["慢", "慢", "慢"])).status_code == 422
        answer = client.post(path, json=body(["慢慢慢慢慢慢"]))
        assert answer.json()["errors"][0]["pointer"] == "#/inputs/0/data/0"
