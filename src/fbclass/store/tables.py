"""The tables, as SQLAlchemy Core knows them. A change here needs a migration in ``migrations/versions``.

Free text is Text without a limit: masking may make it longer than what came in. ``seq`` grows with
every commit (writers take turns, see ``Database.write``), so that pages made by it lose and repeat nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in, the same moment in UTC out; SQLite itself knows no time zones."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = to_utc(value)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def to_utc(moment: datetime) -> datetime:
    """The moment in UTC; what lies before the year 1 or after 9999 there becomes the nearest that does not."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone: give one, for example moment.replace(tzinfo=UTC)")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return EARLIEST if moment.year < 5000 else LATEST


# SQLite counts rows only in a column that is INTEGER to the letter.
_Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

submissions = sa.Table(
    "submissions",
    metadata,
    sa.Column("seq", _Number, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(32), nullable=False, unique=True),
    # Where it came from. One answer (source_id) may have several comments: item tells them apart.
    sa.Column("source", sa.String(40), nullable=False),
    sa.Column("form", sa.String(200), nullable=False),
    sa.Column("source_id", sa.String(200)),
    sa.Column("item", sa.String(200), nullable=False, server_default=""),
    sa.Column("client", sa.String(40)),  # whose idempotency key it is
    sa.Column("idempotency_key", sa.String(200)),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("deleted_at", UtcDateTime),  # set: everything below is null, and it stays deleted when sent again
    sa.Column("fingerprint", sa.String(64)),
    sa.Column("text", sa.Text),
    sa.Column("question", sa.Text),
    sa.Column("department", sa.Text),
    sa.Column("submitted_at", UtcDateTime),
    sa.Column("sentiment", sa.String(16)),
    sa.Column("needs_review", sa.Boolean),
    sa.Column("prediction", sa.JSON(none_as_null=True)),
    sa.UniqueConstraint("source", "form", "source_id", "item"),
    sa.UniqueConstraint("client", "idempotency_key"),
    sa.Index(None, "form", "seq"),
    sa.Index(None, "received_at"),
    sqlite_autoincrement=True,  # the number of a deleted row is never given again
)

CONTENT = ("fingerprint", "text", "question", "department", "submitted_at", "sentiment", "needs_review", "prediction")

submission_themes = sa.Table(
    "submission_themes",
    metadata,
    sa.Column("theme", sa.String(40), primary_key=True),
    sa.Column("seq", _Number, sa.ForeignKey(submissions.c.seq, ondelete="CASCADE"), primary_key=True, index=True),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("number", _Number, primary_key=True, autoincrement=True),
    sa.Column("event", sa.String(32), nullable=False, unique=True),
    sa.Column("seq", _Number, sa.ForeignKey(submissions.c.seq, ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("due_at", UtcDateTime, nullable=False, index=True),
)

dead_letters = sa.Table(
    "dead_letters",
    metadata,
    sa.Column("number", _Number, primary_key=True, autoincrement=True),
    sa.Column("event", sa.String(32), nullable=False, unique=True),
    sa.Column("seq", _Number, sa.ForeignKey(submissions.c.seq, ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("reason", sa.String(200), nullable=False),  # a status or the kind of error, never text of anyone's
    sa.Column("failed_at", UtcDateTime, nullable=False),
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("scopes", sa.String(200), nullable=False),  # set apart by spaces
    sa.Column("hash", sa.String(64), nullable=False),  # SHA-256 of the secret half
    sa.Column("rate", sa.Integer),  # requests a minute; null: as the service is set
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime),
    sa.Column("revoked_at", UtcDateTime),
)

nonces = sa.Table(
    "nonces",
    metadata,
    sa.Column("source", sa.String(40), primary_key=True),
    sa.Column("nonce", sa.String(200), primary_key=True),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
)


def plain(row: Any) -> dict[str, Any]:
    """A row as a dict by column name."""
    return dict(row._mapping)
