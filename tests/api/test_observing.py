from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.logs import JsonFormatter, TextFormatter, log_config


def figures(client: httpx.Client) -> dict[tuple[str, ...], float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *(f"{k}={v}" for k, v in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_figures_count_what_happened(serve: Any) -> None:
    with serve() as client:
        client.post("/v1/classify", json={"comments": [{"text": "报销太慢"}] * 3})
        client.post("/v1/classify", json={})
        client.get("/员工/张三")
        client.request("PROPFIND", "/v1/model")
        for _ in range(2):
            client.post("/v1/submissions", json={"form": "f", "source_id": "1", "text": "报销太慢"})
        found = figures(client)
    requests = "fbclass_requests_total"
    assert found[requests, "method=POST", "route=/v1/classify", "status=200"] == 1
    assert found[requests, "method=POST", "route=/v1/classify", "status=422"] == 1
    assert found[requests, "method=GET", "route=(none)", "status=404"] == 1
    assert found[requests, "method=other", "route=/v1/model", "status=405"] == 1
    assert found["fbclass_submissions_total", "outcome=stored"] == 1
    assert found["fbclass_submissions_total", "outcome=known"] == 1
    assert found["fbclass_batch_comments_sum",] == 3 + 2 + 1  # with the warm-up
    assert found["fbclass_comments_waiting",] == 0
    assert sum(value for (name, *_), value in found.items() if name == "fbclass_themes_total") >= 5
    assert found["process_resident_memory_bytes",] > 0
    assert not any("张三" in label or "报销" in label for labels in found for label in labels)


def test_a_log_line_is_one_json_object_without_the_words_of_an_exception() -> None:
    try:
        raise ValueError("张三不批报销")
    except ValueError:
        error = sys.exc_info()
    record = logging.LogRecord("api", logging.ERROR, "", 0, "it %s\nbadly", ("failed",), error)
    record.request_id, record.route, record.secret = "r-1", "/v1/classify", "hidden"
    line = JsonFormatter().format(record)
    entry = json.loads(line)
    assert "\n" not in line and entry["message"] == "it failed\nbadly"
    assert (entry["level"], entry["request_id"], entry["error"]) == ("error", "r-1", "ValueError")
    assert "test_observing.py" in entry["frames"][0]
    text = TextFormatter().format(record)
    assert "ValueError" in text and "request_id=r-1" in text
    assert not any(word in line + text for word in ("张三", "hidden"))


@pytest.mark.parametrize(
    ("style", "formatter"), [("json", JsonFormatter), ("text", TextFormatter), ("auto", JsonFormatter)]
)
def test_the_style_of_the_log_can_be_chosen(style: str, formatter: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    assert log_config(style)["formatters"]["default"]["()"] is formatter


def test_every_request_is_logged_by_route_and_key_and_not_by_address(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="api.access")
    client.get("/v1/submissions", params={"form": "张三"}, headers={"X-Request-ID": "r-7"})
    client.get("/v1/submissions/" + "0" * 32)
    client.get("/health/live")
    client.get("/张三")
    records: list[logging.LogRecord] = []
    until = time.monotonic() + 10
    while len(records) < 3 and time.monotonic() < until:  # a line is written after its answer
        records = [record for record in caplog.records if record.name == "api.access"]
    found = [(record.route, record.status) for record in records]  # type: ignore[attr-defined]
    assert found == [("/v1/submissions", 200), ("/v1/submissions/{submission_id}", 404), ("(none)", 404)]
    assert records[0].request_id == "r-7"  # type: ignore[attr-defined]
    assert not any("张三" in str(vars(record)) for record in records)
