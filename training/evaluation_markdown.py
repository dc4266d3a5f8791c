"""An evaluation as Markdown, for the model card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fbclass.evaluation import Evaluation
from fbclass.results import SENTIMENTS
from training import behaviour
from training.breakdown import parts_of
from training.confusions import NOTHING, find_confusions
from training.markdown import figure, points, share, table
from training.measured import NAMES, Measured


def as_markdown(measured: Measured) -> str:
    """The whole report: all systems, the model against the better baseline, the model in detail, parts, files."""
    files = list(dict.fromkeys(row.file for row in measured.gold))
    overall = {system: measured.evaluate(system) for system in measured.predictions}
    some = next(iter(overall.values()))
    tuned = " Thresholds and settings were chosen on these very comments." if measured.split == "dev" else ""
    blocks = [
        f"Measured on the {some.rows:,} comments of {measured.split} ({', '.join(Path(f).stem for f in files)}), with "
        f"`python -m training.evaluate --split {measured.split}`. In brackets: 95% percentile bootstrap intervals "
        f"(1,000 resamples of the {some.groups:,} contrast groups); they cover the choice of comments, not of authors. "
        f"False alarms: comments without a theme that were given one.{tuned}",
        _overview(measured, overall),
        _baselines(measured),
    ]
    if measured.model is not None:
        blocks += [*_against_baselines(measured), *_details(measured, overall[measured.model])]
        blocks += [*_confusions(measured, measured.model), *_changes(measured), *_behaviour(measured)]
        blocks += ["**By length and way of writing**", _by_part(measured, measured.model)]
    return "\n\n".join([*blocks, "**By file**", _by_file(measured)])


def _overview(measured: Measured, overall: Mapping[str, Evaluation]) -> str:
    names = [measured.schema[t].name_en for t in measured.themes]
    head = ["", "theme macro-F1", *(f"{name} F1" for name in names), "exact theme set", "false alarms"]
    rows = []
    for system, e in overall.items():
        themes = [figure(e.macro_f1), *(figure(t.f1) for t in e.themes), share(e.exact_match), share(e.false_alarm)]
        rows.append([system, *(["–"] * len(themes) if system in measured.sentiment_only else themes)])
        rows[-1] += [share(e.sentiment.accuracy), figure(e.sentiment.macro_f1)]
    return table([*head, "sentiment accuracy", "sentiment macro-F1"], rows)


def _baselines(measured: Measured) -> str:
    told = [
        "The bag-of-words baselines are logistic regressions on TF-IDF, trained on the same "
        f"{measured.train_rows:,} comments as the model."
    ]
    for name, chosen in measured.baselines.items():
        as_it_comes = " as it comes, sentiment alone" if name in measured.sentiment_only else ""
        told.append(f"{name}{as_it_comes}: {chosen}.")
    return " ".join(told)


def _against_baselines(measured: Measured) -> list[str]:
    better = measured.against_baselines()
    return [
        "**Against the better baseline of each figure** (paired bootstrap, in points)",
        table(
            ["", "baseline", "model minus baseline"],
            [[NAMES[metric], name, points(gain)] for metric, (name, gain) in better.items()],
        ),
    ]


def _details(measured: Measured, e: Evaluation) -> list[str]:
    def label(name: str, score: Any) -> list[str]:
        return [name, figure(score.precision), figure(score.recall), figure(score.f1), f"{score.support:,}"]

    rows = [
        [*label(measured.schema[t.label].name_en, t), f"{t.reliability.error:.3f}" if t.reliability else ""]
        for t in e.themes
    ]
    rows += [[*label(s.label, s), ""] for s in e.sentiment.labels]
    rows.append(["sentiment, all", "", "", figure(e.sentiment.macro_f1), f"{e.rows:,}"])
    rows[-1].append(f"{e.sentiment.reliability.error:.3f}")
    confusion = [
        [f"labelled {name}", *(f"{cell:,}" for cell in row)]
        for name, row in zip(SENTIMENTS, e.sentiment.confusion, strict=True)
    ]
    other = []
    if e.evidence:
        other += [
            ["evidence F1, characters, wrong themes included", figure(e.evidence.overall.f1)],
            ["evidence F1, characters, themes that are right", figure(e.evidence.given_theme.f1)],
            ["the same if the whole text were marked", figure(e.evidence.whole_text)],
            ["evidence that overlaps the labelled one, themes that are right", share(e.evidence.overlap)],
        ]
    if e.about:
        other.append(["party spoken of (`about`) F1, characters", figure(e.about.f1)])
    other += [
        ["comments wrong in a theme or in sentiment", share(e.review.wrong)],
        ["comments flagged `needs_review`", share(e.review.flagged)],
        ["wrong comments that are flagged", share(e.review.caught)],
    ]
    return [
        f"**{measured.model} in detail**",
        table(["", "precision", "recall", "F1", "comments", "calibration error (10 bins)"], rows),
        table(["", *(f"said {name}" for name in SENTIMENTS)], confusion),
        table(["", "value"], other),
    ]


def _confusions(measured: Measured, model: str) -> list[str]:
    found = find_confusions(measured.gold, measured.predictions[model], measured.themes)
    counts = Counter({(c.due, c.said): len(c.rows) for c in found if c.kind == "theme"})
    labels = [*measured.themes, NOTHING]

    def name(label: str, otherwise: str) -> str:
        return measured.schema[label].name_en if label else otherwise

    rows = [[name(due, "none missed"), *(str(counts[due, said] or "") for said in labels)] for due in labels]
    return [
        "**Themes taken for one another** (comments; rows: missed, columns: given wrongly)",
        table(["", *(name(label, "none in its place") for label in labels)], rows),
    ]


def _changes(measured: Measured) -> list[str]:
    if not measured.changes:
        return []
    rows = []
    for c in measured.changes:
        rows.append([c.change, c.system, f"{c.altered:.0%}", figure(c.macro_f1), points(c.macro_f1_gain)])
        rows[-1] += [share(c.sentiment), points(c.sentiment_gain)]
    head = ["change", "", "comments altered", "theme macro-F1", "change in points", "sentiment accuracy"]
    return ["**The same comments, changed**", table([*head, "change in points"], rows)]


def _behaviour(measured: Measured) -> list[str]:
    if measured.behaviour is None:
        return []
    return ["**Behavioural cases** (`data/behaviour`)", behaviour.as_markdown(measured.behaviour)]


def _by_part(measured: Measured, model: str) -> str:
    rows = []
    for part in parts_of(measured.gold):
        if part.kind != "author file":
            e = measured.evaluate(model, part.rows)
            rows.append([part.name, f"{e.rows:,}", figure(e.macro_f1), share(e.exact_match), share(e.false_alarm)])
            rows[-1].append(share(e.sentiment.accuracy))
    return table(
        ["", "comments", "theme macro-F1", "exact theme set", "false alarms", "sentiment accuracy"],
        rows,
    )


def _by_file(measured: Measured) -> str:
    rows = []
    for part in parts_of(measured.gold):
        for system in measured.predictions if part.kind == "author file" else ():
            e = measured.evaluate(system, part.rows)
            themes = [figure(e.macro_f1), share(e.exact_match), share(e.false_alarm)]
            rows.append([part.name, system, f"{e.rows:,}"])
            rows[-1] += ["–"] * len(themes) if system in measured.sentiment_only else themes
            rows[-1] += [share(e.sentiment.accuracy), figure(e.sentiment.macro_f1)]
    head: Sequence[str] = ["file", "", "comments", "theme macro-F1", "exact theme set", "false alarms"]
    return table([*head, "sentiment accuracy", "sentiment macro-F1"], rows)
