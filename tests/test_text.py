import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fbclass.text import normalize

ANY_TEXT = st.text(st.one_of(st.characters(), st.sampled_from("，。！ 　\n\u200b👍🏻銷纔ＡＢ１@.:/哈哈")), max_size=80)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("報銷單據交上去一個月，還沒批", "报销单据交上去一个月,还没批"),
        ("ＯＡ审批　第１２天", "OA审批 第12天"),
        ("第一行\r\n\r\n第二行\t完", "第一行 第二行 完"),
        ("见 https://oa.example.com/a?b=1 或写 zhang.san@example.com.cn", "见 链接 或写 邮箱"),
        ("太慢了。。。。。。哈哈哈哈哈", "太慢了。。。哈哈哈"),
        ("工号 10000000 不合并", "工号 10000000 不合并"),
        ("辛苦了👍🏻", "辛苦了[拇指向上]"),
        ("零\u200b宽\ufeff字符\x00", "零宽字符"),
        ("㈱①ﬁ", "(株)1fi"),
        ("", ""),
        (" \n\u3000 ", ""),
    ],
)
def test_normalize(given, expected):
    assert normalize(given).text == expected


@given(ANY_TEXT)
@example("\ud800")
def test_every_character_knows_where_it_came_from(text):
    normalized = normalize(text)
    assert len(normalized.text) == len(normalized.starts) == len(normalized.ends)
    assert all(0 <= s < e <= len(text) for s, e in zip(normalized.starts, normalized.ends, strict=True))
    assert list(normalized.starts) == sorted(normalized.starts)


@given(ANY_TEXT)
def test_nothing_but_single_spaces_and_visible_characters_comes_out(text):
    out = normalize(text).text
    assert out == out.strip() and "  " not in out
    assert not [c for c in out if unicodedata.category(c)[0] == "C"]


@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), max_size=40))
def test_normalizing_twice_changes_nothing(text):
    once = normalize(text).text
    assert normalize(once).text == once


def test_spans_lead_back_to_the_text_as_given():
    text = "  采購部　一直 沒回（已催３次）👍🏻"
    normalized = normalize(text)
    start = normalized.text.index("没回")
    assert text[slice(*normalized.to_original(start, start + 2))] == "沒回"
    start = normalized.text.index("3")
    assert text[slice(*normalized.to_original(start, start + 1))] == "３"
    start = normalized.text.index("拇指")
    assert text[slice(*normalized.to_original(start, start + 2))] == "👍🏻"


def test_a_span_outside_the_text_is_refused():
    with pytest.raises(ValueError, match=r"\[1, 9\) is not inside the 2 characters"):
        normalize("采购").to_original(1, 9)
