"""The model folder: everything that changes a prediction, in one place that can be copied and trusted.

    config.json         the encoder's architecture (Hugging Face)
    tokenizer.json      the tokeniser
    model.onnx          what serves
    model.safetensors   what training goes on from; serving does without it
    fbclass.json        schema, thresholds, calibration, versions, metrics, checksums (ModelInfo)
    README.md           the model card

Nothing in it is a pickle, and a file that is not the one the model was released with is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from fbclass.errors import ModelError, SchemaError
from fbclass.results import SENTIMENTS
from fbclass.schema import ThemeSchema
from fbclass.text import TEXT_VERSION

FORMAT = 1
INFO_FILE = "fbclass.json"
SERVING_FILES = ("config.json", "tokenizer.json", "model.onnx")
Preference = Literal["balance", "precision"]
PREFERENCES: tuple[Preference, ...] = ("balance", "precision")


@dataclass(frozen=True, slots=True)
class Calibration:
    """Platt scaling per theme and one temperature for sentiment (Guo et al. 2017,
    https://arxiv.org/abs/1706.04599): probability = sigmoid(scale * logit + bias), softmax(logits / temperature).
    """

    scale: Mapping[str, float]
    bias: Mapping[str, float]
    temperature: float


@dataclass(frozen=True, slots=True)
class Decision:
    """Another way to decide by the same probabilities; the fields mean what they do in ``ModelInfo``."""

    thresholds: Mapping[str, float]
    review_threshold: float


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What ``fbclass.json`` says; it travels with the weights."""

    name: str
    version: str
    schema: ThemeSchema
    thresholds: Mapping[str, float]  # calibrated probability from which a theme is reported
    calibration: Calibration
    evidence_threshold: float  # token probability from which a token belongs to the evidence
    about_threshold: float
    review_threshold: float  # doubt (fbclass.decode.doubt) from which a person should look
    max_length: int  # tokens in one window, special tokens included
    text_version: str = TEXT_VERSION
    sentiments: tuple[str, ...] = SENTIMENTS
    trained_on: tuple[str, ...] = ("train",)  # splits of the labelled data
    training_data: str = ""  # SHA-256 over their files
    libraries: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    precision: Decision | None = None  # few wrong themes at the price of missed ones; folders of early models lack it
    files: Mapping[str, str] = field(default_factory=dict)  # SHA-256 of each other file
    format: int = FORMAT

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as ``fbclass.json`` holds it."""
        return {**asdict(self), "schema": self.schema.to_dict(), "schema_hash": self.schema.hash}


def prefer(info: ModelInfo, preference: Preference) -> ModelInfo:
    """``info`` as it decides under a preference: "balance", its own way, or "precision".

    ``ModelError`` when the folder was written before models had thresholds for precision.
    """
    if preference not in PREFERENCES:
        raise ValueError(f"prefer {preference!r}: there are {', '.join(PREFERENCES)}")
    if preference == "balance":
        return info
    if info.precision is None:
        raise ModelError(
            f"the model {info} has no thresholds for precision: train it again, or leave the preference out",
            f"模型 {info} 没有精确取向（precision）的阈值：请重新训练，或者去掉这个选项",
        )
    return replace(info, thresholds=info.precision.thresholds, review_threshold=info.precision.review_threshold)


def bundled(name: str) -> Path:
    """A model folder or data file that ships with fbclass: in the wheel, or in the source tree."""
    packaged = Path(__file__).parent / "bundled" / name
    if packaged.exists():
        return packaged
    root = Path(__file__).parents[2]
    return root / "data" / name if name.endswith(".yaml") else root / "models" / name


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_info(folder: Path, info: ModelInfo) -> None:
    """Write ``fbclass.json`` with the checksums of the other files as they now are."""
    names = sorted(p.name for p in folder.iterdir() if p.name not in (INFO_FILE, "README.md"))
    data = info.to_dict() | {"files": {name: file_hash(folder / name) for name in names}}
    partial = folder / (INFO_FILE + ".partial")
    partial.write_text(json.dumps(data, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    partial.rename(folder / INFO_FILE)


def read_info(folder: Path, *, verify: bool = True) -> ModelInfo:
    """Read and check a model folder; ``ModelError`` says what does not fit.

    ``verify``: also compare the checksum of every file that is there.
    """
    path = folder / INFO_FILE
    if not path.is_file():
        raise ModelError(
            f"{folder} is not a model folder, it has no {INFO_FILE}: give the folder that training wrote",
            f"{folder} 不是模型文件夹（缺少 {INFO_FILE}）：请指定训练脚本生成的文件夹",
        )
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        info = _from_dict(data, path)
    except (ValueError, TypeError, KeyError, AttributeError, SchemaError) as error:
        raise ModelError(
            f"{path} is damaged ({error!r}): copy the model folder again or export it anew",
            f"{path} 已损坏（{error!r}）：请重新拷贝模型文件夹或重新导出",
        ) from error
    _check_fit(data, info, path)
    for name in SERVING_FILES:
        if name not in info.files or not (folder / name).is_file():
            raise ModelError(
                f"the model folder {folder} lacks {name}: copy the whole folder again",
                f"模型文件夹 {folder} 缺少 {name}：请重新完整拷贝",
            )
    for name, expected in info.files.items():
        if verify and (folder / name).is_file() and (actual := file_hash(folder / name)) != expected:
            raise ModelError(
                f"{folder / name} has checksum {actual[:12]}…, {INFO_FILE} says {expected[:12]}…: "
                "the file was changed or damaged, copy the model folder again",
                f"{folder / name} 的校验和是 {actual[:12]}…，而 {INFO_FILE} 记录的是 {expected[:12]}…："
                "文件被改动或损坏，请重新拷贝模型文件夹",
            )
    return info


def _from_dict(data: dict[str, Any], path: Path) -> ModelInfo:
    known = {name: data[name] for name in ModelInfo.__dataclass_fields__ if name in data}
    return ModelInfo(
        **known
        | {
            "schema": ThemeSchema.from_dict(data["schema"], str(path)),
            "calibration": Calibration(**data["calibration"]),
            "sentiments": tuple(data["sentiments"]),
            "trained_on": tuple(data["trained_on"]),
            "precision": Decision(**data["precision"]) if data.get("precision") else None,
        }
    )


def _check_fit(data: dict[str, Any], info: ModelInfo, path: Path) -> None:
    """Refuse a folder whose parts speak of different things; the sentence names both sides."""
    ids = list(info.schema.ids)
    precise = info.precision.thresholds if info.precision else info.thresholds
    pairs: list[tuple[str, str, Any, Any]] = [
        ("format", "格式版本", info.format, FORMAT),
        ("text pipeline version", "文本处理版本", info.text_version, TEXT_VERSION),
        ("schema hash", "主题校验和", data.get("schema_hash"), info.schema.hash),
        ("sentiment labels", "情感标签", list(info.sentiments), list(SENTIMENTS)),
        ("themes of the thresholds", "阈值的主题", sorted(info.thresholds), sorted(ids)),
        ("themes of the thresholds for precision", "精确取向的阈值的主题", sorted(precise), sorted(ids)),
        ("themes of the calibration", "校准的主题", sorted(info.calibration.scale), sorted(ids)),
    ]
    for english, chinese, found, expected in pairs:
        if found != expected:
            raise ModelError(
                f"{path}: {english} is {found}, expected {expected}: use a model made for this version of fbclass",
                f"{path}：{chinese}是 {found}，应为 {expected}：请使用与当前 fbclass 版本匹配的模型",
            )
