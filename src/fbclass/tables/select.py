"""Choose the columns to read: the ones asked for, or the ones that hold open text; and say which."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fbclass.errors import InputError
from fbclass.tables.cells import fold, from_letter, letter, one_line, shorten
from fbclass.tables.columns import KIND_NAMES, Kind, Profile, is_data_like, question_of
from fbclass.tables.table import Note

_DEPARTMENT = re.compile(r"部门|科室|单位|事业部|department|dept\b")
# Questions about other departments also have 部门 in their name.
_ABOUT_OTHERS = re.compile(
    r"其他|跨|别的|各部|满意|程度|评价|评分|打分|配合|协作|合作|沟通|支持|如何|是否|哪些|建议|意见|other|rate"
)
_MAX_DEPARTMENTS = 200
_NAMED = 3  # columns named per reason in the note


def find_column(header: Sequence[str], name: str, file: str, option: str = "--column") -> int:
    """The index of the column called ``name``: its header, the only header that contains it, or an Excel letter."""
    for same in (lambda h: h == name, lambda h: fold(h) == fold(name)):
        hits = [index for index, text in enumerate(header) if same(text)]
        if len(hits) == 1:
            return hits[0]
        if hits:
            break
    else:
        by_letter = from_letter(name)
        if by_letter is not None and by_letter < len(header):
            return by_letter
        hits = [index for index, text in enumerate(header) if fold(name) and fold(name) in fold(text)]
        if len(hits) == 1:
            return hits[0]
    if hits:
        which = ", ".join(f"{letter(i)} {shorten(header[i], 20)}" for i in hits[:8])
        raise InputError(
            f"{file}: {option} {name} fits {len(hits)} columns ({which}): give the letter in front instead",
            f"{file}：{option} {name} 对应 {len(hits)} 列（{which}）：请改用前面的列号",
        )
    raise InputError(
        f"{file} has no column {name!r}: give {option} one of {_listed(header)}",
        f"{file} 里没有“{name}”这一列：{option} 可以写 {_listed(header)}",
    )


def choose_text_columns(
    header: Sequence[str], profiles: Sequence[Profile], file: str, where: Note
) -> tuple[tuple[int, ...], Note]:
    """The open-text columns, and a line that says what was taken and why the rest was not."""
    taken = [index for index, p in enumerate(profiles) if p.kind == "text"]
    if not taken:
        # A list of short comments alone in its sheet is still a list of comments.
        short = [index for index, p in enumerate(profiles) if p.kind == "short" and p.distinct and p.size >= 2]
        others = [p for p in profiles if p.kind not in ("short", "empty", "number", "metadata")]
        if len(short) == 1 and not others:
            taken = short
    rest_en, rest_zh = _rest(header, profiles, taken)
    if not taken:
        raise InputError(
            f"{file} has no column of open text that can be told apart ({rest_en}): name it with --column",
            f"{file} 里没有找到开放文本列（{rest_zh}）：请用 --column 写明要分析哪一列",
        )
    names = [f"{letter(i)} {shorten(header[i], 24)}".strip() for i in taken]
    return tuple(taken), Note(
        f"{where.english}: reading {_count(len(taken), 'column')} {'; '.join(names)}"
        + (f". Not read: {rest_en}" if rest_en else ""),
        f"{where.chinese}：读取 {len(taken)} 列 {'；'.join(names)}" + (f"。未读取：{rest_zh}" if rest_zh else ""),
    )


def choose_department(header: Sequence[str], columns: Sequence[Sequence[str]], taken: Sequence[int]) -> int | None:
    """The column that says where the writer works: named so, with few distinct values that are no numbers."""
    best: tuple[bool, int, int] | None = None
    for index, (name, texts) in enumerate(zip(header, columns, strict=True)):
        question = question_of(name)
        if index in taken or not _DEPARTMENT.search(question) or _ABOUT_OTHERS.search(question):
            continue
        values = [text.strip() for text in texts if text.strip()]
        distinct = set(values)
        if not distinct or len(distinct) > max(_FEW_ENOUGH, min(_MAX_DEPARTMENTS, len(values) // 3)):
            continue
        if sum(map(is_data_like, values)) > len(values) / 2:
            continue
        # The shortest name is the plainest question: 部门 before 您认为最需要改进的部门.
        rank = ("所在" not in question and "所属" not in question, len(question), index)
        best = min(best, rank) if best else rank
    return best[2] if best else None


_FEW_ENOUGH = 12


def _rest(header: Sequence[str], profiles: Sequence[Profile], taken: Sequence[int]) -> tuple[str, str]:
    kinds: dict[Kind, list[str]] = {}
    for index, p in enumerate(profiles):
        if index not in taken and not (p.kind == "empty" and not one_line(header[index])):
            kinds.setdefault(p.kind, []).append(shorten(header[index], 12) or letter(index))
    english, chinese = [], []
    for kind, names in kinds.items():
        more = len(names) - _NAMED
        english.append(f"{', '.join(names[:_NAMED])}{f' and {more} more' if more > 0 else ''} ({KIND_NAMES[kind][0]})")
        chinese.append(
            f"{'、'.join(names[:_NAMED])}{f' 等 {len(names)} 列' if more > 0 else ''}（{KIND_NAMES[kind][1]}）"
        )
    return "; ".join(english), "；".join(chinese)


def _listed(header: Sequence[str]) -> str:
    names = [f"{letter(i)} {shorten(text, 20)}" for i, text in enumerate(header) if one_line(text)]
    return ", ".join(names[:20]) + (" …" if len(names) > 20 else "")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"
