"""The application. ``uvicorn api.main:app`` serves it; importing this loads nothing."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from api.access import KeyRing, RateLimiter
from api.batching import Batcher
from api.guard import Guard, drop_query
from api.metrics import Metrics
from api.openapi import DESCRIPTION, TITLE, VERSION, describe
from api.outgoing import Outgoing
from api.predict import MOST_WORK, LoadEngine, load_classifier, predict, work
from api.problems import ProblemError, add_problem_handlers
from api.routes import (
    classify,
    dead_letters,
    health,
    inference,
    metrics,
    model,
    receivers,
    submissions,
    themes,
)
from api.service import Service
from api.settings import Settings, load_settings
from api.store import Store
from api.submissions import Submissions
from fbclass.store.database import Database
from fbclass.store.keys import KeyStore

ROUTERS = (classify, submissions, receivers, dead_letters, model, themes, inference, health, metrics)

# What pages named in cors_origins may send and read. Cookies are not: there are none.
_CORS: Any = {
    "allow_methods": ["GET", "POST", "DELETE"],
    "allow_headers": ["Authorization", "Content-Type", "Idempotency-Key", "X-Request-ID"],
    "expose_headers": ["Retry-After", "X-Request-ID"],
}
# FastAPI can send spans and exception texts to a collector named in the environment; comments stay here.
_NO_TELEMETRY: Any = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


def create_app(settings: Settings | None = None, *, load: LoadEngine = load_classifier) -> FastAPI:
    """The application with these settings (None: from the environment).

    The model and the database are opened when the server starts it; ``load`` is where another engine can
    take the model's place.
    """
    settings = settings or load_settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        logging.getLogger("uvicorn.access").addFilter(drop_query)
        async with AsyncExitStack() as stack:
            app.state.service = service = await _open(settings, load, stack)
            tasks = [asyncio.create_task(service.keys.watch()), asyncio.create_task(service.warm_up())]
            stop_listening = _reload_on_hangup(service)
            yield
            stop_listening()
            tasks[0].cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks)

    app = FastAPI(
        title=TITLE,
        description=DESCRIPTION,
        version=VERSION,
        lifespan=lifespan,
        docs_url=None,  # the built-in pages load their scripts from a CDN, which an intranet cannot reach
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,  # names in generated clients
        telemetry=_NO_TELEMETRY,
    )
    app.add_middleware(Guard, max_body_bytes=settings.max_body_bytes, timeout=settings.request_timeout)
    if settings.cors_origins:
        app.add_middleware(CORSMiddleware, allow_origins=settings.cors_origins.split(), **_CORS)
    add_problem_handlers(app)
    for resource in ROUTERS:
        app.include_router(resource.router)
    app.state.routes = [route for resource in ROUTERS for route in resource.router.routes]
    describe(app)
    return app


async def _open(settings: Settings, load: LoadEngine, stack: AsyncExitStack) -> Service:
    """Everything that a running service has, closed in the reverse order when ``stack`` is."""
    url = settings.database_url.get_secret_value() if settings.database_url else None
    database = await asyncio.to_thread(Database.open, url)
    stack.callback(database.close)
    keys = KeyRing(KeyStore(database).list)
    await keys.refresh()
    figures = Metrics()
    store = await stack.enter_async_context(Store(database))
    outgoing = None
    if settings.webhook_url is not None:
        outgoing = await stack.enter_async_context(Outgoing(settings, store, figures))
    engine = await asyncio.to_thread(load, settings)
    figures.set_model(engine.name)
    batcher = await stack.enter_async_context(
        Batcher(
            predict,
            wait=settings.batch_wait_ms / 1000,
            limit=settings.queue_limit,
            weigh=work,
            most=MOST_WORK,
            patience=settings.queue_wait_ms / 1000,
            observe=figures.batch_size.observe,
            name="model",
        )
    )

    async def classify_texts(texts: Any) -> Any:
        return await service.classify(texts)

    service = Service(
        settings=settings,
        engine=engine,
        batcher=batcher,
        keys=keys,
        limiter=RateLimiter(settings.rate_limit),
        store=store,
        submissions=Submissions(store, classify_texts, figures, outgoing.wake if outgoing else None),
        metrics=figures,
        load=load,
        outgoing=outgoing,
    )
    # What start-up made stays for good: a full collection that walks it again would hold up every request.
    gc.collect()
    gc.freeze()
    return service


def _reload_on_hangup(service: Service) -> Any:
    """Let SIGHUP change the model, where there is such a signal; returns what undoes it."""
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is None or threading.current_thread() is not threading.main_thread():
        return lambda: None
    loop = asyncio.get_running_loop()
    running: set[asyncio.Task[None]] = set()

    async def change() -> None:
        with suppress(ProblemError):  # refused: logged, and the old model stays
            await service.reload()

    def heard() -> None:
        task = loop.create_task(change())
        running.add(task)
        task.add_done_callback(running.discard)

    loop.add_signal_handler(hangup, heard)
    return lambda: loop.remove_signal_handler(hangup)


def __getattr__(name: str) -> Any:
    # ``app`` is made when a server asks for it, so that importing reads no settings.
    if name == "app":
        globals()["app"] = create_app()
        return globals()["app"]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
