"""The user's workbook comes back as it was, with the results beside it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.table import Table as ListObject

from fbclass.errors import OutputError
from fbclass.results import Prediction
from fbclass.schema import ThemeSchema
from fbclass.tables import Table, read_table, write_table
from fbclass.tables.delimited import delimited_bytes

Tag = Callable[[Table], dict[int, list[Prediction]]]


@pytest.fixture
def rich(tmp_path: Path) -> Path:
    """A workbook with everything an analyst may have done to it."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "答卷"
    sheet.append(["2025 年调查"])
    sheet.merge_cells("A1:G1")
    sheet.append(["工号", "日期", "占比", "公式", "备注", "您的建议", "打分"])
    for n in range(1, 5):
        sheet.append([f"000{n}", dt.date(2025, 3, n), n / 8, f"=G{n + 2}*2", None, f"第{n}次报销太慢了,没人回复我", n])
        sheet.cell(n + 2, 2).number_format = "yyyy年m月d日"
        sheet.cell(n + 2, 3).number_format = "0.0%"
    sheet["F3"].fill = PatternFill("solid", fgColor="FFFF00")
    sheet["F3"].font = Font(name="宋体", sz=14, b=True)
    sheet["F4"].comment = Comment("要跟进", "HR")
    sheet["E3"] = CellRichText("很", TextBlock(InlineFont(b=True), "重要"))
    sheet["E4"] = "=不是公式"
    sheet["E4"].data_type = "s"
    sheet["E5"].hyperlink = "https://example.com/"
    sheet["E5"] = "链接"
    sheet.column_dimensions["F"].width = 33
    sheet.column_dimensions["B"].hidden = True
    sheet.row_dimensions[3].height = 40
    rule = DataValidation(type="list", formula1='"1,2,3,4"')
    rule.add("G3:G6")
    sheet.add_data_validation(rule)
    other = book.create_sheet("说明")
    other["B2"] = "口径"
    book.create_sheet("隐藏").sheet_state = "hidden"
    path = tmp_path / "rich.xlsx"
    book.save(path)
    return path


def look(cell: object) -> tuple[object, ...]:
    names = ("value", "data_type", "number_format", "font", "fill", "border", "alignment", "protection", "comment")
    return tuple(repr(getattr(cell, name, None)) for name in (*names, "hyperlink"))


def test_everything_of_the_user_stays_as_it_was(rich: Path, tmp_path: Path, tag: Tag, themes: ThemeSchema) -> None:
    before = rich.read_bytes()
    out = tmp_path / "out.xlsx"
    table = read_table(rich)
    assert table.header_row == 2
    assert write_table(table, tag(table), out, schema=themes) == ()
    assert rich.read_bytes() == before
    old, new = (openpyxl.load_workbook(path, rich_text=True) for path in (rich, out))
    assert new.sheetnames == old.sheetnames
    for sheet in old:
        twin = new[sheet.title]
        assert twin.sheet_state == sheet.sheet_state
        for row in sheet.iter_rows():
            for cell in row:
                assert look(twin[cell.coordinate]) == look(cell), cell.coordinate
        for name, dimension in sheet.column_dimensions.items():
            assert (twin.column_dimensions[name].width, twin.column_dimensions[name].hidden) == (
                dimension.width,
                dimension.hidden,
            )
        assert twin.row_dimensions[3].height == sheet.row_dimensions[3].height
        assert twin.merged_cells.ranges == sheet.merged_cells.ranges
        assert [v.sqref for v in twin.data_validations.dataValidation] == [
            v.sqref for v in sheet.data_validations.dataValidation
        ]


def test_the_results_stand_to_the_right_and_are_pleasant_to_use(
    rich: Path, tmp_path: Path, tag: Tag, themes: ThemeSchema
) -> None:
    out = tmp_path / "out.xlsx"
    table = read_table(rich)
    write_table(table, tag(table), out, schema=themes)
    sheet = openpyxl.load_workbook(out)["答卷"]
    header = [cell.value for cell in sheet[2]][7:]
    assert header == ["主题", "情感", "依据", "涉及对象", "需复核"] + [f"{themes[i].name_zh}得分" for i in themes.ids]
    first = [cell.value for cell in sheet[3]][7:]
    assert first == ["响应慢", "负面", "第1次报销太慢了,没人回复我", "第1", None, 0.25, 0.25, 0.25, 0.97]
    assert sheet["M3"].number_format == "0.00"
    assert sheet.freeze_panes == "A3"
    assert sheet.auto_filter.ref == "A2:P6"
    assert sheet["H2"].fill.fgColor.rgb.endswith("DDEBF7")
    assert sheet.column_dimensions["J"].width > 30


