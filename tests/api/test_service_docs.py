"""docs/service.md is true: its lines are run against a real service, its tables are those of the code."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api import kinds
from api.access import ANY_KEY, OPEN, RULES, rule
from api.schemas import MAX_COMMENTS, MAX_TEXT_LENGTH
from api.settings import Settings
from api.write_openapi import render

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "service.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^(<!-- not run: .+? -->\n)?```sh\n(.*?)^```$", TEXT, re.M | re.S)
LINES = [line for reason, block in BLOCKS if not reason for line in block.splitlines()]


def rows(head: str) -> list[list[str]]:
    """The cells of the table with this first column."""
    (table,) = re.findall(rf"^\| {re.escape(head)} \|.*\n\|[ -|]*\|\n((?:\|.*\|\n)+)", TEXT, re.M)
    return [[cell.strip() for cell in line.strip().strip("|").split(" | ")] for line in table.splitlines()]


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="needs curl and bash")
def test_the_lines_work_one_after_the_other(start: Callable[..., Any], tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'docs.db'}"
    process = start(FBCLASS_DATABASE_URL=database)
    script = "\n".join(f"{line}\necho; echo @@" for line in LINES)
    script = script.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{process.port}")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-eu", "-c", script],
        env=os.environ | {"PATH": path, "FBCLASS_DATABASE_URL": database, "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    answers = [answer.strip() for answer in done.stdout.split("@@\n")[:-1]]
    assert len(answers) == len(LINES) == 8
    one, many, stored, negative, listed = map(json.loads, answers[:5])
    assert all(tag["evidence"] == [] for tag in one["themes"]) and one["scores"]["slow_response"] > 0
    assert many["failed"] == 1 and many["predictions"][1]["error"]["status"] == 422
    assert listed["submissions"] == [stored]
    assert negative["submissions"] in ([], [stored])
    assert json.loads(answers[6])["text"] == "流程太长"
    assert answers[7].split("\t")[1:3] == ["repair-form", "classify,submit"]


def test_every_kind_of_problem_is_listed() -> None:
    known = [kind for kind in vars(kinds).values() if isinstance(kind, kinds.Kind)]
    assert {(row[0], row[1], row[2]) for row in rows("status")} == {
        (str(kind.status.value), f"`{kind.slug}`", kind.english) for kind in known
    }


def test_every_setting_is_listed_with_its_default() -> None:
    assert [(row[0], row[1]) for row in rows("variable")] == [
        (f"`FBCLASS_{name.upper()}`", "" if field.default is None else str(field.default))
        for name, field in Settings.model_fields.items()
    ]


def test_scopes_are_those_of_the_rules() -> None:
    paths = [(method.upper(), path) for path, methods in json.loads(render())["paths"].items() for method in methods]
    needed = {rule(method, path) for method, path in paths} - {OPEN}
    assert {row[0].strip("`") for row in rows("scope")} == needed
    for scope, described in rows("scope"):
        for named in re.findall(r"`([^`]+)`", described):
            method, _, path = named.rpartition(" ")
            path = path.replace("…", "x")
            assert rule(method or "GET", path) == scope.strip("`"), named
    assert {prefix for _, prefix, need in RULES if need == ANY_KEY} == {"/"}


def test_numbers_are_those_of_the_code() -> None:
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    for number in (MAX_COMMENTS, MAX_TEXT_LENGTH, defaults["queue_limit"]):
        assert f"{number:,}" in TEXT
    assert f"within {defaults['batch_wait_ms']} ms" in TEXT
    assert f"longer than {defaults['queue_wait_ms']:.0f} ms" in TEXT
    assert f"{defaults['webhook_attempts']} times" in TEXT and f"after {defaults['webhook_delay']:.0f}, 4, 8" in TEXT


def test_paths_exist() -> None:
    known = set(json.loads(render())["paths"]) | {"/openapi.json", "/health", "/v2"}
    for path in re.findall(r"`(?:[A-Z]+ )?(/[\w/{}.-]*)`", TEXT):
        assert path in known or path.replace("{id}", "{submission_id}") in known, path
