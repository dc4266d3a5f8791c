"""A PostgreSQL server of our own for tests and benchmarks: in a temporary folder, on a Unix socket, gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

INSTALL = "install PostgreSQL (Debian, Ubuntu: apt-get install postgresql) to run this"


def programs() -> Path | None:
    """The folder with initdb and pg_ctl, None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name))
    return Path(found).resolve().parent if found else folders[-1] if folders else None


class Postgres:
    """``with Postgres() as server: server.new_database()`` gives the URL of an empty database.

    fsync is off: what is killed is the service, never the server's machine.
    """

    def __init__(self) -> None:
        self._programs = programs()
        # Sockets have short paths at most (107 characters), so not pytest's own folder.
        self.folder = Path(tempfile.mkdtemp(prefix="fbclass-pg-"))
        if os.geteuid() == 0:  # the server refuses to run as root; its package has made a user for it
            shutil.chown(self.folder, "postgres")

    def _run(self, program: str, *arguments: str) -> None:
        assert self._programs is not None, INSTALL
        command = [str(self._programs / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        # Not a pipe: the server would inherit it and keep it open.
        log = self.folder.with_suffix(".log")
        with log.open("ab") as output:
            done = subprocess.run(command, cwd="/", stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=60)
        assert done.returncode == 0, log.read_text(encoding="utf-8")

    def __enter__(self) -> Self:
        options = ["--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C", "--username=postgres"]
        self._run("initdb", "-D", str(self.folder / "data"), *options)
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.with_suffix(".log").unlink(missing_ok=True)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = f"-c listen_addresses='' -c unix_socket_directories={self.folder} -c fsync=off -c max_connections=50"
        self._run("pg_ctl", "start", "-w", "-D", str(self.folder / "data"), "-o", options)

    def stop(self, mode: str = "fast") -> None:
        """Stop it; connections are cut. "immediate" is a crash."""
        self._run("pg_ctl", "stop", "-m", mode, "-w", "-D", str(self.folder / "data"))

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"d{uuid.uuid4().hex}"
        self._run("createdb", "-h", str(self.folder), "-U", "postgres", name)
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"
