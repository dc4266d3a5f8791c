"""Logs as one JSON object a line, without a word of any comment.

An exception is logged by its kind and the places it passed; its own text stays out, because it may quote
what was being worked on.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

FIELDS = ("request_id", "method", "route", "status", "ms", "key", "model")


def frames(error: BaseException | None, trace: TracebackType | None = None) -> list[str]:
    """Where an exception passed, the outermost first."""
    trace = trace or (error.__traceback__ if error else None)
    return [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(trace)]


class JsonFormatter(logging.Formatter):
    """One line for each record; ``extra`` fields of our own (``FIELDS``) become members."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info and record.exc_info[0] is not None:
            entry["error"] = record.exc_info[0].__name__
            entry["frames"] = frames(record.exc_info[1], record.exc_info[2])
        return json.dumps(entry, ensure_ascii=False, default=str)


class TextFormatter(logging.Formatter):
    """The same for a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        time = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        fields = "".join(f" {name}={getattr(record, name)}" for name in FIELDS if hasattr(record, name))
        text = f"{time} {record.levelname:7} {record.getMessage()}{fields}"
        if record.exc_info and record.exc_info[0] is not None:
            text += f" {record.exc_info[0].__name__}" + "".join(
                f"\n  {frame}" for frame in frames(record.exc_info[1], record.exc_info[2])
            )
        return text


def log_config(style: str) -> dict[str, Any]:
    """What uvicorn configures logging with: "json", "text", or "auto" for text on a terminal only."""
    as_text = style == "text" or (style == "auto" and sys.stderr.isatty())
    formatter = TextFormatter if as_text else JsonFormatter
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"default": {"()": formatter}},
        "handlers": {"default": {"class": "logging.StreamHandler", "formatter": "default"}},
        "root": {"handlers": ["default"], "level": "INFO"},
        "loggers": {
            "uvicorn.access": {"level": "CRITICAL"},  # the service logs requests itself, by route and not by address
            "httpx": {"level": "WARNING"},  # would log the address of the webhook, which may hold a token
            "alembic": {"level": "WARNING"},
        },
    }
