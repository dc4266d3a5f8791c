"""Measure a model beside the bag-of-words baselines, on held-out comments.

    python -m training.evaluate [--model models/fbclass-small] [--data data/feedback] [--output DIR]

Fits both baselines on train (hyper-parameters on dev), measures them and the model on the test files,
each and together, and prints Markdown. --output DIR also writes evaluation.md and evaluation.json
there; --write-card puts the Markdown into the model's README.md, between the lines
<!-- evaluation --> and <!-- /evaluation -->. --split dev is for everyone who is still choosing: the test
files are for the finished model. --model "" measures the baselines alone. `make evaluate` runs it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import HfArgumentParser

from fbclass.errors import FbclassError, InputError
from fbclass.evaluation import Evaluation, Gold, Measure, difference, evaluate, read_gold
from fbclass.results import SENTIMENTS, Prediction
from fbclass.schema import ThemeSchema
from training.baselines import fit_baselines
from training.config import option
from training.data import SPLITS, load_comments

BEGIN, END = "<!-- evaluation -->", "<!-- /evaluation -->"
_NAMES: Mapping[str, str] = {
    "macro_f1": "theme macro-F1",
    "micro_f1": "theme micro-F1",
    "exact_match": "exact theme set",
    "false_alarm": "false alarms",
    "sentiment_accuracy": "sentiment accuracy",
    "sentiment_macro_f1": "sentiment macro-F1",
}


@dataclass
class EvaluateConfig:
    """Every setting; each is a command-line flag."""

    model: str = option("models/fbclass-small", "model folder; empty: only the baselines")
    data: str = option("data/feedback", "folder with train, dev and test, themes.yaml beside it")
    split: str = option("test", "dev or test")
    output: str = option("", "folder for evaluation.md and evaluation.json")
    write_card: bool = option(False, "put the tables into the model's README.md")


@dataclass(frozen=True, slots=True)
class Measured:
    """All systems on one split: predictions by system, in the order of ``gold``; the model comes last, if any."""

    split: str
    schema: ThemeSchema
    themes: tuple[str, ...]
    gold: tuple[Gold, ...]
    predictions: Mapping[str, Sequence[Prediction]]
    baselines: Mapping[str, str]  # name -> what dev decided for it
    train_rows: int

    @property
    def model(self) -> str | None:
        """Name of the model, None if only the baselines were measured."""
        name = list(self.predictions)[-1]
        return None if name in self.baselines else name

    def evaluate(self, system: str, file: str | None = None) -> Evaluation:
        """Figures of one system, on one file or on all."""
        rows = [i for i, row in enumerate(self.gold) if file in (None, row.file)]
        predictions = self.predictions[system]
        return evaluate([self.gold[i] for i in rows], [predictions[i] for i in rows], themes=self.themes)


def measure_all(config: EvaluateConfig) -> Measured:
    """Fit the baselines, load the model, and classify the split with each."""
    if config.split not in SPLITS[1:]:
        raise InputError(f"--split {config.split}: use dev or test", f"--split {config.split}：只能是 dev 或 test")
    data = Path(config.data)
    schema = ThemeSchema.load(data.parent / "themes.yaml")
    gold = read_gold(data / config.split, schema)
    texts = [row.text for row in gold]
    classifier = None
    if config.model:
        from fbclass.classifier import Classifier

        classifier = Classifier.load(config.model)  # first: it says at once what is wrong with the folder
    train = load_comments(data, "train")
    print(f"fitting the baselines on {len(train):,} comments", file=sys.stderr)
    dev = load_comments(data, "dev")
    refit = classifier is not None and "dev" in classifier.info.trained_on
    if classifier is not None and refit and config.split == "dev":
        raise InputError(
            f"{classifier.name} was trained on dev too, figures on dev would mean nothing: train with --refit false",
            f"{classifier.name} 的训练数据包含 dev，在 dev 上评测没有意义：请用 --refit false 重新训练",
        )
    baselines = fit_baselines(train, dev, schema, refit=refit)
    predictions: dict[str, Sequence[Prediction]] = {b.name: b.classify(texts) for b in baselines}
    themes = schema.ids
    if classifier is not None:
        print(f"classifying {len(texts):,} comments with {classifier.name}", file=sys.stderr)
        predictions[classifier.name] = classifier.classify(texts)
        themes = tuple(i for i in schema.ids if i in classifier.schema.ids)  # what all of them can say
    chosen = {b.name: b.chosen for b in baselines}
    rows = len(train) + (len(dev) if refit else 0)
    return Measured(config.split, schema, themes, tuple(gold), predictions, chosen, rows)


def as_markdown(measured: Measured) -> str:
    """The whole report: all systems, the model against the better baseline, the model in detail, by file."""
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
        f"The baselines are logistic regressions on TF-IDF, trained on the same {measured.train_rows:,} "
        "comments as the model. " + " ".join(f"{name}: {chosen}." for name, chosen in measured.baselines.items()),
    ]
    if measured.model is not None:
        blocks += [*_against_baselines(measured, overall), *_details(measured, overall[measured.model])]
    return "\n\n".join([*blocks, "**By file**", _by_file(measured, files)])


def _overview(measured: Measured, overall: Mapping[str, Evaluation]) -> str:
    names = [measured.schema[t].name_en for t in measured.themes]
    head = ["", "theme macro-F1", *(f"{name} F1" for name in names), "exact theme set", "false alarms"]
    rows = []
    for system, e in overall.items():
        rows.append([system, figure(e.macro_f1), *(figure(t.f1) for t in e.themes), share(e.exact_match)])
        rows[-1] += [share(e.false_alarm), share(e.sentiment.accuracy), figure(e.sentiment.macro_f1)]
    return table([*head, "sentiment accuracy", "sentiment macro-F1"], rows)


def _against_baselines(measured: Measured, overall: Mapping[str, Evaluation]) -> list[str]:
    assert measured.model is not None
    found = {
        name: difference(
            measured.gold, measured.predictions[measured.model], measured.predictions[name], themes=measured.themes
        )
        for name in measured.baselines
    }
    rows = []
    for metric, label in _NAMES.items():
        # The better baseline is the one over which the gain is smallest; fewer false alarms are better.
        sign = -1 if metric == "false_alarm" else 1
        name = min(found, key=lambda n: sign * found[n][metric].value)
        rows.append([label, name, points(found[name][metric])])
    return [
        "**Against the better baseline of each figure** (paired bootstrap, in points)",
        table(["", "baseline", "model minus baseline"], rows),
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


def _by_file(measured: Measured, files: Sequence[str]) -> str:
    rows = []
    for file in files:
        for system in measured.predictions:
            e = measured.evaluate(system, file)
            rows.append([Path(file).stem, system, f"{e.rows:,}", figure(e.macro_f1), share(e.exact_match)])
            rows[-1] += [share(e.false_alarm), share(e.sentiment.accuracy), figure(e.sentiment.macro_f1)]
    head = ["file", "", "comments", "theme macro-F1", "exact theme set", "false alarms", "sentiment accuracy"]
    return table([*head, "sentiment macro-F1"], rows)


def figure(m: Measure) -> str:
    """``0.843 (0.821 to 0.864)``, – where undefined."""
    return f"{m.value:.3f} ({m.low:.3f} to {m.high:.3f})" if m.defined else "–"


def share(m: Measure) -> str:
    """``84.3% (82.1 to 86.4)``, – where undefined."""
    return f"{m.value:.1%} ({100 * m.low:.1f} to {100 * m.high:.1f})" if m.defined else "–"


def points(m: Measure) -> str:
    """A difference in hundredths: ``+4.1 (+2.0 to +6.3)``."""
    return f"{100 * m.value:+.1f} ({100 * m.low:+.1f} to {100 * m.high:+.1f})" if m.defined else "–"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; all but the first column to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def put_in_card(card: str, text: str) -> str:
    """The card with ``text`` between its two markers; ``InputError`` when a marker is missing."""
    before, begin, rest = card.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InputError(
            f"the model card lacks the lines {BEGIN!r} and {END!r}: the evaluation goes between them",
            f"模型说明里缺少 {BEGIN!r} 和 {END!r} 两行：评测结果写在这两行之间",
        )
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def run(config: EvaluateConfig) -> str:
    """Measure, write what was asked for, and return the Markdown."""
    card = Path(config.model) / "README.md"
    if config.write_card:
        if not config.model or config.split != "test":
            raise InputError(
                "--write-card needs a model and --split test: a card tells figures of comments nobody tuned on",
                "--write-card 需要 --model 和 --split test：模型说明里只写没有参与调参的数据上的结果",
            )
        put_in_card(card.read_text(encoding="utf-8"), "")  # before the work: are the markers there?
    measured = measure_all(config)
    text = as_markdown(measured)
    if config.output:
        folder = Path(config.output)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "evaluation.md").write_text(text + "\n", encoding="utf-8")
        data = {system: measured.evaluate(system).to_dict() for system in measured.predictions}
        (folder / "evaluation.json").write_text(
            json.dumps({"split": config.split, "systems": data}, ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
        )
    if config.write_card:
        card.write_text(put_in_card(card.read_text(encoding="utf-8"), text), encoding="utf-8")
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line and return the exit status."""
    (config,) = HfArgumentParser(EvaluateConfig).parse_args_into_dataclasses(
        list(arguments) if arguments is not None else None
    )
    try:
        print(run(config))
    except (FbclassError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
