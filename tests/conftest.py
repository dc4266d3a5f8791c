"""Fixtures that every test may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fbclass.classifier import Classifier
from tests.postgres import INSTALL, Postgres, programs

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the source tree."""
    return ROOT


@pytest.fixture(scope="session")
def tiny_model() -> Path:
    """A real model folder of under a megabyte: loads in a moment, and is right more often than not."""
    return ROOT / "tests" / "fixtures" / "tiny-model"


@pytest.fixture(scope="session")
def classifier(tiny_model: Path) -> Classifier:
    """The tiny model, loaded."""
    return Classifier.load(tiny_model, threads=1)


@pytest.fixture(scope="session")
def default_classifier() -> Classifier:
    """The model that ships."""
    return Classifier.load(threads=2)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL server; the test is skipped where none is installed."""
    if programs() is None:
        pytest.skip(INSTALL)
    with Postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'fbclass.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()
