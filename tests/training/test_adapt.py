"""Adapting an encoder to labelled real texts."""

from __future__ import annotations

import json
import lzma
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModel, AutoModelForMaskedLM

from fbclass.encode import TextEncoder
from fbclass.errors import InputError
from fbclass.schema import ThemeSchema
from tests.fixtures.make_tiny_model import write_tiny_encoder
from training.adapt import AdaptConfig, adapt, held_out_texts, load_features, with_output_layer
from training.features import UNKNOWN, batches
from training.loop import loss_of
from training.model import FeedbackModel
from training.ngram_head import NgramHead, load_ngrams, save_ngrams


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, root: Path) -> AdaptConfig:
    folder = tmp_path_factory.mktemp("adapt")
    write_tiny_encoder(folder / "encoder", root / "models" / "encoder")
    feelings = [
        {"text": f"第{i}次了，真的很{'满意' if i % 2 else '失望'}", "sentiment": ("negative", "positive")[i % 2]}
        for i in range(40)
    ]
    with lzma.open(folder / "sentiment.jsonl.xz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in feelings)
    texts = [
        {
            "text": f"工单{i}号交了没人回",
            "themes": ["slow_response"],
            "sentiment": "negative",
            "evidence": {"slow_response": ["没人回"]},
            "about": [],
        }
        for i in range(20)
    ]
    (folder / "texts.jsonl").write_text(
        "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in texts), encoding="utf-8"
    )
    return AdaptConfig(
        encoder=str(folder / "encoder"),
        output=str(folder / "adapted"),
        schema=str(root / "data" / "themes.yaml"),
        sentiment=str(folder / "sentiment.jsonl.xz"),
        texts=str(folder / "texts.jsonl"),
        rows=30,
        repeat=2,
        batch=8,
        lr=5e-3,
    )


def test_the_result_is_an_encoder_folder_that_has_moved(config: AdaptConfig) -> None:
    adapt(config)
    before, after = AutoModel.from_pretrained(config.encoder), AutoModel.from_pretrained(config.output)
    assert (Path(config.output) / "tokenizer.json").exists()
    (stage,) = json.loads((Path(config.output) / "adaptation.json").read_text())
    assert stage["examples"] == 30 + 2 * 15 and stage["texts"] == "texts.jsonl"
    moved = [
        not torch.allclose(a, b.float(), atol=1e-3)
        for a, b in zip(before.parameters(), after.parameters(), strict=True)
    ]
    assert all(moved[:2])


def test_what_a_row_does_not_say_costs_nothing(config: AdaptConfig, root: Path) -> None:
    schema = ThemeSchema.load(root / "data" / "themes.yaml")
    features = load_features(config, TextEncoder(Path(config.encoder) / "tokenizer.json", 64), schema)
    assert len(features) == 30 + 2 * 15
    model = FeedbackModel.from_encoder(config.encoder, 4)
    for batch in batches(features, 60, None):
        unknown = (batch.themes == UNKNOWN).all(1)
        assert int(unknown.sum()) == 30
        outputs = model(batch.input_ids, batch.attention_mask)
        swung = outputs._replace(themes=torch.where(unknown[:, None], outputs.themes + 9, outputs.themes))
        assert torch.allclose(loss_of(outputs, batch, config), loss_of(swung, batch, config))


def test_the_held_out_texts_are_always_the_same_and_never_trained_on(config: AdaptConfig) -> None:
    train, apart = held_out_texts(Path(config.texts), 0.25)
    again = held_out_texts(Path(config.texts), 0.25)[1]
    assert [c.id for c in apart] == [c.id for c in again] and len(apart) == 5
    assert not {c.id for c in train} & {c.id for c in apart}


def test_a_second_stage_goes_on_from_the_first_and_both_are_written_down(
    config: AdaptConfig, root: Path, tmp_path: Path
) -> None:
    adapt(config)
    save_ngrams(NgramHead(8), Path(config.output), {})
    comments = tmp_path / "comments" / "train"
    comments.mkdir(parents=True)
    lines = (root / "data" / "feedback" / "train" / "p1.jsonl").read_text(encoding="utf-8").splitlines()[:24]
    (comments / "p1.jsonl").write_text("\n".join(lines), encoding="utf-8")
    second = replace(
        config,
        encoder=config.output,
        output=str(tmp_path / "second"),
        sentiment="",
        comments=str(tmp_path / "comments"),
    )
    adapt(second)
    first, last = json.loads((tmp_path / "second" / "adaptation.json").read_text())
    assert first["comments"] == "" and last["comments"] == "comments" and last["examples"] == 2 * 15 + 24
    assert (tmp_path / "second" / "heads.safetensors").exists()
    assert load_ngrams(tmp_path / "second") is not None


def test_texts_without_parties_say_nothing_of_parties(config: AdaptConfig, root: Path, tmp_path: Path) -> None:
    row = {"text": "客服一直没回", "themes": [], "sentiment": "neutral"}
    (tmp_path / "more.jsonl").write_text(json.dumps(row, ensure_ascii=False), encoding="utf-8")
    only = replace(config, sentiment="", texts="", more_texts=str(tmp_path / "more.jsonl"), repeat=1)
    encoder = TextEncoder(Path(config.encoder) / "tokenizer.json", 64)
    (batch,) = batches(load_features(only, encoder, ThemeSchema.load(root / "data" / "themes.yaml")), 8, None)
    assert (batch.about == UNKNOWN).all() and (batch.themes == 0).all()


def test_nothing_to_adapt_to_is_an_error(config: AdaptConfig, root: Path) -> None:
    schema = ThemeSchema.load(root / "data" / "themes.yaml")
    empty = AdaptConfig(encoder=config.encoder)
    with pytest.raises(InputError, match="--sentiment, --texts"):
        load_features(empty, TextEncoder(Path(config.encoder) / "tokenizer.json", 64), schema)


def test_the_output_layer_for_masked_words_stays(config: AdaptConfig, tmp_path: Path) -> None:
    given = AutoModelForMaskedLM.from_config(AutoModel.from_pretrained(config.encoder).config)
    given.save_pretrained(tmp_path)
    encoder = AutoModel.from_pretrained(tmp_path)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(0.5)
    whole = with_output_layer(encoder, str(tmp_path))
    for name, tensor in whole.base_model.state_dict().items():
        assert torch.equal(tensor, encoder.state_dict()[name])
    assert torch.equal(whole.head.dense.weight, given.head.dense.weight)


def test_an_encoder_without_that_layer_stays_as_it_is(config: AdaptConfig) -> None:
    encoder = AutoModel.from_pretrained(config.encoder)
    encoder.config.architectures = ["ModernBertModel"]
    assert with_output_layer(encoder, config.encoder) is encoder
