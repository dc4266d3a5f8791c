"""What the service keeps: access keys and submissions, in SQLite or PostgreSQL.

Needs the extra ``store`` (SQLAlchemy, Alembic, psycopg); nothing else in fbclass imports this package
before it is asked for, so that classifying files does without.
"""

from __future__ import annotations

from importlib.util import find_spec

from fbclass.errors import MissingExtraError

for _package in ("sqlalchemy", "alembic", "psycopg", "platformdirs"):
    if find_spec(_package) is None:
        raise MissingExtraError(_package, "store")
