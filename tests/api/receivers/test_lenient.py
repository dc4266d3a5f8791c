from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.receivers.lenient import read_flat

# As the platform's own documentation prints it, with the comma after "q3".
OFFICIAL = """{"activity":"5657754","name":"问卷名称","timetaken":"528","submittime":"2016-08-23 10:01:59",
"q1":"1","q2": "测试","q3","1,2","joinid":"101812480275","totalvalue":"15","sign":""}"""


def test_the_official_sample_is_read() -> None:
    with pytest.raises(json.JSONDecodeError):
        json.loads(OFFICIAL)
    found = read_flat(OFFICIAL.encode())
    assert found["q2"] == "测试"
    assert found["q3"] == "1,2"
    assert found["joinid"] == "101812480275"
    assert len(found) == 10


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"{}", {}),
        (b'{"a":1}', {"a": 1}),
        (b'\xef\xbb\xbf{"a":"b"}', {"a": "b"}),
        ('{"a":"慢"}'.encode("gb18030"), {"a": "慢"}),
        ('{"a":"第一行\n第二行\t"}'.encode(), {"a": "第一行\n第二行\t"}),
        ('{"a","第一行\r\n第二行"}'.encode(), {"a": "第一行\r\n第二行"}),
        (b'{"a":"b",}', {"a": "b"}),
        (b'{"a","\\"b\\",c","d":null , "e" , -1.5}', {"a": '"b",c', "d": None, "e": -1.5}),
        (b'{"a":"b" "c":"d"}', None),
        (b'{"a":"b""c":"d"}', None),
        (b'{"a","b","c"}', None),
        (b'{1:"b"}', None),
        (b'{"a":{"b":1}}', None),
        (b'{"a":["b"]}', None),
        (b'{"a":b}', None),
        (b'{"a":"b', None),
        (b'["a"]', None),
        (b'"a"', None),
        (b"", None),
        (b"\xff\xff", None),
        (b"[" * 100_000, None),
        (b'{"a":' + b"9" * 5000 + b"}", None),
        (b"{" + b'"a","b",' * 100_000 + b"}", None),  # it would take seconds
    ],
)
def test_what_can_be_told_apart_is_read_and_the_rest_refused(body: bytes, found: object) -> None:
    if found is None:
        with pytest.raises(ValueError):
            read_flat(body)
    else:
        assert read_flat(body) == found


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none() | st.booleans()), st.booleans())
def test_json_is_read_as_json_with_either_separator(flat: dict[str, object], ascii_only: bool) -> None:
    assert read_flat(json.dumps(flat, ensure_ascii=ascii_only).encode()) == flat
    commas = json.dumps(flat, ensure_ascii=ascii_only, separators=(",", ","))
    assert read_flat(commas.encode()) == flat


@given(st.binary(max_size=80) | st.text('{}",:;\\\n0a1 ', max_size=40).map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(ValueError):
        read_flat(body)
