"""Put an HTTP service under load and note every answer: status and seconds.

A bare client on asyncio: on two cores one that does more would measure itself.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
# Seconds by which a timer of the event loop may be late (epoll counts in milliseconds). Answers are timed from the
# moment a request was due, so the last of the wait is spent looking at the clock: lateness here is not the service's.
_TIMER = 0.002
Body = Callable[[], Any]


@dataclass
class Figures:
    """Seconds to the answer, by status; 0 is a connection that broke."""

    seconds: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    duration: float = 0.0

    def count(self, status: int) -> int:
        """Answers with this status."""
        return len(self.seconds.get(status, ()))

    @property
    def bad(self) -> int:
        """Answers of the service that tell of its own failure, and broken connections."""
        return sum(len(some) for status, some in self.seconds.items() if status == 0 or status >= 500)

    def milliseconds(self, percentile: float, status: int = 200) -> float:
        """A percentile of the answers with one status; NaN when there are none."""
        some = self.seconds.get(status)
        return 1000 * float(np.percentile(some, percentile)) if some else float("nan")


class Client(asyncio.Protocol):
    """One keep-alive connection, one request at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: Any = None

    @classmethod
    async def connect(cls, port: int) -> Client:
        """A connection to this machine."""
        _, client = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found or self._answer is None:
            return
        length = _LENGTH.search(head)
        size = int(length[1]) if length else 0
        if len(body) >= size:
            self._buffer = body[size:]
            if not self._answer.done():
                self._answer.set_result((int(head[9:12]), body[:size]))

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((0, b""))
        self._transport = None

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """Status and body of the answer; status 0 when the connection is broken."""
        if self._transport is None or self._transport.is_closing():
            return 0, b""
        raw = json.dumps(body, ensure_ascii=False).encode() if body is not None else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(f"{head}Content-Length: {len(raw)}\r\n\r\n".encode() + raw)
        return await self._answer

    def close(self) -> None:
        """Give the connection up."""
        if self._transport is not None:
            self._transport.close()


async def closed_loop(
    port: int, body: Body, *, clients: int, seconds: float = 0.0, requests: int = 0, path: str = "/v1/classify"
) -> Figures:
    """Every client asks again as soon as it is answered: for ``seconds``, or until ``requests`` were made."""
    figures = Figures()
    begin = time.perf_counter()
    left = requests

    async def work() -> None:
        nonlocal left
        client = await Client.connect(port)
        while time.perf_counter() - begin < seconds or left > 0:
            left -= 1
            sent = time.perf_counter()
            status, _ = await client.ask("POST", path, body())
            figures.seconds[status].append(time.perf_counter() - sent)
            if status == 0:
                client = await Client.connect(port)
        client.close()

    await asyncio.gather(*(work() for _ in range(clients)))
    figures.duration = time.perf_counter() - begin
    return figures


async def open_loop(
    port: int, body: Body, *, rate: float, seconds: float, clients: int, path: str = "/v1/classify"
) -> Figures:
    """Requests at fixed moments, whether or not the ones before were answered.

    Times count from the moment a request was due, so that a service that stalls cannot hide it.
    """
    figures = Figures()
    free: asyncio.LifoQueue[Client] = asyncio.LifoQueue()
    for _ in range(clients):
        free.put_nowait(await Client.connect(port))
    tasks: set[asyncio.Task[None]] = set()

    async def one(due: float) -> None:
        client = await free.get()
        status, _ = await client.ask("POST", path, body())
        figures.seconds[status].append(time.perf_counter() - due)
        free.put_nowait(client if status else await Client.connect(port))

    begin = time.perf_counter()
    for number in range(int(rate * seconds)):
        due = begin + number / rate
        if (wait := due - time.perf_counter() - _TIMER) > 0:
            await asyncio.sleep(wait)
        while time.perf_counter() < due:
            await asyncio.sleep(0)
        task = asyncio.create_task(one(due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    figures.duration = time.perf_counter() - begin
    while not free.empty():
        free.get_nowait().close()
    return figures
