"""Merge requests that arrive together into one batch, outside the event loop.

One worker thread does the work. While it is busy, requests gather; when it is free, what has gathered
is one batch. A long list goes through in pieces, so that a single item never waits for all of it. The
model is fed this way, and so is the database: many submissions share one commit.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


_SHARE = 0.2  # of the last batch in the pace


class QueueFullError(Exception):
    """So much is waiting that another item would wait too long."""


class ClosedError(Exception):
    """The batcher is stopping and takes nothing new."""


@dataclass(frozen=True, slots=True, eq=False)
class _Job(Generic[Item, Result]):
    items: Sequence[Item]
    weight: float
    answer: asyncio.Future[list[Result | Exception]]


def _always(_: Exception) -> bool:
    return True


def _one(_: object) -> float:
    return 1.0


class Batcher(Generic[Item, Result]):
    """Turns ``run`` (items in, as many results out, blocking) into ``await submit(items)``.

    wait: seconds to wait for company when a request finds the worker idle. batch: items in one call of
    ``run``, at most. limit: items in the queue and at work, at most. weigh: the work that an item makes;
    most: work in one call of ``run``, unless a single item is more. patience: seconds that what is there
    already may take, judged by the pace of the last batches, before nothing more is accepted; None: any.
    apart: whether a batch that failed so should be tried in halves, to find the item to blame. observe:
    told the size of every batch. Use it as an async context manager; leaving it finishes what has been
    accepted.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Sequence[Result]],
        *,
        wait: float,
        limit: int,
        batch: int = 64,
        weigh: Callable[[Item], float] = _one,
        most: float = math.inf,
        patience: float | None = None,
        apart: Callable[[Exception], bool] = _always,
        observe: Callable[[int], None] | None = None,
        name: str = "worker",
    ) -> None:
        self._run = run
        self._wait = wait
        self._limit = limit
        self._batch = batch
        self._weigh = weigh
        self._most = most
        self._patience = patience
        self._pace = 0.0  # seconds for a unit of work, averaged over the last batches
        self._apart = apart
        self._observe = observe
        self._waiting: deque[_Job[Item, Result]] = deque()
        self._queued = 0  # items in the queue and at work; of a long list only the piece whose turn it is
        self._work_queued = 0.0  # what they weigh
        self._open = 0  # requests accepted and not yet answered
        self._closed = False
        self._changed = asyncio.Event()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    @property
    def queued(self) -> int:
        """Items in the queue and at work."""
        return self._queued

    def full(self, more: int = 1) -> bool:
        """Whether ``more`` items would be refused now. An idle worker takes any number."""
        if not self._queued:
            return False
        if self._queued + min(more, self._batch) > self._limit:
            return True
        if self._patience is None or (self._queued < self._batch and self._work_queued < self._most):
            # One batch is always let in: with less to do the worker would idle while the refused come back and back.
            return False
        return self._work_queued * self._pace > self._patience

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._work())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closed = True
        self._changed.set()
        await self._task
        self._worker.shutdown()

    async def submit(self, items: Sequence[Item]) -> list[Result]:
        """Results for ``items``, in order; the first failure is raised, ``QueueFullError`` at once."""
        results: list[Result] = []
        for result in await self.submit_each(items):
            if isinstance(result, Exception):
                raise result
            results.append(result)
        return results

    async def submit_each(self, items: Sequence[Item]) -> list[Result | Exception]:
        """Results for ``items``, in order, with the exception in the place of one that failed."""
        if self._closed:
            raise ClosedError
        if self.full(len(items)):
            raise QueueFullError
        self._open += 1
        try:
            results: list[Result | Exception] = []
            for piece, weight in self._pieces(items):
                # One piece at a time: others get their turn between the pieces of a long list.
                results += await self._answer(piece, weight)
            return results
        finally:
            self._open -= 1
            self._changed.set()

    def _pieces(self, items: Sequence[Item]) -> Iterator[tuple[list[Item], float]]:
        piece: list[Item] = []
        weight = 0.0
        for item in items:
            more = self._weigh(item)
            if piece and (len(piece) == self._batch or weight + more > self._most):
                yield piece, weight
                piece, weight = [], 0.0
            piece.append(item)
            weight += more
        if piece:
            yield piece, weight

    async def _answer(self, items: Sequence[Item], weight: float) -> list[Result | Exception]:
        job: _Job[Item, Result] = _Job(items, weight, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        self._queued += len(items)
        self._work_queued += weight
        self._changed.set()
        try:
            return await job.answer
        finally:
            self._queued -= len(items)
            self._work_queued = self._work_queued - weight if self._queued else 0.0  # no sum of rounding errors

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self._open or not self._closed:
            if not self._waiting:
                self._changed.clear()
                await self._changed.wait()
                if self._wait and self._waiting and not self._closed:
                    await asyncio.sleep(self._wait)
            if jobs := self._next_batch():
                items = [item for job in jobs for item in job.items]
                if self._observe is not None:
                    self._observe(len(items))
                begin = loop.time()
                results = await loop.run_in_executor(self._worker, self._results, items)
                weight = sum(job.weight for job in jobs)
                self._pace += _SHARE * ((loop.time() - begin) / max(weight, 1.0) - self._pace)
                start = 0
                for job in jobs:
                    if not job.answer.done():
                        job.answer.set_result(results[start : start + len(job.items)])
                    start += len(job.items)

    def _next_batch(self) -> list[_Job[Item, Result]]:
        jobs: list[_Job[Item, Result]] = []
        size, weight = 0, 0.0
        while self._waiting:
            job = self._waiting[0]
            if jobs and (size + len(job.items) > self._batch or weight + job.weight > self._most):
                break
            self._waiting.popleft()
            if not job.answer.done():  # done already: whoever asked has given up
                jobs.append(job)
                size += len(job.items)
                weight += job.weight
        return jobs

    def _results(self, items: Sequence[Item]) -> list[Result | Exception]:
        """As many results as items. One item that fails must not fail the others of its batch."""
        try:
            results = list(self._run(items))
            if len(results) != len(items):
                raise RuntimeError(f"{len(results)} results for {len(items)} items")
            return [*results]
        except Exception as error:  # noqa: BLE001 -- handed on to whoever waits for the answer
            if len(items) == 1 or not self._apart(error):
                return [error] * len(items)
        middle = len(items) // 2
        return self._results(items[:middle]) + self._results(items[middle:])
