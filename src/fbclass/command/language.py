"""Chinese or English on the command line, in help and messages alike.

A command module offers ``command``: a ``click.Command``, or a function that takes the language and
builds one, so that help texts are in the language asked for::

    def command(language: str) -> click.Command:
        say = in_language(language)

        @click.command(cls=LocalCommand, help=say("给出帮助", "Give help"))
        ...

Inside a running command ``current_language()`` gives the language.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

LANGUAGES = ("zh", "en")
DEFAULT_LANGUAGE = "zh"
VARIABLE = "FBCLASS_LANG"


def language_of(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """The language that ``--lang`` asks for, wherever it stands, else ``FBCLASS_LANG``, else Chinese.

    Needed before the arguments are parsed: the help of the parser depends on it.
    """
    asked = environment.get(VARIABLE, "")
    for position, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument == "--lang" and position + 1 < len(arguments):
            asked = arguments[position + 1]
        elif argument.startswith("--lang="):
            asked = argument.removeprefix("--lang=")
    return "en" if asked.lower().startswith("en") else DEFAULT_LANGUAGE


def in_language(language: str) -> Callable[[str, str], str]:
    """A function that takes a text in Chinese and in English and gives the one in ``language``."""
    return lambda chinese, english: chinese if language == "zh" else english


def current_language() -> str:
    """The language of the command that is running."""
    context = click.get_current_context(silent=True)
    group = context.find_root().command if context is not None else None
    return str(getattr(group, "language", DEFAULT_LANGUAGE))


def language_option(language: str) -> Callable[[Any], Any]:
    """The option ``--lang``, for the group and every subcommand; ``language_of`` has read it by then."""
    return click.option(
        "--lang",
        type=click.Choice(LANGUAGES),
        expose_value=False,
        help=in_language(language)(
            f"输出语言（也可以用环境变量 {VARIABLE}）", f"language of all output (or {VARIABLE})"
        ),
    )


def usage_message(error: click.ClickException, language: str) -> str:
    """What is wrong with the command line, in one sentence."""
    if language != "zh":
        return error.format_message()
    if isinstance(error, click.NoSuchOption):
        hint = f"，是不是 {'、'.join(sorted(error.possibilities))}？" if error.possibilities else ""
        return f"没有 {error.option_name} 这个选项{hint}"
    if isinstance(error, click.MissingParameter):
        return f"缺少参数 {_parameter(error)}"
    if isinstance(error, click.BadOptionUsage):
        return f"选项 {error.option_name} 后面缺少内容"
    if isinstance(error, click.BadParameter):
        choices = error.param.type.choices if error.param and isinstance(error.param.type, click.Choice) else None
        reason = f"可以是 {'、'.join(map(str, choices))}" if choices else error.message
        return f"参数 {_parameter(error)} 的值不对：{reason}"
    return error.format_message()


def _parameter(error: click.BadParameter) -> str:
    if error.param is not None:
        return str(error.param.get_error_hint(error.ctx) if error.ctx else error.param.name).strip("'")
    return str(error.param_hint or "")


class _Local(click.Command):
    """Help with headings in the language of the command line."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        pieces = " ".join(self.collect_usage_pieces(ctx))
        if current_language() != "zh":
            formatter.write_usage(ctx.command_path, pieces)
            return
        for english, chinese in (("[OPTIONS]", "[选项]"), ("COMMAND [ARGS]...", "命令 [参数]...")):
            pieces = pieces.replace(english, chinese)
        formatter.write_usage(ctx.command_path, pieces, "用法：")

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None and current_language() == "zh":
            option.help = "显示这份帮助"
        return option


class LocalCommand(_Local):
    """A subcommand with localised headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_options(self, ctx, formatter)


class LocalGroup(_Local, click.Group):
    """A group with localised headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_options(self, ctx, formatter)
        rows = []
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None:
                rows.append((name, command.get_short_help_str(limit=200)))
        if rows:
            with formatter.section("命令" if current_language() == "zh" else "Commands"):
                formatter.write_dl(rows)


def _write_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    options = [p for p in command.get_params(ctx) if isinstance(p, click.Option)]
    rows = [record for option in options if (record := option.get_help_record(ctx)) is not None]
    if rows:
        with formatter.section("选项" if current_language() == "zh" else "Options"):
            formatter.write_dl(rows)
