"""SnowNLP as it comes, with two cuts in its score from dev."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.metrics import f1_score

from fbclass.results import SENTIMENTS
from fbclass.schema import ThemeSchema
from training.data import load_comments
from training.snownlp_baseline import favour, fit_snownlp, labels


def test_the_cuts_are_better_on_dev_than_cuts_at_a_third(root: Path) -> None:
    schema = ThemeSchema.load(root / "data" / "themes.yaml")
    dev = load_comments(root / "data" / "feedback", "dev")[::8]
    gold = [SENTIMENTS.index(c.sentiment) for c in dev]
    found = fit_snownlp(dev, schema)
    predictions = found.classify([c.text for c in dev])
    given = [SENTIMENTS.index(p.sentiment.label) for p in predictions]
    scores = favour([c.text for c in dev])
    assert ((scores >= 0) & (scores <= 1)).all()
    best = f1_score(gold, given, average="macro", zero_division=0.0)
    assert f"dev macro-F1 {best:.3f}" in found.chosen
    for low, high in ((1 / 3, 2 / 3), (0.5, 0.5), (0.05, 0.95)):
        other = f1_score(gold, labels(scores, low, high), average="macro", zero_division=0.0)
        assert best >= other - 0.02  # the search goes over quantiles, not over every cut
    assert all(p.themes == () and tuple(p.scores) == schema.ids for p in predictions)


def test_a_text_without_words_has_a_label_too(root: Path) -> None:
    assert len(favour(["", "？", "😀", "a"])) == 4
    assert labels(np.array([0.1, 0.3, 0.5, 0.7]), 0.3, 0.5).tolist() == [0, 1, 1, 2]
