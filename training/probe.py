"""Probe encoders: fine-tune them on public sets of labelled sentences and stand beside published models.

    python -m training.probe --bench DIR --encoder models/encoder
    python -m training.probe --bench DIR --encoder read-20M read-40M read-80M    (a learning curve: a row for each)
    python -m training.probe --bench DIR --epochs 3 5 8 --batch 32 64 --lr 3e-5 1e-4 3e-4    (the published settings)

DIR has a folder for each set, with train.tsv and dev.tsv: a first line ``label<TAB>text_a``, then a row a line. Every
combination of --epochs, --batch and --lr is trained with the first seed; the --finalists best of them with the other
seeds too. Prints Markdown. Each finished run becomes a line of --results, and what stands there is not run again, so
a run that was stopped goes on. `make probe` sets the allocator options that make it faster.

Dev is only measured on, but epochs and settings are chosen by it, as they were for the published figures: the result
compares encoders with those and with each other, and says nothing about unseen text beyond that.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from fbclass import encode
from fbclass.errors import InputError
from training.config import option, run_script
from training.loop import LoopConfig, Updates, has_bfloat16, seed_everything
from training.model import FeedbackModel
from training.probe_table import Record, as_markdown, describe
from training.sentences import Bench, Split, epoch_batches, load_bench

SETTINGS = ("epochs", "batch", "lr", "matrix_lr", "layer_decay", "weight_decay", "warmup", "dropout", "encoder_dropout")
SETTINGS += ("max_length", "seed")


@dataclass
class ProbeConfig:
    """Every setting; each is a command-line flag."""

    bench: str = option("", "folder with a folder for each set")
    encoder: list[str] = field(
        default_factory=lambda: ["models/encoder"],
        metadata={"help": "encoder folders or hub names, a row of the table for each"},
    )
    sets: list[str] = field(default_factory=list, metadata={"help": "names of the sets; none: all in --bench"})
    results: str = option(".cache/probe.jsonl", "file that keeps a line for each run")
    epochs: list[int] = field(default_factory=lambda: [3, 5], metadata={"help": "passes over train to try"})
    batch: list[int] = field(default_factory=lambda: [32], metadata={"help": "sentences in one update to try"})
    lr: list[float] = field(
        default_factory=lambda: [3e-4, 6e-4, 1e-3],
        metadata={"help": "learning rates to try; weights made with Muon need large ones"},
    )
    seeds: list[int] = field(default_factory=lambda: [1, 2, 3], metadata={"help": "seeds of everything random"})
    finalists: int = option(1, "how many of the best settings of the first seed the other seeds are run with; 0: all")
    matrix_lr: float = option(0.0, "Muon's learning rate, for the matrices of the layers; 0: AdamW for them too")
    layer_decay: float = option(1.0, "factor on the learning rate from each layer to the one below it")
    weight_decay: float = option(0.01, "AdamW weight decay")
    warmup: float = option(0.1, "fraction of the run")
    dropout: float = option(0.1, "dropout before the last layer")
    encoder_dropout: float = option(0.0, "dropout inside the encoder; drawing it costs a sixth of the time")
    max_length: int = option(128, "tokens of a sentence that are read")
    rows: int = option(0, "rows of each file to read, for a trial; 0: all")


class SentenceModel(nn.Module):
    """An encoder, the mean of its last states over the real tokens, one linear layer."""

    def __init__(self, encoder: nn.Module, classes: int, dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(encoder.config.hidden_size, classes)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Logits (batch, classes), float32; the encoder computes in bfloat16 where that is faster."""
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
            hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state.float()
        real = attention_mask.unsqueeze(-1).float()
        logits: Tensor = self.head(self.dropout((hidden * real).sum(1) / real.sum(1)))
        return logits


@torch.no_grad()
def correct(model: SentenceModel, split: Split) -> Tensor:
    """Whether each row gets its label, (rows,) bool; the labels are used for nothing else."""
    model.eval()
    right = torch.zeros(len(split.windows), dtype=torch.bool)
    for rows, ids, mask in encode.batches(split.windows, 8192):
        right[rows] = model(torch.from_numpy(ids), torch.from_numpy(mask)).argmax(-1) == split.labels[rows]
    return right


