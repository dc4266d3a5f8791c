"""Kill the service in the middle of submissions, over and over, and count what is lost or doubled."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from typing import Protocol

from benchmarks.load import Client

_CLIENTS = 100


class Killable(Protocol):
    """A service that can be killed and started again on the same database."""

    port: int

    def kill(self) -> None: ...
    def start(self) -> None: ...


async def kill_rounds(service: Killable, rounds: int, submissions: int) -> tuple[int, int, int]:
    """Lost, doubled, and acknowledged before a kill. In the end everything was sent again and must be there once."""
    lost = before_kill = 0
    chosen = random.Random(3)
    for number in range(rounds):
        ids = [f"{number}-{i}" for i in range(submissions)]
        # At any moment, also before the first and after most of them.
        acknowledged = await _send(service, ids, kill_after=int(chosen.uniform(0, 0.9) * submissions))
        before_kill += len(acknowledged)
        service.start()
        found = await _stored(service.port)
        lost += len(acknowledged - set(found))
        acknowledged |= await _send(service, ids)
        lost += submissions - len(acknowledged)
    counts = Counter(await _stored(service.port))
    lost += rounds * submissions - len(counts)
    return lost, sum(counts.values()) - len(counts), before_kill


async def _send(service: Killable, ids: list[str], kill_after: int | None = None) -> set[str]:
    """Send until all are acknowledged, or so many that the service is killed; those that were acknowledged."""
    acknowledged: set[str] = set()
    left = list(ids)
    killed = asyncio.Event()

    async def work() -> None:
        try:
            client = await Client.connect(service.port)
        except OSError:
            if killed.is_set():
                return
            raise
        while left and not killed.is_set():
            one = left.pop()
            body = {"form": "kill", "source_id": one, "text": f"{one} 报销单交上去一个月了还没批，问了也没人回"}
            status, _ = await client.ask("POST", "/v1/submissions", body)
            if status in (200, 201):
                acknowledged.add(one)
            elif status == 429:  # the queue is full, as it should be: a form would send again
                left.append(one)
                await asyncio.sleep(0.05)
            elif not (status == 0 and killed.is_set()):
                raise RuntimeError(f"status {status} for a submission")
            if kill_after is not None and len(acknowledged) >= kill_after and not killed.is_set():
                killed.set()
                service.kill()
        client.close()

    await asyncio.gather(*(work() for _ in range(_CLIENTS)))
    if kill_after is not None and not killed.is_set():
        service.kill()
    return acknowledged


async def _stored(port: int) -> list[str]:
    client = await Client.connect(port)
    found: list[str] = []
    cursor = ""
    while True:
        status, raw = await client.ask("GET", f"/v1/submissions?limit=200{cursor}")
        assert status == 200, raw
        page = json.loads(raw)
        found += [one["source_id"] for one in page["submissions"]]
        if page["next"] is None:
            client.close()
            return found
        cursor = f"&cursor={page['next']}"
