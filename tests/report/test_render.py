"""The HTML file: complete, self-contained, safe, and quick to make."""

import re
import time
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest

from fbclass.errors import OutputError
from fbclass.report import write_report
from fbclass.report.render import _axis, render_report
from fbclass.report.statistics import summarize

SLOW, SILO, GOAL, CULTURE = "slow_response", "information_silo", "goal_conflict", "culture_gap"
VOID = {"meta", "br", "rect", "line"}


class _Page(HTMLParser):
    """Collects tags, attributes and visible text, and checks that every tag is closed in its place."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes <{self.open[-1:]}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


@pytest.fixture
def survey(make_row):
    """300 comments of six departments and two questions."""
    kinds = [
        ("报销单交上去三周了还没有批", {SLOW: "三周了还没有批"}, "negative"),
        ("改了价格没有通知我们销售", {SILO: "没有通知我们销售"}, "negative"),
        ("两个部门的考核指标互相打架", {GOAL: "考核指标互相打架"}, "neutral"),
        ("新老员工做事习惯不一样，常有误会", {CULTURE: "常有误会"}, "neutral"),
        ("行政的同事很热心，问题当天解决", {}, "positive"),
        ("", {}, "neutral"),
    ]
    return [
        make_row(
            text and f"第{i}号意见：{text}",
            themes,
            mood,
            department=["财务部", "销售部", "生产部", "研发中心", "行政部", None][i // 6 % 6],
            question=["最需要改进的是什么", "其他想说的"][i % 2],
        )
        for i in range(300)
        for text, themes, mood in [kinds[i % 6]]
    ]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_well_formed_and_self_contained(survey, schema, language) -> None:
    html = render_report(survey, schema=schema, language=language, source_name="survey.xlsx")
    page = _Page(html)
    assert not re.search(r"https?:|//|url\(|@import", re.sub(r"<!--.*?-->", "", html)), "asks for something elsewhere"
    for tag, attributes in page.tags:
        assert tag not in {"script", "link", "iframe", "img", "object"}
        assert not {"src", "href", "srcset", "style"} & set(attributes)
        assert not any(name.startswith("on") for name in attributes)
    assert ("html", {"lang": "zh-CN" if language == "zh" else "en"}) in page.tags
    assert {"viewport", "referrer"} <= {attributes.get("name") for _, attributes in page.tags}
    assert all(a.get("aria-label") or a.get("aria-hidden") for tag, a in page.tags if tag == "svg")


def test_figures_on_the_page_agree_with_the_survey(survey, schema) -> None:
    text = _Page(render_report(survey, schema=schema, today=date(2025, 3, 1))).text
    # 250 comments that are not blank, 50 of each kind.
    assert "基数：250 条非空意见" in text and "另有 50 条空白" in text and "2025-03-01" in text
    assert "200 条，95% 区间 75%–84%" in text  # any theme: 80%
    assert "50 条意见，占 20%（95% 区间 16%–25%）" in text
    assert "正面 20%，中性 40%" in text
    assert "tiny@0.0.1" in text


def test_everything_a_reader_needs_is_there(survey, schema) -> None:
    html = render_report(survey, schema=schema, source_name="调研.xlsx")
    for heading in (
        "主要发现",
        "协作问题的分布",
        "情感",
        "部门对比",
        "按题目",
        "逐个主题",
        "口径与方法",
        "员工肯定的地方",
    ):
        assert f"<h2>{heading}</h2>" in html
    for theme in schema.themes:
        assert theme.name_zh in html and theme.definition_zh in html
        assert all(action in html for action in theme.actions_zh)
    assert "<mark>三周了还没有批</mark>" in html
    assert "未填写" in html and "财务部" in html and "调研.xlsx" in html


def test_english_report_has_no_chinese_of_its_own(make_row, schema) -> None:
    rows = [make_row(f"comment {i}", {SLOW: ""} if i % 3 else {}, department=f"D{i % 4}") for i in range(60)]
    html = render_report(rows, schema=schema, language="en", source_name="survey.csv")
    assert re.findall("[\u4e00-\u9fff]+", re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)) == []
    assert "Slow response is the problem raised most often" in html
    assert all(action in _Page(html).text for action in schema[SLOW].actions_en)


def test_comments_cannot_become_markup(make_row, schema) -> None:
    evil = '<script>alert("1")</script><img src=x onerror=alert(2)>等了三周"\'&'
    rows = [
        make_row(evil, {SLOW: "等了三周"}, "positive", department=f"<i>{evil}", question=evil + str(i % 2))
        for i in range(6)
    ] + [make_row(f"意见{i}", {}, department="行政部") for i in range(6)]
    html = render_report(rows, schema=schema, source_name=evil)
    assert {tag for tag, _ in _Page(html).tags}.isdisjoint({"script", "img", "i"})
    assert "<script" not in html and "<img" not in html and "<i>" not in html
    assert "&lt;script&gt;" in html and "<mark>等了三周</mark>" in html
    assert evil in _Page(html).text


def test_a_quote_tells_neither_department_nor_number(make_row, schema) -> None:
    rows = [make_row("请打13812345678催一下报销进度", {SLOW: ""}, department=f"秘密部{i}") for i in range(4)]
    html = render_report(rows, schema=schema)
    assert "[电话]" in html
    assert "13812345678" not in html and "秘密部" not in html


def test_small_departments_are_named_nowhere(make_row, schema) -> None:
    rows = [make_row(f"意见{i}", {SLOW: ""}, department="财务部") for i in range(20)]
    rows += [make_row(f"意见{i}", {}, department="销售部") for i in range(20)]
    rows += [make_row(f"意见{i}", {}, "negative", department=f"秘密部{i % 2}") for i in range(6)]
    html = render_report(rows, schema=schema)
    assert "秘密部" not in html
    assert "其他" in html and "（本次合并 2 个）" in html


@pytest.mark.parametrize("texts", [[], [""], ["无"], ["报销等了一个月"]])
def test_next_to_nothing_still_makes_a_report(texts, make_row, schema) -> None:
    for language in ("zh", "en"):
        _Page(render_report([make_row(text) for text in texts], schema=schema, language=language))


def test_300_rows_take_less_than_a_second(survey, schema) -> None:
    render_report(survey[:6], schema=schema)  # loads the dictionary of the word segmenter
    start = time.process_time()
    render_report(survey, schema=schema)
    assert time.process_time() - start < 1.0


def test_the_same_rows_give_the_same_file(survey, schema) -> None:
    first = render_report(survey, schema=schema, today=date(2025, 3, 1))
    assert first == render_report(survey[:], schema=schema, today=date(2025, 3, 1))


def test_an_unknown_language_is_refused(schema) -> None:
    with pytest.raises(ValueError, match="'fr'"):
        render_report([], schema=schema, language="fr")


def test_written_whole_and_in_place_of_the_old_one(survey, schema, tmp_path: Path) -> None:
    path = tmp_path / "报告.html"
    path.write_text("old")
    write_report(survey, path, schema=schema)
    assert path.read_text(encoding="utf-8").endswith("</html>")
    assert list(tmp_path.iterdir()) == [path]


def test_an_unwritable_place_leaves_nothing_behind(survey, schema, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "folder", tmp_path / "missing" / "r.html"):
        with pytest.raises(OutputError):
            write_report(survey[:6], path, schema=schema)
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize(
    ("tagged", "of", "end", "ticks"),
    [(0, 300, 0.1, ["0%", "5%", "10%"]), (30, 300, 0.15, ["0%", "5%", "10%", "15%"]), (1, 1, 1.0, None)],
)
def test_the_scale_of_the_chart_ends_beyond_the_longest_interval(tagged, of, end, ticks, make_row, schema) -> None:
    statistics = summarize([make_row(f"意见{i}", {SLOW: ""} if i < tagged else {}) for i in range(of)], schema)
    axis = _axis(statistics)
    assert axis["end"] == pytest.approx(end)
    assert axis["end"] >= max(theme.share.high for theme in statistics.themes)
    assert ticks is None or [tick["label"] for tick in axis["ticks"]] == ticks
