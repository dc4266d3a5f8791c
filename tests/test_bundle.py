"""A model folder that does not fit is refused with a sentence that names both sides."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fbclass.bundle import Decision, prefer, read_info, write_info
from fbclass.classifier import Classifier
from fbclass.errors import ModelError


@pytest.fixture
def copy(tiny_model: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_model, tmp_path / "model")


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "fbclass.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")


def test_info_survives_writing(copy: Path) -> None:
    info = read_info(copy)
    write_info(copy, info)
    assert read_info(copy) == info


def test_a_preference_for_precision_takes_the_second_thresholds(copy: Path) -> None:
    info = read_info(copy)
    second = Decision(dict.fromkeys(info.schema.ids, 0.97), 0.4)
    write_info(copy, replace(info, precision=second))
    again = read_info(copy)
    assert again.precision == second and prefer(again, "balance") is again
    preferred = prefer(again, "precision")
    assert (preferred.thresholds, preferred.review_threshold) == (second.thresholds, 0.4)
    assert replace(preferred, thresholds=again.thresholds, review_threshold=again.review_threshold) == again
    assert Classifier.load(copy, preference="precision").info == preferred


def test_a_folder_from_before_there_was_a_preference(copy: Path) -> None:
    edit(copy, lambda data: data.pop("precision", None))
    assert Classifier.load(copy).info.precision is None
    with pytest.raises(ModelError, match="has no thresholds for precision: train it again") as e:
        Classifier.load(copy, preference="precision")
    assert "没有精确取向" in e.value.chinese
    with pytest.raises(ValueError, match="there are balance, precision"):
        prefer(read_info(copy), "recall")  # type: ignore[arg-type]


def test_serving_does_without_the_training_weights(copy: Path) -> None:
    (copy / "model.safetensors").unlink(missing_ok=True)
    assert Classifier.load(copy).classify(["催了三次还没回复"])[0].scores


def test_a_changed_file_is_refused(copy: Path) -> None:
    with (copy / "model.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(
        ModelError, match=r"model\.onnx has checksum .* fbclass\.json says .* copy the model folder"
    ) as e:
        Classifier.load(copy)
    assert "校验和" in e.value.chinese


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.onnx"])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(ModelError, match=f"lacks {name}"):
        Classifier.load(copy)


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a model folder"):
        Classifier.load(tmp_path)


def rename_theme(data: dict[str, Any]) -> None:
    data["schema"]["themes"][0]["id"] = "another_theme"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda d: d.update(format=99), "format is 99, expected 1"),
        (lambda d: d.update(text_version="0"), "text pipeline version is 0, expected 2"),
        (
            lambda d: d.update(sentiments=["good", "bad"]),
            r"sentiment labels is \['good', 'bad'\], expected \['negative'",
        ),
        (lambda d: d["thresholds"].pop("slow_response"), r"themes of the thresholds is \['culture_gap'"),
        (
            lambda d: d.update(precision={"thresholds": {"slow_response": 0.9}, "review_threshold": 0.3}),
            r"thresholds for precision is \['slow_response'\], expected \['culture_gap'",
        ),
        (lambda d: d.update(precision={"thresholds": {}}), "is damaged"),
        (rename_theme, "schema hash is [0-9a-f]{64}, expected [0-9a-f]{64}"),
        (lambda d: d.pop("schema"), "is damaged"),
        (lambda d: d["schema"].update(themes=[]), "is damaged"),
        (lambda d: d.update(calibration={}), "is damaged"),
    ],
)
def test_foreign_parts_are_refused(copy: Path, change: Callable[[dict[str, Any]], object], sentence: str) -> None:
    edit(copy, change)
    with pytest.raises(ModelError, match=sentence):
        Classifier.load(copy)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"'])
def test_damaged_info_is_refused(copy: Path, text: str) -> None:
    (copy / "fbclass.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match="is damaged"):
        read_info(copy)


def test_a_model_with_other_outputs_is_refused(copy: Path) -> None:
    def one_theme_less(data: dict[str, Any]) -> None:
        removed = data["schema"]["themes"].pop()["id"]
        for table in (data["thresholds"], data["calibration"]["scale"], data["calibration"]["bias"]):
            table.pop(removed)

    edit(copy, one_theme_less)
    # Make the folder consistent with itself again, so that only the network disagrees.
    data = json.loads((copy / "fbclass.json").read_text(encoding="utf-8"))
    from fbclass.schema import ThemeSchema

    edit(copy, lambda d: d.update(schema_hash=ThemeSchema.from_dict(data["schema"]).hash))
    with pytest.raises(ModelError, match=r"answers \{'themes': 4.* asks for \{'themes': 3"):
        Classifier.load(copy)


def test_an_onnx_file_that_is_none_is_refused(copy: Path) -> None:
    (copy / "model.onnx").write_bytes(b"not a model")
    write_info(copy, read_info(copy, verify=False))
    with pytest.raises(ModelError, match="cannot be loaded by onnxruntime"):
        Classifier.load(copy)
