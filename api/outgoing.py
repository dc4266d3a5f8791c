"""Tell another system of every stored submission: signed, tried again, and never lost.

Events are signed as standardwebhooks.com describes: ``webhook-signature: v1,<base64>`` is an HMAC-SHA256
over ``id.timestamp.body``. Any 2xx is a delivery. An event can arrive twice (the process may die after
the answer), always under the same ``webhook-id``: the receiver drops what it has seen.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import random
import ssl
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

import httpx
import sqlalchemy as sa

from api.metrics import Metrics
from api.problems import ProblemError
from api.settings import Settings
from api.store import Store
from api.submission_schemas import shown
from fbclass.store import outbox
from fbclass.store import submissions as rows

_AT_ONCE = 16  # events under way at a time
_POLL = 2.0  # seconds after which events whose time has come are looked for
_LONGEST_WAIT = 3600.0  # seconds between two attempts, at most
_GONE = 410  # the receiver asks never to be sent this again

log = logging.getLogger("api")


def sign(key: bytes, event: str, timestamp: int, body: bytes) -> str:
    """The value of ``webhook-signature``."""
    signed = f"{event}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


class Outgoing:
    """Delivers what is in the outbox while it is open (an async context manager)."""

    def __init__(self, settings: Settings, store: Store, metrics: Metrics) -> None:
        self._settings = settings
        self._store = store
        self._metrics = metrics
        self._key = settings.signing_key()
        self._more = asyncio.Event()

    async def __aenter__(self) -> Self:
        # trust_env: a proxy from the environment must not see comments. The system's own certificates
        # hold, so that a company's authority counts.
        self._client = httpx.AsyncClient(
            timeout=self._settings.webhook_timeout,
            trust_env=False,
            follow_redirects=False,
            verify=ssl.create_default_context(),
            headers={"user-agent": "fbclass", "content-type": "application/json"},
        )
        self._task = asyncio.create_task(self._work())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._task.cancel()  # what is under way is sent again after the next start
        with suppress(asyncio.CancelledError):
            await self._task
        await self._client.aclose()

    def wake(self) -> None:
        """There is something to deliver."""
        self._more.set()

    async def _work(self) -> None:
        lease = timedelta(seconds=self._settings.webhook_timeout + 30)
        while True:
            self._more.clear()
            try:
                due = await self._store.write(lambda connection: outbox.claim(connection, limit=_AT_ONCE, lease=lease))
                await asyncio.gather(*(self._deliver(delivery) for delivery in due))
            except ProblemError:  # the database is away: what was claimed becomes due again
                due = []
            except Exception:
                log.exception("delivering events failed, it goes on shortly")
                due = []
            if len(due) < _AT_ONCE:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._more.wait(), min(_POLL, self._settings.webhook_delay))

    async def _deliver(self, delivery: outbox.Delivery) -> None:
        def find(connection: sa.Connection) -> rows.Submission | None:
            return rows.by_seq(connection, delivery.seq)

        submission = await self._store.read(find)
        if submission is None or submission.deleted_at is not None:  # deleted since it was claimed
            return
        reason, wait = await self._send(delivery, submission)
        if reason is None:
            self._metrics.webhook.labels("delivered").inc()
            await self._store.write(lambda connection: outbox.delivered(connection, delivery))
            return
        dead = delivery.attempts >= self._settings.webhook_attempts or reason == str(_GONE)
        self._metrics.webhook.labels("dead" if dead else "failed").inc()
        if dead:
            log.warning("event %s is a dead letter after %d attempts: %s", delivery.event, delivery.attempts, reason)
        again = None if dead else datetime.now(UTC) + timedelta(seconds=wait)
        await self._store.write(lambda connection: outbox.failed(connection, delivery, str(reason), again))

    async def _send(self, delivery: outbox.Delivery, submission: rows.Submission) -> tuple[str | None, float]:
        """What went wrong (None: nothing), and the seconds to wait before the next attempt."""
        now = int(time.time())
        event = {
            "type": "submission.classified",
            "timestamp": datetime.fromtimestamp(now, UTC).isoformat(),
            "data": shown(submission).model_dump(mode="json"),
        }
        body = json.dumps(event, ensure_ascii=False).encode()
        headers = {
            "webhook-id": delivery.event,
            "webhook-timestamp": str(now),
            "webhook-signature": sign(self._key, delivery.event, now, body),
        }
        wait = self._wait(delivery.attempts)
        try:
            async with self._client.stream(
                "POST", str(self._settings.webhook_url), content=body, headers=headers
            ) as response:  # its body is not read: it may be endless
                if response.is_success:
                    return None, 0.0
                asked = response.headers.get("retry-after", "")
                if asked.isdecimal() and asked.isascii():
                    wait = max(wait, min(float(asked[:6]), _LONGEST_WAIT))
                return str(response.status_code), wait
        except httpx.HTTPError as error:
            return type(error).__name__, wait

    def _wait(self, attempts: int) -> float:
        """Twice as long after every attempt, and never at the same moment as others."""
        seconds = self._settings.webhook_delay * 2.0 ** (attempts - 1)
        return min(seconds, _LONGEST_WAIT) * random.uniform(0.8, 1.2)
