"""Entry point of the ``fbclass`` command: finds the subcommand, turns errors into one message and an exit status.

Exit status: 0 done, 1 something could not be read, written or loaded, 2 wrong use, 130 interrupted.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from fbclass.command.language import LocalGroup, in_language, language_of, language_option, usage_message
from fbclass.errors import FbclassError

# Name -> module and what it is for (Chinese, English). Modules are imported when they are called, and
# the list of commands comes from here: help must not wait for onnxruntime or openpyxl.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "classify": (
        "fbclass.command.classify",
        "给一份问卷的每条意见标上主题和情感",
        "tag every comment of a survey with themes and sentiment",
    ),
    "report": (
        "fbclass.command.report",
        "生成可以交给管理层的分析报告（HTML）",
        "write the report for management (HTML)",
    ),
    "evaluate": (
        "fbclass.command.evaluate",
        "用标注好的数据检验模型的准确率",
        "measure a model on labelled comments",
    ),
    "keys": (
        "fbclass.command.keys",
        "管理 HTTP 服务的访问密钥",
        "manage the access keys of the HTTP service",
    ),
}


class _LazyGroup(LocalGroup):
    """A group that imports the module of a subcommand when it is asked for."""

    def __init__(self, *args: Any, language: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.language = language
        self.summarising = False

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, chinese, english = COMMANDS[cmd_name]
        if self.summarising:
            return click.Command(cmd_name, help=in_language(self.language)(chinese, english))
        made = importlib.import_module(module).command
        command: click.Command = made if isinstance(made, click.Command) else made(self.language)
        command.name = cmd_name
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            say = in_language(self.language)
            listed = say("、", ", ").join(COMMANDS)
            raise click.UsageError(
                say(f"没有 {args[0]} 这个命令，可以用：{listed}", f"no command {args[0]}; there are {listed}"), ctx
            )
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.summarising = True
        try:
            super().format_options(ctx, formatter)
        finally:
            self.summarising = False


def build(language: str) -> click.Group:
    """The command line in ``language``: "zh" or "en"."""
    say = in_language(language)

    @click.group(
        cls=_LazyGroup,
        language=language,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
        help=say(
            "读懂员工写给其他部门的意见：主题、情感和依据。全部在本机运行，不联网。\n\n"
            "每个命令的用法：fbclass 命令 --help。English: fbclass --lang en --help",
            "Reads what employees write about working with other departments: themes, sentiment, evidence. "
            "Everything runs on this machine, without a network.\n\nHow to use a command: fbclass COMMAND --help.",
        ),
    )
    @language_option(language)
    @click.version_option(
        package_name="fbclass", message="%(prog)s %(version)s", help=say("显示版本", "show the version")
    )
    def fbclass() -> None:
        pass

    return fbclass


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit status."""
    language = language_of(arguments, os.environ)
    say = in_language(language)
    try:
        result = build(language).main(list(arguments), prog_name="fbclass", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx is not None else "fbclass"
        hint = say(f"用法见 {path} --help", f"see {path} --help")
        click.echo(f"{say('用法错误', 'Usage error')}: {usage_message(error, language)}\n{hint}", err=True)
        return error.exit_code
    except click.ClickException as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except FbclassError as error:
        click.echo(f"{say('错误', 'Error')}: {error.message(language)}", err=True)
        return 1
    except (click.Abort, KeyboardInterrupt):
        return _interrupted(language)
    except BrokenPipeError:  # the reader of our output has gone, as in fbclass … | head
        return 1
    except OSError as error:  # a full disk under standard output, a folder that vanished while we worked
        click.echo(f"{say('错误', 'Error')}: {error}", err=True)
        return 1


def main() -> None:
    """What the installed ``fbclass`` script calls."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a console that cannot show a character shows ? instead of failing
            stream.reconfigure(errors="replace")
    received: list[int] = []

    def stop(number: int, _: Any) -> None:
        # As an exception the request to end passes the places that remove temporary files.
        received.append(number)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup and background jobs have asked not to hear it
            signal.signal(number, stop)
    try:
        status = run(sys.argv[1:])
    except Exception:
        # A compiled module that is interrupted while it loads turns the interrupt into an ImportError of its own.
        if not received:
            raise
        status = _interrupted(language_of(sys.argv[1:], os.environ))
    _leave(128 + received[0] if received and status else status)


def _leave(status: int) -> NoReturn:
    """End the process without the interpreter's own clean-up, as mypy does.

    With onnxruntime and pyarrow both loaded it has been seen to spin for ever after all work was done.
    """
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # nobody reads on, or the disk is full: the output is not complete
        status = status or 1
    os._exit(status)


def _interrupted(language: str) -> int:
    say = in_language(language)
    click.echo(say("已中断，没有写出任何未完成的文件", "interrupted; no unfinished file was left behind"), err=True)
    return 130


if __name__ == "__main__":
    main()
