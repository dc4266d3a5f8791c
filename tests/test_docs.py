"""The two READMEs are true: what they show is run, what they name exists, and they say the same."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import httpx
import openpyxl
import pytest

from api import kinds
from api.schemas import MAX_COMMENTS, MAX_TEXT_LENGTH
from api.settings import Settings
from fbclass.command.main import COMMANDS, build
from fbclass.report.statistics import SMALLEST_GROUP
from fbclass.schema import ThemeSchema
from fbclass.tables.read import MAX_CHARACTERS
from fbclass.tables.results import WORDINGS
from training.data import parse_comment

ROOT = Path(__file__).parents[1]
READMES = ("README.md", "README.zh-CN.md")
NOT_RUN = {"installs packages", "trains for minutes or hours", "serves until stopped"}
_BLOCK = re.compile(r"^(?:<!-- not run: (?P<reason>.+?) -->\n)?```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.M | re.S)
_OPTION = re.compile(r"(?<![\w-])(--[a-z][\w-]*)")
_TRAINING = ("finetune", "evaluate", "pretrain", "adapt", "pseudo_label", "ngrams")


@dataclass(frozen=True)
class Block:
    """A fenced block; ``reason`` says why it is not run here, None for one that is."""

    kind: str
    text: str
    reason: str | None

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


@cache
def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def blocks(name: str = "README.md") -> list[Block]:
    return [Block(m["kind"], m["text"], m["reason"]) for m in _BLOCK.finditer(read(name))]


def prose(name: str) -> str:
    return _BLOCK.sub("", read(name))


def table(name: str, first_row: str) -> list[list[str]]:
    """The cells of the table that has a row starting with ``first_row``, head and rule left out."""
    for found in re.findall(r"(?:^\|.*\|\n)+", prose(name), re.M):
        rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in found.splitlines()]
        if any(row[0].strip() == first_row for row in rows[2:]):
            return rows[2:]
    raise AssertionError(f"{name} has no table with a row {first_row}")


def run_lines(program: str) -> list[str]:
    """The lines of the shell blocks that are run here and call ``program``."""
    return [line for b in blocks() if b.kind == "sh" and not b.reason for line in b.lines if line.split()[0] == program]


def click_commands(language: str) -> dict[str, tuple[click.Context, click.Command]]:
    group = build(language)
    root = click.Context(group, info_name="fbclass")
    found: dict[str, tuple[click.Context, click.Command]] = {"": (root, group)}
    for name in COMMANDS:
        command = group.get_command(root, name)
        assert command is not None
        found[name] = (click.Context(command, info_name=name, parent=root), command)
    return found


def long_options(name: str) -> set[str]:
    context, command = click_commands("en")[name]
    with context:
        params = command.get_params(context)
    return {option for p in params if isinstance(p, click.Option) for option in p.opts if option.startswith("--")}


def training_options(script: str) -> set[str]:
    config = getattr(importlib.import_module(f"training.{script}"), f"{script.title().replace('_', '')}Config")
    return {f"--{field.name}" for field in fields(config)}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the data that the commands read, to write results in."""
    folder = tmp_path_factory.mktemp("docs")
    shutil.copytree(ROOT / "data", folder / "data")
    return folder


def clean_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FBCLASS_")}
    return kept | {"PYTHONPATH": str(ROOT / "src"), "PYTHONUTF8": "1"}


# What is shown is run.


def test_every_shell_line_is_run_or_says_why_not() -> None:
    shell = [block for block in blocks() if block.kind == "sh"]
    assert {block.reason for block in shell if block.reason} == NOT_RUN
    assert all(block.reason is None for block in blocks() if block.kind != "sh")
    rest = [line for block in shell if not block.reason for line in block.lines]
    assert {line.split()[0] for line in rest} == {"fbclass", "curl"}
    assert len(rest) >= 8


def test_fbclass_commands(workspace: Path) -> None:
    written = set()
    for line in run_lines("fbclass"):
        arguments = shlex.split(line)[1:]
        done = subprocess.run(
            [sys.executable, "-m", "fbclass.command.main", *arguments],
            cwd=workspace,
            env=clean_environment(),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        outputs = [after for option, after in pairwise(arguments) if option in ("-o", "--report", "--errors", "--json")]
        assert outputs, f"{line} names no result"
        assert all((workspace / name).stat().st_size > 0 for name in outputs), line
        written.update(outputs)
    assert {path.name for path in workspace.iterdir()} == written | {"data"}
    header = [str(cell.value) for cell in openpyxl.load_workbook(workspace / "tagged.xlsx").worksheets[0][1]]
    for name in WORDINGS["zh"].columns.values():
        assert sum(text.startswith(f"{name}|") for text in header) == 2, "a column for each of the two open questions"


def test_python_blocks_print_what_is_shown() -> None:
    namespace: dict[str, Any] = {"__name__": "readme"}
    shown = 0
    for block, after in zip(blocks(), [*blocks()[1:], None], strict=True):
        if block.kind != "python":
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block.text, "README.md", "exec"), namespace)
        expected = after.text if after is not None and after.kind == "text" else ""
        shown += bool(expected)
        assert printed.getvalue() == expected
    assert shown == sum(block.kind == "text" for block in blocks()) == 1


