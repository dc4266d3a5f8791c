"""Submissions in the database: insert without doubles, page, delete for good.

The functions take a connection inside a transaction (``Database.write`` or ``Database.read``). Text must
be masked before it comes here.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa

from fbclass.store import outbox
from fbclass.store.tables import CONTENT, plain, submission_themes, submissions, to_utc

WHOLE_ANSWER = "*"  # the item of the row that says: this answer was deleted, whatever its items


@dataclass(frozen=True, slots=True)
class NewSubmission:
    """A comment to keep, masked, with its prediction (``fbclass.results.Prediction`` without id and text)."""

    source: str
    form: str
    text: str
    prediction: Mapping[str, Any]
    source_id: str | None = None
    item: str = ""
    question: str | None = None
    department: str | None = None
    submitted_at: datetime | None = None
    client: str | None = None
    idempotency_key: str | None = None

    @property
    def fingerprint(self) -> str:
        """SHA-256 over what was sent: tells the same submission sent again from another under its id."""
        when = to_utc(self.submitted_at).isoformat() if self.submitted_at else None
        sent = [self.source, self.form, self.source_id, self.item, self.text, self.question, self.department, when]
        return hashlib.sha256(json.dumps(sent).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Submission:
    """A kept comment. ``deleted_at``: when its text was removed; then the rest is None."""

    seq: int
    id: str
    source: str
    form: str
    source_id: str | None
    item: str
    text: str | None
    question: str | None
    department: str | None
    submitted_at: datetime | None
    received_at: datetime
    prediction: Mapping[str, Any] | None
    fingerprint: str | None
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which submissions to list; None: any. ``since`` is included, ``until`` is not; both are times of arrival."""

    source: str | None = None
    form: str | None = None
    source_id: str | None = None
    department: str | None = None
    theme: str | None = None
    sentiment: str | None = None
    needs_review: bool | None = None
    since: datetime | None = None
    until: datetime | None = None


_COLUMNS = [submissions.c[name] for name in Submission.__slots__]


Mode = Literal["add", "replace", "partial"]


def insert(
    connection: sa.Connection, new: Sequence[NewSubmission], *, mode: Mode = "add", announce: bool = False
) -> list[tuple[Submission, bool]]:
    """Keep what is not there yet; for each its row and whether it is new (or was changed).

    What was deleted stays deleted: its row comes back as it is. "replace": overwrite what differs, and
    remove other items of the same answer; "partial": overwrite what differs, but with nothing that is None.
    ``announce``: put what is new into the outbox.
    """
    kept: list[tuple[Submission, bool]] = []
    for sent in new:
        found = _existing(connection, sent)
        if mode != "add" and not sent.text.strip():
            # A comment taken back: it goes without a trace, is not counted, and may come back.
            if found is not None and found.deleted_at is None:
                connection.execute(sa.delete(submissions).where(submissions.c.seq == found.seq))
            continue
        one = _completed(sent, found) if mode == "partial" and found else sent
        if found is None:
            seq = connection.execute(
                sa.insert(submissions).values(_values(one)).returning(submissions.c.seq)
            ).scalar_one()
        elif mode != "add" and found.deleted_at is None and found.fingerprint != one.fingerprint:
            seq = found.seq
            changed = {name: value for name, value in _values(one).items() if name in CONTENT}
            connection.execute(sa.update(submissions).where(submissions.c.seq == seq).values(changed))
            connection.execute(sa.delete(submission_themes).where(submission_themes.c.seq == seq))
        else:
            kept.append((found, False))
            continue
        themes = [{"theme": theme["id"], "seq": seq} for theme in one.prediction["themes"]]
        if themes:
            connection.execute(sa.insert(submission_themes), themes)
        if announce:
            outbox.add(connection, seq)
        kept.append((_one(connection, submissions.c.seq == seq), True))
    if mode == "replace" and new:
        _remove_others(connection, new)
    return kept


def _completed(new: NewSubmission, known: Submission) -> NewSubmission:
    """Where the new one says nothing, what was known."""
    return replace(
        new,
        question=known.question if new.question is None else new.question,
        department=known.department if new.department is None else new.department,
        submitted_at=known.submitted_at if new.submitted_at is None else new.submitted_at,
    )


def _existing(connection: sa.Connection, new: NewSubmission) -> Submission | None:
    conditions = []
    if new.idempotency_key is not None:
        conditions.append(
            sa.and_(submissions.c.client == new.client, submissions.c.idempotency_key == new.idempotency_key)
        )
    if new.source_id is not None:
        conditions.append(
            sa.and_(
                _answer(new.source, new.form, new.source_id),
                submissions.c.item.in_((new.item, WHOLE_ANSWER)),
            )
        )
    if not conditions:
        return None
    rows = connection.execute(sa.select(*_COLUMNS).where(sa.or_(*conditions)).order_by(submissions.c.seq)).all()
    found = [Submission(**plain(row)) for row in rows]
    # A deletion of the whole answer weighs more than one of its items.
    return next((row for row in found if row.item == WHOLE_ANSWER), found[0] if found else None)


