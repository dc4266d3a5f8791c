"""The image and the composition, as far as they can be checked without an engine."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from api.receivers import PLATFORMS
from api.receivers.settings import ReceiverSettings, read_connections
from api.settings import Settings
from fbclass.command.main import build

ROOT = Path(__file__).parents[2]
PINNED = re.compile(r"[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9.-]+)?(@sha256:[0-9a-f]{64})?")


@dataclass(frozen=True)
class Instruction:
    """One line of the Dockerfile: ``COPY``, its flags and its arguments."""

    name: str
    value: str

    @property
    def words(self) -> list[str]:
        return [word for word in shlex.split(self.value) if not word.startswith("--")]

    @property
    def command(self) -> list[str]:
        """The exec form, a JSON list."""
        return list(json.loads(self.value[self.value.index("[") :]))


@cache
def dockerfile() -> list[Instruction]:
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.M)
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    return [Instruction(*line.split(maxsplit=1)) for line in lines]


def last_stage() -> list[Instruction]:
    lines = dockerfile()
    return lines[max(i for i, line in enumerate(lines) if line.name == "FROM") :]


def environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for line in last_stage() if line.name == "ENV" for pair in line.words)


def ignored(path: str) -> bool:
    """What .dockerignore leaves out: the last pattern that fits decides; a folder brings what is in it."""
    out = False
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!")
        plain = pattern.removeprefix("**/")
        parts = path.split("/")
        candidates = ["/".join(parts[: n + 1]) for n in range(len(parts))] if plain == pattern else parts
        if any(fnmatch(candidate, plain) for candidate in candidates):
            out = not line.startswith("!")
    return out


def context(folder: Path) -> list[str]:
    """What the engine would see: the tree without what is ignored, copied into ``folder``."""
    seen = []
    for name in ("api", "data", "deploy", "docs", "models", "src", "tests", "training"):
        seen += [str(path.relative_to(ROOT)) for path in (ROOT / name).rglob("*") if path.is_file()]
    seen += [path.name for path in ROOT.iterdir() if path.is_file()]
    kept = [path for path in seen if not ignored(path)]
    for path in kept:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, folder / path)
    return kept


@cache
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return found


def test_the_image_is_pinned_and_known_instructions_are_used() -> None:
    known = {"ARG", "FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "CMD"}
    assert {line.name for line in dockerfile()} <= known
    (argument,) = [line.value for line in dockerfile() if line.name == "ARG"]
    assert PINNED.fullmatch(argument.removeprefix("PYTHON="))
    assert all(line.words[0] == "${PYTHON}" for line in dockerfile() if line.name == "FROM")


def test_the_image_does_not_run_as_root() -> None:
    stage = last_stage()
    names = [line.name for line in stage]
    (user,) = [line.value for line in stage if line.name == "USER"]
    assert user.split(":")[0].isdigit() and int(user.split(":")[0]) > 0
    assert names.index("USER") < names.index("CMD")
    assert all(line.name != "RUN" for line in stage[names.index("USER") :])


def test_the_environment_of_the_image_is_one_the_service_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment().items():
        if name.startswith("FBCLASS_"):
            assert name.removeprefix("FBCLASS_").lower() in Settings.model_fields
            monkeypatch.setenv(name, value)
    assert (Settings().host, Settings().port) == ("0.0.0.0", 8000)
    assert [line.value for line in last_stage() if line.name == "EXPOSE"] == ["8000"]
    database = environment()["FBCLASS_DATABASE_URL"].removeprefix("sqlite:///")
    assert [line.value for line in last_stage() if line.name == "VOLUME"] == [str(Path(database).parent)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder laid out as /app of the image, with the installed wheel beside it."""
    folder = tmp_path_factory.mktemp("image")
    files = context(folder / "context")
    for line in dockerfile():
        if line.name == "COPY" and "--from" not in line.value:
            for source in line.words[:-1]:
                assert any(file == source or file.startswith(f"{source}/") for file in files), f"{source} is not there"
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(folder / "context")],
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "installed")
    shutil.copytree(folder / "context" / "api", folder / "app" / "api")
    return folder


