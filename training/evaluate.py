"""Measure a model beside baselines, on held-out comments.

    python -m training.evaluate [--model models/fbclass-small] [--data data/feedback] [--html FILE] [--output DIR]

Fits two bag-of-words baselines on train (hyper-parameters on dev) and the cuts of SnowNLP's sentiment on
dev, measures them and the model on the test files, each and together, also on changed texts and on the
behavioural cases, and prints Markdown. --html writes one page with plots that needs nothing else. --output
DIR also writes evaluation.md and evaluation.json there; --write-card puts the Markdown into the model's
README.md, between the lines <!-- evaluation --> and <!-- /evaluation -->. --split dev is for everyone who is
still choosing: the test files are for the finished model. --model "" measures the baselines alone. `make
evaluate` runs it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fbclass.errors import InputError
from fbclass.evaluation import Gold, read_gold
from fbclass.results import Prediction
from fbclass.schema import ThemeSchema
from fbclass.tables.output import check_output, replacing
from training.baselines import fit_baselines
from training.behaviour import load_cases, run_cases
from training.config import option, run_script
from training.data import SPLITS, load_comments
from training.evaluation_markdown import as_markdown
from training.evaluation_report import as_html
from training.measured import Measured, Quoted
from training.robustness import Changed, Classify, measure_changes
from training.snownlp_baseline import fit_snownlp

if TYPE_CHECKING:
    from fbclass.classifier import Classifier

BEGIN, END = "<!-- evaluation -->", "<!-- /evaluation -->"


@dataclass
class EvaluateConfig:
    """Every setting; each is a command-line flag."""

    model: str = option("models/fbclass-small", "model folder; empty: only the baselines")
    data: str = option("data/feedback", "folder with train, dev and test, themes.yaml beside it")
    split: str = option("test", "dev or test")
    behaviour: str = option("data/behaviour", "folder with behavioural cases; empty: none")
    robustness: bool = option(True, "measure on changed texts too: typos, traditional characters, no punctuation")
    examples: str = option(
        "dev",
        "split whose mistakes the page quotes: dev (none, if the model was trained on it), test (only when nobody "
        "writes comments for training any more) or none",
    )
    html: str = option("", "write the evaluation with plots to this .html file")
    output: str = option("", "folder for evaluation.md and evaluation.json")
    write_card: bool = option(False, "put the tables into the model's README.md")


def check(config: EvaluateConfig) -> None:
    """Say what is wrong with the settings before the work; ``InputError``."""
    if config.split not in SPLITS[1:]:
        raise InputError(f"--split {config.split}: use dev or test", f"--split {config.split}：只能是 dev 或 test")
    if config.examples not in (*SPLITS[1:], "none"):
        raise InputError(
            f"--examples {config.examples}: use dev, test or none",
            f"--examples {config.examples}：只能是 dev、test 或 none",
        )
    if config.html and (not config.model or Path(config.html).suffix.lower() not in (".html", ".htm")):
        raise InputError(
            f"--html {config.html}: it needs a model, and a name that ends in .html",
            f"--html {config.html}：需要 --model，文件名要以 .html 结尾",
        )
    if config.html:
        check_output(Path(config.html), [], force=True)
    if config.write_card:
        if not config.model or config.split != "test":
            raise InputError(
                "--write-card needs a model and --split test: a card tells figures of comments nobody tuned on",
                "--write-card 需要 --model 和 --split test：模型说明里只写没有参与调参的数据上的结果",
            )
        put_in_card((Path(config.model) / "README.md").read_text(encoding="utf-8"), "")  # are the markers there?


def measure_all(config: EvaluateConfig) -> Measured:
    """Fit the baselines, load the model, and classify the split with each."""
    data = Path(config.data)
    schema = ThemeSchema.load(data.parent / "themes.yaml")
    gold = read_gold(data / config.split, schema)
    texts = [row.text for row in gold]
    classifier = None
    if config.model:
        from fbclass.classifier import Classifier

        classifier = Classifier.load(config.model)  # first: it says at once what is wrong with the folder
    cases = load_cases(Path(config.behaviour)) if classifier is not None and config.behaviour else []
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
    snow = fit_snownlp(dev, schema)
    systems: dict[str, Classify] = {b.name: b.classify for b in (*baselines, snow)}
    themes = schema.ids
    if classifier is not None:
        systems[classifier.name] = classifier.classify
        themes = tuple(i for i in schema.ids if i in classifier.schema.ids)  # what all of them can say
    predictions: dict[str, Sequence[Prediction]] = {}
    for name, classify in systems.items():
        print(f"classifying {len(texts):,} comments with {name}", file=sys.stderr)
        predictions[name] = classify(texts)
    changes: tuple[Changed, ...] = ()
    if config.robustness and classifier is not None:
        print("the same with changed texts", file=sys.stderr)
        able = {name: (classify, predictions[name]) for name, classify in systems.items() if name != snow.name}
        changes = measure_changes(gold, able, themes)
    return Measured(
        split=config.split,
        schema=schema,
        themes=themes,
        gold=tuple(gold),
        predictions=predictions,
        baselines={b.name: b.chosen for b in (*baselines, snow)},
        sentiment_only=frozenset({snow.name}),
        train_rows=len(train) + (len(dev) if refit else 0),
        changes=changes,
        behaviour=run_cases(cases, classifier.classify) if classifier is not None and cases else None,
        quoted=_quoted(config, classifier, schema, gold, list(predictions.values())[-1]),
    )


def _quoted(
    config: EvaluateConfig,
    classifier: Classifier | None,
    schema: ThemeSchema,
    gold: Sequence[Gold],
    predictions: Sequence[Prediction],
) -> Quoted | None:
    """What the model's mistakes may be quoted from."""
    if classifier is None or not config.html or config.examples in ("none", *classifier.info.trained_on):
        return None
    if config.examples == config.split:
        return Quoted(config.split, tuple(gold), predictions)
    others = read_gold(Path(config.data) / config.examples, schema)
    return Quoted(config.examples, tuple(others), classifier.classify([row.text for row in others]))


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
    check(config)
    measured = measure_all(config)
    text = as_markdown(measured)
    if config.output:
        folder = Path(config.output)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "evaluation.md").write_text(text + "\n", encoding="utf-8")
        data = json.dumps(measured.to_dict(), ensure_ascii=False, indent=2)
        (folder / "evaluation.json").write_text(data + "\n", encoding="utf-8")
    if config.html:
        with replacing(Path(config.html)) as file:
            file.write(as_html(measured).encode())
    if config.write_card:
        card = Path(config.model) / "README.md"
        card.write_text(put_in_card(card.read_text(encoding="utf-8"), text), encoding="utf-8")
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line and return the exit status."""
    return run_script(EvaluateConfig, run, arguments)


if __name__ == "__main__":
    sys.exit(main())
