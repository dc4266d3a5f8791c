"""Telling words."""

from fbclass.report.phrases import key_phrases, words_of

SLOW, SILO = "slow_response", "information_silo"


def test_words_without_stop_words_numbers_and_personal_data() -> None:
    words = words_of("我们的報銷流程走了30天，oa系统没有人回复，电话13812345678，邮箱a@b.cn，见http://x.cn/审批")
    assert {"报销", "流程", "OA", "系统", "回复"} <= words
    assert words_of("四个部门写了两份报告") == {"报告"}
    assert not words & {"我们", "没有", "30", "13812345678", "邮箱", "链接", "的"}


def test_words_lean_towards_their_theme_and_common_ones_to_none(make_row, schema) -> None:
    rows = [make_row(f"报销流程第{i}次审批", {SLOW: ""}) for i in range(8)]
    rows += [make_row(f"数据流程第{i}次通知", {SILO: ""}) for i in range(8)]
    rows += [make_row("流程", {}) for _ in range(8)]
    phrases = {theme_id: dict(words) for theme_id, words in key_phrases(rows, schema).items()}
    assert phrases[SLOW] == {"报销": 8, "审批": 8}
    assert phrases[SILO] == {"数据": 8, "通知": 8}
    assert phrases["culture_gap"] == {}


def test_a_word_of_two_comments_is_never_shown(make_row, schema) -> None:
    rows = [make_row("报销流程", {SLOW: ""}) for _ in range(2)] + [make_row("食堂不错", {}) for _ in range(30)]
    assert key_phrases(rows, schema)[SLOW] == []


def test_a_word_counts_once_per_comment(make_row, schema) -> None:
    rows = [make_row("报销、报销、报销、报销", {SLOW: ""})] * 3 + [make_row("食堂不错", {})] * 9
    assert key_phrases(rows, schema)[SLOW] == [("报销", 3)]
