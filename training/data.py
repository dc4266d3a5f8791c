"""Read the labelled comments of ``data/feedback``.

    data/feedback/{train,dev,test}/*.jsonl    one JSON object a line, one file per author world

The fields are described in ``data/README.md``; ``python -m training.check_data`` proves the content.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fbclass.errors import InputError
from fbclass.results import SENTIMENTS, SentimentLabel, Span

if TYPE_CHECKING:
    from datasets import Dataset

SPLITS = ("train", "dev", "test")
# What each field of a line holds; a list holds strings, and so do the lists of ``evidence``.
FIELDS: Mapping[str, type] = {
    "id": str,
    "text": str,
    "themes": list,
    "sentiment": str,
    "evidence": dict,
    "about": list,
    "group": str,
}
_KINDS: Mapping[type, tuple[str, str]] = {
    str: ("a string", "字符串"),
    list: ("a list of strings", "字符串列表"),
    dict: ("an object of lists of strings", "由字符串列表组成的对象"),
}


@dataclass(frozen=True, slots=True)
class Comment:
    """One labelled comment.

    ``evidence`` gives, for each theme, the pieces of ``text`` that say so; ``about`` the departments,
    roles or systems spoken of, as they are written in ``text``. Comments of one ``group`` are
    variations on each other, made to differ in their labels. ``source`` is the author world: the
    name of the file without its ending.
    """

    id: str
    text: str
    themes: tuple[str, ...]
    sentiment: SentimentLabel
    evidence: dict[str, tuple[str, ...]]
    about: tuple[str, ...]
    group: str
    source: str


@dataclass(frozen=True, slots=True)
class Spans:
    """Where evidence and parties stand; offsets count characters of ``Comment.text``."""

    evidence: dict[str, tuple[Span, ...]]
    about: tuple[Span, ...]


def list_files(folder: Path, split: str) -> list[Path]:
    """The files of a split, p2 before p10; ``InputError`` when there is none."""
    files = sorted((folder / split).glob("*.jsonl"), key=lambda path: (len(path.stem), path.stem))
    if not files:
        raise InputError(
            f"{folder / split} has no .jsonl file: the labelled data are the folders {', '.join(SPLITS)}",
            f"{folder / split} 里没有 .jsonl 文件：标注数据应放在 {'、'.join(SPLITS)} 三个文件夹里",
        )
    return files


def load_comments(folder: Path, split: str) -> list[Comment]:
    """All comments of one split ("train", "dev" or "test") in file order.

    Keys and types are checked; ``InputError`` names the file and the line that breaks them.
    """
    comments = []
    for path in list_files(folder, split):
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            try:
                comments.append(parse_comment(line, path.stem))
            except InputError as error:
                raise InputError(
                    f"{path}, line {number}: {error.english}", f"{path} 第 {number} 行：{error.chinese}"
                ) from error
    return comments


def parse_comment(line: bytes, source: str) -> Comment:
    """Build a comment from one line of a file; ``InputError`` says what is wrong with the line."""
    try:
        row = json.loads(line.decode("utf-8"))
    except ValueError as error:  # both bad UTF-8 and bad JSON
        raise InputError(f"not a JSON object in UTF-8 ({error})", f"不是 UTF-8 编码的 JSON 对象（{error}）") from error
    if not isinstance(row, dict) or row.keys() != FIELDS.keys():
        found = sorted(row) if isinstance(row, dict) else type(row).__name__
        raise InputError(
            f"the keys must be exactly {', '.join(FIELDS)}; found {found}",
            f"字段必须正好是 {'、'.join(FIELDS)}；现在是 {found}",
        )
    for name, kind in FIELDS.items():
        if not _is(row[name], kind):
            english, chinese = _KINDS[kind]
            raise InputError(
                f"{name} must be {english}; found {row[name]!r}", f"{name} 必须是{chinese}；现在是 {row[name]!r}"
            )
    return Comment(
        id=row["id"],
        text=row["text"],
        themes=tuple(row["themes"]),
        sentiment=row["sentiment"],
        evidence={theme: tuple(pieces) for theme, pieces in row["evidence"].items()},
        about=tuple(row["about"]),
        group=row["group"],
        source=source,
    )


def _is(value: Any, kind: type) -> bool:
    if kind is dict:
        return isinstance(value, dict) and all(_is(pieces, list) for pieces in value.values())
    if kind is list:
        return isinstance(value, list) and all(isinstance(piece, str) for piece in value)
    return isinstance(value, kind)


def check_sentiments(comments: Iterable[Comment]) -> None:
    """``InputError`` names the first comment whose sentiment is none of the three."""
    for comment in comments:
        if comment.sentiment not in SENTIMENTS:
            raise InputError(
                f"{comment.id}: sentiment {comment.sentiment!r} must be one of {', '.join(SENTIMENTS)}",
                f"{comment.id}：情感 {comment.sentiment!r} 应为 {'、'.join(SENTIMENTS)} 之一",
            )


def find_spans(comment: Comment) -> Spans:
    """Where the evidence and the parties of a comment stand in its text, in order.

    A piece of evidence is marked where it first stands: it is a clause, and a later repetition of
    the same words need not mean the same. A party is marked everywhere it is named. Pieces that
    overlap become one span, so of "客服" inside "客服主管" only the longer one remains. ``InputError``
    when a piece is not in the text.
    """
    text = comment.text
    for piece in (*comment.about, *(piece for pieces in comment.evidence.values() for piece in pieces)):
        if not piece or piece not in text:
            raise InputError(
                f"{comment.id}: {piece!r} is not a part of {text!r}: evidence and about must be copied from the text",
                f"{comment.id}：{piece!r} 不在原文 {text!r} 里：evidence 和 about 要从原文原样摘出",
            )
    evidence = {theme: [_first(text, piece) for piece in pieces] for theme, pieces in comment.evidence.items()}
    about = [found.span() for name in comment.about for found in re.finditer(re.escape(name), text)]
    return Spans({theme: _merge(text, found) for theme, found in evidence.items()}, _merge(text, about))


def _first(text: str, piece: str) -> tuple[int, int]:
    start = text.index(piece)
    return start, start + len(piece)


def _merge(text: str, found: Iterable[tuple[int, int]]) -> tuple[Span, ...]:
    """Sort and join what overlaps; pieces that only touch stay apart."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(Span(start, end, text[start:end]) for start, end in joined)


def to_dataset(comments: Iterable[Comment]) -> Dataset:
    """The comments as a ``datasets.Dataset``, one row each, in order.

    Columns: ``id``, ``text``, ``themes`` (ids), ``sentiment``, ``evidence`` (a list of
    {theme, start, end}), ``about`` (a list of {start, end}), ``group``, ``source``.
    """
    from datasets import Dataset, Features, Value

    string, offset = Value("string"), Value("int32")
    features = Features(
        {
            "id": string,
            "text": string,
            "themes": [string],
            "sentiment": string,
            "evidence": [{"theme": string, "start": offset, "end": offset}],
            "about": [{"start": offset, "end": offset}],
            "group": string,
            "source": string,
        }
    )
    return Dataset.from_list([_to_row(comment) for comment in comments], features=features)


def _to_row(comment: Comment) -> dict[str, Any]:
    spans = find_spans(comment)
    return {
        "id": comment.id,
        "text": comment.text,
        "themes": list(comment.themes),
        "sentiment": comment.sentiment,
        "evidence": [
            {"theme": t, "start": s.start, "end": s.end} for t, found in spans.evidence.items() for s in found
        ],
        "about": [{"start": s.start, "end": s.end} for s in spans.about],
        "group": comment.group,
        "source": comment.source,
    }
