"""Do probabilities mean what they say? Expected calibration error and the bins of a reliability diagram."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """Predictions with a probability in one tenth: how many, their mean probability, how often it came true."""

    count: int
    probability: float
    frequency: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """``error``: expected calibration error; ``bins``: lowest probabilities first, NaN where a bin is empty.

    There is no bootstrap interval: noise inside a bin only ever adds to the error, so the resampled
    errors all lie too high and the percentile interval may not even hold the figure itself.
    """

    error: float
    bins: tuple[Bin, ...]


def reliability(probability: npt.NDArray[np.float64], happened: npt.NDArray[np.bool_]) -> Reliability:
    """Expected calibration error over ten equal-width bins [0, 0.1), …, [0.9, 1.0] (Naeini et al. 2015,
    https://doi.org/10.1609/aaai.v29i1.9602; Guo et al. 2017, https://arxiv.org/abs/1706.04599): the
    distance between mean probability and observed frequency in each bin, weighted by its rows.

    ``probability`` and ``happened``: (rows,). For a theme the probability that it is there and
    whether it is; for sentiment the probability of the likeliest label and whether that is right.
    The error is NaN without rows.
    """
    # A rounded 0.3 times ten is 2.999…: the small shift keeps it in the bin that starts with it.
    index = np.clip(np.floor(probability * BINS + 1e-9), 0, BINS - 1).astype(int)
    count = np.bincount(index, minlength=BINS)
    size = np.maximum(count, 1)
    mean = np.bincount(index, weights=probability, minlength=BINS) / size
    frequency = np.bincount(index, weights=happened.astype(float), minlength=BINS) / size
    error = float((np.abs(mean - frequency) * count).sum() / len(index)) if len(index) else float("nan")
    nan = float("nan")
    bins = tuple(
        Bin(int(n), float(p), float(f)) if n else Bin(0, nan, nan)
        for n, p, f in zip(count, mean, frequency, strict=True)
    )
    return Reliability(error, bins)
