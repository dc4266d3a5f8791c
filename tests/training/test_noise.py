"""Hidden tokens and typos in training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from training.noise import Noise, homophones


@pytest.fixture(scope="module")
def tokenizer(root: Path) -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(root / "models" / "encoder")


@pytest.fixture(scope="module")
def noise(tokenizer: PreTrainedTokenizerBase) -> Noise:
    return Noise.of(tokenizer, with_typos=True)


def test_homophones_are_other_characters_with_the_same_syllable_the_commonest_first() -> None:
    alike = homophones()
    assert alike["部"].startswith("不") and "部" not in alike["部"]
    assert {"性", "航"} <= set(alike["行"])  # both of its readings
    assert "闷" in alike["们"]  # a reading that the table gives inside words only


def test_a_share_of_the_characters_is_swapped_for_homophones_and_nothing_else(
    noise: Noise, tokenizer: PreTrainedTokenizerBase
) -> None:
    ids = torch.tensor([tokenizer.encode("财务部审批太慢了，OA 里催了 3 次") for _ in range(400)])
    damaged = noise(ids, np.random.default_rng(1), hidden=0.0, typos=0.2)
    changed = damaged != ids
    swappable = (noise.alike[ids] != ids.unsqueeze(2)).any(2)
    assert not changed[~swappable].any()
    assert changed[swappable].float().mean().item() == pytest.approx(0.2, abs=0.03)
    alike = homophones()
    for before, after in zip(ids[changed].tolist(), damaged[changed].tolist(), strict=True):
        assert tokenizer.convert_ids_to_tokens(after) in alike[tokenizer.convert_ids_to_tokens(before)]


def test_hidden_tokens_are_drawn_apart_from_typos(noise: Noise, tokenizer: PreTrainedTokenizerBase) -> None:
    ids = torch.tensor([tokenizer.encode("财务部审批太慢了") for _ in range(400)])
    damaged = noise(ids, np.random.default_rng(1), hidden=0.1, typos=0.1)
    real = ids > noise.mask_id
    assert (damaged == noise.mask_id)[real].float().mean().item() == pytest.approx(0.1, abs=0.02)
    swappable = real & (noise.alike[ids] != ids.unsqueeze(2)).any(2)
    swapped = (damaged != ids) & (damaged != noise.mask_id)
    assert swapped[swappable].float().mean().item() == pytest.approx(0.1, abs=0.02)
    assert torch.equal(damaged[~real], ids[~real])  # neither the start nor the end


def test_no_noise_leaves_everything(noise: Noise, tokenizer: PreTrainedTokenizerBase) -> None:
    ids = torch.tensor([tokenizer.encode("财务部审批太慢了")])
    assert torch.equal(noise(ids, np.random.default_rng(1), hidden=0.0, typos=0.0), ids)
