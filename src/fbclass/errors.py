"""Every error that fbclass raises on purpose, each with a sentence in English and in Chinese.

    FbclassError
    ├── InputError         the comments cannot be read: file, sheet, column, row, encoding
    ├── OutputError        the result cannot be written where it was asked for
    ├── ModelError         a model folder is missing, damaged or does not fit
    ├── SchemaError        the theme schema breaks its own rules
    ├── StoreError         the database of keys and submissions cannot be opened, read or written
    │   └── StoreFullError   its disk is full
    └── MissingExtraError  an optional dependency is not installed

A message names the value, the rule and the remedy.
"""

from __future__ import annotations


class FbclassError(Exception):
    """Base of all errors raised on purpose; ``str()`` is the English sentence."""

    def __init__(self, english: str, chinese: str) -> None:
        super().__init__(english)
        self.english = english
        self.chinese = chinese

    def __reduce__(self) -> tuple[type[FbclassError], tuple[str, str]]:
        # Exceptions pickle by their args; without this a worker process could not hand one back.
        return type(self), (self.english, self.chinese)

    def message(self, language: str) -> str:
        """The sentence in ``language``: "zh" or "en"."""
        return self.chinese if language == "zh" else self.english


class InputError(FbclassError):
    """The comments cannot be read as asked."""


class OutputError(FbclassError):
    """The result cannot be written where it was asked for."""


class ModelError(FbclassError):
    """A model folder is missing, damaged or does not fit what is asked of it."""


class SchemaError(FbclassError):
    """The theme schema breaks its own rules."""


class StoreError(FbclassError):
    """The database of keys and submissions cannot be opened, read or written."""


class StoreFullError(StoreError):
    """The disk under the database is full: nothing was changed."""


class MissingExtraError(FbclassError):
    """An optional dependency is needed and not installed."""

    def __init__(self, package: str, extra: str) -> None:
        self.package, self.extra = package, extra
        super().__init__(
            f"this needs the package {package}, which is not installed: run pip install 'fbclass[{extra}]'",
            f"此功能需要 {package}，当前没有安装：请运行 pip install 'fbclass[{extra}]'",
        )

    def __reduce__(self) -> tuple[type[FbclassError], tuple[str, str]]:
        return type(self), (self.package, self.extra)
