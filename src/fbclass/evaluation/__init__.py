"""How good a model is, measured on labelled comments.

gold = read_gold("labelled.xlsx", classifier.schema)
evaluation = evaluate(gold, classifier.classify([row.text for row in gold]))

Every figure comes from sums of per-row counts, so that its interval can be had by summing again over
resampled rows. Rows with the same ``group`` are drawn together: variations on one comment are not
independent observations. The intervals say how much the figure depends on which comments of these
writers happened to be in the file; they do not cover other writers or other companies.
"""

from __future__ import annotations

from fbclass.evaluation.calibration import BINS, Bin, Reliability, reliability
from fbclass.evaluation.gold import Gold
from fbclass.evaluation.layout import as_text
from fbclass.evaluation.measure import HEADLINE, difference, evaluate
from fbclass.evaluation.mistakes import Mistake, find_mistakes
from fbclass.evaluation.read import read_gold
from fbclass.evaluation.scores import (
    Evaluation,
    EvidenceScore,
    LabelScore,
    Measure,
    ReviewScore,
    SentimentScore,
    SpanScore,
)

__all__ = [
    "BINS",
    "HEADLINE",
    "Bin",
    "Evaluation",
    "EvidenceScore",
    "Gold",
    "LabelScore",
    "Measure",
    "Mistake",
    "Reliability",
    "ReviewScore",
    "SentimentScore",
    "SpanScore",
    "as_text",
    "difference",
    "evaluate",
    "find_mistakes",
    "read_gold",
    "reliability",
]
