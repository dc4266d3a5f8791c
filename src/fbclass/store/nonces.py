"""Numbers used once: a signed message that comes a second time is a replay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from fbclass.store.tables import nonces


def seen(connection: sa.Connection, source: str, nonce: str) -> bool:
    """True when ``first_time`` was asked for it, and its time is not over."""
    same = sa.and_(nonces.c.source == source, nonces.c.nonce == nonce, nonces.c.expires_at > datetime.now(UTC))
    return connection.execute(sa.select(nonces.c.nonce).where(same)).first() is not None


def first_time(connection: sa.Connection, source: str, nonce: str, keep: timedelta) -> bool:
    """True when ``source`` has not sent this nonce within its time; it is remembered for ``keep``."""
    now = datetime.now(UTC)
    connection.execute(sa.delete(nonces).where(nonces.c.expires_at <= now))
    same = sa.and_(nonces.c.source == source, nonces.c.nonce == nonce)
    if connection.execute(sa.select(nonces.c.nonce).where(same)).first() is not None:
        return False
    connection.execute(sa.insert(nonces).values(source=source, nonce=nonce, expires_at=now + keep))
    return True
