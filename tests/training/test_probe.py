"""Probing encoders: sets of made-up sentences, tiny random encoders, real runs."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from fbclass.errors import InputError
from tests.fixtures.make_tiny_model import write_tiny_encoder
from training import probe as script
from training.loop import LoopConfig
from training.probe import ProbeConfig, fine_tune, main, probe
from training.probe_table import PUBLISHED, as_markdown, tokens_read
from training.sentences import epoch_batches, load_bench, read_rows

PLACES = ["房间", "早餐", "前台", "停车场", "电梯", "大堂", "毛巾", "空调", "网络", "茶水"]
FEELINGS = {"1": ["很好", "真不错", "让人满意"], "0": ["太差", "很糟糕", "让人失望"]}


def sentences() -> list[tuple[str, str]]:
    """60 different rows, long and short, both labels equally often."""
    rows = []
    for i, place in enumerate(PLACES):
        for label, words in FEELINGS.items():
            rows += [(label, f"{place}{word}" + "，去过的人都这么说" * (i % 3)) for word in words]
    return rows


def write(path: Path, rows: list[tuple[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("label\ttext_a\n" + "".join(f"{a}\t{b}\n" for a, b in rows), encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """Two sets that differ only in their dev labels, which are each other's opposite; two encoders."""
    folder = tmp_path_factory.mktemp("probe")
    rows = sentences()
    dev = [*rows[36:], *rows[:2]]  # the last two stand in train as well
    write(folder / "bench" / "chnsenticorp" / "train.tsv", rows[:36])
    write(folder / "bench" / "chnsenticorp" / "dev.tsv", dev)
    write(folder / "bench" / "turned" / "train.tsv", rows[:36])
    write(folder / "bench" / "turned" / "dev.tsv", [("10"[int(label)], text) for label, text in dev])
    write_tiny_encoder(folder / "modern", root / "models" / "encoder")
    write_bert(folder / "bert", folder / "modern")
    return folder


def write_bert(folder: Path, tokenizer: Path) -> None:
    """A random BERT without a pooler in its weights, as pre-training leaves them."""
    from transformers import AutoTokenizer, BertConfig, BertModel

    torch.manual_seed(1)
    loaded = AutoTokenizer.from_pretrained(tokenizer)
    config = BertConfig(
        vocab_size=len(loaded), hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=1
    )
    BertModel(config).save_pretrained(folder)
    loaded.save_pretrained(folder)


def config(folder: Path, **changes: Any) -> ProbeConfig:
    return replace(
        ProbeConfig(
            bench=str(folder / "bench"),
            encoder=[str(folder / "modern")],
            results=str(folder / "results.jsonl"),
            sets=["chnsenticorp"],
            epochs=[6],
            batch=[4],
            lr=[1e-9, 1e-2],
            seeds=[1, 2],
            layer_decay=0.9,
        ),
        **changes,
    )


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def table(folder: Path) -> str:
    return probe(config(folder))


def test_the_best_setting_gets_all_seeds_and_learns(table: str, folder: Path) -> None:
    runs = lines(folder / "results.jsonl")
    assert [(run["lr"], run["seed"]) for run in runs] == [(1e-9, 1), (1e-2, 1), (1e-2, 2)]
    assert all(len(run["dev"]) == len(run["dev_new"]) == 6 for run in runs)
    assert max(runs[1]["dev"]) >= 90 > 75 > max(runs[0]["dev"])
    assert runs[1]["loss"][-1] < runs[1]["loss"][0] / 2


def test_what_is_in_the_results_is_not_run_again(table: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (folder / "results.jsonl").read_bytes()
    ran: list[int] = []

    def noted(encoder: str, bench: Any, settings: LoopConfig) -> dict[str, Any]:
        ran.append(settings.seed)
        return fine_tune(encoder, bench, settings)

    monkeypatch.setattr(script, "fine_tune", noted)
    assert probe(config(folder)) == table
    assert not ran and (folder / "results.jsonl").read_bytes() == before
    probe(config(folder, seeds=[1, 2, 3]))
    assert ran == [3] and (folder / "results.jsonl").read_bytes().startswith(before)


def test_the_table_has_ours_beside_the_published(table: str, folder: Path) -> None:
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines() if "|" in line]
    published = {row[0]: row[3] for row in cells if len(row) == 4}
    assert published["UER RoBERTa-Mini 4x256 [1]"] == "93.7"
    assert published.keys() > {name for name, *_ in PUBLISHED}
    runs = [max(run["dev"]) for run in lines(folder / "results.jsonl") if run["lr"] == 1e-2][:2]
    mean, apart = sum(runs) / 2, abs(runs[0] - runs[1]) / math.sqrt(2)
    assert published[str(folder / "modern")] == f"{mean:.2f} ± {apart:.2f}"
    assert "https://github.com/iflytek/MiniRBT" in table


