"""Finding headers, open questions and departments."""

from __future__ import annotations

import pytest

from fbclass.errors import InputError
from fbclass.tables.columns import profile
from fbclass.tables.header import find_header, looks_like_comment
from fbclass.tables.results import result_indices
from fbclass.tables.select import choose_department, find_column

SENTENCES = [
    "报销单交上去一个月了还没批",
    "财务和采购的口径不一样,每次都要重做",
    "跨部门开会没人拍板",
    "无",
    "希望流程能简化",
]


@pytest.mark.parametrize(
    ("header", "texts", "kind"),
    [
        ("3、您遇到的最大问题是什么?", SENTENCES, "text"),
        ("随便什么", SENTENCES, "text"),
        ("建议", ["太慢", "报销太慢", "无", "没有", "希望审批快点"], "text"),
        ("Feedback", ["Nobody answers our tickets", "We never hear about changes", "none"], "text"),
        ("意见", ["无", "没有意见", "暂无。", "N/A"], "short"),
        ("姓名", ["欧阳娜娜", "王五", "李四"], "metadata"),
        ("谁", ["张三", "李四", "王五"], "short"),
        ("5、您的部门", ["供应链管理中心华东区域事业部", "人力资源共享服务中心招聘组"] * 20, "options"),
        ("最关注的问题", ["部门之间信息不透明┋流程审批太慢了", "流程审批太慢了"], "options"),
        ("最关注的问题", ["信息不透明,流程太慢", "流程太慢,目标冲突", "信息不透明", "目标冲突"] * 5, "options"),
        ("满意度", ["非常满意", "一般", "不满意"] * 10, "options"),
        ("评分", ["5", "4.5", "", "3"], "number"),
        ("时间", ["2025/3/1 9:30:12", "2025-03-02", "2025年3月", "2025-03-02 10:00:00"], "date"),
        ("所用", ["235秒", "3分20秒", "1小时"], "date"),
        ("来自", ["10.0.0.1(江苏-苏州)", "10.0.0.2(江苏-苏州)"], "contact"),
        ("联系", ["13800000000", "a.b@example.com"], "contact"),
        ("空的", ["", "  "], "empty"),
    ],
)
def test_what_a_column_is_taken_for(header: str, texts: list[str], kind: str) -> None:
    assert profile(header, texts).kind == kind


def test_many_blanks_and_duplicates_do_not_hide_an_open_question() -> None:
    texts = ["无"] * 150 + [""] * 50 + [f"第{n}车间的物料总是晚到,计划没有人通知我们" for n in range(40)] * 2
    assert profile("6、其他", texts).kind == "text"


def test_the_header_is_found_below_titles_and_notes() -> None:
    title = ["2025年员工协作满意度调查结果", None, None, None]
    note = ["导出时间", "2025-03-01", None, None]
    header = ["序号", "部门", "满意度", "建议"]
    data = [1, "财务部", 5, "审批太慢"]
    assert find_header([title, header, data, data]) == 1
    assert find_header([title, note, [None] * 4, header, data, data]) == 3
    assert find_header([header, data]) == 0
    assert find_header([["建议"], ["审批太慢"], ["无"]]) == 0


def test_a_first_comment_in_place_of_a_header_is_noticed() -> None:
    assert looks_like_comment("报销单交上去一个月了还没批,问了也没人回。")
    assert not looks_like_comment("5、您对跨部门协作有什么意见或建议?")
    assert not looks_like_comment("意见")


def test_columns_are_found_by_header_part_or_letter() -> None:
    header = ["序号", "B", "1、您的部门", "2、您的建议(选填)", "3、其他部门"]
    assert find_column(header, "序号", "f") == 0
    assert find_column(header, "B", "f") == 1  # a header comes before a letter
    assert find_column(header, "d", "f") == 3
    assert find_column(header, "建议", "f") == 3
    assert find_column(header, "2、您的建议(选填)", "f") == 3  # full width and half width are the same
    with pytest.raises(InputError, match="fits 2 columns") as caught:
        find_column(header, "部门", "f.xlsx")
    assert "C 1、您的部门" in caught.value.chinese
    with pytest.raises(InputError, match="no column") as caught:
        find_column(header, "评论", "f.xlsx")
    assert "D 2、您的建议" in caught.value.chinese


def test_two_columns_of_one_name_are_told_apart_by_letter() -> None:
    with pytest.raises(InputError, match="A 意见, C 意见"):
        find_column(["意见", "部门", "意见"], "意见", "f.xlsx")


def test_the_department_is_where_the_writer_works() -> None:
    names = ["财务部", "采购部", "财务部"]
    header = ["2、您与其他部门的协作满意度", "1、您所在的部门", "部门平均分", "您的建议"]
    columns = [["满意", "一般", "满意"], names, ["3", "4", "5"], SENTENCES[:3]]
    assert choose_department(header, columns, taken=[3]) == 1
    assert choose_department(["Department", "comment"], [names, SENTENCES[:3]], taken=[1]) == 0
    assert choose_department(header[:1], columns[:1], taken=[]) is None
    assert choose_department(["部门"], [[f"部门{n}" for n in range(100)]], taken=[]) is None  # as many as rows


def test_earlier_results_are_recognised_as_a_group() -> None:
    assert result_indices(["意见", "主题", "情感", "依据", "响应慢得分"]) == {1, 2, 3, 4}
    assert result_indices(["c", "Themes|why(2)", "Sentiment|why(2)", "Slow response score|why(2)"]) == {1, 2, 3}
    assert result_indices(["主题", "内容"]) == set()  # a subject line of the user's own
