"""``fbclass classify``: a survey in, the same file with themes, sentiment and evidence added out."""

from __future__ import annotations

import sys
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fbclass.command.language import LocalCommand, in_language, language_option
from fbclass.command.options import columns_option, model_option, preference_option, quiet_option, sheet_option

if TYPE_CHECKING:
    from fbclass.bundle import Preference
    from fbclass.classifier import Classifier
    from fbclass.results import Prediction
    from fbclass.schema import ThemeSchema
    from fbclass.tables import Note, Table


def command(language: str) -> click.Command:
    """Build the command with its help in ``language``."""
    say = in_language(language)

    @click.command(
        "classify",
        cls=LocalCommand,
        help=say(
            "给 IN 里的每条意见标上主题、情感、依据和涉及对象，结果写到一个新文件，原来的列和格式不变。\n\n"
            "IN 可以是 xlsx、csv、tsv、txt（每行一条）、jsonl、parquet；问卷星、腾讯问卷、飞书导出的文件不用改，"
            "会自动找到开放题所在的列。输出格式由 -o 的后缀决定。",
            "Add themes, sentiment, evidence and who is spoken of to every comment in IN. The result goes to a new "
            "file in which your own columns and formats stay as they are.\n\n"
            "IN is xlsx, csv, tsv, txt (one comment a line), jsonl or parquet. Exports of survey tools need no "
            "preparation: the columns with open answers are found by what is in them. The ending of -o decides the "
            "format.",
        ),
    )
    @click.argument("source", metavar="IN", type=click.Path(path_type=Path))
    @click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path),
        metavar="OUT",
        help=say("结果文件；默认在原文件名后加“_已分类”", "result file; default: the name of IN with _已分类 added"),
    )
    @columns_option(language)
    @sheet_option(language)
    @click.option(
        "--department",
        metavar="NAME",
        help=say(
            "填写人所在部门的列，供报告使用；默认自动查找",
            "column with the writer's department, for the report; default: found",
        ),
    )
    @click.option(
        "--report",
        type=click.Path(path_type=Path),
        metavar="FILE.html",
        help=say("同时生成分析报告", "write the report as well"),
    )
    @model_option(language)
    @preference_option(language)
    @click.option(
        "--force",
        is_flag=True,
        help=say("输出文件已存在时替换它（默认不替换）", "replace output files that exist (refused otherwise)"),
    )
    @quiet_option(language)
    @language_option(language)
    def classify(
        source: Path,
        output: Path | None,
        columns: tuple[str, ...],
        sheet: str | None,
        department: str | None,
        report: Path | None,
        model: Path | None,
        preference: Preference,
        force: bool,
        quiet: bool,
    ) -> None:
        from fbclass.tables import check_format, check_output, default_output, read_table, write_table

        table = read_table(source, columns=columns, sheet=sheet, department=department)
        target = output or default_output(source)
        check_format(target, source)
        check_output(target, [source], force=force)
        if report is not None:
            check_report_name(report)
            check_output(report, [source, target], force=force)
        if not quiet:
            _tell(table.notes, language)

        from fbclass.classifier import Classifier

        classifier = Classifier.load(model, preference=preference)
        predictions = classify_table(classifier, table, language, quiet=quiet)
        lost = write_table(table, predictions, target, schema=classifier.schema, language=language)
        if report is not None:
            _write_report(table, predictions, report, classifier.schema, language)
        if not quiet:
            _tell(lost, language)
            click.echo(summary(table, predictions, classifier.schema, language))
            click.echo(f"{say('结果', 'Result')}: {target}")
            if report is not None:
                click.echo(f"{say('报告', 'Report')}: {report}")

    made: click.Command = classify
    return made


def check_report_name(path: Path) -> None:
    """The report is a web page: under another ending nothing would open it."""
    from fbclass.errors import OutputError

    if path.suffix.lower() not in (".html", ".htm"):
        raise OutputError(
            f"{path}: the report is a web page, its name must end in .html",
            f"{path}：报告是网页文件，文件名要以 .html 结尾",
        )


def classify_table(
    classifier: Classifier, table: Table, language: str, *, quiet: bool = False
) -> dict[int, list[Prediction]]:
    """Predictions for every row of every text column of ``table``, with a progress bar on stderr.

    Survey answers repeat (无, 没有): each text is classified once.
    """
    from tqdm import tqdm

    texts = {column: table.texts(column) for column in table.text_columns}
    unique = list(dict.fromkeys(text for column in texts.values() for text in column))
    with tqdm(
        total=len(unique),
        desc=in_language(language)("识别", "Classifying"),
        unit=in_language(language)("条", " comments"),
        file=sys.stderr,
        disable=quiet,
        # A log file gets a line now and then, a terminal a moving bar.
        mininterval=0.2 if sys.stderr.isatty() else 10.0,
    ) as bar:

        def advance(done: int) -> None:
            bar.update(done)

        found = dict(zip(unique, classifier.classify(unique, progress=advance), strict=True))
    return {column: [found[text] for text in given] for column, given in texts.items()}


def summary(table: Table, predictions: dict[int, list[Prediction]], schema: ThemeSchema, language: str) -> str:
    """A short overview of the comments that are not blank: shares of themes and sentiment, how many to review."""
    from fbclass.results import SENTIMENTS
    from fbclass.tables.results import WORDINGS

    say = in_language(language)
    given = [predictions[c.column][c.row] for c in table.comments() if c.text.strip()]
    blank = len(table.rows) * len(table.text_columns) - len(given)
    without = say(f"（另有 {blank} 条空白）", f" (and {blank} blank)") if blank else ""
    lines = [say(f"共 {len(given)} 条意见{without}", f"{len(given)} comments{without}")]
    if not given:
        return lines[0]
    themes = Counter(tag.id for prediction in given for tag in prediction.themes)
    rows = [(schema[theme].name(language), themes[theme]) for theme in schema.ids]
    rows.append((say("无以上主题", "None of these"), sum(not prediction.themes for prediction in given)))
    lines += _shares(say("主题（一条意见可有多个）", "Themes (a comment may have several)"), rows, len(given))
    sentiments = Counter(prediction.sentiment.label for prediction in given)
    words = WORDINGS[language].sentiments
    lines += _shares(say("情感", "Sentiment"), [(words[label], sentiments[label]) for label in SENTIMENTS], len(given))
    review = sum(prediction.needs_review for prediction in given)
    lines.append(say(f"建议人工复核：{review} 条", f"For a person to review: {review}"))
    return "\n".join(lines)


def _shares(title: str, rows: Sequence[tuple[str, int]], total: int) -> list[str]:
    width = max(_columns(name) for name, _ in rows)
    return [title] + [
        f"  {name}{' ' * (width - _columns(name))}  {count:>6}  {count / total:>6.1%}" for name, count in rows
    ]


def _columns(text: str) -> int:
    """Width on a terminal: Chinese characters take two columns."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _write_report(
    table: Table, predictions: dict[int, list[Prediction]], path: Path, schema: ThemeSchema, language: str
) -> None:
    from fbclass.report import ReportRow, write_report

    rows = [
        ReportRow(c.text, predictions[c.column][c.row], c.department, c.question, respondent=str(c.row))
        for c in table.comments()
    ]
    write_report(rows, path, schema=schema, language=language, source_name=table.path.name)


def _tell(notes: Sequence[Note], language: str) -> None:
    for note in notes:
        click.echo(note.message(language), err=True)
