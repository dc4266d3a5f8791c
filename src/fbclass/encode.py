"""From texts to token windows the model can take, with the way back to characters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Encoding, Tokenizer

from fbclass.text import NormalizedText, normalize

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of one text, as the model reads it.

    ``ids``: (length,) token ids with [CLS] and [SEP]. ``spans``: (length, 2) character offsets into
    the text as given; both 0 for special tokens. ``first``: how many leading tokens also stand in
    the window before this one.
    """

    text_index: int
    ids: IntArray
    spans: IntArray
    first: int


class TextEncoder:
    """Normalise and tokenise; text longer than ``max_length`` tokens becomes overlapping windows.

    ``parallel``: whether the texts of one call are tokenised on all cores.
    """

    def __init__(self, tokenizer_file: Path, max_length: int, *, parallel: bool = True) -> None:
        self._tokenizer = Tokenizer.from_file(str(tokenizer_file))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._cls = self._tokenizer.token_to_id("[CLS]")
        self._sep = self._tokenizer.token_to_id("[SEP]")
        self._body = max_length - 2
        self._overlap = max_length // 4
        self._parallel = parallel

    def encode(self, texts: Sequence[str]) -> list[Window]:
        """All windows of all texts, in order; a text without a single token has none."""
        normalized = [normalize(text) for text in texts]
        encodings = self._tokenize([n.text for n in normalized])
        windows: list[Window] = []
        for index, (text, encoding) in enumerate(zip(normalized, encodings, strict=True)):
            windows.extend(self._windows(index, encoding.ids, _original_spans(text, encoding.offsets)))
        return windows

    def _tokenize(self, texts: Sequence[str]) -> list[Encoding]:
        if self._parallel and len(texts) > 1:
            return self._tokenizer.encode_batch(texts, add_special_tokens=False)
        # Waking the tokeniser's threads for one short text takes longer than the text (a millisecond of four).
        return [self._tokenizer.encode(text, add_special_tokens=False) for text in texts]

    def _windows(self, index: int, ids: list[int], spans: IntArray) -> Iterator[Window]:
        start = 0
        while start < len(ids):
            stop = min(start + self._body, len(ids))
            yield Window(
                text_index=index,
                ids=np.array([self._cls, *ids[start:stop], self._sep], np.int64),
                spans=np.concatenate([_NO_SPAN, spans[start:stop], _NO_SPAN]),
                first=self._overlap if start else 0,
            )
            if stop == len(ids):
                return
            start = stop - self._overlap


_NO_SPAN = np.zeros((1, 2), np.int64)


def _original_spans(text: NormalizedText, offsets: list[tuple[int, int]]) -> IntArray:
    spans = [text.to_original(start, end) if end > start else (0, 0) for start, end in offsets]
    return np.array(spans, np.int64).reshape(-1, 2)


def batches(windows: Sequence[Window], batch_tokens: int) -> Iterator[tuple[list[int], IntArray, IntArray]]:
    """Group windows of like length, at most ``batch_tokens`` padded tokens together.

    Yields the positions in ``windows``, ``input_ids`` and ``attention_mask``, both (batch, length).
    """
    order = sorted(range(len(windows)), key=lambda i: len(windows[i].ids))
    group: list[int] = []
    for position in order:
        if group and len(windows[position].ids) * (len(group) + 1) > batch_tokens:
            yield group, *_pad(windows, group)
            group = []
        group.append(position)
    if group:
        yield group, *_pad(windows, group)


def _pad(windows: Sequence[Window], group: list[int]) -> tuple[IntArray, IntArray]:
    length = max(len(windows[i].ids) for i in group)
    ids = np.zeros((len(group), length), np.int64)
    mask = np.zeros((len(group), length), np.int64)
    for row, i in enumerate(group):
        ids[row, : len(windows[i].ids)] = windows[i].ids
        mask[row, : len(windows[i].ids)] = 1
    return ids, mask
