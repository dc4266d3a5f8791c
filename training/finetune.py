"""Fine-tune an encoder into a feedback classifier and write its model folder.

    python -m training.finetune --encoder models/encoder --output models/fbclass-small

--encoder takes the bundled folder, any other Hugging Face folder or a hub name (hfl/rbt3,
bert-base-chinese). Trains on train, fits thresholds and calibration on dev and checks that quantising
costs nothing there. The model that is kept is trained in the same way on train and dev together (--refit
false leaves that out); what dev decides does not touch it, so both are trained side by side. Test is never
read here.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed, parallel_config
from transformers import AutoTokenizer, HfArgumentParser

from fbclass.encode import TextEncoder
from fbclass.schema import ThemeSchema
from training.bundle import calibrate_folder, check_quantized, new_info, write_model
from training.config import option
from training.data import Comment, load_comments
from training.features import add_ngrams, build_features
from training.loop import LoopConfig, round_to_half, seed_everything, train
from training.model import FeedbackModel
from training.ngrams import fit_ngrams


@dataclass
class FinetuneConfig(LoopConfig):
    """Every setting of a fine-tuning run; each is a command-line flag."""

    encoder: str = option("models/encoder", "encoder folder or hub name")
    data: str = option("data/feedback", "folder with train, dev and test")
    schema: str = option("data/themes.yaml", "theme schema")
    output: str = option("models/fbclass-small", "model folder to write")
    name: str = option("fbclass-small", "name of the model")
    version: str = option("0.5.0", "version of the model")
    refit: bool = option(True, "after dev has set thresholds and calibration, train once more on train and dev")
    ngram_buckets: int = option(131072, "hashed character n-grams read beside the encoder; 0: none")
    ngram_folds: int = option(5, "parts in which the comments are read by n-grams that were fitted on the others")


def fit(
    comments: Sequence[Comment],
    encoder: TextEncoder,
    schema: ThemeSchema,
    config: FinetuneConfig,
    mask_id: int,
    threads: int,
    row: int = 0,
) -> FeedbackModel:
    """One training from the encoder to the finished weights, the same for the same seed and number of threads.

    ``row`` is the line of the terminal for its progress.
    """
    torch.set_num_threads(threads)
    seed_everything(config.seed)
    features = build_features(comments, encoder, schema.ids)
    model = FeedbackModel.from_encoder(
        config.encoder, len(schema.ids), config.dropout, config.encoder_dropout, config.ngram_buckets
    )
    if model.ngrams is not None:
        columns = features.with_format("numpy")
        honest = fit_ngrams(
            model.ngrams,
            features["input_ids"],
            np.asarray(columns["theme_labels"]),
            np.asarray(columns["sentiment_label"]),
            features["source"],
            config.ngram_folds,
        )
        features = add_ngrams(features, honest)
    model = train(model, features, config, mask_id, label=f"{len(comments):,} comments", row=row)
    round_to_half(model)
    return model


def fit_side_by_side(
    parts: Sequence[Sequence[Comment]],
    encoder: TextEncoder,
    schema: ThemeSchema,
    config: FinetuneConfig,
    mask_id: int,
) -> list[FeedbackModel]:
    """One training for each of the parts of the data, each in a process of its own if there are cores for it.

    The products of a small encoder are too small to share: two trainings on a core each make more updates a second
    together than one on both (training/LOG.md).
    """
    threads = torch.get_num_threads()
    jobs = min(len(parts), threads)
    with parallel_config("loky", n_jobs=jobs, inner_max_num_threads=threads // jobs):
        return Parallel()(
            delayed(fit)(part, encoder, schema, config, mask_id, threads // jobs, row) for row, part in enumerate(parts)
        )


def finetune(config: FinetuneConfig) -> None:
    """From labelled comments to a finished model folder."""
    schema = ThemeSchema.load(config.schema)
    output = Path(config.output)
    partial = output.with_name(output.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    tokenizer = AutoTokenizer.from_pretrained(config.encoder)
    tokenizer.save_pretrained(partial)
    encoder = TextEncoder(partial / "tokenizer.json", config.max_length)
    for path in partial.iterdir():
        if path.name != "tokenizer.json":
            path.unlink()
    comments = {split: load_comments(Path(config.data), split) for split in ("train", "dev")}

    parts = [comments["train"]]
    if config.refit:
        parts.append(comments["train"] + comments["dev"])
    model, *refitted = fit_side_by_side(parts, encoder, schema, config, tokenizer.mask_token_id)
    write_model(model, new_info(config, schema, ["train"]), partial)
    info = calibrate_folder(partial, comments["dev"])
    check_quantized(model, partial, comments["dev"])
    for kept in refitted:
        fresh = new_info(config, schema, ["train", "dev"])
        write_model(kept, replace(info, trained_on=fresh.trained_on, training_data=fresh.training_data), partial)
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
