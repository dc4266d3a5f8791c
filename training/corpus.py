"""Turn raw text files into one flat array of tokens that pre-training reads windows from.

Each token is a uint16: the low 15 bits are its id, the high bit says that a jieba word starts here,
which is all that whole-word masking needs (Cui et al. 2021, https://arxiv.org/abs/1906.08101).
"""

from __future__ import annotations

import hashlib
import json
import lzma
import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import yaml
from tokenizers import Tokenizer
from tqdm import tqdm

from fbclass.text import TEXT_VERSION, normalize

WORD_START = np.uint16(1 << 15)
TOKEN_ID = np.uint16((1 << 15) - 1)
BLOCK_LINES = 256  # neighbouring lines stay together: they are often one document or dialogue


@dataclass(frozen=True)
class Source:
    """One file of the corpus and the expected number of times each of its blocks is taken."""

    path: Path
    weight: float


def list_sources(corpus: Path, recipe: Path) -> list[Source]:
    """Match every text file below ``corpus`` against the recipe's patterns, first match wins."""
    rules = yaml.safe_load(recipe.read_text(encoding="utf-8"))["sources"]
    sources = []
    for path in sorted(p for p in corpus.rglob("*") if p.name.endswith((".txt", ".txt.xz", ".jsonl", ".jsonl.xz"))):
        name = path.relative_to(corpus).as_posix()
        weight = next((float(rule["weight"]) for rule in rules if fnmatch(name, rule["files"])), 0.0)
        if weight > 0:
            sources.append(Source(path, weight))
    if not sources:
        raise FileNotFoundError(
            f"no .txt, .txt.xz, .jsonl or .jsonl.xz file under {corpus} matches {recipe}: "
            "point --corpus at a folder of text files, one paragraph a line"
        )
    return sources


def read_lines(path: Path) -> Iterator[str]:
    """Yield the non-empty lines of a text file, or the ``text`` field of a JSON Lines file."""
    opener = lzma.open if path.suffix == ".xz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            text = json.loads(line)["text"] if ".jsonl" in path.name else line.strip()
            if text:
                yield text


def sample_blocks(sources: list[Source], seed: int) -> list[list[str]]:
    """Take blocks of lines by weight and shuffle them."""
    rng = np.random.default_rng(seed)
    blocks: list[list[str]] = []
    for source in tqdm(sources, desc="read", unit="file"):
        lines = list(read_lines(source.path))
        for start in range(0, len(lines), BLOCK_LINES):
            copies = int(source.weight) + int(rng.random() < source.weight % 1)
            blocks.extend([lines[start : start + BLOCK_LINES]] * copies)
    rng.shuffle(blocks)  # type: ignore[arg-type]  # a list is a mutable sequence
    return blocks


_tokenizer: Tokenizer | None = None


def _start_worker(tokenizer_file: str) -> None:
    import jieba

    global _tokenizer
    _tokenizer = Tokenizer.from_file(tokenizer_file)
    jieba.initialize()


def encode_block(lines: list[str]) -> np.ndarray:
    """Tokenise lines, each closed by [SEP], and flag where words start; shape (tokens,), uint16."""
    import jieba

    assert _tokenizer is not None
    separator = np.array([_tokenizer.token_to_id("[SEP]")], np.uint16) | WORD_START
    pieces: list[np.ndarray] = []
    texts = [normalize(line).text for line in lines]
    for text, encoding in zip(texts, _tokenizer.encode_batch(texts, add_special_tokens=False), strict=True):
        if not encoding.ids:
            continue
        starts = np.zeros(len(text) + 1, bool)
        starts[np.cumsum([0, *map(len, jieba.cut(text, HMM=False))])] = True
        first_characters = np.array(encoding.offsets)[:, 0]
        pieces += [np.array(encoding.ids, np.uint16) | np.where(starts[first_characters], WORD_START, 0), separator]
    return np.concatenate(pieces) if pieces else np.zeros(0, np.uint16)


def prepare(corpus: Path, recipe: Path, tokenizer_file: Path, cache: Path, seed: int, workers: int) -> np.ndarray:
    """Return the token array for this corpus, recipe, tokeniser and seed, made once and kept in ``cache``."""
    sources = list_sources(corpus, recipe)
    key = hashlib.sha256(
        json.dumps(
            [
                [(s.path.relative_to(corpus).as_posix(), s.path.stat().st_size, s.weight) for s in sources],
                hashlib.sha256(tokenizer_file.read_bytes()).hexdigest(),
                TEXT_VERSION,
                seed,
            ]
        ).encode()
    ).hexdigest()[:16]
    target = cache / f"tokens-{key}.npy"
    if not target.exists():
        blocks = sample_blocks(sources, seed)
        with multiprocessing.get_context("spawn").Pool(workers, _start_worker, (str(tokenizer_file),)) as pool:
            encoded = pool.imap(encode_block, blocks, chunksize=8)
            tokens = np.concatenate(list(tqdm(encoded, total=len(blocks), desc="tokenise", unit="block")))
        cache.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".partial.npy")
        np.save(partial, tokens)
        partial.rename(target)
    return np.load(target, mmap_mode="r")
