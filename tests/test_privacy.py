"""Personal data is found whole and alone, and what only looks like it stays. All numbers are made up."""

from __future__ import annotations

import random
import time
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn  # another's arithmetic for the same check digits
from stdnum.iso7064 import mod_11_2

from fbclass.privacy import PLACEHOLDERS, find_personal, mask, valid_id_card, valid_luhn

ID = "11010519491231002X"
CARD = "6222021234567894"
FULL_WIDTH = str.maketrans("0123456789+-", "".join(chr(ord(c) + 0xFEE0) for c in "0123456789+-"))

# text, what is hidden of it, kind
FOUND = [
    ("打我电话13812345678吧", "13812345678", "phone"),
    ("13812345678", "13812345678", "phone"),
    ("手机 138 1234 5678", "138 1234 5678", "phone"),
    ("手机138-1234-5678。", "138-1234-5678", "phone"),
    ("手机1381-234-5678。", "1381-234-5678", "phone"),
    ("手机138 12345678找我", "138 12345678", "phone"),
    ("手机138.1234.5678", "138.1234.5678", "phone"),
    ("手机138—1234—5678", "138—1234—5678", "phone"),
    ("\u202d138 1234 5678\u202c", "138 1234 5678", "phone"),
    ("手机138\u200b1234\u200b5678", "138\u200b1234\u200b5678", "phone"),
    ("手机+86-13812345678", "+86-13812345678", "phone"),
    ("手机+8613812345678", "+8613812345678", "phone"),
    ("手机(+86)138 1234 5678", "(+86)138 1234 5678", "phone"),
    ("手机008613812345678", "008613812345678", "phone"),
    ("手机86 138 1234 5678", "86 138 1234 5678", "phone"),
    ("tel:19912345678", "19912345678", "phone"),
    ("Tel19912345678", "19912345678", "phone"),
    ("微信同号13812345678元旦前有效", "13812345678", "phone"),
    ("找王工16612345678,他知道", "16612345678", "phone"),
    ("全角" + "13812345678".translate(FULL_WIDTH), "13812345678".translate(FULL_WIDTH), "phone"),
    ("花体𝟏𝟑𝟖𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖", "𝟏𝟑𝟖𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖", "phone"),
    ("座机010-62345678", "010-62345678", "phone"),
    ("座机(0755)86123456转", "(0755)86123456", "phone"),
    ("座机0755-8612 3456转8021没人接", "0755-8612 3456转8021", "phone"),
    ("座机+86 755 86123456", "+86 755 86123456", "phone"),
    ("座机+86-10-62345678", "+86-10-62345678", "phone"),
    ("打0531 8612345也行", "0531 8612345", "phone"),
    ("热线400-820-1234", "400-820-1234", "phone"),
    ("热线4008201234", "4008201234", "phone"),
    ("办公室电话62345678", "62345678", "phone"),
    ("打分机8021找我", "8021", "phone"),
    ("写信给li.si+hr@corp.example.com.cn。", "li.si+hr@corp.example.com.cn", "email"),
    ("邮箱zhang_san@qq.com，谢谢", "zhang_san@qq.com", "email"),
    ("邮箱zhang＠qq．com", "zhang＠qq．com", "email"),
    (f"身份证{ID}", ID, "id_card"),
    ("身份证 110105 1949 1231 002X", "110105 1949 1231 002X", "id_card"),
    ("生于110105-1949-12-31-002X", "110105-1949-12-31-002X", "id_card"),
    (f"身份证{ID.lower()}", ID.lower(), "id_card"),
    ("身份证 110105 19491231 002X", "110105 19491231 002X", "id_card"),
    (f"我是{ID}abc", ID, "id_card"),
    ("号码" + ID[:17].translate(FULL_WIDTH) + "Ｘ", ID[:17].translate(FULL_WIDTH) + "Ｘ", "id_card"),
    ("身份证号:110105194912310021", "110105194912310021", "id_card"),  # a slip in the last digit: still somebody's
    ("老身份证110105491231002", "110105491231002", "id_card"),
    ("号码110105491231002在册", "110105491231002", "id_card"),
    ("卡号6222 0212 3456 7894", "6222 0212 3456 7894", "bank_card"),
    (f"打到{CARD}上", CARD, "bank_card"),
    ("打到6222-0212-3456-7894", "6222-0212-3456-7894", "bank_card"),
    (f"打到{CARD} 20次", CARD, "bank_card"),
    (f"打到{CARD} 200次", CARD, "bank_card"),
    ("打到6222 0212 3456 7890 128", "6222 0212 3456 7890 128", "bank_card"),
    ("打到6222021234567890128", "6222021234567890128", "bank_card"),
    ("打到3782 822463 10005", "3782 822463 10005", "bank_card"),
    ("打到4111111111111111", "4111111111111111", "bank_card"),
    ("打到378282246310005", "378282246310005", "bank_card"),
    ("银行卡6222021234567890", "6222021234567890", "bank_card"),  # announced: the check digit does not matter
    ("账号是 1100 1234 5678 9012 345", "1100 1234 5678 9012 345", "bank_card"),
    ("我的工号是A10234，请查", "A10234", "staff_number"),
    ("工号：00123", "00123", "staff_number"),
    ("工号(HR-00123)", "HR-00123", "staff_number"),
    ("员工编号 2025-0031", "2025-0031", "staff_number"),
    ("问A10234(工号)就知道", "A10234", "staff_number"),
    ("加微信：zhang_san88", "zhang_san88", "account"),
    ("加vx: lisi_2020", "lisi_2020", "account"),
    ("QQ号123456789", "123456789", "account"),
]

