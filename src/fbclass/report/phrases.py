"""Words that set a theme's comments apart from the rest.

Counting and nothing more: each word counts once per comment, and its share of the theme's comments is
held against its share of the others by log-odds with a prior (Monroe, Colaresi and Quinn 2008), which
keeps rare words from winning by chance.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources
from math import log, sqrt
from typing import Any

from fbclass.nonanswer import says_nothing
from fbclass.privacy import find_personal
from fbclass.report.rows import ReportRow
from fbclass.report.statistics import theme_ids
from fbclass.schema import ThemeSchema
from fbclass.text import normalize

SMALLEST_COUNT = 3  # a word of one or two comments says little and could give its writer away
_SMALLEST_Z = 1.5  # how clearly a word has to lean towards the theme
_PRIOR = 0.5  # weight of the prior, in comments per comment of the theme
_QUANTITY = re.compile("[一二两三四五六七八九十百千万几半多每各]+[个份次天月年周人条张件家种句遍套边点位名层级回]?")
_WORD = re.compile(r"[\u4e00-\u9fff]{2,}|[A-Za-z][A-Za-z0-9+\-]{1,19}")


def key_phrases(rows: Sequence[ReportRow], schema: ThemeSchema, limit: int = 10) -> dict[str, list[tuple[str, int]]]:
    """For each theme in use its telling words with their number of comments, most telling first."""
    comments = [row for row in rows if not row.blank and not says_nothing(row.text)]
    words = [words_of(row.text) for row in comments]
    themes = [theme_ids(row, schema) for row in comments]
    result = {}
    for theme_id in schema.ids:
        inside = [w for w, ids in zip(words, themes, strict=True) if theme_id in ids]
        outside = [w for w, ids in zip(words, themes, strict=True) if theme_id not in ids]
        result[theme_id] = _telling(inside, outside)[:limit]
    return result


def words_of(text: str) -> frozenset[str]:
    """The words of a comment: simplified, without stop words, single characters, numbers and personal data."""
    for span in reversed(find_personal(text)):
        text = f"{text[: span.start]} {text[span.end :]}"
    folded = normalize(text).text
    stop = _stop_words()
    found = set()
    for word in _segmenter().lcut(folded):
        # Latin abbreviations are written either way (oa, OA); Chinese has no case.
        upper = word.upper()
        if _WORD.fullmatch(word) and not _QUANTITY.fullmatch(word) and upper not in stop:
            found.add(upper)
    return frozenset(found)


def _telling(inside: Sequence[Iterable[str]], outside: Sequence[Iterable[str]]) -> list[tuple[str, int]]:
    ours = Counter(word for words in inside for word in words)
    theirs = Counter(word for words in outside for word in words)
    everyone = len(inside) + len(outside)
    scored = []
    for word, count in ours.items():
        if count < SMALLEST_COUNT:
            continue
        prior = (count + theirs[word]) / everyone * _PRIOR
        odds = _log_odds(count, len(inside), prior) - _log_odds(theirs[word], len(outside), prior)
        z = odds / sqrt(1 / (count + prior) + 1 / (theirs[word] + prior))
        if z >= _SMALLEST_Z:
            scored.append((-z, -count, word))
    return [(word, -count) for _, count, word in sorted(scored)]


def _log_odds(count: int, total: int, prior: float) -> float:
    # A word that stands in every comment would have infinite odds; half a comment keeps them finite.
    return log((count + prior) / (total - count + 0.5 + prior))


@cache
def _stop_words() -> frozenset[str]:
    lines = resources.files("fbclass.report").joinpath("stopwords.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(word.upper() for line in lines if not line.startswith("#") for word in line.split())


@cache
def _segmenter() -> Any:
    import jieba  # reads a dictionary of 5 MB, so only once a report is made

    # An instance of its own: the caller's words and log level stay as they are, apart from the one
    # line about the dictionary, which is no news to somebody who wants a report.
    jieba.setLogLevel(jieba.logging.WARNING)
    return jieba.Tokenizer()
