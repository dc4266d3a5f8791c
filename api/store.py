"""The database as the event loop sees it: writes share commits on one thread, reads have a few of their own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Any, Self, TypeVar

import sqlalchemy as sa

from api.batching import Batcher, ClosedError, QueueFullError
from api.kinds import NOT_READY, QUEUE_FULL, STORAGE_DOWN, STORAGE_FULL
from api.problems import ProblemError
from fbclass.errors import StoreError, StoreFullError
from fbclass.store.database import Database

Value = TypeVar("Value")
Work = Callable[[sa.Connection], Value]
RETRY_AFTER = {"Retry-After": "1"}
LATER = {"Retry-After": "5"}
_QUEUE = 2048  # writes waiting, at most
_READERS = 4
_ERASE_AFTER = 0.2  # seconds in which deletions gather, before their traces are removed
_ERASE_AGAIN = 5.0

log = logging.getLogger("api")


class Store:
    """Use it as an async context manager; leaving it finishes the writes that were accepted."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._writer: Batcher[Work[Any], Any] = Batcher(
            self._commit, wait=0, limit=_QUEUE, apart=lambda error: not isinstance(error, StoreError), name="writer"
        )
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="reader")
        self._deleted = asyncio.Event()
        self._deleted.set()  # a process that died may have left traces

    async def __aenter__(self) -> Self:
        self._stack = AsyncExitStack()
        await self._stack.enter_async_context(self._writer)
        self._eraser = asyncio.create_task(self._erase())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._eraser.cancel()
        with suppress(asyncio.CancelledError):
            await self._eraser
        await self._stack.aclose()
        self._readers.shutdown()

    async def write(self, work: Work[Value]) -> Value:
        """Do ``work`` in a transaction that is on disk when this returns; it may run twice, but counts once.

        Raises 429, 503 or 507 as a ``ProblemError``; then nothing was stored (after a 503 in the moment
        of the commit it may have been: whoever writes must be able to do so again).
        """
        try:
            (value,) = await self._writer.submit([work])
        except StoreError as error:
            raise _problem(error) from None
        except QueueFullError:
            raise ProblemError(QUEUE_FULL, headers=RETRY_AFTER) from None
        except ClosedError:
            raise ProblemError(NOT_READY, headers=RETRY_AFTER) from None
        result: Value = value
        return result

    async def read(self, work: Work[Value]) -> Value:
        """Do ``work`` in a transaction that changes nothing."""

        def run() -> Value:
            with self._database.read() as connection:
                return work(connection)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, run)
        except StoreError as error:
            raise _problem(error) from None

    def erase_soon(self) -> None:
        """Something was deleted: remove its traces from log files and dead rows in a moment."""
        self._deleted.set()

    def _commit(self, works: Sequence[Work[Any]]) -> list[Any]:
        with self._database.write() as connection:
            return [work(connection) for work in works]

    async def _erase(self) -> None:
        while True:
            await self._deleted.wait()
            await asyncio.sleep(_ERASE_AFTER)
            self._deleted.clear()
            try:
                await asyncio.get_running_loop().run_in_executor(self._readers, self._database.erase)
            except StoreError:  # a long read holds the log, or the database is away: nothing is lost by waiting
                await asyncio.sleep(_ERASE_AGAIN)
                self._deleted.set()


def _problem(error: StoreError) -> ProblemError:
    log.warning("%s", error.english)
    if isinstance(error, StoreFullError):
        return ProblemError(STORAGE_FULL)
    return ProblemError(STORAGE_DOWN, headers=LATER)
