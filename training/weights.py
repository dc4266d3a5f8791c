"""Weights as they are stored: large matrices in eight bits, the same as in the ONNX model, the rest in float16."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from training.quantize import in_integers, integers

_SCALE = ".row_scale"  # of the rows of the matrix with the name before it


def pack(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Half or a quarter of the bytes: int8 rows with a float32 scale each, or float16 for what is small. Integers
    stay as they are.
    """
    packed: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        if not tensor.is_floating_point():
            packed[name] = tensor
        elif in_integers(tuple(tensor.shape)):
            whole, scales = integers(tensor.float().numpy(), axis=1)
            packed[name], packed[name + _SCALE] = torch.from_numpy(whole), torch.from_numpy(scales)
        else:
            packed[name] = tensor.half().contiguous()
    return packed


def unpack(packed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What ``pack`` was given, rounded, in float32."""
    scaled = {name.removesuffix(_SCALE) for name in packed if name.endswith(_SCALE)}
    weights = {
        name: tensor.float() if name in scaled or tensor.is_floating_point() else tensor
        for name, tensor in packed.items()
        if not name.endswith(_SCALE)
    }
    for name in scaled:
        weights[name] *= packed[name + _SCALE]
    return weights
