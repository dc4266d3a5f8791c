"""Which comments are quoted, and what of them."""

from fbclass.report.quotes import make_quote, positive_quotes, theme_quotes
from fbclass.results import Span

SLOW = "slow_response"


def _shown(quote) -> str:
    return "".join(f"[{s.masked}]" if s.masked else f"<{s.text}>" if s.marked else s.text for s in quote.segments)


def test_evidence_is_marked_where_it_stands() -> None:
    text = "报销单交上去一个月了还没批，问了也没人回"
    assert _shown(make_quote(text, [Span(0, 13, text[:13])])) == "<报销单交上去一个月了还没批>，问了也没人回"


def test_overlapping_evidence_is_marked_once() -> None:
    assert _shown(make_quote("一二三四五", [Span(0, 3, "一二三"), Span(2, 4, "三四")])) == "<一二三四>五"


def test_personal_data_is_masked_inside_and_outside_evidence() -> None:
    text = "打13812345678没人接，邮箱a@b.cn"
    quote = make_quote(text, [Span(0, 15, text[:15])])
    assert _shown(quote) == "<打>[phone]<没人接>，邮箱[email]"
    assert [s.marked for s in quote.segments if s.masked] == [True, False]


def test_a_long_comment_is_cut_to_the_sentences_around_the_evidence() -> None:
    evidence = "设备报修三周没有人来看"
    text = "前面说了很多别的事情。" * 12 + f"我要说的是{evidence}。" + "后面还有很多别的话。" * 30
    start = text.index(evidence)
    quote = make_quote(text, [Span(start, start + len(evidence), evidence)])
    assert _shown(quote).startswith(f"我要说的是<{evidence}>。")
    assert quote.cut_before and quote.cut_after
    assert len(quote.plain) <= 125


def test_a_cut_never_leaves_half_a_number_standing() -> None:
    text = "一" * 115 + "13812345678" + "二" * 60
    assert "138" not in make_quote(text, []).plain
    evidence = [Span(118, 176, text[118:176])]  # begins inside the number
    assert "45678" not in make_quote(text, evidence).plain


def test_clear_cases_first_and_nothing_twice(make_row, schema) -> None:
    rows = [
        make_row("报销单交上去一个月了都没有批下来", {SLOW: ""}, score=0.95),
        make_row("报销单交上去一个月了都没有批下来。", {SLOW: ""}, score=0.94),
        make_row("空调坏了两周，报修电话一直没有人接", {SLOW: ""}, score=0.90),
        make_row("开通权限要催三次以上才有人处理这件事", {SLOW: ""}, score=0.70),
        make_row("慢", {SLOW: ""}, score=0.99),
        make_row("与主题无关的一条普普通通的意见", {}),
    ]
    texts = [quote.plain for quote in theme_quotes(rows, schema, SLOW, limit=3)]
    assert texts == [rows[0].text, rows[2].text, rows[3].text]
    assert len(theme_quotes(rows, schema, SLOW, limit=9)) == 4


def test_departments_take_turns(make_row, schema) -> None:
    rows = [
        make_row("报销单交上去一个月了都没有批下来", {SLOW: ""}, score=0.95, department="甲"),
        make_row("空调坏了两周，报修电话一直没有人接", {SLOW: ""}, score=0.94, department="甲"),
        make_row("开通权限要催三次以上才有人处理这件事", {SLOW: ""}, score=0.80, department="乙"),
    ]
    texts = [quote.plain for quote in theme_quotes(rows, schema, SLOW, limit=2)]
    assert texts == [rows[0].text, rows[2].text]


def test_doubtful_comments_come_last(make_row, schema) -> None:
    rows = [
        make_row("报销单交上去一个月了都没有批下来", {SLOW: ""}, score=0.95, needs_review=True),
        make_row("空调坏了两周，报修电话一直没有人接", {SLOW: ""}, score=0.75),
    ]
    assert theme_quotes(rows, schema, SLOW, limit=1)[0].plain == rows[1].text


def test_praise_is_quoted_and_empty_words_are_not(make_row) -> None:
    rows = [
        make_row("没有意见", {}, "positive"),
        make_row("财务的同事当天就把报销处理完了，很感谢", {}, "positive"),
        make_row("报销等了一个月还没有批", {SLOW: ""}, "negative"),
    ]
    assert [quote.plain for quote in positive_quotes(rows)] == [rows[1].text]
