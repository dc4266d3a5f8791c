"""What the outgoing webhook did not take."""

from __future__ import annotations

import sqlalchemy as sa
from fastapi import APIRouter

from api.routes import STORE_PROBLEMS, problems
from api.service import ServiceDep
from api.submission_schemas import DeadLetter, Outbox, Revived
from fbclass.store import outbox

_SHOWN = 100

router = APIRouter(prefix="/v1/dead-letters", tags=["webhook"])


@router.get("", summary="Events that could not be delivered", responses=problems({503: STORE_PROBLEMS[503]}))
async def list_dead_letters(service: ServiceDep) -> Outbox:
    """How many events wait for the outgoing webhook, and which were given up."""

    def work(connection: sa.Connection) -> Outbox:
        waiting, dead = outbox.count(connection)
        letters = [DeadLetter.model_validate(letter) for letter in outbox.list_dead(connection, limit=_SHOWN)]
        return Outbox(waiting=waiting, dead=dead, dead_letters=letters)

    return await service.store.read(work)


@router.post("/retry", summary="Try them again", responses=problems(STORE_PROBLEMS))
async def retry_dead_letters(service: ServiceDep) -> Revived:
    """Put all dead letters back to be delivered, under the ids that they had."""
    revived = await service.store.write(outbox.revive)
    if service.outgoing is not None:
        service.outgoing.wake()
    return Revived(revived=revived)
