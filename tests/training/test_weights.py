"""Weights in eight bits: small, close, and the same integers as in the ONNX model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from training.export import export_float
from training.model import FeedbackModel
from training.quantize import quantize
from training.weights import pack, unpack


def test_what_comes_back_is_close_and_a_quarter_as_large(random_model: FeedbackModel) -> None:
    before = random_model.state_dict()
    packed = pack(before)
    after = unpack(packed)
    assert after.keys() == before.keys()
    for name, tensor in before.items():
        step = tensor.abs().max() / 127
        assert after[name].dtype == torch.float32 and (after[name] - tensor).abs().max() <= step
    size = sum(t.numel() * t.element_size() for t in packed.values())
    assert size < 0.35 * sum(t.numel() * t.element_size() for t in before.values())


def test_packing_twice_changes_nothing(random_model: FeedbackModel) -> None:
    once = unpack(pack(random_model.state_dict()))
    twice = unpack(pack(once))
    for name, tensor in once.items():
        torch.testing.assert_close(twice[name], tensor, rtol=1e-6, atol=0)


def test_they_are_the_integers_that_serve(tmp_path: Path, random_model: FeedbackModel) -> None:
    packed = pack(random_model.state_dict())
    export_float(random_model, tmp_path / "float.onnx")
    quantize(tmp_path / "float.onnx", tmp_path / "eight.onnx")
    tables = {i.name: numpy_helper.to_array(i) for i in onnx.load(tmp_path / "eight.onnx").graph.initializer}
    served = [table for table in tables.values() if table.dtype == np.int8]
    for name, tensor in packed.items():
        if tensor.dtype == torch.int8:
            whole = tensor.numpy()
            assert any(np.array_equal(whole, t) or np.array_equal(whole.T, t) for t in served), name
