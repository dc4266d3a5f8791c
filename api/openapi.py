"""How the API describes itself; ``python -m api.write_openapi`` keeps a copy in ``api/openapi.json``."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.access import ANY_KEY, OPEN, rule
from api.problems import MEDIA_TYPE
from api.schemas import Comment

TITLE = "fbclass"
VERSION = "0.1.0"
DESCRIPTION = (
    "Reads what employees write to each other's departments, in Chinese: themes, sentiment, evidence.\n\n"
    "Once an access key was made (fbclass keys create), every request but those for health and from form platforms "
    "needs one; until then only programs on the same machine are answered.\n\n"
    "Every error is a problem document (RFC 9457). A request may carry an X-Request-ID of up to 64 letters, "
    "digits, dots, hyphens and underscores; the answer repeats it or carries a new one."
)
_KEY = "key"
_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "fbc_…",
    "description": "An access key, made with fbclass keys create. None is needed on 127.0.0.1 until the first is made.",
}
_REFUSALS = {
    "401": "No access key, or one that is unknown, revoked or expired.",
    "403": "The access key lacks the scope; or no key was made yet and the request comes from another machine.",
    "429": "The key has used up its requests, or too much is waiting; Retry-After says how many seconds to wait.",
}
_OTHERWISE = "Any other error: a problem document too."


def describe(app: FastAPI) -> None:
    """Make the app's description say what its middleware does: problem documents for errors, access keys."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            parts = schema["components"]
            parts["securitySchemes"] = {_KEY: _SCHEME}
            # Comments are checked one by one, so nothing else brings their shape into the description.
            parts["schemas"]["Comment"] = Comment.model_json_schema(ref_template="#/components/schemas/{model}")
            for unused in ("HTTPValidationError", "ValidationError"):
                parts["schemas"].pop(unused, None)
            for path, methods in schema["paths"].items():
                for method, operation in methods.items():
                    _describe_errors(operation["responses"])
                    need = rule(method.upper(), path)
                    if need != OPEN:
                        _describe_access(operation, need)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents


def _describe_errors(responses: dict[str, Any]) -> None:
    """Errors are problem documents; FastAPI takes them for plain JSON."""
    for status, response in responses.items():
        if status >= "400" and "application/json" in response.get("content", {}):
            response |= _problem(response["description"])
    responses.setdefault("default", _problem(_OTHERWISE))


def _describe_access(operation: dict[str, Any], need: str) -> None:
    operation["security"] = [{_KEY: []}]
    wanted = "any access key" if need == ANY_KEY else f"an access key with the scope {need}"
    operation["description"] = f"{operation.get('description', '')}\n\nNeeds {wanted}, once one was made.".strip()
    for status, text in _REFUSALS.items():
        operation["responses"].setdefault(status, _problem(text))


def _problem(text: str) -> dict[str, Any]:
    return {"description": text, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
