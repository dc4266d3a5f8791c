"""Heads beside an encoder: what fine-tuning takes over from adapting."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import ModernBertConfig, ModernBertModel

from fbclass.errors import ModelError
from training.heads import load_heads, save_heads
from training.model import FeedbackModel

THEMES = ["information_silo", "goal_conflict", "culture_gap", "slow_response"]


def _fresh(like: FeedbackModel, themes: int) -> FeedbackModel:
    torch.manual_seed(2)
    return FeedbackModel(like.encoder, themes).eval()


def test_the_same_schema_gives_the_same_logits(random_model: FeedbackModel, tmp_path: Path) -> None:
    save_heads(random_model, THEMES, tmp_path)
    other = _fresh(random_model, 4)
    assert load_heads(other, THEMES, tmp_path) == THEMES
    ids = torch.randint(5, 1000, (2, 9))
    with torch.inference_mode():
        pairs = zip(random_model(ids, torch.ones_like(ids)), other(ids, torch.ones_like(ids)), strict=True)
    for expected, found in pairs:
        torch.testing.assert_close(found, expected, atol=0.02, rtol=0.02)


def test_a_schema_that_shares_a_theme_takes_over_its_rows_only(random_model: FeedbackModel, tmp_path: Path) -> None:
    save_heads(random_model, THEMES, tmp_path)
    other = _fresh(random_model, 2)
    before = other.evidence.weight[0].clone()
    assert load_heads(other, ["unclear_duties", "slow_response"], tmp_path) == ["slow_response"]
    torch.testing.assert_close(other.evidence.weight[1], random_model.evidence.weight[3], atol=1e-3, rtol=0)
    torch.testing.assert_close(other.theme_pooled[1], random_model.theme_pooled[3], atol=1e-3, rtol=0)
    assert torch.equal(other.evidence.weight[0], before)
    torch.testing.assert_close(other.sentiment.weight, random_model.sentiment.weight, atol=1e-3, rtol=0)


def test_an_encoder_without_heads_changes_nothing(random_model: FeedbackModel, tmp_path: Path) -> None:
    other = _fresh(random_model, 4)
    before = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    assert load_heads(other, THEMES, tmp_path) == []
    assert all(torch.equal(tensor, before[name]) for name, tensor in other.state_dict().items())


def test_heads_of_another_width_are_refused(random_model: FeedbackModel, tmp_path: Path) -> None:
    save_heads(random_model, THEMES, tmp_path)
    wide = ModernBertModel(
        ModernBertConfig(vocab_size=64, hidden_size=64, num_hidden_layers=1, num_attention_heads=1, pad_token_id=0)
    )
    with pytest.raises(ModelError, match=r"heads.safetensors does not fit the encoder beside it"):
        load_heads(FeedbackModel(wide, 4), THEMES, tmp_path)
