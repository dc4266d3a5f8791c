"""The network that is fine-tuned: one shared encoder, four small heads, and n-grams beside them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel

from training.ngram_head import NgramHead

# What the architectures call their dropouts: ModernBERT first, then BERT.
_DROPOUTS = (
    "embedding_dropout",
    "attention_dropout",
    "mlp_dropout",
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
)


class Outputs(NamedTuple):
    """Logits: ``themes`` (batch, themes), ``sentiment`` (batch, 3), ``evidence`` (batch, length,
    themes), ``about`` (batch, length).
    """

    themes: Tensor
    sentiment: Tensor
    evidence: Tensor
    about: Tensor


class FeedbackModel(nn.Module):
    """Themes and sentiment of a comment, and for each token whether it is evidence or a party.

    Evidence is not an afterthought: the evidence scores of a theme are the attention weights with
    which the tokens are pooled for that theme, so the spans that annotators marked teach the model
    where to look (in the manner of rationale supervision, Zhang et al. 2016,
    https://aclanthology.org/D16-1076/).
    """

    def __init__(self, encoder: nn.Module, themes: int, dropout: float = 0.1) -> None:
        super().__init__()
        width = encoder.config.hidden_size
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.evidence = nn.Linear(width, themes)
        self.about = nn.Linear(width, 1)
        self.tone = nn.Linear(width, 1)  # attention over tokens for sentiment, learned without spans
        self.theme_summary = nn.Linear(2 * width, themes)
        self.theme_pooled = nn.Parameter(torch.empty(themes, width).normal_(std=0.02))
        self.sentiment = nn.Linear(3 * width, 3)
        self.ngrams: NgramHead | None = None  # joins when the rest has been trained

    @classmethod
    def from_encoder(
        cls, name: str | Path, themes: int, dropout: float = 0.1, encoder_dropout: float = 0.1
    ) -> FeedbackModel:
        """Start from a Hugging Face encoder: a folder or a hub name, in float32."""
        config = AutoConfig.from_pretrained(name)
        for field in _DROPOUTS:
            if hasattr(config, field):
                setattr(config, field, encoder_dropout)
        # Eager attention trains faster than SDPA on a CPU at these lengths (training/LOG.md).
        encoder = AutoModel.from_pretrained(name, config=config, dtype=torch.float32, attn_implementation="eager")
        return cls(encoder, themes, dropout)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Outputs:
        """``input_ids`` and ``attention_mask``: (batch, length) integers."""
        hidden = self.dropout(self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state)
        real = attention_mask.unsqueeze(-1).to(hidden.dtype)
        evidence = self.evidence(hidden)
        tone = self.tone(hidden)
        # -1e4 instead of -inf: exact enough, and no NaN in half precision or after quantisation.
        attention = torch.softmax(torch.cat([evidence, tone], dim=-1) + (real - 1) * 1e4, dim=1)
        pooled = torch.matmul(attention.transpose(1, 2), hidden)  # (batch, themes + 1, width)
        mean = (hidden * real).sum(1) / real.sum(1)
        summary = torch.cat([hidden[:, 0], mean], dim=-1)
        themes = self.theme_summary(summary) + (pooled[:, :-1] * self.theme_pooled).sum(-1)
        sentiment = self.sentiment(torch.cat([summary, pooled[:, -1]], dim=-1))
        if self.ngrams is not None:
            sentiment = sentiment + self.ngrams(input_ids, attention_mask)
        return Outputs(
            themes=themes,
            sentiment=sentiment,
            evidence=evidence,
            about=self.about(hidden).squeeze(-1),
        )
