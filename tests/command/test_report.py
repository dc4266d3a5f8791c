"""``fbclass report``: from a survey to the file on disk, and back with what is wrong."""

import csv
from pathlib import Path

import pytest

from fbclass.command.main import run

COMMENTS = [
    ("财务部", "报销单交上去一个月了还没有批，问了也没有人回复"),
    ("财务部", "系统改了口径没有通知我们，数字对不上"),
    ("销售部", "两个部门的考核指标互相矛盾，谁也不让谁"),
    ("销售部", "新老同事做事的习惯不一样，常常有误会"),
    ("生产部", "行政的同事很热心，问题当天就解决了"),
    ("生产部", ""),
]


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    """36 rows: a number, a department and one open question."""
    path = tmp_path / "survey.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["序号", "您所在的部门", "您对跨部门协作有什么意见和建议？"])
        for number in range(36):
            department, comment = COMMENTS[number % 6]
            writer.writerow([number + 1, department, comment and f"{comment}（{number}）"])
    return path


def test_the_report_lies_beside_the_survey(survey, tiny_model, capsys) -> None:
    before = survey.read_bytes()
    assert run(["report", str(survey), "--model", str(tiny_model)]) == 0
    report = survey.with_name("survey_报告.html")
    html = report.read_text(encoding="utf-8")
    assert "基数：30 条非空意见" in html and "另有 6 条空白" in html and "来源：survey.csv" in html
    assert all(department in html for department in ("财务部", "销售部", "生产部"))
    assert survey.read_bytes() == before
    assert sorted(path.name for path in survey.parent.iterdir()) == ["survey.csv", "survey_报告.html"]
    out = capsys.readouterr().out
    assert "共 30 条意见" in out and str(report) in out


def test_in_english_to_another_place_and_silent(survey, tiny_model, tmp_path, capsys) -> None:
    target = tmp_path / "report.html"
    arguments = ["report", str(survey), "-o", str(target), "--lang", "en", "-q", "--model", str(tiny_model)]
    assert run(arguments) == 0
    assert "Base: 30 comments" in target.read_text(encoding="utf-8")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_tags_that_stand_in_the_table_are_kept(survey, tiny_model, tmp_path, capsys) -> None:
    tagged, report = tmp_path / "tagged.csv", tmp_path / "report.html"
    model = ["--model", str(tiny_model)]
    assert run(["classify", str(survey), "-o", str(tagged), "-q", *model]) == 0
    with tagged.open(encoding="utf-8-sig", newline="") as handle:
        header, *rows = csv.reader(handle)
    theme = next(index for index, name in enumerate(header) if "主题" in name and "分" not in name)
    for row in rows:
        if row[2]:
            row[theme] = "文化差异"  # corrected by hand
    with tagged.open("w", encoding="utf-8-sig", newline="") as handle:
        csv.writer(handle).writerows([header, *rows])

    assert run(["report", str(tagged), "-o", str(report), *model]) == 0
    assert "30 条沿用表格里已有的标签" in report.read_text(encoding="utf-8")
    assert "30 条意见，占 100%" in report.read_text(encoding="utf-8")
    assert "--reclassify" in capsys.readouterr().err

    assert run(["report", str(tagged), "-o", str(report), "--reclassify", "--force", "-q", *model]) == 0
    assert "沿用表格里已有的标签" not in report.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["missing.csv"], "missing.csv"),
        (["survey.csv", "--column", "没有这一列"], "没有这一列"),
        (["survey.csv", "-o", "report.pdf"], "report.pdf：报告是网页文件"),
        (["survey.csv", "-o", "nowhere/report.html"], "nowhere"),
        (["survey.csv", "-o", "old.html"], "--force"),
        (["survey.csv", "--model", "no-model"], "no-model"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(arguments, sentence, survey, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.html").write_text("old")
    assert run(["report", *arguments, "-q"]) == 1
    error = capsys.readouterr().err
    assert sentence in error and len(error.strip().splitlines()) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["old.html", "survey.csv"]
    assert (tmp_path / "old.html").read_text() == "old"


@pytest.mark.parametrize(("language", "word"), [("zh", "报告文件"), ("en", "report file")])
def test_help_names_every_option(language, word, capsys) -> None:
    assert run(["report", "--help", "--lang", language]) == 0
    text = capsys.readouterr().out
    assert word in text
    for option in ("--column", "--sheet", "--department", "--model", "--reclassify", "--force", "--lang", "-o"):
        assert option in text
