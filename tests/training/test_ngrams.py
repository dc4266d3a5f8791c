"""The regression on n-grams: what it counts, what its table answers, where it travels."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from fbclass.encode import TextEncoder
from fbclass.errors import InputError
from fbclass.results import SENTIMENTS
from training.data import Comment, load_comments
from training.ngram_head import FILE, LONGEST, NgramHead, hash_runs, load_ngrams
from training.ngrams import NgramsConfig, Runs, fit_ngrams, write_ngrams


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


def test_the_table_answers_as_the_regression_does(tokens: TextEncoder, comments: list[Comment], tmp_path: Path) -> None:
    """Every run kept, against the sums that a dictionary of the weights gives; what lost its place is left out."""
    stored = fit_ngrams(comments, [], tokens, NgramsConfig(kept=10**6, share=1.0))
    save_file(stored, tmp_path / FILE)
    head = load_ngrams(tmp_path)
    assert head is not None
    weight = dict(zip(stored["hashes"].tolist(), stored["weights"].float().numpy(), strict=True))
    kept = set(head.keys.tolist()) - {0}
    assert kept <= set(weight) and len(kept) > 0.5 * len(weight)
    for comment in comments[:50]:
        ids = _ids(tokens, comment.text)
        counted = Counter(hash_runs(ids)[0].tolist())
        total = sum((n * weight[h] for h, n in counted.items() if h in kept), np.zeros(7)) / np.sqrt(ids.shape[1])
        np.testing.assert_allclose(head(ids, torch.ones_like(ids))[0].numpy(), total[:3], atol=1e-4)


def test_a_post_is_read_by_the_regression_of_posts(
    tokens: TextEncoder, comments: list[Comment], tmp_path: Path
) -> None:
    """The same words mean praise in these comments and a complaint in these posts; how a text begins tells which."""
    opposite = {"negative": "positive", "neutral": "neutral", "positive": "negative"}
    posts = [replace(c, text="楼主发帖：" + c.text, sentiment=opposite[c.sentiment]) for c in comments]
    save_file(fit_ngrams(comments, posts, tokens, NgramsConfig(c=50.0)), tmp_path / FILE)
    head = load_ngrams(tmp_path)
    assert head is not None
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


def test_it_tells_praise_from_complaint(tokens: TextEncoder, comments: list[Comment], tmp_path: Path) -> None:
    """On comments that it was not fitted on, better than always saying what is most frequent."""
    save_file(fit_ngrams(comments[:450], [], tokens, NgramsConfig(c=5.0, share=1.0)), tmp_path / FILE)
    head = load_ngrams(tmp_path)
    assert head is not None
    rest = [c for c in comments[450:] if c.sentiment != "neutral"]
    right = 0
    for comment in rest:
        ids = _ids(tokens, comment.text)
        tone = head(ids, torch.ones_like(ids))[0]
        right += bool(tone[2] > tone[0]) == (comment.sentiment == "positive")
    frequent = max(Counter(c.sentiment for c in rest).values())
    assert right > frequent + 0.15 * (len(rest) - frequent)


def test_padding_and_neighbours_change_nothing(tokens: TextEncoder, comments: list[Comment], tmp_path: Path) -> None:
    save_file(fit_ngrams(comments, [], tokens, NgramsConfig()), tmp_path / FILE)
    head = load_ngrams(tmp_path)
    assert head is not None
    short, long = _ids(tokens, comments[0].text[:6])[0], _ids(tokens, comments[1].text)[0]
    ids = torch.nn.utils.rnn.pad_sequence([short, long], batch_first=True)
    mask = (torch.arange(ids.shape[1]) < torch.tensor([[len(short)], [len(long)]])).long()
    alone = head(short[None], torch.ones_like(short)[None])
    torch.testing.assert_close(head(ids, mask)[:1], alone)


def test_the_heavier_run_gets_the_place(tmp_path: Path) -> None:
    weights = torch.zeros(4, 7)
    weights[:, 0] = torch.tensor([3.0, 2, 1, 1])
    save_file(
        {"hashes": torch.tensor([1, 5, 2, 9]).int(), "weights": weights.half(), "bias": torch.zeros(7)}, tmp_path / FILE
    )
    head = load_ngrams(tmp_path)
    assert head is not None and head.keys.tolist() == [0, 1, 2, 0] and head.weights[1, 0] == 3


def test_an_empty_table_and_a_folder_without_one(tmp_path: Path) -> None:
    assert load_ngrams(tmp_path) is None
    ids = torch.randint(5, 1000, (2, 9))
    assert torch.equal(NgramHead(4)(ids, torch.ones_like(ids)), torch.zeros(2, 3))


def test_a_sentiment_that_is_missing_is_named(tokens: TextEncoder, comments: list[Comment]) -> None:
    negative = [replace(c, sentiment=SENTIMENTS[0]) for c in comments[:20]]
    with pytest.raises(InputError, match="all three sentiments"):
        fit_ngrams(negative, [], tokens, NgramsConfig())


def test_the_command_writes_into_the_encoder_folder(root: Path, tmp_path: Path, comments: list[Comment]) -> None:
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder" / "tokenizer.json").write_bytes((root / "models/encoder/tokenizer.json").read_bytes())
    (tmp_path / "train").mkdir()
    lines = (root / "data/feedback/train/p12.jsonl").read_bytes()
    (tmp_path / "train" / "p12.jsonl").write_bytes(lines)
    said = write_ngrams(NgramsConfig(comments=str(tmp_path), encoder=str(tmp_path / "encoder"), kept=500))
    assert said.startswith("wrote 500 n-grams")
    head = load_ngrams(tmp_path / "encoder")
    assert head is not None and 250 < int((head.keys > 0).sum()) <= 500
