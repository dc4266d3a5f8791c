"""The validator catches each kind of defect, and the committed data have none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fbclass.errors import InputError
from training.check_data import main, put_summary
from training.duplicates import similar_pairs

DATA = Path(__file__).parents[2] / "data"
KEPT = 12  # rows of each copied file

Rows = list[dict[str, Any]]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A small copy of the data that keeps every rule: the first rows of one file of each split."""
    for name in ("train/p1", "train/p2", "dev/p8", "test/p5"):
        target = tmp_path / "feedback" / f"{name}.jsonl"
        target.parent.mkdir(parents=True, exist_ok=True)
        lines = (DATA / "feedback" / f"{name}.jsonl").read_bytes().splitlines(keepends=True)
        target.write_bytes(b"".join(lines[:KEPT]))
    shutil.copy(DATA / "themes.yaml", tmp_path)
    shutil.copy(DATA / "README.md", tmp_path)
    return tmp_path


def edit(data: Path, change: Callable[[Rows], None], name: str = "train/p1") -> None:
    path = data / "feedback" / f"{name}.jsonl"
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    change(rows)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def append(data: Path, name: str, comment: str, **changes: Any) -> None:
    """One more comment, number 900 of its file, that breaks no rule by itself."""
    stem = Path(name).name
    row: dict[str, Any] = {"id": f"{stem}-900", "text": comment, "themes": [], "sentiment": "neutral"}
    row |= {"evidence": {}, "about": [], "group": f"{stem}-g900"}
    edit(data, lambda rows: rows.append(row | changes), name)


def problems(data: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    status = main([str(data / "feedback")])
    output = capsys.readouterr().out
    _, _, after = output.partition("(Jaccard of character 3-grams).\n")
    found = after.splitlines()
    assert status == (1 if found else 0)
    return found


def test_the_committed_data_pass_and_the_card_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    status = main([str(DATA / "feedback")])
    summary = capsys.readouterr().out
    assert status == 0, summary
    card = (DATA / "README.md").read_text(encoding="utf-8")
    assert card == put_summary(card, summary.rstrip("\n")), "run python -m training.check_data --write-card"


def test_the_card_names_the_files_of_each_split() -> None:
    card = (DATA / "README.md").read_text(encoding="utf-8")
    for split in ("dev", "test"):
        (line,) = [line for line in card.splitlines() if line.startswith(f"- **{split}**")]
        assert all(f"`{path.stem}`" in line for path in (DATA / "feedback" / split).iterdir())


def test_the_small_copy_has_no_problem(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert problems(data, capsys) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"id": "p2-900"}, "the id must be the file name"),
        ({"id": "p1-x"}, "the id must be the file name"),
        ({"text": ""}, "the text has 0 characters"),
        ({"text": "长" * 501}, "the text has 501 characters"),
        ({"text": " \u200b\n"}, "the text is blank"),
        ({"themes": ["slow"], "evidence": {"slow": ["机修组"]}}, "theme 'slow' is not in themes.yaml"),
        ({"sentiment": "angry"}, "sentiment 'angry' must be one of"),
        ({"group": ""}, "the group is empty"),
        ({"evidence": {"slow_response": ["机修组"]}}, "evidence for 'slow_response', which is not among the themes"),
        ({"themes": ["slow_response"]}, "theme 'slow_response' has no evidence"),
        ({"themes": ["slow_response"], "evidence": {"slow_response": []}}, "theme 'slow_response' has no evidence"),
        (
            {"themes": ["slow_response"], "evidence": {"slow_response": ["没人来"]}},
            "evidence of slow_response: '没人来' is not a part of the text",
        ),
        ({"about": ["机修班"]}, "about: '机修班' is not a part of the text"),
        ({"about": [""]}, "about: '' is not a part of the text"),
        ({"about": ["机修组", "机修组"]}, "about: '机修组' stands 2 times"),
        (
            {"themes": ["slow_response"] * 2, "evidence": {"slow_response": ["机修组"]}},
            "themes: 'slow_response' stands 2 times",
        ),
    ],
)
def test_a_comment_that_breaks_one_rule(
    data: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], expected: str
) -> None:
    append(data, "train/p1", "机修组今天几点换班", **changes)
    (found,) = problems(data, capsys)
    assert found.startswith(f"train/p1.jsonl:{KEPT + 1} {changes.get('id', 'p1-900')} {expected}")


