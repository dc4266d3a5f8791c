"""Merge requests that arrive together into one batch for the model, outside the event loop.

One worker thread runs the model. While it works, requests gather; when it is free, what has gathered
is one batch. A long list goes through in pieces, so that a single comment never waits for all of it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeVar

Result = TypeVar("Result")


class QueueFullError(Exception):
    """So many texts are waiting that another would wait too long."""


class ClosedError(Exception):
    """The batcher is stopping and takes nothing new."""


@dataclass(frozen=True, slots=True, eq=False)
class _Job(Generic[Result]):
    texts: Sequence[str]
    answer: asyncio.Future[list[Result]]


class Batcher(Generic[Result]):
    """Turns ``run`` (texts in, as many results out, blocking) into ``await submit(texts)``.

    wait: seconds to wait for company when a request finds the model idle. batch: texts in one call of
    ``run``, at most. limit: texts accepted and not yet answered, at most. Use it as an async context
    manager; leaving it finishes what has been accepted.
    """

    def __init__(
        self, run: Callable[[Sequence[str]], Sequence[Result]], *, wait: float, limit: int, batch: int = 64
    ) -> None:
        self._run = run
        self._wait = wait
        self._limit = limit
        self._batch = batch
        self._waiting: deque[_Job[Result]] = deque()
        self._accepted = 0  # texts accepted and not yet answered
        self._closed = False
        self._changed = asyncio.Event()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")

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

    async def submit(self, texts: Sequence[str]) -> list[Result]:
        """Results for ``texts``, in order; ``QueueFullError`` at once when there is no room."""
        if self._closed:
            raise ClosedError
        if self._accepted + len(texts) > self._limit:
            raise QueueFullError
        self._accepted += len(texts)
        try:
            results: list[Result] = []
            for start in range(0, len(texts), self._batch):
                # One piece at a time: others get their turn between the pieces of a long list.
                job: _Job[Result] = _Job(texts[start : start + self._batch], asyncio.get_running_loop().create_future())
                self._waiting.append(job)
                self._changed.set()
                results += await job.answer
            return results
        finally:
            self._accepted -= len(texts)
            self._changed.set()

    async def _work(self) -> None:
        while self._accepted or not self._closed:
            if not self._waiting:
                self._changed.clear()
                await self._changed.wait()
                if self._waiting and not self._closed:
                    await asyncio.sleep(self._wait)
            if jobs := self._next_batch():
                await self._answer(jobs)

    def _next_batch(self) -> list[_Job[Result]]:
        jobs: list[_Job[Result]] = []
        size = 0
        while self._waiting and size + len(self._waiting[0].texts) <= self._batch:
            job = self._waiting.popleft()
            if not job.answer.done():  # done already: whoever asked has given up
                jobs.append(job)
                size += len(job.texts)
        return jobs

    async def _answer(self, jobs: Sequence[_Job[Result]]) -> None:
        texts = [text for job in jobs for text in job.texts]
        try:
            results = await asyncio.get_running_loop().run_in_executor(self._worker, self._run, texts)
            if len(results) != len(texts):
                raise RuntimeError(f"{len(results)} results for {len(texts)} texts")
        except Exception as error:  # noqa: BLE001 -- handed on to whoever waits for the answer
            if len(jobs) > 1:  # one text that the model fails on must not fail the others
                for job in jobs:
                    await self._answer([job])
            elif not jobs[0].answer.done():
                jobs[0].answer.set_exception(error)
            return
        start = 0
        for job in jobs:
            if not job.answer.done():
                job.answer.set_result(list(results[start : start + len(job.texts)]))
            start += len(job.texts)
