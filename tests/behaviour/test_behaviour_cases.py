"""The committed cases keep their rules: complete, different from each other and from the labelled comments."""

from __future__ import annotations

import json
import re
from collections import Counter
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path

import pytest
from opencc import OpenCC

from fbclass.results import SENTIMENTS
from fbclass.schema import ThemeSchema
from training.behaviour import IDENTITY, Case, load_cases
from training.check_data import NEAR
from training.duplicates import similar_pairs

DATA = Path(__file__).parents[2] / "data"
GONE = ("negated", "resolved", "other_company", "hypothetical", "praised")  # the theme is there no longer
KIND_OF = {
    **dict.fromkeys(("plain_theme", "no_theme", "plain_sentiment"), "mft"),
    **dict.fromkeys((*IDENTITY, "typos", "punctuation", "traditional", "greeting", "order"), "inv"),
    **dict.fromkeys((*GONE, "second_theme", "irony"), "dir"),
}


@cache
def cases() -> list[Case]:
    return load_cases(DATA / "behaviour")


def of(capability: str) -> list[Case]:
    return [case for case in cases() if case.capability == capability]


@cache
def theme_ids() -> tuple[str, ...]:
    return ThemeSchema.load(DATA / "themes.yaml").ids


def letters(text: str) -> str:
    return "".join(c for c in text if c.isalnum())


def test_there_are_enough_of_every_capability() -> None:
    assert len(cases()) >= 400
    assert {case.capability: case.kind for case in cases()} == KIND_OF
    counts = Counter(case.capability for case in cases())
    assert {name: n for name, n in counts.items() if n < (24 if KIND_OF[name] == "dir" else 30)} == {}


def test_every_word_for_a_group_of_people_has_thirty_pairs() -> None:
    pairs = {name: sum(len(case.variants) for case in of(name)) for name in IDENTITY}
    assert {name: n for name, n in pairs.items() if n < 30} == {}


def test_ids_are_unique_and_say_the_capability() -> None:
    assert len({case.id for case in cases()}) == len(cases())
    for case in cases():
        assert re.fullmatch(rf"{case.capability.replace('_', '-')}-\d\d", case.id)


def test_no_text_stands_twice() -> None:
    counts = Counter(letters(text) for case in cases() for text in dict.fromkeys(map(letters, case.texts)))
    assert [text for text, n in counts.items() if n > 1] == []


def test_themes_are_of_the_schema_and_each_is_asked_for_everywhere() -> None:
    for name, kind in KIND_OF.items():
        asked = Counter(t for case in of(name) for t in (*(case.themes or ()), *case.gains, *case.loses))
        assert asked.keys() <= set(theme_ids())
        if kind == "dir" or name == "plain_theme":
            assert min(asked[theme] for theme in theme_ids()) >= 3, name
    assert {case.themes for case in of("no_theme")} == {()}
    assert Counter(case.sentiment for case in of("plain_sentiment")).keys() == set(SENTIMENTS)


def test_directional_cases_ask_for_the_change_that_their_capability_names() -> None:
    for name, kind in KIND_OF.items():
        for case in of(name) if kind == "dir" else ():
            changes = (bool(case.loses), bool(case.gains), bool(case.keeps))
            assert changes == (name in GONE, name not in GONE, name == "second_theme"), case.id
            if name in ("resolved", "praised", "irony"):
                assert case.sentiment == ("down" if name == "irony" else "up"), case.id


def test_variants_differ_from_the_text_only_as_they_should() -> None:
    forms = [OpenCC(name) for name in ("s2t", "s2tw", "s2hk", "s2twp")]
    for case in cases():
        assert case.text not in case.variants and len(set(case.variants)) == len(case.variants), case.id
        for variant in case.variants:
            where = f"{case.id}: {variant}"
            if case.capability == "punctuation":
                assert variant == letters(case.text), where
            elif case.capability == "traditional":
                assert variant in [form.convert(case.text) for form in forms], where
            elif case.capability == "greeting":
                assert variant.endswith(case.text), where
            elif case.capability == "order":
                assert sorted(letters(variant)) == sorted(letters(case.text)), where
            elif case.capability == "typos":
                assert len(variant) == len(case.text), where
                assert sum(a != b for a, b in zip(variant, case.text, strict=True)) <= 2, where
            elif case.capability in IDENTITY:
                assert SequenceMatcher(None, case.text, variant, autojunk=False).ratio() > 0.5, where


def test_no_text_stands_in_the_labelled_comments() -> None:
    ours = [text for case in cases() for text in case.texts]
    files = sorted((DATA / "feedback").rglob("*.jsonl"))
    theirs = [json.loads(line)["text"] for path in files for line in path.read_bytes().splitlines()]
    pairs = similar_pairs([*ours, *theirs], NEAR)
    # Only our side is named: what the test files say is not to be read.
    assert {ours[pair.first] for pair in pairs if pair.first < len(ours) <= pair.second} == set()


@pytest.mark.parametrize("capability", KIND_OF)
def test_the_card_counts_them(capability: str) -> None:
    card = (DATA / "behaviour" / "README.md").read_text(encoding="utf-8")
    assert f"| `{capability}` | {KIND_OF[capability]} | {len(of(capability))} |" in card
