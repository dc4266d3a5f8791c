"""Output files are complete or absent, and never the input."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fbclass.errors import OutputError
from fbclass.tables import check_format, check_output, default_output, replacing


def test_the_input_is_never_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "in.csv"
    source.write_text("x")
    link, hard = tmp_path / "link.csv", tmp_path / "hard.csv"
    link.symlink_to(source)
    os.link(source, hard)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    for path in (source, Path("in.csv"), Path("sub/../in.csv"), link, hard, Path("IN.CSV")):
        with pytest.raises(OutputError, match="overwrite the input"):
            check_output(path, [source], force=True)
        with pytest.raises(OutputError, match="overwrite the input"):
            check_output(source, [path] if path.exists() else [source], force=True)


def test_an_output_that_exists_needs_force(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("corrected by hand")
    with pytest.raises(OutputError, match="--force"):
        check_output(out, [])
    check_output(out, [], force=True)
    assert out.read_text() == "corrected by hand"


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is a folder"):
        check_output(tmp_path, [])
    with pytest.raises(OutputError, match="does not exist"):
        check_output(tmp_path / "none" / "out.csv", [])
    if Path("/proc/self").is_dir():  # no rights there, not even for root
        with pytest.raises(OutputError, match="cannot be written"):
            check_output(Path("/proc/self/out.csv"), [])
    check_output(tmp_path / "out.csv", [])
    assert list(tmp_path.iterdir()) == []


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(out) as handle:
        handle.write(b"half")
        raise KeyboardInterrupt
    assert out.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


def test_a_link_goes_on_pointing_where_it_did(tmp_path: Path) -> None:
    target, link = tmp_path / "real.csv", tmp_path / "link.csv"
    target.write_text("old")
    link.symlink_to(target)
    with replacing(link) as handle:
        handle.write(b"new")
    assert link.is_symlink() and target.read_text() == "new"


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_kill_in_the_middle_of_writing_leaves_no_output(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    code = (
        "import sys, time; from pathlib import Path; from fbclass.tables import replacing\n"
        "with replacing(Path(sys.argv[1])) as handle:\n"
        "    handle.write(b'half'); handle.flush(); print('half', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(out)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not out.exists()
    assert all(p.name.startswith(".fbclass-") for p in tmp_path.iterdir())


def test_names_and_endings(tmp_path: Path) -> None:
    assert default_output(Path("a/调查.2025.xlsx")) == Path("a/调查.2025_已分类.xlsx")
    assert default_output(Path("a.txt")) == Path("a_已分类.csv")
    check_format(Path("o.XLSX"), Path("i.csv"))
    check_format(Path("o.xlsm"), Path("i.xlsm"))
    for name in ("o.txt", "o", "o.xls", "o.docx", "o.xlsm"):
        with pytest.raises(OutputError, match="cannot be written"):
            check_format(Path(name), Path("i.xlsx"))
