"""``fbclass classify`` as a user runs it: the installed command, real files, exit statuses and what is left behind."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest

from fbclass.bundle import Decision, read_info, write_info

COMMAND = [sys.executable, "-m", "fbclass.command.main"]
COMMENTS = [
    "报销单交上去一个月了还没批,问了也没人回",
    "系统之间数据不通,同一张表要填三遍",
    "无",
    "无",
    None,
    "=1+1,这条意见以等号开头,但它不是公式",
    "感谢信息部的同事,响应很及时",
]


def fbclass(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name != "FBCLASS_LANG"}
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        env=clean | {"PYTHONUTF8": "1"} | environment,
        timeout=120,
    )


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["序号", "提交答卷时间", "1、您所在的部门", "2、您有什么建议?"])
    for number, comment in enumerate(COMMENTS, 1):
        sheet.append([number, f"2025/3/{number} 9:30:00", "财务部" if number % 2 else "采购部", comment])
        sheet.cell(number + 1, 4).data_type = "s" if comment else "n"
    path = tmp_path / "调查.xlsx"
    book.save(path)
    return path


def test_a_workbook_comes_back_with_its_tags(survey: Path, tiny_model: Path) -> None:
    result = fbclass("classify", survey, "--model", tiny_model)
    assert result.returncode == 0, result.stderr
    out = survey.with_name("调查_已分类.xlsx")
    assert str(out) in result.stdout
    assert "共 6 条意见（另有 1 条空白）" in result.stdout
    assert "D 2、您有什么建议?" in result.stderr and "提交答卷时间" in result.stderr
    assert "识别" in result.stderr
    sheet = openpyxl.load_workbook(out).active
    rows = list(sheet.iter_rows(values_only=True))
    assert [row[3] for row in rows[1:]] == COMMENTS
    assert rows[0][4:9] == ("主题", "情感", "依据", "涉及对象", "需复核")
    assert all(row[5] in ("负面", "中性", "正面") for row in rows[1:] if row[3])
    assert rows[3][4:] == rows[4][4:]  # the same text, the same tags
    assert rows[5][4:] == (None,) * (len(rows[0]) - 4)


def test_english_quiet_and_other_formats(survey: Path, tiny_model: Path, tmp_path: Path) -> None:
    for ending in (".csv", ".tsv", ".jsonl", ".parquet"):
        if ending == ".parquet":
            pytest.importorskip("pyarrow")
        out = tmp_path / f"out{ending}"
        result = fbclass("classify", survey, "-o", out, "--model", tiny_model, "--quiet", FBCLASS_LANG="en")
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
        assert out.stat().st_size > 0
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as stream:
        assert "Sentiment" in next(csv.reader(stream))
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(lines) == len(COMMENTS)
    assert lines[0]["序号"] == 1 and lines[0]["sentiment"]["label"] in ("negative", "neutral", "positive")
    result = fbclass("--lang", "en", "classify", survey, "--model", tiny_model)
    assert "6 comments (and 1 blank)" in result.stdout


def test_the_report_is_written_beside(survey: Path, tiny_model: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    result = fbclass("classify", survey, "--model", tiny_model, "--report", report)
    assert result.returncode == 0, result.stderr
    assert str(report) in result.stdout
    assert report.read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html")


def test_precision_can_be_preferred(survey: Path, tiny_model: Path, tmp_path: Path) -> None:
    refused = fbclass("classify", survey, "--model", tiny_model, "--prefer", "precision")
    assert (refused.returncode, refused.stdout) == (1, "") and "没有精确取向" in refused.stderr
    assert not survey.with_name("调查_已分类.xlsx").exists()
    model = shutil.copytree(tiny_model, tmp_path / "model")
    info = read_info(model)
    write_info(model, replace(info, precision=Decision(dict.fromkeys(info.schema.ids, 0.99999), 0.9)))
    themes = {}
    for preference in ("balance", "precision"):
        out, report = tmp_path / f"{preference}.jsonl", tmp_path / f"{preference}.html"
        options = ("--model", model, "--prefer", preference, "-q")
        assert fbclass("classify", survey, "-o", out, *options).returncode == 0
        lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
        themes[preference] = json.dumps(lines, ensure_ascii=False).count('"evidence"')
        assert fbclass("report", survey, "-o", report, *options).returncode == 0
        assert ("没有意见被归到任何协作问题" in report.read_text(encoding="utf-8")) == (preference == "precision")
    assert themes["precision"] == 0 < themes["balance"]


def test_existing_results_and_the_input_are_not_overwritten(survey: Path, tiny_model: Path, tmp_path: Path) -> None:
    before = survey.read_bytes()
    out = tmp_path / "out.xlsx"
    out.write_bytes(b"corrected by hand")
    refused = fbclass("classify", survey, "-o", out, "--model", tiny_model)
    assert refused.returncode == 1 and "--force" in refused.stderr
    assert out.read_bytes() == b"corrected by hand"
    assert fbclass("classify", survey, "-o", out, "--model", tiny_model, "--force").returncode == 0
    assert out.read_bytes().startswith(b"PK")
    refused = fbclass("classify", survey, "-o", survey, "--model", tiny_model, "--force")
    assert refused.returncode == 1 and "覆盖" in refused.stderr
    refused = fbclass("classify", survey, "--report", tmp_path / "r.pdf", "--model", tiny_model)
    assert refused.returncode == 1 and ".html" in refused.stderr
    assert survey.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "content", "arguments", "says"),
    [
        ("a.xlsx", None, (), "不存在"),
        ("a.xlsx", b"no workbook", (), "已损坏"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), (), "密码"),
        ("a.csv", "编号,建议\n1,审批太慢没人管\n".encode(), ("--column", "评论"), "没有“评论”"),
        ("a.csv", "编号,建议\n1,审批太慢没人管\n".encode(), ("--sheet", "1"), "--sheet"),
        ("a.csv", "编号,建议\n1,审批太慢没人管\n".encode(), ("-o", "none/b.csv"), "不存在"),
        ("a.csv", "编号,建议\n1,审批太慢没人管\n".encode(), ("--model", "no-such-model"), "no-such-model"),
        ("a.csv", "建议\n".encode() + b"\xff\xff", (), "第 2 行"),
        ("a.csv", ("建议\n" + "慢" * 4_000_000).encode(), ("--column", "建议"), "第 2 行 A 列"),
        ("a.jsonl", '{"text": "好"}\n{"text": '.encode(), (), "第 2 行"),
        ("a.pdf", b"%PDF", (), "不认识"),
    ],
    ids=["missing", "damaged", "encrypted", "column", "sheet", "folder", "model", "encoding", "huge", "json", "ending"],
)
def test_bad_input_gets_one_sentence_and_leaves_nothing(
    tmp_path: Path, name: str, content: bytes | None, arguments: tuple[str, ...], says: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    before = sorted(tmp_path.iterdir())
    result = fbclass("classify", path, *arguments)
    assert result.returncode == 1
    assert says in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr and result.stdout == ""
    assert sorted(tmp_path.iterdir()) == before


def test_wrong_use_is_status_2_in_the_language_asked_for() -> None:
    missing = fbclass("classify")
    assert missing.returncode == 2 and "缺少参数 IN" in missing.stderr
    unknown = fbclass("classify", "a.csv", "--colum", "x", FBCLASS_LANG="en")
    assert unknown.returncode == 2 and "--column" in unknown.stderr and "用法" not in unknown.stderr
    assert fbclass("clasify").returncode == 2
    assert fbclass("classify", "a.csv", "--lang", "fr").returncode == 2


def test_help_is_chinese_by_default_and_english_on_request() -> None:
    chinese, english = fbclass("--help"), fbclass("--lang", "en", "--help")
    assert (chinese.returncode, english.returncode) == (0, 0)
    assert "用法" in chinese.stdout and "命令" in chinese.stdout
    assert "Usage" in english.stdout and "用法" not in english.stdout
    for name in ("classify", "report", "evaluate"):
        assert name in chinese.stdout and name in english.stdout
    for result in (fbclass("classify", "--help"), fbclass("classify", "--help", FBCLASS_LANG="en")):
        for option in ("--output", "--column", "--sheet", "--department", "--report", "--model", "--force", "--quiet"):
            assert option in result.stdout


def test_help_does_not_wait_for_heavy_imports() -> None:
    code = (
        "import sys; from fbclass.command.main import run; status = run(['--help']); "
        "heavy = {'onnxruntime', 'openpyxl', 'numpy', 'tokenizers', 'jinja2', 'tqdm', 'pyarrow'} & set(sys.modules); "
        "sys.exit(f'imported: {heavy}' if heavy else status)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8")
    assert result.returncode == 0, result.stderr


def many(path: Path, count: int) -> Path:
    path.write_text(
        "\n".join(f"第{n}次报销单交上去了还没有批,问了财务也没人回" for n in range(count)), encoding="utf-8"
    )
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_an_interrupted_run_leaves_no_output(tmp_path: Path, tiny_model: Path, number: int, status: int) -> None:
    source = many(tmp_path / "in.txt", 200_000)
    with subprocess.Popen(
        [*COMMAND, "classify", str(source), "--model", str(tiny_model)],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        # What a shell starts in the background ignores SIGINT, and so would whatever it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stderr is not None
        seen = b""
        while b"%" not in seen:  # the progress bar: work has begun
            chunk = process.stderr.read1(4096)
            assert chunk, seen
            seen += chunk
        process.send_signal(number)
        rest = process.stderr.read()
    assert process.returncode == status
    assert b"Traceback" not in rest
    assert [path.name for path in tmp_path.iterdir()] == ["in.txt"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_kill_at_any_moment_leaves_all_or_nothing(tmp_path: Path, tiny_model: Path) -> None:
    source, out = many(tmp_path / "in.txt", 400), tmp_path / "out.csv"
    for delay in (0.1, 0.3, 0.5, 0.7, 0.9):
        out.unlink(missing_ok=True)
        with subprocess.Popen(
            [*COMMAND, "classify", str(source), "-o", str(out), "--model", str(tiny_model), "--quiet"],
            stdout=subprocess.DEVNULL,
        ) as process:
            time.sleep(delay)
            process.kill()
        if out.exists():
            rows = list(csv.reader(io.StringIO(out.read_text(encoding="utf-8-sig"))))
            assert len(rows) == 401 and len({len(row) for row in rows}) == 1
