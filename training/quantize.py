"""Eight-bit weights for an exported model, with answers that do not depend on the batch.

Weights get one scale per output column, activations one per token, computed at run time (token-wise
dynamic quantisation, Yao et al. 2022, https://arxiv.org/abs/2206.01861). onnxruntime's own dynamic
quantisation has one scale for the whole batch, so a comment's answer moved with its neighbours, by up to
0.04 in a logit; its block-wise ``MatMulNBits`` has no such fault and takes half as long again (training/LOG.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

SMALL = 65536  # weights: the heads are smaller than this and stay in float32
NARROW = 16  # columns: in a narrower table, of n-grams, a scale for each row would save next to nothing
_RUNTIME = "com.microsoft"  # operations that onnxruntime has beside the standard ones
_MIDDLE = 128  # zero point: the kernels multiply unsigned activations by signed weights
_LEVELS = 127


def quantize(source: Path, target: Path) -> None:
    """Write ``source`` with its large matrices and its embeddings in eight bits."""
    model = onnx.load(source)
    graph = model.graph
    tables = {i.name: i for i in graph.initializer}
    _share_constants(graph)
    quantized_inputs: dict[str, str] = {}
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        table = tables.get(node.input[1] if node.op_type == "MatMul" else node.input[0] if node.input else "")
        large = table is not None and table.data_type == TensorProto.FLOAT and in_integers(tuple(table.dims))
        if node.op_type == "MatMul" and large:
            nodes += _integer_product(graph, node, quantized_inputs)
        elif node.op_type == "Gather" and large:
            nodes += _integer_rows(graph, node)
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    read = {name for node in graph.node for name in node.input}
    for unused in [i for i in graph.initializer if i.name not in read]:
        graph.initializer.remove(unused)
    if all(known.domain != _RUNTIME for known in model.opset_import):
        model.opset_import.append(helper.make_opsetid(_RUNTIME, 1))
    onnx.save(model, target)


def in_integers(shape: tuple[int, ...]) -> bool:
    """Whether a table of floats of this shape is kept in eight bits."""
    return len(shape) == 2 and shape[0] * shape[1] >= SMALL and shape[1] >= NARROW


def integers(rows: npt.NDArray[np.float32], axis: int) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Symmetric eight-bit integers and their scales, one along ``axis`` for each column or row."""
    scales = np.maximum(np.abs(rows).max(axis=axis, keepdims=True) / _LEVELS, 1e-12).astype(np.float32)
    return np.rint(rows / scales).astype(np.int8), scales


def _share_constants(graph: onnx.GraphProto) -> None:
    for name, value in (
        ("quantize_step", np.float32(1 / _LEVELS)),
        ("quantize_zero_point", np.uint8(_MIDDLE)),
        ("quantize_smallest", np.float32(1e-9)),
        ("quantize_axis", np.array([-1], np.int64)),
    ):
        _add(graph, name, np.asarray(value))


def _add(graph: onnx.GraphProto, name: str, value: npt.NDArray[Any]) -> None:
    if all(i.name != name for i in graph.initializer):  # several nodes may read one table
        graph.initializer.append(numpy_helper.from_array(value, name))


def _array(graph: onnx.GraphProto, name: str) -> npt.NDArray[np.float32]:
    return np.asarray(numpy_helper.to_array(next(i for i in graph.initializer if i.name == name)), np.float32)


def _integer_product(
    graph: onnx.GraphProto, node: onnx.NodeProto, quantized_inputs: dict[str, str]
) -> list[onnx.NodeProto]:
    """``MatMul`` by a constant as an integer product, scaled back by token and by column."""
    (given, weights), (output,), name = node.input, node.output, node.name
    whole, scales = integers(_array(graph, weights), axis=0)
    _add(graph, weights + "_int8", whole)
    _add(graph, weights + "_scale", scales[0])
    before: list[onnx.NodeProto] = []
    if given not in quantized_inputs:
        quantized_inputs[given] = q = name + "_input"
        before = [
            helper.make_node("Abs", [given], [q + "_abs"], q + "_abs"),
            helper.make_node("ReduceMax", [q + "_abs", "quantize_axis"], [q + "_largest"], q + "_largest", keepdims=1),
            helper.make_node("Max", [q + "_largest", "quantize_smallest"], [q + "_range"], q + "_range"),
            helper.make_node("Reciprocal", [q + "_range"], [q + "_inverse"], q + "_inverse"),
            helper.make_node("Mul", [given, q + "_inverse"], [q + "_unit"], q + "_unit"),
            helper.make_node(
                "QuantizeLinear", [q + "_unit", "quantize_step", "quantize_zero_point"], [q + "_uint8"], q + "_uint8"
            ),
        ]
    q = quantized_inputs[given]
    # Integers and their scale by column in one node: on short comments a node costs more than its arithmetic.
    factors = [q + "_uint8", weights + "_int8", "quantize_step", weights + "_scale", "quantize_zero_point"]
    return [
        *before,
        helper.make_node("MatMulIntegerToFloat", factors, [name + "_unit"], name + "_unit", domain=_RUNTIME),
        helper.make_node("Mul", [name + "_unit", q + "_range"], [output], name),
    ]


def _integer_rows(graph: onnx.GraphProto, gather: onnx.NodeProto) -> list[onnx.NodeProto]:
    """A float table of embeddings as int8 rows with one scale each."""
    (table, ids), (output,), name = gather.input, gather.output, gather.name
    whole, scales = integers(_array(graph, table), axis=1)
    _add(graph, table + "_int8", whole)
    _add(graph, table + "_scale", scales)
    return [
        helper.make_node("Gather", [table + "_int8", ids], [name + "_row"], name + "_row"),
        helper.make_node("Gather", [table + "_scale", ids], [name + "_scale"], name + "_scale"),
        helper.make_node("Cast", [name + "_row"], [name + "_float"], name + "_float", to=TensorProto.FLOAT),
        helper.make_node("Mul", [name + "_float", name + "_scale"], [output], name),
    ]
