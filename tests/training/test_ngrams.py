"""The regression on n-grams: what it counts, what its table answers, where it travels."""

from __future__ import annotations

import copy
import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file, save_file
from scipy import sparse

from fbclass.encode import TextEncoder
from fbclass.errors import InputError, ModelError
from fbclass.results import SENTIMENTS
from training.data import Comment, load_comments
from training.export import export_float
from training.model import FeedbackModel
from training.ngram_head import COLUMNS, COMMENT, FILE, KIND, LONGEST, NgramHead, hash_runs, load_ngrams, save_ngrams
from training.ngrams import NgramsConfig, Runs, fit_ngrams, write_ngrams
from training.quantize import quantize
from training.weights import pack, unpack


@pytest.fixture(scope="module")
def tokens(root: Path) -> TextEncoder:
    return TextEncoder(root / "models" / "encoder" / "tokenizer.json", 512)


@pytest.fixture(scope="module")
def comments(root: Path) -> list[Comment]:
    return load_comments(root / "data" / "feedback", "train")[:600]


def _ids(tokens: TextEncoder, text: str) -> torch.Tensor:
    return torch.from_numpy(tokens.encode([text])[0].ids)[None]


def test_a_run_has_one_hash_wherever_it_stands() -> None:
    here, there = hash_runs(torch.tensor([[7, 8, 9]]))[0], hash_runs(torch.tensor([[5, 7, 8, 9, 6]]))[0]
    assert len(here) == 3 + 2 + 1 and len(there) == 5 + 4 + 3 + 2
    assert set(here.tolist()) < set(there.tolist())


def test_runs_that_differ_have_different_hashes(tokens: TextEncoder, comments: list[Comment]) -> None:
    runs, hashes = set(), set()
    for comment in comments:
        ids = _ids(tokens, comment.text)
        hashes.update(hash_runs(ids)[0].tolist())
        row = tuple(ids[0].tolist())
        runs.update(row[i : i + size] for size in range(1, LONGEST + 1) for i in range(len(row) - size + 1))
    assert len(runs) - len(hashes) <= 2 and min(hashes) > 0 and max(hashes) < 2**31


def test_counts_are_those_of_the_texts(tokens: TextEncoder) -> None:
    runs = Runs.of([_ids(tokens, text)[0].numpy() for text in ("好好好", "好好", "好")])
    column = runs.hashes.tolist().index(int(hash_runs(_ids(tokens, "好"))[0, 1]))
    assert runs.counts[:, column].toarray().ravel().tolist() == [3, 2, 1]
    assert runs.lengths.tolist() == [5, 4, 3]
    assert len(runs.hashes) == 5, "start, end and 好, and the two of them together, stand in all three"


def test_the_table_answers_as_the_regression_does(tokens: TextEncoder, comments: list[Comment]) -> None:
    """Against scikit-learn's own decision for comments, on texts whose every run has found a place."""
    runs = Runs.of([_ids(tokens, c.text)[0].numpy() for c in comments])
    labels = [SENTIMENTS.index(c.sentiment) for c in comments]
    weights, _ = runs.fit(range(len(comments)), labels, 1.0)
    wide = np.zeros((len(weights), COLUMNS))
    wide[:, COMMENT] = weights
    bias = np.zeros(COLUMNS)
    bias[KIND] = -30.0
    head = runs.table(wide, bias, 20_000_003)
    assert int((head.keys > 0).sum()) > 0.999 * len(runs.hashes)
    weight = dict(zip(runs.hashes.tolist(), weights, strict=True))
    for comment in comments[:50]:
        ids = _ids(tokens, comment.text)
        counted = Counter(hash_runs(ids)[0].tolist())
        expected = sum((n * weight[h] for h, n in counted.items() if h in weight), np.zeros(3)) / np.sqrt(ids.shape[1])
        np.testing.assert_allclose(head(ids, torch.ones_like(ids))[0].numpy(), expected, atol=1e-2)


