"""The table of n-grams that a model carries beside its encoder; ``training.ngrams`` says what it is and fits it."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from fbclass.results import SENTIMENTS

FILE = "ngrams.safetensors"
LONGEST = 4  # tokens in a run
COLUMNS = 2 * len(SENTIMENTS) + 1  # weights of a run
_PRIME = 2**31 - 1  # hashes lie below it, so that times the multiplier they stay below 2**63
_MULTIPLIER = 1_000_003


class NgramHead(nn.Module):
    """Logits of two regressions, weighted by a third, read from a table of ``places`` by hash.

    ``keys`` (places,) int32: the hash of the run whose weights stand there, 0 where there is none; ``weights`` (places,
    7): three for the sentiment of a comment, three for that of a post, one for being a post; ``bias`` (7,). Nothing in
    it is learnt by gradient descent.
    """

    def __init__(self, places: int = 0) -> None:
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
        comment, post, kind = total.split([len(SENTIMENTS), len(SENTIMENTS), 1], dim=1)
        return torch.lerp(comment, post, torch.sigmoid(kind))


def hash_runs(input_ids: Tensor) -> Tensor:
    """The hash, from 1 to 2**31 - 2, of every run of a batch (batch, length): runs of one token first, of four last."""
    hashes = [input_ids + 1]
    for size in range(1, LONGEST):
        hashes.append((hashes[-1][:, :-1] * _MULTIPLIER + input_ids[:, size:] + 1) % _PRIME)
    return torch.cat(hashes, dim=1)


def load_ngrams(folder: Path) -> NgramHead | None:
    """The n-grams of an encoder folder, None if it has none."""
    if not (folder / FILE).exists():
        return None
    stored = load_file(folder / FILE)
    hashes, weights = stored["hashes"].long(), stored["weights"].float()
    # With as many places as runs, those whose place a heavier one has taken are left out, three in eight: a table of
    # this size does more with them than with fewer runs that all find room.
    head = NgramHead(len(hashes))
    head.bias.copy_(stored["bias"])
    for place, value, row in zip((hashes % len(head.keys)).tolist(), hashes.int(), weights, strict=True):
        if not head.keys[place]:
            head.keys[place], head.weights[place] = value, row
    return head
