"""Find and mask personal data in comments, before anything is stored or quoted.

Found: mobile and landline numbers of mainland China (with or without +86), e-mail addresses, resident
identity numbers (18 places with the check digit of GB 11643, which is ISO 7064 MOD 11-2; 15 places with
a valid province and birthday), bank cards (issuer prefix and Luhn check digit), staff numbers and chat
accounts that are announced as such. Order numbers, dates and amounts stay. Names of people are not found.

No library does this for Chinese text. python-stdnum (LGPL, 3 MB) knows both check digits, but its check
of identity numbers also wants a known county, and a county missing from its table would let a number
through; what is left of it here are two short sums, which the tests compare with it. phonenumbers needs
22 MB for one country, and presidio a language model.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Literal

PersonalKind = Literal["phone", "email", "id_card", "bank_card", "staff_number", "account"]

PLACEHOLDERS: dict[PersonalKind, str] = {
    "phone": "[电话]",
    "email": "[邮箱]",
    "id_card": "[身份证号]",
    "bank_card": "[银行卡号]",
    "staff_number": "[工号]",
    "account": "[账号]",
}

# Full-width letters, digits and signs to half-width, one for one, so that offsets stay what they are.
_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_OTHER_DIGIT = re.compile(r"(?![0-9])\d")

# What stands between groups of digits: a space, a dash or a dot, and what chat tools add invisibly.
_GAP = "[ \u00a0\u200b\u2060\ufeff]?[-.\u2010-\u2015]?[ \u00a0\u200b\u2060\ufeff]?"
_SAYS = r"\s*(?:号码?|编号)?\s*(?:就?是|为|[:#])?\s*[(\"'“【\[]?\s*"  # 工号是, 工号: and so on
_NO_DIGIT_BEFORE = r"(?<![0-9])(?<![0-9]\.)"
_NO_DIGIT_AFTER = r"(?![0-9])(?!\.[0-9])"

# Without the look-behind every position of a long word would be tried as a start: quadratic time.
_EMAIL = re.compile(r"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+")
_ID_18 = re.compile(
    rf"(?<![0-9])[1-8]\d{{5}}{_GAP}(?:19|20)\d{{2}}(?:{_GAP}\d{{2}}){{2}}{_GAP}\d{{3}}{_GAP}[\dXx](?![0-9])"
)
_ID_15 = re.compile(r"(?<![0-9A-Za-z.\-])[1-8]\d{14}(?![0-9A-Za-z])(?![.\-]\d)")
_ID_SAID = re.compile(rf"身份证{_SAYS}([1-8]\d{{16}}[\dXx]|[1-8]\d{{14}})(?![0-9])")
_ISSUER = r"(?:62|60|65|68|69|81|4\d|5\d|3[457]|95(?=58))"
_CARD = re.compile(
    rf"{_NO_DIGIT_BEFORE}{_ISSUER}(?:\d{{15,17}}|\d{{2}}(?:{_GAP}\d{{4}}){{2}}{_GAP}\d{{3,4}}|\d{{2}}{_GAP}\d{{6}}{_GAP}\d{{5}})"
    rf"{_NO_DIGIT_AFTER}"
)
# Apart from the others: when it does not hold, the number after a shorter card was another one.
_CARD_19 = re.compile(rf"{_NO_DIGIT_BEFORE}{_ISSUER}\d{{2}}(?:{_GAP}\d{{4}}){{3}}{_GAP}\d{{3}}{_NO_DIGIT_AFTER}")
_CARD_SAID = re.compile(
    rf"(?:卡号码?|[账帐]号|账户|(?:银行|储蓄|借记|信用|工资)卡)\s*(?:是|为|[:#])?\s*(\d{{4}}(?:{_GAP}\d){{8,15}})(?![0-9])"
)
_COUNTRY = rf"(?:\(?(?:\+|00)86\)?{_GAP}|(?<![0-9A-Za-z])86{_GAP})?"
_MOBILE = re.compile(
    rf"{_NO_DIGIT_BEFORE}{_COUNTRY}1[3-9]\d(?:{_GAP}\d{{4}}{_GAP}\d{{4}}|\d{_GAP}\d{{3}}{_GAP}\d{{4}})"
    rf"{_NO_DIGIT_AFTER}"
)
_AREA = r"(?:10|2\d|[3-9]\d{2})"  # area codes: 010, 02x, then three digits
_LANDLINE = re.compile(
    rf"(?<![0-9A-Za-z])(?<![0-9A-Za-z][-./])(?:\(?(?:\+|00)86\)?{_GAP}0?{_AREA}|\(0{_AREA}\)|0{_AREA})"
    rf"{_GAP}[2-9]\d{{2,3}}[ -]?\d{{4}}(?:\s?(?:转|-|ext\.?)\s?\d{{1,6}})?{_NO_DIGIT_AFTER}"
    rf"|(?<![0-9A-Za-z.\-])[48]00(?:\d{{7}}|(?:[ -]\d{{3}}[ -]?\d{{4}})|(?:[ -]\d{{4}}[ -]?\d{{3}})){_NO_DIGIT_AFTER}"
)
_PHONE_SAID = re.compile(
    r"(?:电话|座机|热线)(?:号码?)?\s*(?:是|为|:)?\s*([2-9]\d{2,3}[ -]?\d{4}(?:\s?(?:转|-)\s?\d{1,6})?)(?![0-9])"
    r"|分机(?:号码?)?\s*(?:是|为|:)?\s*(\d{3,6})(?![0-9])(?!\s*[年月日个部台条次元%])"
)
_STAFF = re.compile(
    rf"(?:工号|员工号|工牌|胸牌|职工号|(?:员工|人员|职工)编号){_SAYS}"
    r"(?!\d{4}[-/.]\d{1,2}[-/.]\d)([A-Za-z]{0,4}-?\d{3,12}(?:-\d{2,6})?)(?![0-9])(?!\s*[年月日个位名人天次条元%])"
    r"|(?<![0-9A-Za-z])([A-Za-z]{0,4}-?\d{3,12})\s?\((?:员工|职工)?工?号\)"
)
_ACCOUNT = re.compile(
    r"(?:微信号?|企微号?|钉钉号|(?<![A-Za-z])(?:VX|Vx|vx|WX|wx)(?![A-Za-z]))\s*(?:就?是|为|:)?\s*([A-Za-z0-9][A-Za-z0-9_\-]{4,19})"
    r"|(?<![A-Za-z])(?:QQ|qq)\s*(?:号码?)?\s*(?:就?是|为|:)?\s*([1-9]\d{4,10})(?![0-9A-Za-z])"
)

# What stands right before a number that is no phone and no card: 订单号: 138…, PO138…, HT-138….
_OTHER_BEFORE = re.compile(
    r"(?:(?:订单|工单|运单|流水|合同|发票|凭证|批次|物料|料|申请单|单)(?:号码?|编号)|订单|工单|流水|物料)\s*(?:是|为|[:#])?\s*$"
    r"|(?<![A-Za-z])(?!(?:tel|telephone|phone|mobile|mob|cell|call|ph|vx|wx|qq|wechat|weixin|id)[-_]?$)[A-Za-z]+[-_]?$",
    re.IGNORECASE,
)
# And right after it: an amount.
_OTHER_AFTER = re.compile(r"\s?(?:[万亿]?元(?![旦宵月总])|块(?:钱|[,;。\s]|$)|%|‰|人民币|美元|美金)")

_ROUNDS = 4  # two do for any text that nobody made up to need more

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECK = "10X98765432"
# First two places of an identity number (GB/T 2260).
_PROVINCES = re.compile("1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]")


@dataclass(frozen=True, slots=True)
class PersonalSpan:
    """Personal data at [start, end) of a text, counted in Unicode characters."""

    start: int
    end: int
    kind: PersonalKind


def mask(text: str, *, keep_length: bool = False) -> str:
    """``text`` with every piece of personal data replaced; masking twice changes nothing more.

    A piece becomes the placeholder of its kind (``PLACEHOLDERS``). With ``keep_length`` it becomes as many
    ``*`` as it had characters instead, so that offsets into the original text stay true.
    """

    def instead(span: PersonalSpan) -> str:
        return "*" * (span.end - span.start) if keep_length else PLACEHOLDERS[span.kind]

    return _replaced(text, find_personal(text), instead)


def find_personal(text: str) -> list[PersonalSpan]:
    """Every piece of personal data in ``text``, in order and without overlap."""
    folded = text if text.isascii() else _OTHER_DIGIT.sub(_ascii_digit, text.translate(_HALF_WIDTH))
    found: list[PersonalSpan] = []
    # What stands beside a piece can show only once that piece is gone: 身份证…002XTel138…
    for _ in range(_ROUNDS):
        new = _find(folded)
        if not new:
            break
        found += new
        # As a placeholder ends, so that masking what is masked finds nothing more.
        folded = _replaced(folded, new, lambda span: "]" * (span.end - span.start))
    return sorted(found, key=lambda span: span.start)


def _find(folded: str) -> list[PersonalSpan]:
    found: list[PersonalSpan] = []
    taken = bytearray(len(folded))
    # The strongest evidence comes first: what it takes, the weaker patterns cannot take again.
    for kind, pattern, holds in _RULES:
        for match in pattern.finditer(folded):
            # A group, where there is one, leaves out the word that announces the number.
            start, end = match.span(match.lastindex or 0)
            if not any(taken[start:end]) and holds(folded, start, end):
                found.append(PersonalSpan(start, end, kind))
                taken[start:end] = bytes([1]) * (end - start)
    return sorted(found, key=lambda span: span.start)


def _replaced(text: str, spans: list[PersonalSpan], instead: Callable[[PersonalSpan], str]) -> str:
    parts: list[str] = []
    position = 0
    for span in spans:
        parts += [text[position : span.start], instead(span)]
        position = span.end
    return "".join([*parts, text[position:]])


def valid_id_card(number: str) -> bool:
    """Whether ``number`` is a resident identity number: province, birthday and, with 18 places, check digit."""
    places = re.sub(r"[^0-9Xx]", "", number).upper()
    if re.fullmatch(r"\d{15}", places):
        return bool(_PROVINCES.match(places)) and _is_date(f"19{places[6:12]}")
    if not re.fullmatch(r"\d{17}[\dX]", places):
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_ID_WEIGHTS, places[:17], strict=True))
    return _ID_CHECK[total % 11] == places[17] and bool(_PROVINCES.match(places)) and _is_date(places[6:14])


def valid_luhn(number: str) -> bool:
    """Whether the last digit of a card number is the check digit of the others (ISO/IEC 7812-1)."""
    digits = [int(character) for character in number if character.isdigit()]
    doubled = [d if place % 2 == 0 else (d * 2 - 9 if d > 4 else d * 2) for place, d in enumerate(digits[::-1])]
    return sum(doubled) % 10 == 0


def _is_date(eight: str) -> bool:
    try:
        date(int(eight[:4]), int(eight[4:6]), int(eight[6:]))
    except ValueError:
        return False
    return True


def _ascii_digit(match: re.Match[str]) -> str:
    return str(unicodedata.decimal(match[0]))


def _not_another_number(folded: str, start: int, end: int) -> bool:
    return not _OTHER_BEFORE.search(folded[max(0, start - 16) : start]) and not _OTHER_AFTER.match(folded, end)


def _id_card(folded: str, start: int, end: int) -> bool:
    return valid_id_card(folded[start:end]) and _not_another_number(folded, start, end)


def _bank_card(folded: str, start: int, end: int) -> bool:
    digits = re.sub(r"\D", "", folded[start:end])
    # 15 places: American Express; the others of 34 and 37 do not exist.
    right_length = len(digits) == 15 if digits[:2] in ("34", "37") else 16 <= len(digits) <= 19
    return right_length and valid_luhn(digits) and _not_another_number(folded, start, end)


def _always(folded: str, start: int, end: int) -> bool:
    return True


_RULES: tuple[tuple[PersonalKind, re.Pattern[str], Callable[[str, int, int], bool]], ...] = (
    ("email", _EMAIL, _always),
    ("id_card", _ID_SAID, _always),
    ("id_card", _ID_18, _id_card),
    ("bank_card", _CARD_19, _bank_card),
    ("bank_card", _CARD, _bank_card),
    ("bank_card", _CARD_SAID, _always),
    ("staff_number", _STAFF, _always),
    ("phone", _MOBILE, _not_another_number),
    ("phone", _LANDLINE, _not_another_number),
    ("phone", _PHONE_SAID, _always),
    ("account", _ACCOUNT, _always),
    ("id_card", _ID_15, _id_card),
)
