"""The one obvious way in: ``Classifier.load().classify(texts)``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fbclass.bundle import ModelInfo, Preference, bundled, prefer, read_info
from fbclass.decode import RawOutput, decode, join_windows
from fbclass.encode import TextEncoder, Window, batches
from fbclass.errors import ModelError
from fbclass.results import Prediction
from fbclass.schema import ThemeSchema

DEFAULT_MODEL = "fbclass-small"
_BATCH_TOKENS = 2048  # fastest of 512 to 16384 for short comments; larger only costs memory
_CHUNK = 256  # texts tokenised at a time: bounds memory, and progress moves


class Classifier:
    """A loaded model. Safe to share between threads: nothing changes after loading."""

    def __init__(self, folder: Path, info: ModelInfo, session: Any, *, threads: int | None = None) -> None:
        self.folder = folder
        self.info = info
        self._session = session
        self._encoder = TextEncoder(folder / "tokenizer.json", info.max_length, parallel=threads != 1)

    @classmethod
    def load(
        cls, model: str | Path | None = None, *, threads: int | None = None, preference: Preference = "balance"
    ) -> Classifier:
        """Load a model folder (None: the one that ships with fbclass); ``ModelError`` if it does not fit.

        ``threads``: CPU threads for one batch; None leaves it to onnxruntime and the tokeniser (one per core).
        ``preference``: "precision" gives fewer themes that are not there and misses more.
        """
        folder = Path(model) if model is not None else bundled(DEFAULT_MODEL)
        info = prefer(read_info(folder), preference)
        session = _open_session(folder / "model.onnx", threads)
        outputs = {o.name: o.shape for o in session.get_outputs()}
        expected = {"themes": len(info.schema.ids), "sentiment": len(info.sentiments)}
        found = {name: outputs.get(name, [None])[-1] for name in expected}
        if found != expected:
            raise ModelError(
                f"{folder}: model.onnx answers {found}, its fbclass.json asks for {expected}: export the model again",
                f"{folder}：model.onnx 的输出是 {found}，而 fbclass.json 要求 {expected}：请重新导出模型",
            )
        return cls(folder, info, session, threads=threads)

    @property
    def name(self) -> str:
        """Name and version, as predictions carry it: ``fbclass-small@0.9.0``."""
        return str(self.info)

    @property
    def schema(self) -> ThemeSchema:
        """The themes this model knows."""
        return self.info.schema

    def classify(
        self,
        texts: Sequence[str],
        *,
        ids: Sequence[str | None] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> list[Prediction]:
        """Classify texts: as many predictions as texts, in the same order.

        ``ids`` are put into the predictions. ``progress`` is called with the number of texts done
        since it was last called. A text that is blank or only fills the field (无, ???) is a valid one: no
        theme, neutral.
        """
        if isinstance(texts, str):
            raise TypeError("classify takes a list of texts, got one string: write classify([text])")
        if ids is not None and len(ids) != len(texts):
            raise ValueError(f"{len(ids)} ids for {len(texts)} texts: give one for each, or none at all")
        predictions: list[Prediction] = []
        for start in range(0, len(texts), _CHUNK):
            chunk = texts[start : start + _CHUNK]
            for i, (text, raw) in enumerate(zip(chunk, self.raw_outputs(chunk), strict=True), start):
                predictions.append(decode(text, ids[i] if ids is not None else None, raw, self.info))
            if progress is not None:
                progress(len(chunk))
        return predictions

    def raw_outputs(self, texts: Sequence[str]) -> list[RawOutput | None]:
        """Logits before calibration and thresholds; None for a text with nothing to read."""
        windows = self._encoder.encode(texts)
        raws: list[RawOutput | None] = [None] * len(windows)
        for positions, ids, mask in batches(windows, _BATCH_TOKENS):
            themes, sentiment, evidence, about = self._session.run(
                ["themes", "sentiment", "evidence", "about"], {"input_ids": ids, "attention_mask": mask}
            )
            for row, position in enumerate(positions):
                raws[position] = _without_special_tokens(
                    windows[position], themes[row], sentiment[row], evidence[row], about[row]
                )
        parts: list[list[tuple[RawOutput, int, int]]] = [[] for _ in texts]
        for window, raw in zip(windows, raws, strict=True):
            assert raw is not None
            parts[window.text_index].append((raw, window.first, len(raw.spans)))
        return [join_windows(part) if part else None for part in parts]


def _without_special_tokens(window: Window, themes: Any, sentiment: Any, evidence: Any, about: Any) -> RawOutput:
    last = len(window.ids) - 1
    return RawOutput(
        themes=themes.astype(np.float64),
        sentiment=sentiment.astype(np.float64),
        spans=window.spans[1:last],
        evidence=evidence[1:last].astype(np.float64),
        about=about[1:last].astype(np.float64),
    )


def _open_session(path: Path, threads: int | None) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = threads
    # Spinning threads make one call a little faster and every other process on the machine slower.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors share no base class
        raise ModelError(
            f"{path} cannot be loaded by onnxruntime {onnxruntime.__version__}: copy or export the model again",
            f"onnxruntime {onnxruntime.__version__} 打不开 {path}：请重新拷贝或导出模型",
        ) from error
