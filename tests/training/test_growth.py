"""Layers added to a trained encoder change nothing until they are trained."""

from __future__ import annotations

import pytest
import torch
from transformers import ModernBertConfig, ModernBertForMaskedLM

from training.growth import deepen, layer_sources


@pytest.fixture(scope="module")
def encoder() -> ModernBertForMaskedLM:
    torch.manual_seed(1)
    return ModernBertForMaskedLM(
        ModernBertConfig(
            vocab_size=100,
            hidden_size=64,
            intermediate_size=64,
            num_hidden_layers=3,
            num_attention_heads=1,
            global_attn_every_n_layers=1,
            pad_token_id=0,
            attn_implementation="eager",
        )
    ).eval()


@pytest.mark.parametrize("layers", [3, 4, 6])
def test_the_output_stays(encoder: ModernBertForMaskedLM, layers: int) -> None:
    ids = torch.randint(5, 100, (2, 12), generator=torch.Generator().manual_seed(1))
    grown = deepen(encoder, layers).eval()
    assert len(grown.model.layers) == grown.config.num_hidden_layers == len(grown.config.layer_types) == layers
    with torch.inference_mode():
        torch.testing.assert_close(grown(input_ids=ids).logits, encoder(input_ids=ids).logits)


def test_an_added_layer_learns_at_once(encoder: ModernBertForMaskedLM) -> None:
    """Its output projections are zero, not what they project: the first gradient reaches them."""
    grown = deepen(encoder, 4).train()
    (added,) = [i for i, layer in enumerate(grown.model.layers) if not layer.mlp.Wo.weight.any()]
    grown(input_ids=torch.arange(5, 25)[None], labels=torch.arange(25, 45)[None]).loss.backward()
    layer = grown.model.layers[added]
    assert layer.mlp.Wo.weight.grad.abs().max() > 0 and layer.attn.Wo.weight.grad.abs().max() > 0


def test_the_upper_layers_are_copied_in_order() -> None:
    assert layer_sources(4, 6) == [0, 1, 2, 2, 3, 3]
    assert layer_sources(2, 2) == [0, 1]
    assert layer_sources(2, 4) == [0, 1, 1, 1]


def test_layers_are_not_taken_away(encoder: ModernBertForMaskedLM) -> None:
    with pytest.raises(ValueError, match="has 3 layers; name 3 or more"):
        deepen(encoder, 2)


def test_a_first_layer_is_not_copied(encoder: ModernBertForMaskedLM) -> None:
    config = ModernBertConfig(**encoder.config.to_dict() | {"num_hidden_layers": 1, "layer_types": ["full_attention"]})
    with pytest.raises(ValueError, match="cannot be copied; name 1"):
        deepen(ModernBertForMaskedLM(config), 2)
