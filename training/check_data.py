"""Prove that the labelled comments keep their rules, and count what is in them.

    python -m training.check_data [FOLDER] [--write-card]

FOLDER (data/feedback) holds the folders train, dev and test; themes.yaml and the data card README.md
stand beside it. Prints a summary table in Markdown, then each problem on a line of its own as
``file:line id problem``; the exit status is 1 if there is any. --write-card puts the table into the card.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from fbclass.errors import FbclassError, InputError
from fbclass.results import SENTIMENTS
from fbclass.schema import ThemeSchema
from fbclass.text import normalize
from training.data import SPLITS, Comment, list_files, parse_comment
from training.duplicates import Pair, similar_pairs

LONGEST = 500  # characters: the unit of the labelling rules
# From here on two texts are near-duplicates. Read pair by pair: at 0.6 and over, every pair says the
# same thing; from 0.5 down come stock phrases with another object (部门间信息不对称, 部门间信息不互通).
NEAR = 0.6
SHOWN = 0.4  # the summary names the closest pair of different splits, down to here
BEGIN, END = "<!-- summary: written by python -m training.check_data --write-card -->", "<!-- end of summary -->"


@dataclass(frozen=True, slots=True)
class Row:
    """A comment and where it stands; ``file`` is relative to the folder, e.g. train/p1.jsonl."""

    split: str
    file: str
    line: int
    comment: Comment

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.comment.id}"


def read_rows(folder: Path) -> tuple[list[Row], list[str]]:
    """Every line that can be read, and a problem for every one that cannot."""
    rows, problems = [], []
    for split in SPLITS:
        for path in list_files(folder, split):
            file = path.relative_to(folder).as_posix()
            for number, line in enumerate(path.read_bytes().splitlines(), 1):
                try:
                    rows.append(Row(split, file, number, parse_comment(line, path.stem)))
                except InputError as error:
                    problems.append(f"{file}:{number} - {error}")
    return rows, problems


def check_comment(comment: Comment, theme_ids: Iterable[str]) -> Iterator[str]:
    """The rules that one comment can break by itself."""
    text, known = comment.text, set(theme_ids)
    if not re.fullmatch(rf"{re.escape(comment.source)}-[0-9]+", comment.id):
        yield f"the id must be the file name, a hyphen and a number, as in {comment.source}-001"
    if not 1 <= len(text) <= LONGEST:
        yield f"the text has {len(text)} characters: it must have 1 to {LONGEST}"
    elif not normalize(text).text.strip():
        yield "the text is blank"
    for theme in comment.themes:
        if theme not in known:
            yield f"theme {theme!r} is not in themes.yaml ({', '.join(sorted(known))})"
    if comment.sentiment not in SENTIMENTS:
        yield f"sentiment {comment.sentiment!r} must be one of {', '.join(SENTIMENTS)}"
    if not comment.group:
        yield "the group is empty: a comment that stands alone has a group of its own"
    for theme in comment.evidence:
        if theme not in comment.themes:
            yield f"evidence for {theme!r}, which is not among the themes"
    for theme in comment.themes:
        if not comment.evidence.get(theme):
            yield f"theme {theme!r} has no evidence"
    lists = {"themes": comment.themes, "about": comment.about}
    lists |= {f"evidence of {theme}": pieces for theme, pieces in comment.evidence.items()}
    for name, values in lists.items():
        for value, count in Counter(values).items():
            if count > 1:
                yield f"{name}: {value!r} stands {count} times"
            if name != "themes" and (not value or value not in text):
                yield f"{name}: {value!r} is not a part of the text"


def check_ids_and_groups(rows: Sequence[Row]) -> Iterator[str]:
    """Ids are unique; a contrast group stays in one file, so in one split."""
    ids: dict[str, Row] = {}
    groups: dict[str, Row] = {}
    for row in rows:
        if (first := ids.setdefault(row.comment.id, row)) is not row:
            yield f"{row} the id is already taken by {first.file}:{first.line}"
        if row.comment.group and (first := groups.setdefault(row.comment.group, row)).file != row.file:
            yield f"{row} group {row.comment.group} is also in {first}: a group must not cross files"


def check_duplicates(rows: Sequence[Row], pairs: Iterable[Pair]) -> Iterator[str]:
    """No exact duplicates, no near-duplicates in two splits, none in one split with other labels.

    Inside a contrast group near-duplicates with other labels are the point, and allowed.
    """
    texts = [normalize(row.comment.text).text for row in rows]
    seen: dict[str, Row] = {}
    for row, text in zip(rows, texts, strict=True):
        if (first := seen.setdefault(text, row)) is not row:
            leak = "" if first.split == row.split else f": leakage between {first.split} and {row.split}"
            yield f"{row} the same text as {first}{leak}"
    for pair in pairs:
        one, two = rows[pair.first], rows[pair.second]
        if pair.similarity < NEAR or texts[pair.first] == texts[pair.second]:
            continue
        near = f"{two} nearly the same text as {one} ({pair.similarity:.2f})"
        if one.split != two.split:
            yield f"{near}: leakage between {one.split} and {two.split}"
        elif one.comment.group != two.comment.group and _labels(one) != _labels(two):
            yield f"{near} with other labels: {_labels(one)} there, {_labels(two)} here"


def _labels(row: Row) -> str:
    return " ".join([*sorted(row.comment.themes), row.comment.sentiment])


def check_rows(rows: Sequence[Row], pairs: Iterable[Pair], theme_ids: Iterable[str]) -> list[str]:
    """Every broken rule, as ``file:line id problem``."""
    known = list(theme_ids)
    alone = [f"{row} {problem}" for row in rows for problem in check_comment(row.comment, known)]
    return [*alone, *check_ids_and_groups(rows), *check_duplicates(rows, pairs)]


def summarize(rows: Sequence[Row], pairs: Iterable[Pair], theme_ids: Sequence[str]) -> str:
    """The summary as Markdown: a line for every file, for every split and for all."""
    head = ["split", "file", "comments", "characters: median, p95", *theme_ids, "no theme", "several"]
    head += [*SENTIMENTS, "with `about`", "contrast groups"]
    lines = [_cells(head), _cells(["---", "---", *["---:"] * (len(head) - 2)])]
    for split, in_split in groupby(rows, key=lambda row: row.split):
        part = list(in_split)
        for file, in_file in groupby(part, key=lambda row: row.file):
            lines.append(_cells([split, Path(file).stem, *_counts(list(in_file), theme_ids)]))
        lines.append(_cells([f"**{split}**", "all", *_counts(part, theme_ids)]))
    lines.append(_cells(["**all**", "all", *_counts(rows, theme_ids)]))
    across = next((p for p in pairs if rows[p.first].split != rows[p.second].split), None)
    closest = f"no pair of rows reaches {SHOWN:.2f}"
    if across:
        one, two = rows[across.first].comment.id, rows[across.second].comment.id
        closest = f"the closest pair of rows is {one} and {two} with {across.similarity:.2f}"
    return "\n".join([*lines, "", f"Between different splits {closest} (Jaccard of character 3-grams)."])


def _counts(rows: Sequence[Row], theme_ids: Sequence[str]) -> list[str]:
    comments = [row.comment for row in rows]
    total = max(1, len(comments))
    median, p95 = np.percentile([len(c.text) for c in comments] or [0], [50, 95])
    themes = Counter(theme for c in comments for theme in c.themes)
    sentiments = Counter(c.sentiment for c in comments)
    groups = Counter(c.group for c in comments)
    return [
        f"{len(comments):,}",
        f"{median:.0f}, {p95:.0f}",
        *(f"{themes[theme]:,}" for theme in theme_ids),
        f"{sum(not c.themes for c in comments) / total:.1%}",
        f"{sum(len(c.themes) > 1 for c in comments) / total:.1%}",
        *(f"{sentiments[label]:,}" for label in SENTIMENTS),
        f"{sum(bool(c.about) for c in comments):,}",
        f"{sum(size > 1 for size in groups.values()):,}",
    ]


def _cells(values: Iterable[str]) -> str:
    return f"| {' | '.join(values)} |"


def put_summary(card: str, summary: str) -> str:
    """The card with ``summary`` between its two markers; ``InputError`` when a marker is missing."""
    before, begin, rest = card.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InputError(
            f"the data card lacks the lines {BEGIN!r} and {END!r}: the summary goes between them",
            f"数据说明里缺少 {BEGIN!r} 和 {END!r} 两行:统计表写在这两行之间",
        )
    return f"{before}{BEGIN}\n\n{summary}\n\n{END}{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, print, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.check_data", description="Check the labelled comments.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("data/feedback"), help="holds train, dev, test")
    parser.add_argument("--write-card", action="store_true", help="put the summary table into the README.md beside it")
    options = parser.parse_args(arguments)
    try:
        schema = ThemeSchema.load(options.folder.parent / "themes.yaml")
        rows, unreadable = read_rows(options.folder)
        pairs = similar_pairs([row.comment.text for row in rows], SHOWN)
        # A retired theme may still be labelled in older rows.
        problems = unreadable + check_rows(rows, pairs, [theme.id for theme in schema.themes])
        summary = summarize(rows, pairs, schema.ids)
        print(summary)
        if options.write_card and not problems:
            card = options.folder.parent / "README.md"
            card.write_text(put_summary(card.read_text(encoding="utf-8"), summary), encoding="utf-8")
    except (FbclassError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    for problem in problems:
        print(problem)
    untouched = "; the card was left as it is" if options.write_card and problems else ""
    print(f"{len(rows):,} comments, {len(problems):,} problems{untouched}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
