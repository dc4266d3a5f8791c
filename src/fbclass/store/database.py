"""Open the database, bring its tables up to date, and hand out transactions.

SQLite (the default, one file in WAL mode, no set-up) and PostgreSQL (``postgresql+psycopg://…``). Every
failure of either becomes a ``StoreError`` that carries none of the data.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import alembic.util
import platformdirs
import psycopg.errors
import sqlalchemy as sa
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from fbclass.errors import StoreError, StoreFullError

URL_VARIABLE = "FBCLASS_DATABASE_URL"
MIGRATIONS = Path(__file__).with_name("migrations")
_BUSY_SECONDS = 5  # how long a SQLite writer waits for another process
_PRAGMAS = (
    f"busy_timeout={_BUSY_SECONDS * 1000}",
    "synchronous=FULL",  # a commit that was acknowledged outlives a power failure (sqlite.org/pragma.html)
    "secure_delete=ON",  # what is deleted is overwritten with zeros, not only forgotten
    "foreign_keys=ON",
)
# Every writer takes this lock first, so that commits come in the order of seq and looking before
# inserting is safe with several services on one database. The number is only a name.
_PG_LOCK = 7_262_014_511
_PG_OPTIONS = {
    "connect_timeout": "5",
    "tcp_user_timeout": "10000",  # milliseconds until a silent network counts as broken
    "options": "-c timezone=UTC -c statement_timeout=15000 -c lock_timeout=10000",
    "application_name": "fbclass",
}


def default_url() -> str:
    """Where keys and submissions are kept when nothing is set: one file in the user's data folder."""
    file = Path(platformdirs.user_data_dir("fbclass", appauthor=False)) / "fbclass.db"
    return sa.URL.create("sqlite", database=str(file)).render_as_string()


