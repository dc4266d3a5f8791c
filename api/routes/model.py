"""Which model answers, and how to change it."""

from fastapi import APIRouter

from api.routes import problems
from api.schemas import Model
from api.service import Service, ServiceDep

router = APIRouter(prefix="/v1/model", tags=["model"])


@router.get("", summary="The model that answers")
async def read_model(service: ServiceDep) -> Model:
    """Name, version, themes, thresholds and measured accuracy."""
    return _model(service)


@router.post(
    "/reload",
    summary="Change the model without a pause",
    responses=problems({409: "The new model was refused, the old one stays; detail says why."}),
)
async def reload_model(service: ServiceDep) -> Model:
    """Load the model folder anew, check it beside the one that answers, and swap. Requests go on meanwhile."""
    await service.reload()
    return _model(service)


def _model(service: Service) -> Model:
    engine = service.engine
    return Model(
        name=engine.info.name,
        version=engine.info.version,
        model=engine.name,
        themes=list(engine.schema.ids),
        schema_hash=engine.schema.hash,
        thresholds=dict(engine.info.thresholds),
        metrics=dict(engine.info.metrics),
    )
