"""What the routes share: the loaded model, the batcher in front of it, and whether it is warm."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import Depends, Request

from api.batching import Batcher, ClosedError, QueueFullError
from api.problems import NOT_READY, QUEUE_FULL, ProblemError
from api.settings import Settings
from fbclass.bundle import ModelInfo
from fbclass.results import Prediction
from fbclass.schema import ThemeSchema

RETRY_AFTER = {"Retry-After": "1"}

log = logging.getLogger("api")


class Engine(Protocol):
    """What the service needs of a model; ``fbclass.Classifier`` is one."""

    @property
    def name(self) -> str: ...
    @property
    def schema(self) -> ThemeSchema: ...

    info: ModelInfo

    def classify(self, texts: Sequence[str]) -> list[Prediction]: ...


LoadEngine = Callable[[Settings], Engine]


def load_classifier(settings: Settings) -> Engine:
    """The model that the settings name; ``ModelError`` says what is wrong with it."""
    from fbclass import Classifier  # brings onnxruntime: not needed to write the API description

    return Classifier.load(settings.model, threads=settings.threads)


@dataclass(slots=True)
class Service:
    """One per running application, at ``app.state.service``."""

    settings: Settings
    engine: Engine
    batcher: Batcher[Prediction]
    ready: bool = False

    async def classify(self, texts: Sequence[str]) -> list[Prediction]:
        """Predictions in the order of ``texts``; 429 when too many wait, 503 when stopping."""
        try:
            return await self.batcher.submit(texts)
        except QueueFullError:
            raise ProblemError(QUEUE_FULL, headers=RETRY_AFTER) from None
        except ClosedError:
            raise ProblemError(NOT_READY, headers=RETRY_AFTER) from None

    async def warm_up(self) -> None:
        """Classify once; only then is the service ready."""
        try:
            await self.batcher.submit(["流程走了两周还没有回音"])
        except Exception:
            log.exception("the warm-up prediction failed: the service stays not ready")
        else:
            self.ready = True


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


ServiceDep = Annotated[Service, Depends(_service)]
