"""Who may ask for what: the rule of every path, the keys that are known, and how often each may ask.

The rules stand in one table, are enforced before a body is read, and let nothing through that they do
not name: a route that nobody thought of asks for a key.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import MappingProxyType

from api.kinds import KEY_MISSING, KEY_REFUSED, RATE_LIMITED, SCOPE_MISSING
from api.problems import ProblemError
from fbclass.errors import StoreError
from fbclass.store.keys import ApiKey, matches, split

OPEN = "open"  # probes; and receivers, which check the signature of their platform themselves
ANY_KEY = "any"

# Method (None: any), path and all below it, and the scope that is asked for. The first that fits counts.
RULES: tuple[tuple[str | None, str, str], ...] = (
    (None, "/health", OPEN),
    (None, "/v2/health", OPEN),
    (None, "/v1/receivers", OPEN),
    ("POST", "/v1/classify", "classify"),
    ("POST", "/v2/models", "classify"),
    ("POST", "/v1/submissions", "submit"),
    ("GET", "/v1/submissions", "read"),
    ("DELETE", "/v1/submissions", "admin"),
    (None, "/v1/dead-letters", "admin"),
    (None, "/v1/model/reload", "admin"),
    (None, "/", ANY_KEY),
)
_REFRESH = 1.0  # seconds after which a key made or revoked elsewhere is known here
_MISS_REFRESH = 0.25  # an unknown key is looked up before it is refused, all that came meanwhile together

log = logging.getLogger("api")


def rule(method: str, path: str) -> str:
    """``OPEN``, ``ANY_KEY`` or the scope that a request needs."""
    for wanted, prefix, need in RULES:
        if wanted in (None, method) and (path == prefix or path.startswith(prefix.rstrip("/") + "/")):
            return need
    return ANY_KEY


class KeyRing:
    """The keys of the database, kept in memory: a database that is away keeps no one out and lets no one in."""

    def __init__(self, load: Callable[[], tuple[ApiKey, ...]]) -> None:
        self._load = load
        self._keys: MappingProxyType[str, ApiKey] = MappingProxyType({})
        self._loaded = 0.0
        self._lock = asyncio.Lock()

    @property
    def in_use(self) -> bool:
        """True once a key was ever made: revoking the last one closes the door instead of opening it."""
        return bool(self._keys)

    def active(self) -> bool:
        """Whether any key may be used now."""
        return any(key.active(datetime.now(UTC)) for key in self._keys.values())

    async def refresh(self) -> None:
        """Read the keys again."""
        async with self._lock:
            await self._read()

    async def _read(self) -> None:
        begun = time.monotonic()
        keys = await asyncio.to_thread(self._load)
        self._keys = MappingProxyType({key.id: key for key in keys})
        self._loaded = begun

    async def _look_again(self, arrived: float) -> bool:
        """Make sure that the keys were read after ``arrived``; False when they cannot be."""
        async with self._lock:
            if self._loaded < arrived:
                # Whoever guesses waits, and does not make the database work.
                await asyncio.sleep(max(0.0, self._loaded + _MISS_REFRESH - arrived))
                try:
                    await self._read()
                except StoreError:
                    return False
        return True

    async def watch(self) -> None:
        """Refresh for ever."""
        failing = False
        while True:
            await asyncio.sleep(_REFRESH)
            try:
                await self.refresh()
                failing = False
            except StoreError as error:
                if not failing:
                    log.warning("the keys cannot be read, those known stay in force: %s", error.english)
                failing = True

    async def find(self, token: str) -> ApiKey | None:
        """The key that ``token`` is, if it may be used now."""
        parts = split(token)
        if parts is None:
            return None
        key_id, hashed = parts
        if key_id not in self._keys and not await self._look_again(time.monotonic()):
            return None
        key = self._keys.get(key_id)
        if key is None or not matches(key, hashed) or not key.active(datetime.now(UTC)):
            return None
        return key


class RateLimiter:
    """A bucket of requests for each key: it holds a minute's worth and fills evenly."""

    def __init__(self, default: int, now: Callable[[], float] = time.monotonic) -> None:
        self._default = default
        self._now = now
        self._buckets: dict[str, tuple[float, float]] = {}  # requests left, and when that was so

    def wait(self, key: ApiKey) -> float:
        """Take one request from the key's bucket: 0, or the seconds until there is one."""
        rate = key.rate or self._default
        if not rate:
            return 0.0
        now = self._now()
        left, then = self._buckets.get(key.id, (float(rate), now))
        left = min(float(rate), left + (now - then) * rate / 60)
        self._buckets[key.id] = (left - 1, now) if left >= 1 else (left, now)
        return 0.0 if left >= 1 else (1 - left) * 60 / rate


async def admit(ring: KeyRing, limiter: RateLimiter, method: str, path: str, authorization: str) -> ApiKey | None:
    """The key of a request that may go on, None where none is needed; else 401, 403 or 429 as a ``ProblemError``."""
    need = rule(method, path)
    if need == OPEN:
        return None
    kind, _, token = authorization.partition(" ")
    if kind.lower() != "bearer" or not token:
        raise ProblemError(KEY_MISSING, headers={"WWW-Authenticate": 'Bearer realm="fbclass"'})
    key = await ring.find(token.strip())
    if key is None:
        raise ProblemError(KEY_REFUSED, headers={"WWW-Authenticate": 'Bearer realm="fbclass", error="invalid_token"'})
    if need not in (ANY_KEY, *key.scopes):
        challenge = f'Bearer realm="fbclass", error="insufficient_scope", scope="{need}"'
        raise ProblemError(SCOPE_MISSING, headers={"WWW-Authenticate": challenge})
    if seconds := limiter.wait(key):
        raise ProblemError(RATE_LIMITED, headers={"Retry-After": str(math.ceil(seconds))})
    return key
