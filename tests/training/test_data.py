"""Labelled comments are read as they stand, and their pieces are found in the text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fbclass.errors import InputError
from training.data import SPLITS, Comment, find_spans, load_comments, to_dataset

FEEDBACK = Path(__file__).parents[2] / "data" / "feedback"


def comment(text: str, evidence: dict[str, tuple[str, ...]] | None = None, about: tuple[str, ...] = ()) -> Comment:
    evidence = evidence or {}
    return Comment("p1-1", text, tuple(evidence), "negative", evidence, about, "p1-g1", "p1")


def write(folder: Path, *lines: bytes) -> Path:
    (folder / "train").mkdir()
    (folder / "train" / "p1.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    return folder


def row(**changes: Any) -> bytes:
    values: dict[str, Any] = {"id": "p1-001", "text": "没人回", "themes": ["slow_response"], "sentiment": "negative"}
    values |= {"evidence": {"slow_response": ["没人回"]}, "about": [], "group": "p1-g01"}
    return json.dumps(values | changes, ensure_ascii=False).encode()


def test_a_file_is_read_in_order_with_its_name_as_source(tmp_path: Path) -> None:
    # U+2028 ends a line for str.splitlines, but not in a JSON Lines file.
    first, second = load_comments(write(tmp_path, row(), row(id="p1-002", text="没人回\u2028催")), "train")
    assert first == Comment(
        "p1-001", "没人回", ("slow_response",), "negative", {"slow_response": ("没人回",)}, (), "p1-g01", "p1"
    )
    assert (second.id, second.text) == ("p1-002", "没人回\u2028催")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not a JSON object"),
        (b"", "not a JSON object"),
        ("没人回".encode("gb18030"), "UTF-8"),
        (b"[]", "keys must be exactly"),
        (row(note=""), "note"),
        (row(text=3), "text must be a string; found 3"),
        (row(themes="slow_response"), "themes must be a list"),
        (row(evidence={"slow_response": "没人回"}), "evidence must be an object of lists"),
        (row(about=[None]), "about must be a list"),
    ],
)
def test_a_broken_line_is_named_with_file_and_line(tmp_path: Path, line: bytes, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        load_comments(write(tmp_path, row(), line), "train")
    assert f"{tmp_path / 'train' / 'p1.jsonl'}, line 2: " in caught.value.english
    assert reason in caught.value.english
    assert "p1.jsonl 第 2 行" in caught.value.chinese


def test_a_split_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"dev has no \.jsonl file"):
        load_comments(tmp_path, "dev")


def test_evidence_is_marked_once_and_a_party_everywhere() -> None:
    spans = find_spans(comment("财务没回,再问财务还是没回", {"slow_response": ("没回",)}, ("财务",)))
    assert [(s.start, s.end, s.text) for s in spans.evidence["slow_response"]] == [(2, 4, "没回")]
    assert [(s.start, s.end) for s in spans.about] == [(0, 2), (7, 9)]


def test_overlapping_pieces_become_the_longer_one_and_neighbours_stay_apart() -> None:
    spans = find_spans(comment("客服主管推给物流,客服不管", about=("客服", "客服主管", "物流", "推给")))
    assert [s.text for s in spans.about] == ["客服主管", "推给", "物流", "客服"]
    spans = find_spans(comment("等了三天没人回", {"slow_response": ("三天没人回", "等了三天")}))
    assert [s.text for s in spans.evidence["slow_response"]] == ["等了三天没人回"]


def test_parties_are_taken_literally() -> None:
    assert [s.start for s in find_spans(comment("OAX和OA.", about=("OA.",))).about] == [4]


def test_a_piece_that_is_not_in_the_text_is_refused() -> None:
    with pytest.raises(InputError, match=r"p1-1: .* is not a part of"):
        find_spans(comment("没人回", about=("财务",)))


def test_the_data_set_keeps_every_row_and_its_offsets() -> None:
    comments = [c for split in SPLITS for c in load_comments(FEEDBACK, split)][::50]
    rows = list(to_dataset(comments))
    assert [r["id"] for r in rows] == [c.id for c in comments]
    for found, given in zip(rows, comments, strict=True):
        assert {piece["theme"] for piece in found["evidence"]} == set(given.themes) == set(found["themes"])
        pieces = {found["text"][piece["start"] : piece["end"]] for piece in found["about"]}
        assert pieces <= set(given.about)
    assert any(r["about"] for r in rows)


def test_a_data_set_can_be_made_of_comments_without_labels() -> None:
    (only,) = to_dataset([comment("挺好")])
    assert only["evidence"] == only["about"] == only["themes"] == []
