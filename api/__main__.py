"""Start the service on this machine: ``python -m api`` (``make serve``)."""

from __future__ import annotations

import sys

import uvicorn

from api.main import create_app
from api.settings import SettingsError, check_host, load_settings

_STOP_WITHIN = 30  # seconds that requests in flight get to finish after SIGTERM


def main() -> int:
    """Serve until stopped; 2 when the settings do not allow it."""
    try:
        settings = load_settings()
        check_host(settings.host)
    except SettingsError as error:
        print(f"{error.chinese}\n{error.english}", file=sys.stderr)
        return 2
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        server_header=False,
        timeout_graceful_shutdown=_STOP_WITHIN,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
