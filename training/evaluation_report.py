"""An evaluation as one HTML page with plots that needs nothing else.

Drawn like the survey report, with whose style sheet it shares: inline SVG with widths in percent, no script, no font
and no picture from elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from fbclass.evaluation import Evaluation, Reliability
from fbclass.report.intervals import Share
from fbclass.results import SENTIMENTS
from training.breakdown import parts_of
from training.confusions import Confusion, find_confusions
from training.markdown import points
from training.measured import NAMES, Measured
from training.panels import Group, Line, Panel, line, panel

EXAMPLES = 3  # quoted for one pair of labels
_MOST_PAIRS = 12  # pairs of labels that are shown
_SHADES = 5  # of the confusion matrix; the style sheet has h0 to h5


@dataclass(frozen=True, slots=True)
class Diagram:
    """A reliability diagram: what was said and what came true."""

    name: str
    reliability: Reliability

    @property
    def dots(self) -> list[tuple[float, float, float]]:
        """For each bin that is not empty: mean probability, frequency, share of the comments; all 0 to 1."""
        total = sum(b.count for b in self.reliability.bins)
        return [(b.probability, b.frequency, b.count / total) for b in self.reliability.bins if b.count]


@dataclass(frozen=True, slots=True)
class Example:
    """A comment that was read wrongly: its text, what was due and what was said."""

    text: str
    due: str
    said: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two labels that are confused, how often, and some comments."""

    due: str
    said: str
    count: int
    examples: tuple[Example, ...]


def as_html(measured: Measured, *, today: date | None = None) -> str:
    """The page; ``measured`` must have a model. ``today`` is the date that stands on it."""
    model = measured.model
    assert model is not None, "the page is about a model"
    overall = {system: measured.evaluate(system) for system in measured.predictions}
    e = overall[model]
    pairs = _pairs(measured, model)
    return str(
        _template().render(
            model=model,
            split=measured.split,
            files=[Path(file).stem for file in dict.fromkeys(row.file for row in measured.gold)],
            today=(today or date.today()).isoformat(),
            evaluation=e,
            systems=_systems(measured, overall),
            gains=[(NAMES[m], name, points(gain)) for m, (name, gain) in measured.against_baselines().items()],
            baselines=measured.baselines,
            themes=_themes(measured, e),
            sentiment=_sentiment(e),
            confusion=_heat(e.sentiment.confusion),
            sentiments=SENTIMENTS,
            diagrams=[
                *(Diagram(measured.schema[t.label].name_en, t.reliability) for t in e.themes if t.reliability),
                Diagram("Sentiment", e.sentiment.reliability),
            ],
            evidence=_evidence(e),
            review=_review(e),
            breakdowns=_breakdowns(measured, model),
            changes=_changes(measured, model),
            theme_pairs=pairs["theme"],
            sentiment_pairs=pairs["sentiment"],
            quoted=measured.quoted.split if measured.quoted else None,
            behaviour=_behaviour(measured),
            identity=measured.behaviour.identity_pairs if measured.behaviour else (0, 0),
        )
    )


def _systems(measured: Measured, overall: dict[str, Evaluation]) -> list[Panel]:
    def lines(metric: str) -> list[Line]:
        of_sentiment = metric.startswith("sentiment_")
        found = []
        for name, e in overall.items():
            if of_sentiment or name not in measured.sentiment_only:
                figure = getattr(e.sentiment if of_sentiment else e, metric.removeprefix("sentiment_"))
                found.append(line(name, figure, main=name == measured.model))
        return found

    shares = ("exact_match", "false_alarm", "sentiment_accuracy")
    shown = [metric for metric in NAMES if metric != "micro_f1"]
    return [panel(NAMES[metric], lines(metric), "share" if metric in shares else "figure") for metric in shown]


def _themes(measured: Measured, e: Evaluation) -> Panel:
    groups = [
        Group(
            f"{measured.schema[t.label].name_en} ({t.support:,} comments, given to {t.predicted:,})",
            (line("precision", t.precision), line("recall", t.recall), line("F1", t.f1)),
        )
        for t in e.themes
    ]
    return Panel("theme", (*groups, Group("All themes", (line("macro-F1", e.macro_f1), line("micro-F1", e.micro_f1)))))


def _sentiment(e: Evaluation) -> Panel:
    groups = [
        Group(
            f"{s.label} ({s.support:,} comments, given to {s.predicted:,})",
            (line("precision", s.precision), line("recall", s.recall), line("F1", s.f1)),
        )
        for s in e.sentiment.labels
    ]
    every = (line("accuracy", e.sentiment.accuracy), line("macro-F1", e.sentiment.macro_f1))
    return Panel("sentiment", (*groups, Group("All three", every)))


def _heat(confusion: Sequence[Sequence[int]]) -> list[list[tuple[int, float, int]]]:
    """Of each cell the count, its share of the row, and the shade."""
    rows = []
    for row in confusion:
        parts = [cell / max(1, sum(row)) for cell in row]
        rows.append([(n, p, min(_SHADES, int(p * (_SHADES + 1)))) for n, p in zip(row, parts, strict=True)])
    return rows


