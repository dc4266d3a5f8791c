"""Answers that only fill the field: 无, 没有意见, 不知道, /, ???, 111.

Non-substantive answers, as survey research calls them, make up a large part of real surveys and carry no attitude. What
a model says of so little is chance, so it does not count: they have no theme and are neutral.
"""

from __future__ import annotations

import re

_NONE = r"我?(?:暂时|暂|目前|都)?(?:没有?|无)(?:什么|任何)?(?:啥|意见|建议|问题|想法|补充|了|的)*"
_UNSURE = r"我?(?:也|还|都|真)?(?:不太?|不是很)(?:知道|清楚|了解|确定|好说)(?:了|啊|呢|哦)?"
_UNSAID = r"(?:这个)?说不(?:清楚?|好|上来)|(?:暂时|还)?(?:没想好|想不(?:到|出来?))|随便(?:吧|填的?)?|都行|都可以"
# 111 fills the field, 666 is praise.
_OTHER = r"略|同上|同前|见上|如上|待定|跳过|不填|不详|保密|(?!6+$)[0-9]+|nil|none|no|na|test|测试"
_NOTHING = re.compile("|".join((_NONE, _UNSURE, _UNSAID, _OTHER)), re.IGNORECASE)
# Marks that say nothing by themselves. Colons, carets and emoji are none of them: they may be a face.
_PUNCTUATION = re.compile(
    r"[\s\u200b-\u200d\ufeff、。,.;!?~\-—_…·/\\*#()\[\]\"'“”‘’（）【】\uff0c\uff0e\uff1b\uff01\uff1f\uff5e\uff0f]+"
)


def says_nothing(text: str) -> bool:
    """Whether an answer only fills the field, or is blank."""
    core = _PUNCTUATION.sub("", text)
    return not core or _NOTHING.fullmatch(core) is not None
