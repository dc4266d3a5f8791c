"""Fit on dev what turns logits into decisions: calibration, thresholds, what needs review."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from fbclass.bundle import Calibration, ModelInfo
from fbclass.decode import RawOutput, calibrated, doubt, sigmoid, softmax
from fbclass.results import SENTIMENTS
from training.data import Comment, find_spans
from training.features import overlaps

_GRID = np.arange(0.02, 0.91, 0.01)
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
    thresholds = {t: _best_threshold(themes[:, k], gold[:, k]) for k, t in enumerate(info.schema.ids)}
    limits = np.array([thresholds[t] for t in info.schema.ids])
    doubts = [doubt(p, s, limits) for p, s in probabilities]
    evidence, about = _token_scores(info, labelled)
    return replace(
        info,
        thresholds=thresholds,
        evidence_threshold=_best_threshold(*evidence),
        about_threshold=_best_threshold(*about),
        review_threshold=round(float(np.quantile(doubts, 1 - _REVIEW_SHARE)), 4),
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


def _best_threshold(scores: np.ndarray, gold: np.ndarray) -> float:
    """The threshold with the best F1, smoothed over its neighbours so that one comment decides little."""
    gold = gold.astype(bool)
    f1 = np.array([2 * (gold & (scores >= t)).sum() / max(1, gold.sum() + (scores >= t).sum()) for t in _GRID])
    window = 7
    padded = np.pad(f1, window // 2, mode="edge")
    smooth = np.convolve(padded, np.ones(window) / window, mode="valid")
    return round(float(_GRID[smooth.argmax()]), 2)


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
