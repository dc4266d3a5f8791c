"""What the tests of the service ask of its answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from api.problems import MEDIA_TYPE
from fbclass import Classifier


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
    """Where a body breaks the rules."""
    return [error["pointer"] for error in problem(response, 422, "invalid-input")["errors"]]
