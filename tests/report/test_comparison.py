"""Departments that differ by more than chance, and those that do not."""

from fbclass.report.comparison import differences
from fbclass.report.statistics import summarize

SLOW = "slow_response"


def _survey(make_row, slow_of):
    return [
        make_row(f"意见{i}", {SLOW: ""} if i < slow else {}, department=name)
        for name, (slow, total) in slow_of.items()
        for i in range(total)
    ]


def test_a_clear_difference_is_found_in_its_direction(make_row, schema) -> None:
    found = differences(summarize(_survey(make_row, {"甲": (36, 40), "乙": (10, 50), "丙": (4, 60)}), schema))
    assert [(d.department, d.theme_id, d.above) for d in found] == [("甲", SLOW, True), ("丙", SLOW, False)]


def test_a_single_comparison_at_95_percent_is_not_enough(make_row, schema) -> None:
    # 13 of 40 beside 20% overall lies just outside its own 95% interval; among eight comparisons that is chance.
    statistics = summarize(_survey(make_row, {"甲": (14, 40), "乙": (26, 160)}), schema)
    first = next(g for g in statistics.departments if g.name == "甲").themes[SLOW]
    assert first.low > statistics.theme(SLOW).share.value
    assert differences(statistics) == ()


def test_no_departments_no_differences(make_row, schema) -> None:
    assert differences(summarize([make_row("意见")], schema)) == ()
