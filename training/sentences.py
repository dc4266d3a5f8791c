"""Public sets of labelled sentences, as one encoder reads them: what ``training.probe`` fine-tunes on.

A set is a folder with train.tsv and dev.tsv: a first line ``label<TAB>text_a``, then a row a line.
"""

from __future__ import annotations

import hashlib
import math
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import AutoTokenizer
from transformers.trainer_pt_utils import get_length_grouped_indices

from fbclass import encode
from fbclass.errors import InputError


@dataclass(frozen=True)
class Split:
    """Rows of one file: token ids with [CLS] and [SEP] as windows, and the number of each row's class."""

    windows: list[encode.Window]
    labels: Tensor

    def batch(self, rows: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """``input_ids`` and ``attention_mask`` (batch, length), labels (batch,); no longer than its longest row."""
        positions, ids, mask = next(encode.batches([self.windows[i] for i in rows], sys.maxsize))
        return torch.from_numpy(ids), torch.from_numpy(mask), self.labels[[rows[i] for i in positions]]


@dataclass(frozen=True)
class Bench:
    """One set as one encoder reads it. ``new``: (dev rows,) bool, what train lacks. ``digest`` names the content."""

    name: str
    train: Split
    dev: Split
    classes: int
    new: Tensor
    digest: str


def read_rows(path: Path, limit: int = 0) -> tuple[list[str], list[str]]:
    """Labels and texts of a file, its first ``limit`` rows unless that is 0; ``InputError`` if it is no such file."""
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").split("\n") if line]
    if not lines or lines[0] != ["label", "text_a"] or any(len(line) != 2 for line in lines):
        raise InputError(
            f"{path} is not a set of labelled sentences: the first line must be label<TAB>text_a, each row have both",
            f"{path} 不是带标签的句子：第一行应为 label<TAB>text_a，每行都要有这两列",
        )
    rows = lines[1 : limit + 1 if limit else None]
    return [label for label, _ in rows], [text for _, text in rows]


def load_bench(folder: Path, encoder: str, max_length: int, limit: int = 0) -> Bench:
    """One set through the normalisation and the tokeniser of an encoder; text beyond ``max_length`` is not read."""
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    with tempfile.TemporaryDirectory() as scratch:
        tokenizer.save_pretrained(scratch)  # also from a folder that has only vocab.txt
        reader = encode.TextEncoder(Path(scratch) / "tokenizer.json", max_length)
    nothing = np.array([tokenizer.cls_token_id, tokenizer.sep_token_id])
    rows = {part: read_rows(folder / f"{part}.tsv", limit) for part in ("train", "dev")}
    classes = sorted(set(rows["train"][0]))
    if unknown := set(rows["dev"][0]) - set(classes):
        raise InputError(
            f"{folder}: dev has the labels {sorted(unknown)}, which train lacks", f"{folder}：dev 有 train 没有的标签"
        )
    splits, digest = [], hashlib.sha256()
    for labels, texts in rows.values():
        windows = {w.text_index: w for w in reversed(reader.encode(texts))}  # the first window of each text remains
        blank = [encode.Window(i, nothing, np.zeros((2, 2), np.int64), 0) for i in range(len(texts))]
        splits.append(
            Split([windows.get(w.text_index, w) for w in blank], torch.tensor(list(map(classes.index, labels))))
        )
        digest.update(repr([window.ids.tolist() for window in splits[-1].windows] + labels).encode())
    train, dev = splits
    known = {window.ids.tobytes() for window in train.windows}
    new = torch.tensor([window.ids.tobytes() not in known for window in dev.windows])
    return Bench(folder.name, train, dev, len(classes), new, digest.hexdigest()[:12])


def epoch_batches(split: Split, size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """All rows once, in shuffled batches of like length (sorted within stretches of 16 batches)."""
    order = get_length_grouped_indices([len(w.ids) for w in split.windows], size, 16, generator)
    starts = torch.randperm(math.ceil(len(order) / size), generator=generator) * size
    for start in starts.tolist():
        yield split.batch(order[start : start + size])
