"""Write the model folder: weights, ONNX, calibration fitted on dev, checksums."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from fbclass.bundle import Calibration, ModelInfo, write_info
from fbclass.classifier import Classifier
from fbclass.evaluation import Gold, evaluate
from fbclass.schema import ThemeSchema
from training.calibrate import Labelled, fit
from training.data import Comment, list_files
from training.export import export_float, quantize
from training.model import FeedbackModel

LARGEST_LOSS = 0.005  # quantising may cost half a point of any metric, not more
_LIBRARIES = ("torch", "transformers", "datasets", "scikit-learn", "onnx", "onnxruntime", "tokenizers")


def build_bundle(model: FeedbackModel, config: Any, schema: ThemeSchema, dev: Sequence[Comment], folder: Path) -> None:
    """Turn a trained model into a model folder (the tokeniser already lies there)."""
    keep = {"tokenizer.json"}
    for path in folder.iterdir():
        if path.name not in keep:
            path.unlink()
    model.encoder.config.save_pretrained(folder)
    # Tensors in float16: the weights were rounded to it before anything was measured.
    save_file({name: t.half().contiguous() for name, t in model.state_dict().items()}, folder / "model.safetensors")
    info = ModelInfo(
        name=config.name,
        version=config.version,
        schema=schema,
        thresholds=dict.fromkeys(schema.ids, 0.5),
        calibration=Calibration(dict.fromkeys(schema.ids, 1.0), dict.fromkeys(schema.ids, 0.0), 1.0),
        evidence_threshold=0.5,
        about_threshold=0.5,
        review_threshold=0.5,
        max_length=config.max_length,
        training_data=training_data_hash(Path(config.data)),
        libraries={name: version(name) for name in _LIBRARIES},
    )
    with tempfile.TemporaryDirectory() as scratch:
        float_folder = Path(scratch)
        for name in ("config.json", "tokenizer.json"):
            shutil.copy(folder / name, float_folder)
        export_float(model, float_folder / "model.onnx")
        quantize(float_folder / "model.onnx", folder / "model.onnx")
        float_metrics = _finish(float_folder, info, dev)
    metrics = _finish(folder, info, dev)
    for name, value in metrics.items():
        if value < float_metrics[name] - LARGEST_LOSS:
            raise RuntimeError(
                f"quantising lowers {name} on dev from {float_metrics[name]:.4f} to {value:.4f}, "
                f"more than {LARGEST_LOSS}: the model folder was not written"
            )
        print(f"dev {name}: {value:.4f} (float {float_metrics[name]:.4f})")


def _finish(folder: Path, info: ModelInfo, dev: Sequence[Comment]) -> dict[str, float]:
    """Fit calibration and thresholds with the model in ``folder``, write its info, measure on dev."""
    write_info(folder, info)
    raws = Classifier.load(folder).raw_outputs([c.text for c in dev])
    labelled = [Labelled(c, raw) for c, raw in zip(dev, raws, strict=True) if raw is not None]
    write_info(folder, fit(info, labelled))
    classifier = Classifier.load(folder)
    result = evaluate(
        [Gold.from_comment(c) for c in dev], classifier.classify([c.text for c in dev]), classifier.schema.ids
    )
    metrics = {
        "theme macro-F1": result.macro_f1,
        "exact match": result.exact_match,
        "sentiment accuracy": result.sentiment.accuracy,
    }
    write_info(folder, replace(classifier.info, metrics={"dev": {k: round(v, 4) for k, v in metrics.items()}}))
    return metrics


def training_data_hash(data: Path) -> str:
    """SHA-256 over the training files, in order."""
    digest = hashlib.sha256()
    for path in list_files(data, "train"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def load_trained(folder: Path) -> FeedbackModel:
    """The torch model of a model folder, to train on or to compare with."""
    from safetensors.torch import load_file
    from transformers import AutoConfig, AutoModel

    weights = load_file(folder / "model.safetensors")
    encoder = AutoModel.from_config(AutoConfig.from_pretrained(folder), attn_implementation="eager")
    model = FeedbackModel(encoder, weights["theme_pooled"].shape[0])
    model.load_state_dict({name: tensor.to(torch.float32) for name, tensor in weights.items()})
    return model.eval()
