"""Turn the bytes of a text file into text, whichever program saved it.

Excel on Chinese Windows saves CSV in GB18030 (it calls it ANSI), survey sites export UTF-8 with a
byte order mark, scripts write UTF-8 without. Statistical detectors take short Chinese files for
Korean or Cyrillic, so the certain evidence comes first: a byte order mark, then valid UTF-8, then
GB18030 that reads as common Chinese. ``charset-normalizer`` only decides what is left.
"""

from __future__ import annotations

import codecs

from fbclass.errors import InputError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark starts with the one of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What a file in neither UTF-8 nor plausible GB18030 may still be; anything else is refused rather than guessed.
_OTHERS = ["big5", "big5hkscs", "gb18030", "utf_16_le", "utf_16_be"]
_COMMON_ENOUGH = 0.6
_BINARY = ((b"PK\x03\x04", "Excel (.xlsx)"), (b"\xd0\xcf\x11\xe0", "Excel (.xls)"), (b"PAR1", "Parquet (.parquet)"))


def decode(data: bytes, name: str) -> str:
    """The text of a file named ``name``, without byte order mark; ``InputError`` if no encoding fits."""
    for magic, kind in _BINARY:
        if data.startswith(magic):
            raise InputError(
                f"{name} is not a text file but {kind}: give it the right ending and try again",
                f"{name} 不是文本文件，而是 {kind}：请把文件后缀改正确后再试",
            )
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            body = data[len(mark) :]
            try:
                return body.decode(encoding)
            except UnicodeDecodeError as error:
                raise _undecodable(name, data, len(mark) + error.start, encoding.upper()) from error
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return _decode_other(data, name, error)
    if "\0" in text:  # ASCII in UTF-16 without a mark is valid UTF-8 full of NULs
        return _decode_other(data, name, None)
    return text


def _decode_other(data: bytes, name: str, utf8_error: UnicodeDecodeError | None) -> str:
    position, tried = (utf8_error.start, "UTF-8") if utf8_error else (data.index(b"\0"), "UTF-8")
    if b"\0" not in data:
        try:
            text = data.decode("gb18030")
            if _common_share(text) >= _COMMON_ENOUGH:
                return text
        except UnicodeDecodeError as error:
            if error.start > position:  # the encoding that got further is the likelier one
                position, tried = error.start, "GB18030"
    from charset_normalizer import from_bytes

    best = from_bytes(data, cp_isolation=_OTHERS).best()
    if best is not None and "\0" not in str(best):
        return str(best).removeprefix("\ufeff")
    raise _undecodable(name, data, position, tried)


def _common_share(text: str) -> float:
    """Share of the non-ASCII characters that GB2312 has in its first level (the 3,755 commonest) or as punctuation.

    Bytes of another encoding decode, if at all, to rare characters.
    """
    foreign = [c for c in text if not c.isascii()]
    common = 0
    for character in foreign:
        try:
            first = character.encode("gb2312")[0]
        except UnicodeEncodeError:
            common += character in "—…·“”‘’€"
            continue
        common += 0xA1 <= first <= 0xA3 or 0xB0 <= first <= 0xD7
    return common / len(foreign) if foreign else 1.0


def _undecodable(name: str, data: bytes, position: int, tried: str) -> InputError:
    line = data.count(b"\n", 0, position) + 1
    return InputError(
        f"{name}, line {line}, byte {position + 1}: not valid {tried}, nor any other encoding of Chinese known here; "
        "open the file in Excel and save it as CSV UTF-8 (or in a text editor as UTF-8)",
        f"{name} 第 {line} 行（第 {position + 1} 个字节）不是有效的 {tried} 编码，也不是其他常见中文编码；"
        "请用 Excel 另存为“CSV UTF-8”，或用文本编辑器另存为 UTF-8",
    )
