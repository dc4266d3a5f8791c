"""``fbclass report``: a survey in, the report for management out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fbclass.command.language import LocalCommand, in_language, language_option
from fbclass.command.options import columns_option, model_option, preference_option, quiet_option, sheet_option
from fbclass.errors import OutputError

if TYPE_CHECKING:
    from fbclass.bundle import Preference
    from fbclass.classifier import Classifier
    from fbclass.report import ReportRow
    from fbclass.results import Prediction
    from fbclass.tables import Table


def command(language: str) -> click.Command:
    """Build the command with its help in ``language``."""
    say = in_language(language)

    @click.command(
        "report",
        cls=LocalCommand,
        help=say(
            "识别 IN 里的意见，生成一份可以交给管理层的报告：一个 HTML 文件，可打印成 PDF，不依赖网络。\n\n"
            "IN 可以是原始问卷，也可以是 fbclass classify 的结果；已有的标签（包括人工改过的）会直接采用。"
            "少于 5 条意见或少于 5 人的部门合并显示。",
            "Read the comments in IN and write a report for management: one HTML file that prints to PDF and needs no "
            "network.\n\nIN is a survey, or what fbclass classify made of one; tags that stand in it, corrected by "
            "hand or not, are taken as they are. Departments with fewer than 5 comments or people are shown together.",
        ),
    )
    @click.argument("source", metavar="IN", type=click.Path(path_type=Path))
    @click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path),
        metavar="OUT.html",
        help=say("报告文件；默认是原文件名加“_报告.html”", "report file; default: the name of IN with _报告.html"),
    )
    @columns_option(language)
    @sheet_option(language)
    @click.option(
        "--department",
        metavar="NAME",
        help=say("填写人所在部门的列；默认自动查找", "column with the writer's department; default: found"),
    )
    @model_option(language)
    @preference_option(language)
    @click.option(
        "--reclassify",
        is_flag=True,
        help=say("不采用表里已有的标签，全部重新识别", "classify anew and leave tags that stand in the table aside"),
    )
    @click.option(
        "--force",
        is_flag=True,
        help=say("报告文件已存在时替换它（默认不替换）", "replace a report that exists (refused otherwise)"),
    )
    @quiet_option(language)
    @language_option(language)
    def report(
        source: Path,
        output: Path | None,
        columns: tuple[str, ...],
        sheet: str | None,
        department: str | None,
        model: Path | None,
        preference: Preference,
        reclassify: bool,
        force: bool,
        quiet: bool,
    ) -> None:
        from fbclass.tables import check_output, read_table

        table = read_table(source, columns=columns, sheet=sheet, department=department)
        target = output or source.with_name(f"{source.stem}_报告.html")
        _check_ending(target)
        check_output(target, [source], force=force)
        if not quiet:
            for note in table.notes:
                click.echo(note.message(language), err=True)

        from fbclass.classifier import Classifier
        from fbclass.report import write_report

        classifier = Classifier.load(model, preference=preference)
        rows = _rows(table, _predictions(table, classifier, language, reclassify=reclassify, quiet=quiet))
        write_report(rows, target, schema=classifier.schema, language=language, source_name=source.name)
        if not quiet:
            given = sum(not row.blank for row in rows)
            click.echo(say(f"共 {given} 条意见", f"{given} comments"))
            click.echo(f"{say('报告', 'Report')}: {target}")

    made: click.Command = report
    return made


def _check_ending(path: Path) -> None:
    if path.suffix.lower() not in (".html", ".htm"):
        raise OutputError(
            f"{path.name}: the report is a web page, so its name ends in .html; print it to PDF from the browser",
            f"{path.name}：报告是网页文件，文件名要以 .html 结尾；需要 PDF 时请用浏览器打印",
        )


def _predictions(
    table: Table, classifier: Classifier, language: str, *, reclassify: bool, quiet: bool
) -> Mapping[int, Sequence[Prediction]]:
    """The tags that stand in the table, and the model's for every comment without."""
    from fbclass.command.classify import classify_table
    from fbclass.tables import existing_tags

    tags = {} if reclassify else existing_tags(table, classifier.schema)
    if not tags:
        return classify_table(classifier, table, language, quiet=quiet)
    kept = {column: tags.get(column) or [None] * len(table.rows) for column in table.text_columns}
    count = sum(prediction is not None for column in kept.values() for prediction in column)
    missing = any(kept[c.column][c.row] is None and c.text.strip() for c in table.comments())
    if not quiet:
        say = in_language(language)
        click.echo(
            say(
                f"采用表里已有的 {count} 条标签；要全部重新识别请加 --reclassify",
                f"Taking {count} tags that stand in the table; add --reclassify to classify them anew",
            ),
            err=True,
        )
    if missing:
        fresh = classify_table(classifier, table, language, quiet=quiet)
        return {
            column: [old or new for old, new in zip(rows, fresh[column], strict=True)] for column, rows in kept.items()
        }
    blank = classifier.classify([""])[0]
    return {column: [old or blank for old in rows] for column, rows in kept.items()}


def _rows(table: Table, predictions: Mapping[int, Sequence[Prediction]]) -> list[ReportRow]:
    from fbclass.report import ReportRow

    # A row of a survey is one person, however many of its questions were answered.
    return [
        ReportRow(c.text, predictions[c.column][c.row], c.department, c.question, respondent=str(c.row))
        for c in table.comments()
    ]
