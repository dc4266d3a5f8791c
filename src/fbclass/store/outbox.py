"""What is still to be told to the outgoing webhook, and what could not be.

A submission enters the outbox in the transaction that stores it, so neither is ever there without the
other. A delivery is claimed for a time: when the process dies over it, it becomes due again.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from fbclass.store.tables import dead_letters, plain, submissions
from fbclass.store.tables import outbox as waiting


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event to deliver; ``attempts`` counts this one."""

    number: int
    event: str
    seq: int
    attempts: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that was given up; ``submission``: the id of the one that it tells of."""

    event: str
    submission: str
    attempts: int
    reason: str
    failed_at: datetime


def add(connection: sa.Connection, seq: int) -> None:
    """Let the submission be told, as it is when its turn comes."""
    connection.execute(sa.insert(waiting).values(event=uuid.uuid4().hex, seq=seq, attempts=0, due_at=datetime.now(UTC)))


def claim(connection: sa.Connection, *, limit: int, lease: timedelta) -> list[Delivery]:
    """Take events that are due, the oldest first; nobody else gets them until ``lease`` is over."""
    now = datetime.now(UTC)
    due = sa.select(waiting).where(waiting.c.due_at <= now).order_by(waiting.c.number).limit(limit)
    claimed = []
    for row in connection.execute(due).all():
        connection.execute(
            sa.update(waiting)
            .where(waiting.c.number == row.number)
            .values(attempts=row.attempts + 1, due_at=now + lease)
        )
        claimed.append(Delivery(row.number, row.event, row.seq, row.attempts + 1))
    return claimed


def delivered(connection: sa.Connection, delivery: Delivery) -> None:
    """It has arrived."""
    connection.execute(sa.delete(waiting).where(waiting.c.number == delivery.number))


def failed(connection: sa.Connection, delivery: Delivery, reason: str, again_at: datetime | None) -> None:
    """It has not: try again then, or (None) put it among the dead letters."""
    if again_at is not None:
        connection.execute(sa.update(waiting).where(waiting.c.number == delivery.number).values(due_at=again_at))
        return
    gone = connection.execute(sa.delete(waiting).where(waiting.c.number == delivery.number)).rowcount
    if gone:  # otherwise the submission was deleted meanwhile
        connection.execute(
            sa.insert(dead_letters).values(
                event=delivery.event,
                seq=delivery.seq,
                attempts=delivery.attempts,
                reason=reason[:200],
                failed_at=datetime.now(UTC),
            )
        )


def list_dead(connection: sa.Connection, *, limit: int) -> list[DeadLetter]:
    """What was given up, the newest first."""
    letters = dead_letters.c
    query = (
        sa.select(
            letters.event, submissions.c.id.label("submission"), letters.attempts, letters.reason, letters.failed_at
        )
        .join(submissions, submissions.c.seq == letters.seq)
        .order_by(letters.number.desc())
        .limit(limit)
    )
    return [DeadLetter(**plain(row)) for row in connection.execute(query)]


def revive(connection: sa.Connection) -> int:
    """Put every dead letter back into the outbox, due at once, under its old event id; how many there were."""
    rows = connection.execute(sa.delete(dead_letters).returning(dead_letters.c.event, dead_letters.c.seq)).all()
    now = datetime.now(UTC)
    if rows:
        again = [{"event": row.event, "seq": row.seq, "attempts": 0, "due_at": now} for row in rows]
        connection.execute(sa.insert(waiting), again)
    return len(rows)


def count(connection: sa.Connection) -> tuple[int, int]:
    """How many events wait, and how many are dead."""
    counts = [
        connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in (waiting, dead_letters)
    ]
    return counts[0], counts[1]


def forget(connection: sa.Connection, seq: int) -> None:
    """A submission was deleted: nothing of it is told any more."""
    for table in (waiting, dead_letters):
        connection.execute(sa.delete(table).where(table.c.seq == seq))
