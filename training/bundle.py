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

from safetensors.torch import save_file

from fbclass.bundle import Calibration, ModelInfo, read_info, write_info
from fbclass.classifier import Classifier
from fbclass.evaluation import Gold, evaluate
from fbclass.schema import ThemeSchema
from training.calibrate import Labelled, fit
from training.data import Comment, list_files
from training.export import export_float
from training.model import FeedbackModel
from training.ngram_head import NgramHead
from training.quantize import quantize
from training.weights import pack, unpack

LARGEST_LOSS = 0.005  # quantising may cost half a point of any metric, not more
_LIBRARIES = ("torch", "transformers", "datasets", "scikit-learn", "onnx", "onnxruntime", "tokenizers")


def new_info(config: Any, schema: ThemeSchema, splits: Sequence[str]) -> ModelInfo:
    """What is known of a model before anything is measured; every theme at 0.5, nothing calibrated.

    ``splits``: the parts of the data that it trains on.
    """
    return ModelInfo(
        name=config.name,
        version=config.version,
        schema=schema,
        thresholds=dict.fromkeys(schema.ids, 0.5),
        calibration=Calibration(dict.fromkeys(schema.ids, 1.0), dict.fromkeys(schema.ids, 0.0), 1.0),
        evidence_threshold=0.5,
        about_threshold=0.5,
        review_threshold=0.5,
        max_length=config.max_length,
        trained_on=tuple(splits),
        training_data=training_data_hash(Path(config.data), splits),
        libraries={name: version(name) for name in _LIBRARIES},
    )


def write_model(model: FeedbackModel, info: ModelInfo, folder: Path, *, quantized: bool = True) -> None:
    """Write weights, ONNX and info into a folder that holds the tokeniser."""
    model.encoder.config.save_pretrained(folder)
    save_file(pack(model.state_dict()), folder / "model.safetensors")
    if quantized:
        with tempfile.TemporaryDirectory() as scratch:
            export_float(model, Path(scratch) / "model.onnx")
            quantize(Path(scratch) / "model.onnx", folder / "model.onnx")
    else:
        export_float(model, folder / "model.onnx")
    write_info(folder, info)


def calibrate_folder(folder: Path, dev: Sequence[Comment]) -> ModelInfo:
    """Fit calibration and thresholds on dev with the model as it serves, and write them; returns the info."""
    classifier = Classifier.load(folder)
    raws = classifier.raw_outputs([c.text for c in dev])
    labelled = [Labelled(c, raw) for c, raw in zip(dev, raws, strict=True) if raw is not None]
    write_info(folder, fit(classifier.info, labelled))
    metrics = {name: round(value, 4) for name, value in measure(Classifier.load(folder), dev).items()}
    info = replace(read_info(folder), metrics={"dev, before dev was trained on": metrics})
    write_info(folder, info)
    return info


def measure(classifier: Classifier, comments: Sequence[Comment]) -> dict[str, float]:
    """The three figures that decide, on labelled comments."""
    gold = [Gold(c.text, frozenset(c.themes), c.sentiment, group=c.group) for c in comments]
    result = evaluate(gold, classifier.classify([c.text for c in comments]))
    return {
        "theme macro-F1": result.macro_f1.value,
        "exact match": result.exact_match.value,
        "sentiment accuracy": result.sentiment.accuracy.value,
    }


def check_quantized(model: FeedbackModel, folder: Path, dev: Sequence[Comment]) -> None:
    """``RuntimeError`` if the eight-bit model in ``folder`` is worse on dev than the float one by more than allowed."""
    info = read_info(folder)
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copy(folder / "tokenizer.json", scratch)
        write_model(model, info, Path(scratch), quantized=False)
        exact = measure(Classifier.load(scratch), dev)
    for name, value in measure(Classifier.load(folder), dev).items():
        print(f"dev {name}: {value:.4f} (float {exact[name]:.4f})")
        if value < exact[name] - LARGEST_LOSS:
            raise RuntimeError(
                f"quantising lowers {name} on dev from {exact[name]:.4f} to {value:.4f}, "
                f"more than {LARGEST_LOSS}: the model folder was not written"
            )


def training_data_hash(data: Path, splits: Sequence[str]) -> str:
    """SHA-256 over the files of these splits, in order."""
    digest = hashlib.sha256()
    for split in splits:
        for path in list_files(data, split):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def load_trained(folder: Path) -> FeedbackModel:
    """The torch model of a model folder, with the weights that serve, to train on or to compare with."""
    from safetensors.torch import load_file
    from transformers import AutoConfig, AutoModel

    weights = unpack(load_file(folder / "model.safetensors"))
    encoder = AutoModel.from_config(AutoConfig.from_pretrained(folder), attn_implementation="eager")
    model = FeedbackModel(encoder, weights["theme_pooled"].shape[0])
    if "ngrams.keys" in weights:
        model.ngrams = NgramHead(len(weights["ngrams.keys"]))
    model.load_state_dict(weights)
    return model.eval()
