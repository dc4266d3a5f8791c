"""The table of n-grams that a model carries beside its encoder; ``training.ngrams`` says what it is and fits it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from fbclass.errors import ModelError
from fbclass.results import SENTIMENTS

FILE = "ngrams.safetensors"
LONGEST = 4  # tokens in a run
# The columns of a run's weights: the sentiment of a comment, the sentiment of a post, how much it speaks for a post.
COMMENT = slice(0, len(SENTIMENTS))
POST = slice(len(SENTIMENTS), 2 * len(SENTIMENTS))
KIND = slice(2 * len(SENTIMENTS), 2 * len(SENTIMENTS) + 1)
COLUMNS = KIND.stop
_PRIME = 2**31 - 1  # hashes lie below it, and so does the multiplier: their product stays below 2**63
_MULTIPLIER = 1_103_515_245


class NgramHead(nn.Module):
    """Logits of two regressions, weighted by a third, read from a table of ``places`` by hash.

    ``keys`` (places,) int32: the hash of the run whose weights stand there, 0 where there is none; ``weights`` (places,
    7) and ``bias`` (7,): the columns above. Nothing in it is learnt by gradient descent.
    """

    def __init__(self, places: int) -> None:
        super().__init__()
        self.register_buffer("keys", torch.zeros(places, dtype=torch.int32))
        self.register_buffer("weights", torch.zeros(places, COLUMNS))
        self.register_buffer("bias", torch.zeros(COLUMNS))
        self.keys: Tensor
        self.weights: Tensor
        self.bias: Tensor

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """(batch, 3) from ``input_ids`` and ``attention_mask`` (batch, length)."""
        hashes = hash_runs(input_ids)
        real = torch.cat([attention_mask[:, size:] for size in range(LONGEST)], dim=1)
        place = hashes % len(self.keys)
        known = (self.keys[place] == hashes) & (real > 0)
        total = (self.weights[place] * known.unsqueeze(-1)).sum(1)
        total = total / attention_mask.sum(1, keepdim=True).to(total.dtype).sqrt() + self.bias
        return torch.lerp(total[:, COMMENT], total[:, POST], torch.sigmoid(total[:, KIND]))


def hash_runs(input_ids: Tensor) -> Tensor:
    """The hash, from 1 to 2**31 - 2, of every run of a batch (batch, length): runs of one token first, of four last."""
    hashes = [1 + input_ids * _MULTIPLIER % (_PRIME - 1)]
    for size in range(1, LONGEST):
        hashes.append(1 + (hashes[-1][:, :-1] * _MULTIPLIER + input_ids[:, size:]) % (_PRIME - 1))
    return torch.cat(hashes, dim=1)


def save_ngrams(head: NgramHead, folder: Path, settings: Mapping[str, Any]) -> None:
    """Write the table into an encoder folder, with the settings that it was fitted with and the checksum of the
    tokeniser whose tokens it counts.
    """
    tensors = {name: t.half() if t.is_floating_point() else t for name, t in head.state_dict().items()}
    metadata = {"settings": json.dumps(dict(settings)), "tokenizer": _checksum(folder)}
    partial = folder / (FILE + ".partial")
    save_file(tensors, partial, metadata=metadata)
    partial.rename(folder / FILE)


def load_ngrams(folder: Path) -> NgramHead | None:
    """The n-grams of an encoder folder, None if it has none; ``ModelError`` if they do not fit its tokeniser."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in ("keys", "weights", "bias")}
            fits = file.metadata()["tokenizer"] == _checksum(folder)
        head = NgramHead(len(tensors["keys"]))
        head.load_state_dict({n: t.float() if t.is_floating_point() else t for n, t in tensors.items()})
    except (SafetensorError, KeyError, TypeError, RuntimeError) as error:
        raise ModelError(
            f"{path} is damaged ({error}): fit it anew with python -m training.ngrams, or remove it",
            f"{path} 已损坏（{error}）：请用 python -m training.ngrams 重新拟合，或者删除它",
        ) from error
    if not fits:
        raise ModelError(
            f"{path} was fitted to another tokeniser: fit it anew with python -m training.ngrams, or remove it",
            f"{path} 对应的是另一个分词器：请用 python -m training.ngrams 重新拟合，或者删除它",
        )
    return head


def _checksum(folder: Path) -> str:
    """Of the vocabulary, not of the file: another version of the library may write the same tokeniser otherwise."""
    vocabulary = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    return hashlib.sha256(json.dumps(vocabulary, sort_keys=True).encode()).hexdigest()
