"""The released model says today what it said when it was released."""

from __future__ import annotations

import json

import pytest

from fbclass.classifier import Classifier
from tests.golden.regenerate import golden_file, outputs

# Eight-bit kernels differ between processors; decisions must not, scores hardly.
TOLERANCE = 0.02
# A score this near its threshold may fall on either side of it on another processor.
MARGIN = 0.02


def test_golden_outputs(default_classifier: Classifier) -> None:
    path = golden_file(default_classifier)
    expected = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    actual = json.loads(json.dumps(outputs(default_classifier)))
    assert [e["id"] for e in expected] == [a["id"] for a in actual]
    assert len(expected) >= 60
    for e, a in zip(expected, actual, strict=True):
        assert a["scores"] == pytest.approx(e["scores"], abs=TOLERANCE), e["id"]
        assert a["sentiment"]["scores"] == pytest.approx(e["sentiment"]["scores"], abs=TOLERANCE), e["id"]
        limits = default_classifier.info.thresholds
        if all(abs(score - limits[theme]) > MARGIN for theme, score in e["scores"].items()):
            assert [t["id"] for t in a["themes"]] == [t["id"] for t in e["themes"]], e["id"]
        top, second = sorted(e["sentiment"]["scores"].values())[:-3:-1]
        if top - second > MARGIN:
            assert a["sentiment"]["label"] == e["sentiment"]["label"], e["id"]