@pytest.mark.parametrize("line", [b"{", b"[]", b'{"id": "p1-900"}', b""])
def test_a_line_that_cannot_be_read_is_a_problem_and_the_rest_is_checked(
    data: Path, capsys: pytest.CaptureFixture[str], line: bytes
) -> None:
    with (data / "feedback/train/p1.jsonl").open("ab") as file:
        file.write(line + b"\n")
    append(data, "dev/p8", "机修组今天几点换班", sentiment="angry")
    unreadable, other = problems(data, capsys)
    assert unreadable.startswith(f"train/p1.jsonl:{KEPT + 1} - ")
    assert other.startswith(f"dev/p8.jsonl:{KEPT + 1} p8-900 sentiment")


def test_an_id_twice(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    append(data, "train/p1", "机修组今天几点换班", id="p1-001")
    assert problems(data, capsys) == [f"train/p1.jsonl:{KEPT + 1} p1-001 the id is already taken by train/p1.jsonl:1"]


def test_a_group_in_two_files_even_of_one_split(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    append(data, "train/p2", "机修组今天几点换班", group="p1-g01")
    (found,) = problems(data, capsys)
    assert found.startswith(f"train/p2.jsonl:{KEPT + 1} p2-900 group p1-g01 is also in train/p1.jsonl:1 p1-001")


def test_an_exact_duplicate_in_other_characters(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    append(data, "train/p1", "机修组ABC组,今天几点换班")
    append(data, "train/p2", "機修組ＡＢＣ组，今天几点换班")
    assert problems(data, capsys) == [
        f"train/p2.jsonl:{KEPT + 1} p2-900 the same text as train/p1.jsonl:{KEPT + 1} p1-900"
    ]


def test_an_exact_duplicate_in_another_split_is_leakage(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    append(data, "train/p1", "无")
    append(data, "test/p5", "无")
    (found,) = problems(data, capsys)
    assert found.startswith("test/p5.jsonl") and found.endswith("leakage between train and test")


def test_a_near_duplicate_in_another_split_is_leakage(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    append(data, "dev/p8", "机修组今天几点换班")
    append(data, "test/p5", "机修组今天几点换班呢？")
    (found,) = problems(data, capsys)
    assert found.endswith("nearly the same text as dev/p8.jsonl:13 p8-900 (0.88): leakage between dev and test")


@pytest.mark.parametrize(
    ("other", "wrong"),
    [({}, False), ({"sentiment": "negative"}, True), ({"sentiment": "negative", "group": "p1-g900"}, False)],
    ids=["same labels", "other labels", "other labels in a contrast group"],
)
def test_a_near_duplicate_in_one_split_must_agree(
    data: Path, capsys: pytest.CaptureFixture[str], other: dict[str, str], wrong: bool
) -> None:
    append(data, "train/p1", "机修组今天几点换班")
    append(data, "train/p1", "机修组今天几点换班呢？", id="p1-901", **{"group": "p1-g901"} | other)
    found = problems(data, capsys)
    assert len(found) == wrong
    assert not wrong or found[0].endswith("with other labels: neutral there, negative here")


def test_the_summary_is_not_written_over_a_card_while_there_are_problems(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (data / "README.md").read_bytes()
    append(data, "train/p1", "机修组今天几点换班", sentiment="angry")
    assert main([str(data / "feedback"), "--write-card"]) == 1
    assert (data / "README.md").read_bytes() == before
    assert "the card was left as it is" in capsys.readouterr().err


def test_write_card_puts_the_counts_between_the_markers(data: Path) -> None:
    before = (data / "README.md").read_text(encoding="utf-8")
    assert main([str(data / "feedback"), "--write-card"]) == 0
    after = (data / "README.md").read_text(encoding="utf-8")
    assert f"| **all** | all | {4 * KEPT} |" in after
    assert before.partition("## Summary")[0] == after.partition("## Summary")[0]
    assert before.partition("## Corrections")[2] == after.partition("## Corrections")[2]


def test_a_card_without_markers_is_refused() -> None:
    with pytest.raises(InputError, match="lacks the lines"):
        put_summary("# Data card\n", "| |")


def test_a_folder_without_data_or_themes_fails_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "feedback")]) == 1
    assert "themes.yaml" in capsys.readouterr().err
    shutil.copy(DATA / "themes.yaml", tmp_path)
    assert main([str(tmp_path / "feedback")]) == 1
    assert "has no .jsonl file" in capsys.readouterr().err


def test_similarity_counts_shared_grams_and_leaves_punctuation_out() -> None:
    pairs = similar_pairs(["甲乙丙丁", "甲乙丙戊", "甲，乙丙丁。", "/", "无", "。无"], 0.3)
    assert [(p.first, p.second, round(p.similarity, 2)) for p in pairs] == [
        (0, 2, 1.0),
        (4, 5, 1.0),
        (0, 1, 0.33),
        (1, 2, 0.33),
    ]
