"""Weights as they are stored: large matrices in eight bits, the same as in the ONNX model, the rest in float16."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from training.quantize import SMALL, integers

_SCALE = ".row_scale"  # of the rows of the matrix with the name before it


def pack(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Half or a quarter of the bytes: int8 rows with a float32 scale each, or float16 for what is small."""
    packed: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        if tensor.ndim == 2 and tensor.numel() >= SMALL:
            whole, scales = integers(tensor.float().numpy(), axis=1)
            packed[name], packed[name + _SCALE] = torch.from_numpy(whole), torch.from_numpy(scales)
        else:
            packed[name] = tensor.half().contiguous()
    return packed


def unpack(packed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What ``pack`` was given, rounded, in float32."""
    weights = {name: tensor.float() for name, tensor in packed.items() if not name.endswith(_SCALE)}
    for name, tensor in packed.items():
        if name.endswith(_SCALE):
            weights[name.removesuffix(_SCALE)] *= tensor
    return weights
