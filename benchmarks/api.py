"""Measure the HTTP service with the bundled model on this machine, and try to break it. Prints a table in Markdown.

    python -m benchmarks.api                                    (make bench-api, which also runs the fuzz tests)
    python -m benchmarks.api --only latency,saturation --scale 0.1

Sections: latency, saturation (and twice that load), memory, kill. ``--scale`` shortens them. The service is a process
of its own; the load comes from this one, on the same cores. Close other programs first. The exit status is 1
when a figure misses its target.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.kill import kill_rounds
from benchmarks.load import Body, closed_loop, open_loop
from benchmarks.throughput import FOLDER, read_texts
from tests.postgres import INSTALL, Postgres, programs

SECTIONS = ("latency", "saturation", "memory", "kill")
_CLIENTS = 64


@dataclass(frozen=True, slots=True)
class Result:
    """One figure and whether it is as it should be."""

    name: str
    value: str
    target: str
    met: bool


class Service:
    """``python -m api`` on a free port, its log in ``folder``."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self._log = folder / "service.log"  # a pipe that nobody reads would stop it
        self._environment = os.environ | {
            "FBCLASS_PORT": "0",
            "FBCLASS_DATABASE_URL": database_url,
            "FBCLASS_LOG_FORMAT": "json",
        }
        self.start()

    def start(self) -> None:
        """Start and wait until it answers."""
        with self._log.open("w", encoding="utf-8") as log:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "api"], env=self._environment, stdout=log, stderr=subprocess.STDOUT
            )
        while True:
            text = self._log.read_text(encoding="utf-8")
            if found := re.search(r"running on http://127\.0\.0\.1:(\d+)", text):
                self.port = int(found[1])
                break
            if self.popen.poll() is not None:
                sys.exit(f"the service did not start:\n{text}")
            time.sleep(0.05)
        while True:
            try:
                self.get("/health/ready")
                return
            except urllib.error.HTTPError:
                time.sleep(0.05)

    def get(self, path: str) -> str:
        """The body of an answer."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            return str(answer.read().decode())

    def memory(self) -> float:
        """Resident memory in MB, as the service itself tells Prometheus."""
        found = re.search(r"^process_resident_memory_bytes (\S+)", self.get("/metrics"), re.MULTILINE)
        assert found
        return float(found[1]) / 1e6

    def kill(self) -> None:
        """kill -9."""
        self.popen.kill()
        self.popen.wait()

    def stop(self) -> None:
        """Let it finish."""
        self.popen.terminate()
        self.popen.wait()


@contextmanager
def service() -> Iterator[Service]:
    """A service with a database of its own."""
    with tempfile.TemporaryDirectory() as folder:
        running = Service(Path(folder), f"sqlite:///{Path(folder, 'fbclass.db')}")
        yield running
        running.stop()


def comments(low: int, high: int) -> Body:
    """Bodies with one comment of this length each, in turn."""
    texts = [text for text in read_texts(FOLDER, 100_000) if low <= len(text) <= high]
    chosen = random.Random(1)
    return lambda: {"text": chosen.choice(texts)}


def latency(scale: float) -> Iterator[Result]:
    """One comment of about 40 characters, keep-alive, 50 a second."""
    with service() as running:
        body = comments(35, 45)
        asyncio.run(closed_loop(running.port, body, clients=1, requests=100))  # the first calls also allocate
        found = asyncio.run(open_loop(running.port, body, rate=50, seconds=60 * scale, clients=8))
    for percentile, limit in ((50, 6), (99, 25)):
        value = found.milliseconds(percentile)
        yield Result(f"p{percentile} at 50 requests a second", f"{value:.1f} ms", f"at most {limit} ms", value <= limit)
    yield Result(
        "answers other than 200",
        str(sum(map(len, found.seconds.values())) - found.count(200)),
        "0",
        set(found.seconds) == {200},
    )


def saturation(scale: float) -> Iterator[Result]:
    """64 clients, then twice as much as the service can do."""
    body = comments(35, 45)
    with service() as running:
        asyncio.run(closed_loop(running.port, body, clients=_CLIENTS, seconds=3))
        found = asyncio.run(closed_loop(running.port, body, clients=_CLIENTS, seconds=30 * scale))
        rate = found.count(200) / found.duration
        yield Result(f"requests a second, {_CLIENTS} clients", f"{rate:.0f}", "at least 500", rate >= 500)
        yield Result("5xx and broken connections meanwhile", str(found.bad), "0", found.bad == 0)
        over = asyncio.run(open_loop(running.port, body, rate=2 * rate, seconds=30 * scale, clients=1000))
    p99 = over.milliseconds(99)
    accepted = over.count(200) / over.duration
    yield Result("p99 of the accepted at twice that", f"{p99:.0f} ms", "under 250 ms", p99 < 250)
    yield Result("accepted a second at twice that", f"{accepted:.0f}", "", True)
    share = over.count(429) / max(1, sum(map(len, over.seconds.values())))
    yield Result("answered 429 at twice that", f"{100 * share:.0f}%", "the excess", over.count(429) > 0)
    yield Result("5xx and broken connections at twice that", str(over.bad), "0", over.bad == 0)


def memory(scale: float) -> Iterator[Result]:
    """100,000 requests of random length."""
    texts = read_texts(FOLDER, 100_000)
    chosen = random.Random(2)

    def body() -> dict[str, str]:
        length = int(2 ** chosen.uniform(0, 10))  # 1 to 1024 characters, as many short as long ones
        text = ""
        while len(text) < length:
            text += chosen.choice(texts)
        return {"text": text[:length]}

    requests = int(100_000 * scale)
    with service() as running:
        start = running.memory()
        yield Result("memory after start", f"{start:.0f} MB", "under 350 MB", start < 350)
        asyncio.run(closed_loop(running.port, body, clients=16, requests=max(100, requests // 50)))
        warm = running.memory()
        found = asyncio.run(closed_loop(running.port, body, clients=16, requests=requests))
        end = running.memory()
    growth = end / warm - 1
    yield Result(f"memory after {requests // 50:,} requests of random length", f"{warm:.0f} MB", "", True)
    yield Result(f"memory after {requests:,} more", f"{end:.0f} MB ({growth:+.1%})", "under +10%", growth < 0.10)
    yield Result("5xx and broken connections meanwhile", str(found.bad), "0", found.bad == 0)


def kill(scale: float) -> Iterator[Result]:
    """kill -9 in the middle of 2,000 submissions, 20 times over, on both databases."""
    rounds, submissions = max(1, round(20 * scale)), max(100, int(2000 * min(1.0, 5 * scale)))
    with tempfile.TemporaryDirectory() as folder:
        yield _killed("SQLite", f"sqlite:///{Path(folder, 'fbclass.db')}", rounds, submissions)
    if programs() is None:
        yield Result("killed, PostgreSQL", f"not measured: {INSTALL}", "none lost, none doubled", False)
        return
    with Postgres() as server:
        yield _killed("PostgreSQL", server.new_database(), rounds, submissions)


def _killed(name: str, url: str, rounds: int, submissions: int) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        running = Service(Path(folder), url)
        lost, doubled, acknowledged = asyncio.run(kill_rounds(running, rounds, submissions))
        running.stop()
    return Result(
        f"kill -9, {rounds} × {submissions:,} submissions, {name}",
        f"{lost} lost, {doubled} doubled, {acknowledged:,} acknowledged before a kill",
        "0 lost, 0 doubled",
        lost == doubled == 0 and acknowledged > 0,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, set apart by commas")
    parser.add_argument("--scale", type=float, default=1.0, help="how long to measure: 0.1 is a tenth")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args()
    wanted = arguments.only.split(",")
    if wrong := set(wanted) - set(SECTIONS):
        parser.error(f"no section {', '.join(wrong)}; there are {', '.join(SECTIONS)}")

    results = []
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}\n")
    print("| measure | value | target | |\n| --- | ---: | ---: | --- |")
    for section in (latency, saturation, memory, kill):
        if section.__name__ in wanted:
            for result in section(arguments.scale):
                print(
                    f"| {result.name} | {result.value} | {result.target} | {'yes' if result.met else 'NO'} |",
                    flush=True,
                )
                results.append(result)
    if arguments.json is not None:
        arguments.json.write_text(
            json.dumps([asdict(r) for r in results], ensure_ascii=False, indent=2), encoding="utf-8"
        )
    return 0 if all(result.met for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
