"""Tell the open questions of a survey from ids, dates, choices and names, by what is in the columns.

Names of columns are only a hint: every survey words its questions differently, while exports agree on
the names of what they add themselves (序号, 提交答卷时间, 来自IP, …).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from fbclass.tables.cells import fold

Kind = Literal["text", "empty", "metadata", "result", "number", "date", "contact", "options", "short"]

KIND_NAMES: dict[Kind, tuple[str, str]] = {  # English, Chinese
    "text": ("open text", "开放文本"),
    "empty": ("empty", "空列"),
    "metadata": ("added by the survey tool", "问卷附加信息"),
    "result": ("earlier results", "已有的分类结果"),
    "number": ("numbers", "数字"),
    "date": ("dates or times", "日期时间"),
    "contact": ("addresses", "地址或联系方式"),
    "options": ("choices", "选项"),
    "short": ("names or short words", "姓名或短词"),
}

_METADATA = re.compile(
    r"(序号|编号|答卷编号|答题编号|编码|id|no\.?|#|提交答卷时间|提交时间|答题时间|开始(答题|填写)?时间|结束(答题|填写)?时间|填写时间"
    r"|创建时间|更新时间|修改时间|最后修改时间|所用时间|答题时长|填写时长|用时|时长|来源|来源详情|来源渠道|渠道|来自ip|ip|ip地址"
    r"|ip省份|ip城市|地理位置|省份?|城市|国家.{0,4}|所在地区?|浏览器|操作系统|设备.{0,4}|总分|状态|提交人|提交者|填写人|答题者"
    r"|答题人|创建人|修改人|更新人|昵称|微信.{0,8}|openid|用户.{0,4}|姓名|您的姓名|工号|员工编号|手机号?码?|联系电话|电话|联系方式"
    r"|邮箱|电子邮箱|e-?mail|性别|年龄|name|timestamp|submitted.{0,8}|created.{0,8}|user.{0,8}|source|扩展属性|自定义字段"
    r"|外部参数.{0,6}|父记录)"
)
_LEADING_NUMBER = re.compile(r"^[q【\[(]?\d{1,3}[】\])]?[、.:\s]*", re.IGNORECASE)
_INVITES_TEXT = re.compile(
    r"建议|意见|评论|反馈|留言|吐槽|填空|开放|简答|原因|为什么|请说明|请描述|请填写|想说|comment|feedback|suggest|text|verbatim"
)
_NUMBER = re.compile(r"[-+]?[\d,]*\.?\d+(e[-+]?\d+)?\s*(%|元|分|岁|年|个|次|人)?", re.IGNORECASE)
_DATE = re.compile(
    r"\d{2,4}[-/.年]\d{1,2}([-/.月](\d{1,2}日?)?)?([ t]+\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(z|[+-]\d\d:?\d\d)?)?"
    r"|\d{1,2}/\d{1,2}/\d{2,4}( \d{1,2}:\d{2}(:\d{2})?( [ap]m)?)?|\d{1,2}:\d{2}(:\d{2})?"
    r"|(\d+\s*(天|小时|时|分钟|分|秒钟?))+",
    re.IGNORECASE,
)
_CONTACT = re.compile(
    r"\d{1,3}(\.\d{1,3}){3}\s*([(（].*[)）])?|[0-9a-f]*:[0-9a-f:]+|[\w.+-]+@[\w-]+(\.[\w-]+)+|(https?://|www\.)\S+"
    r"|\+?\d[\d -]{6,}\d",
    re.IGNORECASE,
)
_NOTHING = re.compile(
    r"(木有|没啥|没什么|(暂时?)?(没有?|无)(什么|其他|任何|别的)?(意见|建议|想法|问题|补充)?"
    r"|n/?a|none|nil|no|nothing|[-/\\.]+)(了|的|吧|哦)?"
)
_EDGES = " \t\r\n。,，、.!！?？~～…;；"
_CHOICE_MARK = "┋"  # 问卷星 joins the choices of one answer with it
_SPLIT = re.compile(r"[┋;；,，、|\n]")
_LONG = 8.0  # median size from which answers are sentences: departments and choices stay below
_LONG_INVITED = 4.0  # where the question itself asks for text
_FEW = 12  # a question rarely offers more choices


@dataclass(frozen=True, slots=True)
class Profile:
    """What a column holds. ``size``: median length of its distinct answers, in Chinese characters."""

    kind: Kind
    size: float
    distinct: int


def is_data_like(text: str) -> bool:
    """True for numbers, dates, times, IP and e-mail addresses: what stands in cells and not in headers."""
    return any(pattern.fullmatch(text.strip()) for pattern in (_NUMBER, _DATE, _CONTACT))


def question_of(header: str) -> str:
    """A header without the number in front of it, folded for comparison."""
    return _LEADING_NUMBER.sub("", fold(header))


def profile(header: str, texts: Sequence[str]) -> Profile:
    """Look at the texts of one column (blank ones included) and its name."""
    answers = [text.strip() for text in texts if text.strip()]
    if not answers:
        return Profile("empty", 0.0, 0)
    for kind, pattern in _PATTERNS:
        if sum(bool(pattern.fullmatch(text)) for text in answers) >= 0.8 * len(answers):
            return Profile(kind, 0.0, len(set(answers)))
    # 无 and 没有意见 say nothing about whether the question was an open one.
    said = [text for text in answers if not _NOTHING.fullmatch(text.strip(_EDGES).lower()) and not is_data_like(text)]
    if not said:
        return Profile("short", 0.0, len(set(answers)))
    distinct = set(said)
    size = median(map(_size, distinct))
    return Profile(_kind(header, said, len(distinct), size), size, len(distinct))


_PATTERNS: tuple[tuple[Kind, re.Pattern[str]], ...] = (("number", _NUMBER), ("date", _DATE), ("contact", _CONTACT))


def _kind(header: str, said: Sequence[str], distinct: int, size: float) -> Kind:
    name = question_of(header)
    if _METADATA.fullmatch(name):
        return "metadata"
    if any(_CHOICE_MARK in text for text in said) or _are_combinations(said):
        return "options"
    invited = bool(_INVITES_TEXT.search(name))
    few = len(said) < 20  # too few answers to tell a choice from a text by repetition
    share = distinct / len(said)
    if not (invited and few) and ((distinct <= _FEW and share <= 0.5) or (share < 0.15 and size < 2 * _LONG)):
        return "options"
    return "text" if size >= (_LONG_INVITED if invited else _LONG) else "short"


def _are_combinations(said: Sequence[str]) -> bool:
    """True if the answers are the same few pieces over and over, set apart by commas: several choices in one cell."""
    parts = [part.strip() for text in said for part in _SPLIT.split(text) if part.strip()]
    return len(said) >= 8 and len(parts) >= 1.2 * len(said) and len(set(parts)) <= 0.2 * len(parts)


def _size(text: str) -> float:
    """Length in Chinese characters; three Latin letters count as one."""
    return sum(1.0 if character >= "\u2e80" else 0.34 for character in text)