def _answer(source: str, form: str, source_id: str) -> sa.ColumnElement[bool]:
    columns = submissions.c
    return sa.and_(columns.source == source, columns.form == form, columns.source_id == source_id)


def _values(new: NewSubmission) -> dict[str, Any]:
    return {
        "id": uuid.uuid4().hex,
        "source": new.source,
        "form": new.form,
        "source_id": new.source_id,
        "item": new.item,
        "client": new.client if new.idempotency_key is not None else None,
        "idempotency_key": new.idempotency_key,
        "received_at": datetime.now(UTC),
        "fingerprint": new.fingerprint,
        "text": new.text,
        "question": new.question,
        "department": new.department,
        "submitted_at": new.submitted_at,
        "sentiment": new.prediction["sentiment"]["label"],
        "needs_review": new.prediction["needs_review"],
        "prediction": dict(new.prediction),
    }


def _remove_others(connection: sa.Connection, new: Sequence[NewSubmission]) -> None:
    """After an answer was replaced: comments that it no longer has go without a trace; they may come back."""
    first = new[0]
    if first.source_id is None:
        return
    items = [one.item for one in new]
    connection.execute(
        sa.delete(submissions).where(
            _answer(first.source, first.form, first.source_id),
            submissions.c.item.not_in([*items, WHOLE_ANSWER]),
            submissions.c.deleted_at.is_(None),
        )
    )


def _one(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> Submission:
    return Submission(**plain(connection.execute(sa.select(*_COLUMNS).where(condition)).one()))


def get(connection: sa.Connection, submission_id: str) -> Submission | None:
    """One submission by our own id, deleted ones too."""
    row = connection.execute(sa.select(*_COLUMNS).where(submissions.c.id == submission_id)).one_or_none()
    return Submission(**plain(row)) if row is not None else None


def by_seq(connection: sa.Connection, seq: int) -> Submission | None:
    """One submission by its place in the order of arrival."""
    row = connection.execute(sa.select(*_COLUMNS).where(submissions.c.seq == seq)).one_or_none()
    return Submission(**plain(row)) if row is not None else None


def page(
    connection: sa.Connection, wanted: Filter, *, limit: int, after: int | None = None, oldest_first: bool = False
) -> list[Submission]:
    """At most ``limit`` submissions past the row ``after`` (a ``seq``), the newest first or the oldest."""
    columns = submissions.c
    query = sa.select(*_COLUMNS).where(columns.deleted_at.is_(None)).limit(limit)
    for name in ("source", "form", "source_id", "department", "sentiment", "needs_review"):
        if (value := getattr(wanted, name)) is not None:
            query = query.where(columns[name] == value)
    if wanted.since is not None:
        query = query.where(columns.received_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(columns.received_at < wanted.until)
    if wanted.theme is not None:
        themes = submission_themes.c
        query = query.where(sa.exists().where(themes.seq == columns.seq, themes.theme == wanted.theme))
    if after is not None:
        query = query.where(columns.seq > after if oldest_first else columns.seq < after)
    query = query.order_by(columns.seq.asc() if oldest_first else columns.seq.desc())
    return [Submission(**plain(row)) for row in connection.execute(query)]


def delete(connection: sa.Connection, submission_id: str) -> bool:
    """Remove the text and all that was said of it; False when there is no such submission."""
    row = connection.execute(sa.select(submissions.c.seq).where(submissions.c.id == submission_id)).one_or_none()
    if row is None:
        return False
    _empty(connection, [row.seq])
    return True


def delete_answer(connection: sa.Connection, source: str, form: str, source_id: str) -> int:
    """Remove every comment of an answer, and remember that it is deleted; how many had a text still."""
    rows = connection.execute(
        sa.select(submissions.c.seq, submissions.c.item, submissions.c.deleted_at).where(
            _answer(source, form, source_id)
        )
    ).all()
    _empty(connection, [row.seq for row in rows if row.deleted_at is None])
    if not any(row.item == WHOLE_ANSWER for row in rows):
        now = datetime.now(UTC)
        values = {"id": uuid.uuid4().hex, "source": source, "form": form, "source_id": source_id, "item": WHOLE_ANSWER}
        connection.execute(sa.insert(submissions).values(values | {"received_at": now, "deleted_at": now}))
    return sum(row.deleted_at is None for row in rows)


def _empty(connection: sa.Connection, seqs: Iterable[int]) -> None:
    for seq in seqs:
        nothing: dict[str, Any] = dict.fromkeys(CONTENT)
        connection.execute(
            sa.update(submissions)
            .where(submissions.c.seq == seq, submissions.c.deleted_at.is_(None))
            .values(nothing | {"deleted_at": datetime.now(UTC)})
        )
        connection.execute(sa.delete(submission_themes).where(submission_themes.c.seq == seq))
        outbox.forget(connection, seq)
