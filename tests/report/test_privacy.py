"""Personal data that a quote must not carry. All numbers are made up."""

import pytest

from fbclass.report.privacy import find_personal, valid_id_card


@pytest.mark.parametrize(
    ("text", "hidden", "kind"),
    [
        ("打我电话13812345678吧", "13812345678", "phone"),
        ("手机 138 1234 5678", "138 1234 5678", "phone"),
        ("手机+86-13812345678", "+86-13812345678", "phone"),
        ("手机138-1234-5678。", "138-1234-5678", "phone"),
        ("全角\uff11\uff13\uff18\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18", None, "phone"),
        ("座机010-62345678", "010-62345678", "phone"),
        ("座机(0755)86123456转", "(0755)86123456", "phone"),
        ("写信给li.si+hr@corp.example.com.cn。", "li.si+hr@corp.example.com.cn", "email"),
        ("身份证11010519491231002X", "11010519491231002X", "id_card"),
        ("身份证11010519491231002x", "11010519491231002x", "id_card"),
        ("卡号6222 0212 3456 7894", "6222 0212 3456 7894", "bank_card"),
        ("我的工号是A10234，请查", "A10234", "staff_number"),
        ("加微信：zhang_san88", "zhang_san88", "account"),
    ],
)
def test_found_whole_and_alone(text: str, hidden: str | None, kind: str) -> None:
    (span,) = find_personal(text)
    assert span.kind == kind
    assert text[span.start : span.end] == (hidden or text[2:])


@pytest.mark.parametrize(
    "text",
    [
        "单号110105194912310021没人处理",  # 18 digits, wrong check digit
        "订单号6222021234567891拖了很久",  # 16 digits, wrong check digit
        "2025年12月31日提交的申请",
        "预算1380000元，等了3个月",
        "流水号2138123456789012",
        "工号系统登不上",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert find_personal(text) == []


def test_several_in_order() -> None:
    text = "邮箱a@b.cn，电话13900001111，身份证11010519491231002X"
    assert [span.kind for span in find_personal(text)] == ["email", "phone", "id_card"]


@pytest.mark.parametrize(("number", "valid"), [("11010519491231002X", True), ("440524188001010014", True)])
def test_check_digit(number: str, valid: bool) -> None:
    assert valid_id_card(number) is valid
    assert not valid_id_card(number[:-1] + ("1" if number[-1] != "1" else "2"))
    assert not valid_id_card(number[:-1])