def _evidence(e: Evaluation) -> Panel | None:
    groups = []
    if e.evidence:
        overall, right = e.evidence.overall, e.evidence.given_theme
        groups += [
            Group(
                "Evidence, wrong themes included",
                (line("precision", overall.precision), line("recall", overall.recall), line("F1", overall.f1)),
            ),
            Group(
                "Evidence of themes that are right",
                (
                    line("F1", right.f1),
                    line("F1 if the whole text were marked", e.evidence.whole_text, main=False),
                    line("share that overlaps the labelled one", e.evidence.overlap),
                ),
            ),
        ]
    if e.about:
        lines = (line("precision", e.about.precision), line("recall", e.about.recall), line("F1", e.about.f1))
        groups.append(Group("Party spoken of (about)", lines))
    return Panel("characters", tuple(groups)) if groups else None


def _review(e: Evaluation) -> Panel:
    lines = [
        line("comments flagged", e.review.flagged),
        line("comments wrong in a theme or in sentiment", e.review.wrong),
        line("of the wrong ones: flagged", e.review.caught),
        line("of the flagged ones: wrong", e.review.hits),
    ]
    return panel("needs_review", lines, "share")


def _breakdowns(measured: Measured, model: str) -> list[Panel]:
    found: dict[str, list[tuple[str, Evaluation]]] = {}
    for part in parts_of(measured.gold):
        found.setdefault(part.kind, []).append((part.name, measured.evaluate(model, part.rows)))
    panels = []
    for kind, parts in found.items():
        figures = (
            ("theme macro-F1", [line(name, e.macro_f1, e.rows) for name, e in parts]),
            ("exact theme set", [line(name, e.exact_match, e.rows) for name, e in parts]),
            ("sentiment accuracy", [line(name, e.sentiment.accuracy, e.rows) for name, e in parts]),
        )
        panels.append(Panel(kind, tuple(Group(head, tuple(lines)) for head, lines in figures)))
    return panels


def _changes(measured: Measured, model: str) -> Panel | None:
    if not measured.changes:
        return None
    given = [
        line(name, measured.evaluate(name).macro_f1, main=name == model)
        for name in measured.predictions
        if name not in measured.sentiment_only
    ]
    groups = [Group("as given", tuple(given))]
    for change in dict.fromkeys(c.change for c in measured.changes):
        here = [c for c in measured.changes if c.change == change]
        lines = [line(c.system, c.macro_f1, note=points(c.macro_f1_gain), main=c.system == model) for c in here]
        groups.append(Group(f"{change} (alters {here[0].altered:.0%} of the comments)", tuple(lines)))
    return Panel("theme macro-F1", tuple(groups), note_head="change in points")


def _behaviour(measured: Measured) -> Panel | None:
    if measured.behaviour is None:
        return None

    def failures(name: str, capability: str | None) -> Line:
        failed, cases = measured.behaviour.failed(capability)  # type: ignore[union-attr]
        share = Share(failed, cases)
        return Line(name, share.value, share.low, share.high, cases)

    lines = [failures(name, name) for name in measured.behaviour.capabilities]
    return panel("capability", [failures("all", None), *lines], "share", "cases")


def _pairs(measured: Measured, model: str) -> dict[str, list[Pair]]:
    """The most frequent confusions of themes and of sentiment, with the surest mistakes on what may be quoted."""
    quotable: dict[tuple[str, str, str], Confusion] = {}
    if quoted := measured.quoted:
        found = find_confusions(quoted.gold, quoted.predictions, measured.themes)
        quotable = {(c.kind, c.due, c.said): c for c in found}
    pairs: dict[str, list[Pair]] = {"theme": [], "sentiment": []}
    for c in find_confusions(measured.gold, measured.predictions[model], measured.themes):
        source = quotable.get((c.kind, c.due, c.said))
        rows = source.rows[:EXAMPLES] if source else ()
        examples = tuple(_example(measured, c.kind, row) for row in rows)
        names = [_name(measured, label) for label in (c.due, c.said)]
        pairs[c.kind].append(Pair(*names, len(c.rows), examples))
    return {kind: found[:_MOST_PAIRS] for kind, found in pairs.items()}


def _name(measured: Measured, label: str) -> str:
    if not label:
        return "nothing"
    return label if label in SENTIMENTS else measured.schema[label].name_en


def _example(measured: Measured, kind: str, row: int) -> Example:
    assert measured.quoted is not None
    gold, prediction = measured.quoted.gold[row], measured.quoted.predictions[row]
    if kind == "sentiment":
        return Example(gold.text, gold.sentiment, prediction.sentiment.label)
    given = {tag.id for tag in prediction.themes}
    due, said = (
        ", ".join(_name(measured, theme) for theme in measured.themes if theme in some) or "no theme"
        for some in (gold.themes, given)
    )
    return Example(gold.text, due, said)


@cache
def _template() -> Any:
    from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined

    environment = Environment(
        # The style sheet is the survey report's.
        loader=ChoiceLoader([FileSystemLoader(Path(__file__).parent / "templates"), PackageLoader("fbclass.report")]),
        autoescape=True,  # every value is text; nothing in a comment can become markup
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("evaluation.html")
