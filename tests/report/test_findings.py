"""The sentences at the top say what the numbers say."""

import pytest

from fbclass.report import wording
from fbclass.report.findings import find
from fbclass.report.intervals import Share
from fbclass.report.statistics import summarize
from fbclass.report.wording import interval, percent, text

SLOW, SILO = "slow_response", "information_silo"


def _findings(rows, schema, language="zh") -> list[str]:
    return [f"{f.title} {f.detail}" for f in find(summarize(rows, schema), schema, language)]


def _rows(make_row, slow, silo, rest, sentiment="negative"):
    return (
        [make_row(f"慢{i}", {SLOW: ""}, sentiment) for i in range(slow)]
        + [make_row(f"信息{i}", {SILO: ""}, sentiment) for i in range(silo)]
        + [make_row(f"其他{i}", {}, "positive") for i in range(rest)]
    )


def test_a_clear_leader(make_row, schema) -> None:
    first, any_theme, mood, *_ = _findings(_rows(make_row, 60, 10, 30), schema)
    assert "提到最多的协作问题是“响应慢”" in first and "60 条意见提到，占 60%（95% 区间 50%–69%）" in first
    assert "明显多于排第二的“信息孤岛”（10%）" in first
    assert any_theme.startswith("70%的意见谈到至少一类协作问题 100 条中有 70 条")
    assert mood.startswith("负面多于正面：70% 对 30%")


def test_a_narrow_lead_is_called_one(make_row, schema) -> None:
    assert "误差范围内" in _findings(_rows(make_row, 22, 20, 58), schema)[0]


def test_even_moods_are_called_even(make_row, schema) -> None:
    assert any("正面与负面相当：50% 对 50%" in s for s in _findings(_rows(make_row, 20, 0, 20), schema))
    assert any("正面多于负面：75% 对 25%" in s for s in _findings(_rows(make_row, 20, 0, 60), schema))


def test_the_worst_mood_is_looked_for_among_the_themes_that_are_large_enough(make_row, schema) -> None:
    """A theme of nine comments, all negative, is left out, and the sentence says so."""
    both = _rows(make_row, 20, 20, 10)
    assert any("各主题中，谈到“信息孤岛”的意见负面比例最高（100%，共 20 条）" in s for s in _findings(both, schema))
    small = [make_row(f"文化{i}", {"culture_gap": ""}, "negative") for i in range(9)]
    mixed = [make_row(f"混{i}", {SLOW: ""}, "neutral") for i in range(20)]
    found = _findings(_rows(make_row, 20, 12, 10) + mixed + small, schema)
    assert any("在不少于 10 条的主题中，谈到“信息孤岛”的意见负面比例最高（100%，共 12 条）" in s for s in found)


def test_the_department_that_stands_out_is_named(make_row, schema) -> None:
    rows = [make_row(f"慢{i}", {SLOW: ""}, department="财务部") for i in range(30)]
    rows += [make_row(f"好{i}", {}, department="销售部") for i in range(60)]
    found = _findings(rows, schema)
    assert any("财务部的员工提到“响应慢”明显更多 该部门 30 条意见中 30 条提到（100%），整体为 33%" in s for s in found)
    even = [make_row(f"慢{i}", {SLOW: ""} if i % 2 else {}, department="甲乙"[i // 40]) for i in range(80)]
    assert any("各部门之间没有看出明显差别" in s for s in _findings(even, schema))


def test_few_comments_and_doubt_are_said(make_row, schema) -> None:
    found = _findings([make_row("慢", {SLOW: ""}, needs_review=True), make_row("好", {})], schema)
    assert any("只有 2 条意见，一条就占 50%" in s for s in found)
    assert any("1 条意见建议人工复核 占 50%" in s for s in found)


def test_no_theme_and_no_comment(make_row, schema) -> None:
    assert "没有意见被归到任何协作问题" in _findings([make_row("好")] * 40, schema)[0]
    assert "没有可以分析的意见" in _findings([make_row("")], schema)[0]


def test_english(make_row, schema) -> None:
    found = _findings(_rows(make_row, 60, 1, 39), schema, "en")
    assert found[0].startswith("Slow response is the problem raised most often It is in 60 comments, 60% of all")
    assert not any("\u4e00" <= c <= "\u9fff" for s in found for c in s)


@pytest.mark.parametrize(
    ("count", "total", "shown"), [(0, 9, "0%"), (1, 900, "<1%"), (899, 900, ">99%"), (9, 9, "100%"), (1, 8, "13%")]
)
def test_percent(count: int, total: int, shown: str) -> None:
    assert percent(Share(count, total)) == shown


def test_interval_in_words() -> None:
    assert interval(Share(81, 263)) == "26%–37%"


def test_every_sentence_has_the_same_blanks_in_both_languages() -> None:
    import re

    for key, (chinese, english) in wording._TEXTS.items():
        blanks = [set(re.findall(r"\{(\w+)", sentence)) for sentence in (chinese, english)]
        assert blanks[0] == blanks[1], key


def test_numbers_bring_their_noun() -> None:
    assert text("en", "base", n=1) == "Base: 1 comment, blank ones left out"
    assert text("en", "base", n=1200) == "Base: 1,200 comments, blank ones left out"
