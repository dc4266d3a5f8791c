from __future__ import annotations

import pytest

from api.settings import LOOPBACK, Settings, SettingsError, check_host, load_settings


def test_environment_variables_set_and_empty_ones_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBCLASS_PORT", "9000")
    monkeypatch.setenv("FBCLASS_THREADS", "")
    settings = load_settings()
    assert (settings.port, settings.threads, settings.host) == (9000, None, "127.0.0.1")


@pytest.mark.parametrize(
    ("variable", "value", "rule"),
    [
        ("FBCLASS_PORT", "abc", "integer"),
        ("FBCLASS_MAX_BATCH", "513", "512"),
        ("FBCLASS_MAX_TEXT_LENGTH", "0", "1"),
        ("FBCLASS_QUEUE_LIMIT", "10", "max_batch"),
    ],
)
def test_a_wrong_setting_is_named_with_its_rule(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, rule: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=rule) as caught:
        load_settings()
    assert rule in caught.value.chinese
    assert variable in str(caught.value) or "queue_limit" in str(caught.value)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", ""])
def test_only_this_machine_may_be_listened_on(host: str) -> None:
    with pytest.raises(SettingsError, match="no access keys yet"):
        check_host(host)


def test_names_of_this_machine_are_allowed() -> None:
    for host in (*LOOPBACK, Settings().host):
        check_host(host)
