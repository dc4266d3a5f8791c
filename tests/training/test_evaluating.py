"""All systems are measured on the same comments; tables, page and JSON say the same."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from fbclass.bundle import read_info, write_info
from fbclass.errors import InputError
from training import evaluate as script
from training.baselines import CHARACTERS, WORDS
from training.data import load_comments
from training.robustness import CHANGES
from training.snownlp_baseline import SNOWNLP

DATA = Path(__file__).parents[2] / "data"
CASES = (
    {
        "id": "t-1",
        "capability": "praise",
        "kind": "mft",
        "text": "行政同事很热心",
        "themes": [],
        "sentiment": "positive",
    },
    {"id": "t-2", "capability": "gender", "kind": "inv", "text": "他三天没回邮件", "variants": ["她三天没回邮件"]},
)


@pytest.fixture(scope="module")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's data with a fraction of the rows, and two behavioural cases."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "themes.yaml").write_bytes((DATA / "themes.yaml").read_bytes())
    for split, every in (("train", 40), ("dev", 12), ("test", 14)):
        (folder / "feedback" / split).mkdir(parents=True)
        for file in (DATA / "feedback" / split).glob("*.jsonl"):
            lines = file.read_bytes().splitlines(keepends=True)[::every]
            (folder / "feedback" / split / file.name).write_bytes(b"".join(lines))
    (folder / "behaviour").mkdir()
    lines = [json.dumps(case, ensure_ascii=False) + "\n" for case in CASES]
    (folder / "behaviour" / "cases.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder / "feedback"


@dataclass(frozen=True)
class Run:
    """What one run of the command has printed and written."""

    printed: str
    data: dict[str, Any]
    page: str


@pytest.fixture(scope="module")
def done(small_data: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("out")
    config = script.EvaluateConfig(
        model=str(tiny_model),
        data=str(small_data),
        behaviour=str(small_data.parent / "behaviour"),
        html=str(out / "page.html"),
        output=str(out / "figures"),
    )
    printed = script.run(config)
    assert (out / "figures" / "evaluation.md").read_text(encoding="utf-8") == printed + "\n"
    data = json.loads((out / "figures" / "evaluation.json").read_text(encoding="utf-8"))
    return Run(printed, data, (out / "page.html").read_text(encoding="utf-8"))


def test_everything_is_measured_on_the_same_rows(done: Run) -> None:
    systems = done.data["systems"]
    *names, model = systems
    assert names == [WORDS, CHARACTERS, SNOWNLP] and model.startswith("tiny@")
    assert len({system["rows"] for system in systems.values()}) == 1
    for name in (WORDS, CHARACTERS, model):
        assert f"| {name} | {systems[name]['macro_f1']['value']:.3f} (" in done.printed
        assert f">{systems[name]['macro_f1']['value']:.3f}</td>" in done.page
    gain = min(systems[model]["macro_f1"]["value"] - systems[n]["macro_f1"]["value"] for n in (WORDS, CHARACTERS))
    assert re.search(rf"\| theme macro-F1 \| [^|]+ \| {re.escape(f'{100 * gain:+.1f}')} \(", done.printed)
    assert all(f"| {file} | {model} |" in done.printed for file in ("p5", "p13", "p17"))
    for block in re.findall(r"(?:^\|.*\n)+", done.printed + "\n", re.MULTILINE):
        assert len({line.count("|") for line in block.splitlines()}) == 1


def test_snownlp_has_a_sentiment_and_no_theme(done: Run) -> None:
    found = done.data["systems"][SNOWNLP]
    assert found.keys() == {"model", "rows", "groups", "sentiment"}
    (row,) = re.findall(rf"^\| {SNOWNLP} \|.*$", done.printed.split("\n\n")[1], re.MULTILINE)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert set(cells[1:-2]) == {"–"} and f"{found['sentiment']['accuracy']['value']:.1%} (" in cells[-2]


def test_changed_texts_and_behaviour_are_in_all_three(done: Run) -> None:
    *_, model = done.data["systems"]
    changes = [c for c in done.data["changes"] if c["system"] == model]
    assert [c["change"] for c in changes] == list(CHANGES)
    for change in changes:
        start = f"| {change['change']} | {model} | {change['altered']:.0%} | {change['macro_f1']:.3f} ("
        assert start in done.printed
        assert change["change"] in done.page
    assert done.data["behaviour"]["cases"] == len(CASES)
    assert "| gender | inv | 1 |" in done.printed and ">gender</th>" in done.page


def test_the_page_needs_nothing_else_and_plots_what_it_says(done: Run) -> None:
    assert "default-src 'none'" in done.page
    assert not re.search(r"<script|<img|<link|\bsrc=|\bhref=|https?://|url\(|@import", done.page)
    *_, model = done.data["systems"]
    e = done.data["systems"][model]
    for theme in e["themes"]:
        assert f"calibration error {theme['reliability']['error']:.3f}" in done.page
        filled = [b for b in theme["reliability"]["bins"] if b["count"]]
        assert filled
    every = [*(t["reliability"] for t in e["themes"]), e["sentiment"]["reliability"]]
    assert done.page.count('class="bin"') == sum(b["count"] > 0 for r in every for b in r["bins"])
    assert len(re.findall(r'class="dot" cx="(?:100|\d?\d)\.\d\d%"', done.page)) == done.page.count('class="dot"') > 80


def test_mistakes_are_quoted_from_dev_and_never_from_test(done: Run, small_data: Path) -> None:
    quotes = re.findall(r"<blockquote>(.*?)<small>", done.page)
    dev = {comment.text for comment in load_comments(small_data, "dev")}
    known = {
        text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&#34;").replace("'", "&#39;") for text in dev
    }
    assert quotes and set(quotes) <= known
    for comment in load_comments(small_data, "test"):
        assert comment.text not in done.page


def test_a_model_that_knows_dev_is_not_measured_on_it(small_data: Path, tiny_model: Path, tmp_path: Path) -> None:
    model = shutil.copytree(tiny_model, tmp_path / "model")
    write_info(model, replace(read_info(model), trained_on=("train", "dev")))
    with pytest.raises(InputError, match="was trained on dev too"):
        script.run(script.EvaluateConfig(model=str(model), data=str(small_data), split="dev", behaviour=""))


def test_the_baselines_alone_on_dev(small_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main(["--model", "", "--data", str(small_data), "--split", "dev"]) == 0
    printed = capsys.readouterr().out
    assert "of dev (p8, p16)" in printed and "chosen on these very comments" in printed
    assert "model minus baseline" not in printed


def test_the_card_gets_the_tables_between_its_markers() -> None:
    card = "# Card\n<!-- evaluation -->\nold\n<!-- /evaluation -->\nend\n"
    once = script.put_in_card(card, "| new |")
    assert once == "# Card\n<!-- evaluation -->\n\n| new |\n\n<!-- /evaluation -->\nend\n"
    assert script.put_in_card(once, "| new |") == once
    with pytest.raises(InputError, match="lacks the lines"):
        script.put_in_card("# Card\n<!-- /evaluation --> <!-- evaluation -->", "x")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--split", "train"], "--split train: use dev or test"),
        (["--examples", "train"], "--examples train: use dev, test or none"),
        (["--split", "dev", "--write_card"], "--write-card needs a model and --split test"),
        (["--model", "", "--write-card"], "--write-card needs a model"),
        (["--model", "", "--html", "x.html"], "--html x.html: it needs a model"),
        (["--html", "x.pdf"], "ends in .html"),
        (["--html", "no-such-folder/x.html"], "no-such-folder for x.html does not exist"),
        (["--model", "no-such-folder"], "no-such-folder is not a model folder"),
        (["--behaviour", "no-such-folder"], "no-such-folder has no .jsonl file"),
    ],
)
def test_wrong_use_is_said_before_the_work(
    small_data: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main(["--data", str(small_data), *arguments]) == 1
    error = capsys.readouterr().err
    assert message in error and "fitting" not in error
