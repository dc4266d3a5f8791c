"""Cases are read strictly, and each kind fails exactly when its labels are not as asked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from fbclass.errors import InputError
from fbclass.results import SENTIMENTS, Prediction, Sentiment, SentimentLabel, ThemeTag
from training.behaviour import Behaviour, as_markdown, load_cases, main, parse_case, run_cases

DATA = Path(__file__).parents[2] / "data"
SLOW, SILO = "slow_response", "information_silo"
Said = Mapping[str, tuple[tuple[str, ...], SentimentLabel]]


def case(kind: str, capability: str = "made_up", **fields: Any) -> dict[str, Any]:
    return {"id": f"{capability}-01", "capability": capability, "kind": kind, "text": "慢", **fields}


def prediction(text: str, themes: Sequence[str], sentiment: SentimentLabel) -> Prediction:
    return Prediction(
        id=None,
        text=text,
        themes=tuple(ThemeTag(theme, theme, 0.9, ()) for theme in themes),
        sentiment=Sentiment(sentiment, {label: float(label == sentiment) for label in SENTIMENTS}),
        about=(),
        scores={},
        needs_review=False,
        truncated=False,
        model="made-up@1",
    )


def run(rows: Sequence[dict[str, Any]], said: Said) -> Behaviour:
    return run_cases([parse_case(row) for row in rows], lambda texts: [prediction(t, *said[t]) for t in texts])


@pytest.mark.parametrize(
    ("fields", "themes", "sentiment", "fails"),
    [
        ({"themes": [SLOW]}, [SLOW], "neutral", False),
        ({"themes": [SLOW]}, [], "negative", True),
        ({"themes": [SLOW]}, [SLOW, SILO], "negative", True),
        ({"themes": []}, [], "negative", False),
        ({"themes": []}, [SILO], "negative", True),
        ({"sentiment": "neutral"}, [SILO], "neutral", False),
        ({"sentiment": "neutral"}, [], "negative", True),
        ({"themes": [SLOW, SILO], "sentiment": "negative"}, [SILO, SLOW], "negative", False),
        ({"themes": [SLOW, SILO], "sentiment": "negative"}, [SILO, SLOW], "neutral", True),
    ],
)
def test_minimum_functionality(fields: Any, themes: list[str], sentiment: SentimentLabel, fails: bool) -> None:
    assert bool(run([case("mft", **fields)], {"慢": (tuple(themes), sentiment)}).failures) == fails


@pytest.mark.parametrize(
    ("themes", "sentiment", "fails"),
    [([SLOW], "negative", False), ([SLOW], "neutral", True), ([], "negative", True), ([SLOW, SILO], "negative", True)],
)
def test_invariance(themes: list[str], sentiment: SentimentLabel, fails: bool) -> None:
    found = run([case("inv", variants=["很慢"])], {"慢": ((SLOW,), "negative"), "很慢": (tuple(themes), sentiment)})
    assert bool(found.failures) == fails


@pytest.mark.parametrize(
    ("fields", "before", "after", "fails"),
    [
        ({"loses": [SLOW]}, [SLOW], [], False),
        ({"loses": [SLOW]}, [SLOW], [SLOW], True),
        ({"loses": [SLOW]}, [], [], True),  # it was never seen
        ({"gains": [SILO]}, [SLOW], [SLOW, SILO], False),
        ({"gains": [SILO]}, [SILO], [SILO], True),  # it was there before
        ({"gains": [SILO]}, [], [], True),
        ({"gains": [SILO], "keeps": [SLOW]}, [SLOW], [SILO], True),
        ({"gains": [SILO], "keeps": [SLOW]}, [SLOW], [SILO, SLOW], False),
        ({"loses": [SLOW]}, [SLOW, SILO], [SILO], False),  # of other themes nothing is asked
    ],
)
def test_themes_change_in_the_stated_direction(fields: Any, before: list[str], after: list[str], fails: bool) -> None:
    said: Said = {"慢": (tuple(before), "negative"), "不慢": (tuple(after), "negative")}
    assert bool(run([case("dir", variants=["不慢"], **fields)], said).failures) == fails


@pytest.mark.parametrize("before", SENTIMENTS)
@pytest.mark.parametrize("after", SENTIMENTS)
def test_the_sentiment_rises_or_falls(before: SentimentLabel, after: SentimentLabel) -> None:
    said: Said = {"慢": ((), before), "不慢": ((), after)}
    step = SENTIMENTS.index(after) - SENTIMENTS.index(before)
    for direction, wanted in (("up", step > 0), ("down", step < 0)):
        found = run([case("dir", variants=["不慢"], sentiment=direction)], said)
        assert bool(found.failures) != wanted


def test_a_case_fails_once_and_its_pairs_are_counted_each() -> None:
    rows = [
        case("inv", "gender", variants=["她慢", "他慢", "慢他"]),
        {**case("inv", "region", variants=["北京慢"]), "id": "region-07"},
        {**case("inv", "typos", variants=["漫"]), "id": "typos-01"},
    ]
    rows[1]["text"], rows[2]["text"] = "南京慢", "蛮"
    same: tuple[tuple[str, ...], SentimentLabel] = ((SLOW,), "negative")
    said: Said = dict.fromkeys(["慢", "慢他", "南京慢", "北京慢", "蛮"], same)
    said = {**said, "她慢": ((), "negative"), "他慢": ((SLOW,), "neutral"), "漫": ((), "neutral")}
    found = run(rows, said)
    assert [failure.text for failure in found.failures] == ["她慢", "他慢", "漫"]
    assert (found.failed("gender"), found.failed("region"), found.failed()) == ((1, 1), (0, 1), (2, 3))
    assert found.identity_pairs == (2, 4)
    assert found.to_dict()["identity_pairs"] == {"changed": 2, "pairs": 4}
    assert found.to_dict()["capabilities"]["typos"] == {"failed": 1, "cases": 1}
    table = as_markdown(found)
    assert "| gender | inv | 1 | 1 | 100.0% |" in table and "| **all** |  | 3 | 2 | 66.7% |" in table
    assert "2 of 4 pairs got other labels (50.0%, gender 2)" in table
    expected = "gender-01: 慢 → 她慢: expected the same, found slow_response negative → negative"
    assert str(found.failures[0]) == expected


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([], "an object whose kind is one of"),
        ({**case("mft", themes=[]), "kind": "min"}, "an object whose kind is one of"),
        (case("mft"), "and some of themes, sentiment"),
        (case("inv"), "needs variants"),
        (case("inv", variants=[]), "needs variants"),
        (case("dir", variants=["不慢"]), "and some of"),
        (case("dir", loses=[SLOW]), "needs variants"),
        (case("mft", themes=[], gains=[SLOW]), "and some of"),
        (case("inv", variants=["不慢"], sentiment="up"), "and some of"),
        (case("mft", themes=SLOW), "themes must be a list of texts"),
        (case("inv", variants=[1]), "variants must be a list of texts"),
        ({**case("mft", themes=[]), "text": " "}, "text must be a text"),
        (case("mft", sentiment="up"), "sentiment must be one of negative, neutral, positive"),
        (case("dir", variants=["不慢"], sentiment="negative"), "sentiment must be one of up, down"),
    ],
)
def test_a_broken_case_is_refused(tmp_path: Path, row: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_case(row)
    good = json.dumps(case("mft", themes=[]))
    (tmp_path / "cases.jsonl").write_text(f"{good}\n{json.dumps(row)}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"cases\.jsonl, line 2: .*" + message):
        load_cases(tmp_path)


def test_the_command_prints_rates_and_failures(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("minimum", "invariance"):
        lines = (DATA / "behaviour" / f"{name}.jsonl").read_bytes().splitlines(keepends=True)
        (tmp_path / f"{name}.jsonl").write_bytes(b"".join(lines[:10]))
    arguments = ["--model", str(tiny_model), "--cases", str(tmp_path)]
    assert main(arguments) == 0
    table = capsys.readouterr().out
    assert "| plain_theme | mft | 10 |" in table and "| **all** |  | 20 |" in table
    assert main([*arguments, "--show-failures"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(table)
    (failed,) = [int(line.split(" | ")[3]) for line in table.splitlines() if line.startswith("| **all**")]
    named = {line.split(":")[0] for line in printed.removeprefix(table).splitlines() if line}
    assert len(named) == failed > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--cases", "no-such-folder"], "has no .jsonl file"), (["--model", "no-such-folder"], "is not a model folder")],
)
def test_what_is_missing_is_said(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--cases", str(DATA / "behaviour"), *arguments]) == 1
    assert message in capsys.readouterr().err
