"""Export to ONNX in float32 and check it against torch."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from training.model import FeedbackModel, Outputs

TOLERANCE = 1e-3  # largest difference of a logit between torch and the float ONNX model
_OPSET = 23  # the first with Attention and RotaryEmbedding as one node each, a sixth faster on one comment


def export_float(model: FeedbackModel, path: Path) -> None:
    """Export in float32 with free batch and length, and compare with torch."""
    model.eval()
    ids = torch.randint(5, 1000, (3, 17))
    mask = torch.ones_like(ids)
    batch, length = torch.export.Dim("batch", min=1, max=4096), torch.export.Dim("length", min=3, max=4096)
    with _in_few_nodes(model.encoder), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own deprecations
        for name in ("onnx_ir", "onnxscript", "torch.onnx"):
            logging.getLogger(name).setLevel(logging.ERROR)
        torch.onnx.export(
            model,
            (ids, mask),
            path,
            input_names=["input_ids", "attention_mask"],
            output_names=list(Outputs._fields),
            opset_version=_OPSET,
            dynamic_shapes=({0: batch, 1: length}, {0: batch, 1: length}),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    exported = onnx.load(path)
    del exported.graph.value_info[:]  # shapes of the example batch, wrong for any other
    graph = exported.graph
    for part in (exported, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]  # stack traces with the paths of the machine that exported
    onnx.save(exported, path)
    check_float(model, path)


@contextmanager
def _in_few_nodes(encoder: nn.Module) -> Iterator[None]:
    """Let the exporter see attention as one operation, and rotary positions in the shape it asks for."""
    before = encoder.config._attn_implementation
    encoder.set_attn_implementation("sdpa")
    # The positions of one row would do, but onnxruntime's RotaryEmbedding does not broadcast them.
    rotary = encoder.config.model_type == "modernbert"
    hook = encoder.register_forward_pre_hook(_positions_of_each_row, with_kwargs=True) if rotary else None
    try:
        yield
    finally:
        encoder.set_attn_implementation(before)
        if hook is not None:
            hook.remove()


def _positions_of_each_row(_: nn.Module, given: Any, named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    ids = named["input_ids"]
    return given, named | {"position_ids": torch.arange(ids.shape[1]) + torch.zeros_like(ids)}


def check_float(model: FeedbackModel, path: Path) -> None:
    """Compare logits of torch and ONNX on batches of several shapes, padded ones included."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for shape in ((1, 3), (4, 40), (2, 200)):
        ids = torch.randint(5, 1000, shape, generator=torch.Generator().manual_seed(sum(shape)))
        mask = torch.ones_like(ids)
        mask[0, shape[1] // 2 :] = 0
        with torch.inference_mode():
            expected = model(ids, mask)
        actual = session.run(list(Outputs._fields), {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})
        for name, a, b in zip(Outputs._fields, expected, actual, strict=True):
            worst = float(np.abs(a.numpy() - b).max())
            if worst > TOLERANCE:
                raise RuntimeError(f"ONNX and torch differ by {worst:.4f} in {name} at {shape}; at most {TOLERANCE}")
