"""What several tests of training share."""

from __future__ import annotations

import pytest
import torch
from transformers import ModernBertConfig, ModernBertModel

from training.model import FeedbackModel


@pytest.fixture(scope="session")
def random_model() -> FeedbackModel:
    """A random model wide enough for its matrices to be quantised; not to be trained."""
    torch.manual_seed(1)
    config = ModernBertConfig(
        vocab_size=1024,
        hidden_size=256,
        intermediate_size=256,
        num_hidden_layers=1,
        num_attention_heads=4,
        global_attn_every_n_layers=1,
        pad_token_id=0,
    )
    return FeedbackModel(ModernBertModel(config), themes=4).eval()
