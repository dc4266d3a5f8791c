from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.problems import MEDIA_TYPE
from api.settings import Settings
from fbclass import Classifier

URL = "/v1/classify"


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> Classifier:
    return Classifier.load(tiny_model, threads=1)


def expected(model: Classifier, texts: Sequence[str], ids: Sequence[str | None] | None = None) -> Any:
    """What the library says, as JSON has it."""
    return json.loads(json.dumps([p.to_dict() for p in model.classify(texts, ids=ids)]))


def same(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """The same prediction, but for the last digits of scores: they may differ with the company in the batch."""
    return {**found, "scores": None, "sentiment": None, "themes": [t["id"] for t in found["themes"]]} == {
        **wanted,
        "scores": None,
        "sentiment": None,
        "themes": [t["id"] for t in wanted["themes"]],
    } and found["scores"] == pytest.approx(wanted["scores"], abs=1e-3)


def problem(response: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    """Check that the answer is this problem, whole and in two languages; returns it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == MEDIA_TYPE
    document: dict[str, Any] = response.json()
    assert document["type"] == f"urn:fbclass:problem:{slug}"
    assert document["status"] == status
    assert document["title"] and document["detail"]
    assert any("\u4e00" <= character <= "\u9fff" for character in document["detail_zh"])
    assert document["instance"] == response.request.url.path
    return document


def pointers(response: httpx.Response) -> list[str]:
    return [error["pointer"] for error in problem(response, 422, "invalid-input")["errors"]]


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
    assert client.post(URL, json={"comments": []}).json() == {"predictions": [], "model": model.name}


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
        ({"comments": ["慢", {"id": 3, "text": "慢"}, {}]}, ["#/comments/0", "#/comments/1/id", "#/comments/2/text"]),
        ({"comments": [{"text": "慢", "员工/姓名~": "x"}]}, ["#/comments/0"]),
        ({"text": "慢" * 20_001}, ["#/text"]),
        ({"text": "慢", "id": "x" * 201}, ["#/id"]),
        ({"comments": [{"text": "慢"}, {"text": "慢" * 20_001}]}, ["#/comments/1/text"]),
    ],
)  # fmt: skip
def test_what_breaks_the_rules_is_refused_with_its_place(client: httpx.Client, body: Any, where: list[str]) -> None:
    assert pointers(client.post(URL, json=body)) == where


def test_a_refusal_never_repeats_what_was_sent(client: httpx.Client) -> None:
    secret = "张三不批报销"
    bodies: list[Any] = [
        {secret: secret},
        {"text": [secret]},
        {"text": {secret: 1}},
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
        assert 400 <= answer.status_code < 500
        for shown in (answer.text, json.dumps(answer.json(), ensure_ascii=False)):
            assert not any(piece in shown for piece in ("张三", "不批"))


def test_only_so_many_mistakes_are_listed(client: httpx.Client) -> None:
    document = problem(client.post(URL, json={"comments": [{}] * 100}), 422, "invalid-input")
    assert len(document["errors"]) == 20
    assert "100" in document["detail"] and "100" in document["detail_zh"]


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b'{"text": "a",}',
        b'{"text": "a"} x',
        b"not json",
        '{"text": "慢"}'.encode("gbk"),
        b"\xff\xfe\xfd",
        b'{"text": "\x01"}',
        b"[" * 100_000,
        b'{"text": ' + b"9" * 5000 + b"}",
    ],
)
def test_invalid_json_is_a_400(client: httpx.Client, raw: bytes) -> None:
    answer = client.post(URL, content=raw, headers={"content-type": "application/json"})
    problem(answer, 400, "invalid-json")


@pytest.mark.parametrize(
    "raw",
    [
        rb'{"text": "\ud800"}',
        rb'{"text": "\udc00\ud800"}',
        rb'{"text": "a", "id": "\ud800"}',
        rb'{"\ud800": 1}',
        b'{"text": NaN}',
        b'{"text": 1e999}',
        b'{"text": ' + b"9" * 4000 + b"}",
        b'{"text": ' + b"[" * 300 + b"]" * 300 + b"}",
        b"null",
        b"",
    ],
)
def test_json_that_is_no_text_is_a_422(client: httpx.Client, raw: bytes) -> None:
    assert pointers(client.post(URL, content=raw, headers={"content-type": "application/json"}))


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=gbk",
        "nonsense",
        "",
        None,
    ],
)
def test_another_content_type_is_a_415(client: httpx.Client, content_type: str | None) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    problem(client.post(URL, content='{"text": "慢"}'.encode(), headers=headers), 415, "unsupported-media-type")


@pytest.mark.parametrize("content_type", ["application/json; charset=UTF-8", "Application/JSON"])
def test_spellings_of_json_are_taken(client: httpx.Client, content_type: str) -> None:
    answer = client.post(URL, content='{"text": "慢"}'.encode(), headers={"content-type": content_type})
    assert answer.status_code == 200


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_may_hold_4_mib_and_no_more(client: httpx.Client, chunked: bool) -> None:
    def send(size: int) -> httpx.Response:
        raw = b'{"text": "a"' + b" " * (size - 13) + b"}"
        pieces: Iterator[bytes] = (raw[i : i + 65536] for i in range(0, len(raw), 65536))
        return client.post(URL, content=pieces if chunked else raw, headers={"content-type": "application/json"})

    assert send(4 * 1024 * 1024).status_code == 200
    problem(send(4 * 1024 * 1024 + 1), 413, "body-too-large")
    problem(send(12 * 1024 * 1024), 413, "body-too-large")
    assert client.post(URL, json={"text": "慢"}).status_code == 200


def test_an_installation_may_set_lower_limits(serve: Any) -> None:
    with serve(max_batch=2, max_text_length=5, max_body_bytes=1024) as client:
        assert client.post(URL, json={"comments": [{"text": "12345"}] * 2}).status_code == 200
        assert pointers(client.post(URL, json={"text": "123456"})) == ["#/text"]
        assert pointers(client.post(URL, json={"text": "1", "question": "123456"})) == ["#/question"]
        comments = [{"text": "1"}, {"text": "123456"}, {"text": "1"}]
        assert pointers(client.post(URL, json={"comments": comments})) == ["#/comments", "#/comments/1/text"]
        problem(client.post(URL, content=b" " * 1025), 413, "body-too-large")


def test_64_clients_at_once_each_get_their_own_answers(client: httpx.Client, model: Classifier) -> None:
    texts = [[f"客户{i}第{j}条,{'慢' * (i % 5)}{'好' * j}" for j in range(i % 3 + 1)] for i in range(64)]

    def ask(i: int) -> list[Any]:
        with httpx.Client(base_url=client.base_url, timeout=20) as own:
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
            if texts[0] == "张三不批报销":
                raise ValueError(f"cannot read {texts[0]}") from RuntimeError(texts[0])
            return self.model.classify(texts)

    def load(settings: Settings) -> Failing:
        return Failing(model)

    with serve(load=load) as client:
        answer = client.post(URL, json={"text": "张三不批报销"}, headers={"X-Request-ID": "r-17"})
        problem(answer, 500, "internal-error")
        assert client.post(URL, json={"text": "好"}).status_code == 200
    assert "张三" not in answer.text + caplog.text
    assert "POST /v1/classify failed with ValueError (request r-17)" in caplog.text
