"""The training loop that adapting and fine-tuning share: losses, learning rates, averaged weights."""

from __future__ import annotations

import math
import os
import random
from dataclasses import dataclass

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm
from transformers import get_linear_schedule_with_warmup

from training.config import option
from training.features import UNKNOWN, Batch, batches
from training.model import FeedbackModel, Outputs
from training.noise import Noise


@dataclass
class LoopConfig:
    """Settings of the loop; each is a command-line flag of the scripts that use it."""

    epochs: int = option(4, "passes over the comments")
    batch: int = option(32, "comments in one update")
    matrix_lr: float = option(0.01, "learning rate of Muon, for the matrices of the layers; 0: AdamW instead")
    lr: float = option(1e-3, "AdamW's learning rate for the last encoder layer and the heads")
    layer_decay: float = option(0.95, "factor on the learning rate from each layer to the one below it")
    weight_decay: float = option(0.02, "weight decay")
    warmup: float = option(0.1, "fraction of the run")
    dropout: float = option(0.1, "dropout before the heads")
    encoder_dropout: float = option(0.0, "dropout inside the encoder; drawing it costs a sixth of the time")
    token_drop: float = option(0.1, "share of the tokens hidden from the encoder in training")
    typos: float = option(0.0, "share of the characters swapped for others that sound alike in training")
    framed: float = option(0.0, "comments put into frames, as a share of the comments (training.frames)")
    frames: str = option("data/frames", "folder of the frames")
    sentiment_weight: float = option(1.0, "weight of the sentiment loss against the theme loss")
    evidence_weight: float = option(1.0, "weight of the evidence loss")
    about_weight: float = option(0.5, "weight of the party loss")
    smoothing: float = option(0.05, "label smoothing")
    average: float = option(0.995, "decay of the running average of the weights that is kept")
    max_length: int = option(512, "tokens in one window")
    seed: int = option(1, "seed of everything random")


class Updates:
    """The optimisers of a run and their learning rates, linear after a warm-up.

    Muon for the matrices of the encoder's layers and AdamW for the rest, as in pre-training (``training.optim``): an
    encoder that Muon has trained learns from AdamW at half the speed (training/LOG.md).
    """

    def __init__(self, model: FeedbackModel, config: LoopConfig, steps: int) -> None:
        self._model = model
        self._optimizers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(parameter_groups(model, config), betas=(0.9, 0.98), fused=True)
        ]
        if matrices := [p for name, p in model.named_parameters() if config.matrix_lr and is_matrix(name, p)]:
            decay = config.weight_decay
            self._optimizers.append(
                torch.optim.Muon(matrices, lr=config.matrix_lr, weight_decay=decay, adjust_lr_fn="original")
            )
        warmup = int(config.warmup * steps)
        self._schedules = [get_linear_schedule_with_warmup(each, warmup, steps) for each in self._optimizers]

    def step(self) -> None:
        """Update the weights by the gradients, clipped to length 1, and forget these."""
        nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        for optimizer, schedule in zip(self._optimizers, self._schedules, strict=True):
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)


def is_matrix(name: str, parameter: Tensor) -> bool:
    """Whether a parameter is a matrix inside a layer of the encoder."""
    return name.startswith("encoder.") and "layer" in name and parameter.ndim == 2


def parameter_groups(model: FeedbackModel, config: LoopConfig) -> list[dict[str, object]]:
    """What AdamW trains, with layer-wise learning rates (Howard & Ruder 2018, https://arxiv.org/abs/1801.06146): what
    the encoder learnt first changes least. Vectors (norms, biases) are not decayed.
    """
    depth = model.encoder.config.num_hidden_layers
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        digits = [int(part) for part in name.split(".") if part.isdigit()]
        if config.matrix_lr and is_matrix(name, parameter):
            continue
        if not name.startswith("encoder."):
            height = depth
        elif "layer" in name and digits:
            height = digits[0] + 1
        else:
            height = depth if "final" in name else 0
        rate = config.lr * config.layer_decay ** (depth - height)
        key = (rate, config.weight_decay if parameter.ndim > 1 else 0.0)
        groups.setdefault(key, []).append(parameter)
    return [{"params": p, "lr": lr, "weight_decay": wd} for (lr, wd), p in groups.items()]


def loss_of(outputs: Outputs, batch: Batch, config: LoopConfig) -> Tensor:
    """Weighted sum of the four losses; padding and labels that are ``UNKNOWN`` count in none."""
    smooth = torch.where(batch.themes > 0, 1 - config.smoothing, config.smoothing)
    themes = binary_cross_entropy_with_logits(outputs.themes.float(), smooth, reduction="none")
    sentiment = cross_entropy(
        outputs.sentiment.float(), batch.sentiment, label_smoothing=config.smoothing, reduction="none"
    )
    evidence = binary_cross_entropy_with_logits(outputs.evidence.float(), batch.evidence, reduction="none")
    about = binary_cross_entropy_with_logits(outputs.about.float(), batch.about, reduction="none")
    real = batch.attention_mask > 0
    return (
        # Times 4: the mean over themes or tokens hides that there are several decisions in each comment.
        4 * _mean(themes, batch.themes != UNKNOWN)
        + config.sentiment_weight * _mean(sentiment, batch.sentiment.sum(1) > 0)
        + config.evidence_weight * 4 * _mean(evidence, real.unsqueeze(-1) & (batch.evidence != UNKNOWN))
        + config.about_weight * 4 * _mean(about, real & (batch.about != UNKNOWN))
    )


def _mean(losses: Tensor, counted: Tensor) -> Tensor:
    return (losses * counted).sum() / counted.sum().clamp(min=1)


def train(
    model: FeedbackModel, features: Dataset, config: LoopConfig, noise: Noise, label: str = "train", row: int = 0
) -> FeedbackModel:
    """Train and return the running average of the weights (Izmailov et al. 2018,
    https://arxiv.org/abs/1803.05407, with exponential weights).

    ``noise``: what damages the tokens; ``label`` and ``row``: the name and the line of the terminal for the
    progress bar.
    """
    rng = np.random.default_rng(config.seed)
    steps = config.epochs * math.ceil(len(features) / config.batch)
    updates = Updates(model, config, steps)
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(config.average))
    model.train()
    with tqdm(total=steps, desc=label, unit="batch", position=row) as bar:
        for _ in range(config.epochs):
            for batch in batches(features, config.batch, rng):
                ids = noise(batch.input_ids, rng, hidden=config.token_drop, typos=config.typos)
                with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
                    outputs = model(ids, batch.attention_mask)
                loss = loss_of(outputs, batch, config)
                loss.backward()
                updates.step()
                averaged.update_parameters(model)
                bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
                bar.update()
    result: FeedbackModel = averaged.module
    return result.eval()


def has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 matrices in hardware; elsewhere it would be slower."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def seed_everything(seed: int) -> None:
    """Make two runs with one seed, on one machine and number of threads, give one model."""
    # oneDNN compiles for each shape anew, and its usual cache of 1,024 is too small for batches of all lengths, which
    # costs a fifth of the speed. Read at the first product, so set before it.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16384")
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # filling what is overwritten at once takes 7%


def round_to_half(model: nn.Module) -> None:
    """Round the weights to float16, which is how they are stored: what is measured is what is kept."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.half().float())
