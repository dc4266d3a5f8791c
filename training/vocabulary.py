"""Learn the WordPiece vocabulary: every Chinese character its own token, the rest in pieces."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tokenizers import BertWordPieceTokenizer
from transformers import BertTokenizerFast

from fbclass.text import normalize

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def train_vocabulary(lines: Iterable[str], size: int, max_length: int, target: Path) -> None:
    """Train on ``lines`` and write a folder that ``BertTokenizerFast`` and ``AutoTokenizer`` load."""
    trainer = BertWordPieceTokenizer(lowercase=True, handle_chinese_chars=True)
    trainer.train_from_iterator(
        (normalize(line).text for line in lines),
        vocab_size=size,
        limit_alphabet=size - 512,
        min_frequency=3,
        special_tokens=list(SPECIAL_TOKENS),
        show_progress=False,
    )
    # ModernBERT has no segment embeddings, so no token_type_ids are made.
    tokenizer = BertTokenizerFast(
        tokenizer_object=trainer._tokenizer,
        model_max_length=max_length,
        model_input_names=["input_ids", "attention_mask"],
    )
    tokenizer.save_pretrained(target)
