"""Comments in frames: what changes their labels, what does not, and that the frames shipped are sound."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fbclass.errors import InputError
from fbclass.schema import ThemeSchema
from training.behaviour import load_cases
from training.data import Comment, find_spans, load_comments
from training.frames import KINDS, SLOT, Frames, framed, put_into

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "data" / "frames"


def comment(text: str, theme: str | None = "slow_response", sentiment: str = "negative", piece: str = "") -> Comment:
    evidence = {theme: (piece or text,)} if theme else {}
    return Comment(text, text, (theme,) if theme else (), sentiment, evidence, (), text, "t")  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [
        {"kind": "other", "frame": "听说别家{}", "sentiment": "neutral"},
        {"kind": "kept", "frame": "跟别家一样，{}", "sentiment": ""},
        {"kind": "irony", "frame": "真快，{}", "sentiment": "negative", "themes": ["slow_response"]},
        {"kind": "sincere", "frame": "真快，{}", "sentiment": "positive"},
        {"find": "没人回", "denied": ["都有人回"], "kept": ["一直没人回"]},
        {"find": "数据对不上，要手工核", "denied": ["数据没有对不上的"], "kept": ["数据没有一次对得上"]},
    ]
    (tmp_path / "some.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return tmp_path


COMPLAINTS = [
    comment("工单三天没人处理。"),
    comment("数据对不上", "information_silo"),
    comment("邮件没人回。", piece="没人回。"),
    comment("数据对不上，要手工核。", "information_silo", piece="数据对不上"),
]
PRAISE = [comment("报销当天到账", None, "positive")]


def test_labels_follow_the_frame_and_evidence_stays_findable(folder: Path) -> None:
    made = {c.text: c for c in framed([*COMPLAINTS, *PRAISE], str(folder), 9.0, seed=1)}

    assert not made["听说别家工单三天没人处理"].themes and made["听说别家工单三天没人处理"].sentiment == "neutral"
    assert made["跟别家一样，数据对不上"].themes == ("information_silo",)
    assert made["跟别家一样，数据对不上"].sentiment == "negative", "an empty sentiment is the comment's own"
    assert made["真快，工单三天没人处理"].sentiment == "negative"
    assert made["真快，报销当天到账"].sentiment == "positive"
    assert "真快，数据对不上" not in made, "a frame for slow_response stood around another theme"
    assert not made["邮件都有人回"].themes and made["邮件都有人回"].sentiment == ""
    assert made["邮件一直没人回"].evidence == {"slow_response": ("一直没人回",)}
    assert not made["数据没有对不上的"].themes
    assert made["数据没有一次对得上"].evidence == {"information_silo": ("数据没有一次对得上",)}
    for each in made.values():
        find_spans(each)  # raises if a piece of evidence is not in the text
    assert {c.group for c in made.values()} <= {c.group for c in [*COMPLAINTS, *PRAISE]}


def test_what_would_not_be_a_sentence_is_not_framed(folder: Path) -> None:
    unfit = [comment("希望审批快一点"), comment("为什么没人管？"), comment("拖" * 60), comment("一句。又一句")]
    own = comment("我们提的需求没人管")

    assert framed(unfit, str(folder), 5.0, seed=1) == []
    texts = [c.text for c in framed([own], str(folder), 9.0, seed=1)]
    assert texts and not any(text.startswith("听说别家") for text in texts), "'we' cannot be another company"


def test_the_draw_is_the_seeds_and_none_is_drawn_for_a_share_of_nothing(folder: Path) -> None:
    first, again, other = (framed([*COMPLAINTS, *PRAISE], str(folder), 1.0, seed) for seed in (1, 1, 2))

    assert first == again
    assert [c.text for c in first] != [c.text for c in other]
    assert framed(COMPLAINTS, "no/such/folder", 0.0, seed=1) == []


@pytest.mark.parametrize(
    "line",
    [
        '{"kind": "other"}',
        '{"kind": "other", "frame": "x", "sentiment": ""}',
        '{"kind": "keep", "frame": "x{}", "sentiment": ""}',
        '{"kind": "kept", "frame": "x{}", "sentiment": "bad"}',
        "[]",
        "no",
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "bad.jsonl").write_text(line)

    with pytest.raises(InputError, match=r"bad\.jsonl, line 1"):
        Frames.load(tmp_path)


def test_a_folder_without_frames_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no frame"):
        Frames.load(tmp_path)


def test_the_shipped_frames_are_sound_and_were_not_copied_from_the_behavioural_cases() -> None:
    shipped = Frames.load(SHIPPED)
    themes = ThemeSchema.load(ROOT / "data" / "themes.yaml").ids

    texts = [frame.text for frame in shipped.frames]
    assert len(set(texts)) == len(texts)
    assert {frame.kind for frame in shipped.frames} == set(KINDS)
    assert all(frame.themes <= set(themes) for frame in shipped.frames)
    new = [text for rewrite in shipped.rewrites for text in (*rewrite.denied, *rewrite.kept)]
    cases = " ".join(text for case in load_cases(ROOT / "data" / "behaviour") for text in case.texts)
    held_out = " ".join(c.text for split in ("dev", "test") for c in load_comments(ROOT / "data" / "feedback", split))
    for text in [part for frame in texts for part in frame.split(SLOT)] + new:
        assert len(text) < 8 or text not in cases, f"{text} stands in data/behaviour"
        assert len(text) < 8 or text not in held_out, f"{text} stands in dev or test"


def test_sincere_praise_goes_around_good_news_and_the_same_words_around_a_complaint_are_irony() -> None:
    shipped = Frames.load(SHIPPED)
    (bad,), (good,) = [COMPLAINTS[0]], PRAISE
    ironic = next(frame for frame in shipped.frames if frame.kind == "irony" and not frame.themes)
    drawn = shipped.draw([good], 20, np.random.default_rng(1))

    assert put_into(ironic, bad).themes == bad.themes
    assert drawn and all(c.sentiment == "positive" and not c.themes for c in drawn)
