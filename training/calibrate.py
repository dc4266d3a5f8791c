"""Fit on dev what turns logits into decisions: calibration, thresholds, what needs review."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from fbclass.bundle import Calibration, Decision, ModelInfo
from fbclass.decode import RawOutput, calibrated, doubt, sigmoid, softmax
from fbclass.results import SENTIMENTS
from training.data import Comment, find_spans
from training.features import overlaps

_GRID = np.arange(0.02, 0.91, 0.01)
_UP_TO_SURE = np.arange(0.02, 0.985, 0.01)
PRECISION = 0.9  # of each theme on dev, under the preference for precision
_REVIEW_SHARE = 0.15  # of the comments may be put before a person


@dataclass(frozen=True, slots=True)
class Labelled:
    """A comment with what the model said of it."""

    comment: Comment
    raw: RawOutput


def fit(info: ModelInfo, labelled: Sequence[Labelled]) -> ModelInfo:
    """The same info with calibration and thresholds fitted on these (dev) comments."""
    info = replace(info, calibration=_calibrate(info, labelled))
    probabilities = [calibrated(item.raw, info) for item in labelled]
    themes = np.array([p[0] for p in probabilities])
    gold = _theme_labels(info, labelled)
    thresholds = {t: _theme_threshold(themes[:, k], gold[:, k]) for k, t in enumerate(info.schema.ids)}
    # Where the best F1 is precise enough already, a preference for precision must not lower it.
    precise = {t: max(thresholds[t], _precise_threshold(themes[:, k], gold[:, k])) for k, t in enumerate(thresholds)}

    def review(limits: dict[str, float]) -> float:
        doubts = [doubt(p, s, np.array(list(limits.values()))) for p, s in probabilities]
        return round(float(np.quantile(doubts, 1 - _REVIEW_SHARE)), 4)

    evidence, about = _token_scores(info, labelled)
    return replace(
        info,
        thresholds=thresholds,
        evidence_threshold=_best_threshold(*evidence),
        about_threshold=_best_threshold(*about),
        review_threshold=review(thresholds),
        precision=Decision(precise, review(precise)),
    )


def _theme_labels(info: ModelInfo, labelled: Sequence[Labelled]) -> np.ndarray:
    return np.array([[t in item.comment.themes for t in info.schema.ids] for item in labelled], float)


def _calibrate(info: ModelInfo, labelled: Sequence[Labelled]) -> Calibration:
    logits = np.array([item.raw.themes for item in labelled])
    gold = _theme_labels(info, labelled)
    scale, bias = {}, {}
    for k, theme in enumerate(info.schema.ids):
        platt = LogisticRegression(C=10.0).fit(logits[:, [k]], gold[:, k])
        scale[theme], bias[theme] = round(float(platt.coef_[0, 0]), 4), round(float(platt.intercept_[0]), 4)
    tone = np.array([item.raw.sentiment for item in labelled])
    labels = [SENTIMENTS.index(item.comment.sentiment) for item in labelled]
    best = minimize_scalar(
        lambda t: log_loss(labels, softmax(tone / t), labels=[0, 1, 2]), bounds=(0.25, 5.0), method="bounded"
    )
    return Calibration(scale=scale, bias=bias, temperature=round(float(best.x), 4))


def _theme_threshold(probabilities: np.ndarray, gold: np.ndarray) -> float:
    """Half the best F1: where the F1 of calibrated probabilities is highest (Lipton et al. 2014,
    https://arxiv.org/abs/1402.1892). On unseen comments this is better than the threshold that happened to be best on
    a few hundred comments (training/LOG.md).
    """
    return round(float(_smooth(_f1(probabilities, gold)).max()) / 2, 2)


def _best_threshold(scores: np.ndarray, gold: np.ndarray) -> float:
    """The threshold with the best F1, smoothed over its neighbours so that one comment decides little."""
    return round(float(_GRID[_smooth(_f1(scores, gold)).argmax()]), 2)


def _f1(scores: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """F1 at every threshold of the grid."""
    gold = gold.astype(bool)
    return np.array([2 * (gold & (scores >= t)).sum() / max(1, gold.sum() + (scores >= t).sum()) for t in _GRID])


def _precise_threshold(scores: np.ndarray, gold: np.ndarray) -> float:
    """The lowest threshold, and so the highest recall, with a precision of at least ``PRECISION``, there and smoothed
    over its neighbours.

    Where none has it, the one with the highest smoothed precision: it is as precise as this model gets.
    """
    given = np.array([(scores >= t).sum() for t in _UP_TO_SURE])
    hits = np.array([(gold.astype(bool) & (scores >= t)).sum() for t in _UP_TO_SURE])
    precision = hits / np.maximum(given, 1)
    smooth = _smooth(precision)
    enough = np.flatnonzero(np.minimum(precision, smooth) >= PRECISION)
    return round(float(_UP_TO_SURE[enough[0] if len(enough) else smooth.argmax()]), 2)


def _smooth(values: np.ndarray, window: int = 7) -> np.ndarray:
    padded = np.pad(values, window // 2, mode="edge")
    return np.convolve(padded, np.ones(window) / window, mode="valid")


def _token_scores(
    info: ModelInfo, labelled: Sequence[Labelled]
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Scores and labels of all tokens: evidence of the themes that are there, and parties."""
    evidence, evidence_gold, about, about_gold = [], [], [], []
    for item in labelled:
        spans = find_spans(item.comment)
        for k, theme in enumerate(info.schema.ids):
            if theme in item.comment.themes:
                evidence.append(sigmoid(item.raw.evidence[:, k]))
                evidence_gold.append(overlaps(item.raw.spans, [(s.start, s.end) for s in spans.evidence[theme]]))
        about.append(sigmoid(item.raw.about))
        about_gold.append(overlaps(item.raw.spans, [(s.start, s.end) for s in spans.about]))
    return (
        (np.concatenate(evidence), np.concatenate(evidence_gold)),
        (np.concatenate(about), np.concatenate(about_gold)),
    )
