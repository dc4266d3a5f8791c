"""What the themes mean."""

from fastapi import APIRouter

from api.schemas import Themes
from api.service import ServiceDep

router = APIRouter(prefix="/v1/themes", tags=["themes"])


@router.get("", summary="The themes and what they mean")
async def read_themes(service: ServiceDep) -> Themes:
    """The theme schema of the model that answers, with suggested actions."""
    return Themes.model_validate(service.engine.schema)
