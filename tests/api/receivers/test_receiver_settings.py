from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from api.receivers import PLATFORMS
from api.receivers.settings import Connection, ReceiverSettings, read_connections
from api.receivers.tencent import TencentConnection
from api.receivers.wjx import WjxConnection
from api.settings import SettingsError

MODELS = {name: platform.connection for name, platform in PLATFORMS.items()}
RIGHT = """
[hr-2026]
platform = "wjx"
key = "push-key"
department = "q1"
departments = { "1" = "采购部" }
comments = { q3 = "有什么意见?" }

[pulse]
platform = "tencent"
token = "0123456789abcdef"
comments = { q-2-x = "" }
"""


def connections(tmp_path: Path, text: str) -> dict[tuple[str, str], Connection]:
    file = tmp_path / "receivers.toml"
    file.write_text(text, encoding="utf-8")
    return read_connections(file, MODELS)


def test_every_form_gets_its_address(tmp_path: Path) -> None:
    found = connections(tmp_path, RIGHT)
    assert set(found) == {("wjx", "hr-2026"), ("tencent", "pulse")}
    wjx, tencent = found["wjx", "hr-2026"], found["tencent", "pulse"]
    assert isinstance(wjx, WjxConnection) and isinstance(tencent, TencentConnection)
    assert wjx.key.get_secret_value() == "push-key"
    assert "push-key" not in repr(wjx) and "0123456789abcdef" not in repr(tencent)


def test_secrets_may_stand_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WJX_KEY", "from the environment")
    found = connections(tmp_path, RIGHT.replace('"push-key"', '"env:WJX_KEY"'))["wjx", "hr-2026"]
    assert isinstance(found, WjxConnection) and found.key.get_secret_value() == "from the environment"
    (tmp_path / "secret").write_text("from a file\n", encoding="utf-8")
    found = connections(tmp_path, RIGHT.replace("push-key", f"file:{tmp_path / 'secret'}"))["wjx", "hr-2026"]
    assert isinstance(found, WjxConnection) and found.key.get_secret_value() == "from a file"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[x", "TOML"),
        ("x = 1", "[x]"),
        ('[HR]\nplatform = "wjx"', "[HR]"),
        ('[x]\nplatform = "dingtalk"', "'dingtalk'"),
        ("[x]\nkey = 'k'", "wjx, tencent, feishu, webhook"),
        ('[x]\nplatform = "wjx"\ncomments = { q3 = "" }', "key"),
        ('[x]\nplatform = "wjx"\nkey = "k"\ncomments = {}', "comments"),
        ('[x]\nplatform = "wjx"\nkey = "k"\ncomments = { q3 = "" }\nsecret = 1', "secret"),
        ('[x]\nplatform = "wjx"\nkey = "env:NOT_SET_HERE"\ncomments = { q3 = "" }', "NOT_SET_HERE"),
        ('[x]\nplatform = "wjx"\nkey = "file:/nowhere/key"\ncomments = { q3 = "" }', "/nowhere/key"),
        ('[x]\nplatform = "wjx"\nkey = "k"\ncomments = { sojumpparm = "" }', "sojumpparm"),
        ('[x]\nplatform = "wjx"\nkey = "k"\ndepartment = "OpenId"\ncomments = { q3 = "" }', "OpenId"),
        ('[x]\nplatform = "tencent"\ntoken = "short-secret"\ncomments = { q3 = "" }', "16"),
        ('[x]\nplatform = "tencent"\ncomments = { q3 = "" }', "token"),
        ('[x]\nplatform = "webhook"\nsecret = "short-secret"', "16"),
    ],
)
def test_a_mistake_is_named_with_its_rule_and_no_secret(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as wrong:
        connections(tmp_path, text)
    for said in (wrong.value.english, wrong.value.chinese):
        assert sentence in said and "receivers.toml" in said
        assert "short-secret" not in said


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nothing\.toml"):
        read_connections(tmp_path / "nothing.toml", MODELS)


def test_no_file_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FBCLASS_RECEIVERS", raising=False)
    assert ReceiverSettings().receivers is None


@pytest.mark.parametrize("name", PLATFORMS)
def test_every_platform_says_where_its_format_is_documented(name: str) -> None:
    module = importlib.import_module(f"api.receivers.{name}")
    assert "https://" in (module.__doc__ or "")
