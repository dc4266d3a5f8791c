"""What is counted, on surveys small enough to count on one's fingers."""

import pytest

from fbclass.report.statistics import summarize

SLOW, SILO, GOAL = "slow_response", "information_silo", "goal_conflict"


@pytest.fixture
def rows(make_row):
    return [
        make_row("报销等了一个月", {SLOW: ""}, "negative", question="问一"),
        make_row("等回复，也没人通知", {SLOW: "", SILO: ""}, "negative", question="问一", needs_review=True),
        make_row("希望审批再快一点", {SLOW: ""}, "neutral", question="问二"),
        make_row("食堂不错", {}, "positive", question="问二"),
        make_row("无", {}, "neutral", question="问二"),
        make_row("  \n", {}, "neutral", question="问一"),
        make_row("", {}, "neutral", needs_review=True),
    ]


def test_blank_rows_are_in_no_share(rows, schema) -> None:
    statistics = summarize(rows, schema)
    assert (statistics.rows, statistics.blank, statistics.comments, statistics.nothing) == (7, 2, 5, 1)
    assert (statistics.any_theme.count, statistics.any_theme.total) == (3, 5)
    assert statistics.several_themes.count == 1
    assert statistics.needs_review == 1
    assert statistics.models == ("tiny@0.0.1",)


def test_themes_and_their_sentiment(rows, schema) -> None:
    statistics = summarize(rows, schema)
    assert [(t.id, t.share.count) for t in statistics.ranked] == [
        (SLOW, 3),
        (SILO, 1),
        (GOAL, 0),
        ("culture_gap", 0),
    ]
    assert statistics.theme(SLOW).share.value == pytest.approx(0.6)
    slow = statistics.theme(SLOW).sentiment
    assert (slow.negative, slow.neutral, slow.positive) == (2, 1, 0)
    assert (statistics.sentiment.negative, statistics.sentiment.neutral, statistics.sentiment.positive) == (2, 2, 1)
    assert statistics.sentiment.total == statistics.comments


def test_questions(rows, schema) -> None:
    first, second = summarize(rows, schema).questions
    assert (first.name, first.comments, first.themes[SLOW].count) == ("问一", 2, 2)
    assert (second.name, second.comments, second.themes[SLOW].count) == ("问二", 3, 1)
    assert summarize(rows[:2], schema).questions == ()


def test_tags_that_came_with_the_table_are_counted_apart(make_row, schema) -> None:
    statistics = summarize([make_row("甲"), make_row("乙", model=""), make_row("", model="")], schema)
    assert (statistics.kept, statistics.models) == (1, ("tiny@0.0.1",))


def test_parties_count_once_per_comment_and_only_when_several_speak_of_them(make_row, schema) -> None:
    rows = [make_row("找财务部，财务部不理", {SLOW: ""}, about=("财务部", "财务部")) for _ in range(5)]
    rows += [make_row("老张不回", {SLOW: ""}, about=("老张",)) for _ in range(4)]
    assert summarize(rows, schema).theme(SLOW).about == (("财务部", 5),)


def test_no_rows_at_all(schema) -> None:
    statistics = summarize([], schema)
    assert (statistics.comments, statistics.any_theme.value, statistics.departments) == (0, 0.0, ())


# Small departments


def _groups(sizes, make_row, schema):
    rows = [make_row(f"意见{i}", department=name) for name, size in sizes.items() for i in range(size)]
    statistics = summarize(rows, schema)
    assert not statistics.departments or sum(g.comments for g in statistics.departments) == len(rows)
    return [(g.name or g.kind, g.comments) for g in statistics.departments], statistics.merged_departments


def test_small_departments_stand_together(make_row, schema) -> None:
    groups, merged = _groups({"甲": 9, "乙": 5, "丙": 4, "丁": 2}, make_row, schema)
    assert groups == [("甲", 9), ("乙", 5), ("other", 6)]
    assert merged == 2


def test_one_small_department_takes_the_next_larger_with_it(make_row, schema) -> None:
    # "Other: 2" would be 丁 under another name, and leaving it out would leave it in the difference to the total.
    groups, merged = _groups({"甲": 9, "乙": 7, "丙": 5, "丁": 2}, make_row, schema)
    assert groups == [("甲", 9), ("乙", 7), ("other", 7)]
    assert merged == 2


def test_comments_without_department_are_a_group_when_there_are_enough(make_row, schema) -> None:
    assert _groups({"甲": 9, None: 5}, make_row, schema)[0] == [("甲", 9), ("missing", 5)]
    assert _groups({"甲": 9, "乙": 6, "  ": 2}, make_row, schema)[0] == [("甲", 9), ("other", 8)]


@pytest.mark.parametrize("sizes", [{"甲": 4, "乙": 3, "丙": 2}, {"甲": 3, None: 50}, {"甲": 40, "乙": 4}, {"甲": 40}])
def test_nothing_is_shown_where_one_group_is_all_that_is_left(sizes, make_row, schema) -> None:
    assert _groups(sizes, make_row, schema)[0] == []


def test_people_count_and_not_their_answers(make_row, schema) -> None:
    # Three people with two answers each are six comments and still three people.
    few = [make_row(f"意见{i}", department="小组", respondent=str(i // 2)) for i in range(6)]
    many = [make_row(f"意见{i}", department="大部门", respondent=f"a{i}") for i in range(12)]
    also = [make_row(f"意见{i}", department="另一部门", respondent=f"b{i}") for i in range(20)]
    names = [group.name or group.kind for group in summarize(few + many + also, schema).departments]
    assert names == ["另一部门", "other"]
