"""What careless typing and other input methods cost: the same comments, changed and classified again.

Three changes that leave the meaning and so the labels as they are. Each gives the same text for the same
text on every machine: what is drawn is drawn by the text itself. These are changes that the text pipeline
may undo (traditional characters) or that training may have shown the model (none of them on test).
"""

from __future__ import annotations

import random
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from fbclass.evaluation import Gold, Measure, difference, evaluate
from fbclass.results import Prediction
from training.baselines import words

Classify = Callable[[Sequence[str]], Sequence[Prediction]]
TYPO_RATE = 0.125  # of the words; about one typo in a comment of twenty characters
_RAREST = 50  # occurrences in jieba's counts: rarer words stand too far down the list of an input method


@dataclass(frozen=True, slots=True)
class Changed:
    """One system on one kind of change.

    ``altered``: share of the comments that the change makes different. ``macro_f1`` (themes) and
    ``sentiment`` (accuracy): on all comments, changed; the two ``_gain``s: the same minus what it is on the
    comments as given, paired, so below zero where the change costs something.
    """

    change: str
    system: str
    altered: float
    macro_f1: Measure
    macro_f1_gain: Measure
    sentiment: Measure
    sentiment_gain: Measure


def measure_changes(
    gold: Sequence[Gold], systems: Mapping[str, tuple[Classify, Sequence[Prediction]]], themes: Sequence[str]
) -> tuple[Changed, ...]:
    """Every system on every change; ``systems``: how to classify, and the predictions for the texts as given."""
    # Marks in the text lie elsewhere after the change; only labels are compared.
    plain = [replace(row, evidence=None, about=None) for row in gold]
    found = []
    for name, change in CHANGES.items():
        texts = [change(row.text) for row in plain]
        altered = sum(text != row.text for text, row in zip(texts, plain, strict=True)) / len(plain)
        for system, (classify, before) in systems.items():
            after = classify(texts)
            figures = evaluate(plain, after, themes=themes)
            gain = difference(plain, after, before, themes=themes)
            found.append(
                Changed(
                    change=name,
                    system=system,
                    altered=altered,
                    macro_f1=figures.macro_f1,
                    macro_f1_gain=gain["macro_f1"],
                    sentiment=figures.sentiment.accuracy,
                    sentiment_gain=gain["sentiment_accuracy"],
                )
            )
    return tuple(found)


def with_homophones(text: str) -> str:
    """One word in eight replaced by the commonest other word that is typed with the same pinyin, tones aside.

    That is the slip of a pinyin input method: the wrong line of its list. At least one word is replaced
    where any has a homophone.
    """
    draw = random.Random(text)
    parts = words_and_gaps(text)
    places = [i for i, part in enumerate(parts) if part in _homophones()]
    chosen = [i for i in places if draw.random() < TYPO_RATE] or (places and [draw.choice(places)])
    for i in chosen:
        parts[i] = _homophones()[parts[i]]
    return "".join(parts)


def to_traditional(text: str) -> str:
    """As typed with a traditional-character input method (OpenCC ``s2t``)."""
    return str(_converter().convert(text))


def without_punctuation(text: str) -> str:
    """All punctuation left out, but not inside figures and Latin words (3.5, 10:30, e-mail).

    A text that is nothing else stays as it is.
    """
    kept = [
        character
        for before, character, after in zip(" " + text, text, text[1:] + " ", strict=False)
        if unicodedata.category(character)[0] != "P" or (_latin(before) and _latin(after))
    ]
    return "".join(kept) if "".join(kept).strip() else text


CHANGES: Mapping[str, Callable[[str], str]] = {
    "typos (homophones)": with_homophones,
    "traditional characters": to_traditional,
    "punctuation removed": without_punctuation,
}


def words_and_gaps(text: str) -> list[str]:
    """The words of ``text`` and what stands between them, in order: joined they are the text."""
    parts, position = [], 0
    for word in words(text):
        start = text.index(word, position)
        if start > position:
            parts.append(text[position:start])
        parts.append(word)
        position = start + len(word)
    return [*parts, text[position:]] if position < len(text) else parts


def _latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


@cache
def _converter() -> Any:
    from opencc import OpenCC

    return OpenCC("s2t")


@cache
def _homophones() -> Mapping[str, str]:
    """For a word the commonest other one with the same pinyin: readings from SnowNLP's table, frequency from jieba's.

    Only for words with a single reading there (of 行 the table cannot tell háng from xíng), and for 的, 得 and 地.
    """
    import jieba
    from snownlp import normal

    words("加载")  # jieba reads its dictionary with the first text
    readings: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for line in Path(normal.pinyin_path).read_text(encoding="utf-8").splitlines():
        word, *syllables = line.split()
        readings[word].add(tuple(syllables))
    alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for word, found in readings.items():
        if len(found) == 1 and (jieba.dt.FREQ.get(word) or 0) >= _RAREST:
            alike[next(iter(found))].append(word)
    pairs = {}
    for group in alike.values():
        # By frequency, then by the word itself: ties must not depend on the order of a set.
        first, *others = sorted(group, key=lambda word: (-jieba.dt.FREQ[word], word))
        pairs |= dict.fromkeys(others, first) | ({first: others[0]} if others else {})
    return pairs | {"的": "得", "得": "的", "地": "的"}
