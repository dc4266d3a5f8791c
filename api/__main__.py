"""Start the service on this machine: ``python -m api`` (``make serve``)."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import uvicorn

from api.logs import log_config
from api.main import create_app
from api.settings import LOOPBACK, Settings, check_host, load_settings
from fbclass.errors import FbclassError
from fbclass.store.database import Database
from fbclass.store.keys import KeyStore

_STOP_WITHIN = 30  # seconds that requests in flight get to finish after SIGTERM
_KEEP_ALIVE = 75  # seconds that an idle connection stays: longer than the 60 for which proxies keep theirs


def main() -> int:
    """Serve until stopped; 2 when the settings do not allow it."""
    try:
        settings = load_settings()
        check_host(settings.host, keys=settings.host in LOOPBACK or _has_keys(settings))
    except FbclassError as error:
        print(f"{error.chinese}\n{error.english}", file=sys.stderr)
        return 2
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=log_config(settings.log_format),
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_STOP_WITHIN,
    )
    return 0


def _has_keys(settings: Settings) -> bool:
    url = settings.database_url.get_secret_value() if settings.database_url else None
    database = Database.open(url)
    try:
        return any(key.active(datetime.now(UTC)) for key in KeyStore(database).list())
    finally:
        database.close()


if __name__ == "__main__":
    sys.exit(main())
