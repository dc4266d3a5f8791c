"""The published description of the API. ``python -m api.openapi`` writes it to ``api/openapi.json``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.problems import MEDIA_TYPE

TITLE = "fbclass"
VERSION = "0.1.0"
DESCRIPTION = (
    "Reads what employees write to each other's departments, in Chinese: themes, sentiment, evidence.\n\n"
    "Every error is a problem document (RFC 9457). A request may carry an X-Request-ID of up to 64 letters, "
    "digits, dots, hyphens and underscores; the answer repeats it or carries a new one."
)
OPENAPI_FILE = Path(__file__).with_name("openapi.json")


def describe(app: FastAPI) -> None:
    """Make the app's description say that errors are problem documents; FastAPI takes them for plain JSON."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            for methods in schema["paths"].values():
                for operation in methods.values():
                    for status, response in operation["responses"].items():
                        if status >= "400" and "application/json" in response.get("content", {}):
                            response["content"] = {MEDIA_TYPE: response["content"]["application/json"]}
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents


def render() -> str:
    """The description as committed; it depends on no setting."""
    from api.main import create_app
    from api.settings import Settings

    return json.dumps(create_app(Settings.model_construct()).openapi(), ensure_ascii=False, indent=2) + "\n"


def main(target: Path = OPENAPI_FILE) -> int:
    """Write the description."""
    target.write_text(render(), encoding="utf-8")
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
