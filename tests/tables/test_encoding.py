"""Encodings of text files."""

from __future__ import annotations

import codecs

import pytest

from fbclass.errors import InputError
from fbclass.tables.encoding import decode

SHORT = "评论\n太慢了\n"
LONG = "序号,建议\r\n" + "".join(f"{n},报销流程走了{n}天还没有人回复,希望财务部能快一点\r\n" for n in range(50))


@pytest.mark.parametrize("text", [SHORT, LONG, "无", "id,text\r\n1,ok\r\n", ""])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-32"])
def test_every_usual_encoding_of_chinese_is_read(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding), "a.csv") == text


def test_utf16_big_endian_with_mark() -> None:
    assert decode(codecs.BOM_UTF16_BE + LONG.encode("utf-16-be"), "a.csv") == LONG


def test_characters_that_only_gb18030_has() -> None:
    text = "姓名,意见\n王喆,流程太慢了😅,希望信息部改进\n"
    assert decode(text.encode("gb18030"), "a.csv") == text


def test_traditional_chinese_in_gbk_and_in_big5() -> None:
    text = "意見\n" + "審批流程太慢,等了兩個禮拜都沒有人回覆,希望資訊部門可以改善跨部門溝通的問題。\n" * 8
    assert decode(text.encode("gbk"), "a.csv") == text
    assert decode(text.encode("big5"), "a.csv") == text


@pytest.mark.parametrize(
    ("data", "line", "byte"),
    [
        ("第一行\n第二行".encode() + b"\xff\xff\n", 2, 20),  # UTF-8 up to the broken byte
        ("第一行\n第二行太慢".encode("gb18030") + b"\xff\xff\n", 2, 18),
    ],
)
def test_a_broken_file_names_line_byte_and_remedy(data: bytes, line: int, byte: int) -> None:
    with pytest.raises(InputError) as caught:
        decode(data, "意见.csv")
    assert f"意见.csv 第 {line} 行（第 {byte} 个字节）" in caught.value.chinese
    assert "UTF-8" in caught.value.chinese
    assert f"line {line}, byte {byte}" in caught.value.english


def test_a_workbook_with_the_wrong_ending_is_recognised() -> None:
    with pytest.raises(InputError, match="Excel"):
        decode(b"PK\x03\x04rest", "a.csv")
