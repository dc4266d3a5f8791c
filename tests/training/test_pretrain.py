"""Pre-training end to end on a made-up language, killed in the middle."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

from training.corpus import TOKEN_ID, WORD_START, encode_block, list_sources
from training.masking import IGNORE, mask_tokens
from training.optim import learning_rate_scale
from training.pretrain import PretrainConfig, pretrain

PARTIES = ["采购部", "财务部", "人事处", "信息科", "车间", "客服中心"]
TROUBLES = ["不回邮件", "改了方案没通知", "审批很慢", "只看自己的指标", "说话听不懂"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two kinds of files with sentences that can be learnt: each party has its own trouble."""
    folder = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    for name in ("a.txt", "b.jsonl"):
        lines = []
        for _ in range(600):
            i = rng.integers(len(PARTIES))
            text = (
                f"今天{PARTIES[i]}又{TROUBLES[i % len(TROUBLES)]}，大家都说{PARTIES[i]}{TROUBLES[i % len(TROUBLES)]}。"
            )
            lines.append(json.dumps({"text": text}) if name.endswith("jsonl") else text)
        (folder / name).write_text("\n".join(lines), encoding="utf-8")
    return folder


def config(corpus: Path, folder: Path, root: Path) -> PretrainConfig:
    return PretrainConfig(
        corpus=str(corpus),
        output=str(folder / "encoder"),
        recipe=str(root / "training" / "recipes" / "encoder.yaml"),
        work=str(folder / "work"),
        vocabulary_size=700,
        layers=1,
        hidden=64,
        intermediate=64,
        max_length=128,
        tokens=400_000,
        short=32,
        long=64,
        micro_batch=512,
        batch=1024,
        weight_decay=0.01,
        checkpoint_minutes=0.002,
        workers=1,
    )


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "work" / "loss.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def finished(corpus: Path, tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """The folder of a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    pretrain(config(corpus, folder, root))
    return folder


def test_it_learns_and_writes_an_ordinary_encoder(finished: Path) -> None:
    found = losses(finished)
    assert found[-1] < 0.6 * found[0]
    tokenizer = AutoTokenizer.from_pretrained(finished / "encoder")
    model = AutoModelForMaskedLM.from_pretrained(finished / "encoder", dtype=torch.float32)
    batch = tokenizer("今天采购部又不回邮件,大家都说采购部不回[MASK]件。", return_tensors="pt")
    with torch.inference_mode():
        logits = model(**batch).logits[0]
    place = batch["input_ids"][0].tolist().index(tokenizer.mask_token_id)
    assert tokenizer.convert_ids_to_tokens(int(logits[place].argmax())) == "邮"
    assert AutoModel.from_pretrained(finished / "encoder").config.hidden_size == 64


def test_a_killed_run_goes_on_as_if_nothing_had_happened(
    corpus: Path, finished: Path, tmp_path: Path, root: Path
) -> None:
    settings = config(corpus, tmp_path, root)
    arguments = [part for name, value in asdict(settings).items() for part in (f"--{name}", str(value)) if value != ""]
    process = subprocess.Popen([sys.executable, "-m", "training.pretrain", *arguments], cwd=root)
    checkpoint = tmp_path / "work" / "checkpoint.pt"
    deadline = time.monotonic() + 120
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert checkpoint.exists() and not (tmp_path / "encoder").exists()
    pretrain(settings)
    # The entry in which it was killed is a mean over fewer updates; those after it are not.
    assert losses(tmp_path)[-4:] == pytest.approx(losses(finished)[-4:], abs=0.02)
    assert (tmp_path / "encoder" / "model.safetensors").exists()


def test_loss_that_is_no_number_stops_the_run(corpus: Path, finished: Path, tmp_path: Path, root: Path) -> None:
    settings = replace(
        config(corpus, tmp_path, root), tokenizer=str(finished / "encoder"), other_lr=1e30, matrix_lr=1e30
    )
    with pytest.raises(FloatingPointError, match="lower --matrix_lr or --other_lr"):
        pretrain(settings)


def test_whole_words_are_hidden_and_special_tokens_are_not() -> None:
    starts = WORD_START * np.array([0, 1, 0, 1, 1, 0, 0, 1], np.uint16)
    window = np.array([2, 10, 11, 12, 13, 14, 15, 3], np.uint16) | starts
    for seed in range(50):
        ids, labels = mask_tokens(
            window[None], rate=0.5, mask_id=4, first_ordinary_id=5, keep=0.0, rng=np.random.default_rng(seed)
        )
        hidden = ids[0] == 4
        assert not hidden[0] and not hidden[7]
        assert hidden[1] == hidden[2] and hidden[4] == hidden[5] == hidden[6]
        assert (labels[0][hidden] == (window & TOKEN_ID)[hidden]).all()
        assert (labels[0][~hidden] == IGNORE).all()


def test_kept_words_are_predicted_though_visible() -> None:
    window = np.full((4, 50), 9, np.uint16) | WORD_START
    ids, labels = mask_tokens(window, rate=1.0, mask_id=4, first_ordinary_id=5, keep=0.5, rng=np.random.default_rng(0))
    assert (labels == 9).all()
    assert 0.3 < (ids == 9).mean() < 0.7


def test_word_starts_follow_jieba(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(finished / "encoder" / "tokenizer.json"))
    monkeypatch.setattr("training.corpus._tokenizer", tokenizer)
    tokens = encode_block(["财务部审批很慢"])
    characters = [tokenizer.id_to_token(int(i)) for i in tokens & TOKEN_ID]
    starts = [c for c, token in zip(characters, tokens, strict=True) if token & WORD_START]
    assert characters == [*"财务部审批很慢", "[SEP]"]
    assert starts == ["财", "审", "很", "慢", "[SEP]"]


def test_an_empty_corpus_is_refused(tmp_path: Path, root: Path) -> None:
    with pytest.raises(FileNotFoundError, match="point --corpus at a folder of text files"):
        list_sources(tmp_path, root / "training" / "recipes" / "encoder.yaml")


def test_the_learning_rate_warms_up_stays_and_decays() -> None:
    scales = [learning_rate_scale(done, 0.1, 0.4) for done in (0.0, 0.05, 0.1, 0.5, 0.6, 0.8, 1.0)]
    assert scales == pytest.approx([0, 0.5, 1, 1, 1, 0.5, 0])
