"""``fbclass evaluate``: labelled comments in, how good the model is on them out."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fbclass.command.language import LocalCommand, in_language, language_option
from fbclass.command.options import model_option

if TYPE_CHECKING:
    from fbclass.classifier import Classifier
    from fbclass.evaluation import Gold
    from fbclass.results import Prediction
    from fbclass.schema import ThemeSchema


# Labels that a person gave without seeing the model's do not agree with it this often, on so many rows.
_SOME = 20
_TOO_GOOD = 0.98


def command(language: str) -> click.Command:
    """Build the command with its help in ``language``."""
    say = in_language(language)

    @click.command(
        "evaluate",
        cls=LocalCommand,
        help=say(
            "用人工标注的意见检验模型：每个主题的精确率、召回率、F1，情感准确率，校准误差，都带 95% 置信区间。\n\n"
            "LABELLED 可以是 jsonl 文件、装着 jsonl 的文件夹，或表格（xlsx、csv 等）。表格要有“文本”“主题”“情感”三列；"
            "主题写名称或 id，多个用顿号隔开，没有就留空；情感写负面、中性或正面。两项都空的行不算。"
            "classify 的结果改正后也可以直接用。",
            "Measure the model on comments labelled by hand: precision, recall and F1 of each theme, sentiment, "
            "calibration, with 95% intervals.\n\n"
            "LABELLED is a jsonl file, a folder of them, or a table (xlsx, csv, …) with the columns text, themes and "
            "sentiment. Themes are names or ids, several set apart by commas, blank for none; sentiment is negative, "
            "neutral or positive. Rows with neither are left out. What classify wrote can be corrected and used.",
        ),
    )
    @click.argument("source", metavar="LABELLED", type=click.Path(path_type=Path))
    @model_option(language)
    @click.option(
        "--column",
        metavar="NAME",
        help=say("文本所在的列；默认是“文本”或 text", "column of the text; default: text or 文本"),
    )
    @click.option(
        "--errors",
        type=click.Path(path_type=Path),
        metavar="FILE.csv",
        help=say("把标错的意见写进表格，最有把握的错误在前", "write what is wrong to a table, surest mistakes first"),
    )
    @click.option(
        "--json",
        "json_file",
        type=click.Path(path_type=Path),
        metavar="FILE.json",
        help=say("把全部数字写进 JSON 文件", "write all figures to a JSON file"),
    )
    @click.option(
        "--force",
        is_flag=True,
        help=say("输出文件已存在时替换它（默认不替换）", "replace output files that exist (refused otherwise)"),
    )
    @click.option("--quiet", "-q", is_flag=True, help=say("不显示进度", "show no progress"))
    @language_option(language)
    def evaluate(
        source: Path,
        model: Path | None,
        column: str | None,
        errors: Path | None,
        json_file: Path | None,
        force: bool,
        quiet: bool,
    ) -> None:
        from fbclass.tables import check_output, replacing

        inputs = [source, *source.glob("*.jsonl")] if source.is_dir() else [source]
        for output in filter(None, (errors, json_file)):
            check_output(output, inputs, force=force)
            inputs.append(output)

        from fbclass.classifier import Classifier
        from fbclass.evaluation import as_text, read_gold
        from fbclass.evaluation import evaluate as measure

        classifier = Classifier.load(model)
        gold = read_gold(source, classifier.schema, column=column)
        predictions = _classify(classifier, gold, language, quiet=quiet)
        evaluation = measure(gold, predictions)
        click.echo(as_text(evaluation, classifier.schema, language))
        alike = min(evaluation.exact_match.value, evaluation.sentiment.accuracy.value)
        if len(gold) >= _SOME and alike >= _TOO_GOOD:
            note = say(
                "注意：这些标签与模型的结果几乎处处相同。如果它们出自 classify、只改正了一部分，上面的数字就偏高："
                "请另取一批意见，不看模型的结果来标注。",
                "Note: these labels are almost everywhere what the model says. If classify wrote them and only some "
                "were corrected, the figures above are too high: label other comments without seeing its results.",
            )
            click.echo(f"\n{note}", err=True)
        if errors is not None:
            with replacing(errors) as file:
                file.write(errors_csv(gold, predictions, classifier.schema, language))
            click.echo(f"\n{say('标错的意见：', 'Mistakes: ')}{errors}")
        if json_file is not None:
            with replacing(json_file) as file:
                file.write(json.dumps(evaluation.to_dict(), ensure_ascii=False, indent=2).encode() + b"\n")
            click.echo(f"\n{say('全部数字：', 'All figures: ')}{json_file}")

    made: click.Command = evaluate
    return made


def _classify(classifier: Classifier, gold: Sequence[Gold], language: str, *, quiet: bool) -> list[Prediction]:
    from tqdm import tqdm

    say = in_language(language)
    with tqdm(
        total=len(gold),
        desc=say("识别", "Classifying"),
        unit=say("条", " comments"),
        file=sys.stderr,
        disable=quiet,
        mininterval=0.2 if sys.stderr.isatty() else 10.0,
    ) as bar:

        def advance(done: int) -> None:
            bar.update(done)

        return classifier.classify([row.text for row in gold], progress=advance)


def errors_csv(gold: Sequence[Gold], predictions: Sequence[Prediction], schema: ThemeSchema, language: str) -> bytes:
    """A line for every wrong label, the surest first; UTF-8 with a BOM, so that Excel shows it rightly."""
    from fbclass.evaluation import find_mistakes
    from fbclass.tables.cells import without_formula
    from fbclass.tables.results import WORDINGS

    say = in_language(language)
    words = WORDINGS[language]
    kinds = {
        "missed": say("漏标主题", "theme missed"),
        "invented": say("误标主题", "theme invented"),
        "sentiment": say("情感错误", "wrong sentiment"),
    }

    def themes(ids: set[str]) -> str:
        return words.between_names.join(t.name(language) for t in schema.themes if t.id in ids)

    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(
        [
            *(say("文件", "file"), say("行", "row"), "id", say("错误", "mistake"), say("哪个标签", "label")),
            *(say("模型的把握", "confidence"), say("文本", "text"), say("标注的主题", "labelled themes")),
            *(say("模型的主题", "model themes"), say("标注的情感", "labelled sentiment")),
            say("模型的情感", "model sentiment"),
        ]
    )
    for mistake in find_mistakes(gold, predictions):
        row, prediction = gold[mistake.row], predictions[mistake.row]
        label = mistake.label
        cells = [
            *(row.file, row.row, row.id or "", kinds[mistake.kind]),
            words.sentiments[prediction.sentiment.label] if mistake.kind == "sentiment" else themes({label}),
            *(f"{mistake.confidence:.3f}", row.text, themes(set(row.themes))),
            themes({tag.id for tag in prediction.themes}),
            *(words.sentiments[row.sentiment], words.sentiments[prediction.sentiment.label]),
        ]
        writer.writerow([without_formula(cell) if isinstance(cell, str) else cell for cell in cells])
    return file.getvalue().encode("utf-8-sig", errors="replace")
