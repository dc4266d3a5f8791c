"""How the training scripts declare their settings: one dataclass each, flags made from its fields."""

from __future__ import annotations

from dataclasses import field
from typing import Any


def option(default: Any, text: str) -> Any:
    """A documented field: ``transformers.HfArgumentParser`` makes a command-line flag with this help."""
    return field(default=default, metadata={"help": text})
