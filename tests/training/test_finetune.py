"""Fine-tuning end to end on a handful of comments, with a random encoder."""

from __future__ import annotations

import copy
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fbclass.bundle import read_info
from fbclass.classifier import Classifier
from fbclass.encode import TextEncoder
from fbclass.schema import ThemeSchema
from tests.fixtures.make_tiny_model import write_tiny_encoder
from training.bundle import load_trained
from training.config import run_script
from training.data import Comment, load_comments
from training.features import batches, build_features
from training.finetune import FinetuneConfig, check_labels, finetune, mix
from training.model import FeedbackModel
from training.ngrams import NgramsConfig, write_ngrams

TEXTS = ["采购三天没回复邮件", "报销单交上去没下文", "改了方案没通知我们"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """The first comments of one training file, and some of dev."""
    folder = tmp_path_factory.mktemp("data") / "feedback"
    for split, name, rows in (("train", "p12", 160), ("dev", "p16", 120)):
        lines = (root / "data" / "feedback" / split / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        (folder / split).mkdir(parents=True)
        (folder / split / f"{name}.jsonl").write_text("\n".join(lines[:rows]), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory, root: Path, data: Path) -> Path:
    """With n-grams, so that they are trained beside, exported, quantised and served as well."""
    folder = tmp_path_factory.mktemp("encoder")
    write_tiny_encoder(folder, root / "models" / "encoder")
    write_ngrams(NgramsConfig(comments=str(data), encoder=str(folder)))
    return folder


def settings(data: Path, encoder: Path, output: Path, root: Path) -> FinetuneConfig:
    return FinetuneConfig(
        encoder=str(encoder),
        data=str(data),
        schema=str(root / "data" / "themes.yaml"),
        output=str(output),
        name="test",
        epochs=2,
        lr=5e-3,
        typos=0.0,  # finding the homophones takes seconds
        refit=True,
    )


@pytest.fixture(scope="module")
def model(data: Path, encoder: Path, tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    output = tmp_path_factory.mktemp("model") / "model"
    finetune(settings(data, encoder, output, root))
    return output


def test_the_folder_is_complete_and_serves(model: Path) -> None:
    info = read_info(model)
    assert info.trained_on == ("train", "dev")
    assert set(info.files) == {"config.json", "tokenizer.json", "model.onnx", "model.safetensors"}
    assert len(info.training_data) == 64 and info.libraries["torch"]
    assert not list(model.parent.glob("*.partial"))
    assert len(Classifier.load(model).classify(TEXTS)) == len(TEXTS)


def test_what_serves_says_what_was_trained(model: Path) -> None:
    """The eight-bit ONNX model against torch: logits close, far closer than decisions need."""
    classifier, trained = Classifier.load(model), load_trained(model)
    encoder = TextEncoder(model / "tokenizer.json", classifier.info.max_length)
    raws = classifier.raw_outputs(TEXTS)
    for window, raw in zip(encoder.encode(TEXTS), raws, strict=True):
        ids = torch.from_numpy(window.ids)[None]
        with torch.inference_mode():
            expected = trained(ids, torch.ones_like(ids))
        assert raw is not None
        assert np.abs(expected.themes[0].numpy() - raw.themes).max() < 0.1
        assert np.abs(expected.sentiment[0].numpy() - raw.sentiment).max() < 0.1


def test_the_n_grams_of_the_encoder_are_in_the_sentiment(model: Path) -> None:
    trained = load_trained(model)
    assert trained.ngrams is not None
    window = TextEncoder(model / "tokenizer.json", 512).encode(TEXTS)[0]
    ids = torch.from_numpy(window.ids)[None]
    mask = torch.ones_like(ids)
    with torch.inference_mode():
        said, whole = trained.ngrams(ids, mask), trained(ids, mask)
        trained.ngrams = None
        without = trained(ids, mask)
    assert said.abs().max() > 0.01
    torch.testing.assert_close(whole.sentiment, without.sentiment + said)
    assert torch.equal(whole.themes, without.themes)


def test_one_seed_gives_one_model_and_the_card_survives(
    data: Path, encoder: Path, model: Path, tmp_path: Path, root: Path
) -> None:
    again = shutil.copytree(model, tmp_path / "again")
    (again / "README.md").write_text("a card", encoding="utf-8")
    finetune(settings(data, encoder, again, root))
    first, second = Classifier.load(model).classify(TEXTS), Classifier.load(again).classify(TEXTS)
    assert [p.to_dict() for p in first] == [p.to_dict() for p in second]
    assert (again / "README.md").read_text(encoding="utf-8") == "a card"


def test_a_share_of_the_start_is_kept(random_model: FeedbackModel) -> None:
    model = copy.deepcopy(random_model)
    start = {name: torch.zeros_like(tensor) for name, tensor in model.state_dict().items()}
    mix(model, start, 0.25)
    torch.testing.assert_close(model.sentiment.weight, 0.75 * random_model.sentiment.weight)


def test_labels_stand_on_the_tokens_they_belong_to(root: Path, encoder: Path) -> None:
    comment = Comment(
        id="x-1",
        text="财务部：報銷单交上去\n一个月没批",
        themes=("slow_response",),
        sentiment="negative",
        evidence={"slow_response": ("一个月没批",)},
        about=("财务部",),
        group="x-g1",
        source="x",
    )
    text_encoder = TextEncoder(encoder / "tokenizer.json", 64)
    features = build_features([comment], text_encoder, ["goal_conflict", "slow_response"])
    (batch,) = batches(features, 8, None)
    (window,) = text_encoder.encode([comment.text])
    marked = [comment.text[s:e] for (s, e), on in zip(window.spans, batch.evidence[0, :, 1], strict=True) if on]
    assert "".join(marked) == "一个月没批"
    parties = [comment.text[s:e] for (s, e), on in zip(window.spans, batch.about[0], strict=True) if on]
    assert "".join(parties) == "财务部"
    assert batch.themes.tolist() == [[0.0, 1.0]] and batch.sentiment.tolist() == [[1.0, 0.0, 0.0]]
    assert not batch.evidence[..., 0].any()


def test_every_comment_is_read_once_an_epoch_whatever_the_shuffle(root: Path, encoder: Path) -> None:
    comments = load_comments(root / "data" / "feedback", "dev")[:200]
    features = build_features(comments, TextEncoder(encoder / "tokenizer.json", 64), ["slow_response"])
    plain = sorted(tuple(ids[ids > 0].tolist()) for b in batches(features, 32, None) for ids in b.input_ids)
    shuffled = list(batches(features, 32, np.random.default_rng(0)))
    assert sorted(tuple(ids[ids > 0].tolist()) for b in shuffled for ids in b.input_ids) == plain
    padding = np.mean([(b.attention_mask == 0).float().mean().item() for b in shuffled])
    assert padding < 0.15


def test_any_hugging_face_encoder_will_do(tmp_path: Path, encoder: Path) -> None:
    from transformers import BertConfig, BertModel

    BertModel(
        BertConfig(vocab_size=100, hidden_size=32, num_hidden_layers=1, num_attention_heads=1, intermediate_size=32)
    ).save_pretrained(tmp_path)
    model = FeedbackModel.from_encoder(tmp_path, themes=4)
    ids = torch.randint(5, 100, (2, 7))
    outputs = model(ids, torch.ones_like(ids))
    assert [tuple(o.shape) for o in outputs] == [(2, 4), (2, 3), (2, 7, 4), (2, 7)]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"sentiment": "negativ"}, "p12-001: sentiment 'negativ' must be one of negative, neutral, positive"),
        ({"about": ["董事会"]}, "p12-001: '董事会' is not a part of"),
    ],
)
def test_a_bad_comment_is_one_sentence(
    changed: dict[str, object],
    sentence: str,
    data: Path,
    encoder: Path,
    root: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(data, tmp_path / "feedback")
    path = tmp_path / "feedback" / "train" / "p12.jsonl"
    first, *rest = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([json.dumps(json.loads(first) | changed, ensure_ascii=False), *rest]), encoding="utf-8")
    flags = {"encoder": encoder, "data": tmp_path / "feedback", "output": tmp_path / "model", "refit": False}
    flags |= {"schema": root / "data" / "themes.yaml", "typos": 0}
    status = run_script(FinetuneConfig, finetune, [part for k, v in flags.items() for part in (f"--{k}", str(v))])
    assert status == 1 and not (tmp_path / "model").exists()
    assert sentence in capsys.readouterr().err


def test_a_theme_that_the_schema_lacks_is_said(data: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    comments = load_comments(data, "train")
    number = sum("slow_response" in c.themes for c in comments)
    schema = ThemeSchema.load(root / "data" / "themes.yaml")
    fewer = replace(schema, themes=tuple(t for t in schema.themes if t.id != "slow_response"))
    check_labels(comments, fewer)
    assert f"theme 'slow_response' of {number} comments is not in the schema" in capsys.readouterr().out