@pytest.fixture(scope="module")
def service(workspace: Path) -> Iterator[str]:
    """The service as a process with the bundled model; gives its address once it answers."""
    environment = clean_environment() | {"FBCLASS_PORT": "0", "FBCLASS_DATABASE_URL": f"sqlite:///{workspace}/x.db"}
    command = [sys.executable, "-m", "api"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        log = ""
        try:
            for line in process.stdout:
                log += line
                if found := re.search(r"running on (http://127\.0\.0\.1:\d+)", line):
                    while httpx.get(f"{found[1]}/health/ready").status_code != 200:
                        pass
                    yield found[1]
                    break
            else:
                pytest.fail(f"python -m api did not start:\n{log}")
        finally:
            process.terminate()


def ask(line: str, address: str) -> Any:
    """Run one curl line of the README against ``address``; without curl, what it would send."""
    arguments = shlex.split(line.replace("http://127.0.0.1:8000", address))
    if shutil.which("curl"):
        done = subprocess.run(arguments, capture_output=True, text=True, encoding="utf-8", timeout=30)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    flags = dict(zip(arguments[3::2], arguments[4::2], strict=True))
    assert arguments[1] == "-s" and flags.keys() <= {"-H", "-d"}
    if "-d" not in flags:
        return httpx.get(arguments[2]).json()
    name, _, value = flags["-H"].partition(": ")
    return httpx.post(arguments[2], headers={name: value}, content=flags["-d"].encode()).json()


def shape(value: Any) -> Any:
    """The keys and kinds of a JSON value, without its contents; lists by their first element."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value[:1]]
    return type(value)


def test_curl_lines_answer_as_shown(service: str) -> None:
    answers = {line: ask(line, service) for line in run_lines("curl")}
    assert len(answers) == 5
    one, many, model, ready, problem = answers.values()
    shown_one, shown_problem, _ = (json.loads(b.text) for b in blocks() if b.kind == "json")
    assert problem == shown_problem
    assert one["text"] == shown_one["text"]
    assert one["model"] == shown_one["model"] == model["model"]
    assert [tag["id"] for tag in one["themes"]] == [tag["id"] for tag in shown_one["themes"]]
    assert shape(one) | {"about": 0} == shape(shown_one) | {"about": 0}  # whether anyone is named may change
    assert [prediction["id"] for prediction in many["predictions"]] == ["17", "18"]
    assert ready == {"status": "ok"}


def test_training_line_is_one_that_training_reads() -> None:
    line = [block.text for block in blocks() if block.kind == "json"][-1]
    assert parse_comment(line.strip().encode(), "a").themes == ("information_silo",)


# What is named exists.


@pytest.mark.parametrize("name", READMES)
def test_options_of_shell_lines_exist(name: str) -> None:
    checked = 0
    for line in [line for b in blocks(name) if b.kind == "sh" for line in b.lines]:
        if found := re.match(r"fbclass (\w+)", line):
            known = long_options(found[1])
        elif found := re.match(rf"(?:make|python -m training\.)\s*({'|'.join(_TRAINING)})\b", line):
            known = training_options(found[1])
        elif line.startswith("python -m pip "):
            continue  # not ours
        else:
            known = set()
        assert set(_OPTION.findall(line)) <= known, line
        checked += len(_OPTION.findall(line))
    assert checked > 10


@pytest.mark.parametrize("name", READMES)
def test_options_in_the_text_exist(name: str) -> None:
    known = set().union(*(long_options(command) for command in ("", *COMMANDS)), *map(training_options, _TRAINING))
    assert set(_OPTION.findall(re.sub(r"<!--.*?-->", "", prose(name)))) <= known


@pytest.mark.parametrize("name", READMES)
def test_table_of_options_is_complete(name: str) -> None:
    commands_here = COMMANDS.keys() - {"keys"}  # docs/service.md has its options
    documented: dict[str, set[str]] = {command: set() for command in commands_here}
    for options, commands, _ in table(name, "`-o`, `--output`"):
        for command in commands_here if commands in ("all", "全部") else re.split(r"[,、]\s*", commands):
            documented[command].update(_OPTION.findall(options))
    assert documented == {command: long_options(command) for command in commands_here}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_option_has_help(language: str) -> None:
    for name, (context, command) in click_commands(language).items():
        with context:
            assert command.help, name
            for option in (p for p in command.get_params(context) if isinstance(p, click.Option)):
                record = option.get_help_record(context)
                assert record is not None and record[1].strip(), (name, option.opts)
                # English help may quote a Chinese name; Chinese help is never English alone.
                words = r"[\u4e00-\u9fff]{2}" if language == "zh" else r"[a-z]{2,} [a-z]{2,}"
                assert re.search(words, record[1]), (name, option.opts, record)


@pytest.mark.parametrize("name", READMES)
def test_make_targets_exist(name: str) -> None:
    code = [line for b in blocks(name) if b.kind == "sh" for line in b.lines] + re.findall(r"`([^`\n]+)`", prose(name))
    named = {match[1] for text in code if (match := re.match(r"make ([a-z-]+)", text))}
    assert {"demo", "test", "serve"} <= named
    assert named <= set(re.findall(r"^([a-z-]+):", read("Makefile"), re.M))


@pytest.mark.parametrize("name", READMES)
def test_links_lead_somewhere(name: str) -> None:
    anchors = {title.lower().replace(" ", "-") for title in re.findall(r"^#+ (.+)$", prose(name), re.M)}
    links = re.findall(r"\]\(([^)]+)\)", prose(name))
    assert "docs/report.png" in links
    for link in links:
        target = urlsplit(link)
        if target.path:
            assert (ROOT / target.path).exists(), link
        else:
            assert target.fragment in anchors, link


@pytest.mark.parametrize("name", READMES)
def test_names_and_limits_are_those_of_the_code(name: str) -> None:
    text = prose(name)
    schema = ThemeSchema.load(ROOT / "data" / "themes.yaml")
    themes = [(row[0], row[1]) for row in table(name, "信息孤岛 Information silo")]
    assert themes == [(f"{schema[i].name_zh} {schema[i].name_en}", f"`{i}`") for i in schema.ids]
    columns = [(row[0], row[1]) for row in table(name, "主题")]
    scores = tuple(WORDINGS[language].score.replace("{}", "…") for language in ("zh", "en"))
    assert columns == [(zh, WORDINGS["en"].columns[role]) for role, zh in WORDINGS["zh"].columns.items()] + [scores]
    variables = set(re.findall(r"FBCLASS_\w+", text)) - {"FBCLASS_LANG"}
    assert {v.removeprefix("FBCLASS_").lower() for v in variables} <= set(Settings.model_fields)
    assert Settings.model_fields["max_body_bytes"].default == 4 * 1024 * 1024 and "4 MiB" in text
    for number in (f"{MAX_COMMENTS}", f"{MAX_TEXT_LENGTH:,}", f"{MAX_CHARACTERS:,}"):
        assert number in text
    assert len(re.findall(rf"\b{SMALLEST_GROUP} (?:comments|people|[条人])", text)) == 2
    statuses = {int(code) for row in table(name, "400") for code in re.findall(r"\d{3}", row[0])}
    known = {kind.status.value for kind in vars(kinds).values() if isinstance(kind, kinds.Kind)}
    assert statuses <= known  # docs/service.md lists all of them


@pytest.mark.parametrize("name", READMES)
def test_accuracy_is_stated(name: str) -> None:
    (between,) = re.findall(r"<!-- accuracy -->\n(.*?)<!-- /accuracy -->", read(name), re.S)
    assert re.search(r"^\|.*\d\.\d", between, re.M), "put the table of make evaluate between the markers"


# Both languages say the same.


def test_both_languages_have_the_same_parts() -> None:
    english, chinese = READMES
    assert blocks(english) == blocks(chinese)
    outlines = [re.findall(r"^(#+) |^(?:\|.*\|)$|^(- )|^(!\[)", prose(name), re.M) for name in READMES]
    assert outlines[0] == outlines[1]
    code = [sorted(set(re.findall(r"`([^`\n]+)`", prose(name)))) for name in READMES]
    assert code[0] == code[1]
    links = [[link for link in re.findall(r"\]\(([^)]+)\)", prose(name)) if link not in READMES] for name in READMES]
    assert sorted(links[0]) == sorted(links[1])
    accuracy = [re.findall(r"<!-- accuracy -->(.*?)<!-- /accuracy -->", read(name), re.S)[0] for name in READMES]
    assert re.findall(r"\d+\.\d+", accuracy[0]) == re.findall(r"\d+\.\d+", accuracy[1])
