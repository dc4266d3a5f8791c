"""Which optimiser trains what."""

from __future__ import annotations

import copy

import pytest
import torch

from training.loop import LoopConfig, Updates, is_matrix, parameter_groups
from training.model import FeedbackModel


@pytest.mark.parametrize("matrix_lr", [0.0, 0.01])
def test_one_step_moves_every_weight_that_has_a_gradient(random_model: FeedbackModel, matrix_lr: float) -> None:
    model = copy.deepcopy(random_model)
    config = LoopConfig(matrix_lr=matrix_lr, warmup=0.0, weight_decay=0.0)
    updates = Updates(model, config, steps=10)
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 0.01)
    updates.step()
    before = dict(random_model.named_parameters())
    assert [name for name, p in model.named_parameters() if torch.equal(p, before[name])] == []
    assert all(p.grad is None for p in model.parameters())


def test_adamw_leaves_the_matrices_to_muon(random_model: FeedbackModel) -> None:
    def trained(matrix_lr: float) -> int:
        return sum(len(g["params"]) for g in parameter_groups(random_model, LoopConfig(matrix_lr=matrix_lr)))  # type: ignore[arg-type]

    matrices = [name for name, p in random_model.named_parameters() if is_matrix(name, p)]
    assert matrices and all(".layers." in name for name in matrices)
    assert trained(0.0) == len(list(random_model.parameters()))
    assert trained(0.01) == trained(0.0) - len(matrices)
