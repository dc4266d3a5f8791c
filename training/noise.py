"""Damage the tokens that the encoder reads in training, so that it does not hang on each of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from training.baselines import words

CHOICES = 8  # homophones of a character: an input method shows about as many at once


@dataclass(frozen=True, slots=True)
class Noise:
    """``mask_id``: the token that hides one; smaller ids are never touched. ``alike`` (vocabulary, ``CHOICES``) int64:
    for each token the characters that may be typed in its place, the token itself where there are none.
    """

    mask_id: int
    alike: Tensor

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase, *, with_typos: bool) -> Noise:
        """For the vocabulary of ``tokenizer``; homophones take seconds to find, so only for typos."""
        vocabulary = tokenizer.get_vocab()
        alike = torch.arange(max(vocabulary.values()) + 1).repeat(CHOICES, 1).T.contiguous()
        for character, others in homophones().items() if with_typos else ():
            if character in vocabulary and (ids := [vocabulary[c] for c in others if c in vocabulary][:CHOICES]):
                alike[vocabulary[character]] = torch.tensor([ids[i % len(ids)] for i in range(CHOICES)])
        return cls(int(tokenizer.mask_token_id), alike)  # type: ignore[arg-type]  # every masked language model has one

    def __call__(self, ids: Tensor, rng: np.random.Generator, *, hidden: float, typos: float) -> Tensor:
        """``ids`` (batch, length) with one share of the tokens hidden and one swapped for homophones, as far as they
        have any; both are drawn with ``rng``.
        """
        drawn = torch.from_numpy(rng.random(ids.shape))
        if typos:
            choice = torch.from_numpy(rng.integers(CHOICES, size=ids.shape))
            wrong = self.alike[ids].gather(2, choice.unsqueeze(2)).squeeze(2)
            ids = torch.where((drawn >= 1 - typos) & (ids > self.mask_id), wrong, ids)
        return ids.masked_fill((drawn < hidden) & (ids > self.mask_id), self.mask_id)


@cache
def homophones() -> Mapping[str, str]:
    """For a character the others that are typed with one of its pinyin syllables, tones aside, the commonest first.

    Readings from SnowNLP's table, how common a character is from the words that jieba counts.
    """
    import jieba
    from snownlp import normal

    words("加载")  # jieba reads its dictionary with the first text
    count: dict[str, int] = defaultdict(int)
    for word, times in jieba.dt.FREQ.items():
        for character in word:
            count[character] += times
    readings: dict[str, set[str]] = defaultdict(set)
    for line in Path(normal.pinyin_path).read_text(encoding="utf-8").splitlines():
        word, *syllables = line.lower().split()
        if len(word) == len(syllables):
            for character, syllable in zip(word, syllables, strict=True):
                readings[character].add(syllable)
    by_syllable: dict[str, set[str]] = defaultdict(set)
    for character, syllables_of in readings.items():
        for syllable in syllables_of:
            by_syllable[syllable].add(character)
    alike = {}
    for character, syllables_of in readings.items():
        others = set().union(*(by_syllable[syllable] for syllable in syllables_of)) - {character}
        alike[character] = "".join(sorted(others, key=lambda c: (-count[c], c)))
    return alike
