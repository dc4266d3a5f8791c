"""Take what forms and form platforms send: mask it, classify it, keep it once, and forget it for good.

``SubmissionIn`` is what a receiver of any platform hands over; ``Submissions`` does the rest.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from api.metrics import Metrics
from api.store import Store
from fbclass.privacy import mask
from fbclass.results import Prediction
from fbclass.store import nonces
from fbclass.store import submissions as rows

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
Classify = Callable[[Sequence[str]], Awaitable[list[Prediction]]]


@dataclass(frozen=True, slots=True)
class SubmissionIn:
    """One comment as its source has it, not yet masked.

    ``source``: which platform, in ASCII, at most 40 characters; the HTTP API is "api". ``form`` and
    ``source_id``: the form and the answer there, at most 200 characters each, never an open id or another
    identity. ``item``: which question of the answer, where one answer has several comments. ``text`` and
    ``question``: at most 20,000 characters. ``submitted_at``: aware, None when unknown.
    """

    source: str
    form: str
    text: str
    source_id: str | None = None
    item: str = ""
    question: str | None = None
    department: str | None = None
    submitted_at: datetime | None = None

    def __post_init__(self) -> None:
        limits = {"source": 40, "form": 200, "source_id": 200, "item": 200}
        for name, limit in limits.items():
            value = getattr(self, name)
            if value is not None and (len(value) > limit or _CONTROL.search(value)):
                raise ValueError(f"{name} must have at most {limit} characters and no control characters")
        if self.item == rows.WHOLE_ANSWER:
            raise ValueError(f"the item {rows.WHOLE_ANSWER} stands for all of an answer: give it another name")


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a submission: its id here; whether it is new; whether it was deleted earlier and stays so."""

    id: str
    new: bool
    deleted: bool


class Submissions:
    """All that is done with submissions. Every method raises 429, 503 or 507 as a ``ProblemError``."""

    def __init__(
        self, store: Store, classify: Classify, metrics: Metrics, announced: Callable[[], None] | None = None
    ) -> None:
        self._store = store
        self._classify = classify
        self._metrics = metrics
        self._announced = announced  # called when there is something to tell the outgoing webhook

    async def store(
        self, items: Sequence[SubmissionIn], *, replace: bool = False, partial: bool = False
    ) -> list[Stored]:
        """Mask, classify and keep all of them in one transaction; on disk when this returns.

        What is there already stays as it is. ``replace``: the items are the whole of one answer as it is
        now; they overwrite it, and what it no longer has is removed. ``partial``: they are what has changed
        of it; None keeps what is known. What was deleted stays deleted.
        """
        if replace and len({(item.source, item.form, item.source_id) for item in items}) > 1:
            raise ValueError("replace takes the items of one answer: call it once for each answer")
        kept = await self._keep(await self._prepare(items), "replace" if replace else "partial" if partial else "add")
        return [Stored(row.id, new, row.deleted_at is not None) for row, new in kept]

    async def take(
        self, item: SubmissionIn, *, client: str, idempotency_key: str | None
    ) -> tuple[rows.Submission, bool, bool]:
        """Keep one submission of a client: its row, whether it is new, and whether it is what was sent."""
        (prepared,) = await self._prepare([item], client=client, idempotency_key=idempotency_key)
        ((row, new),) = await self._keep([prepared])
        return row, new, row.fingerprint == prepared.fingerprint

    async def delete(self, source: str, form: str, source_id: str) -> int:
        """Remove every comment of an answer for good; how many. It stays deleted, also when it comes later."""
        deleted = await self._store.write(lambda connection: rows.delete_answer(connection, source, form, source_id))
        self._store.erase_soon()
        return deleted

    async def delete_one(self, submission_id: str) -> bool:
        """Remove one submission for good by our own id; False when there is none."""
        found = await self._store.write(lambda connection: rows.delete(connection, submission_id))
        self._store.erase_soon()
        return found

    async def get(self, submission_id: str) -> rows.Submission | None:
        """One submission, also a deleted one; None when there never was one."""
        return await self._store.read(lambda connection: rows.get(connection, submission_id))

    async def page(
        self, wanted: rows.Filter, *, limit: int, after: int | None, oldest_first: bool
    ) -> list[rows.Submission]:
        """At most ``limit`` submissions past the row ``after``."""
        return await self._store.read(
            lambda connection: rows.page(connection, wanted, limit=limit, after=after, oldest_first=oldest_first)
        )

    async def seen(self, source: str, nonce: str) -> bool:
        """Whether ``first_time`` was asked for this nonce before, within its time."""
        return await self._store.read(lambda connection: nonces.seen(connection, source, nonce))

    async def first_time(self, source: str, nonce: str, keep: timedelta) -> bool:
        """True the first time that ``source`` sends this nonce (at most 200 characters) within ``keep``."""
        return await self._store.write(lambda connection: nonces.first_time(connection, source, nonce, keep))

    async def _prepare(
        self, items: Sequence[SubmissionIn], *, client: str | None = None, idempotency_key: str | None = None
    ) -> list[rows.NewSubmission]:
        texts = [_clean(item.text) for item in items]
        return [
            rows.NewSubmission(
                source=item.source,
                form=item.form,
                text=text,
                prediction=_stored_form(prediction),
                source_id=item.source_id,
                item=item.item,
                question=_clean(item.question) if item.question is not None else None,
                department=_clean(item.department) if item.department is not None else None,
                submitted_at=item.submitted_at,
                client=client,
                idempotency_key=idempotency_key,
            )
            for item, text, prediction in zip(items, texts, await self._classify(texts), strict=True)
        ]

    async def _keep(
        self, new: Sequence[rows.NewSubmission], mode: rows.Mode = "add"
    ) -> list[tuple[rows.Submission, bool]]:
        announce = self._announced is not None

        def work(connection: sa.Connection) -> list[tuple[rows.Submission, bool]]:
            return rows.insert(connection, new, mode=mode, announce=announce)

        kept = await self._store.write(work)
        if mode != "add":
            self._store.erase_soon()
        for row, is_new in kept:
            outcome = "stored" if is_new else "deleted" if row.deleted_at is not None else "known"
            self._metrics.submissions.labels(outcome).inc()
        if self._announced is not None and any(is_new for _, is_new in kept):
            self._announced()
        return kept


def _clean(text: str) -> str:
    """Personal data masked. NUL, which PostgreSQL cannot keep, becomes the replacement character."""
    return mask(text.replace("\x00", "\ufffd"))


def _stored_form(prediction: Prediction) -> dict[str, Any]:
    """The prediction as it is kept: the text stands beside it."""
    return {name: value for name, value in prediction.to_dict().items() if name not in ("id", "text")}
