"""Changed texts: the same every time, changed in the one way they say, and measured against the texts as given."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from fbclass.classifier import Classifier
from fbclass.evaluation import Gold, read_gold
from fbclass.results import Prediction
from fbclass.text import normalize
from training.robustness import (
    CHANGES,
    measure_changes,
    to_traditional,
    with_homophones,
    without_punctuation,
    words_and_gaps,
)

TEXT = "审批流程在系统里走了3.5周，问了也没人回，已经反映过了！"


@pytest.fixture(scope="module")
def gold(root: Path, classifier: Classifier) -> list[Gold]:
    return read_gold(root / "data" / "feedback" / "dev" / "p8.jsonl", classifier.schema)[:60]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_the_same_every_time_and_leaves_no_blank(change: Callable[[str], str]) -> None:
    assert change(TEXT) == change(TEXT) != TEXT
    for text in ("", "？？", "👍", "ok", "\n好的  收到\n"):
        assert bool(change(text).strip()) == bool(text.strip())


def test_a_typo_sounds_like_the_word_it_stands_for() -> None:
    from snownlp import normal

    parts = words_and_gaps(TEXT)
    changed = with_homophones(TEXT)
    assert len(changed) == len(TEXT)
    pieces, start = [], 0
    for part in parts:
        pieces.append(changed[start : start + len(part)])
        start += len(part)
    pairs = [(a, b) for a, b in zip(parts, pieces, strict=True) if a != b]
    assert 1 <= len(pairs) <= 6
    for given, typed in pairs:
        assert normal.get_pinyin(given) == normal.get_pinyin(typed) or given in "的得地"
    assert with_homophones("在") == "再" and with_homophones("的") == "得"


def test_words_and_gaps_are_the_text() -> None:
    for text in (TEXT, " 两个  空格\n换行 ", "", "a b"):
        assert "".join(words_and_gaps(text)) == text


def test_traditional_characters_are_read_back() -> None:
    assert to_traditional("财务报销太慢") == "財務報銷太慢"
    assert normalize(to_traditional(TEXT)).text == normalize(TEXT).text


def test_punctuation_goes_but_figures_stay() -> None:
    assert without_punctuation("催了3次,没人回。10:30的会?e-mail也发了……") == "催了3次没人回10:30的会e-mail也发了"
    assert without_punctuation("？？") == "？？"
    changed = without_punctuation(TEXT)
    assert {c for c in changed if unicodedata.category(c)[0] == "P"} == {"."}


def test_what_a_change_costs_is_measured_on_the_same_comments(gold: list[Gold], classifier: Classifier) -> None:
    before = classifier.classify([row.text for row in gold])

    def blind(texts: Sequence[str]) -> list[Prediction]:
        """Reads nothing as soon as anything differs."""
        nothing = classifier.classify([""])[0]
        return [p if text == p.text else replace(nothing, text=text) for text, p in zip(texts, before, strict=True)]

    systems = {"model": (classifier.classify, before), "blind": (blind, before)}
    found = measure_changes(gold, systems, classifier.schema.ids)
    assert [(c.change, c.system) for c in found] == [(change, s) for change in CHANGES for s in systems]
    typos, sightless = found[0], found[1]
    assert typos.altered == sightless.altered > 0.9
    assert sightless.macro_f1.value < typos.macro_f1.value and sightless.macro_f1_gain.value < -0.2
    traditional = found[2]
    assert abs(traditional.macro_f1_gain.value) < 0.05 and traditional.macro_f1_gain.low <= 0.0
