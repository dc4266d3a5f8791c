"""The report of ``training.probe``: encoders of ours beside published ones, as Markdown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np

from training.markdown import table

Record = dict[str, Any]  # one run: a line of the results file

# name, parameters, dev accuracy on ChnSentiCorp and on book_review in percent
PUBLISHED = (
    ("UER RoBERTa-Tiny 2x128 [1]", "3 M", "91.4", "83.4"),
    ("UER RoBERTa-Mini 4x256 [1]", "9 M", "93.7", "85.7"),
    ("UER RoBERTa-Small 4x512 [1]", "24 M", "93.4", "87.5"),
    ("MiniRBT 6x256 [2]", "10.4 M", "92.97", ""),
    ("RBT4 4x312 [2]", "11.4 M", "93.31", ""),
    ("RBT3 3x768 [2]", "38.5 M", "93.86", ""),
    ("BERT-base [3]", "102 M", "94.7 (mean 94.3)", ""),
)
SOURCES = """\
[1] https://huggingface.co/uer/chinese_roberta_L-4_H-256: best of epochs 3, 5, 8, batch 32, 64, learning rate 3e-5, \
1e-4, 3e-4; length 128. [2] https://github.com/iflytek/MiniRBT: best mean of at least three runs among epochs 2, 3, 5, \
10. [3] https://github.com/ymcui/Chinese-BERT-wwm: best of ten runs."""

NOTE = (
    "Dev accuracy in percent: mean and standard deviation over the seeds. The epoch and the setting are those that "
    "were best on dev, as for the published figures. "
)
DETAILS = ("model", "set", "setting", "seeds", "best epoch", "last epoch", "rows not in train", "tokens/s", "seconds")


def describe(run: Record) -> str:
    """The part of the settings that is searched."""
    muon = f", Muon {run['matrix_lr']:g}" if run["matrix_lr"] else ""
    return f"{run['epochs']} epochs, batch {run['batch']}, lr {run['lr']:g}{muon}"


def tokens_read(encoder: str) -> str:
    """Pre-training tokens in millions, all stages together, by the folder's loss.jsonl; empty without one."""
    log = Path(encoder) / "loss.jsonl"
    entries = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    last = {entry.get("stage", 1): entry["tokens"] for entry in entries if "tokens" in entry}
    return f"{sum(last.values()) / 1e6:.1f}" if last else ""


def spread(values: Sequence[float]) -> str:
    """Mean and sample standard deviation: ``92.51 ± 0.20``; one value alone has none."""
    return f"{fmean(values):.2f}" + (f" ± {stdev(values):.2f}" if len(values) > 1 else "")


def as_markdown(found: dict[str, dict[str, list[list[Record]]]]) -> str:
    """The report; ``found`` has for each encoder and set what ``search`` returned."""
    sets = list(dict.fromkeys(name for measured in found.values() for name in measured))
    rows = [
        [name, size, "", *({"chnsenticorp": c, "book_review": b}.get(s, "") for s in sets)]
        for name, size, c, b in PUBLISHED
    ]
    details = []
    for encoder, measured in found.items():
        best = [spread([max(run["dev"]) for run in measured[name][0]]) for name in sets]
        size = measured[sets[0]][0][0]["parameters"]
        rows.append([encoder, f"{size / 1e6:.1f} M", tokens_read(encoder), *best])
        details += [[encoder, name, *figures(runs)] for name, settings in measured.items() for runs in settings]
    return "\n\n".join(
        [table(["model", "parameters", "million tokens read", *sets], rows), NOTE + SOURCES, table(DETAILS, details)]
    )


def figures(runs: Sequence[Record]) -> list[str]:
    """The cells of ``DETAILS`` for the runs of one setting."""
    best = [int(np.argmax(run["dev"])) for run in runs]
    return [
        describe(runs[0]),
        f"{len(runs)}",
        spread([run["dev"][epoch] for run, epoch in zip(runs, best, strict=True)]),
        spread([run["dev"][-1] for run in runs]),
        spread([run["dev_new"][epoch] for run, epoch in zip(runs, best, strict=True)]),
        f"{fmean(run['tokens_per_second'] for run in runs):,.0f}",
        f"{fmean(run['seconds'] for run in runs):,.0f}",
    ]
