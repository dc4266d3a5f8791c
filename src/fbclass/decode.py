"""From model outputs to predictions: calibrate, apply thresholds, find the spans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fbclass.bundle import ModelInfo
from fbclass.nonanswer import says_nothing
from fbclass.results import SENTIMENTS, Prediction, Sentiment, Span, ThemeTag

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
_EDGES = " \t\r\n,.;:!?、，。；：！？…~—-·"
_CLAUSE_ENDS = set("\r\n,.;!?，。；！？…")
_BOUNDS = _CLAUSE_ENDS | set(" \t、：；;:()（）“”\"'~～—")  # where a clause or part of one begins and ends
_GAP = 2  # characters: a comma inside the evidence does not end it
_RAGGED = 3  # characters: an edge of the evidence this near to that of its clause is moved there


@dataclass(frozen=True, slots=True)
class RawOutput:
    """What the model says of one text, all its windows put together.

    ``themes`` (themes,) logits; ``sentiment`` (3,) logits; ``spans`` (tokens, 2) character offsets;
    ``evidence`` (tokens, themes) and ``about`` (tokens,) logits.
    """

    themes: FloatArray
    sentiment: FloatArray
    spans: IntArray
    evidence: FloatArray
    about: FloatArray


def sigmoid(x: FloatArray) -> FloatArray:
    """The logistic function, without overflow."""
    result: FloatArray = 0.5 * (1 + np.tanh(x / 2))
    return result


def softmax(x: FloatArray) -> FloatArray:
    """Softmax over the last axis."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    result: FloatArray = e / e.sum(axis=-1, keepdims=True)
    return result


def calibrated(raw: RawOutput, info: ModelInfo) -> tuple[FloatArray, FloatArray]:
    """Calibrated probabilities of each theme (themes,) and of each sentiment (3,)."""
    scale = np.array([info.calibration.scale[i] for i in info.schema.ids])
    bias = np.array([info.calibration.bias[i] for i in info.schema.ids])
    return sigmoid(scale * raw.themes + bias), softmax(raw.sentiment / info.calibration.temperature)


def doubt(themes: FloatArray, sentiment: FloatArray, thresholds: FloatArray) -> float:
    """Probability that at least one label is wrong, 0 to 1, as if the calibrated probabilities were independent."""
    right = np.where(themes >= thresholds, themes, 1 - themes)
    return float(1 - right.prod() * sentiment.max())


def decode(text: str, text_id: str | None, raw: RawOutput | None, info: ModelInfo, language: str = "zh") -> Prediction:
    """Build the prediction for one text; ``raw`` is None for a text with nothing to read. A text that only fills the
    field has no theme and is neutral, whatever ``raw`` says.
    """
    ids = info.schema.ids
    if raw is None or says_nothing(text):
        return Prediction(
            id=text_id,
            text=text,
            themes=(),
            sentiment=Sentiment("neutral", {"negative": 0.0, "neutral": 1.0, "positive": 0.0}),
            about=(),
            scores=dict.fromkeys(ids, 0.0),
            needs_review=False,
            truncated=False,
            model=str(info),
        )
    themes, sentiment = calibrated(raw, info)
    thresholds = np.array([info.thresholds[i] for i in ids])
    evidence, about = sigmoid(raw.evidence), sigmoid(raw.about)
    tags = [
        ThemeTag(
            id=theme_id,
            name=info.schema[theme_id].name(language),
            score=_score(themes[k]),
            evidence=_evidence(text, raw.spans, evidence[:, k], info.evidence_threshold),
        )
        for k, theme_id in enumerate(ids)
        if themes[k] >= thresholds[k]
    ]
    return Prediction(
        id=text_id,
        text=text,
        themes=tuple(sorted(tags, key=lambda tag: -tag.score)),
        sentiment=Sentiment(
            SENTIMENTS[int(sentiment.argmax())], dict(zip(SENTIMENTS, map(_score, sentiment), strict=True))
        ),
        about=find_spans(text, raw.spans, about, info.about_threshold, gap=0),
        scores=dict(zip(ids, map(_score, themes), strict=True)),
        needs_review=doubt(themes, sentiment, thresholds) >= info.review_threshold,
        truncated=False,
        model=str(info),
    )


def _score(value: float) -> float:
    """Four decimals: more would suggest a precision that is not there."""
    return round(float(value), 4)