def fine_tune(encoder: str, bench: Bench, config: LoopConfig) -> Record:
    """Train once; ``dev`` and ``dev_new`` are the accuracies in percent after each epoch, on all rows and new ones."""
    seed_everything(config.seed)
    body = FeedbackModel.from_encoder(encoder, 1, encoder_dropout=config.encoder_dropout).encoder
    model = SentenceModel(body, bench.classes, config.dropout)
    steps = config.epochs * math.ceil(len(bench.train.windows) / config.batch)
    updates = Updates(model, config, steps)
    generator = torch.Generator().manual_seed(config.seed)
    found: Record = {"parameters": sum(p.numel() for p in body.parameters()), "dev": [], "dev_new": [], "loss": []}
    began, tokens, training = time.monotonic(), 0, 0.0
    for epoch in range(1, config.epochs + 1):
        model.train()
        losses, clock = [], time.monotonic()
        for ids, mask, labels in epoch_batches(bench.train, config.batch, generator):
            loss = cross_entropy(model(ids, mask), labels)
            loss.backward()
            updates.step()
            losses.append(loss.item())
            tokens += int(mask.sum())
        training += time.monotonic() - clock
        right = correct(model, bench.dev).float()
        found["dev"].append(round(100 * right.mean().item(), 3))
        found["dev_new"].append(round(100 * right[bench.new].mean().item(), 3))
        found["loss"].append(round(float(np.mean(losses)), 4))
        left = (time.monotonic() - began) / epoch * (config.epochs - epoch)
        print(
            f"{bench.name}: {describe(asdict(config))}, seed {config.seed}: epoch {epoch}  "
            f"loss {found['loss'][-1]:.3f}  dev {found['dev'][-1]:.2f}  {tokens / training:,.0f} tokens/s  "
            f"{left:.0f} s left",
            file=sys.stderr,
            flush=True,
        )
    return found | {"tokens_per_second": round(tokens / training), "seconds": round(time.monotonic() - began, 1)}


def fingerprint(encoder: str) -> str:
    """What tells an encoder from another, wherever its folder lies; a hub name stands for itself."""
    files = [
        p for p in sorted(Path(encoder).glob("*")) if p.suffix in (".safetensors", ".bin") or p.name == "config.json"
    ]
    digest = hashlib.sha256(b"".join(hashlib.sha256(p.read_bytes()).digest() for p in files))
    return digest.hexdigest()[:12] if files else encoder


def read_results(path: Path) -> list[Record]:
    """The runs of a results file; ``InputError`` for a line that a full disk cut short."""
    records = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines() if path.exists() else [], 1):
        try:
            records.append({"matrix_lr": 0.0} | json.loads(line))  # runs from before there was a choice
        except ValueError as error:
            raise InputError(
                f"{path}, line {number} is cut short: remove it", f"{path} 第 {number} 行不完整，请删除"
            ) from error
    return records


def measure(encoder: str, bench: Bench, config: LoopConfig, results: Path) -> Record:
    """One run, from the results file if it stands there, otherwise made and added to it."""
    every = asdict(config)
    key = {"weights": fingerprint(encoder), "set": bench.name, "rows": bench.digest} | {k: every[k] for k in SETTINGS}
    for record in read_results(results):
        if key.items() <= record.items():
            return record
    record = {"encoder": encoder} | key | fine_tune(encoder, bench, config)
    results.parent.mkdir(parents=True, exist_ok=True)
    with results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record, ensure_ascii=False) + "\n")  # one write: killed before or after, never within
    return record


def search(encoder: str, bench: Bench, config: ProbeConfig) -> list[list[Record]]:
    """The runs of each setting, the best setting first: more seeds before fewer, then mean accuracy."""
    shared = {name: getattr(config, name) for name in SETTINGS if name not in ("epochs", "batch", "lr", "seed")}
    results, runs = Path(config.results), []
    for epochs, batch, lr in product(config.epochs, config.batch, config.lr):
        loop = LoopConfig(epochs=epochs, batch=batch, lr=lr, seed=config.seeds[0], **shared)
        runs.append((loop, [measure(encoder, bench, loop, results)]))
    runs.sort(key=lambda run: -max(run[1][0]["dev"]))
    for loop, records in runs[: config.finalists or None]:
        records += [measure(encoder, bench, replace(loop, seed=seed), results) for seed in config.seeds[1:]]
    return sorted((records for _, records in runs), key=lambda r: (-len(r), -fmean(max(run["dev"]) for run in r)))


def probe(config: ProbeConfig) -> str:
    """Everything that was asked for, as Markdown; ``InputError`` when there is no set."""
    names = config.sets or sorted(p.parent.name for p in Path(config.bench).glob("*/train.tsv"))
    if not config.bench or not names:
        raise InputError(
            f"--bench {config.bench!r}: name a folder that has a folder with train.tsv and dev.tsv for each set",
            f"--bench {config.bench!r}：请给出一个文件夹，里面每个数据集各有一个含 train.tsv 和 dev.tsv 的文件夹",
        )
    found: dict[str, dict[str, list[list[Record]]]] = {}
    for encoder, name in product(config.encoder, names):
        bench = load_bench(Path(config.bench) / name, encoder, config.max_length, config.rows)
        found.setdefault(encoder, {})[name] = search(encoder, bench, config)
    return as_markdown(found)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line and return the exit status."""
    return run_script(ProbeConfig, probe, arguments)


if __name__ == "__main__":
    sys.exit(main())
