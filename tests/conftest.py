"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from fbclass.classifier import Classifier

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