def _evidence(text: str, spans: IntArray, scores: FloatArray, threshold: float) -> tuple[Span, ...]:
    found = find_spans(text, spans, scores, threshold, gap=_GAP)
    return whole_words(text, found) or (_best_clause(text, spans, scores),)


def whole_words(text: str, spans: Sequence[Span]) -> tuple[Span, ...]:
    """The spans with edges moved out to those of their clauses where these are near; what then overlaps is one.

    A quote that begins or ends inside a word reads as a mistake; as evidence the few characters make no difference
    (training/LOG.md).
    """
    joined: list[tuple[int, int]] = []
    for span in spans:
        start = next(
            (i for i in range(span.start, max(-1, span.start - _RAGGED - 1), -1) if _begins(text, i)), span.start
        )
        stops = range(span.end, min(len(text), span.end + _RAGGED) + 1)
        end = next((i for i in stops if i == len(text) or text[i] in _BOUNDS), span.end)
        if joined and start <= joined[-1][1]:
            start, end = joined[-1][0], max(end, joined.pop()[1])
        joined.append((start, end))
    return tuple(Span(start, end, text[start:end]) for start, end in joined)


def _begins(text: str, place: int) -> bool:
    return place == 0 or text[place - 1] in _BOUNDS


def find_spans(text: str, spans: IntArray, scores: FloatArray, threshold: float, *, gap: int) -> tuple[Span, ...]:
    """Runs of tokens at or over ``threshold``; runs at most ``gap`` characters apart are one."""
    runs: list[list[int]] = []
    for (start, end), score in zip(spans.tolist(), scores.tolist(), strict=True):
        if score < threshold or end <= start:
            continue
        if runs and start - runs[-1][1] <= gap:
            runs[-1][1] = max(runs[-1][1], end)
        else:
            runs.append([start, end])
    trimmed = (_trim(text, start, end) for start, end in runs)
    # One character is never the name of a department nor the statement of a problem.
    return tuple(Span(s, e, text[s:e]) for s, e in trimmed if e - s >= 2)


def _best_clause(text: str, spans: IntArray, scores: FloatArray) -> Span:
    """The clause with the highest mean score: a reported theme always shows where it comes from."""
    best: tuple[float, int, int] | None = None
    group: list[tuple[int, int, float]] = []
    for (start, end), score in [*zip(spans.tolist(), scores.tolist(), strict=True), ((len(text), len(text) + 1), 0.0)]:
        if group and (end > len(text) or text[start] in _CLAUSE_ENDS):
            mean = sum(s for _, _, s in group) / len(group)
            if best is None or mean > best[0]:
                best = (mean, group[0][0], group[-1][1])
            group = []
        elif end <= len(text) and text[start] not in _CLAUSE_ENDS:
            group.append((start, end, score))
    _, start, end = best or (0.0, 0, len(text))
    start, end = _trim(text, start, end)
    return Span(start, end, text[start:end])


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start] in _EDGES:
        start += 1
    while end > start and text[end - 1] in _EDGES:
        end -= 1
    return start, end


def join_windows(parts: Sequence[tuple[RawOutput, int, int]]) -> RawOutput:
    """Put the windows of one text together.

    ``parts``: output, number of leading tokens that the window before has too, and length. A theme
    is as strong as in its strongest window; sentiment is the mean of the windows, weighted by their
    length; in the overlap the earlier window gives the first half of the tokens, the later the rest.
    """
    if len(parts) == 1:
        return parts[0][0]
    weights = np.array([length for _, _, length in parts], float)
    spans, evidence, about = [], [], []
    for i, (raw, first, _) in enumerate(parts):
        skip = first // 2
        following = parts[i + 1][1] if i + 1 < len(parts) else 0
        stop = len(raw.spans) - (following - following // 2)
        spans.append(raw.spans[skip:stop])
        evidence.append(raw.evidence[skip:stop])
        about.append(raw.about[skip:stop])
    return RawOutput(
        themes=np.max([raw.themes for raw, _, _ in parts], axis=0),
        sentiment=np.average([raw.sentiment for raw, _, _ in parts], axis=0, weights=weights),
        spans=np.concatenate(spans),
        evidence=np.concatenate(evidence),
        about=np.concatenate(about),
    )
