"""An open database of each kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fbclass.store.database import Database


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty, migrated database: SQLite, then PostgreSQL."""
    database = Database.open(database_url)
    yield database
    database.close()
