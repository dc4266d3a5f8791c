"""Read a flat JSON object that is not quite JSON.

The sample in 问卷星's own documentation has a comma where a colon belongs (``"q3","1,2"``), and answers
come with raw line breaks in them. In a flat object names and values take turns, whatever stands between
them; that is enough to read it. Quotes inside a value must still be escaped: nothing is guessed.
"""

from __future__ import annotations

import json
import re

Scalar = str | int | float | bool | None

_LONGEST = 256 * 1024  # bytes that are read this way, which is a hundred times slower than reading JSON
_TOKEN = re.compile(
    r'\s*(?:("(?:[^"\\]|\\.)*")|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null))\s*([:,;]|$)?', re.DOTALL
)


def read_flat(body: bytes) -> dict[str, Scalar]:
    """The names and values of a flat object; ``ValueError`` when they cannot be told apart.

    UTF-8 with or without a byte order mark; GB 18030, which older Chinese systems send, when it is not UTF-8.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = body.decode("gb18030")
    try:
        found = json.loads(text, strict=False)  # not strict: line breaks may stand in a string
    except (ValueError, RecursionError):
        if len(body) > _LONGEST:
            raise ValueError("no JSON, and too long to be mended") from None
        found = _in_turns(text)
    if not isinstance(found, dict) or not all(isinstance(value, Scalar) for value in found.values()):
        raise ValueError("not a flat object")
    return found


def _in_turns(text: str) -> dict[str, Scalar]:
    inner = text.strip()
    if not (inner.startswith("{") and inner.endswith("}")):
        raise ValueError("no braces")
    inner = inner[1:-1].strip().rstrip(",").rstrip()
    tokens: list[Scalar] = []
    position = 0
    while position < len(inner):
        match = _TOKEN.match(inner, position)
        if match is None or (match[3] is None and match.end() < len(inner)):
            raise ValueError(f"unexpected character at {position}")
        tokens.append(json.loads(match[1] or match[2], strict=False))
        position = match.end()
    names, values = tokens[::2], tokens[1::2]
    if len(names) != len(values) or not all(isinstance(name, str) for name in names):
        raise ValueError("names and values do not take turns")
    return dict(zip((str(name) for name in names), values, strict=True))
