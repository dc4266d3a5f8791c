"""What the receivers are given: requests as the platforms send them. All people and numbers are made up."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from api.receivers.delivery import Delivery, Incoming, Upsert
from api.submissions import SubmissionIn

NOW = datetime(2026, 3, 5, 2, 2, 0, tzinfo=UTC)


@pytest.fixture
def incoming() -> Callable[..., Incoming]:
    """``incoming(body, header=…)``: a request; a body that is not bytes is sent as JSON."""

    def make(body: Any, /, now: datetime = NOW, **headers: str) -> Incoming:
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        named = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        return Incoming(headers=named, query={}, body=raw, now=now)

    return make


@pytest.fixture
def stored() -> Callable[[Delivery], list[SubmissionIn]]:
    """Everything that a delivery would store."""

    def items(delivery: Delivery) -> list[SubmissionIn]:
        return [item for change in delivery.changes if isinstance(change, Upsert) for item in change.items]

    return items
