"""Write constraints.txt: exact versions of all that fbclass[dev] needs, the same for every supported Python.

    make lock
    make lock ARGS="--torch 2.14.0 --python /path/to/python3.11 --python /path/to/python3.12 …"

pip resolves once for each interpreter, each held to what the ones before it chose: a package that has no
build for one of them fails here and not at a user's. torch stays at the version that constraints.txt names
unless --torch asks for another, because an open range fetches gigabytes for graphics cards.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CONSTRAINTS = Path("constraints.txt")
PYTHONS = ["python3.11", "python3.12", "python3.13"]
# Tools that install the rest; every environment brings its own.
LEFT_OUT = {"fbclass", "pip", "setuptools", "wheel"}
HEADER = """\
# Exact versions for pip install -c constraints.txt, resolved for Python {pythons}; written by `make lock`.
# cuda-*, nvidia-* and triton come only with the Linux build of torch for graphics cards.
"""


def resolve(python: str, constraints: dict[str, str]) -> tuple[str, dict[str, str]]:
    """The Python version and the chosen version of every package, by normalised name."""
    with tempfile.TemporaryDirectory() as folder:
        venv, held, report = Path(folder, "venv"), Path(folder, "held.txt"), Path(folder, "report.json")
        subprocess.run([python, "-m", "venv", str(venv)], check=True)  # with the pip that belongs to it
        held.write_text(listing(constraints), encoding="utf-8")
        pip = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
        options = ["--dry-run", "--ignore-installed", "--use-pep517", "--report", str(report), "-c", str(held)]
        subprocess.run([*pip, "install", "--quiet", *options, ".[dev]"], check=True)
        found = json.loads(report.read_text(encoding="utf-8"))
    packages = [item["metadata"] for item in found["install"]]
    # A local version (2.13.0+cpu) names a build of one place; without it the constraint fits them all.
    versions = {re.sub(r"[-_.]+", "-", p["name"]).lower(): p["version"].partition("+")[0] for p in packages}
    return found["environment"]["python_version"], {n: v for n, v in versions.items() if n not in LEFT_OUT}


def listing(versions: dict[str, str]) -> str:
    """Constraint lines, sorted by name."""
    return "".join(f"{name}=={version}\n" for name, version in sorted(versions.items()))


def torch_version() -> str:
    """The version of torch that constraints.txt names now."""
    found = re.search(r"^torch==(\S+)$", CONSTRAINTS.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        sys.exit("constraints.txt has no line torch==…: say which with --torch")
    return found[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", help=f"an interpreter, repeated; default {' '.join(PYTHONS)}")
    parser.add_argument("--torch", help="version of torch; default: the one now in constraints.txt")
    arguments = parser.parse_args()
    versions = {"torch": arguments.torch or torch_version()}
    pythons = []
    for python in arguments.python or PYTHONS:
        print(f"resolving for {python} …", file=sys.stderr)
        name, chosen = resolve(python, versions)
        pythons.append(name)
        versions |= chosen
    CONSTRAINTS.write_text(HEADER.format(pythons=", ".join(pythons)) + listing(versions), encoding="utf-8")
    print(f"{CONSTRAINTS}: {len(versions)} packages", file=sys.stderr)


if __name__ == "__main__":
    main()
