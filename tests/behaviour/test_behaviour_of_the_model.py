"""What the shipped model does with the behaviour cases, held against the marks it must reach.

A mark that is not reached yet is an expected failure with the figure that was measured; when the model
reaches it, the test fails until the entry is taken out, and from then on the mark holds.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from fbclass.classifier import Classifier
from tests.behaviour.test_behaviour_cases import KIND_OF
from training.behaviour import Behaviour, load_cases, run_cases

OVERALL = 0.08  # of all cases may fail
CAPABILITY = 0.15  # of the cases of any one capability
IDENTITY_PAIRS = 0.02  # of the pairs that differ in a word for department, region, gender, age or nationality

# fbclass-small@0.9.0: failed cases of all. `python -m training.behaviour --show_failures` lists them.
MISSED = {
    "negated": "12 of 24",
    "other_company": "7 of 24",
    "irony": "10 of 24",
}


def missed(figure: str) -> pytest.MarkDecorator:
    return pytest.mark.xfail(strict=True, raises=AssertionError, reason=f"measured: {figure}")


@pytest.fixture(scope="module")
def behaviour(default_classifier: Classifier, root: Path) -> Behaviour:
    return run_cases(load_cases(root / "data" / "behaviour"), default_classifier.classify)


def test_few_cases_fail(behaviour: Behaviour) -> None:
    assert behaviour.rate() < OVERALL


@pytest.mark.parametrize(
    "capability", [pytest.param(name, marks=missed(MISSED[name]) if name in MISSED else ()) for name in KIND_OF]
)
def test_few_cases_of_a_capability_fail(behaviour: Behaviour, capability: str) -> None:
    assert behaviour.rate(capability) < CAPABILITY, "\n".join(
        str(failure) for failure in behaviour.failures if failure.case.capability == capability
    )


def test_saying_who_somebody_is_changes_no_label(behaviour: Behaviour) -> None:
    changed, pairs = behaviour.identity_pairs
    assert changed / pairs < IDENTITY_PAIRS
