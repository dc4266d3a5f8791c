"""How the training scripts declare their settings, one dataclass each with flags made from its fields, and run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Any, TypeVar

from transformers import HfArgumentParser

from fbclass.errors import FbclassError

Config = TypeVar("Config")


def option(default: Any, text: str) -> Any:
    """A documented field: ``transformers.HfArgumentParser`` makes a command-line flag with this help."""
    return field(default=default, metadata={"help": text})


def run_script(config: type[Config], run: Callable[[Config], str], arguments: Sequence[str] | None = None) -> int:
    """Read the flags (None: of this process), print what ``run`` returns, and return the exit status: 1 with one
    sentence on stderr when its files or its model do not allow it.
    """
    (settings,) = HfArgumentParser(config).parse_args_into_dataclasses(  # type: ignore[arg-type]  # any dataclass
        list(arguments) if arguments is not None else None
    )
    try:
        print(run(settings))
    except (FbclassError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0
