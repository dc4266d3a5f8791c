"""Is the service up, and can it answer yet."""

from fastapi import APIRouter

from api.kinds import NOT_READY
from api.problems import ProblemError
from api.routes import problems
from api.schemas import Health
from api.service import RETRY_AFTER, ServiceDep

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live", summary="The process is up")
async def live() -> Health:
    """For a supervisor: restart the service when this does not answer."""
    return Health(status="ok")


@router.get("/ready", summary="The model answers", responses=problems({503: "No prediction has succeeded yet."}))
async def ready(service: ServiceDep) -> Health:
    """For a load balancer or a start script: send comments once this answers 200."""
    if not service.ready:
        raise ProblemError(NOT_READY, headers=RETRY_AFTER)
    return Health(status="ok")