STAYS = [
    "单号110105194912310021没人处理",  # 18 digits, wrong check digit
    "订单号6222021234567891拖了很久",  # 16 digits, wrong check digit
    f"订单号{CARD}拖了很久",  # the check digit fits by chance, but it says what it is
    "订单号13812345678一直没发货",
    "流水号:13812345678",
    "工单13812345678还没关",
    "单号2138123456789012",
    "订单20251231123456789",
    "采购单PO13812345678",
    "合同HT-13812345678-01",
    "合同HT-0755-86123456",
    "发票号码02087654321",
    "2025年12月31日提交的申请",
    "2025-12-31 10:20:30提交",
    "时间戳1763800000、1763800000123",
    "从20250101到20251231",
    "2025-0312-45678901",
    "预算1380000元，等了3个月",
    "共13812345678元",
    "共13812345678.50",
    "花了3.13812345678",
    "13,812,345,678",
    "增长138%，从1500到2000",
    "服务器192.168.10.200和192.168.100.20",
    "版本1.3.8.12345678",
    "流水号2138123456789012",
    "编号12345678901",  # no mobile number starts with 12
    "卷号138123456789",  # 12 digits
    "打卡202512310900又补卡",
    "工号系统登不上",
    "工号2025年才换新",
    "工牌2025-06-01才发",
    "工牌300元一个太贵",
    "电话打了3000多次",
    "分机坏了3个月",
    "微信群里没人理",
    "QQ群太多",
    "还在用QQ2000C和VxWorks系统",
    "@所有人 请看a@b",
    "报销走了110105步",
    "编号991231199001011234",  # no such province
    "编号110105194913310027",  # no such month
    "序列号SN4111111111111111",
]


@pytest.mark.parametrize(("text", "hidden", "kind"), FOUND)
def test_found_whole_and_alone(text: str, hidden: str, kind: str) -> None:
    (span,) = find_personal(text)
    assert (span.kind, text[span.start : span.end]) == (kind, hidden)
    assert mask(text) == text.replace(hidden, PLACEHOLDERS[span.kind])
    assert mask(text, keep_length=True) == text.replace(hidden, "*" * len(hidden))


@pytest.mark.parametrize("text", STAYS)
def test_other_numbers_stay(text: str) -> None:
    assert find_personal(text) == []
    assert mask(text) == text


def test_several_in_order() -> None:
    text = f"邮箱a@b.cn，电话13900001111,13900002222，身份证{ID}"
    assert [span.kind for span in find_personal(text)] == ["email", "phone", "phone", "id_card"]
    assert mask(text) == "邮箱[邮箱]，电话[电话],[电话]，身份证[身份证号]"


def test_an_order_number_beside_a_phone_number() -> None:
    assert mask("订单号13812345678，电话13912345678") == "订单号13812345678，电话[电话]"


@pytest.mark.parametrize("text", ["", " ", "\x00", "\ud800", "没有别的意思"])
def test_text_without_digits_is_untouched(text: str) -> None:
    assert mask(text) == text


PIECES = st.sampled_from([text for text, _, _ in FOUND] + STAYS + list(PLACEHOLDERS.values()))
ANYTHING = st.text(st.characters(codec=None) | st.sampled_from("0123456789-+@.X 号工"), max_size=40)


@given(st.lists(PIECES | ANYTHING, max_size=5).map("".join))
def test_any_text_is_masked_once_and_for_all(text: str) -> None:
    masked = mask(text)
    assert mask(masked) == masked
    kept = mask(text, keep_length=True)
    assert len(kept) == len(text)
    assert all(a in (b, "*") for a, b in zip(kept, text, strict=True))
    spans = find_personal(text)
    assert all(a.end <= b.start for a, b in pairwise(spans))


BORN = st.dates(date(1930, 1, 1), date(2099, 12, 31))


@given(st.sampled_from(["110105", "440524", "650102"]), BORN, st.integers(0, 999))
def test_the_check_digit_of_identity_numbers_is_that_of_another_library(place: str, born: date, order: int) -> None:
    number = f"{place}{born:%Y%m%d}{order:03}"
    right = mod_11_2.calc_check_digit(number)
    assert [c for c in "0123456789X" if valid_id_card(number + c)] == [right]
    assert mask(f"我{number}{right}") == "我[身份证号]"


@given(st.integers(10**14, 10**18))
def test_the_check_digit_of_cards_is_that_of_another_library(digits: int) -> None:
    assert valid_luhn(str(digits)) is luhn.is_valid(str(digits))


def test_a_wrong_length_is_no_identity_number() -> None:
    assert valid_id_card(ID) and valid_id_card("110105491231002")
    assert not any(valid_id_card(n) for n in (ID[:-1], ID + "1", "", "X" * 18, "110105491331002"))


def test_random_order_numbers_are_rarely_taken_for_something() -> None:
    """One card number in ten fits by chance; with issuer prefix, birthday and province little is left."""
    rng = random.Random(7)
    for places in (8, 10, 12, 13, 14, 17, 18, 19, 20):
        numbers = [str(rng.randrange(10 ** (places - 1), 10**places)) for _ in range(400)]
        assert sum(bool(find_personal(f"批号{number}还没到")) for number in numbers) <= 400 * 0.04


LONG = ["1" * 20_000, "a" * 20_000 + "@", "13812345678 " * 1_700, "工号" * 10_000, "- " * 10_000, "8-" * 10_000]


@pytest.mark.parametrize("text", LONG, ids=lambda text: text[:4])
def test_long_text_takes_no_longer_than_its_length(text: str) -> None:
    started = time.process_time()
    mask(text)
    assert time.process_time() - started < 0.5


def test_what_shows_only_beside_what_is_masked() -> None:
    assert mask(f"身份证{ID}Tel19912345678") == "身份证[身份证号]Tel[电话]"
