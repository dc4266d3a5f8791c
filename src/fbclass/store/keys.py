"""Access keys: made once, shown once, kept only as a hash.

A key reads ``fbc_<id>_<secret>``. The secret is 32 random bytes, so one SHA-256 is enough: slow hashes
protect passwords that people choose and that can be guessed (OWASP Password Storage Cheat Sheet).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from fbclass.errors import InputError
from fbclass.store.database import Database
from fbclass.store.tables import api_keys, plain

SCOPES = ("classify", "submit", "read", "admin")
MAX_NAME = 100
_KEY = re.compile(r"fbc_([0-9a-f]{12})_([A-Za-z0-9_\-]{43})")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key; not the key itself. ``rate``: requests a minute, None: as the service is set."""

    id: str
    name: str
    scopes: tuple[str, ...]
    hash: str
    rate: int | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def active(self, now: datetime) -> bool:
        """Whether it may be used at this moment."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def split(key: str) -> tuple[str, str] | None:
    """The id and the hash of a key as it was handed out; None for what cannot be one."""
    found = _KEY.fullmatch(key)
    return (found[1], _hash(found[2])) if found else None


def matches(known: ApiKey, hashed: str) -> bool:
    """Compare hashes in a time that tells nothing."""
    return hmac.compare_digest(known.hash, hashed)


class KeyStore:
    """The keys in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self, name: str, scopes: Iterable[str], *, rate: int | None = None, expires_at: datetime | None = None
    ) -> tuple[ApiKey, str]:
        """Make a key: what is kept of it, and the key itself, which cannot be had again."""
        asked = set(scopes)
        wrong = sorted(asked - set(SCOPES))
        if wrong or not asked:
            found = ", ".join(wrong) or "none"
            raise InputError(
                f"the scope {found} does not exist: give one or more of {', '.join(SCOPES)}",
                f"没有 {found} 这个权限：请给出 {'、'.join(SCOPES)} 中的一个或多个",
            )
        if not (name.strip() and len(name) <= MAX_NAME and name.isprintable()):
            raise InputError(
                f"the name {name!r} cannot be used: give 1 to {MAX_NAME} printable characters that say who uses it",
                f"名称 {name!r} 不能用：请用 1 到 {MAX_NAME} 个可见字符说明由谁使用",
            )
        if rate is not None and not 1 <= rate <= 1_000_000:
            raise InputError(
                f"the rate {rate} cannot be used: give 1 to 1000000 requests a minute, or none",
                f"速率 {rate} 不能用：请给出每分钟 1 到 1000000 次，或不设置",
            )
        secret = secrets.token_urlsafe(32)
        key = ApiKey(
            id=secrets.token_hex(6),
            name=name,
            scopes=tuple(scope for scope in SCOPES if scope in asked),
            hash=_hash(secret),
            rate=rate,
            created_at=datetime.now(UTC),
            expires_at=expires_at,
            revoked_at=None,
        )
        values = {field: getattr(key, field) for field in ApiKey.__slots__} | {"scopes": " ".join(key.scopes)}
        with self._database.write() as connection:
            connection.execute(sa.insert(api_keys).values(values))
        return key, f"fbc_{key.id}_{secret}"

    def list(self) -> tuple[ApiKey, ...]:
        """All keys ever made, the oldest first; revoked and expired ones too."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)).all()
        return tuple(ApiKey(**plain(row) | {"scopes": tuple(row.scopes.split())}) for row in rows)

    def revoke(self, key_id: str) -> ApiKey:
        """End a key's use for ever; revoking it again changes nothing."""
        with self._database.write() as connection:
            chosen = api_keys.c.id == key_id
            still = sa.update(api_keys).where(chosen, api_keys.c.revoked_at.is_(None))
            connection.execute(still.values(revoked_at=datetime.now(UTC)))
            row = connection.execute(sa.select(api_keys).where(chosen)).one_or_none()
        if row is None:
            raise InputError(
                f"there is no key {key_id}: fbclass keys list shows the ids",
                f"没有编号为 {key_id} 的密钥：用 fbclass keys list 查看编号",
            )
        return ApiKey(**plain(row) | {"scopes": tuple(row.scopes.split())})


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
