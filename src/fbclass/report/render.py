"""Turn comments and their predictions into one HTML file that needs nothing else.

No script, no font, no picture from elsewhere: the file can be mailed, printed to PDF and opened on a
machine without a network. A content security policy in the file holds it to that.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cache, partial
from math import ceil
from pathlib import Path
from typing import Any

from fbclass.report.comparison import differences
from fbclass.report.findings import find
from fbclass.report.intervals import Share
from fbclass.report.phrases import SMALLEST_COUNT, key_phrases
from fbclass.report.quotes import positive_quotes, theme_quotes
from fbclass.report.rows import ReportRow
from fbclass.report.statistics import SMALLEST_GROUP, Statistics, summarize
from fbclass.report.wording import LANGUAGES, interval, percent, text
from fbclass.results import SENTIMENTS
from fbclass.schema import ThemeSchema
from fbclass.tables.output import replacing

_SHADES = 6  # steps of the heat table; style.css has one class for each
_FEW = 20  # departments with fewer comments get a mark


def write_report(
    rows: Sequence[ReportRow], path: Path, *, schema: ThemeSchema, language: str = "zh", source_name: str = ""
) -> None:
    """Write the report of ``rows`` to ``path``; the file is whole or not there at all (``OutputError``)."""
    html = render_report(rows, schema=schema, language=language, source_name=source_name)
    with replacing(path) as handle:
        handle.write(html.encode())


def render_report(
    rows: Sequence[ReportRow],
    *,
    schema: ThemeSchema,
    language: str = "zh",
    source_name: str = "",
    today: date | None = None,
) -> str:
    """The report as HTML; ``language`` is "zh" or "en", ``today`` the date that stands on it."""
    if language not in LANGUAGES:
        raise ValueError(f"the report language must be one of {LANGUAGES}, not {language!r}")
    statistics = summarize(rows, schema)
    phrases = key_phrases(rows, schema)
    marks = {(d.department, d.theme_id): "▲" if d.above else "▼" for d in differences(statistics)}
    return str(
        _template().render(
            t=partial(text, language),
            language=language,
            source_name=source_name,
            today=(today or date.today()).isoformat(),
            statistics=statistics,
            findings=find(statistics, schema, language),
            themes=[schema[theme_id] for theme_id in schema.ids],
            details=[
                {
                    "theme": schema[theme.id],
                    "numbers": theme,
                    "phrases": phrases[theme.id],
                    "quotes": theme_quotes(rows, schema, theme.id),
                    "actions": schema[theme.id].actions_zh if language == "zh" else schema[theme.id].actions_en,
                    "definition": schema[theme.id].definition_zh
                    if language == "zh"
                    else schema[theme.id].definition_en,
                }
                for theme in statistics.ranked
            ],
            praise=positive_quotes(rows),
            axis=_axis(statistics),
            marks=marks,
            few=_FEW,
            smallest_group=SMALLEST_GROUP,
            smallest_count=SMALLEST_COUNT,
            sentiments=SENTIMENTS,
            heat=_heat,
        )
    )


def _axis(statistics: Statistics) -> dict[str, Any]:
    """The scale of the theme chart: the share at its right end, and the ticks."""
    highest = max([theme.share.high for theme in statistics.themes], default=0.0)
    step = 0.05 if highest <= 0.2 else 0.1 if highest <= 0.6 else 0.2
    count = max(2, ceil(round(highest / step, 6)))
    return {
        "end": count * step,
        "ticks": [{"at": i / count * 100, "label": percent(i * step)} for i in range(count + 1)],
    }


def _heat(share: Share) -> int:
    """The shade of a cell: 0 for nothing, then up by tenths of the comments to the darkest at 50%."""
    return 0 if share.count == 0 else min(_SHADES - 1, 1 + int(share.value * 10))


@cache
def _template() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("fbclass.report"),
        autoescape=True,  # every value is text; nothing in a comment can become markup
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent=percent, interval=interval)
    return environment.get_template("report.html")
