"""Options that several commands share, declared once so that they read alike everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from fbclass.bundle import PREFERENCES
from fbclass.command.language import in_language

Decorator = Callable[[Any], Any]


def columns_option(language: str) -> Decorator:
    """``--column``, repeatable, as ``columns``: a tuple of names, empty by default."""
    return click.option(
        "--column",
        "columns",
        multiple=True,
        metavar="NAME",
        help=in_language(language)(
            "要分析的列：表头、表头中独有的一段，或 Excel 列号；可重复。默认自动查找",
            "column to read: header, a unique part of it, or Excel letter; may be repeated. Default: found by content",
        ),
    )


def sheet_option(language: str) -> Decorator:
    """``--sheet``: a name or number, None by default."""
    return click.option(
        "--sheet",
        metavar="SHEET",
        help=in_language(language)(
            "工作表的名称或序号；默认第一个有数据的", "sheet by name or number; default: the first with data"
        ),
    )


def model_option(language: str) -> Decorator:
    """``--model``: a folder, None by default."""
    return click.option(
        "--model",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help=in_language(language)(
            "模型文件夹；默认使用自带的模型", "model folder; default: the one that comes with fbclass"
        ),
    )


def preference_option(language: str) -> Decorator:
    """``--prefer`` as ``preference``: one of ``fbclass.bundle.PREFERENCES``."""
    return click.option(
        "--prefer",
        "preference",
        type=click.Choice(PREFERENCES),
        default="balance",
        help=in_language(language)(
            "precision：宁可漏标也少标错主题；默认 balance，两者兼顾",
            "precision: fewer wrong themes, more missed ones; default: balance of both",
        ),
    )


def quiet_option(language: str) -> Decorator:
    """``--quiet``, a flag."""
    return click.option(
        "--quiet", "-q", is_flag=True, help=in_language(language)("除错误外什么都不显示", "show nothing but errors")
    )
