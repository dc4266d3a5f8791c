"""The parts of the measured comments: by length, by way of writing, by author file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fbclass.evaluation import Gold
from fbclass.text import normalize

LENGTHS = (15, 30, 60, 120)  # characters: the last of each class but the longest
FEWEST = 10  # comments; of fewer no figure is given
_PUNCTUATION = re.compile(r"[，。！？；：、,.!?;:…—~]")
_EMOJI_NAME = re.compile(r"\[[\u4e00-\u9fff]+\]")  # what the text pipeline makes of an emoji
_CHAT = re.compile(r"[!?~。！？]{2}|\.{3}|…|~|哈哈|呵呵|唉|哎|嘛|呗|啦|咋|啥|俺|咱|吐槽")


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the comments. ``kind`` says by what they were taken, ``rows`` are their indices."""

    kind: str
    name: str
    rows: tuple[int, ...]


def parts_of(gold: Sequence[Gold]) -> list[Part]:
    """Every part with at least ``FEWEST`` comments. Only ways of writing overlap."""
    return [part for part in _all_parts(gold) if len(part.rows) >= FEWEST or part.kind == "author file"]


def _all_parts(gold: Sequence[Gold]) -> Iterator[Part]:
    def rows(test: Callable[[Gold], bool]) -> tuple[int, ...]:
        return tuple(i for i, row in enumerate(gold) if test(row))

    first = 1
    for last in LENGTHS:
        yield Part(
            "length",
            f"{first} to {last} characters",
            rows(lambda row, first=first, last=last: first <= len(row.text) <= last),
        )
        first = last + 1
    yield Part("length", f"over {LENGTHS[-1]} characters", rows(lambda row: len(row.text) > LENGTHS[-1]))
    for name, test in REGISTERS.items():
        yield Part("way of writing", name, rows(lambda row, test=test: test(row.text)))
    none = rows(lambda row: not any(test(row.text) for test in REGISTERS.values()))
    yield Part("way of writing", "plain: none of these", none)
    for file in dict.fromkeys(row.file for row in gold):
        yield Part("author file", Path(file).stem, rows(lambda row, file=file: row.file == file))


def _chat(text: str) -> bool:
    plain = normalize(text).text
    return bool(_CHAT.search(plain) or (plain != text and _EMOJI_NAME.search(plain)))


def _traditional(text: str) -> bool:
    return bool(_simplifier().convert(text) != text)


@cache
def _simplifier() -> Any:
    from opencc import OpenCC

    return OpenCC("t2s")


# By what can be seen on the surface, so that it holds for any file. A comment can be in several.
REGISTERS: Mapping[str, Callable[[str], bool]] = {
    "suggestion (建议, 希望, 能不能)": lambda text: bool(
        re.search("建议|希望|最好|能不能|能否|可否|可不可以|应该|应当", text)
    ),
    "question": lambda text: bool(re.search("[?？]|[吗呢][。.!！]?$", text)),
    "chat (emoji, particles, repeated marks)": _chat,
    "with digits": lambda text: bool(re.search("[0-9０-９]", text)),
    "with Latin words": lambda text: bool(re.search("[A-Za-z]{2}", text)),
    "without punctuation, from 12 characters": lambda text: len(text) >= 12 and not _PUNCTUATION.search(text),
    "traditional characters": _traditional,
}
