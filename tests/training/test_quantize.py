"""Eight-bit weights: close to the float model, and the same answer in any batch."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from training.export import export_float
from training.model import FeedbackModel
from training.quantize import quantize

NAMES = ["themes", "sentiment", "evidence", "about"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, random_model: FeedbackModel) -> Path:
    """The model in float32 and in eight bits."""
    folder = tmp_path_factory.mktemp("models")
    export_float(random_model, folder / "float.onnx")
    quantize(folder / "float.onnx", folder / "eight.onnx")
    return folder


def _run(path: Path, ids: np.ndarray, mask: np.ndarray) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return list(session.run(NAMES, {"input_ids": ids, "attention_mask": mask}))


def _batch() -> tuple[np.ndarray, np.ndarray]:
    ids = np.random.default_rng(1).integers(5, 1000, (8, 30))
    mask = np.ones_like(ids)
    mask[3:, 17:] = 0
    return ids, mask


def test_logits_stay_close_to_the_float_model(folder: Path) -> None:
    exact, eight = (_run(folder / f"{name}.onnx", *_batch()) for name in ("float", "eight"))
    for a, b in zip(exact, eight, strict=True):
        assert np.abs(a - b).max() < 0.05 * (a.max() - a.min())
        assert np.abs(a - b).max() > 0  # else nothing was quantised


def test_a_comment_gets_the_same_answer_alone_and_padded_among_others(folder: Path) -> None:
    ids, mask = _batch()
    among = _run(folder / "eight.onnx", ids, mask)
    alone = _run(folder / "eight.onnx", ids[5:6, :17], mask[5:6, :17])
    for a, b in zip(among[:2], alone[:2], strict=True):
        np.testing.assert_allclose(a[5], b[0], atol=1e-4)


def test_large_tables_are_integers_and_the_file_is_small(folder: Path) -> None:
    graph = onnx.load(folder / "eight.onnx").graph
    assert len({i.name for i in graph.initializer}) == len(graph.initializer)
    large = {i.data_type for i in graph.initializer if np.prod(i.dims) >= 65536}
    assert large == {onnx.TensorProto.INT8}
    assert (folder / "eight.onnx").stat().st_size < 0.4 * (folder / "float.onnx").stat().st_size
