"""Write the published description of the API, ``api/openapi.json``: ``python -m api.write_openapi``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from api.main import create_app
from api.settings import Settings

OPENAPI_FILE = Path(__file__).with_name("openapi.json")


def render() -> str:
    """The description as committed; it depends on no setting."""
    return json.dumps(create_app(Settings.model_construct()).openapi(), ensure_ascii=False, indent=2) + "\n"


def main(target: Path = OPENAPI_FILE) -> int:
    """Write the description."""
    target.write_text(render(), encoding="utf-8")
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
