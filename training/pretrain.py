"""Pre-train the encoder with whole-word masked language modelling.

    python -m training.pretrain --corpus DIR_WITH_TEXT_FILES --output models/encoder

Starts from raw text files (.txt, .txt.xz, .jsonl), learns the vocabulary unless --tokenizer names one,
and can be killed at any moment: started again with the same options it goes on from the last
checkpoint. `make pretrain` sets the allocator options that make it 10 to 25% faster on a CPU.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import AutoTokenizer, HfArgumentParser, ModernBertConfig, ModernBertForMaskedLM

from training.config import option
from training.corpus import WORD_START, list_sources, prepare, sample_blocks
from training.growth import deepen
from training.masking import IGNORE, mask_tokens
from training.optim import build_optimizers, learning_rate_scale
from training.vocabulary import SPECIAL_TOKENS, train_vocabulary


@dataclass
class PretrainConfig:
    """Every setting of a pre-training run; each is a command-line flag."""

    corpus: str = option("", "folder of text files, one paragraph or utterance a line")
    output: str = option("models/encoder", "folder for the finished encoder")
    recipe: str = option("training/recipes/encoder.yaml", "which files count how much")
    tokenizer: str = option("", "folder of an existing tokeniser; empty: learn one")
    start_from: str = option("", "finished encoder folder to go on from (a second stage); empty: start afresh")
    work: str = option(".cache/pretrain", "folder for tokens and checkpoints")
    vocabulary_size: int = option(8192, "WordPiece entries, at most 32768")
    layers: int = option(6, "Transformer layers; if --start_from has fewer, the others are added")
    hidden: int = option(256, "width, a multiple of 64")
    intermediate: int = option(512, "GeGLU width")
    max_length: int = option(512, "longest input in tokens")
    tokens: float = option(60e6, "tokens to train on")
    short: int = option(64, "window length at first")
    long: int = option(256, "window length at the end")
    long_fraction: float = option(0.1, "fraction of the tokens read in long windows")
    micro_batch: int = option(4096, "tokens in one forward pass")
    batch: int = option(4096, "tokens in one update")
    matrix_lr: float = option(0.02, "Muon learning rate")
    other_lr: float = option(3e-3, "AdamW learning rate")
    weight_decay: float = option(0.03, "weight decay of matrices and embeddings")
    warmup: float = option(0.02, "fraction of the run")
    decay: float = option(0.4, "fraction of the run")
    mask_rate: float = option(0.15, "share of the characters predicted before whole words are")
    late_mask_rate: float = option(0.2, "share predicted once some windows mask whole words")
    word_masking_from: float = option(0.4, "fraction of the run after which some windows mask whole words")
    word_masking: float = option(0.5, "share of those windows")
    keep: float = option(0.1, "share of the predicted words that stay visible")
    seed: int = option(1, "seed of everything random")
    workers: int = option(2, "processes that tokenise")
    checkpoint_minutes: float = option(5.0, "time between checkpoints")


class Windows:
    """Windows of the token array in a shuffled order that depends only on seed and length."""

    def __init__(self, tokens: np.ndarray, length: int, start_id: int, seed: int) -> None:
        self.tokens, self.length, self.start_id = tokens, length, start_id
        self.count = len(tokens) // (length - 1)
        if not self.count:
            raise ValueError(f"the corpus has {len(tokens)} tokens, fewer than one window of {length}: add text")
        self.seed = seed

    def batch(self, first: int, size: int) -> np.ndarray:
        """Windows number ``first`` to ``first + size`` of the endless order; shape (size, length)."""
        epoch_of = np.arange(first, first + size) // self.count
        rows = np.empty((size, self.length), np.uint16)
        rows[:, 0] = self.start_id
        for i, epoch in enumerate(epoch_of):
            index = self._order(int(epoch))[(first + i) % self.count]
            rows[i, 1:] = self.tokens[index * (self.length - 1) : (index + 1) * (self.length - 1)]
        return rows

    def _order(self, epoch: int) -> np.ndarray:
        if getattr(self, "_cached", (None, None))[0] != epoch:
            self._cached = (epoch, np.random.default_rng([self.seed, self.length, epoch]).permutation(self.count))
        return self._cached[1]


def build_model(config: PretrainConfig, vocabulary_size: int) -> ModernBertForMaskedLM:
    """A pre-norm, bias-free encoder with rotary positions and GeGLU (Warner et al. 2024,
    https://arxiv.org/abs/2412.13663), every layer attending to the whole input. ``AutoModel`` loads it.
    """
    return ModernBertForMaskedLM(
        ModernBertConfig(
            vocab_size=vocabulary_size,
            hidden_size=config.hidden,
            intermediate_size=config.intermediate,
            num_hidden_layers=config.layers,
            num_attention_heads=config.hidden // 64,
            max_position_embeddings=config.max_length,
            global_attn_every_n_layers=1,
            rope_parameters={"full_attention": {"rope_type": "default", "rope_theta": 10000.0}},
            pad_token_id=SPECIAL_TOKENS.index("[PAD]"),
            cls_token_id=SPECIAL_TOKENS.index("[CLS]"),
            bos_token_id=SPECIAL_TOKENS.index("[CLS]"),
            sep_token_id=SPECIAL_TOKENS.index("[SEP]"),
            eos_token_id=SPECIAL_TOKENS.index("[SEP]"),
            attn_implementation="eager",  # faster than SDPA to train at these lengths on a CPU (training/LOG.md)
        )
    )


def start_model(config: PretrainConfig, vocabulary_size: int) -> ModernBertForMaskedLM:
    """A new model, or in a second stage the weights of the first (not its optimiser's state)."""
    if not config.start_from:
        return build_model(config, vocabulary_size)
    return deepen(load_encoder(config.start_from, vocabulary_size), config.layers).train()


def load_encoder(folder: str, vocabulary_size: int) -> ModernBertForMaskedLM:
    """A finished encoder with its output layer, in float32; ``ValueError`` if it reads other tokens."""
    model = ModernBertForMaskedLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    if model.config.vocab_size != vocabulary_size:
        raise ValueError(
            f"{folder} has {model.config.vocab_size} vocabulary entries, the tokeniser {vocabulary_size}: "
            "give the tokeniser that the encoder was trained with as --tokenizer"
        )
    return model


class Run:
    """One pre-training run: model, optimisers, position in the data, and its checkpoint on disk."""

    def __init__(self, config: PretrainConfig, tokens: np.ndarray, vocabulary_size: int) -> None:
        self.config = config
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(config.seed)
        self.model = start_model(config, vocabulary_size).to(self.device)
        self.optimizers = build_optimizers(self.model, config.matrix_lr, config.other_lr, config.weight_decay)
        self.base_lrs = [group["lr"] for o in self.optimizers for group in o.param_groups]
        start_id = SPECIAL_TOKENS.index("[CLS]")
        self.windows = {n: Windows(tokens, n, start_id, config.seed) for n in (config.short, config.long)}
        self.used = dict.fromkeys(self.windows, 0)  # windows read so far, by length
        self.step, self.done, self.seconds = 0, 0, 0.0
        self.checkpoint = Path(config.work) / "checkpoint.pt"
        self.log = Path(config.work) / "loss.jsonl"

    def resume(self) -> None:
        """Go on from the last checkpoint if there is one; tensors only, nothing is unpickled."""
        if self.checkpoint.exists():
            state = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
            self.model.load_state_dict(state["model"])
            for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
                decays = [group["weight_decay"] for group in optimizer.param_groups]
                optimizer.load_state_dict(saved)
                for group, decay in zip(optimizer.param_groups, decays, strict=True):
                    group["weight_decay"] = decay  # as the learning rates: what was asked for now counts
            self.used, self.step, self.done = state["used"], state["step"], state["done"]
            self.seconds = state["seconds"]
            # The log may have run ahead of the checkpoint: what is trained again is logged again.
            lines = self.log.read_text().splitlines() if self.log.exists() else []
            kept = [line for line in lines if json.loads(line)["step"] <= self.step]
            self.log.write_text("".join(line + "\n" for line in kept))
            print(f"resumed at step {self.step}, {self.done / 1e6:.1f}M tokens")

    def save(self) -> None:
        """Write the checkpoint under another name and rename it: a kill never leaves half of one."""
        partial = self.checkpoint.with_suffix(".partial")
        torch.save(
            {
                "model": self.model.state_dict(),
                "optimizers": [o.state_dict() for o in self.optimizers],
                "used": self.used,
                "step": self.step,
                "done": self.done,
                "seconds": self.seconds,
                "config": asdict(self.config),
            },
            partial,
        )
        partial.rename(self.checkpoint)

    def update(self) -> tuple[float, float]:
        """One optimiser step; returns the mean loss (nats) and accuracy over the predicted tokens."""
        c, progress = self.config, self.done / self.config.tokens
        length = c.short if progress < 1 - c.long_fraction else c.long
        # Whole words from the start keep the loss on its first plateau for millions of tokens: single
        # characters, which their neighbours give away, get attention going (training/LOG.md).
        late = progress >= c.word_masking_from
        rng = np.random.default_rng([c.seed, self.step])
        rows = self.windows[length].batch(self.used[length], max(1, c.batch // length))
        whole = rng.random((len(rows), 1)) < (c.word_masking if late else 0.0)
        ids, labels = mask_tokens(
            np.where(whole, rows, rows | WORD_START),
            rate=c.late_mask_rate if late else c.mask_rate,
            mask_id=SPECIAL_TOKENS.index("[MASK]"),
            first_ordinary_id=len(SPECIAL_TOKENS),
            keep=c.keep,
            rng=rng,
        )
        total = max(1, int((labels != IGNORE).sum()))
        loss_sum, right = 0.0, 0
        size = max(1, c.micro_batch // length)
        for start in range(0, len(ids), size):
            x = torch.from_numpy(ids[start : start + size]).to(self.device)
            y = torch.from_numpy(labels[start : start + size]).to(self.device)
            loss, correct = self._predict(x, y)
            (loss / total).backward()
            loss_sum += loss.item()
            right += correct
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        scale = learning_rate_scale(progress, c.warmup, c.decay)
        groups = (group for o in self.optimizers for group in o.param_groups)
        for group, base in zip(groups, self.base_lrs, strict=True):
            group["lr"] = base * scale
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.used[length] += len(rows)
        self.done += rows.size
        self.step += 1
        return loss_sum / total, right / total

    def _predict(self, x: Tensor, y: Tensor) -> tuple[Tensor, int]:
        """Masked language modelling: summed loss and how many hidden tokens were named."""
        chosen = y != IGNORE
        with torch.autocast(self.device.type, torch.bfloat16):
            hidden = self.model.model(input_ids=x).last_hidden_state
            # Only the predicted positions go through the output layer, the widest of all.
            logits = self.model.decoder(self.model.head(hidden[chosen]))
        loss = cross_entropy(logits.float(), y[chosen], reduction="sum")
        return loss, int((logits.argmax(-1) == y[chosen]).sum())

    def train(self) -> None:
        """Train until ``tokens`` are read, logging every 50 steps and saving every few minutes."""
        c = self.config
        losses: list[tuple[float, float]] = []
        clock = saved = time.monotonic()
        since = self.done
        while self.done < c.tokens:
            losses.append(self.update())
            now = time.monotonic()
            if self.step % 50 == 0 or self.done >= c.tokens:
                speed = (self.done - since) / (now - clock)
                self.seconds += now - clock
                clock, since = now, self.done
                loss, accuracy = np.mean(losses, axis=0)
                losses.clear()
                if not math.isfinite(loss):
                    raise FloatingPointError(f"loss is {loss} at step {self.step}: lower --matrix_lr or --other_lr")
                left = (c.tokens - self.done) / speed / 60
                print(
                    f"step {self.step}  {self.done / 1e6:.1f}M tokens  loss {loss:.3f}  accuracy {accuracy:.3f}  "
                    f"{speed:,.0f} tokens/s  {left:.0f} min left",
                    flush=True,
                )
                entry = {"step": self.step, "tokens": self.done, "loss": round(float(loss), 4), "seconds": self.seconds}
                with self.log.open("a") as log:
                    log.write(json.dumps(entry) + "\n")
            if now - saved > c.checkpoint_minutes * 60:
                self.save()
                saved = now
        self.save()


def pretrain(config: PretrainConfig) -> None:
    """From raw text to a finished encoder folder, going on from a checkpoint if there is one."""
    work, output = Path(config.work), Path(config.output)
    work.mkdir(parents=True, exist_ok=True)
    tokenizer_folder = Path(config.tokenizer or work / "tokenizer")
    if not (tokenizer_folder / "tokenizer.json").exists():
        blocks = sample_blocks(list_sources(Path(config.corpus), Path(config.recipe)), config.seed)
        lines = (line for block in blocks[: max(1, len(blocks) // 5)] for line in block)
        train_vocabulary(lines, config.vocabulary_size, config.max_length, tokenizer_folder)
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    tokens = prepare(
        Path(config.corpus), Path(config.recipe), tokenizer_folder / "tokenizer.json", work, config.seed, config.workers
    )
    print(f"{len(tokens) / 1e6:.1f}M tokens in the corpus, {config.tokens / 1e6:.1f}M to read")
    run = Run(config, tokens, len(tokenizer))
    run.resume()
    run.train()
    partial = output.with_name(output.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    # Half precision halves the folder; fine-tuning reads it back as float32.
    run.model.half().save_pretrained(partial)
    tokenizer.save_pretrained(partial)
    shutil.copy(run.log, partial / "loss.jsonl")
    # Everything that shaped the weights; where files lay on this machine did not.
    settings = {k: v for k, v in asdict(config).items() if k not in ("corpus", "output", "tokenizer", "work")}
    (partial / "pretraining.json").write_text(json.dumps(settings | {"seconds": round(run.seconds)}, indent=2) + "\n")
    if (output / "README.md").exists():
        shutil.copy(output / "README.md", partial)
    if output.exists():
        shutil.rmtree(output)
    partial.rename(output)
    print(f"wrote {output}")


def main() -> None:
    (config,) = HfArgumentParser(PretrainConfig).parse_args_into_dataclasses()
    pretrain(config)


if __name__ == "__main__":
    main()
