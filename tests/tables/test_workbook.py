"""Reading workbooks, and refusing what is none."""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from pathlib import Path

import openpyxl
import pytest

from fbclass.errors import InputError
from fbclass.tables import MAX_CHARACTERS, read_table


def save(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


ROWS: list[list[object]] = [["部门", "建议"], ["财务部", "审批太慢,没人处理"], ["采购部", "口径总是对不上,要重做"]]


def test_an_export_is_read_without_being_told_anything(survey: Path) -> None:
    table = read_table(survey)
    assert [table.label(c) for c in table.text_columns] == ["3、您对跨部门协作有什么建议?"]
    assert table.department_column == 5
    comments = list(table.comments())
    assert [c.text for c in comments[:4]] == [
        "报销单交上去一个月了还没批,太慢了",
        "无",
        "系统之间数据不通,同一张表要填三遍",
        "",
    ]
    assert comments[0].department == "财务部"
    note = table.notes[0].chinese
    assert "H 3、您对跨部门协作有什么建议?" in note and "提交答卷时间" in note and "\n" not in note


def test_a_title_above_the_header(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", {"S": [["2025年满意度调查"], [], *ROWS]})
    table = read_table(path)
    assert table.header_row == 3
    assert table.header == ("部门", "建议")
    assert table.row_number(0) == 4


def test_the_first_sheet_with_data_is_read_and_the_others_are_named(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", {"封面": [["满意度调查"]], "一季度": ROWS, "二季度": ROWS})
    table = read_table(path)
    assert table.raw.sheet == "一季度"
    assert "二季度" in table.notes[-1].chinese
    assert read_table(path, sheet="二季度").raw.sheet == "二季度"
    assert read_table(path, sheet="3").raw.sheet == "二季度"
    with pytest.raises(InputError, match="no sheet '四季度'") as caught:
        read_table(path, sheet="四季度")
    assert "一季度、二季度" in caught.value.chinese
    with pytest.raises(InputError, match="封面 is empty"):
        read_table(path, sheet="封面")


def test_cells_that_are_not_text_are_valid_rows(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["建议"], ["审批太慢,没人处理"], [12], [3.5], [dt.datetime(2025, 3, 1, 9, 30)], ["#N/A"], ["=1+1"], ["(跳过)"],
        [True], [None], ["口径总是对不上"],
    ]  # fmt: skip
    table = read_table(save(tmp_path / "a.xlsx", {"S": rows}), columns=["建议"])
    assert table.texts(0) == [
        "审批太慢,没人处理", "12", "3.5", "2025-03-01 09:30:00", "", "", "", "TRUE", "", "口径总是对不上",
    ]  # fmt: skip


def test_a_formula_counts_with_the_value_excel_last_showed(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", {"S": [["建议"], ['=CONCATENATE("审批","太慢")']]})
    shown = '<c r="A2" t="str"><f>A1</f><v>审批太慢</v></c>'.encode()
    path.write_bytes(edited(path, "xl/worksheets/sheet1.xml", rb'<c r="A2">.*?</c>', shown))
    assert read_table(path, columns=["建议"]).texts(0) == ["审批太慢"]


def test_a_wrong_size_stated_in_the_file_is_not_believed(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", {"S": ROWS})
    path.write_bytes(edited(path, "xl/worksheets/sheet1.xml", b'ref="A1:B3"', b'ref="A1"'))
    assert len(read_table(path).rows) == 2


def edited(path: Path, part: str, pattern: bytes, new: bytes) -> bytes:
    """The workbook with what matches in one part replaced."""
    stream = io.BytesIO()
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(stream, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == part:
                data, count = re.subn(pattern, new, data)
                assert count
            target.writestr(name, data)
    return stream.getvalue()


def test_a_huge_cell_is_refused_with_row_and_column(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"编号,建议\n1,好\n2,{'慢' * (MAX_CHARACTERS + 1)}\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_table(path, columns=["建议"])
    assert "第 3 行 B 列“建议”" in caught.value.chinese
    assert "row 3, column B" in caught.value.english


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.xlsx", OLE + bytes(512) + "EncryptedPackage".encode("utf-16-le"), "密码"),
        ("a.xlsx", OLE + bytes(512) + "Workbook".encode("utf-16-le"), "另存为 .xlsx"),
        ("a.xls", OLE, "另存为 .xlsx"),
        ("a.xlsx", b"", "已损坏"),
        ("a.xlsx", "编号,建议\n1,太慢".encode(), "已损坏"),
        ("a.xlsx", b"PK\x03\x04 and nothing else", "已损坏"),
        ("a.docx", b"PK", "不认识"),
        ("a", b"x", "不认识"),
        ("a.parquet", b"PAR1 no more", "Parquet"),
        ("a.csv", b"", "没有意见"),
        ("a.csv", b"id,text\n", "没有意见"),
        ("a.txt", b" \n\n", "没有意见"),
        ("a.jsonl", b"\n", "没有意见"),
    ],
)
def test_files_that_cannot_be_read_say_why(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_table(path)
    assert says in caught.value.chinese
    assert name in caught.value.english
    assert re.fullmatch(r"[^\n]{10,400}", caught.value.english)


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.95])
def test_a_truncated_workbook_is_refused(survey: Path, cut: float) -> None:
    data = survey.read_bytes()
    survey.write_bytes(data[: int(len(data) * cut)])
    with pytest.raises(InputError, match="damaged"):
        read_table(survey)


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "[Content_Types].xml"])
def test_a_workbook_with_a_broken_part_is_refused(survey: Path, part: str) -> None:
    survey.write_bytes(edited(survey, part, b"<", b"<<"))
    with pytest.raises(InputError, match="damaged"):
        read_table(survey)


def test_empty_workbook_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no sheet with a header"):
        read_table(save(tmp_path / "a.xlsx", {"S": []}))
    with pytest.raises(InputError, match="does not exist"):
        read_table(tmp_path / "none.xlsx")
    with pytest.raises(InputError, match="is a folder"):
        read_table(tmp_path)


def test_a_list_of_very_short_comments_alone_in_its_sheet_is_read(tmp_path: Path) -> None:
    rows: list[list[object]] = [["序号", "感受"], *([n, text] for n, text in enumerate(("太慢", "不错", "没人管")))]
    assert read_table(save(tmp_path / "a.xlsx", {"S": rows})).text_columns == (1,)


def test_a_table_without_open_text_lists_its_columns(tmp_path: Path) -> None:
    rows: list[list[object]] = [["序号", "部门", "满意度"], *([n, "财务部", 5] for n in range(20))]
    with pytest.raises(InputError, match="--column") as caught:
        read_table(save(tmp_path / "a.xlsx", {"S": rows}))
    assert "满意度" in caught.value.chinese and "部门" in caught.value.chinese
