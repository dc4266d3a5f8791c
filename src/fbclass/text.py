"""Normalise text before it is tokenised, and keep the way back to the text as given.

Employees paste from chat tools, phones and traditional-character input methods; the model should
not have to learn every spelling of the same thing. Every character that comes out knows which
characters of the original it came from, so that evidence can be marked in the text as it was given.

``TEXT_VERSION`` is stored with every model: a model is only served by the pipeline it was trained on.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from fbclass.identity import find_identity_words

TEXT_VERSION = "2"

_URL = re.compile(r"(?:https?://|www\.)[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_EMAIL = re.compile(r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+")
# Only text with one of these can hold an emoji; the full search is a hundred times slower.
_MAYBE_EMOJI = re.compile("[©®‼⁉\u200d\u20e3℀-➿⤀-⯿〰〽㊗㊙\ufe0f\U0001f000-\U0001faff]")
_SKIN_TONE = re.compile("_[^_:]*肤色")
_UNSAFE = re.compile("[\x00\ud800-\udfff]")
_MAX_RUN = 3  # 。。。。。。 and 哈哈哈哈哈哈 say no more than three of them do


@dataclass(frozen=True, slots=True)
class NormalizedText:
    """Normalised text with, for each of its characters, the span of the original it stands for."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def to_original(self, start: int, end: int) -> tuple[int, int]:
        """Map the character span [start, end) of ``text`` to a span of the original text."""
        if not 0 <= start < end <= len(self.text):
            raise ValueError(f"span [{start}, {end}) is not inside the {len(self.text)} characters of the text")
        return self.starts[start], self.ends[end - 1]


def normalize(text: str) -> NormalizedText:
    """Apply and record offsets through all of it:

    URLs and e-mail addresses become one word each (链接, 邮箱); emoji become their Chinese CLDR
    short name in brackets; words for places, sexes and ages, in traditional characters too, become
    one of their kind (``fbclass.identity``). Then, in this order: traditional characters become
    simplified (OpenCC ``t2s``); NFKC per character (full-width to half-width, compatibility forms);
    control and format characters are dropped; white space of any kind becomes one space; runs of
    one character stop at three.
    """
    out: list[str] = []
    starts: list[int] = []
    ends: list[int] = []

    def emit(characters: str, start: int, end: int) -> None:
        for character in characters:
            if character == " " and (not out or out[-1] == " "):
                continue
            # Digits and Latin letters keep their runs: 10000 is not 1000.
            if not (character.isascii() and character.isalnum()) and out[-_MAX_RUN:] == [character] * _MAX_RUN:
                continue
            out.append(character)
            starts.append(start)
            ends.append(end)

    # Half of a surrogate pair cannot be encoded, and NUL ends a C string: both are dropped anyway.
    simplified = _simplify(_UNSAFE.sub("\u200b", text))
    position = 0
    for start, end, replacement in (*_replacements(text, simplified), (len(text), len(text), "")):
        for index in range(position, start):
            emit(_fold(simplified[index]), index, index + 1)
        emit(replacement, start, end)
        position = end
    if out and out[-1] == " ":
        del out[-1], starts[-1], ends[-1]
    return NormalizedText("".join(out), tuple(starts), tuple(ends))


def _replacements(text: str, simplified: str) -> list[tuple[int, int, str]]:
    """Spans of the text that are replaced as a whole, in order and without overlap."""
    found = [(m.start(), m.end(), "链接") for m in _URL.finditer(text)] if "://" in text or "www." in text else []
    if "@" in text:
        found += [(m.start(), m.end(), "邮箱") for m in _EMAIL.finditer(text)]
    if _MAYBE_EMOJI.search(text):
        found += _emoji_names(text)
    found += find_identity_words(simplified)
    spans: list[tuple[int, int, str]] = []
    for span in sorted(found):
        if not spans or span[0] >= spans[-1][1]:
            spans.append(span)
    return spans


def _emoji_names(text: str) -> list[tuple[int, int, str]]:
    import emoji  # 4 MB of names: only loaded once a text has an emoji

    names = []
    for match in emoji.emoji_list(text):
        name = emoji.demojize(match["emoji"], language="zh").strip(":")
        names.append((match["match_start"], match["match_end"], f"[{_SKIN_TONE.sub('', name)}]"))
    return names


def _simplify(text: str) -> str:
    """Traditional to simplified, never changing the number of characters."""
    converted = str(_converter().convert(text))
    if len(converted) == len(text):
        return converted
    # A phrase changed its length (rare): convert character by character and keep the alignment.
    return "".join(c if len(s := _converter().convert(c)) != 1 else s for c in text)


@cache
def _converter() -> Any:
    from opencc import OpenCC

    return OpenCC("t2s")


@lru_cache(maxsize=65536)
def _fold(character: str) -> str:
    """What one character becomes: its NFKC form, one space, or nothing."""
    if character.isspace():
        return " "
    folded = unicodedata.normalize("NFKC", character)
    return "".join(" " if c.isspace() else c for c in folded if unicodedata.category(c)[0] != "C")
