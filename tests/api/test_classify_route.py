from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from fbclass import Classifier
from fbclass.bundle import Decision, read_info, write_info
from tests.answers import expected, pointers, problem, same
from tests.api.conftest import Serve

URL = "/v1/classify"


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> Classifier:
    return Classifier.load(tiny_model, threads=1)


def test_one_comment_gets_one_prediction(client: httpx.Client, model: Classifier) -> None:
    text = "排期改了没通知测试组"
    answer = client.post(URL, json={"text": text, "question": "对其他部门有什么意见?"})
    assert answer.status_code == 200
    assert answer.json() == expected(model, [text])[0]


def test_many_come_back_in_order_with_their_ids(client: httpx.Client, model: Classifier) -> None:
    texts = [f"第{i}条:报销{'很慢' * (i % 7)}" for i in range(40)]
    ids = [None if i % 5 == 0 else "same" if i % 5 == 1 else f"编号-{i}" for i in range(40)]
    comments = [{"text": t} | ({"id": i} if i is not None else {}) for t, i in zip(texts, ids, strict=True)]
    answer = client.post(URL, json={"comments": comments}).json()
    assert answer["model"] == model.name
    for found, wanted in zip(answer["predictions"], expected(model, texts, ids), strict=True):
        assert same(found, wanted)


def test_512_are_taken_513_and_more_are_not(client: httpx.Client) -> None:
    comments = [{"id": str(i), "text": "慢"} for i in range(513)]
    answer = client.post(URL, json={"comments": comments[:512]})
    assert [p["id"] for p in answer.json()["predictions"]] == [str(i) for i in range(512)]
    assert pointers(client.post(URL, json={"comments": comments})) == ["#/comments"]
    # Items that are wrong as well do not make a message each.
    assert pointers(client.post(URL, json={"comments": [1] * 500_000})) == ["#/comments"]


def test_an_empty_list_gets_an_empty_list(client: httpx.Client, model: Classifier) -> None:
    assert client.post(URL, json={"comments": []}).json() == {
        "predictions": [],
        "failed": 0,
        "model": model.name,
    }


@pytest.mark.parametrize("text", ["", "  ", "\n\t\u3000", "\u200b", "\x00"])
def test_blank_text_is_neutral_without_theme(client: httpx.Client, text: str) -> None:
    answer = client.post(URL, json={"text": text}).json()
    assert (answer["text"], answer["themes"], answer["sentiment"]["label"]) == (text, [], "neutral")


@pytest.mark.parametrize(
    "text", ["a\x00b", "😀👍🏽慢", "é e\u0301", "ﷺ" * 50, "\u202e慢", "𠮷野家", "\ufffd", "\U0010ffff", "慢" * 20_000]
)
def test_any_unicode_text_comes_back_as_it_was(client: httpx.Client, text: str) -> None:
    answer = client.post(URL, json={"text": text}).json()
    assert answer["text"] == text
    spans = [*answer["about"], *(s for theme in answer["themes"] for s in theme["evidence"])]
    assert all(text[s["start"] : s["end"]] == s["text"] for s in spans)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, ["#/text"]),
        ([], ["#"]),
        ("慢", ["#"]),
        ({"text": None}, ["#/text"]),
        ({"text": 17}, ["#/text"]),
        ({"text": ["慢"]}, ["#/text"]),
        ({"text": "慢", "comments": []}, ["#"]),
        ({"text": "慢", "many": 1}, ["#"]),
        ({"text": "慢", "question": 1}, ["#/question"]),
        ({"comments": None}, ["#/comments"]),
        ({"comments": {"0": {"text": "慢"}}}, ["#/comments"]),
        ({"text": "慢" * 20_001}, ["#/text"]),
        ({"text": "慢", "id": "x" * 201}, ["#/id"]),
        ({"text": "慢", "options": {"evidence": "no"}}, ["#/options/evidence"]),
        ({"text": "慢", "options": {"threshold": 1}}, ["#/options"]),
        ({"text": "慢", "options": {"prefer": "recall"}}, ["#/options/prefer"]),
        ({"text": "慢", "options": {"thresholds": {"slow_response": 0}}}, ["#/options/thresholds"]),
        ({"text": "慢", "options": {"thresholds": {"slow_response": float("nan")}}}, ["#/options/thresholds"]),
        ({"comments": [], "options": {"thresholds": {"没有这个主题": 0.5}}}, ["#/options/thresholds"]),
    ],
)  # fmt: skip
def test_what_breaks_the_rules_is_refused_with_its_place(client: httpx.Client, body: Any, where: list[str]) -> None:
    raw = json.dumps(body).encode()
    assert pointers(client.post(URL, content=raw, headers={"content-type": "application/json"})) == where


