"""Guessing the sentiment of texts without labels, and learning from the guesses."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fbclass.encode import TextEncoder
from fbclass.errors import InputError, ModelError
from fbclass.results import SENTIMENTS
from fbclass.schema import ThemeSchema
from tests.fixtures.make_tiny_model import write_tiny_encoder
from training.adapt import AdaptConfig, held_out_texts, load_features, read_lines, to_comment
from training.features import UNKNOWN, batches
from training.heads import save_heads
from training.model import FeedbackModel
from training.pseudo_label import PseudoLabelConfig, guess_by_encoder, guess_by_ngrams, new_texts, pseudo_label

WORDS = {"negative": "失望", "neutral": "一般", "positive": "满意"}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, root: Path) -> PseudoLabelConfig:
    folder = tmp_path_factory.mktemp("pseudo")
    torch.manual_seed(1)
    write_tiny_encoder(folder / "encoder", root / "models" / "encoder")
    schema = ThemeSchema.load(root / "data" / "themes.yaml")
    model = FeedbackModel.from_encoder(folder / "encoder", len(schema.ids))
    torch.nn.init.normal_(model.sentiment.weight, std=2.0)  # so that its guesses differ
    save_heads(model, schema.ids, folder / "encoder")
    labelled = [{"text": f"第{i}次了，真的{WORDS[s]}", "sentiment": s} for i in range(12) for s in SENTIMENTS]
    with (folder / "labelled.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in labelled)
    # A long one first, so that the order of the batches is not that of the lines.
    lines = ["这件事情从头到尾都让人非常满意，真的满意", "很失望", " ", "很失望", "一般吧"]
    (folder / "texts.txt").write_text("\n".join(lines), encoding="utf-8")
    return PseudoLabelConfig(
        unlabelled=str(folder / "texts.txt"),
        output=str(folder / "guessed.jsonl"),
        texts=str(folder / "labelled.jsonl"),
        encoder=str(folder / "encoder"),
        schema=str(root / "data" / "themes.yaml"),
        ngram_share=0.9,
    )


def test_each_text_gets_the_chances_of_its_own_words(config: PseudoLabelConfig) -> None:
    assert pseudo_label(config) == f"wrote 3 guesses to {config.output}"
    rows = list(read_lines(Path(config.output)))
    assert [max(row["sentiment"], key=row["sentiment"].get) for row in rows] == ["positive", "negative", "neutral"]
    for row in rows:
        assert sum(row["sentiment"].values()) == pytest.approx(1, abs=1e-3)


def test_the_encoder_is_asked_about_each_text_in_its_place(config: PseudoLabelConfig) -> None:
    texts = ["一段要长得多的话，放在最前面，看看顺序会不会乱", "短", "不长不短的话"]
    together = guess_by_encoder(config, texts)
    alone = np.concatenate([guess_by_encoder(config, [text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=2e-2)  # bfloat16 where the CPU has it
    for one, other in itertools.combinations(alone, 2):
        assert np.abs(one - other).max() > 0.1


def test_each_share_asks_one_of_the_two(config: PseudoLabelConfig) -> None:
    texts = list(dict.fromkeys(Path(config.unlabelled).read_text(encoding="utf-8").split("\n")))
    texts.remove(" ")
    labelled, _ = held_out_texts(Path(config.texts), config.held_out)
    for share, alone in ((0.0, guess_by_encoder(config, texts)), (1.0, guess_by_ngrams(labelled, texts))):
        pseudo_label(replace(config, ngram_share=share))
        guesses = [[row["sentiment"][s] for s in SENTIMENTS] for row in read_lines(Path(config.output))]
        np.testing.assert_allclose(guesses, np.exp(alone), atol=1e-3)


def test_labelled_and_kept_apart_texts_are_not_guessed() -> None:
    lines = ["部門不回郵件", "部门不回邮件", "很好", "", "很好", "还行"]
    assert new_texts(lines, ["很好"]) == ["部門不回郵件", "还行"]


def test_guesses_are_learnt_as_chances_and_say_nothing_of_themes(config: PseudoLabelConfig) -> None:
    pseudo_label(config)
    schema = ThemeSchema.load(config.schema)
    encoder = TextEncoder(Path(config.encoder) / "tokenizer.json", 64)
    features = load_features(AdaptConfig(guessed=config.output), encoder, schema)
    (batch,) = batches(features, 8, None)
    rows = sorted(read_lines(Path(config.output)), key=lambda row: len(row["text"]))
    given = [[row["sentiment"][s] for s in SENTIMENTS] for row in rows]
    np.testing.assert_allclose(batch.sentiment.numpy(), given, atol=1e-5)
    for labels in (batch.themes, batch.evidence[0, :3], batch.about[0, :3]):
        assert (labels == UNKNOWN).all()


def test_labelled_texts_that_lack_a_sentiment_are_refused() -> None:
    rows = [to_comment({"text": f"第{i}次", "sentiment": "neutral"}, i, "x") for i in range(3)]
    with pytest.raises(InputError, match="all three sentiments"):
        guess_by_ngrams(rows, ["好"])


def test_an_encoder_without_heads_is_refused(config: PseudoLabelConfig, tmp_path: Path, root: Path) -> None:
    write_tiny_encoder(tmp_path / "encoder", root / "models" / "encoder")
    with pytest.raises(ModelError, match="has no heads that guess"):
        guess_by_encoder(replace(config, encoder=str(tmp_path / "encoder")), ["好"])


@pytest.mark.parametrize("flag", ["unlabelled", "texts"])
def test_a_file_that_was_not_named_is_asked_for(config: PseudoLabelConfig, flag: str) -> None:
    with pytest.raises(InputError, match=f"after --{flag}"):
        pseudo_label(replace(config, **{flag: ""}))


def test_a_file_without_a_new_text_is_refused(config: PseudoLabelConfig, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"empty\.txt has no text"):
        pseudo_label(replace(config, unlabelled=str(tmp_path / "empty.txt")))
