"""CSV, TSV and text files."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fbclass.errors import InputError
from fbclass.results import Prediction
from fbclass.schema import ThemeSchema
from fbclass.tables import Table, read_table, write_table
from fbclass.tables.delimited import delimited_bytes, read_delimited

Tag = Callable[[Table], dict[int, list[Prediction]]]
GOOD = '编号,建议\r\n1,"审批太慢了,\n一直没人管"\r\n\r\n2,无\r\n'


def parsed(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_csv_file_comes_back_with_its_rows_and_quoted_line_breaks(
    tmp_path: Path, tag: Tag, themes: ThemeSchema, encoding: str
) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(GOOD.encode(encoding))
    table = read_table(path)
    assert table.texts(1) == ["审批太慢了,\n一直没人管", "", "无"]
    assert table.row_number(2) == 4
    out = tmp_path / "out.csv"
    write_table(table, tag(table), out, schema=themes)
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = parsed(out)
    assert rows[0][:7] == ["编号", "建议", "主题", "情感", "依据", "涉及对象", "需复核"]
    assert rows[0][-1] == "响应慢得分"
    assert rows[1][:7] == ["1", "审批太慢了,\n一直没人管", "响应慢", "负面", "审批太慢了, 一直没人管", "审批", ""]
    assert rows[1][-1] == "0.97"
    assert rows[2] == []
    assert rows[3][2:7] == ["", "中性", "", "", "是"]


@pytest.mark.parametrize(("delimiter", "ending"), [(";", ".csv"), ("\t", ".csv"), ("\t", ".tsv"), (",", ".csv")])
def test_the_delimiter_is_found_and_kept(
    tmp_path: Path, tag: Tag, themes: ThemeSchema, delimiter: str, ending: str
) -> None:
    path = tmp_path / f"in{ending}"
    lines = [["id", "部门", "建议"], ["1", "财务部", "审批,太慢,没人管"], ["2", "采购部", "口径不一样;要对账"]]
    path.write_bytes(delimited_bytes(lines, delimiter))
    table = read_table(path)
    assert table.header == ("id", "部门", "建议")
    assert table.department_column == 1
    out = tmp_path / f"out{ending}"
    write_table(table, tag(table), out, schema=themes)
    again = read_delimited(out, out.read_bytes(), "csv")
    assert [row[:3] for row in again.rows] == [tuple(line) for line in lines]
    assert again.origin == delimiter


def test_one_column_with_commas_and_no_quotes_stays_one_column(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("意见\n太慢了,没人管,一直拖\n口径不一样\n希望快一点,谢谢\n", encoding="utf-8")
    assert read_table(path).texts(0) == ["太慢了,没人管,一直拖", "口径不一样", "希望快一点,谢谢"]


def test_a_quote_that_is_never_closed_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text('id,建议\n1,很好\n2,"太慢了\n3,一般\n4,不错\n', encoding="utf-8")
    with pytest.raises(InputError, match="line 3"):
        read_table(path)


def test_tabs_without_quotes_keep_a_leading_quotation_mark(tmp_path: Path) -> None:
    path = tmp_path / "in.tsv"
    path.write_text('id\t建议\n1\t"马上就好"说了一个月\n2\t"下周回复\n3\t无\n', encoding="utf-8")
    assert read_table(path, columns=["建议"]).texts(1)[1] == '"下周回复'


def test_added_cells_never_become_formulas(tmp_path: Path, tag: Tag, themes: ThemeSchema) -> None:
    path = tmp_path / "in.csv"
    attack = '=HYPERLINK("http://x.example","慢")'
    path.write_bytes(delimited_bytes([["意见"], [attack], ["+慢慢慢"], ["正常的意见,不慢"]], ","))
    table = read_table(path, columns=["A"])
    out = tmp_path / "out.csv"
    write_table(table, tag(table), out, schema=themes)
    rows = parsed(out)
    assert rows[1][0] == attack  # the user's own cell stays
    added = [cell for row in rows for cell in row[1:]]
    assert not [cell for cell in added if cell.startswith(("=", "+", "-", "@"))]
    assert "'" + attack in added


def test_a_field_larger_than_the_csv_module_allows(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text(
        "id,附件,建议\n1," + "x" * 200_000 + ",审批太慢了,没人处理\n".replace(",没", "没"), encoding="utf-8"
    )
    limit = csv.field_size_limit()
    assert read_table(path, columns=["建议"]).texts(2) == ["审批太慢了没人处理"]
    assert csv.field_size_limit() == limit


def test_text_files_hold_one_comment_a_line(tmp_path: Path, tag: Tag, themes: ThemeSchema) -> None:
    path = tmp_path / "in.txt"
    path.write_bytes("审批太慢\r\n\r\n很好,谢谢\r\n\r\n".encode("gb18030"))
    table = read_table(path)
    assert table.texts(0) == ["审批太慢", "", "很好,谢谢"]
    out = tmp_path / "out.csv"
    write_table(table, tag(table), out, schema=themes)
    assert [row[:2] for row in parsed(out)] == [["意见", "主题"], ["审批太慢", "响应慢"], [], ["很好,谢谢", ""]]


CELLS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0\x1e\x1f\ufeff"), max_size=12)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=6), st.sampled_from(",\t;"))
def test_any_cells_survive_writing_and_reading(rows: list[list[str]], delimiter: str) -> None:
    lines = [["编号", "部门", "建议"], *rows, ["1", "2", "end"]]
    data = delimited_bytes(lines, delimiter)
    back = read_delimited(Path("x.csv"), data, "tsv" if delimiter == "\t" else "csv")
    assert [list(row) for row in back.rows] == lines
