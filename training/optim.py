"""Optimisers and the learning-rate schedule for pre-training."""

from __future__ import annotations

import torch
from torch import nn


def build_optimizers(
    model: nn.Module, matrix_lr: float, other_lr: float, weight_decay: float
) -> list[torch.optim.Optimizer]:
    """Muon for the hidden matrices, AdamW for embeddings, norms and biases.

    Muon orthogonalises the momentum of each matrix (Jordan et al. 2024,
    https://kellerjordan.github.io/posts/muon/); embeddings and the output layer are not matrices in
    that sense and stay with AdamW. The decay keeps the weights small enough for the usual learning
    rates of fine-tuning to move them (training/LOG.md). ``fused`` AdamW is the same arithmetic in one kernel.
    """
    matrices, tables, vectors = [], [], []
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1:
            vectors.append(parameter)
        else:
            (matrices if "layers." in name else tables).append(parameter)
    others = [{"params": tables, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return [
        torch.optim.Muon(matrices, lr=matrix_lr, momentum=0.95, weight_decay=weight_decay, adjust_lr_fn="original"),
        torch.optim.AdamW(others, lr=other_lr, betas=(0.9, 0.98), fused=True),
    ]


def learning_rate_scale(done: float, warmup: float, decay: float) -> float:
    """Warm-up, plateau, linear decay to zero (WSD, Hu et al. 2024, https://arxiv.org/abs/2404.06395).

    ``done`` is the fraction of the run that is over; ``warmup`` and ``decay`` are the fractions it
    warms up and decays for. A run can be cut short or made longer without having wasted its plateau.
    """
    if done < warmup:
        return done / warmup
    return min(1.0, max(0.0, (1.0 - done) / decay)) if decay else 1.0
