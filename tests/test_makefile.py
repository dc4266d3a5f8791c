"""``make`` on other people's machines: which Python it takes, when it installs, and that it starts over after a break.

The interpreter is a script that notes its calls: a real installation needs a network and minutes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOLS = ("sh", "cat", "cksum", "tr", "grep", "rm", "mkdir", "cp", "make", "sed", "expand", "env", "dirname", "bash")

# -c: checks the interpreter; -m venv: .venv gets a copy of this script; -m pip: fails while a file "broken" is there.
FAKE_PYTHON = """\
#!/bin/sh
case "$1 $2" in
"-c "*) echo 3.12 ;;
"-V "*) echo Python 3.12.0 ;;
"-m venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python && echo venv >>calls ;;
"-m pip") for last; do :; done; echo "pip $last" >>calls; [ ! -e broken ] ;;
*) echo "$*" >>calls ;;
esac
"""
FAILING_SHIM = "#!/bin/sh\necho command not found >&2\nexit 127\n"


class Tree:
    """A copy of what an installation depends on, in a folder with a space in its name, and a PATH of our choosing."""

    def __init__(self, folder: Path) -> None:
        self.root, self.tools = folder / "a clone", folder / "bin"
        self.tools.mkdir(parents=True)
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found, f"{tool} is needed to run the tests"
            (self.tools / tool).symlink_to(found)
        self.root.mkdir()
        for name in ("Makefile", "pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, self.root)
        shutil.copytree(ROOT / ".ci", self.root / ".ci")

    def add(self, name: str, script: str) -> None:
        path = self.tools / name
        path.write_text(script, encoding="utf-8")
        path.chmod(0o755)

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.tools), **variables}
        return subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, timeout=30)

    def install(self, extra: str, **variables: str) -> list[str]:
        """Run the installer and return what the interpreter was asked for."""
        log = self.root / "calls"
        log.unlink(missing_ok=True)
        self.status = self.run("sh", ".ci/venv.sh", extra, **variables).returncode
        return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_installs_once(tree: Tree) -> None:
    tree.add("python3", FAKE_PYTHON)
    assert tree.install("base") == ["venv", "pip ."]
    assert tree.install("base") == []
    assert tree.install("dev") == ["pip .[dev]"]
    assert tree.install("base") == tree.install("api") == tree.install("dev") == []


@pytest.mark.parametrize("file", ["pyproject.toml", "constraints.txt"])
def test_installs_again_when_the_requirements_change(tree: Tree, file: str) -> None:
    tree.add("python3", FAKE_PYTHON)
    tree.install("base")
    tree.install("dev")
    with (tree.root / file).open("a", encoding="utf-8") as changed:
        changed.write("# changed\n")
    assert tree.install("base") == ["pip ."]
    assert tree.install("dev") == ["pip .[dev]"]


def test_an_interrupted_installation_starts_again(tree: Tree) -> None:
    tree.add("python3", FAKE_PYTHON)
    (tree.root / "broken").touch()
    assert tree.install("base") == ["venv", "pip ."]
    assert tree.status != 0
    assert tree.install("base") == ["pip ."]
    (tree.root / "broken").unlink()
    assert tree.install("base") == ["pip ."]
    assert tree.status == 0
    assert tree.install("base") == []


def test_a_venv_without_pip_is_made_anew(tree: Tree) -> None:
    tree.add("python3", FAKE_PYTHON)
    tree.install("base")
    (tree.root / ".venv" / "bin" / "python").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    assert tree.install("base")[0] == "venv"


def test_a_moved_folder_is_installed_again(tree: Tree) -> None:
    tree.add("python3", FAKE_PYTHON)
    tree.install("base")
    tree.root = tree.root.rename(tree.root.with_name("elsewhere"))
    assert tree.install("base") == ["pip ."]


def test_a_shim_that_only_complains_is_passed_over(tree: Tree) -> None:
    tree.add("python3", FAILING_SHIM)
    tree.add("python3.13", FAILING_SHIM)
    tree.add("python3.12", FAKE_PYTHON)
    assert tree.install("base") == ["venv", "pip ."]


def test_no_suitable_python_is_said_with_the_remedy(tree: Tree) -> None:
    tree.add("python3", FAILING_SHIM)
    done = tree.run("make", "demo")
    assert done.returncode != 0
    assert "Python 3.11, 3.12 or 3.13" in done.stderr
    assert "python3-venv" in done.stderr and "PYTHON=" in done.stderr


def test_python_can_be_named(tree: Tree) -> None:
    tree.add("python3", FAILING_SHIM)
    tree.add("my python", FAKE_PYTHON)
    assert tree.install("base", PYTHON=str(tree.tools / "my python")) == ["venv", "pip ."]
    done = tree.run("sh", ".ci/venv.sh", "base", PYTHON="/no/such/python")
    assert done.returncode != 0
    assert "/no/such/python does not suit" in done.stderr


def test_targets_do_not_install_side_by_side(tree: Tree) -> None:
    tree.add("python3", FAKE_PYTHON)
    tree.run("make", "-j4", "lint", "evaluate")
    calls = (tree.root / "calls").read_text(encoding="utf-8").splitlines()
    assert [call for call in calls if call.startswith(("venv", "pip"))] == ["venv", "pip .[dev]"]


def test_make_test_is_lint_types_and_tests(tree: Tree) -> None:
    tree.add("python3", FAKE_PYTHON)
    assert tree.run("make", "test").returncode == 0
    calls = (tree.root / "calls").read_text(encoding="utf-8").splitlines()
    assert calls[2:] == ["-m ruff check .", "-m ruff format --check .", "-m mypy", "-m pytest -n 2 --dist loadfile"]


def test_pretrain_asks_for_the_corpus(tree: Tree) -> None:
    tree.add("python3", FAKE_PYTHON)
    done = tree.run("make", "pretrain")
    assert done.returncode != 0 and "CORPUS=" in done.stderr
    assert tree.run("make", "pretrain", "CORPUS=/my texts").returncode == 0
    calls = (tree.root / "calls").read_text(encoding="utf-8").splitlines()
    assert calls[-1] == "-m training.pretrain --corpus /my texts"


def test_help_lists_every_target(tree: Tree) -> None:
    (phony,) = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    listed = re.findall(r"^make ([a-z-]+)", tree.run("make").stdout, re.MULTILINE)
    assert listed == phony.split()


def test_ci_runs_make_test_and_nothing_else(tree: Tree) -> None:
    tree.add("make.noted", '#!/bin/sh\necho "$*" >>calls\n')
    (tree.tools / "make").unlink()
    (tree.tools / "make.noted").rename(tree.tools / "make")
    assert tree.run(str(tree.tools / "bash"), ".ci/run").returncode == 0
    assert (tree.root / "calls").read_text(encoding="utf-8") == "test\n"
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
