"""Whole-word masking over windows of packed tokens, in NumPy and vectorised."""

from __future__ import annotations

import numpy as np

from training.corpus import TOKEN_ID, WORD_START

IGNORE = -100  # torch.nn.functional.cross_entropy leaves these labels out


def mask_tokens(
    windows: np.ndarray, *, rate: float, mask_id: int, first_ordinary_id: int, keep: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Hide whole words and say what stood there.

    ``windows``: (batch, length) uint16 tokens with word-start flags. Returns ``input_ids`` and
    ``labels``, both (batch, length) int64; labels are ``IGNORE`` where nothing is predicted. Each
    word is chosen with probability ``rate``; a chosen word stays visible with probability ``keep``,
    so that the model also learns to represent what it can see. Special tokens are never chosen.
    """
    ids = (windows & TOKEN_ID).astype(np.int64)
    words = np.cumsum((windows & WORD_START) > 0, axis=1)
    rows = np.arange(len(ids))[:, None]
    draw = rng.random((len(ids), ids.shape[1] + 1))
    chosen = (draw[rows, words] < rate) & (ids >= first_ordinary_id)
    visible = rng.random(draw.shape)[rows, words] < keep
    labels = np.where(chosen, ids, IGNORE)
    return np.where(chosen & ~visible, mask_id, ids), labels
