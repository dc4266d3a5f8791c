"""Find personal data in comments, so that a quote never carries it into a report.

Found: mobile and landline numbers, e-mail addresses, resident identity numbers (with checksum), bank
cards (with Luhn checksum), staff numbers and chat accounts that are announced as such. Names of people
are not found; the report says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

PersonalKind = Literal["phone", "email", "id_card", "bank_card", "staff_number", "account"]

# Full-width letters, digits and signs to half-width, one for one, so that offsets stay what they are.
_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}

_EMAIL = re.compile(r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+")
_ID_CARD = re.compile(r"(?<![0-9A-Za-z])[1-9]\d{5}[ -]?(?:19|20)\d{6}[ -]?\d{3}[\dXx](?![0-9A-Za-z])")
_BANK_CARD = re.compile(r"(?<!\d)[3-6]\d{3}(?:[ -]?\d{4}){2}(?:[ -]?\d{1,7})(?!\d)")
_MOBILE = re.compile(r"(?<!\d)(?:(?:\+|00)?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)")
_LANDLINE = re.compile(
    r"(?<!\d)(?:\(0\d{2,3}\)|0\d{2,3}[ -]?)[ -]?[2-9]\d{6,7}(?:[ -]\d{1,5})?(?!\d)|(?<!\d)400[ -]?\d{3}[ -]?\d{4}(?!\d)"
)
_STAFF = re.compile(r"(?:工号|员工号|员工编号|人员编号)\s*(?:是|为|[:#\uff1a])?\s*([A-Za-z]{0,4}-?\d{3,12})")
_ACCOUNT = re.compile(r"(?:微信号?|QQ号?|qq号?|VX|vx|wx)\s*(?:是|为|[:\uff1a])?\s*([A-Za-z0-9][A-Za-z0-9_\-]{4,19})")

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECK = "10X98765432"


@dataclass(frozen=True, slots=True)
class PersonalSpan:
    """Personal data at [start, end) of a text."""

    start: int
    end: int
    kind: PersonalKind


def find_personal(text: str) -> list[PersonalSpan]:
    """Every piece of personal data in ``text``, in order and without overlap."""
    folded = text.translate(_HALF_WIDTH)
    found: list[PersonalSpan] = []

    def add(start: int, end: int, kind: PersonalKind) -> None:
        if all(end <= span.start or start >= span.end for span in found):
            found.append(PersonalSpan(start, end, kind))

    # The long numbers come first: a mobile number can stand inside none of them, but could be read there.
    for match in _EMAIL.finditer(folded):
        add(match.start(), match.end(), "email")
    for match in _ID_CARD.finditer(folded):
        if valid_id_card(match.group()):
            add(match.start(), match.end(), "id_card")
    for match in _BANK_CARD.finditer(folded):
        if _luhn(match.group()):
            add(match.start(), match.end(), "bank_card")
    for pattern in (_MOBILE, _LANDLINE):
        for match in pattern.finditer(folded):
            add(match.start(), match.end(), "phone")
    for match in _STAFF.finditer(folded):
        add(match.start(1), match.end(1), "staff_number")
    for match in _ACCOUNT.finditer(folded):
        add(match.start(1), match.end(1), "account")
    return sorted(found, key=lambda span: span.start)


def valid_id_card(number: str) -> bool:
    """Whether the 18 places are a resident identity number with the right check digit (GB 11643)."""
    places = number.replace(" ", "").replace("-", "").upper()
    if not re.fullmatch(r"\d{17}[\dX]", places):
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_ID_WEIGHTS, places[:17], strict=True))
    return _ID_CHECK[total % 11] == places[17]


def _luhn(number: str) -> bool:
    digits = [int(c) for c in number if c.isdigit()]
    if not 15 <= len(digits) <= 19:
        return False
    doubled = [d if position % 2 == 0 else (d * 2 - 9 if d > 4 else d * 2) for position, d in enumerate(digits[::-1])]
    return sum(doubled) % 10 == 0
