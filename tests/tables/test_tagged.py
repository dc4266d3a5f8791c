"""Tags come back from the files that carry them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from fbclass.errors import InputError
from fbclass.results import Prediction
from fbclass.schema import ThemeSchema
from fbclass.tables import Table, existing_tags, read_table, write_table

Tag = Callable[[Table], dict[int, list[Prediction]]]


@pytest.mark.parametrize("ending", [".xlsx", ".csv", ".jsonl"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_was_written_is_read_back(
    survey: Path, tmp_path: Path, tag: Tag, themes: ThemeSchema, ending: str, language: str
) -> None:
    out = tmp_path / f"out{ending}"
    table = read_table(survey)
    assert existing_tags(table, themes) == {}
    given = tag(table)
    write_table(table, given, out, schema=themes, language=language)
    again = read_table(out)
    (column,) = again.text_columns
    back = existing_tags(again, themes)[column]
    for row, (old, new) in enumerate(zip(given[table.text_columns[0]], back, strict=True)):
        if new is None:
            assert not table.text(row, table.text_columns[0])
            continue
        assert [t.id for t in new.themes] == [t.id for t in old.themes]
        assert [t.evidence for t in new.themes] == [t.evidence for t in old.themes]
        assert (new.sentiment.label, new.needs_review, new.about) == (old.sentiment.label, old.needs_review, old.about)
        assert new.scores == pytest.approx(dict(old.scores))


def test_a_theme_corrected_by_hand_counts(survey: Path, tmp_path: Path, tag: Tag, themes: ThemeSchema) -> None:
    out = tmp_path / "out.xlsx"
    table = read_table(survey)
    write_table(table, tag(table), out, schema=themes)
    book = openpyxl.load_workbook(out)
    book.active["I4"] = "信息孤岛、目标冲突"
    book.save(out)
    again = read_table(out)
    tags = existing_tags(again, themes)[again.text_columns[0]][2]
    assert tags is not None and {t.id for t in tags.themes} == {"information_silo", "goal_conflict"}
    book.active["I4"] = "信息孤道"
    book.save(out)
    with pytest.raises(InputError, match="row 4"):
        existing_tags(read_table(out), themes)
