"""Which model answers."""

from fastapi import APIRouter

from api.schemas import Model
from api.service import ServiceDep

router = APIRouter(prefix="/v1/model", tags=["model"])


@router.get("", summary="The model that answers")
async def read_model(service: ServiceDep) -> Model:
    """Name, version, themes, thresholds and measured accuracy."""
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
