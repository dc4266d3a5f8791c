"""The heads of a classifier beside an encoder, so that fine-tuning starts from what adapting has learnt.

``heads.safetensors`` in an encoder folder holds every weight of ``FeedbackModel`` but the encoder's and the n-grams',
and the ids of the themes. What belongs to a theme is one row of a tensor, so a schema that shares some themes takes
over theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from fbclass.errors import ModelError
from training.model import FeedbackModel

FILE = "heads.safetensors"
_BY_THEME = ("evidence.weight", "evidence.bias", "theme_summary.weight", "theme_summary.bias", "theme_pooled")


def save_heads(model: FeedbackModel, themes: Sequence[str], folder: Path) -> None:
    """Write the heads, in float16, into an encoder folder; ``themes``: the ids, in the order of the rows."""
    elsewhere = ("encoder.", "ngrams.")  # these have files of their own
    heads = {n: t.half().contiguous() for n, t in model.state_dict().items() if not n.startswith(elsewhere)}
    save_file(heads, folder / FILE, metadata={"themes": " ".join(themes)})


def load_heads(model: FeedbackModel, themes: Sequence[str], folder: Path) -> list[str]:
    """Put the heads of an encoder folder into ``model``, whose themes are ``themes``; returns the ids of those found.

    Themes that the folder does not know keep their random start; without the file nothing happens, and [] comes back.
    ``ModelError`` when the heads are of another width than the encoder.
    """
    if not (folder / FILE).exists():
        return []
    weights = model.state_dict()
    with safe_open(folder / FILE, "pt") as file, torch.no_grad():
        known = file.metadata()["themes"].split()
        common = [theme for theme in themes if theme in known]
        for name in file.keys():  # noqa: SIM118 - safe_open is no mapping
            stored = file.get_tensor(name).float()
            if name not in weights or stored.shape[1:] != weights[name].shape[1:]:
                raise ModelError(
                    f"{folder / FILE} does not fit the encoder beside it ({name}): remove it",
                    f"{folder / FILE} 与旁边的编码器对不上（{name}）：请删除它",
                )
            if name not in _BY_THEME:
                weights[name].copy_(stored)
                continue
            for theme in common:
                weights[name][themes.index(theme)].copy_(stored[known.index(theme)])
    return common
