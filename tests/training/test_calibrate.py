"""Thresholds that dev decides: the best F1, and few wrong themes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fbclass.bundle import prefer
from fbclass.classifier import Classifier
from fbclass.decode import calibrated
from training.calibrate import PRECISION, Labelled, fit
from training.data import load_comments

DEV = 240


@pytest.fixture(scope="module")
def labelled(root: Path, classifier: Classifier) -> list[Labelled]:
    comments = load_comments(root / "data" / "feedback", "dev")[:DEV]
    raws = classifier.raw_outputs([c.text for c in comments])
    return [Labelled(c, raw) for c, raw in zip(comments, raws, strict=True) if raw is not None]


def test_precision_is_reached_and_not_more_recall_given_up_than_that_takes(
    labelled: list[Labelled], classifier: Classifier
) -> None:
    """Logits that overlap evenly, so that precision rises smoothly and the place can be found by looking."""
    draw = np.random.default_rng(1)
    ids = classifier.info.schema.ids
    many = []
    for item in labelled * 12:
        there = np.array([t in item.comment.themes for t in ids])
        many.append(
            replace(item, raw=replace(item.raw, themes=np.where(there, 1.1, -1.1) + draw.normal(size=len(ids))))
        )
    info = fit(classifier.info, many)
    assert info.precision is not None and list(info.precision.thresholds) == list(ids)
    scores = np.array([calibrated(item.raw, info)[0] for item in many])
    for k, theme in enumerate(ids):
        gold = np.array([theme in item.comment.themes for item in many])
        grid = np.arange(0.02, 0.985, 0.01)
        precision = np.array([gold[scores[:, k] >= t].mean() for t in grid if (scores[:, k] >= t).any()])
        lowest = float(grid[np.flatnonzero(precision >= PRECISION)[0]])
        assert info.thresholds[theme] < lowest, "the best F1 is not that precise here"
        assert lowest <= info.precision.thresholds[theme] + 1e-9 <= lowest + 0.06
        assert gold[scores[:, k] >= info.precision.thresholds[theme]].mean() >= PRECISION


def test_the_preference_changes_what_is_given_and_keeps_the_share_for_review(
    labelled: list[Labelled], classifier: Classifier
) -> None:
    texts = [item.comment.text for item in labelled]
    info = fit(classifier.info, labelled)
    shares = []
    for decided in (info, prefer(info, "precision")):
        predictions = Classifier(classifier.folder, decided, classifier._session).classify(texts)
        shares.append(np.mean([p.needs_review for p in predictions]))
        shares.append(sum(len(p.themes) for p in predictions))
    assert shares[0] == pytest.approx(0.15, abs=0.02) and shares[2] == pytest.approx(0.15, abs=0.02)
    assert shares[3] <= shares[1]


def test_a_theme_that_is_always_right_needs_no_other_threshold(
    labelled: list[Labelled], classifier: Classifier
) -> None:
    """With a perfect model the preference asks for nothing."""
    ids = classifier.info.schema.ids
    perfect = [
        replace(item, raw=replace(item.raw, themes=np.array([9.0 if t in item.comment.themes else -9.0 for t in ids])))
        for item in labelled
    ]
    info = fit(classifier.info, perfect)
    assert info.precision is not None
    assert all(info.precision.thresholds[t] == info.thresholds[t] for t in ids)
