"""Real servers on real sockets: in a thread for most tests, as a process where the process is the point."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from api.main import create_app
from api.predict import LoadEngine, load_classifier
from api.settings import Settings

ROOT = Path(__file__).parents[2]
Serve = Callable[..., AbstractContextManager[httpx.Client]]


@pytest.fixture(scope="session")
def serve(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Serve:
    """``with serve(max_batch=4) as client``: a server with these settings, and a client for it.

    Without a ``database_url`` of its own each server has an empty SQLite file.
    """

    @contextmanager
    def running(
        *, load: LoadEngine = load_classifier, wait_ready: bool = True, **settings: Any
    ) -> Iterator[httpx.Client]:
        own = {
            "model": tiny_model,
            "threads": 1,
            "database_url": f"sqlite:///{tmp_path_factory.mktemp('database') / 'fbclass.db'}",
            "queue_wait_ms": 60_000,  # how fast the machine is must not decide a test
        }
        app = create_app(Settings(**own | settings), load=load)
        # log_config=None: the logs go to pytest's capture instead of uvicorn's own handlers.
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=10))
        # asyncio turns Nagle's delay off only for sockets that name their protocol.
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(128)  # a client that comes before the model is loaded waits here
            thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
            thread.start()
            client = httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=20)
            with client:
                while wait_ready and client.get("/health/ready").status_code != 200:
                    pass
                yield client
            server.should_exit = True
            thread.join(timeout=15)
            assert not thread.is_alive()

    return running


@pytest.fixture(scope="session")
def client(serve: Serve) -> Iterator[httpx.Client]:
    """A client of one server with default settings, shared by tests that leave no trace."""
    with serve() as client:
        yield client


class Process:
    """The service as a process on a free port, its log collected."""

    def __init__(self, *command: str, **environment: str) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=os.environ | {"FBCLASS_PORT": "0", "PYTHONUTF8": "1"} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        self.log = ""
        self.port: int | None = None
        self._answers = threading.Event()
        # Read all the while: a pipe that is full would stop the service.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._answers.wait()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            self.log += line
            if found := re.search(r"running on http://(?:127\.0\.0\.1|0\.0\.0\.0):(\d+)", line):
                self.port = int(found[1])
                self._answers.set()
        self._answers.set()  # it has ended

    def wait(self) -> int:
        """Wait for the end; its exit status. The log is complete then."""
        self.popen.wait(timeout=20)
        self._reader.join()
        return self.popen.returncode


@pytest.fixture
def start(tiny_model: Path, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """``start(FBCLASS_X="…")`` runs ``python -m api``, or another module; what is left after the test is killed."""
    started: list[Process] = []

    own = {
        "FBCLASS_MODEL": str(tiny_model),
        "FBCLASS_THREADS": "1",
        "FBCLASS_QUEUE_WAIT_MS": "60000",
        "FBCLASS_DATABASE_URL": f"sqlite:///{tmp_path / 'fbclass.db'}",
    }

    def run(*command: str, **environment: str) -> Process:
        started.append(Process(*command or ("api",), **own | environment))
        return started[-1]

    yield run
    for process in started:
        process.popen.kill()
        process.wait()
        assert process.popen.stdout is not None
        process.popen.stdout.close()
