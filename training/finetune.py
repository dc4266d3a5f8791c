"""Fine-tune an encoder into a feedback classifier and write its model folder.

    python -m training.finetune --encoder models/encoder --output models/fbclass-small

--encoder takes the bundled folder, any other Hugging Face folder or a hub name (hfl/rbt3,
bert-base-chinese). Thresholds and calibration are fitted on dev; test is never read here.
"""

from __future__ import annotations

import math
import random
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm
from transformers import AutoTokenizer, HfArgumentParser, get_linear_schedule_with_warmup

from fbclass.encode import TextEncoder
from fbclass.schema import ThemeSchema
from training.bundle import build_bundle
from training.config import option
from training.data import load_comments
from training.features import Batch, batches, build_features
from training.model import FeedbackModel, Outputs


@dataclass
class FinetuneConfig:
    """Every setting of a fine-tuning run; each is a command-line flag."""

    encoder: str = option("models/encoder", "encoder folder or hub name")
    data: str = option("data/feedback", "folder with train, dev and test")
    schema: str = option("data/themes.yaml", "theme schema")
    output: str = option("models/fbclass-small", "model folder to write")
    name: str = option("fbclass-small", "name of the model")
    version: str = option("1.0.0", "version of the model")
    epochs: int = option(12, "passes over the training comments")
    batch: int = option(32, "comments in one update")
    lr: float = option(5e-4, "learning rate of the last encoder layer and the heads")
    layer_decay: float = option(0.85, "factor on the learning rate from each layer to the one below it")
    weight_decay: float = option(0.05, "AdamW weight decay")
    warmup: float = option(0.1, "fraction of the run")
    dropout: float = option(0.1, "dropout before the heads")
    encoder_dropout: float = option(0.1, "dropout inside the encoder")
    token_drop: float = option(0.1, "share of the tokens hidden from the model in training")
    sentiment_weight: float = option(1.0, "weight of the sentiment loss against the theme loss")
    evidence_weight: float = option(1.0, "weight of the evidence loss")
    about_weight: float = option(0.5, "weight of the party loss")
    smoothing: float = option(0.05, "label smoothing")
    average: float = option(0.995, "decay of the running average of the weights that is kept")
    max_length: int = option(512, "tokens in one window")
    seed: int = option(1, "seed of everything random")


def parameter_groups(model: FeedbackModel, lr: float, decay: float, weight_decay: float) -> list[dict[str, object]]:
    """Layer-wise learning rates (Howard & Ruder 2018, https://arxiv.org/abs/1801.06146): what the
    encoder learnt first changes least. Vectors (norms, biases) are not decayed.
    """
    depth = model.encoder.config.num_hidden_layers
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        digits = [int(part) for part in name.split(".") if part.isdigit()]
        if not name.startswith("encoder."):
            height = depth
        elif "layer" in name and digits:
            height = digits[0] + 1
        else:
            height = depth if "final" in name else 0
        key = (lr * decay ** (depth - height), weight_decay if parameter.ndim > 1 else 0.0)
        groups.setdefault(key, []).append(parameter)
    return [{"params": p, "lr": rate, "weight_decay": wd} for (rate, wd), p in groups.items()]


def loss_of(outputs: Outputs, batch: Batch, config: FinetuneConfig) -> Tensor:
    """Weighted sum of the four losses; tokens that are padding count in none."""
    real = batch.attention_mask.float()
    smooth = batch.themes * (1 - 2 * config.smoothing) + config.smoothing
    themes = binary_cross_entropy_with_logits(outputs.themes.float(), smooth)
    sentiment = cross_entropy(outputs.sentiment.float(), batch.sentiment, label_smoothing=config.smoothing)
    evidence = binary_cross_entropy_with_logits(outputs.evidence.float(), batch.evidence, reduction="none")
    about = binary_cross_entropy_with_logits(outputs.about.float(), batch.about, reduction="none")
    return (
        4 * themes  # the mean over themes hides that there are several decisions in each comment
        + config.sentiment_weight * sentiment
        + config.evidence_weight * 4 * (evidence.mean(-1) * real).sum() / real.sum()
        + config.about_weight * 4 * (about * real).sum() / real.sum()
    )


def train(model: FeedbackModel, features: object, config: FinetuneConfig, mask_id: int) -> FeedbackModel:
    """Train and return the running average of the weights (Izmailov et al. 2018,
    https://arxiv.org/abs/1803.05407, with exponential weights)."""
    rng = np.random.default_rng(config.seed)
    steps = config.epochs * math.ceil(len(features) / config.batch)  # type: ignore[arg-type]
    optimizer = torch.optim.AdamW(parameter_groups(model, config.lr, config.layer_decay, config.weight_decay))
    schedule = get_linear_schedule_with_warmup(optimizer, int(config.warmup * steps), steps)
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(config.average))
    model.train()
    with tqdm(total=steps, desc="fine-tune", unit="batch") as bar:
        for _ in range(config.epochs):
            for batch in batches(features, config.batch, rng):  # type: ignore[arg-type]
                ids = batch.input_ids
                hidden = torch.from_numpy(rng.random(ids.shape) < config.token_drop) & (ids > mask_id)
                with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
                    outputs = model(ids.masked_fill(hidden, mask_id), batch.attention_mask)
                loss = loss_of(outputs, batch, config)
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad(set_to_none=True)
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
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)


def round_to_half(model: nn.Module) -> None:
    """Round the weights to float16, which is how they are stored: what is measured is what is kept."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.half().float())


def main() -> None:
    (config,) = HfArgumentParser(FinetuneConfig).parse_args_into_dataclasses()
    seed_everything(config.seed)
    schema = ThemeSchema.load(config.schema)
    output = Path(config.output)
    partial = output.with_name(output.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    tokenizer = AutoTokenizer.from_pretrained(config.encoder)
    tokenizer.save_pretrained(partial)
    encoder = TextEncoder(partial / "tokenizer.json", config.max_length)
    splits = {split: load_comments(Path(config.data), split) for split in ("train", "dev")}
    features = build_features(splits["train"], encoder, schema.ids)
    model = FeedbackModel.from_encoder(config.encoder, len(schema.ids), config.dropout)
    for name in ("embedding_dropout", "attention_dropout", "mlp_dropout", "hidden_dropout_prob"):
        if hasattr(model.encoder.config, name):
            setattr(model.encoder.config, name, config.encoder_dropout)
    for module in model.encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = config.encoder_dropout
    model = train(model, features, config, tokenizer.mask_token_id)
    round_to_half(model)
    build_bundle(model, config, schema, splits["dev"], partial)
    if (output / "README.md").exists():
        shutil.copy(output / "README.md", partial)
    shutil.rmtree(output, ignore_errors=True)
    partial.rename(output)
    print(f"wrote {output}")


if __name__ == "__main__":
    main()
