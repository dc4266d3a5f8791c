from __future__ import annotations

import pytest

from api.settings import LOOPBACK, Settings, SettingsError, check_host, load_settings


def test_environment_variables_set_and_empty_ones_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBCLASS_PORT", "9000")
    monkeypatch.setenv("FBCLASS_THREADS", "")
    settings = load_settings()
    assert (settings.port, settings.threads, settings.host) == (9000, 1, "127.0.0.1")


@pytest.mark.parametrize(
    ("variable", "value", "rule"),
    [
        ("FBCLASS_PORT", "abc", "integer"),
        ("FBCLASS_MAX_BATCH", "513", "512"),
        ("FBCLASS_MAX_TEXT_LENGTH", "0", "1"),
        ("FBCLASS_QUEUE_LIMIT", "10", "max_batch"),
        ("FBCLASS_CORS_ORIGINS", "*", "match"),
        ("FBCLASS_CORS_ORIGINS", "https://a.example/path", "match"),
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
def test_without_keys_only_this_machine_may_be_listened_on(host: str) -> None:
    with pytest.raises(SettingsError, match="fbclass keys create"):
        check_host(host, keys=False)
    check_host(host, keys=True)


def test_names_of_this_machine_are_allowed() -> None:
    for host in (*LOOPBACK, Settings().host):
        check_host(host, keys=False)


@pytest.mark.parametrize("secret", [None, "short", "whsec_no base64!", "whsec_c2hvcnQ="])
def test_a_webhook_without_a_secret_is_refused(monkeypatch: pytest.MonkeyPatch, secret: str | None) -> None:
    monkeypatch.setenv("FBCLASS_WEBHOOK_URL", "http://127.0.0.1:9/hook")
    if secret is not None:
        monkeypatch.setenv("FBCLASS_WEBHOOK_SECRET", secret)
    with pytest.raises(SettingsError, match="webhook_secret") as caught:
        load_settings()
    assert secret is None or secret not in str(caught.value)


def test_a_secret_is_text_or_base64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBCLASS_WEBHOOK_SECRET", "whsec_" + "QUJD" * 8)
    assert load_settings().signing_key() == b"ABC" * 8
    monkeypatch.setenv("FBCLASS_WEBHOOK_SECRET", "x" * 24)
    assert load_settings().signing_key() == b"x" * 24
    assert "xxx" not in repr(load_settings())
