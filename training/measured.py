"""What an evaluation has found, before it is written down: all systems on the same comments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fbclass.evaluation import Evaluation, Gold, Measure, difference, evaluate
from fbclass.results import Prediction
from fbclass.schema import ThemeSchema
from training.behaviour import Behaviour
from training.robustness import Changed

# Figures of ``fbclass.evaluation.HEADLINE`` and what they are called in a report; fewer false alarms are better.
NAMES: Mapping[str, str] = {
    "macro_f1": "theme macro-F1",
    "micro_f1": "theme micro-F1",
    "exact_match": "exact theme set",
    "false_alarm": "false alarms",
    "sentiment_accuracy": "sentiment accuracy",
    "sentiment_macro_f1": "sentiment macro-F1",
}


@dataclass(frozen=True, slots=True)
class Quoted:
    """Comments of ``split`` whose mistakes may be shown with their texts, and what the model says of them."""

    split: str
    gold: tuple[Gold, ...]
    predictions: Sequence[Prediction]


@dataclass(frozen=True, slots=True)
class Measured:
    """All systems on one split: predictions by system, in the order of ``gold``; the model comes last, if any.

    ``baselines``: name -> what dev decided for it; those in ``sentiment_only`` give no themes. ``changes`` is
    empty and ``behaviour`` None where they were not asked for; ``quoted`` is None where no mistake may be
    shown with its text.
    """

    split: str
    schema: ThemeSchema
    themes: tuple[str, ...]
    gold: tuple[Gold, ...]
    predictions: Mapping[str, Sequence[Prediction]]
    baselines: Mapping[str, str]
    sentiment_only: frozenset[str]
    train_rows: int
    changes: tuple[Changed, ...] = ()
    behaviour: Behaviour | None = None
    quoted: Quoted | None = None

    @property
    def model(self) -> str | None:
        """Name of the model, None if only the baselines were measured."""
        name = list(self.predictions)[-1]
        return None if name in self.baselines else name

    def evaluate(self, system: str, rows: Sequence[int] | None = None) -> Evaluation:
        """Figures of one system, on the comments with these indices or on all."""
        rows = range(len(self.gold)) if rows is None else rows
        predictions = self.predictions[system]
        return evaluate([self.gold[i] for i in rows], [predictions[i] for i in rows], themes=self.themes)

    def against_baselines(self) -> dict[str, tuple[str, Measure]]:
        """For each figure of ``NAMES`` the better baseline and the model's figure minus its, paired; needs a model."""
        assert self.model is not None
        found = {
            name: difference(self.gold, self.predictions[self.model], self.predictions[name], themes=self.themes)
            for name in self.baselines
        }
        better = {}
        for metric in NAMES:
            # The better baseline is the one over which the gain is smallest.
            sign = -1 if metric == "false_alarm" else 1
            able = [n for n in found if n not in self.sentiment_only or metric.startswith("sentiment")]
            name = min(able, key=lambda n: sign * found[n][metric].value)
            better[metric] = (name, found[name][metric])
        return better

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        systems = {system: self.evaluate(system).to_dict() for system in self.predictions}
        for name in self.sentiment_only & systems.keys():
            systems[name] = {key: systems[name][key] for key in ("model", "rows", "groups", "sentiment")}
            del systems[name]["sentiment"]["reliability"]  # it gives no probabilities of the three labels
        return {
            "split": self.split,
            "systems": systems,
            "changes": [
                {
                    "change": c.change,
                    "system": c.system,
                    "altered": round(c.altered, 6),
                    "macro_f1": round(c.macro_f1.value, 6),
                    "macro_f1_gain": round(c.macro_f1_gain.value, 6),
                    "sentiment_accuracy": round(c.sentiment.value, 6),
                    "sentiment_accuracy_gain": round(c.sentiment_gain.value, 6),
                }
                for c in self.changes
            ],
            "behaviour": self.behaviour.to_dict() if self.behaviour else None,
        }
