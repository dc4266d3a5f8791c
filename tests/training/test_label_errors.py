"""Planted label errors come first, and no comment is judged by a fit that knew its file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fbclass.errors import InputError
from fbclass.results import SENTIMENTS
from fbclass.schema import ThemeSchema
from training.baselines import CHARACTERS, Baseline, fit_baseline
from training.data import Comment, load_comments
from training.label_errors import as_markdown, find_suspects, main, out_of_fold

DATA = Path(__file__).parents[2] / "data"
FILES = ("p1", "p2", "p3", "p4")
KEPT = 50  # comments of each file


@pytest.fixture(scope="module")
def schema() -> ThemeSchema:
    return ThemeSchema.load(DATA / "themes.yaml")


@pytest.fixture(scope="module")
def comments() -> list[Comment]:
    train = load_comments(DATA / "feedback", "train")
    return [comment for file in FILES for comment in [c for c in train if c.source == file][:KEPT]]


@pytest.fixture(scope="module")
def baseline(comments: list[Comment], schema: ThemeSchema) -> Baseline:
    return fit_baseline(CHARACTERS, comments, load_comments(DATA / "feedback", "dev")[::6], schema)


def of_one_who_agrees(comments: list[Comment], ids: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of themes and sentiment of somebody who is nine tenths sure of every label."""
    themes = [[0.9 if theme in comment.themes else 0.1 for theme in ids] for comment in comments]
    tones = [[0.9 if tone == comment.sentiment else 0.05 for tone in SENTIMENTS] for comment in comments]
    return np.array(themes), np.array(tones)


def test_planted_errors_are_found_and_nothing_else(comments: list[Comment], schema: ThemeSchema) -> None:
    probabilities = of_one_who_agrees(comments, schema.ids)
    assert find_suspects(comments, schema.ids, *probabilities) == []
    lost = next(i for i, c in enumerate(comments) if c.themes == ("goal_conflict",))
    added = next(i for i, c in enumerate(comments) if not c.themes and i > lost)
    turned = [next(i for i, c in enumerate(comments) if c.sentiment == s) for s in ("positive", "neutral")]
    wrong = list(comments)
    wrong[lost] = replace(wrong[lost], themes=())
    wrong[added] = replace(wrong[added], themes=("culture_gap",))
    for row in turned:
        wrong[row] = replace(wrong[row], sentiment="negative")
    found = {(s.comment.id, s.task): s for s in find_suspects(wrong, schema.ids, *probabilities)}
    expected = {
        (comments[lost].id, "themes"): ((), ("goal_conflict",)),
        (comments[added].id, "themes"): (("culture_gap",), ()),
        **{(comments[row].id, "sentiment"): (("negative",), (comments[row].sentiment,)) for row in turned},
    }
    assert {key: (suspect.given, suspect.suggested) for key, suspect in found.items()} == expected
    assert all(suspect.quality < 0.5 for suspect in found.values())
    table = as_markdown(list(found.values()), wrong, show=1)
    for line in ("| goal_conflict missing | 1 |", "| culture_gap given | 1 |", "| negative → positive | 1 |"):
        assert line in table
    assert f"**themes**: 2 of {len(comments)} comments (1.0%)" in table


def test_a_comment_is_judged_without_its_file(comments: list[Comment], baseline: Baseline) -> None:
    themes, sentiment = out_of_fold(baseline, comments, folds=len(FILES))
    assert themes.shape == (len(comments), 4) and sentiment.shape == (len(comments), 3)
    # Whatever the labels of p1 say, what is said of p1 stays the same.
    others = [replace(c, themes=(), sentiment="neutral") if c.source == "p1" else c for c in comments]
    changed, changed_sentiment = out_of_fold(baseline, others, folds=len(FILES))
    np.testing.assert_allclose(changed[:KEPT], themes[:KEPT])
    np.testing.assert_allclose(changed_sentiment[:KEPT], sentiment[:KEPT])
    assert not np.allclose(changed[KEPT:], themes[KEPT:])


def test_one_file_cannot_be_judged(comments: list[Comment], baseline: Baseline) -> None:
    with pytest.raises(InputError, match=r"10 fold\(s\) of 1 author file\(s\)"):
        out_of_fold(baseline, comments[:KEPT], folds=10)
    with pytest.raises(InputError, match=r"1 fold\(s\) of 4 author file\(s\)"):
        out_of_fold(baseline, comments, folds=1)


def test_the_command_ranks_real_comments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "themes.yaml").write_bytes((DATA / "themes.yaml").read_bytes())
    for name in (*(f"train/{file}" for file in FILES), "dev/p8"):
        path = tmp_path / "feedback" / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = (DATA / "feedback" / f"{name}.jsonl").read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:KEPT]))
    output = tmp_path / "suspects.jsonl"
    assert main(["--data", str(tmp_path / "feedback"), "--output", str(output), "--show", "3"]) == 0
    printed = capsys.readouterr().out
    rows = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    for task in ("themes", "sentiment"):
        found = [row for row in rows if row["task"] == task]
        assert found and [row["quality"] for row in found] == sorted(row["quality"] for row in found)
        assert all(row["given"] != row["suggested"] for row in found)
        assert f"**{task}**: {len(found)} of {KEPT * (len(FILES) + 1)} comments" in printed
        assert [row["id"] in printed for row in found[:3]] == [True] * 3
    assert main(["--data", str(tmp_path / "none")]) == 1
    assert "has no .jsonl file" in capsys.readouterr().err
