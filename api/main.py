"""The application. ``uvicorn api.main:app`` serves it; importing this loads nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from api.batching import Batcher
from api.guard import Guard, drop_query
from api.openapi import DESCRIPTION, TITLE, VERSION, describe
from api.problems import add_problem_handlers
from api.routes import classify, health, model, themes
from api.service import LoadEngine, Service, load_classifier
from api.settings import Settings, load_settings

# FastAPI can send spans and exception texts to a collector named in the environment; comments stay here.
_NO_TELEMETRY: Any = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


def create_app(settings: Settings | None = None, *, load: LoadEngine = load_classifier) -> FastAPI:
    """The application with these settings (None: from the environment).

    The model is loaded when the server starts it; ``load`` is where another engine can take its place.
    """
    settings = settings or load_settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        logging.getLogger("uvicorn.access").addFilter(drop_query)
        engine = await asyncio.to_thread(load, settings)
        async with Batcher(engine.classify, wait=settings.batch_wait_ms / 1000, limit=settings.queue_limit) as batcher:
            service = Service(settings, engine, batcher)
            app.state.service = service
            warm_up = asyncio.create_task(service.warm_up())
            yield
            await warm_up

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
    app.add_middleware(Guard, max_body_bytes=settings.max_body_bytes)
    add_problem_handlers(app)
    for resource in (classify, model, themes, health):
        app.include_router(resource.router)
    describe(app)
    return app


def __getattr__(name: str) -> Any:
    # ``app`` is made when a server asks for it, so that importing reads no settings.
    if name == "app":
        globals()["app"] = create_app()
        return globals()["app"]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