def test_a_post_is_read_by_the_regression_of_posts(tokens: TextEncoder, comments: list[Comment]) -> None:
    """The same words mean praise in these comments and a complaint in these posts; how a text begins tells which."""
    opposite = {"negative": "positive", "neutral": "neutral", "positive": "negative"}
    posts = [replace(c, text="楼主发帖：" + c.text, sentiment=opposite[c.sentiment]) for c in comments]
    head = fit_ngrams(comments, posts, tokens, NgramsConfig(inverse_regularisation=50.0))
    right = total = 0
    for comment, post in zip(comments[:100], posts[:100], strict=True):
        if comment.sentiment == "neutral":
            continue
        for text in (comment, post):
            ids = _ids(tokens, text.text)
            tone = head(ids, torch.ones_like(ids))[0]
            right += bool(tone[2] > tone[0]) == (text.sentiment == "positive")
            total += 1
    assert right > 0.9 * total


def test_it_tells_praise_from_complaint(tokens: TextEncoder, comments: list[Comment]) -> None:
    """On comments that it was not fitted on, better than always saying what is most frequent."""
    head = fit_ngrams(comments[:450], [], tokens, NgramsConfig(inverse_regularisation=5.0, comment_share=1.0))
    rest = [c for c in comments[450:] if c.sentiment != "neutral"]
    right = 0
    for comment in rest:
        ids = _ids(tokens, comment.text)
        tone = head(ids, torch.ones_like(ids))[0]
        right += bool(tone[2] > tone[0]) == (comment.sentiment == "positive")
    frequent = max(Counter(c.sentiment for c in rest).values())
    assert right > frequent + 0.15 * (len(rest) - frequent)


def test_padding_and_neighbours_change_nothing(tokens: TextEncoder, comments: list[Comment]) -> None:
    head = fit_ngrams(comments, [], tokens, NgramsConfig())
    short, long = _ids(tokens, comments[0].text[:6])[0], _ids(tokens, comments[1].text)[0]
    ids = torch.nn.utils.rnn.pad_sequence([short, long], batch_first=True)
    mask = (torch.arange(ids.shape[1]) < torch.tensor([[len(short)], [len(long)]])).long()
    alone = head(short[None], torch.ones_like(short)[None])
    torch.testing.assert_close(head(ids, mask)[:1], alone)


def test_the_heavier_run_gets_the_place() -> None:
    runs = Runs(sparse.csr_matrix(np.ones((3, 4))), np.array([1, 5, 2, 9]), np.array([4, 4, 4]))
    weights = np.zeros((4, COLUMNS))
    weights[:, 0] = [2.0, -3, 1, 1]
    head = runs.table(weights, np.zeros(COLUMNS), 4)
    assert head.keys.tolist() == [0, 5, 2, 0] and head.weights[1, 0] == -3


def test_an_empty_table_says_nothing() -> None:
    ids = torch.randint(5, 1000, (2, 9))
    assert torch.equal(NgramHead(4)(ids, torch.ones_like(ids)), torch.zeros(2, 3))


@pytest.mark.parametrize("whose", ["comments", "posts"])
def test_a_sentiment_that_is_missing_is_named(whose: str, tokens: TextEncoder, comments: list[Comment]) -> None:
    given = {"comments": comments, "posts": comments}
    given[whose] = [c for c in comments if c.sentiment != "positive"]
    with pytest.raises(InputError, match=f"Of the {whose} none is positive"):
        fit_ngrams(given["comments"], given["posts"], tokens, NgramsConfig())


@pytest.fixture
def folder(root: Path, tmp_path: Path) -> Path:
    """An encoder folder, as far as n-grams look at it, with n-grams in it."""
    shutil.copy(root / "models/encoder/tokenizer.json", tmp_path)
    head = NgramHead(8)
    head.keys[3], head.weights[3, 0], head.bias[1] = 11, 0.5, 0.25
    save_ngrams(head, tmp_path, {"places": 8})
    return tmp_path