def test_dev_labels_only_measure(folder: Path) -> None:
    """With the opposite labels in dev every epoch is right exactly where it was wrong: nothing learnt from them."""
    settings = LoopConfig(epochs=2, batch=8, lr=5e-3, weight_decay=0.01, max_length=128)
    encoder = str(folder / "modern")
    found = {}
    for name in ("chnsenticorp", "turned"):
        found[name] = fine_tune(encoder, load_bench(folder / "bench" / name, encoder, 128), settings)
    assert found["chnsenticorp"]["loss"] == found["turned"]["loss"]
    pairs = zip(found["chnsenticorp"]["dev"], found["turned"]["dev"], strict=True)
    assert all(a + b == pytest.approx(100, abs=0.01) for a, b in pairs)


def test_a_bert_is_an_encoder_like_any_other(folder: Path) -> None:
    """A row for each encoder; one that is found in another place is known by its weights."""
    results = folder / "two.jsonl"
    both = config(
        folder, encoder=[str(folder / "modern"), str(folder / "bert")], lr=[1e-2], seeds=[1], results=str(results)
    )
    text = probe(both)
    assert [f"| {encoder} |" in text for encoder in both.encoder] == [True, True]
    assert len(lines(results)) == 2 and max(lines(results)[1]["dev"]) >= 90
    (folder / "bert").rename(folder / "moved")
    probe(replace(both, encoder=[str(folder / "moved")]))
    assert len(lines(results)) == 2


def test_each_row_once_with_its_label_and_little_padding(folder: Path) -> None:
    train = load_bench(folder / "bench" / "chnsenticorp", str(folder / "modern"), 128).train
    expected = sorted((w.ids.tolist(), int(label)) for w, label in zip(train.windows, train.labels, strict=True))
    generator = torch.Generator().manual_seed(0)
    orders = []
    for _ in range(2):
        batches = list(epoch_batches(train, 5, generator))
        assert [len(labels) for *_, labels in batches].count(5) == 7 and len(batches) == 8
        rows = [
            (row[real.bool()].tolist(), int(label))
            for ids, mask, labels in batches
            for row, real, label in zip(ids, mask, labels, strict=True)
        ]
        orders.append(rows)
        assert sorted(rows) == expected
        padded = sum(mask.numel() for _, mask, _ in batches)
        assert padded < 1.15 * sum(len(ids) for ids, _ in rows)
    assert orders[0] != orders[1]


def test_a_long_text_is_cut_and_an_empty_one_stays_a_row(folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "odd" / "train.tsv", [("0", "好" + "长文字" * 90), ("1", ""), ("1", "短")])
    write(tmp_path / "odd" / "dev.tsv", [("1", "短"), ("0", "别的")])
    bench = load_bench(tmp_path / "odd", str(folder / "modern"), 16)
    assert [len(w.ids) for w in bench.train.windows] == [16, 2, 3]
    assert bench.train.labels.tolist() == [0, 1, 1] and bench.new.tolist() == [False, True]
    assert bench.digest != load_bench(tmp_path / "odd", str(folder / "modern"), 16, limit=2).digest


def test_files_that_are_no_such_sets_are_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.tsv").write_text("1\t没有标题行\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"bad\.tsv.*label<TAB>text_a"):
        read_rows(tmp_path / "bad.tsv")
    write(tmp_path / "set" / "train.tsv", [("0", "甲"), ("1", "乙")])
    write(tmp_path / "set" / "dev.tsv", [("2", "丙")])
    with pytest.raises(InputError, match=r"\['2'\]"):
        load_bench(tmp_path / "set", str(folder / "modern"), 16)
    assert main(["--bench", str(tmp_path / "nothing")]) == 1
    assert "train.tsv and dev.tsv" in capsys.readouterr().err
    (tmp_path / "results.jsonl").write_text('{"set": "chn', encoding="utf-8")
    with pytest.raises(InputError, match="line 1 is cut short"):
        probe(config(folder, results=str(tmp_path / "results.jsonl")))


def test_tokens_read_adds_up_the_stages(tmp_path: Path) -> None:
    assert tokens_read(str(tmp_path)) == ""
    entries = [{"stage": 1, "tokens": 2e6}, {"stage": 1, "tokens": 36e6}, {"stage": 2, "tokens": 52e6}]
    (tmp_path / "loss.jsonl").write_text("".join(json.dumps(e) + "\n" for e in entries), encoding="utf-8")
    assert tokens_read(str(tmp_path)) == "88.0"


def test_best_and_last_epoch_are_told_apart() -> None:
    run = {"epochs": 2, "batch": 32, "lr": 3e-4, "matrix_lr": 0.0, "dev": [90.0, 80.0], "dev_new": [70.0, 60.0]}
    run |= {"parameters": 4_800_000, "tokens_per_second": 15_000, "seconds": 60.4}
    text = as_markdown({"ours": {"book_review": [[run]]}})
    assert "| ours | 4.8 M |  | 90.00 |" in text
    assert "| ours | book_review | 2 epochs, batch 32, lr 0.0003 | 1 | 90.00 | 80.00 | 70.00 | 15,000 | 60 |" in text
    assert "| BERT-base [3] | 102 M |  |  |" in text
