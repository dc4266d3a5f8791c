"""docs/forms.md and its Chinese twin are true: what they show is read or run, what they name exists."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from api.kinds import Kind
from api.receivers import PLATFORMS, delivery
from api.receivers.settings import read_connections
from api.receivers.webhook import Answer, Part
from api.routes import receivers

ROOT = Path(__file__).parents[2]
DOCS = ("docs/forms.md", "docs/forms.zh-CN.md")
_BLOCK = re.compile(r"^(<!-- not run: .+? -->\n)?```(\w+)\n(.*?)^```$", re.M | re.S)
SECRETS = {"WJX_PUSH_KEY": "push-key", "INTRANET_SECRET": "a secret of some length"}


@cache
def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str) -> list[tuple[bool, str, str]]:
    """(is run, language, text) of every block."""
    return [(not skipped, language, text) for skipped, language, text in _BLOCK.findall(read(name))]


def settings(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "receivers.toml"
    file.write_text(text.replace("/run/secrets/wjx_token", str(tmp_path / "token")), encoding="utf-8")
    (tmp_path / "token").write_text("0123456789abcdef", encoding="utf-8")
    return file


def test_both_languages_show_the_same() -> None:
    english, chinese = (blocks(name) for name in DOCS)
    assert english == chinese
    assert [len(re.findall(r"^#", _BLOCK.sub("", read(name)), re.M)) for name in DOCS] == [11, 11]


@pytest.mark.parametrize("name", DOCS)
def test_settings_that_are_shown_are_taken(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in SECRETS.items():
        monkeypatch.setenv(variable, value)
    shown = [text for _, language, text in blocks(name) if language == "toml"]
    models = {platform: known.connection for platform, known in PLATFORMS.items()}
    found = read_connections(settings(tmp_path, "\n".join(shown)), models)
    assert found.keys() == {("wjx", "yearly"), ("webhook", "intranet")}
    for (platform, form), text in zip(found, shown, strict=True):
        assert f"/v1/receivers/{platform}/{form}\n" in text


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("openssl")), reason="needs curl and openssl")
def test_the_signed_request_is_taken(
    serve: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (script,) = [text for is_run, language, text in blocks(DOCS[0]) if language == "sh" and is_run]
    toml = next(text for _, language, text in blocks(DOCS[0]) if language == "toml" and "[intranet]" in text)
    monkeypatch.setenv("FBCLASS_RECEIVERS", str(settings(tmp_path, toml)))
    for variable, value in SECRETS.items():
        monkeypatch.setenv(variable, value)
    with serve() as client:
        script = script.replace("http://127.0.0.1:8000", str(client.base_url).rstrip("/"))
        done = subprocess.run(["sh", "-ec", script], capture_output=True, text=True, encoding="utf-8", env=os.environ)
        assert json.loads(done.stdout) == {"stored": 1, "known": 0, "removed": 0}, done.stderr
        (stored,) = client.get("/v1/submissions").json()["submissions"]
    assert (stored["form"], stored["source_id"], stored["item"]) == ("行政反馈", "2026-17", "q3")


@pytest.mark.parametrize("name", DOCS)
def test_fields_are_those_of_the_code(name: str) -> None:
    text = read(name)
    named = set(re.findall(r"`([a-z_]+)`", text))
    fields = {field for platform in PLATFORMS.values() for field in platform.connection.model_fields} | {"platform"}
    assert fields - named <= {"key", "secret"}, "a field of the settings is not mentioned"
    assert all(re.search(rf"\b{field}\b", text) for field in fields)
    assert {*Answer.model_fields, *Part.model_fields} <= named
    assert PLATFORMS.keys() <= named


@pytest.mark.parametrize("name", DOCS)
def test_every_status_of_the_route_is_explained(name: str) -> None:
    rows = re.findall(r"^\| (\d{3}[\d, ]*) \|", read(name), re.M)
    explained = {int(code) for row in rows for code in row.split(", ")}
    (route,) = [route for route in receivers.router.routes if "POST" in getattr(route, "methods", ())]
    given = {int(status) for status in getattr(route, "responses", {})} | {200}
    assert explained == given - {500}
    known = [*vars(delivery).values(), *vars(receivers).values()]
    own = {kind.status.value for kind in known if isinstance(kind, Kind)}
    assert own <= explained


@pytest.mark.parametrize("name", DOCS)
def test_links_and_files_exist(name: str) -> None:
    text = _BLOCK.sub("", read(name))
    titles = re.findall(r"^#+ (.+)$", text, re.M)
    anchors = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
    for link in re.findall(r"\]\(([^)]+)\)", text):
        target = urlsplit(link)
        if target.scheme:
            assert target.scheme == "https"
        elif target.path:
            assert (ROOT / "docs" / target.path).exists(), link
        else:
            assert unquote(target.fragment) in anchors, link
    for path in re.findall(r"`((?:api|deploy|examples)/[\w./]+)`", text):
        assert (ROOT / path).exists(), path


def test_the_relay_passes_on_nothing_but_deliveries() -> None:
    (relay,) = [text for _, language, text in blocks(DOCS[0]) if language == "nginx"]
    deliveries, rest = relay.split("location ")[1:]
    assert deliveries.startswith("/v1/receivers/ {") and deliveries.count("proxy_pass") == 1
    assert rest.startswith("/ { return 404; }") and "proxy_pass" not in rest
    assert "$request_uri" not in relay and "$args" not in relay  # they would write tokens into the log


@pytest.mark.parametrize("name", DOCS)
def test_python_that_is_not_run_can_be_read(name: str) -> None:
    for _, language, text in blocks(name):
        if language == "python":
            compile(text, name, "exec")
