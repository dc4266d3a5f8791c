"""What breaks outside: slow clients, a slow model, a database that is away, a disk that is full, a killed process."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.predict import load_classifier
from api.settings import Settings
from fbclass import Classifier
from tests.postgres import Postgres

URL = "/v1/submissions"
Start = Callable[..., Any]


def kind(answer: httpx.Response) -> str:
    return str(answer.json()["type"].rpartition(":")[2])


def body(number: int) -> dict[str, str]:
    return {"form": "f", "source_id": str(number), "text": f"第{number}条意见，报销太慢"}


def test_a_body_that_does_not_arrive_is_a_408(serve: Any) -> None:
    with serve(request_timeout=0.5) as client:
        address = (client.base_url.host, client.base_url.port)
        with socket.create_connection(address, timeout=10) as connection:
            connection.sendall(
                b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Content-Length: 100\r\n\r\n{"
            )
            answer = b""
            while piece := connection.recv(65536):  # until the service closes the connection
                answer += piece
        assert answer.startswith(b"HTTP/1.1 408 ") and b"request-too-slow" in answer
        assert client.post("/v1/classify", json={"text": "慢"}).status_code == 200


def test_a_model_that_takes_too_long_is_a_503_and_the_queue_is_free_again(serve: Any) -> None:
    gate = threading.Event()
    gate.set()

    def load(settings: Settings) -> Any:
        class Slow(Classifier):
            def classify(self, *args: Any, **named: Any) -> Any:
                assert gate.wait(10)
                return super().classify(*args, **named)

        return Slow.load(settings.model, threads=1)

    with serve(load=load, request_timeout=0.5, max_batch=2, queue_limit=2) as client:
        gate.clear()
        answer = client.post("/v1/classify", json={"text": "慢"})
        assert (answer.status_code, kind(answer)) == (503, "timed-out")
        assert int(answer.headers["retry-after"]) >= 1
        gate.set()
        assert client.post("/v1/classify", json={"comments": [{"text": "慢"}] * 2}).status_code == 200


def test_postgresql_stopped_and_started_again(serve: Any, postgres: Postgres) -> None:
    with serve(database_url=postgres.new_database()) as client:
        assert client.post(URL, json=body(1)).status_code == 201
        postgres.stop()
        try:
            for _ in range(3):
                for answer in (client.post(URL, json=body(2)), client.get(URL)):
                    assert (answer.status_code, kind(answer)) == (503, "storage-unavailable")
                    assert int(answer.headers["retry-after"]) >= 1
            assert client.post("/v1/classify", json={"text": "慢"}).status_code == 200
            assert client.get("/health/ready").status_code == 200
        finally:
            postgres.start()
        assert client.post(URL, json=body(2)).status_code == 201
        assert len(client.get(URL).json()["submissions"]) == 2


def test_a_locked_sqlite_file_is_a_503_and_then_works_again(serve: Any, tmp_path: Path) -> None:
    import sqlite3

    file = tmp_path / "x.db"
    with serve(database_url=f"sqlite:///{file}") as client:
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        answer = client.post(URL, json=body(1), timeout=30)
        assert (answer.status_code, kind(answer)) == (503, "storage-unavailable")
        other.execute("COMMIT")
        other.close()
        assert client.post(URL, json=body(1)).status_code == 201


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of half a megabyte; only root can make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)], capture_output=True)
    if made.returncode != 0:
        pytest.skip("mounting a small disk is not allowed here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_a_507_and_nothing_is_corrupt(serve: Any, small_disk: Path) -> None:
    import sqlite3

    with serve(database_url=f"sqlite:///{small_disk / 'x.db'}") as client:
        stored = []
        for number in range(200):
            answer = client.post(URL, json=body(number) | {"text": "慢" * 3000})
            if answer.status_code == 201:
                stored.append(str(number))
            else:
                assert (answer.status_code, kind(answer)) in [(507, "storage-full"), (503, "storage-unavailable")]
                break
        else:
            pytest.fail("the disk was never full")
        assert stored
        assert client.post("/v1/classify", json={"text": "慢"}).status_code == 200
        found = client.get(URL, params={"limit": "200", "order": "oldest"}).json()["submissions"]
        assert [one["source_id"] for one in found] == stored
    with sqlite3.connect(small_disk / "x.db") as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
    connection.close()


def send_until_killed(start: Start, database_url: str, numbers: Sequence[int], after: int) -> set[str]:
    """Send from 16 clients, kill the service once ``after`` were acknowledged; ids of all that were."""
    process = start(FBCLASS_DATABASE_URL=database_url)
    acknowledged: set[str] = set()

    def send(some: Sequence[int]) -> None:
        for number in some:
            try:
                answer = client.post(URL, json=body(number))
            except httpx.TransportError:
                return
            assert answer.status_code in (200, 201), answer.text
            acknowledged.add(str(number))

    # One for all threads: each of its own would load the system's certificates first.
    client = httpx.Client(base_url=f"http://127.0.0.1:{process.port}", timeout=60)
    with client, ThreadPoolExecutor(16) as pool:
        sending = [pool.submit(send, numbers[i::16]) for i in range(16)]
        end = time.monotonic() + 120
        while len(acknowledged) < after and time.monotonic() < end:
            time.sleep(0.005)
        process.popen.send_signal(signal.SIGKILL)
        for one in sending:
            one.result()
    process.popen.wait()
    return acknowledged


def test_killed_in_the_middle_nothing_acknowledged_is_lost_and_nothing_doubled(start: Start, database_url: str) -> None:
    acknowledged: set[str] = set()
    numbers = range(300)
    for after in (20, 60):
        acknowledged |= send_until_killed(start, database_url, numbers, after)
    process = start(FBCLASS_DATABASE_URL=database_url)
    with httpx.Client(base_url=f"http://127.0.0.1:{process.port}", timeout=60) as client:
        found = [number for page in pages(client) for number in page]
        assert len(found) == len(set(found)), "doubled"
        assert acknowledged <= set(found), "lost"
        assert len(acknowledged) < len(numbers), "killed after everything was stored: the test proves nothing"
        for number in numbers:  # what was not acknowledged can be sent again
            assert client.post(URL, json=body(number)).status_code in (200, 201)
        again = [number for page in pages(client) for number in page]
    assert sorted(map(int, again)) == list(numbers)


def pages(client: httpx.Client) -> Iterator[list[str]]:
    cursor: str | None = None
    while True:
        page = client.get(URL, params={"limit": "200"} | ({"cursor": cursor} if cursor else {})).json()
        yield [one["source_id"] for one in page["submissions"]]
        cursor = page["next"]
        if cursor is None:
            return


def test_another_address_needs_a_key_before_anything_starts(start: Start, tmp_path: Path) -> None:
    from fbclass.store.database import Database
    from fbclass.store.keys import KeyStore

    url = f"sqlite:///{tmp_path / 'k.db'}"
    process = start(FBCLASS_HOST="0.0.0.0", FBCLASS_DATABASE_URL=url)
    assert process.wait() == 2 and "fbclass keys create" in process.log
    database = Database.open(url)
    made, key = KeyStore(database).create("a", ["classify"])
    process = start(FBCLASS_HOST="0.0.0.0", FBCLASS_DATABASE_URL=url)
    assert process.port is not None
    answer = httpx.get(f"http://127.0.0.1:{process.port}/v1/model", headers={"authorization": f"Bearer {key}"})
    assert answer.status_code == 200
    KeyStore(database).revoke(made.id)
    process = start(FBCLASS_HOST="0.0.0.0", FBCLASS_DATABASE_URL=url)
    assert process.wait() == 2
    database.close()


def test_a_database_that_is_not_there_ends_the_start_with_a_sentence(start: Start) -> None:
    process = start(FBCLASS_DATABASE_URL="postgresql://fbclass:geheim@127.0.0.1:9/fbclass")
    assert process.wait() != 0 and process.port is None
    assert "FBCLASS_DATABASE_URL" in process.log and "geheim" not in process.log
    assert not any("frames" in json.loads(line) for line in process.log.splitlines() if line.startswith("{"))


def test_the_default_model_is_what_load_classifier_loads(tiny_model: Path) -> None:
    assert load_classifier(Settings(model=tiny_model, threads=1)).name == Classifier.load(tiny_model).name