def test_one_of_many_that_cannot_be_read_gets_an_error_and_the_rest_is_answered(
    client: httpx.Client, model: Classifier
) -> None:
    comments = [
        {"id": "a", "text": "排期改了没通知测试组"},
        "慢",
        {"id": 3, "text": "慢"},
        {"id": "d"},
        {"id": "e", "text": "慢" * 20_001},
        {"id": "f", "text": "慢", "员工/姓名~": "x"},
        {"id": "x" * 201, "text": "慢"},
        {"id": "h", "text": "好"},
        {"id": "i", "text": "好", "options": {}},
    ]
    answer = client.post(URL, json={"comments": comments})
    assert answer.status_code == 200
    found = answer.json()["predictions"]
    assert answer.json()["failed"] == 7
    wanted = expected(model, ["排期改了没通知测试组", "好"], ["a", "h"])
    assert same(found[0], wanted[0]) and same(found[7], wanted[1])
    failures = {i: entry for i, entry in enumerate(found) if "error" in entry}
    assert [(i, entry["id"]) for i, entry in failures.items()] == list(
        zip((1, 2, 3, 4, 5, 6, 8), (None, None, "d", "e", "f", None, "i"), strict=True)
    )
    places = [error["pointer"] for entry in failures.values() for error in entry["error"]["errors"]]
    assert places == [f"#/comments/{where}" for where in ("1", "2/id", "3/text", "4/text", "5", "6/id", "8")]
    for entry in failures.values():
        assert entry["error"]["status"] == 422 and entry["error"]["type"] == "urn:fbclass:problem:invalid-input"
        assert entry["error"]["detail"] and entry["error"]["detail_zh"]


def test_thresholds_and_evidence_can_be_chosen(client: httpx.Client, model: Classifier) -> None:
    text = "排期改了没通知测试组"
    plain = client.post(URL, json={"text": text}).json()
    low = client.post(URL, json={"text": text, "options": {"thresholds": dict.fromkeys(model.schema.ids, 0.01)}}).json()
    assert low["scores"] == pytest.approx(plain["scores"], abs=1e-3)
    assert {tag["id"] for tag in low["themes"]} == {i for i, score in low["scores"].items() if score >= 0.01}
    assert all(tag["evidence"] for tag in low["themes"])
    high = {"comments": [{"text": text}], "options": {"thresholds": dict.fromkeys(model.schema.ids, 0.99)}}
    (found,) = client.post(URL, json=high).json()["predictions"]
    assert {tag["id"] for tag in found["themes"]} == {i for i, score in found["scores"].items() if score >= 0.99}
    bare = client.post(
        URL, json={"text": text, "options": {"evidence": False, "thresholds": {model.schema.ids[0]: 0.01}}}
    ).json()
    assert bare["themes"] and all(tag["evidence"] == [] for tag in bare["themes"])
    assert client.post(URL, json={"text": text, "options": {}}).json() == plain


def test_precision_can_be_preferred(serve: Serve, model: Classifier, tmp_path: Path) -> None:
    folder = shutil.copytree(model.folder, tmp_path / "model")
    ids = model.schema.ids
    write_info(folder, replace(read_info(folder), precision=Decision(dict.fromkeys(ids, 0.99), 0.0)))
    text = "报销单交上去一个月了还没批,问了也没人回"
    with serve(model=folder) as client:
        plain = client.post(URL, json={"text": text, "options": {"prefer": "balance"}}).json()
        assert plain["themes"] and plain == client.post(URL, json={"text": text}).json()
        both = {"text": text, "options": {"prefer": "precision"}}
        precise = client.post(URL, json=both).json()
        assert precise["scores"] == pytest.approx(plain["scores"], abs=1e-3)
        assert {tag["id"] for tag in precise["themes"]} == {i for i in ids if precise["scores"][i] >= 0.99}
        assert precise["needs_review"]
        both["options"] |= {"thresholds": {"slow_response": 0.01}}  # given one by one they come before the set
        assert [tag["id"] for tag in client.post(URL, json=both).json()["themes"]][:1] == ["slow_response"]


def test_a_model_without_thresholds_for_precision_says_so(client: httpx.Client, model: Classifier) -> None:
    assert model.info.precision is None
    document = problem(client.post(URL, json={"text": "慢", "options": {"prefer": "precision"}}), 422, "invalid-input")
    (error,) = document["errors"]
    assert error["pointer"] == "#/options/prefer" and model.name in error["detail"] and model.name in error["detail_zh"]


def test_a_refusal_never_repeats_what_was_sent(client: httpx.Client) -> None:
    secret = "张三不批报销"
    bodies: list[Any] = [
        {secret: secret},
        {"text": [secret]},
        {"text": {secret: 1}},
        {"text": "慢", "options": {"thresholds": {secret: 2}}},
        {"text": "慢", "options": {"thresholds": {secret: 0.5}}},
        {"text": "慢", "options": {secret: 1}},
        {"comments": [{"text": "慢", secret: secret}, secret]},
        {"text": secret, "comments": secret},
        [secret],
        secret,
    ]
    answers = [client.post(URL, json=body) for body in bodies]
    headers = {"content-type": "application/json"}
    answers += [
        client.post(URL, content=raw, headers=headers) for raw in (secret.encode(), f'{{"text": "{secret}'.encode())
    ]
    answers.append(client.get(URL, params={"text": secret}))
    for answer in answers:
        assert 400 <= answer.status_code < 500 or answer.json()["failed"]
        for shown in (answer.text, json.dumps(answer.json(), ensure_ascii=False)):
            assert not any(piece in shown for piece in ("张三", "不批"))


def test_only_so_many_mistakes_are_listed(client: httpx.Client) -> None:
    extra = {"text": "慢", **{f"x{i}": 1 for i in range(100)}}
    document = problem(client.post(URL, json=extra), 422, "invalid-input")
    assert len(document["errors"]) == 20
    assert "100" in document["detail"] and "100" in document["detail_zh"]
    (found,) = client.post(URL, json={"comments": [extra]}).json()["predictions"]
    assert len(found["error"]["errors"]) == 20
