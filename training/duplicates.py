"""Find comments that say the same in nearly the same characters.

Two texts are compared by the Jaccard similarity of their sets of character 3-grams: the share of the
3-grams of either that both have. Punctuation, spaces and case are left out, so that "没意见。" and
"没意见" are the same; what is left of a text shorter than three characters is its only gram.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fbclass.text import normalize

GRAM = 3


@dataclass(frozen=True, slots=True)
class Pair:
    """Two positions in the list of texts, ``first < second``, and their similarity between 0 and 1."""

    first: int
    second: int
    similarity: float


def grams(text: str) -> list[str]:
    """The character 3-grams of the letters, digits and Chinese characters of a text, or the text itself."""
    normalized = normalize(text).text.casefold()
    # A text of punctuation alone ("/" for "nothing to say") is compared as it is.
    kept = "".join(c for c in normalized if c.isalnum()) or normalized
    return [kept[i : i + GRAM] for i in range(max(1, len(kept) - GRAM + 1))]


def similar_pairs(texts: Sequence[str], least: float) -> list[Pair]:
    """All pairs with a similarity of ``least`` (over 0) or more, most similar first.

    Exact, not hashed: one sparse product, about 1 second for 7,000 comments.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    if not texts:
        return []
    counts = CountVectorizer(analyzer=grams, binary=True, dtype=np.float64).fit_transform(texts)
    shared = (counts @ counts.T).tocoo()
    above = shared.row < shared.col
    rows, columns, common = shared.row[above], shared.col[above], shared.data[above]
    sizes = np.asarray(counts.sum(axis=1)).ravel()
    similarity = common / (sizes[rows] + sizes[columns] - common)
    order = [i for i in np.lexsort((columns, rows, -similarity)) if similarity[i] >= least]
    return [Pair(int(rows[i]), int(columns[i]), float(similarity[i])) for i in order]