class Database:
    """One open database. Safe to share between threads; ``close`` gives its connections back."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        # Without the password, for messages.
        self.name = engine.url.render_as_string(hide_password=True)

    @classmethod
    def open(cls, url: str | None = None) -> Database:
        """Connect (None: ``FBCLASS_DATABASE_URL``, else the default file) and migrate; ``StoreError`` says why not."""
        url = url or os.environ.get(URL_VARIABLE) or default_url()
        try:
            parsed = sa.make_url(url)
        except sa.exc.ArgumentError:
            raise _wrong_url(None) from None
        if parsed.drivername in ("postgres", "postgresql"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
            database = cls(_sqlite(parsed))
        elif parsed.drivername == "postgresql+psycopg":
            database = cls(_postgresql(parsed))
        else:
            raise _wrong_url(parsed.drivername)
        try:
            database.migrate()
        except BaseException:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state and changes nothing."""
        with self._translated(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction, committed and on disk when the block is left; an exception inside undoes it."""
        writing = self.engine.execution_options(writes=True)
        with self._translated(), writing.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_PG_LOCK)))
            yield connection

    def migrate(self) -> None:
        """Bring the tables to the newest version; two services that start together take turns."""
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        scripts = ScriptDirectory.from_config(config)

        def upgrade(revision: Any, _: Any) -> Any:
            return scripts._upgrade_revs("head", revision)

        with self.write() as connection:
            context = MigrationContext.configure(connection, opts={"fn": upgrade})
            try:
                with Operations.context(context):
                    context.run_migrations()
            except alembic.util.CommandError as error:
                raise StoreError(
                    f"the database {self.name} was made by a newer fbclass: update fbclass, or name another database "
                    f"in {URL_VARIABLE}",
                    f"数据库 {self.name} 是更新版本的 fbclass 建立的：请升级 fbclass，"
                    f"或用 {URL_VARIABLE} 指定另一个数据库",
                ) from error

    def erase(self) -> None:
        """Drop what deleted rows left behind, outside of any transaction; call it some time after a deletion.

        SQLite has overwritten the rows in the file (``secure_delete``); older pages still stand in the
        write-ahead log until it is emptied. PostgreSQL frees dead rows only when it vacuums.
        """
        sqlite = self.engine.dialect.name == "sqlite"
        with self._translated(), self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if sqlite:
                busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
                if busy:
                    raise StoreError(
                        f"{self.name} is being read, so its log could not be emptied: it is tried again later",
                        f"{self.name} 正被读取，日志暂时无法清空：稍后会再试",
                    )
            else:
                connection.exec_driver_sql("SET statement_timeout = 0")  # a large table takes its time
                try:
                    connection.exec_driver_sql("VACUUM submissions, outbox, dead_letters")
                finally:
                    connection.exec_driver_sql("RESET statement_timeout")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.DBAPIError, sa.exc.TimeoutError) as error:
            # `from None`: the original quotes the statement with its parameters, which hold comments.
            raise self._store_error(error) from None

    def _store_error(self, error: sa.exc.SQLAlchemyError) -> StoreError:
        original = getattr(error, "orig", None)
        kind = type(original or error).__name__
        if isinstance(original, psycopg.errors.DiskFull) or (
            getattr(original, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        ):
            return StoreFullError(
                f"the disk under {self.name} is full: free some space; nothing was changed",
                f"{self.name} 所在的磁盘已满：请腾出空间；数据没有被改动",
            )
        code = getattr(original, "sqlite_errorname", None) or getattr(original, "sqlstate", None) or "no code"
        return StoreError(
            f"the database {self.name} does not answer as it should ({kind}, {code}): check that it runs and that its "
            f"file or server may be used; {URL_VARIABLE} names it",
            f"数据库 {self.name} 无法正常使用（{kind}，{code}）：请检查它是否在运行、文件或服务器是否有权访问；"
            f"地址由 {URL_VARIABLE} 指定",
        )


def _sqlite(url: sa.URL) -> sa.Engine:
    if url.database in (None, "", ":memory:") or url.query:
        raise _wrong_url("sqlite without a file" if not url.query else "sqlite with options")
    file = Path(str(url.database))
    try:
        # Comments are nobody else's business on this machine: the log files beside it take over these rights.
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreError(
            f"the database file {file} cannot be opened ({error.strerror}): make its folder writable, or name another "
            f"file in {URL_VARIABLE} (sqlite:////path/to/fbclass.db)",
            f"数据库文件 {file} 打不开（{error.strerror}）：请让所在文件夹可写，或用 {URL_VARIABLE} 指定其他文件"
            "（sqlite:////路径/fbclass.db）",
        ) from error
    engine = sa.create_engine(url, connect_args={"timeout": _BUSY_SECONDS}, hide_parameters=True)

    def connected(connection: Any, _: Any) -> None:
        # Python's own handling would begin transactions late and commit before DDL
        # (docs.sqlalchemy.org/en/20/dialects/sqlite.html#pysqlite-serializable).
        connection.isolation_level = None
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").close()
        _use_wal(connection)

    def begin(connection: sa.Connection) -> None:
        # A writer says so at once: a reader that turns writer half-way may find that it cannot.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    sa.event.listen(engine, "connect", connected)
    sa.event.listen(engine, "begin", begin)
    return engine


def _use_wal(connection: Any) -> None:
    """Let readers not wait for the writer (sqlite.org/wal.html); the file remembers it."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
            return
        except sqlite3.OperationalError as error:
            # Of two that change a new file at once one is told at once that it is locked: busy_timeout does not count.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _postgresql(url: sa.URL) -> sa.Engine:
    # What the URL itself says goes first.
    options = {name: value for name, value in _PG_OPTIONS.items() if name not in url.query}
    # pre_ping: after the server was restarted the first query finds the dead connection and opens another.
    return sa.create_engine(url, connect_args=options, pool_pre_ping=True, hide_parameters=True)


def _wrong_url(found: str | None) -> StoreError:
    return StoreError(
        f"{URL_VARIABLE} cannot be used ({found or 'not a URL'}): write sqlite:////path/to/fbclass.db or "
        "postgresql+psycopg://user:password@host/database",
        f"{URL_VARIABLE} 无法使用（{found or '不是 URL'}）：请写成 sqlite:////路径/fbclass.db 或 "
        "postgresql+psycopg://用户:密码@主机/数据库",
    )
