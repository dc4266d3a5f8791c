"""Averaging encoders that were adapted from one start."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from fbclass.errors import ModelError
from tests.fixtures.make_tiny_model import write_tiny_encoder
from training.average import AverageConfig, average, merge_stages
from training.heads import load_heads, save_heads
from training.model import FeedbackModel


def write_encoder(folder: Path, root: Path, seed: int, themes: tuple[str, ...] = ("a", "b")) -> Path:
    """A tiny encoder with heads whose weights are drawn with ``seed``."""
    write_tiny_encoder(folder, root / "models" / "encoder")
    torch.manual_seed(seed)
    model = FeedbackModel.from_encoder(folder, len(themes))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    model.encoder.half().save_pretrained(folder)
    save_heads(model, themes, folder)
    (folder / "adaptation.json").write_text(json.dumps([{"seed": 0}, {"seed": seed}]))
    return folder


def test_every_weight_is_the_mean_and_the_folder_serves_as_an_encoder(root: Path, tmp_path: Path) -> None:
    first, second = (write_encoder(tmp_path / str(seed), root, seed) for seed in (1, 2))
    output = tmp_path / "both"
    message = average(AverageConfig([str(first), str(second)], str(output)))
    assert message == f"wrote {output}"
    for file in ("model.safetensors", "heads.safetensors"):
        a, b, both = (load_file(folder / file) for folder in (first, second, output))
        assert a.keys() == both.keys()
        for name, tensor in both.items():
            assert tensor.dtype == torch.float16
            torch.testing.assert_close(tensor.float(), (a[name].float() + b[name].float()) / 2, atol=1e-3, rtol=1e-3)
    model = FeedbackModel.from_encoder(output, 2)
    assert load_heads(model, ["a", "b"], output) == ["a", "b"]
    stages = json.loads((output / "adaptation.json").read_text())
    assert stages == [{"seed": 0}, {"average_of": [[{"seed": 1}], [{"seed": 2}]]}]


@pytest.mark.parametrize(
    ("tables", "kept"), [((b"x", b"x"), True), ((b"x", b"y"), False), ((b"x", None), False), ((None, b"y"), False)]
)
def test_n_grams_are_kept_where_all_have_the_same(
    tables: tuple[bytes | None, ...], kept: bool, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [write_encoder(tmp_path / str(seed), root, seed) for seed in (1, 2)]
    for folder, table in zip(folders, tables, strict=True):
        if table is not None:
            (folder / "ngrams.safetensors").write_bytes(table)
    average(AverageConfig([str(folder) for folder in folders], str(tmp_path / "both")))
    assert (tmp_path / "both" / "ngrams.safetensors").exists() == kept
    assert ("python -m training.ngrams" in capsys.readouterr().out) != kept


def test_stages_that_differ_at_once_have_nothing_in_common() -> None:
    assert merge_stages([[{"a": 1}], [{"a": 2}, {"b": 1}]]) == [{"average_of": [[{"a": 1}], [{"a": 2}, {"b": 1}]]}]


def test_encoders_of_other_themes_are_refused_and_nothing_is_written(root: Path, tmp_path: Path) -> None:
    first = write_encoder(tmp_path / "1", root, 1)
    second = write_encoder(tmp_path / "2", root, 2, ("a", "c"))
    with pytest.raises(ModelError, match="does not fit"):
        average(AverageConfig([str(first), str(second)], str(tmp_path / "both")))
    assert not (tmp_path / "both").exists()


def test_one_encoder_is_no_average() -> None:
    with pytest.raises(ModelError, match="two or more encoders, not 1"):
        average(AverageConfig(["models/encoder"]))
