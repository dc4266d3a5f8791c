from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from fbclass import Classifier

URL = "/v1/submissions"
ONE = {
    "source_id": "17",
    "form": "协作反馈",
    "question": "有什么意见？",
    "text": "报销单交上去一个月了还没批",
    "department": "研发部",
    "submitted_at": "2026-03-01T09:30:00+08:00",
}


@pytest.fixture
def client(serve: Any, database_url: str) -> Iterator[httpx.Client]:
    """A client of a server with an empty database: SQLite, then PostgreSQL."""
    with serve(database_url=database_url) as client:
        yield client


def kind(answer: httpx.Response) -> str:
    return str(answer.json()["type"].rpartition(":")[2])


def send(client: httpx.Client, number: int, **changed: Any) -> Any:
    answer = client.post(URL, json={"source_id": str(number), "form": "f", "text": f"第{number}条"} | changed)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_submission_is_kept_with_its_prediction(client: httpx.Client, classifier: Classifier) -> None:
    answer = client.post(URL, json=ONE)
    assert answer.status_code == 201
    kept = answer.json()
    assert {name: kept[name] for name in ONE} == ONE | {"submitted_at": "2026-03-01T01:30:00Z"}
    assert kept["source"] == "api" and kept["item"] == ""
    (wanted,) = classifier.classify([str(ONE["text"])])
    assert kept["prediction"]["scores"] == pytest.approx(dict(wanted.scores), abs=1e-3)
    assert [t["id"] for t in kept["prediction"]["themes"]] == [t.id for t in wanted.themes]
    assert client.get(f"{URL}/{kept['id']}").json() == kept
    assert client.get(URL).json() == {"submissions": [kept], "next": None}


def test_sent_again_it_is_stored_once(client: httpx.Client) -> None:
    first = client.post(URL, json=ONE)
    again = client.post(URL, json=ONE)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    other = client.post(URL, json=ONE | {"text": "别的内容"})
    assert (other.status_code, kind(other)) == (409, "conflict")
    anonymous = {name: value for name, value in ONE.items() if name != "source_id"}
    for expected in (201, 200):
        assert client.post(URL, json=anonymous, headers={"Idempotency-Key": "a1"}).status_code == expected
    assert client.post(URL, json=anonymous, headers={"Idempotency-Key": "b2"}).status_code == 201
    assert client.post(URL, json=ONE | {"form": "另一个"}, headers={"Idempotency-Key": "a1"}).status_code == 409
    assert client.post(URL, json=anonymous).status_code == 201
    assert len(client.get(URL).json()["submissions"]) == 4


def test_the_same_submission_at_the_same_moment_is_stored_once(client: httpx.Client) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: client.post(URL, json=ONE), range(16)))
    assert sorted(answer.status_code for answer in answers) == [200] * 15 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_personal_data_is_masked_before_it_is_stored(client: httpx.Client) -> None:
    secrets = ("13812345678", "zhangsan@example.com")
    body = ONE | {
        "text": f"报销慢，请打{secrets[0]}",
        "question": f"联系{secrets[1]}",
        "department": f"财务 {secrets[0]}",
    }
    kept = client.post(URL, json=body)
    assert kept.status_code == 201
    for shown in (kept.text, client.get(URL).text):
        assert not any(secret in shown for secret in secrets)
    assert "[电话]" in kept.json()["text"]
    for tag in kept.json()["prediction"]["themes"]:
        for span in tag["evidence"]:
            assert kept.json()["text"][span["start"] : span["end"]] == span["text"]


def test_any_text_can_be_kept(client: httpx.Client) -> None:
    for number, text in enumerate(["", " \n", "a\x00b", "😀\U0010ffff", "慢" * 20_000]):
        assert send(client, number, text=text, question=text)["text"] == text.replace("\x00", "\ufffd")


def test_names_may_hold_any_visible_character(client: httpx.Client) -> None:
    name = "表　单 \u200b😀\ue000"
    assert send(client, 1, form=name)["form"] == name
    assert client.get(URL, params={"form": name}).json()["submissions"][0]["form"] == name


@pytest.mark.parametrize(
    "when", ["2026-03-01T09:30:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999999-23:59"]
)
def test_any_moment_can_be_kept(client: httpx.Client, when: str) -> None:
    assert send(client, 1, submitted_at=when)["submitted_at"].endswith("Z")
    assert client.get(URL, params={"since": when}).status_code == 200


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"text": None}, "#/text"),
        ({"form": ""}, "#/form"),
        ({"form": "a\nb"}, "#/form"),
        ({"source_id": ""}, "#/source_id"),
        ({"source_id": "x" * 201}, "#/source_id"),
        ({"submitted_at": "2026-03-01"}, "#/submitted_at"),
        ({"submitted_at": "2026-03-01T09:30:00"}, "#/submitted_at"),
        ({"submitted_at": "2026-02-30T09:30:00Z"}, "#/submitted_at"),
        ({"submitted_at": 1772328600}, "#/submitted_at"),
        ({"name": "张三"}, "#"),
    ],
)
def test_what_breaks_the_rules_is_refused(client: httpx.Client, changed: Any, where: str) -> None:
    answer = client.post(URL, json=ONE | changed)
    assert (answer.status_code, kind(answer)) == (422, "invalid-input")
    assert [error["pointer"] for error in answer.json()["errors"]] == [where]
    assert "张三" not in answer.text


