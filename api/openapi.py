"""How the API describes itself; ``python -m api.write_openapi`` keeps a copy in ``api/openapi.json``."""

from __future__ import annotations

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
