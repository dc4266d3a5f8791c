"""Rank the labels that are most likely wrong, so that a person can read those first.

    python -m training.label_errors [--data data/feedback] [--output suspects.jsonl]

Confident learning (Northcutt, Jiang and Chuang 2021, https://doi.org/10.1613/jair.1.12125), as cleanlab does it:
sentiment is one of three classes, themes are yes or no each (Thyagarajan et al. 2022,
https://arxiv.org/abs/2211.13895). The probabilities are those of the character baseline, each comment judged by
a fit that saw nothing of its author file. A suspect is a doubt and no verdict: near misses and irony are among
them, and a person decides with the rules. Reads train and dev; the test files are left alone, because whoever
reads these lists also writes training comments. Prints counts and the worst suspects as Markdown.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, cross_val_predict

from fbclass.errors import InputError
from fbclass.results import SENTIMENTS
from fbclass.schema import ThemeSchema
from training.baselines import CHARACTERS, Baseline, fit_baseline, prepare
from training.config import option, run_script
from training.data import Comment, load_comments
from training.markdown import table

FloatArray = npt.NDArray[np.float64]


@dataclass
class LabelErrorsConfig:
    """Every setting; each is a command-line flag."""

    data: str = option("data/feedback", "folder with train and dev, themes.yaml beside it")
    folds: int = option(10, "how often the baseline is fitted anew, each time without other author files")
    show: int = option(20, "how many suspects of each kind to print")
    output: str = option("", "file for all suspects, one JSON object a line")


@dataclass(frozen=True, slots=True)
class Suspect:
    """A comment whose themes or sentiment look wrong.

    ``task`` is "themes" or "sentiment"; ``given`` are its labels and ``suggested`` those that would not be
    doubted; ``quality``, 0 to 1, is how far the given labels are believed (cleanlab's label quality score).
    """

    comment: Comment
    task: str
    given: tuple[str, ...]
    suggested: tuple[str, ...]
    quality: float

    def to_dict(self) -> dict[str, Any]:
        """Plain data: one line of the output file."""
        return {
            "id": self.comment.id,
            "task": self.task,
            "given": list(self.given),
            "suggested": list(self.suggested),
            "quality": round(self.quality, 4),
            "text": self.comment.text,
        }


def out_of_fold(baseline: Baseline, comments: Sequence[Comment], folds: int) -> tuple[FloatArray, FloatArray]:
    """Probabilities of themes (comments, themes) and sentiments (comments, 3), with the settings of ``baseline``.

    The files are dealt to ``folds`` folds, or to as many as there are files; ``InputError`` below two.
    """
    groups = [comment.source for comment in comments]
    files = len(set(groups))
    if min(folds, files) < 2:
        raise InputError(
            f"{folds} fold(s) of {files} author file(s): each fold leaves files out, use two or more of both",
            f"{files} 个作者文件分成 {folds} 折：每一折都要留出文件，两者都至少为二",
        )
    texts = prepare([comment.text for comment in comments])
    themes = np.array([[int(theme in c.themes) for theme in baseline.schema.ids] for c in comments])
    tones = np.array([SENTIMENTS.index(c.sentiment) for c in comments])
    common: dict[str, Any] = {"groups": groups, "cv": GroupKFold(min(folds, files)), "method": "predict_proba"}
    return (
        cross_val_predict(clone(baseline.themes), texts, themes, **common),
        cross_val_predict(clone(baseline.sentiment), texts, tones, **common),
    )


def find_suspects(
    comments: Sequence[Comment], ids: Sequence[str], themes: FloatArray, sentiment: FloatArray
) -> list[Suspect]:
    """Suspects of both kinds, least believed first within each kind, themes before sentiment.

    ``themes`` (comments, themes) in the order of ``ids`` and ``sentiment`` (comments, 3) are probabilities
    from models that were not fitted on the comment.
    """
    from cleanlab.filter import find_label_issues
    from cleanlab.multilabel_classification import get_label_quality_scores as score_themes
    from cleanlab.multilabel_classification.filter import find_multilabel_issues_per_class
    from cleanlab.rank import get_label_quality_scores as score_classes

    labels = [[k for k, theme in enumerate(ids) if theme in comment.themes] for comment in comments]
    doubted = find_multilabel_issues_per_class(labels, themes, n_jobs=1)  # (comments, themes) of bool
    quality = score_themes(labels, themes)
    found = []
    for row in _worst_first(np.flatnonzero(doubted.any(axis=1)), quality):
        given = tuple(theme for theme in ids if theme in comments[row].themes)
        suggested = tuple(t for t, doubt in zip(ids, doubted[row], strict=True) if doubt != (t in given))
        found.append(Suspect(comments[row], "themes", given, suggested, float(quality[row])))
    tones = np.array([SENTIMENTS.index(comment.sentiment) for comment in comments])
    quality = score_classes(tones, sentiment)
    for row in _worst_first(np.flatnonzero(find_label_issues(tones, sentiment, n_jobs=1)), quality):
        suggested = (SENTIMENTS[int(sentiment[row].argmax())],)
        found.append(Suspect(comments[row], "sentiment", (comments[row].sentiment,), suggested, float(quality[row])))
    return found


def _worst_first(rows: npt.NDArray[np.intp], quality: FloatArray) -> list[int]:
    return sorted(rows.tolist(), key=lambda row: quality[row])


def as_markdown(suspects: Sequence[Suspect], comments: Sequence[Comment], show: int) -> str:
    """How many labels of each kind are doubted, then the ``show`` worst of either kind."""
    changes = Counter(change for suspect in suspects for change in _changes(suspect))
    blocks = [table(["doubted label", "comments"], [[name, f"{count:,}"] for name, count in sorted(changes.items())])]
    for task in ("themes", "sentiment"):
        chosen = [suspect for suspect in suspects if suspect.task == task]
        blocks.append(f"**{task}**: {len(chosen):,} of {len(comments):,} comments ({len(chosen) / len(comments):.1%})")
        rows = [
            [s.comment.id, f"{s.quality:.3f}", " ".join(s.given) or "–", " ".join(s.suggested) or "–", _cell(s.comment)]
            for s in chosen[:show]
        ]
        blocks.append(table(["id", "quality", "given", "suggested", "text"], rows))
    return "\n\n".join(blocks)


def _changes(suspect: Suspect) -> list[str]:
    """What would change: ``slow_response given``, ``slow_response missing``, ``neutral → negative``."""
    if suspect.task == "sentiment":
        return [f"{suspect.given[0]} → {suspect.suggested[0]}"]
    given, suggested = set(suspect.given), set(suspect.suggested)
    return [f"{theme} given" for theme in given - suggested] + [f"{theme} missing" for theme in suggested - given]


def _cell(comment: Comment) -> str:
    return " ".join(comment.text.replace("|", "/").split())


def run(config: LabelErrorsConfig) -> str:
    """Fit, rank, write the file that was asked for, and return the Markdown."""
    folder = Path(config.data)
    schema = ThemeSchema.load(folder.parent / "themes.yaml")
    train, dev = load_comments(folder, "train"), load_comments(folder, "dev")
    comments = [*train, *dev]
    print(f"choosing the settings of the baseline on {len(dev):,} comments of dev", file=sys.stderr)
    baseline = fit_baseline(CHARACTERS, train, dev, schema)
    print(f"judging {len(comments):,} comments by fits without their author file", file=sys.stderr)
    suspects = find_suspects(comments, schema.ids, *out_of_fold(baseline, comments, config.folds))
    if config.output:
        lines = [json.dumps(suspect.to_dict(), ensure_ascii=False) + "\n" for suspect in suspects]
        Path(config.output).write_text("".join(lines), encoding="utf-8")
    return as_markdown(suspects, comments, config.show)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line and return the exit status: 1 when the labels could not be judged."""
    return run_script(LabelErrorsConfig, run, arguments)


if __name__ == "__main__":
    sys.exit(main())
