"""Figures for Prometheus."""

from fastapi import APIRouter, Response

from api.metrics import CONTENT_TYPE
from api.service import ServiceDep

router = APIRouter(prefix="/metrics", tags=["health"])


@router.get(
    "",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={
        200: {"description": "Counters and histograms.", "content": {"text/plain": {"schema": {"type": "string"}}}}
    },
)
async def read_metrics(service: ServiceDep) -> Response:
    """Requests, times, batches, submissions and deliveries; never a word of a comment."""
    service.metrics.waiting.set(service.batcher.queued)
    return Response(service.metrics.render(), media_type=CONTENT_TYPE)
