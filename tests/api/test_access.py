from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.access import OPEN, RULES, RateLimiter, rule
from api.main import ROUTERS
from fbclass.store.database import Database
from fbclass.store.keys import SCOPES, ApiKey, KeyStore

ROUTES = sorted(
    {(method, route.path) for resource in ROUTERS for route in resource.router.routes for method in route.methods}
    | {("GET", "/openapi.json"), ("HEAD", "/openapi.json")}
)
CLOSED = [(method, path) for method, path in ROUTES if rule(method, path) != OPEN]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('keys') / 'fbclass.db'}"


@pytest.fixture(scope="module")
def keys(url: str) -> Iterator[KeyStore]:
    database = Database.open(url)
    yield KeyStore(database)
    database.close()


@pytest.fixture(scope="module")
def scoped(keys: KeyStore) -> dict[str, str]:
    """A key for each scope alone."""
    return {scope: keys.create(scope, [scope])[1] for scope in SCOPES}


@pytest.fixture(scope="module")
def client(serve: Any, url: str, scoped: dict[str, str]) -> Iterator[httpx.Client]:
    with serve(database_url=url) as client:
        yield client


def ask(client: httpx.Client, method: str, path: str, key: str | None = None, **options: Any) -> httpx.Response:
    filled = re.sub(r"\{submission_id\}", "0" * 32, path)
    headers = {"authorization": f"Bearer {key}"} if key is not None else {}
    return client.request(method, re.sub(r"\{\w+\}", "x", filled), headers=headers, **options)


def test_the_walk_sees_every_route() -> None:
    assert len(ROUTES) > 15
    assert {path for method, path in ROUTES if rule(method, path) == OPEN} == {
        "/health/live",
        "/health/ready",
        "/v2/health/live",
        "/v2/health/ready",
        "/v1/receivers/{platform}/{form}",  # checks the platform's signature
    }
    needed = {rule(method, path) for method, path in CLOSED}
    assert needed == {*SCOPES, "any"}


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_no_key_a_wrong_one_a_revoked_one_and_an_expired_one_are_refused(
    client: httpx.Client, keys: KeyStore, method: str, path: str
) -> None:
    revoked, revoked_key = keys.create("revoked", SCOPES)
    keys.revoke(revoked.id)
    _, expired = keys.create("expired", SCOPES, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    _, good = keys.create("good", SCOPES)
    forged = good[:-1] + ("A" if good[-1] != "A" else "B")
    for key in (None, "nonsense", forged, good.upper(), revoked_key, expired):
        answer = ask(client, method, path, key)
        assert answer.status_code == 401, (key, answer.text)
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert method == "HEAD" or answer.json()["type"] in (
            "urn:fbclass:problem:key-missing",
            "urn:fbclass:problem:key-refused",
        )
    for scheme in ("Basic", "bearer" + "x"):
        assert client.request(method, path, headers={"authorization": f"{scheme} {good}"}).status_code == 401
    assert ask(client, method, path, good).status_code not in (401, 403)


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_a_key_of_another_scope_is_refused(
    client: httpx.Client, scoped: dict[str, str], method: str, path: str
) -> None:
    need = rule(method, path)
    for scope, key in scoped.items():
        answer = ask(client, method, path, key)
        if need in ("any", scope):
            assert answer.status_code not in (401, 403), answer.text
        else:
            assert answer.status_code == 403
            assert f'scope="{need}"' in answer.headers["www-authenticate"]
            assert answer.json()["type"] == "urn:fbclass:problem:scope-missing"


@pytest.mark.parametrize(
    "path", ["/nowhere", "/v1", "/", "/health", "/docs", "/v1/classify/x", "//v1/model", "/v1/%6dodel"]
)
def test_what_is_not_there_asks_for_a_key_too(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == (404 if path == "/health" else 401)


def test_probes_need_no_key_and_any_name_of_the_host_will_do(client: httpx.Client) -> None:
    for path in ("/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready"):
        assert client.get(path, headers={"host": "fbclass.intern.example:8000"}).status_code == 200


def test_a_key_counts_at_once_and_a_revoked_one_soon_not_any_more(client: httpx.Client, keys: KeyStore) -> None:
    made, key = keys.create("new", ["classify"])
    assert ask(client, "GET", "/v1/model", key).status_code == 200
    keys.revoke(made.id)
    end = time.monotonic() + 5
    while ask(client, "GET", "/v1/model", key).status_code == 200 and time.monotonic() < end:
        time.sleep(0.1)
    assert ask(client, "GET", "/v1/model", key).status_code == 401


def test_the_first_key_closes_the_door_and_revoking_it_does_not_open_it(serve: Any, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    database = Database.open(url)
    store = KeyStore(database)
    with serve(database_url=url) as client:
        assert client.get("/v1/model").status_code == 200
        made, key = store.create("first", ["read"])
        end = time.monotonic() + 5
        while client.get("/v1/model").status_code == 200 and time.monotonic() < end:
            time.sleep(0.1)
        assert client.get("/v1/model").status_code == 401
        assert ask(client, "GET", "/v1/model", key).status_code == 200
        store.revoke(made.id)
        time.sleep(1.5)
        assert client.get("/v1/model").status_code == 401
    database.close()


def test_the_idempotency_keys_of_two_clients_are_apart(client: httpx.Client, keys: KeyStore) -> None:
    for name in "ab":
        _, key = keys.create(name, ["submit"])
        headers = {"authorization": f"Bearer {key}", "idempotency-key": "same"}
        body = {"form": "f", "text": f"来自{name}"}
        assert client.post("/v1/submissions", json=body, headers=headers).status_code == 201
        assert client.post("/v1/submissions", json=body, headers=headers).status_code == 200


def test_a_key_that_asks_too_often_is_told_when_to_come_back(client: httpx.Client, keys: KeyStore) -> None:
    _, key = keys.create("slow", ["read"], rate=3)
    assert [ask(client, "GET", "/v1/model", key).status_code for _ in range(3)] == [200] * 3
    answer = ask(client, "GET", "/v1/model", key)
    assert answer.status_code == 429
    assert answer.json()["type"] == "urn:fbclass:problem:rate-limited"
    assert 1 <= int(answer.headers["retry-after"]) <= 20
    _, other = keys.create("other", ["read"])
    assert ask(client, "GET", "/v1/model", other).status_code == 200


def test_a_bucket_fills_evenly_and_never_over_its_rim() -> None:
    now = 0.0
    limiter = RateLimiter(60, now=lambda: now)

    def key(rate: int | None) -> ApiKey:
        return ApiKey(f"k{rate}", "k", (), "", rate, datetime.now(UTC), None, None)

    assert [limiter.wait(key(None)) for _ in range(60)] == [0.0] * 60
    assert limiter.wait(key(None)) == pytest.approx(1.0)
    now = 0.5
    assert limiter.wait(key(None)) == pytest.approx(0.5)
    now = 1.0
    assert limiter.wait(key(None)) == 0.0
    now = 10_000.0
    assert [limiter.wait(key(None)) > 0 for _ in range(61)] == [False] * 60 + [True]
    assert limiter.wait(key(6)) == 0.0
    assert all(RateLimiter(0).wait(key(None)) == 0.0 for _ in range(100))


def test_rules_name_only_scopes_that_keys_can_have() -> None:
    assert {need for _, _, need in RULES} <= {*SCOPES, "any", OPEN}
    assert rule("GET", "/v1/model/reload") == "admin" and rule("GET", "/v1/models") == "any"
