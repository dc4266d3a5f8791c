"""Percentile bootstrap (Efron 1979) over groups of rows, all resamples in a few matrix products."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fbclass.evaluation.scores import Measure

FloatArray = npt.NDArray[np.float64]
_BLOCK = 2_000_000  # draws at a time: bounds memory to some tens of megabytes


def group_indices(groups: Sequence[str | None]) -> tuple[npt.NDArray[np.int64], int]:
    """Number the groups in order of appearance; a row with None is a group of its own. Indices and their number."""
    numbers: dict[object, int] = {}
    index = [numbers.setdefault(i if name is None else (name,), len(numbers)) for i, name in enumerate(groups)]
    return np.array(index, np.int64), len(numbers)


def resampled_sums(counts: FloatArray, groups: Sequence[str | None], resamples: int, seed: int) -> FloatArray:
    """Column sums of ``counts`` (rows, columns): first as they are, then over ``resamples`` draws of groups.

    Shape (1 + resamples, columns). The draws depend on the number of groups and the seed alone, so
    two models on the same rows are resampled alike, and their differences are paired.
    """
    index, total = group_indices(groups)
    by_group = np.zeros((total, counts.shape[1]))
    np.add.at(by_group, index, counts)
    rng = np.random.default_rng(seed)
    parts = [by_group.sum(axis=0, keepdims=True)]
    block = max(1, _BLOCK // total)
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        drawn = rng.integers(total, size=(size, total)) + np.arange(size)[:, None] * total
        times = np.bincount(drawn.ravel(), minlength=size * total).reshape(size, total)
        parts.append(times @ by_group)
    return np.concatenate(parts)


def measure(values: FloatArray) -> Measure:
    """The figure, ``values[0]``, and the middle 95% of its resamples, ``values[1:]``."""
    value = float(values[0])
    drawn = values[1:][~np.isnan(values[1:])]
    if np.isnan(value) or not len(drawn):
        return Measure(value, float("nan"), float("nan"))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Measure(value, float(low), float(high))


def ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """``part / whole``, NaN where ``whole`` is 0."""
    result: FloatArray = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return result


def mean_of_defined(values: Sequence[FloatArray]) -> FloatArray:
    """The mean over labels (macro average), leaving out those that are NaN; NaN where all are."""
    stacked = np.stack(values)
    defined = ~np.isnan(stacked)
    return ratio(np.where(defined, stacked, 0.0).sum(axis=0), defined.sum(axis=0).astype(float))
