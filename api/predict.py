"""What the model worker does with a batch: each comment by the model and the options it came with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from api.settings import Settings
from fbclass.bundle import ModelInfo, Preference, prefer
from fbclass.decode import RawOutput, decode
from fbclass.errors import ModelError
from fbclass.results import Prediction
from fbclass.schema import ThemeSchema

MOST_WORK = 4096.0  # in one batch: 64 comments of the usual length, or one long one
_PROBES = ("报销单交上去一个月了还没批,问了也没人回", "行政同事每次都很热心,谢谢!", "", "慢" * 2000, "😀 ok 123")


class Engine(Protocol):
    """What the service needs of a model; ``fbclass.Classifier`` is one."""

    @property
    def name(self) -> str: ...
    @property
    def schema(self) -> ThemeSchema: ...

    info: ModelInfo

    def classify(self, texts: Sequence[str]) -> list[Prediction]: ...
    def raw_outputs(self, texts: Sequence[str]) -> list[RawOutput | None]: ...


LoadEngine = Callable[[Settings], Engine]


@dataclass(frozen=True, slots=True)
class Options:
    """How to answer: ``thresholds`` for some themes in place of those that the model has for ``prefer``, evidence
    or none.
    """

    thresholds: Mapping[str, float] | None = None
    prefer: Preference = "balance"
    evidence: bool = True

    @property
    def decides(self) -> bool:
        """Whether the model's own way to decide is changed."""
        return self.thresholds is not None or self.prefer != "balance"


PLAIN = Options()


@dataclass(frozen=True, slots=True, eq=False)
class Ask:
    """A comment for the model that was live when it came: a request is answered by one model, also during a swap."""

    engine: Engine
    text: str
    options: Options = PLAIN


def work(ask: Ask) -> float:
    """How much a comment keeps the model busy: its characters, and what every comment costs besides."""
    return len(ask.text) + 20.0


def load_classifier(settings: Settings) -> Engine:
    """The model that the settings name; ``ModelError`` says what is wrong with it."""
    from fbclass import Classifier  # brings onnxruntime: not needed to write the API description

    return Classifier.load(settings.model, threads=settings.threads)


def predict(asks: Sequence[Ask]) -> list[Prediction]:
    """Predictions in the order of ``asks``; usually one call of one model."""
    groups: dict[tuple[int, bool], list[int]] = defaultdict(list)
    for position, ask in enumerate(asks):
        groups[id(ask.engine), ask.options.decides].append(position)
    found: dict[int, Prediction] = {}
    for (_, decides), positions in groups.items():
        some = [asks[position] for position in positions]
        answers = _decided_otherwise(some) if decides else some[0].engine.classify([ask.text for ask in some])
        found.update(zip(positions, answers, strict=True))
    return [
        found[position] if ask.options.evidence else _without_evidence(found[position])
        for position, ask in enumerate(asks)
    ]


def _decided_otherwise(asks: Sequence[Ask]) -> list[Prediction]:
    engine = asks[0].engine
    raws = engine.raw_outputs([ask.text for ask in asks])
    return [
        decode(ask.text, None, raw, _decision(engine.info, ask.options)) for ask, raw in zip(asks, raws, strict=True)
    ]


def _decision(info: ModelInfo, options: Options) -> ModelInfo:
    preferred = prefer(info, options.prefer)
    return replace(preferred, thresholds={**preferred.thresholds, **(options.thresholds or {})})


def _without_evidence(prediction: Prediction) -> Prediction:
    return replace(prediction, themes=tuple(replace(tag, evidence=()) for tag in prediction.themes))


def verify(engine: Engine) -> None:
    """Let a freshly loaded model prove itself on a few texts; ``ModelError`` when an answer makes no sense.

    Loading has compared the checksums and shapes; this finds what only shows when it runs.
    """
    try:
        predictions = engine.classify(_PROBES)
        sound = len(predictions) == len(_PROBES) and all(
            _is_sound(text, prediction, engine) for text, prediction in zip(_PROBES, predictions, strict=True)
        )
        reason = "its answers make no sense"
    except Exception as error:  # noqa: BLE001 -- whatever a model does wrong, the one that serves must stay
        sound, reason = False, f"it failed with {type(error).__name__}"
    if not sound:
        raise ModelError(
            f"the model {engine.name} cannot be served, {reason}: export it again",
            f"模型 {engine.name} 不能使用({reason}):请重新导出",
        )


def _is_sound(text: str, prediction: Prediction, engine: Engine) -> bool:
    scores = [*prediction.scores.values(), *prediction.sentiment.scores.values()]
    spans = [*prediction.about, *(span for tag in prediction.themes for span in tag.evidence)]
    return (
        prediction.text == text
        and set(prediction.scores) == set(engine.schema.ids)
        and all(0 <= score <= 1 for score in scores)  # false for NaN too
        and all(text[span.start : span.end] == span.text for span in spans)
    )
