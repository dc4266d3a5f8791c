"""What the routes share: the live model and the queue in front of it, the keys, the submissions, the figures."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from dataclasses import replace as changed
from typing import Annotated

from fastapi import Depends, Request

from api.access import KeyRing, RateLimiter
from api.batching import Batcher, ClosedError, QueueFullError
from api.kinds import MODEL_REFUSED, NOT_READY, QUEUE_FULL
from api.metrics import Metrics
from api.outgoing import Outgoing
from api.predict import PLAIN, Ask, Engine, LoadEngine, Options, verify
from api.problems import ProblemError
from api.settings import Settings
from api.store import RETRY_AFTER, Store
from api.submissions import Submissions
from fbclass.errors import FbclassError, ModelError
from fbclass.results import Prediction

__all__ = ["RETRY_AFTER", "Service", "ServiceDep"]

log = logging.getLogger("api")


@dataclass(slots=True)
class Service:
    """One per running application, at ``app.state.service``."""

    settings: Settings
    engine: Engine
    batcher: Batcher[Ask, Prediction]
    keys: KeyRing
    limiter: RateLimiter
    store: Store
    submissions: Submissions
    metrics: Metrics
    load: LoadEngine
    outgoing: Outgoing | None = None
    ready: bool = False
    _reloading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def classify(self, texts: Sequence[str], options: Options = PLAIN) -> list[Prediction]:
        """Predictions in the order of ``texts``; 429 when too many wait, 503 when stopping."""
        predictions = []
        for result in await self.classify_each(texts, options):
            if isinstance(result, Exception):
                raise result
            predictions.append(result)
        return predictions

    async def classify_each(self, texts: Sequence[str], options: Options = PLAIN) -> list[Prediction | Exception]:
        """The same, with the exception in the place of a text that the model failed on."""
        engine = self.engine
        try:
            results = await self.batcher.submit_each([Ask(engine, text, options) for text in texts])
        except QueueFullError:
            raise ProblemError(QUEUE_FULL, headers=RETRY_AFTER) from None
        except ClosedError:
            raise ProblemError(NOT_READY, headers=RETRY_AFTER) from None
        for result in results:
            if isinstance(result, Prediction):
                for theme in [tag.id for tag in result.themes] or ["none"]:
                    self.metrics.themes.labels(theme).inc()
        return results

    async def warm_up(self) -> None:
        """Classify once; only then is the service ready."""
        try:
            await self.batcher.submit([Ask(self.engine, "流程走了两周还没有回音")])
        except Exception:
            log.exception("the warm-up prediction failed: the service stays not ready")
        else:
            self.ready = True

    async def reload(self) -> None:
        """Load the model that the settings name now, let it prove itself, and swap; a bad one changes nothing.

        Requests go on meanwhile. Each is answered by the model that was live when it came.
        """
        async with self._reloading:
            try:
                engine = await asyncio.to_thread(self._load_verified)
            except FbclassError as error:
                self.metrics.reloads.labels("refused").inc()
                log.warning("the model was not changed: %s", error.english, extra={"model": self.engine.name})
                english, chinese = MODEL_REFUSED.english, MODEL_REFUSED.chinese
                kind = changed(MODEL_REFUSED, english=f"{english} {error.english}", chinese=f"{chinese}{error.chinese}")
                raise ProblemError(kind) from None
            self.engine = engine
            self.ready = True  # it has just answered
            self.metrics.set_model(engine.name)
            self.metrics.reloads.labels("done").inc()
            log.info("the model was changed", extra={"model": engine.name})

    def _load_verified(self) -> Engine:
        try:
            engine = self.load(self.settings)
        except FbclassError:
            raise
        except Exception as error:  # a damaged folder can fail in ways that loading does not foresee
            log.exception("loading a model failed")
            raise ModelError(
                f"it cannot be loaded ({type(error).__name__}): copy the model folder again",
                f"无法加载({type(error).__name__}):请重新拷贝模型文件夹",
            ) from None
        verify(engine)
        return engine


async def _service(request: Request) -> Service:
    # async: FastAPI would send a plain function to a thread and back, for every request.
    service: Service = request.app.state.service
    return service


ServiceDep = Annotated[Service, Depends(_service)]
