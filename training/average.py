"""Average encoders that ``training.adapt`` has made from one start.

    python -m training.average --encoders models/first models/second --output models/both

The mean of the weights of trainings that began alike and drew their batches differently is often better than each of
them and costs nothing when serving (model soups, Wortsman et al. 2022, https://arxiv.org/abs/2203.05482).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from fbclass.errors import ModelError
from training.config import option, run_script
from training.heads import FILE as HEADS
from training.ngram_head import FILE as NGRAMS

STAGES = "adaptation.json"


@dataclass
class AverageConfig:
    """Every setting; each is a command-line flag."""

    encoders: list[str] = field(default_factory=list, metadata={"help": "encoder folders with heads, two or more"})
    output: str = option("models/averaged", "encoder folder to write")


def average(config: AverageConfig) -> str:
    """Write the average; returns a line for the terminal. ``ModelError`` when the folders do not fit together."""
    folders = [Path(name) for name in config.encoders]
    if len(folders) < 2:
        raise ModelError(
            f"An average needs two or more encoders, not {len(folders)}: name them after --encoders.",
            f"平均至少需要两个编码器，现在有 {len(folders)} 个：请写在 --encoders 后面。",
        )
    output = Path(config.output)
    partial = output.with_name(output.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(folders[0], partial, ignore=shutil.ignore_patterns("*.md"))
    for file in ("model.safetensors", HEADS):
        weights = [load_file(folder / file) for folder in folders]
        kinds = [_metadata(folder / file) for folder in folders]
        shapes = [{name: tensor.shape for name, tensor in each.items()} for each in weights]
        for folder, shape, kind in zip(folders, shapes, kinds, strict=True):
            if (shape, kind) != (shapes[0], kinds[0]):
                raise ModelError(
                    f"{folder / file} does not fit {folders[0] / file}: take encoders from one start.",
                    f"{folder / file} 与 {folders[0] / file} 对不上：请取同一起点训练出来的编码器。",
                )
        save_file(mean(weights), partial / file, metadata=kinds[0])
    tables = [(folder / NGRAMS).read_bytes() if (folder / NGRAMS).exists() else None for folder in folders]
    if any(table != tables[0] for table in tables):
        (partial / NGRAMS).unlink(missing_ok=True)  # no mean of them means anything
        print(f"their n-grams differ, so the average has none: python -m training.ngrams --encoder {output} fits them")
    stages = [json.loads((folder / STAGES).read_text(encoding="utf-8")) for folder in folders]
    (partial / STAGES).write_text(json.dumps(merge_stages(stages), indent=2) + "\n", encoding="utf-8")
    shutil.rmtree(output, ignore_errors=True)
    partial.rename(output)
    return f"wrote {output}"


def mean(weights: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each tensor, in the type that it has in the first."""
    return {
        name: (sum(each[name].float() for each in weights) / len(weights)).to(tensor.dtype).contiguous()  # type: ignore[union-attr]
        for name, tensor in weights[0].items()
    }


def merge_stages(histories: Sequence[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The stages that all encoders went through, and then what each went through alone."""
    common = 0
    while all(len(h) > common and h[common] == histories[0][common] for h in histories):
        common += 1
    return [*histories[0][:common], {"average_of": [h[common:] for h in histories]}]


def _metadata(path: Path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        return dict(file.metadata() or {})


if __name__ == "__main__":
    raise SystemExit(run_script(AverageConfig, average))
