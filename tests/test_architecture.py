"""Who may import whom, what an import costs, and other rules that hold for the whole tree."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import fbclass

ROOT = Path(__file__).parents[1]
SOURCES = {"fbclass": ROOT / "src", "api": ROOT, "training": ROOT, "benchmarks": ROOT}

# A part of fbclass imports itself and parts that stand earlier, in a tuple before its own.
FLOORS = (
    ("errors", "results", "identity", "privacy"),
    ("text", "nonanswer"),
    ("schema",),
    ("tables", "bundle", "store"),
    ("encode", "decode"),
    ("classifier",),
    ("evaluation", "report"),
    ("command",),
)
FLOOR_OF = {part: number for number, parts in enumerate(FLOORS) for part in parts}

# package: the packages of this project that it may import, the groups of pyproject.toml that it may use
ALLOWED = {
    "fbclass": ({"fbclass"}, {"base", "parquet", "store"}),
    "api": ({"api", "fbclass"}, {"base", "store", "api"}),
    "training": ({"training", "fbclass"}, {"base", "train"}),
    "benchmarks": ({"benchmarks", "fbclass", "tests"}, {"base"}),  # of tests: a PostgreSQL server to break
}
GENERATED = {".git", ".venv", ".cache", ".hypothesis", ".mypy_cache", ".ruff_cache", ".pytest_cache", "__pycache__"}
GENERATED |= {"build", "dist", "out"}


@dataclass(frozen=True)
class Import:
    """One imported module and where that is written."""

    importer: str
    module: str
    place: str


def module_name(path: Path, base: Path) -> str:
    parts = path.relative_to(base).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules(package: str) -> dict[str, Path]:
    base = SOURCES[package]
    return {module_name(path, base): path for path in sorted((base / package).rglob("*.py"))}


def imports(package: str) -> Iterator[Import]:
    """Every import, also those inside functions and those only for type checking."""
    for name, path in modules(package).items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            place = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Import):
                yield from (Import(name, alias.name, place) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0 and node.module, f"{place}: write the import with the full name"
                # from fbclass import text: the module is fbclass.text
                known = {f"{node.module}.{alias.name}" for alias in node.names} & modules(package).keys()
                for module in known or {node.module}:
                    yield Import(name, module, place)


def part(module: str) -> str:
    """``fbclass.tables.read`` belongs to ``tables``; fbclass itself, the front door, to ``""``."""
    return [*module.split("."), ""][1]


def test_every_part_of_fbclass_has_a_floor() -> None:
    assert {part(module) for module in modules("fbclass")} == FLOOR_OF.keys() | {""}


def test_imports_in_fbclass_only_go_down() -> None:
    wrong = []
    for found in imports("fbclass"):
        importer, imported = part(found.importer), part(found.module)
        if found.module.split(".")[0] != "fbclass" or found.importer == "fbclass" or importer == imported:
            continue
        if imported == "" or FLOOR_OF[imported] >= FLOOR_OF[importer]:
            wrong.append(f"{found.place}: {importer} imports {found.module}")
    assert wrong == []


@pytest.mark.parametrize("package", SOURCES)
def test_no_circle(package: str) -> None:
    graph: dict[str, set[str]] = {name: set() for name in modules(package)}
    for found in imports(package):
        # The front door shows the classifier, lazily, to those outside.
        if found.module in graph and found.importer != "fbclass":
            graph[found.importer].add(found.module)
    TopologicalSorter(graph).prepare()  # CycleError names the circle


@pytest.mark.parametrize("package", SOURCES)
def test_a_package_imports_only_what_it_may(package: str) -> None:
    own, groups = ALLOWED[package]
    declared = {name for group in groups for name in declared_dependencies()[group]}
    distributions = packages_distributions()
    wrong = []
    for found in imports(package):
        top = found.module.split(".")[0]
        if top in sys.stdlib_module_names or top in own:
            continue
        if not declared & {canonicalize_name(name) for name in distributions.get(top, [])}:
            wrong.append(f"{found.place}: {package} imports {found.module}, not declared in {sorted(groups)}")
    assert wrong == []


def test_every_base_dependency_is_used() -> None:
    distributions = packages_distributions()
    tops = {found.module.split(".")[0] for found in imports("fbclass")}
    used = {canonicalize_name(name) for top in tops for name in distributions.get(top, [])}
    assert declared_dependencies()["base"] - used == set()


@cache
def declared_dependencies() -> dict[str, set[str]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = {"base": project["dependencies"], **project["optional-dependencies"]}
    return {group: {canonicalize_name(Requirement(line).name) for line in lines} for group, lines in groups.items()}


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=120)


def loaded_by(statement: str) -> set[str]:
    """Top-level packages that a statement brings in, as -X importtime lists them."""
    done = python("-X", "importtime", "-c", statement)
    assert done.returncode == 0, done.stderr
    return {line.rsplit("|", 1)[1].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}


HEAVY = {"torch", "transformers", "fastapi", "sqlalchemy", "pandas", "datasets", "sklearn", "scipy", "pyarrow", "onnx"}


def test_importing_fbclass_is_light() -> None:
    loaded = loaded_by("import fbclass")
    assert "fbclass" in loaded
    assert loaded & (HEAVY | {"numpy", "onnxruntime", "tokenizers", "openpyxl", "yaml", "jieba", "click"}) == set()


def test_help_does_not_wait_for_the_model() -> None:
    loaded = loaded_by("from fbclass.command.main import run; run(['classify', '--help'])")
    assert "click" in loaded
    assert loaded & (HEAVY | {"numpy", "onnxruntime", "tokenizers", "openpyxl", "jieba"}) == set()


def test_classifying_needs_no_training_library(tiny_model: Path) -> None:
    loaded = loaded_by(f"from fbclass import Classifier; Classifier.load({str(tiny_model)!r}).classify(['好'])")
    assert "onnxruntime" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize("package", ["fbclass", "api", "training", "benchmarks"])
def test_importing_says_nothing(package: str) -> None:
    names = [name for name in modules(package) if not name.endswith("__main__")]
    script = f"import importlib\nfor name in {names!r}: importlib.import_module(name)"
    done = python("-W", "always", "-c", script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("package", SOURCES)
def test_modules_call_nothing_for_its_effect(package: str) -> None:
    """No logging set-up, warnings filter, sys.path edit or print outside a function."""
    wrong = []
    for path in modules(package).values():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant):
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)[:60]}")
    assert wrong == []


def test_public_names_are_listed() -> None:
    tree = ast.parse(Path(fbclass.__file__).read_text(encoding="utf-8"))
    shown = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fbclass")
        for alias in node.names
    }
    assert set(fbclass.__all__) == shown | {"__version__"}
    assert fbclass.__all__ == sorted(fbclass.__all__)
    for name in fbclass.__all__:
        assert getattr(fbclass, name) is not None


def test_versions_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert fbclass.__version__ == project["version"] == version("fbclass")
    assert f"## [{fbclass.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def files() -> list[Path]:
    """Every file of the tree but those that tools made."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in GENERATED]
        found += [Path(folder, name) for name in names if name not in GENERATED]
    return found


def test_no_source_file_is_too_long() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files() if path.suffix == ".py"}
    assert {str(path.relative_to(ROOT)): n for path, n in lengths.items() if n > 350} == {}


def test_no_file_names_a_place_on_one_machine() -> None:
    # Exported models are searched too: exporters like to note where the code stood.
    home = re.compile(rb"/(?:home|Users)/[a-z]|/roo[t]/|[A-Z]:\\Users\\|/wor[k]/(?:main|shared)")
    wrong = [str(path.relative_to(ROOT)) for path in files() if home.search(path.read_bytes())]
    assert wrong == []