def test_blank_answers_get_no_result_and_several_questions_name_theirs(
    tmp_path: Path, tag: Tag, themes: ThemeSchema
) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["5、与其他部门合作时最大的问题是什么?", "6、您有什么建议?"])
    sheet.append(["报销审批太慢了,等了一个月", None])
    sheet.append([None, "建议各部门每月开一次例会"])
    path, out = tmp_path / "in.xlsx", tmp_path / "out.xlsx"
    book.save(path)
    table = read_table(path)
    assert table.text_columns == (0, 1)
    write_table(table, tag(table), out, schema=themes, language="en")
    rows = list(openpyxl.load_workbook(out).active.iter_rows(values_only=True))
    assert rows[0][2] == "Themes|5、与其他部门合作时最…"
    assert rows[0][11] == "Themes|6、您有什么建议?"
    assert rows[1][2:4] == ("Slow response", "negative")
    assert rows[1][11:] == (None,) * 9
    assert rows[2][2:11] == (None,) * 9
    assert rows[2][12] == "neutral"


def test_the_users_own_freeze_filter_and_table_stay(
    survey: Path, tmp_path: Path, tag: Tag, themes: ThemeSchema
) -> None:
    book = openpyxl.load_workbook(survey)
    book.active.freeze_panes = "C2"
    book.active.add_table(ListObject(displayName="T1", ref="A1:J9"))
    for column in ("I", "J"):
        book.active[f"{column}1"] = f"栏{column}"
    book.save(survey)
    out = tmp_path / "out.xlsx"
    table = read_table(survey)
    write_table(table, tag(table), out, schema=themes)
    sheet = openpyxl.load_workbook(out).active
    assert sheet.freeze_panes == "C2"
    assert sheet.auto_filter.ref is None
    assert sheet.tables["T1"].ref == "A1:J9"
    assert sheet["K1"].value == "主题"


def test_a_second_run_adds_columns_with_a_number(survey: Path, tmp_path: Path, tag: Tag, themes: ThemeSchema) -> None:
    one, two = tmp_path / "one.xlsx", tmp_path / "two.xlsx"
    table = read_table(survey)
    write_table(table, tag(table), one, schema=themes)
    again = read_table(one)
    assert again.text_columns == table.text_columns
    write_table(again, tag(again), two, schema=themes)
    header = [cell.value for cell in openpyxl.load_workbook(two).active[1]]
    assert header.count("主题") == 1 and "主题(2)" in header and "响应慢得分(2)" in header


def test_added_cells_never_become_formulas(tmp_path: Path, tag: Tag, themes: ThemeSchema) -> None:
    book = openpyxl.Workbook()
    attack = '=HYPERLINK("http://x.example","慢")'
    book.active.append(["=建议"])
    book.active["A1"].data_type = "s"
    for number, text in enumerate([attack, "@慢", "#REF!慢", "-慢慢"], 2):
        book.active.cell(number, 1).value = text
        book.active.cell(number, 1).data_type = "s"
    path, out = tmp_path / "in.xlsx", tmp_path / "out.xlsx"
    book.save(path)
    table = read_table(path, columns=["A"])
    write_table(table, tag(table), out, schema=themes)
    sheet = openpyxl.load_workbook(out).active
    assert sheet["D2"].value == attack
    assert {cell.data_type for row in sheet["B1:F5"] for cell in row} <= {"s", "n"}
    assert not [c for row in sheet["B1:F5"] for c in row if c.data_type == "n" and c.value is not None]


def test_a_cell_too_long_for_excel_is_refused_not_cut(tmp_path: Path, tag: Tag, themes: ThemeSchema) -> None:
    path, out = tmp_path / "in.csv", tmp_path / "out.xlsx"
    path.write_bytes(delimited_bytes([["id", "建议"], ["1", "好"], ["2", "慢" * 40_000]], ","))
    table = read_table(path, columns=["建议"])
    with pytest.raises(OutputError, match="row 3, column 建议"):
        write_table(table, tag(table), out, schema=themes)
    assert not out.exists()
    write_table(table, tag(table), tmp_path / "out.csv", schema=themes)


def test_text_of_a_csv_file_stays_text_in_a_new_workbook(tmp_path: Path, tag: Tag, themes: ThemeSchema) -> None:
    path, out = tmp_path / "in.csv", tmp_path / "out.xlsx"
    path.write_bytes(
        delimited_bytes([["工号", "建议"], ["00123", "=1+1,审批太慢"], ["007", "坏字符\x02也要能写"]], ",")
    )
    table = read_table(path, columns=["建议"])
    write_table(table, tag(table), out, schema=themes)
    sheet = openpyxl.load_workbook(out).active
    assert [sheet["A2"].value, sheet["B2"].value, sheet["B2"].data_type] == ["00123", "=1+1,审批太慢", "s"]
    assert sheet["B3"].value == "坏字符也要能写"
    assert sheet["C2"].value == "响应慢"
