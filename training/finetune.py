"""Fine-tune an encoder into a feedback classifier and write its model folder.

    python -m training.finetune --encoder models/encoder --output models/fbclass-small

--encoder takes the bundled folder, any other Hugging Face folder or a hub name (hfl/rbt3,
bert-base-chinese). Trains on train, fits thresholds and calibration on dev and checks that quantising
costs nothing there. With --refit it then, with everything decided, trains once more on train and dev
together. Test is never read here.
"""

from __future__ import annotations

import math
import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm
from transformers import AutoTokenizer, HfArgumentParser, get_linear_schedule_with_warmup

from fbclass.encode import TextEncoder
from fbclass.schema import ThemeSchema
from training.bundle import calibrate_folder, check_quantized, new_info, write_model
from training.config import option
from training.data import Comment, load_comments
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
    version: str = option("0.1.0", "version of the model")
    refit: bool = option(False, "after dev has set thresholds and calibration, train once more on train and dev")
    epochs: int = option(8, "passes over the training comments")
    batch: int = option(32, "comments in one update")
    lr: float = option(2e-3, "learning rate of the last encoder layer and the heads")
    layer_decay: float = option(0.95, "factor on the learning rate from each layer to the one below it")
    weight_decay: float = option(0.05, "AdamW weight decay")
    warmup: float = option(0.1, "fraction of the run")
    dropout: float = option(0.1, "dropout before the heads")
    encoder_dropout: float = option(0.05, "dropout inside the encoder")
    token_drop: float = option(0.1, "share of the tokens hidden from the model in training")
    sentiment_weight: float = option(1.0, "weight of the sentiment loss against the theme loss")
    evidence_weight: float = option(1.0, "weight of the evidence loss")
    about_weight: float = option(0.5, "weight of the party loss")
    smoothing: float = option(0.05, "label smoothing")
    average: float = option(0.995, "decay of the running average of the weights that is kept")
    ngram_buckets: int = option(32768, "hashed character n-grams read beside the encoder; 0: none")
    ngram_lr: float = option(0.01, "their learning rate")
    max_length: int = option(512, "tokens in one window")
    seed: int = option(1, "seed of everything random")


def parameter_groups(model: FeedbackModel, config: FinetuneConfig) -> list[dict[str, object]]:
    """Layer-wise learning rates (Howard & Ruder 2018, https://arxiv.org/abs/1801.06146): what the
    encoder learnt first changes least. Vectors (norms, biases) are not decayed.
    """
    depth = model.encoder.config.num_hidden_layers
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        digits = [int(part) for part in name.split(".") if part.isdigit()]
        if name.startswith("ngrams."):
            groups.setdefault((config.ngram_lr, config.weight_decay), []).append(parameter)
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


def train(model: FeedbackModel, features: Dataset, config: FinetuneConfig, mask_id: int) -> FeedbackModel:
    """Train and return the running average of the weights (Izmailov et al. 2018,
    https://arxiv.org/abs/1803.05407, with exponential weights)."""
    rng = np.random.default_rng(config.seed)
    steps = config.epochs * math.ceil(len(features) / config.batch)
    optimizer = torch.optim.AdamW(parameter_groups(model, config))
    schedule = get_linear_schedule_with_warmup(optimizer, int(config.warmup * steps), steps)
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(config.average))
    model.train()
    with tqdm(total=steps, desc="fine-tune", unit="batch") as bar:
        for _ in range(config.epochs):
            for batch in batches(features, config.batch, rng):
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


def fit(
    comments: Sequence[Comment], encoder: TextEncoder, schema: ThemeSchema, config: FinetuneConfig, mask_id: int
) -> FeedbackModel:
    """One training from the encoder to the finished weights, the same for the same seed."""
    seed_everything(config.seed)
    features = build_features(comments, encoder, schema.ids)
    model = FeedbackModel.from_encoder(
        config.encoder, len(schema.ids), config.dropout, config.encoder_dropout, config.ngram_buckets
    )
    model = train(model, features, config, mask_id)
    round_to_half(model)
    return model


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


def finetune(config: FinetuneConfig) -> None:
    """From labelled comments to a finished model folder."""
    schema = ThemeSchema.load(config.schema)
    output = Path(config.output)
    partial = output.with_name(output.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    tokenizer = AutoTokenizer.from_pretrained(config.encoder)
    tokenizer.save_pretrained(partial)
    encoder = TextEncoder(partial / "tokenizer.json", config.max_length)
    mask_id = tokenizer.mask_token_id
    for path in partial.iterdir():
        if path.name != "tokenizer.json":
            path.unlink()
    comments = {split: load_comments(Path(config.data), split) for split in ("train", "dev")}

    model = fit(comments["train"], encoder, schema, config, mask_id)
    write_model(model, new_info(config, schema, ["train"]), partial)
    info = calibrate_folder(partial, comments["dev"])
    check_quantized(model, partial, comments["dev"])
    if config.refit:
        model = fit(comments["train"] + comments["dev"], encoder, schema, config, mask_id)
        fresh = new_info(config, schema, ["train", "dev"])
        write_model(model, replace(info, trained_on=fresh.trained_on, training_data=fresh.training_data), partial)
    if (output / "README.md").exists():
        shutil.copy(output / "README.md", partial)
    shutil.rmtree(output, ignore_errors=True)
    partial.rename(output)
    print(f"wrote {output}")


def main() -> None:
    (config,) = HfArgumentParser(FinetuneConfig).parse_args_into_dataclasses()
    finetune(config)


if __name__ == "__main__":
    main()
