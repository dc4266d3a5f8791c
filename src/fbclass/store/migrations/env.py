"""For developers: ``alembic revision --autogenerate -m "…"`` compares the tables with a migrated database.

fbclass itself migrates through ``Database.migrate`` and does not run this file. The database is the one
that FBCLASS_DATABASE_URL names.
"""

from __future__ import annotations

from alembic import context

from fbclass.store.database import Database
from fbclass.store.tables import metadata


def run() -> None:
    """Give Alembic an open connection to work on."""
    database = Database.open()
    with database.write() as connection:
        context.configure(connection=connection, target_metadata=metadata, compare_type=True)
        context.run_migrations()
    database.close()


if getattr(context, "_proxy", None) is not None:  # Alembic is running, not an import
    run()
