"""What ships: the wheel, built from the sdist, in an environment that holds the base dependencies and nothing else."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import fbclass

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MODEL_FILES = {"config.json", "tokenizer.json", "model.onnx", "fbclass.json", "README.md"}
BASE_LIMIT = 350e6  # bytes on disk
COMMENTS = ["报销单交上去一个月了还没批,问了也没人回", "食堂的菜很好吃"]


def closure(requirements: list[str]) -> dict[str, Distribution]:
    """The installed distributions that these requirements need, directly or not, by normalised name."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()  # a distribution and one of its extras, "" for none
    waiting = [(Requirement(line), "") for line in requirements]
    while waiting:
        requirement, asked = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": asked}):
            continue
        name = canonicalize_name(requirement.name)
        found[name] = distribution(name)
        for extra in {"", *requirement.extras} - {extra for known, extra in seen if known == name}:
            seen.add((name, extra))
            waiting += [(Requirement(line), extra) for line in found[name].requires or []]
    return found


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel made from it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``bin`` of an environment with the wheel and the base dependencies, these linked from our own environment."""
    folder = tmp_path_factory.mktemp("empty") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=60)
    scheme = {"base": str(folder), "platbase": str(folder)}
    site = Path(sysconfig.get_path("purelib", "venv", scheme))
    for dependency in closure(PROJECT["dependencies"]).values():
        for top in {file.parts[0] for file in dependency.files or []} - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(dependency.locate_file(top))).resolve())
    pip(folder, "install", "--no-index", "--no-deps", str(wheel))
    return Path(sysconfig.get_path("scripts", "venv", scheme))


def pip(venv: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(venv), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run(folder: Path, *command: str) -> str:
    """Run in ``folder`` without the settings of the environment that the tests run in; standard output."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "FBCLASS", "VIRTUAL"))}
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=kept, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_wheel_holds_all_that_serving_needs_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    meta = f"fbclass-{fbclass.__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"fbclass", meta}
    assert f"{meta}/licenses/LICENSE" in names
    source = ROOT / "src"
    ours = {p.relative_to(source).as_posix() for p in (source / "fbclass").rglob("*") if p.is_file()}
    expected = {name for name in ours if "__pycache__" not in name}
    expected |= {"fbclass/bundled/themes.yaml"} | {f"fbclass/bundled/fbclass-small/{name}" for name in MODEL_FILES}
    assert {name for name in names if name.startswith("fbclass/")} == expected
    assert {"fbclass/py.typed", "fbclass/report/templates/report.html"} <= expected


def test_wheel_asks_for_no_training_library(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (path,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = archive.read(path).decode("utf-8")
    needed = [Requirement(line) for line in re.findall(r"^Requires-Dist: (.*)$", metadata, re.MULTILINE)]
    base = {canonicalize_name(r.name) for r in needed if r.marker is None or r.marker.evaluate({"extra": ""})}
    assert base == {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
    assert base & {"torch", "transformers", "datasets", "scikit-learn", "pandas", "fastapi"} == set()


def test_sdist_holds_no_training_weights(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "CHANGELOG.md", "data/themes.yaml"} <= names
    assert [name for name in names if name.endswith(".safetensors") or name.split("/")[0] in ("tests", "api")] == []


def test_base_dependencies_are_complete(installed: Path) -> None:
    assert "No broken requirements" in pip(installed.parent, "check")


def test_installed_wheel_classifies(installed: Path, tmp_path: Path) -> None:
    script = f"""
import importlib.util, json, fbclass
predictions = fbclass.Classifier.load().classify({COMMENTS!r})
absent = [n for n in ("torch", "transformers", "fastapi", "pandas", "pytest") if importlib.util.find_spec(n) is None]
print(json.dumps([fbclass.__file__, absent, [p.to_dict() for p in predictions]]))
"""
    place, absent, predictions = json.loads(run(tmp_path, str(installed / "python"), "-c", script))
    assert Path(place).is_relative_to(installed.parent)
    assert absent == ["torch", "transformers", "fastapi", "pandas", "pytest"]
    assert [prediction["text"] for prediction in predictions] == COMMENTS
    assert [tag["id"] for tag in predictions[0]["themes"]] == ["slow_response"]
    assert predictions[0]["sentiment"]["label"] == "negative"
    assert predictions[1]["themes"] == []


def test_installed_command_classifies(installed: Path, tmp_path: Path) -> None:
    command = str(installed / "fbclass")
    assert run(tmp_path, command, "--version").strip() == f"fbclass {fbclass.__version__}"
    (tmp_path / "意见.txt").write_text("\n".join(COMMENTS) + "\n", encoding="utf-8")
    run(tmp_path, command, "classify", "意见.txt", "-o", "结果.jsonl", "--report", "报告.html")
    rows = [json.loads(line) for line in (tmp_path / "结果.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["text"] for row in rows] == COMMENTS
    assert "</html>" in (tmp_path / "报告.html").read_text(encoding="utf-8")


def test_base_install_is_small(wheel: Path) -> None:
    sizes = {
        name: sum(path.stat().st_size for file in d.files or [] if (path := Path(str(d.locate_file(file)))).is_file())
        for name, d in closure(PROJECT["dependencies"]).items()
    }
    sizes["fbclass"] = sum(info.file_size for info in zipfile.ZipFile(wheel).infolist())
    assert {"numpy", "onnxruntime", "protobuf"} <= sizes.keys()
    assert min(sizes.values()) > 0
    assert sum(sizes.values()) < BASE_LIMIT, sorted(sizes.items(), key=lambda item: -item[1])[:5]


def constraints() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    matches = [re.fullmatch(r"([a-z0-9-]+)==([0-9][0-9a-z.]*)", line) for line in lines if not line.startswith("#")]
    assert all(matches), "constraints.txt: only comments and lines name==version; run make lock"
    return {match[1]: match[2] for match in matches if match}


def test_tests_run_with_the_constrained_versions() -> None:
    """Every package that an extra brings, directly or not, is in constraints.txt, and is what runs here."""
    fixed = constraints()
    lines = PROJECT["dependencies"] + [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    installed = {name: Version(d.version).public for name, d in closure(lines).items()}
    compared = installed.keys() - {"fbclass", "pip", "setuptools"}
    assert len(compared) > 60
    assert {name: fixed.get(name) for name in compared} == {name: installed[name] for name in compared}


def test_constraints_fit_the_ranges() -> None:
    fixed = constraints()
    for lines in [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]:
        for requirement in map(Requirement, lines):
            if requirement.name != "fbclass":
                assert requirement.specifier.contains(fixed[canonicalize_name(requirement.name)]), requirement
