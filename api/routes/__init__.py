"""One router for each resource."""

from collections.abc import Mapping
from typing import Any

from api.problems import Problem

Responses = dict[int | str, dict[str, Any]]


def problems(descriptions: Mapping[int, str]) -> Responses:
    """Responses for the API description, by status: ``problems({429: "Too many comments are waiting."})``."""
    return {status: {"model": Problem, "description": text} for status, text in descriptions.items()}
