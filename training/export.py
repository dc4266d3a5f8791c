"""Export to ONNX in float32, check it against torch, and quantise the weights to eight bits.

Weights are quantised block by block and activations row by row (``MatMulNBits``), so the answer to a
comment does not depend on what else is in its batch; per-tensor dynamic quantisation moved logits by
up to 0.04 with the batch (training/LOG.md).
"""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

from training.model import FeedbackModel, Outputs

TOLERANCE = 1e-3  # largest difference of a logit between torch and the float ONNX model
_SMALL = 65536  # weights: the heads are smaller than this and stay in float32


def export_float(model: FeedbackModel, path: Path) -> None:
    """Export in float32 with free batch and length, and compare with torch."""
    model.eval()
    ids = torch.randint(5, 1000, (3, 17))
    mask = torch.ones_like(ids)
    batch, length = torch.export.Dim("batch", min=1, max=4096), torch.export.Dim("length", min=3, max=4096)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own deprecations
        for name in ("onnx_ir", "onnxscript", "torch.onnx"):
            logging.getLogger(name).setLevel(logging.ERROR)
        torch.onnx.export(
            model,
            (ids, mask),
            path,
            input_names=["input_ids", "attention_mask"],
            output_names=list(Outputs._fields),
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


def quantize(source: Path, target: Path) -> None:
    """Write ``source`` with its large matrices and its embeddings in eight bits."""
    logging.getLogger("onnxruntime").setLevel(logging.WARNING)
    model = onnx.load(source)
    # Rows of a handful of numbers would not get smaller: a scale each takes what the integers save.
    sizes = {i.name: int(np.prod(i.dims)) for i in model.graph.initializer if i.dims and i.dims[-1] >= 32}
    small = [n.name for n in model.graph.node if n.op_type == "MatMul" and sizes.get(n.input[1], 0) < _SMALL]
    quantizer = MatMulNBitsQuantizer(
        model, bits=8, block_size=32, is_symmetric=True, accuracy_level=4, nodes_to_exclude=small
    )
    quantizer.process()
    quantized = quantizer.model.model
    for node in [n for n in quantized.graph.node if n.op_type == "Gather" and sizes.get(n.input[0], 0) >= _SMALL]:
        _quantize_rows(quantized.graph, node)
    _halve_narrow_tables(quantized.graph)
    onnx.save(quantized, target)


def _halve_narrow_tables(graph: onnx.GraphProto) -> None:
    """Keep the tables of n-grams, whose rows are a handful of numbers, in float16, as they were rounded."""
    narrow = {i.name: i for i in graph.initializer if len(i.dims) == 2 and i.dims[0] >= 1024 and i.dims[1] < 32}
    for gather in [n for n in graph.node if n.op_type == "Gather" and n.input[0] in narrow]:
        name, output = gather.input[0], gather.output[0]
        if narrow[name].data_type == TensorProto.FLOAT:
            half = numpy_helper.from_array(numpy_helper.to_array(narrow[name]).astype(np.float16), name)
            narrow[name].CopyFrom(half)
        gather.output[0] = output + "_half"
        cast = helper.make_node("Cast", [output + "_half"], [output], gather.name + "_cast", to=TensorProto.FLOAT)
        graph.node.insert(list(graph.node).index(gather) + 1, cast)


def _quantize_rows(graph: onnx.GraphProto, gather: onnx.NodeProto) -> None:
    """Replace a float table of embeddings by int8 rows with one scale each."""
    table = next(i for i in graph.initializer if i.name == gather.input[0])
    rows = numpy_helper.to_array(table)
    scales = np.maximum(np.abs(rows).max(axis=1, keepdims=True) / 127, 1e-12).astype(np.float32)
    whole = np.rint(rows / scales).astype(np.int8)
    graph.initializer.remove(table)
    graph.initializer.append(numpy_helper.from_array(whole, table.name + "_int8"))
    graph.initializer.append(numpy_helper.from_array(scales, table.name + "_scale"))
    ids, output, name = gather.input[1], gather.output[0], gather.name
    position = list(graph.node).index(gather)
    graph.node.remove(gather)
    for offset, node in enumerate(
        (
            helper.make_node("Gather", [table.name + "_int8", ids], [name + "_row"], name + "_row"),
            helper.make_node("Gather", [table.name + "_scale", ids], [name + "_scale"], name + "_scale"),
            helper.make_node("Cast", [name + "_row"], [name + "_float"], name + "_cast", to=TensorProto.FLOAT),
            helper.make_node("Mul", [name + "_float", name + "_scale"], [output], name),
        )
    ):
        graph.node.insert(position + offset, node)
