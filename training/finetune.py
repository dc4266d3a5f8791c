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
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from joblib import Parallel, delayed, parallel_config
from torch import Tensor
from transformers import AutoTokenizer

from fbclass.encode import TextEncoder
from fbclass.schema import ThemeSchema
from training.bundle import calibrate_folder, check_quantized, new_info, write_model
from training.config import option, run_script
from training.data import Comment, check_sentiments, find_spans, load_comments
from training.features import build_features
from training.frames import framed
from training.heads import load_heads
from training.loop import LoopConfig, round_to_half, seed_everything, train
from training.model import FeedbackModel
from training.ngram_head import NgramHead, load_ngrams
from training.noise import Noise


@dataclass
class FinetuneConfig(LoopConfig):
    """Every setting of a fine-tuning run; each is a command-line flag."""

    encoder: str = option("models/encoder", "encoder folder or hub name")
    data: str = option("data/feedback", "folder with train, dev and test")
    schema: str = option("data/themes.yaml", "theme schema")
    output: str = option("models/fbclass-small", "model folder to write")
    name: str = option("fbclass-small", "name of the model")
    version: str = option("0.9.0", "version of the model")
    epochs: int = option(2, "passes over the comments")
    matrix_lr: float = option(
        0.006, "learning rate of Muon, for the matrices of the layers; 0: AdamW, for encoders trained with it"
    )
    typos: float = option(0.03, "share of the characters swapped for others that sound alike in training")
    framed: float = option(0.3, "comments put into frames, as a share of the comments (training.frames)")
    sentiment_weight: float = option(2.0, "weight of the sentiment loss against the theme loss")
    keep: float = option(0.6, "share of the weights at the start in the result, if --encoder has heads for all themes")
    refit: bool = option(True, "after dev has set thresholds and calibration, train once more on train and dev")


def fit(
    comments: Sequence[Comment],
    encoder: TextEncoder,
    schema: ThemeSchema,
    config: FinetuneConfig,
    noise: Noise,
    ngrams: NgramHead | None,
    threads: int,
    row: int = 0,
) -> FeedbackModel:
    """One training from the encoder to the finished weights, the same for the same seed and number of threads.

    ``ngrams`` join it at the end; ``row`` is the line of the terminal for its progress.
    """
    torch.set_num_threads(threads)
    seed_everything(config.seed)
    features = build_features(
        [*comments, *framed(comments, config.frames, config.framed, config.seed)], encoder, schema.ids
    )
    model = FeedbackModel.from_encoder(config.encoder, len(schema.ids), config.dropout, config.encoder_dropout)
    found = load_heads(model, schema.ids, Path(config.encoder))
    start = {name: tensor.clone() for name, tensor in model.state_dict().items()} if found == list(schema.ids) else None
    model = train(model, features, config, noise, label=f"{len(comments):,} comments", row=row)
    if start is not None:
        mix(model, start, config.keep)
    model.ngrams = ngrams
    round_to_half(model)
    return model


def mix(model: FeedbackModel, start: Mapping[str, Tensor], share: float) -> None:
    """Move the weights this share of the way back to where they started (WiSE-FT, Wortsman et al. 2022,
    https://arxiv.org/abs/2109.01903): on texts unlike the comments better than the end, on dev no worse
    (training/LOG.md).
    """
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.lerp_(start[name], share)


def fit_side_by_side(
    parts: Sequence[Sequence[Comment]],
    encoder: TextEncoder,
    schema: ThemeSchema,
    config: FinetuneConfig,
    noise: Noise,
    ngrams: NgramHead | None,
) -> list[FeedbackModel]:
    """One training for each of the parts of the data, each in a process of its own if there are cores for it.

    The products of a small encoder are too small to share: two trainings on a core each make more updates a second
    together than one on both (training/LOG.md).
    """
    threads = torch.get_num_threads()
    jobs = min(len(parts), threads)
    with parallel_config("loky", n_jobs=jobs, inner_max_num_threads=threads // jobs):
        return Parallel()(
            delayed(fit)(part, encoder, schema, config, noise, ngrams, threads // jobs, row)
            for row, part in enumerate(parts)
        )


def check_labels(comments: Sequence[Comment], schema: ThemeSchema) -> None:
    """``InputError`` names the first comment with a label that nothing can be learnt from; themes that the schema does
    not know, of which nothing will be learnt, are counted on the terminal.
    """
    check_sentiments(comments)
    for comment in comments:
        find_spans(comment)  # raises if a piece is not in the text
    for theme, number in Counter(t for c in comments for t in c.themes if t not in schema.ids).items():
        print(f"theme {theme!r} of {number} comments is not in the schema: nothing is learnt of it")


def finetune(config: FinetuneConfig) -> str:
    """From labelled comments to a finished model folder; returns a line for the terminal. ``InputError`` when the
    comments, ``ModelError`` when the encoder do not fit.
    """
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
    check_labels([*comments["train"], *comments["dev"]], schema)
    ngrams = load_ngrams(Path(config.encoder))
    parts = [comments["train"]]
    if config.refit:
        parts.append(comments["train"] + comments["dev"])
    noise = Noise.of(tokenizer, with_typos=config.typos > 0)
    model, *refitted = fit_side_by_side(parts, encoder, schema, config, noise, ngrams)
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
    return f"wrote {output}"


if __name__ == "__main__":
    raise SystemExit(run_script(FinetuneConfig, finetune))
