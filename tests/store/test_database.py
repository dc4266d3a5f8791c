from __future__ import annotations

import os
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from fbclass.errors import StoreError, StoreFullError
from fbclass.store.database import Database, default_url
from fbclass.store.tables import metadata, nonces
from tests.postgres import Postgres


def test_migrations_make_the_tables_that_the_code_knows(database: Database) -> None:
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_opening_again_changes_nothing_and_two_at_once_take_turns(database_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        for database in pool.map(Database.open, [database_url] * 4):
            database.close()
    database = Database.open(database_url)
    with database.read() as connection:
        assert connection.exec_driver_sql("select count(*) from alembic_version").scalar() == 1
    database.close()


def test_a_new_file_that_another_is_changing_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "fbclass.db"
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("begin immediate")
        timer = threading.Timer(0.3, other.execute, ["rollback"])
        timer.start()
        Database.open(f"sqlite:///{file}").close()
        timer.join()
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("pragma journal_mode").fetchone() == ("wal",)


def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as connection:
        connection.exec_driver_sql("insert into nonces values ('a', 'b', '2026-01-01')")
        raise RuntimeError
    with database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(nonces)).scalar() == 0


def test_an_error_of_the_database_never_quotes_the_data(database: Database) -> None:
    secret = "张三不批报销"
    with pytest.raises(StoreError) as caught, database.write() as connection:
        connection.execute(sa.text("insert into nowhere values (:text)"), {"text": secret})
    error: BaseException | None = caught.value
    assert error is not None and error.__suppress_context__ and error.__cause__ is None
    assert "张三" not in f"{caught.value.english}{caught.value.chinese}"


def test_a_database_of_a_newer_version_is_refused(database_url: str) -> None:
    database = Database.open(database_url)
    with database.write() as connection:
        connection.exec_driver_sql("update alembic_version set version_num = '9999'")
    database.close()
    with pytest.raises(StoreError, match="newer fbclass"):
        Database.open(database_url)


@pytest.mark.parametrize(
    "url", ["nonsense", "sqlite://", "sqlite:///:memory:", "mysql://root@localhost/x", "sqlite:///x.db?mode=ro"]
)
def test_another_kind_of_database_is_refused_with_the_two_that_work(url: str) -> None:
    with pytest.raises(StoreError, match=r"sqlite:////path.*postgresql"):
        Database.open(url)


def test_a_server_that_is_not_there_is_said_without_the_password() -> None:
    with pytest.raises(StoreError, match="does not answer") as caught:
        Database.open("postgresql://someone:geheim@127.0.0.1:9/nothing")
    assert "geheim" not in f"{caught.value.english}{caught.value.chinese}"


def test_the_variable_names_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBCLASS_DATABASE_URL", f"sqlite:///{tmp_path}/a/b/named.db")
    Database.open().close()
    assert (tmp_path / "a" / "b" / "named.db").exists()
    monkeypatch.delenv("FBCLASS_DATABASE_URL")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_url().startswith("sqlite:////") and default_url().endswith("fbclass.db")


def test_the_file_is_for_its_owner_only_and_settings_hold(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'new' / 'x.db'}")
    with database.write() as connection:
        connection.exec_driver_sql("insert into nonces values ('a', 'b', '2026-01-01')")
        pragmas = [
            connection.exec_driver_sql(f"pragma {name}").scalar()
            for name in ("journal_mode", "synchronous", "secure_delete", "foreign_keys")
        ]
    assert pragmas == ["wal", 2, 1, 1]
    for file in (tmp_path / "new").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    database.close()


def test_a_full_disk_is_told_from_other_failures(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'x.db'}")

    def no_room(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("pragma max_page_count = 1").close()  # as many as there are

    database.engine.dispose()
    sa.event.listen(database.engine, "connect", no_room)
    with pytest.raises(StoreFullError), database.write() as connection:
        for i in range(1000):
            connection.exec_driver_sql("insert into nonces values ('a', ?, '2026-01-01')", (f"{i:0200}",))
    with database.read() as connection:
        assert connection.exec_driver_sql("select count(*) from nonces").scalar() == 0
        assert connection.exec_driver_sql("pragma integrity_check").scalar() == "ok"
    database.close()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="cannot be opened"):
        Database.open(f"sqlite:///{tmp_path / 'x.db'}")


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database, but notes that somebody needs\n" * 50, encoding="utf-8")
    before = file.read_bytes()
    with pytest.raises(StoreError, match="NOTADB"):
        Database.open(f"sqlite:///{file}")
    assert file.read_bytes() == before


def test_postgresql_is_found_again_after_a_restart(postgres: Postgres) -> None:
    database = Database.open(postgres.new_database())
    with database.read() as connection:
        connection.exec_driver_sql("select 1")
    postgres.stop()
    try:
        with pytest.raises(StoreError), database.write():
            pass
    finally:
        postgres.start()
    with database.write() as connection:
        assert connection.exec_driver_sql("select 1").scalar() == 1
    database.close()