def test_pages_follow_each_other(client: httpx.Client) -> None:
    for number in range(7):
        send(client, number)
    for order, expected in (("newest", "6543210"), ("oldest", "0123456")):
        seen, cursor = "", None
        while True:
            params = {"order": order, "limit": "3"} | ({"cursor": cursor} if cursor else {})
            page = client.get(URL, params=params).json()
            seen += "".join(found["source_id"] for found in page["submissions"])
            cursor = page["next"]
            if cursor is None:
                break
        assert seen == expected


def test_filters_are_those_of_the_description(client: httpx.Client) -> None:
    send(client, 1, department="研发部")
    middle = send(client, 2, form="g")
    send(client, 3)

    def found(**params: str) -> list[str]:
        answer = client.get(URL, params=params)
        assert answer.status_code == 200, answer.text
        return [one["source_id"] for one in answer.json()["submissions"]]

    assert found(form="g") == ["2"]
    assert found(department="研发部") == ["1"]
    assert found(source="api", source_id="3") == ["3"]
    assert found(source="wjx") == []
    assert found(since=middle["received_at"]) == ["3", "2"]
    assert found(until=middle["received_at"]) == ["1"]
    labels = {found_in["source_id"]: found_in["prediction"]["sentiment"]["label"] for found_in in
              client.get(URL).json()["submissions"]}  # fmt: skip
    for label in ("negative", "neutral", "positive"):
        assert found(sentiment=label) == [i for i in ("3", "2", "1") if labels[i] == label]
    assert sorted(found(needs_review="true") + found(needs_review="false")) == ["1", "2", "3"]
    assert found(theme="no_such_theme") == []


@pytest.mark.parametrize(
    "params",
    [{"limit": "0"}, {"limit": "201"}, {"limit": "x"}, {"cursor": "x"}, {"cursor": "é"}, {"order": "best"},
     {"sentiment": "angry"}, {"since": "yesterday"}, {"form": "\x00"}, {"needs_review": "perhaps"}],
)  # fmt: skip
def test_a_wrong_parameter_is_named(client: httpx.Client, params: dict[str, str]) -> None:
    answer = client.get(URL, params=params)
    assert (answer.status_code, kind(answer)) == (422, "invalid-parameters")
    (error,) = answer.json()["errors"]
    assert error["parameter"] == next(iter(params)) and error["detail"] and error["detail_zh"]


def test_a_cursor_belongs_to_its_order(client: httpx.Client) -> None:
    send(client, 1), send(client, 2)
    cursor = client.get(URL, params={"limit": "1"}).json()["next"]
    assert client.get(URL, params={"limit": "1", "order": "oldest", "cursor": cursor}).status_code == 422


def test_a_deleted_submission_is_gone_and_stays_gone(client: httpx.Client) -> None:
    kept = client.post(URL, json=ONE).json()
    url = f"{URL}/{kept['id']}"
    assert [client.delete(url).status_code for _ in range(2)] == [204, 204]
    assert client.get(url).status_code == 410
    again = client.post(URL, json=ONE)
    assert (again.status_code, kind(again)) == (410, "deleted")
    assert client.get(URL).json()["submissions"] == []
    for unknown in ("0" * 32, "nothing"):
        assert client.get(f"{URL}/{unknown}").status_code in (404, 422)
        assert client.delete(f"{URL}/{unknown}").status_code in (404, 422)


def test_deleted_text_leaves_the_files(serve: Any, tmp_path: Path) -> None:
    def on_disk() -> bool:
        return any("绝密的内容".encode() in file.read_bytes() for file in tmp_path.iterdir())

    with serve(database_url=f"sqlite:///{tmp_path / 'fbclass.db'}") as client:
        for number in range(20):
            send(client, number)
        kept = send(client, 99, text="绝密的内容" * 500)
        assert on_disk()
        client.delete(f"{URL}/{kept['id']}")
        end = time.monotonic() + 15
        while on_disk() and time.monotonic() < end:
            time.sleep(0.1)
        assert not on_disk()


def test_what_was_stored_is_there_after_a_restart(serve: Any, database_url: str) -> None:
    with serve(database_url=database_url) as client:
        kept = client.post(URL, json=ONE).json()
    with serve(database_url=database_url) as client:
        assert client.get(URL).json()["submissions"] == [kept]
        assert client.post(URL, json=ONE).status_code == 200