def test_what_is_copied_suffices_and_holds_nothing_else(built: Path) -> None:
    kept = {str(path.relative_to(built / "context")) for path in (built / "context").rglob("*") if path.is_file()}
    assert not [
        name for name in kept if name.endswith(".safetensors") or name.startswith(("tests", "training", "deploy"))
    ]
    assert {name for name in kept if name.startswith("data")} == {"data/themes.yaml"}
    code = "import api.main, fbclass.bundle as b; print(b.__file__, b.bundled('fbclass-small'), api.__file__)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=built / "app",
        env={"PYTHONPATH": os.pathsep.join([str(built / "installed"), str(built / "app")])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert all(str(built) in path for path in done.stdout.split())


def test_the_health_check_says_what_the_service_says(serve: Callable[..., Any], tiny_model: Path) -> None:
    (check,) = [line.command for line in last_stage() if line.name == "HEALTHCHECK"]
    assert check[0] == "python"

    def status(port: int) -> int:
        ran = subprocess.run([sys.executable, *check[1:]], env={"FBCLASS_PORT": str(port)}, capture_output=True)
        return ran.returncode

    with serve() as client:
        port = client.base_url.port
        assert status(port) == 0
    assert status(port) == 1  # nobody listens any more


def test_the_command_of_the_image_is_the_service() -> None:
    (command,) = [line.command for line in last_stage() if line.name == "CMD"]
    assert command == ["python", "-m", "api"]


def test_every_image_of_the_composition_is_pinned_or_built_here() -> None:
    for name, service in compose()["services"].items():
        assert "build" in service or PINNED.fullmatch(service["image"]), name


def test_every_service_has_a_health_check_and_starts_after_what_it_needs() -> None:
    services = compose()["services"]
    built_here = {name for name, service in services.items() if "build" in service}
    checked = {name for name, service in services.items() if "healthcheck" in service} | built_here
    assert checked == services.keys()
    for service in services.values():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in services and how == {"condition": "service_healthy"}


def test_the_service_has_few_rights_and_few_listeners() -> None:
    services = compose()["services"]
    for name in ("service", "prometheus"):
        assert int(services[name]["user"].split(":")[0]) > 0
        assert services[name]["read_only"] and services[name]["cap_drop"] == ["ALL"]
    (user,) = [line.value for line in last_stage() if line.name == "USER"]
    assert services["service"]["user"] == user
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert len(ports) == 2 and all("127.0.0.1:" in port for port in ports)
    assert "ports" not in services["database"] and services["database"]["networks"] == ["inside"]
    assert compose()["networks"]["inside"] == {"internal": True}


def test_everything_that_is_mounted_or_named_exists() -> None:
    found = compose()
    for service in found["services"].values():
        for volume in service.get("volumes", []):
            source, *_ = volume.split(":")
            if source.startswith("."):
                assert (ROOT / source).exists() or source == "./deploy/secrets", source
            else:
                assert source in found["volumes"]
        assert set(service.get("networks", [])) <= found["networks"].keys()
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    variables = set(re.findall(r"\$\{(\w+)(:[-?][^}]*)?\}", text))
    assert all(rest for _, rest in variables), "a variable needs a default or a reason"
    settings = {f"FBCLASS_{field.upper()}" for model in (Settings, ReceiverSettings) for field in model.model_fields}
    given = found["services"]["service"]["environment"]
    assert given.keys() <= settings


def test_prometheus_asks_the_service_where_it_listens() -> None:
    (job,) = yaml.safe_load((ROOT / "deploy" / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["service:8000"]}]
    assert "service" in compose()["services"]
    key = Path(job["authorization"]["credentials_file"])
    mounts = [volume.split(":")[1] for volume in compose()["services"]["prometheus"]["volumes"]]
    assert str(key.parent) in mounts


def test_what_is_secret_is_neither_committed_nor_in_the_image() -> None:
    ignored_by_git = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {".env", "deploy/secrets/", "deploy/receivers.toml"} <= set(ignored_by_git)
    assert all(ignored(name) for name in (".env", "deploy/secrets/metrics.key", "deploy/receivers.toml", ".git/config"))


def test_the_example_of_receivers_is_valid_and_shows_every_platform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "deploy" / "receivers.example.toml").read_text(encoding="utf-8")
    for name in re.findall(r'"env:(\w+)"', text):
        monkeypatch.setenv(name, "0123456789abcdef")
    monkeypatch.setenv("NAME", "x")
    file = tmp_path / "receivers.toml"
    file.write_text(text, encoding="utf-8")
    found = read_connections(file, {name: platform.connection for name, platform in PLATFORMS.items()})
    assert {platform for platform, _ in found} == PLATFORMS.keys()


def test_the_commands_of_the_composition_exist() -> None:
    """Keys are made before the service starts: it refuses to listen without one where others can reach it."""
    head = (ROOT / "compose.yaml").read_text(encoding="utf-8").split("services:")[0]
    lines = re.findall(r"run --rm .*?service fbclass (.+?)(?: >.*)?$", head, re.M)
    assert len(lines) == 2
    for line in lines:
        command: click.Command = build("en")
        words = shlex.split(line)
        context = click.Context(command, info_name="fbclass")
        while isinstance(command, click.Group):
            found = command.get_command(context, words.pop(0))
            assert found is not None, line
            command = found
            context = click.Context(command, info_name=line, parent=context)
        command.parse_args(context, words)
