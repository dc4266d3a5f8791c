"""Give a trained encoder more layers without changing what it computes, so that training goes on from there."""

from __future__ import annotations

import copy
import math

import torch
from transformers import ModernBertForMaskedLM


def layer_sources(before: int, after: int) -> list[int]:
    """For each of ``after`` layers the number of the layer it comes from; added ones follow the one they copy.

    >>> layer_sources(4, 6)
    [0, 1, 2, 2, 3, 3]
    """
    # Rounding up copies the upper layers: the first has no norm of its own before its attention to copy.
    return [min(before - 1, math.ceil(i * before / after)) for i in range(after)]


def deepen(model: ModernBertForMaskedLM, layers: int) -> ModernBertForMaskedLM:
    """The model with ``layers`` layers and the same output; ``ValueError`` if it has more already, or only one to copy.

    An added layer is a copy of the one below it (Gong et al. 2019, progressive stacking,
    https://proceedings.mlr.press/v97/gong19a.html) whose two output projections are zero, so that it adds nothing
    at first (Shen et al. 2022, growth that keeps the loss, https://arxiv.org/abs/2203.06211).
    """
    config = model.config
    before = config.num_hidden_layers
    if layers < before:
        raise ValueError(f"--layers {layers}: the encoder to go on from has {before} layers; name {before} or more")
    if layers == before:
        return model
    if before == 1:
        raise ValueError(f"--layers {layers}: the only layer of the encoder cannot be copied; name 1")
    config = copy.deepcopy(config)
    config.num_hidden_layers, config.layer_types = layers, [config.layer_types[-1]] * layers
    grown = ModernBertForMaskedLM(config)
    sources = layer_sources(before, layers)
    state = {name: value for name, value in model.state_dict().items() if ".layers." not in name}
    for number, source in enumerate(sources):
        added = number > 0 and sources[number - 1] == source
        for name, value in model.model.layers[source].state_dict().items():
            silent = added and name in ("attn.Wo.weight", "mlp.Wo.weight")
            state[f"model.layers.{number}.{name}"] = torch.zeros_like(value) if silent else value
    grown.load_state_dict(state)
    return grown
