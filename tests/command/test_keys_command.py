from __future__ import annotations

from pathlib import Path

import pytest

from fbclass.command import keys as command
from fbclass.command.main import run
from fbclass.store.keys import SCOPES, split


@pytest.fixture(autouse=True)
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "keys.db"
    monkeypatch.setenv("FBCLASS_DATABASE_URL", f"sqlite:///{file}")
    return file


def test_a_key_is_made_listed_and_revoked(capsys: pytest.CaptureFixture[str], database: Path) -> None:
    assert run(["keys", "create", "报修表单", "--scope", "submit", "--scope", "classify", "--rate", "60"]) == 0
    shown = capsys.readouterr()
    key = shown.out.strip()
    parts = split(key)
    assert parts is not None and parts[0] in shown.err
    assert run(["keys", "list"]) == 0
    listed = capsys.readouterr().out
    assert listed.split("\t")[:5] == [parts[0], "报修表单", "classify,submit", "有效", "60"]
    assert key not in listed and key.rsplit("_", 1)[1].encode() not in database.read_bytes()
    assert run(["keys", "revoke", parts[0], "--lang", "en"]) == 0
    assert "Revoked" in capsys.readouterr().err
    assert run(["--lang", "en", "keys", "list"]) == 0
    assert "revoked" in capsys.readouterr().out


def test_an_unknown_id_is_an_error_with_the_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "revoke", "nothing"]) == 1
    assert "fbclass keys list" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["create", "a"], ["create", "--scope", "read"], ["create", "a", "--scope", "all"]]
)
def test_wrong_use_is_refused(arguments: list[str]) -> None:
    assert run(["keys", *arguments]) == 2


@pytest.mark.parametrize("language", ["zh", "en"])
def test_help_names_the_commands(capsys: pytest.CaptureFixture[str], language: str) -> None:
    assert run(["--lang", language, "keys", "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("create", "list", "revoke"))
    assert command.SCOPES == SCOPES