def test_what_is_written_is_what_is_read(folder: Path) -> None:
    head = load_ngrams(folder)
    assert head is not None and head.keys.tolist() == [0, 0, 0, 11, 0, 0, 0, 0]
    assert head.weights[3, 0] == 0.5 and head.bias[1] == 0.25 and not list(folder.glob("*.partial"))


def test_a_folder_may_have_none(tmp_path: Path) -> None:
    assert load_ngrams(tmp_path) is None


def test_n_grams_of_another_tokeniser_are_refused(folder: Path) -> None:
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(tokenizer), encoding="utf-8")  # written otherwise, it is the same tokeniser
    assert load_ngrams(folder) is not None
    tokenizer["model"]["vocab"]["部门"] = len(tokenizer["model"]["vocab"])
    path.write_text(json.dumps(tokenizer), encoding="utf-8")
    with pytest.raises(ModelError, match="fitted to another tokeniser"):
        load_ngrams(folder)


@pytest.mark.parametrize("damage", ["cut", "columns", "metadata"])
def test_a_damaged_table_is_refused(damage: str, folder: Path) -> None:
    path = folder / FILE
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    elif damage == "columns":
        tensors = load_file(path) | {"weights": torch.zeros(8, 4)}
        save_file(tensors, path, metadata={"tokenizer": "x"})
    else:
        save_file(load_file(path), path)
    with pytest.raises(ModelError, match="is damaged"):
        load_ngrams(folder)


def test_onnx_reads_runs_as_torch_does(
    random_model: FeedbackModel, tokens: TextEncoder, comments: list[Comment], tmp_path: Path
) -> None:
    """In float and in eight bits, on texts with many known runs, padded; the table is as large as a real one."""
    model = copy.deepcopy(random_model)
    model.ngrams = fit_ngrams(comments, comments[:300], tokens, NgramsConfig(places=70_000))
    texts = [c.text for c in comments[:4]]
    rows = [_ids(tokens, text)[0] % 1024 for text in texts]
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    mask = (torch.arange(ids.shape[1]) < torch.tensor([[len(row)] for row in rows])).long()
    # The random model knows 1,024 tokens only, so the table is moved to these.
    model.ngrams.keys.copy_(_moved(hash_runs(ids).flatten(), 70_000))
    with torch.inference_mode():
        expected, said = model(ids, mask).sentiment.numpy(), model.ngrams(ids, mask)
    assert said.abs().max() > 0.01
    export_float(model, tmp_path / "float.onnx")
    quantize(tmp_path / "float.onnx", tmp_path / "eight.onnx")
    for name, tolerance in (("float", 1e-3), ("eight", 0.1)):
        session = onnxruntime.InferenceSession(str(tmp_path / f"{name}.onnx"), providers=["CPUExecutionProvider"])
        (found,) = session.run(["sentiment"], {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})
        np.testing.assert_allclose(found, expected, atol=tolerance)


def _moved(hashes: torch.Tensor, places: int) -> torch.Tensor:
    keys = torch.zeros(places, dtype=torch.int32)
    keys[hashes % places] = hashes.int()
    return keys


def test_integers_and_narrow_tables_are_stored_as_they_are() -> None:
    keys, weights = torch.arange(70_000, dtype=torch.int32), torch.randn(70_000, COLUMNS).half().float()
    again = unpack(pack({"ngrams.keys": keys, "ngrams.weights": weights}))
    assert torch.equal(again["ngrams.keys"], keys) and torch.equal(again["ngrams.weights"], weights)


def test_the_command_writes_into_the_encoder_folder(root: Path, folder: Path) -> None:
    (folder / "train").mkdir()
    shutil.copy(root / "data/feedback/train/p12.jsonl", folder / "train")
    said = write_ngrams(NgramsConfig(comments=str(folder), encoder=str(folder), places=500))
    head = load_ngrams(folder)
    assert head is not None and said.startswith(f"wrote {int((head.keys > 0).sum())} n-grams of")
    assert 250 < int((head.keys > 0).sum()) <= 500


def test_a_folder_without_a_tokeniser_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"has no tokenizer.json"):
        write_ngrams(NgramsConfig(encoder=str(tmp_path)))
