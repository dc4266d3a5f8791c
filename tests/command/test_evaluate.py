"""``fbclass evaluate`` with a real model on real files."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from pathlib import Path

import openpyxl
import pytest

from fbclass.classifier import Classifier
from fbclass.command.main import run
from fbclass.evaluation import evaluate, find_mistakes, read_gold

DEV = Path(__file__).parents[2] / "data" / "feedback" / "dev" / "p16.jsonl"


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    path = tmp_path / "labelled.jsonl"
    path.write_bytes(b"".join(DEV.read_bytes().splitlines(keepends=True)[:80]))
    return path


def test_the_tables_tell_the_figures_of_the_library(
    labelled: Path, tiny_model: Path, classifier: Classifier, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", str(labelled), "--model", str(tiny_model)]) == 0
    printed = capsys.readouterr()
    gold = read_gold(labelled, classifier.schema)
    expected = evaluate(gold, classifier.classify([row.text for row in gold]))
    lines = printed.out.splitlines()
    assert lines[0].startswith(f"模型 {classifier.name}，80 条")
    for score in expected.themes:
        (line,) = (x for x in lines if x.startswith(classifier.schema[score.label].name_zh))
        assert f" {score.support}  " in line
        assert not score.f1.defined or f"{score.f1.value:.3f} [{score.f1.low:.3f}, {score.f1.high:.3f}]" in line
    (accuracy,) = (x for x in lines if x.startswith("情感准确率"))
    assert f"{expected.sentiment.accuracy.value:.1%} [" in accuracy
    assert any(line.startswith("依据 F1") for line in lines)
    assert "80/80" in printed.err  # progress does not mix with results


def test_labels_that_the_model_wrote_are_noticed(
    labelled: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [json.loads(line)["text"] for line in labelled.read_text(encoding="utf-8").splitlines()[:40]]
    plain = tmp_path / "plain.csv"
    plain.write_text("文本\n" + "\n".join('"' + text.replace('"', '""') + '"' for text in texts), encoding="utf-8")
    own = tmp_path / "own.csv"
    assert run(["classify", str(plain), "-o", str(own), "--model", str(tiny_model), "--quiet"]) == 0
    capsys.readouterr()
    for path, language, note in (
        (own, "zh", "这些标签与模型的结果几乎处处相同"),
        (own, "en", "these labels are almost everywhere what the model says"),
        (labelled, "zh", None),
    ):
        assert run(["evaluate", str(path), "--model", str(tiny_model), "--lang", language, "--quiet"]) == 0
        said = capsys.readouterr().err
        assert (note in said) if note else ("处处相同" not in said)


def test_columns_are_aligned_though_chinese_is_wide(
    labelled: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for language, head in (("zh", "主题"), ("en", "Theme")):
        assert run(["evaluate", str(labelled), "--model", str(tiny_model), "--lang", language, "--quiet"]) == 0
        lines = capsys.readouterr().out.splitlines()
        start = next(i for i, line in enumerate(lines) if line.split()[:1] == [head])
        last = [line.split()[-1] for line in lines[start : start + 5]]
        ends = [sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in line) for line in lines[start : start + 5]]
        begins = {end - (len(word) if i else 0) for i, (end, word) in enumerate(zip(ends, last, strict=True)) if i}
        assert len(begins) == 1


def test_english_output_has_no_chinese(labelled: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", str(labelled), "--model", str(tiny_model), "--lang", "en"]) == 0
    printed = capsys.readouterr()
    assert "Slow response" in printed.out
    assert not any("\u4e00" <= c <= "\u9fff" for c in printed.out + printed.err)


def test_mistakes_and_figures_go_to_files(
    labelled: Path, tiny_model: Path, classifier: Classifier, tmp_path: Path
) -> None:
    errors, figures = tmp_path / "错误.csv", tmp_path / "all.json"
    arguments = ["evaluate", str(labelled), "--model", str(tiny_model), "-q"]
    assert run([*arguments, "--errors", str(errors), "--json", str(figures)]) == 0
    gold = read_gold(labelled, classifier.schema)
    predictions = classifier.classify([row.text for row in gold])
    mistakes = find_mistakes(gold, predictions)
    assert errors.read_bytes().startswith("\ufeff".encode())
    rows = list(csv.DictReader(io.StringIO(errors.read_text(encoding="utf-8-sig"))))
    assert [int(row["行"]) for row in rows] == [gold[m.row].row for m in mistakes] != []
    assert {row["文件"] for row in rows} == {"labelled.jsonl"}
    assert rows[0]["文本"] == gold[mistakes[0].row].text
    confidence = [float(row["模型的把握"]) for row in rows]
    assert confidence == sorted(confidence, reverse=True)
    written = json.loads(figures.read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(evaluate(gold, predictions).to_dict()))


def test_a_cell_that_looks_like_a_formula_stays_text(tmp_path: Path, tiny_model: Path) -> None:
    path = tmp_path / "a.jsonl"
    row = {"text": "=1+1|审批太慢", "themes": [], "sentiment": "positive"}
    other = {"text": "=1+1|审批太慢", "themes": ["culture_gap", "goal_conflict"], "sentiment": "negative"}
    path.write_text(f"{json.dumps(row)}\n{json.dumps(other)}\n", encoding="utf-8")
    errors = tmp_path / "e.csv"
    assert run(["evaluate", str(path), "--model", str(tiny_model), "-q", "--errors", str(errors)]) == 0
    texts = [row["文本"] for row in csv.DictReader(io.StringIO(errors.read_text(encoding="utf-8-sig")))]
    assert texts and set(texts) == {"'=1+1|审批太慢"}


def test_a_folder_and_a_workbook_are_read_too(
    labelled: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", str(labelled.parent), "--model", str(tiny_model), "-q"]) == 0
    assert "80 条标注意见" in capsys.readouterr().out
    book = openpyxl.Workbook()
    for row in (["评论", "主题", "情感"], ["催了三遍没人理", "响应慢", "负面"], ["很好", None, "正面"]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    assert run(["evaluate", str(tmp_path / "a.xlsx"), "--column", "评论", "--model", str(tiny_model), "-q"]) == 0
    assert "2 条标注意见" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text": "慢", "themes": ["slow"], "sentiment": "negative"}', "a.jsonl 第 1 行：主题“slow”不在主题定义里"),
        ('{"text": "慢", "themes": []}', "a.jsonl 里没有“情感”（或 sentiment）这一列"),
        ('{"text": "慢", "themes": [], "sentiment": "negative"}\n{', "a.jsonl 第 2 行不是有效的 JSON"),
    ],
)
def test_wrong_labels_end_with_one_sentence(
    tmp_path: Path, tiny_model: Path, content: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(content, encoding="utf-8")
    assert run(["evaluate", str(path), "--model", str(tiny_model)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("错误") and message in printed.err and printed.err.count("\n") == 1


def test_outputs_are_checked_before_the_work(
    labelled: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", str(labelled), "--model", str(tiny_model), "-q"]
    there = tmp_path / "there.csv"
    there.write_text("mine", encoding="utf-8")
    assert run([*arguments, "--errors", str(there)]) == 1
    assert there.read_text(encoding="utf-8") == "mine"
    assert run([*arguments, "--errors", str(there), "--force"]) == 0
    assert there.read_text(encoding="utf-8") != "mine"
    for option in (["--json", str(labelled), "--force"], ["--errors", str(there), "--json", str(there), "--force"]):
        capsys.readouterr()
        assert run([*arguments, *option]) == 1
        assert "会覆盖" in capsys.readouterr().err
    # A file inside the labelled folder must not become one of the labelled files' victims either.
    assert run(["evaluate", str(tmp_path), "--model", str(tiny_model), "--json", str(labelled), "--force"]) == 1
    assert labelled.read_bytes().startswith(b'{"id"')
