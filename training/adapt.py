"""Adapt an encoder to feelings and to work life with labelled real texts, before fine-tuning.

    python -m training.adapt --sentiment sentiment.jsonl.xz --output models/feelings
    python -m training.adapt --encoder models/feelings --comments data/feedback --texts real_texts.jsonl --repeat 1 \
        --epochs 4 --lr 1e-3 --matrix_lr 0.01 --output models/adapted

A stage between pre-training and fine-tuning (supplementary training on intermediate labelled tasks, Phang et al.
2018, https://arxiv.org/abs/1811.01088). ``--sentiment`` has lines with ``text`` and ``sentiment``; ``--texts`` and
``--more_texts`` have lines with the fields of data/feedback, of which ``id`` and ``group`` may be missing. If a line of
``--more_texts`` has no ``about``, the whole file says nothing of parties. ``--comments`` adds the comments of train, so
that the real texts are learnt beside them and not instead of them. ``--guessed`` has texts whose sentiment
``training.pseudo_label`` has guessed. The result is an encoder folder like any other, to
be named as --encoder of training.finetune, with the heads beside it (``training.heads``): a short fine-tuning from both
keeps most of what the real texts have taught (training/LOG.md).
"""

from __future__ import annotations

import json
import lzma
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset, concatenate_datasets
from transformers import AutoModelForMaskedLM, AutoTokenizer

from fbclass.encode import TextEncoder
from fbclass.errors import InputError
from fbclass.results import SENTIMENTS
from fbclass.schema import ThemeSchema
from training.config import option, run_script
from training.data import Comment, check_sentiments, load_comments
from training.features import build_features, forget_parties, only_sentiment
from training.frames import framed
from training.heads import load_heads, save_heads
from training.loop import LoopConfig, seed_everything, train
from training.model import FeedbackModel
from training.ngram_head import FILE as NGRAMS
from training.noise import Noise


