"""The baselines learn, choose on dev alone, and are reported in one table with the model."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from fbclass.errors import InputError
from fbclass.evaluation import evaluate, read_gold
from fbclass.results import SENTIMENTS
from fbclass.schema import ThemeSchema
from training import evaluate as script
from training.baselines import CHARACTERS, WORDS, Baseline, fit_baselines, prepare, words
from training.data import Comment, load_comments

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(scope="module")
def schema() -> ThemeSchema:
    return ThemeSchema.load(DATA / "themes.yaml")


def some(split: str, *, every: int = 1) -> list[Comment]:
    return load_comments(DATA / "feedback", split)[::every]


@pytest.fixture(scope="module")
def baselines(schema: ThemeSchema) -> list[Baseline]:
    return fit_baselines(some("train", every=6), some("dev", every=3), schema)


@pytest.fixture(scope="module")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's data with a fraction of the rows."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "themes.yaml").write_bytes((DATA / "themes.yaml").read_bytes())
    for split, every in (("train", 20), ("dev", 8), ("test", 10)):
        (folder / "feedback" / split).mkdir(parents=True)
        for file in (DATA / "feedback" / split).glob("*.jsonl"):
            lines = file.read_bytes().splitlines(keepends=True)[::every]
            (folder / "feedback" / split / file.name).write_bytes(b"".join(lines))
    return folder / "feedback"


def test_both_learn_from_a_sixth_of_the_rows(baselines: list[Baseline], schema: ThemeSchema) -> None:
    assert [b.name for b in baselines] == [WORDS, CHARACTERS]
    gold = read_gold(DATA / "feedback" / "dev", schema)
    for baseline in baselines:
        found = evaluate(gold, baseline.classify([row.text for row in gold]))
        # Far above always saying the same: 0.30 and 0.47 on these rows.
        assert found.macro_f1.value > 0.5
        assert found.sentiment.accuracy.value > 0.58


def test_predictions_have_the_shape_of_the_models(baselines: list[Baseline], schema: ThemeSchema) -> None:
    texts = ["报销单交上去一个月了还没批,催了也没人回", "", "謝謝IT同事,響應很及時👍"]
    for baseline in baselines:
        predictions = baseline.classify(texts)
        assert [p.text for p in predictions] == texts
        for p in predictions:
            assert tuple(p.scores) == schema.ids
            over = [i for i, t in zip(schema.ids, baseline.thresholds, strict=True) if p.scores[i] >= t]
            assert sorted(tag.id for tag in p.themes) == sorted(over)
            assert [tag.score for tag in p.themes] == sorted((p.scores[i] for i in over), reverse=True)
            assert p.sentiment.label == max(SENTIMENTS, key=lambda s: p.sentiment.scores[s])
            assert sum(p.sentiment.scores.values()) == pytest.approx(1)
        assert [tag.id for tag in predictions[0].themes] == ["slow_response"]


def test_thresholds_are_the_best_on_dev(baselines: list[Baseline], schema: ThemeSchema) -> None:
    dev = some("dev", every=3)
    for baseline in baselines:
        scores = baseline.themes.predict_proba(prepare([c.text for c in dev]))
        for k, theme in enumerate(schema.ids):
            gold = np.array([theme in c.themes for c in dev])

            def f1(threshold: float, k: int = k, gold: np.ndarray = gold, scores: np.ndarray = scores) -> float:
                given = scores[:, k] >= threshold
                return float(2 * (given & gold).sum() / (given.sum() + gold.sum()))

            assert f1(baseline.thresholds[k]) == pytest.approx(max(map(f1, scores[:, k])))


def test_text_is_read_through_the_pipeline_of_the_model() -> None:
    assert prepare(["審批太慢ＡＢＣ"]) == ["审批太慢abc"]
    assert words("审批 太慢") == ["审批", "太慢"]


def test_the_report_measures_everything_on_the_same_rows(
    small_data: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--model", str(tiny_model), "--data", str(small_data), "--output", str(tmp_path / "out")]
    assert script.main(arguments) == 0
    printed = capsys.readouterr().out
    assert (tmp_path / "out" / "evaluation.md").read_text(encoding="utf-8") == printed
    data = json.loads((tmp_path / "out" / "evaluation.json").read_text(encoding="utf-8"))
    *names, model = data["systems"]
    assert names == [WORDS, CHARACTERS] and model.startswith("tiny@")
    assert len({system["rows"] for system in data["systems"].values()}) == 1
    for name, system in data["systems"].items():
        assert f"| {name} | {system['macro_f1']['value']:.3f} (" in printed
    gain = min(data["systems"][model]["macro_f1"]["value"] - data["systems"][n]["macro_f1"]["value"] for n in names)
    assert re.search(rf"\| theme macro-F1 \| [^|]+ \| {re.escape(f'{100 * gain:+.1f}')} \(", printed)
    assert all(f"| {file} | {model} |" in printed for file in ("p5", "p13", "p17"))
    for block in re.findall(r"(?:^\|.*\n)+", printed, re.MULTILINE):
        assert len({line.count("|") for line in block.splitlines()}) == 1


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
        (["--split", "dev", "--write_card"], "--write-card needs a model and --split test"),
        (["--model", "", "--write-card"], "--write-card needs a model"),
        (["--model", "no-such-folder"], "no-such-folder is not a model folder"),
    ],
)
def test_wrong_use_is_said_before_the_work(
    small_data: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main(["--data", str(small_data), *arguments]) == 1
    assert message in capsys.readouterr().err