@dataclass
class AdaptConfig(LoopConfig):
    """Every setting; each is a command-line flag."""

    encoder: str = option("models/encoder", "encoder folder to start from")
    output: str = option("models/adapted", "encoder folder to write")
    schema: str = option("data/themes.yaml", "theme schema")
    sentiment: str = option("", "file of texts with a sentiment; empty: none")
    rows: int = option(30_000, "how many of its lines to draw")
    texts: str = option("", "file of texts with themes, sentiment, evidence and parties; empty: none")
    held_out: float = option(0.25, "share of --texts that is not trained on")
    more_texts: str = option("", "another such file, all of which is trained on; empty: none")
    repeat: int = option(3, "how often each of these texts is read in an epoch")
    guessed: str = option("", "file that training.pseudo_label has written; empty: none")
    comments: str = option("", "folder with train, dev and test, of which train is read as well; empty: none")
    epochs: int = option(1, "passes over everything")
    matrix_lr: float = option(0.0, "learning rate of Muon, for the matrices of the layers; 0: AdamW moves them, less")
    lr: float = option(3e-4, "AdamW's learning rate")


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON Lines file, compressed with xz or not."""
    with lzma.open(path, "rt", encoding="utf-8") if path.suffix == ".xz" else path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def to_comment(row: dict[str, Any], number: int, source: str) -> Comment:
    """A line as a comment; what it does not say is empty."""
    return Comment(
        id=f"{source}-{number}",
        text=row["text"],
        themes=tuple(row.get("themes", ())),
        sentiment=row["sentiment"],
        evidence={theme: tuple(pieces) for theme, pieces in row.get("evidence", {}).items()},
        about=tuple(row.get("about", ())),
        group=f"{source}-{number}",
        source=source,
    )


def held_out_texts(path: Path, share: float) -> tuple[list[Comment], list[Comment]]:
    """The texts to train on and those kept apart, drawn once and for all (seed 7)."""
    rows = list(read_lines(path))
    order = np.random.default_rng(7).permutation(len(rows))
    apart = int(share * len(rows))
    comments = [to_comment(rows[i], int(i), path.stem) for i in order]
    return comments[apart:], comments[:apart]


def guessed_sentiment(rows: Sequence[dict[str, Any]], encoder: TextEncoder, themes: Sequence[str]) -> Dataset:
    """Features of texts whose sentiment is guessed, a probability of each; every other label is ``UNKNOWN``."""
    comments = [to_comment(row | {"sentiment": SENTIMENTS[0]}, i, "guessed") for i, row in enumerate(rows)]
    guesses = {c.id: [row["sentiment"][name] for name in SENTIMENTS] for c, row in zip(comments, rows, strict=True)}
    features = only_sentiment(build_features(comments, encoder, themes))
    return features.map(lambda row: {"sentiment_target": guesses[row["id"]]}, desc="guesses", keep_in_memory=True)


def load_features(config: AdaptConfig, encoder: TextEncoder, schema: ThemeSchema) -> Dataset:
    """Everything to train on; ``InputError`` when no text is given or a sentiment is none of the three."""
    parts = []
    if config.sentiment:
        rows = list(read_lines(Path(config.sentiment)))
        drawn = np.random.default_rng(config.seed).permutation(len(rows))[: config.rows]
        comments = [to_comment(rows[i], int(i), "sentiment") for i in drawn]
        check_sentiments(comments)
        parts.append(only_sentiment(build_features(comments, encoder, schema.ids)))
    if config.texts:
        texts, _ = held_out_texts(Path(config.texts), config.held_out)
        check_sentiments(texts)
        parts += [build_features(texts, encoder, schema.ids)] * config.repeat
    if config.more_texts:
        rows = list(read_lines(Path(config.more_texts)))
        comments = [to_comment(row, i, "more") for i, row in enumerate(rows)]
        check_sentiments(comments)
        features = build_features(comments, encoder, schema.ids)
        parts += [features if all("about" in row for row in rows) else forget_parties(features)] * config.repeat
    if config.guessed:
        parts.append(guessed_sentiment(list(read_lines(Path(config.guessed))), encoder, schema.ids))
    if config.comments:
        own = load_comments(Path(config.comments), "train")
        check_sentiments(own)
        parts.append(
            build_features([*own, *framed(own, config.frames, config.framed, config.seed)], encoder, schema.ids)
        )
    if not parts:
        flags = ("--sentiment", "--texts", "--more_texts", "--guessed", "--comments")
        raise InputError(
            f"There is nothing to adapt to: name a file after {', '.join(flags[:-1])} or a folder after {flags[-1]}.",
            f"没有可以学习的文本：请在 {'、'.join(flags[:-1])} 后面指定文件，或在 {flags[-1]} 后面指定文件夹。",
        )
    return concatenate_datasets(parts)


def with_output_layer(encoder: Any, folder: str) -> Any:
    """``encoder`` with the output layer for masked words of the folder it came from, so that pre-training can go on
    from it; without, where that folder has none.
    """
    if not any("MaskedLM" in name for name in encoder.config.architectures or ()):
        return encoder
    whole = AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32)
    whole.base_model.load_state_dict(encoder.state_dict())
    return whole


def adapt(config: AdaptConfig) -> str:
    """From an encoder to an adapted encoder folder; returns a line for the terminal."""
    seed_everything(config.seed)
    schema = ThemeSchema.load(config.schema)
    tokenizer = AutoTokenizer.from_pretrained(config.encoder)
    output = Path(config.output)
    partial = output.with_name(output.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    tokenizer.save_pretrained(partial)
    features = load_features(config, TextEncoder(partial / "tokenizer.json", config.max_length), schema)
    model = FeedbackModel.from_encoder(config.encoder, len(schema.ids), config.dropout, config.encoder_dropout)
    load_heads(model, schema.ids, Path(config.encoder))
    model = train(model, features, config, Noise.of(tokenizer, with_typos=config.typos > 0))
    with_output_layer(model.encoder, config.encoder).half().save_pretrained(partial)
    save_heads(model, schema.ids, partial)
    if (ngrams := Path(config.encoder) / NGRAMS).exists():
        shutil.copy(ngrams, partial)
    # The card of the encoder it started from would be wrong here: what was done stands beside the weights instead.
    stage = {k: v for k, v in asdict(config).items() if k not in ("encoder", "output", "schema")}
    stage |= {
        k: Path(v).name
        for k, v in stage.items()
        if k in ("sentiment", "texts", "more_texts", "guessed", "comments", "frames")
    }
    before = Path(config.encoder) / "adaptation.json"
    stages = json.loads(before.read_text()) if before.exists() else []
    stages = [stages] if isinstance(stages, dict) else stages  # as it was written when there was one stage only
    (partial / "adaptation.json").write_text(
        json.dumps([*stages, stage | {"examples": len(features)}], indent=2) + "\n"
    )
    shutil.rmtree(output, ignore_errors=True)
    partial.rename(output)
    return f"wrote {output}"


if __name__ == "__main__":
    raise SystemExit(run_script(AdaptConfig, adapt))
