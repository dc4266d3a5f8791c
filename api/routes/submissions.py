"""Submissions: what forms send is kept with its prediction until it is deleted."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Path, Query, Request, Response

from api.guard import KEY
from api.kinds import CONFLICT, DELETED, INVALID_INPUT, INVALID_PARAMETERS, NOT_FOUND
from api.problems import ProblemError, pointer
from api.routes import BODY_PROBLEMS, STORE_PROBLEMS, json_only, problems
from api.schemas import MAX_ID_LENGTH, FieldError
from api.service import ServiceDep
from api.submission_schemas import (
    PRINTABLE,
    Moment,
    Name,
    NewSubmission,
    Order,
    StoredSubmission,
    SubmissionPage,
    make_cursor,
    read_cursor,
    shown,
)
from api.submissions import SubmissionIn
from fbclass.results import SentimentLabel
from fbclass.store.submissions import Filter

_EXAMPLES: Any = {
    "one": {
        "summary": "An answer of a feedback form",
        "value": {
            "source_id": "2026-03-00017",
            "form": "跨部门协作反馈",
            "question": "对其他部门有什么意见?",
            "text": "采购申请提了三周没人理,打电话也总说在走流程",
            "department": "研发部",
            "submitted_at": "2026-03-01T09:30:00+08:00",
        },
    }
}
_LOCAL = "local"  # whose Idempotency-Keys they are while there is no access key

router = APIRouter(prefix="/v1/submissions", tags=["submissions"])

SubmissionId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="The submission's id here.")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=MAX_ID_LENGTH,
        pattern=r"^[\x21-\x7e]*$",
        description="A random value for each submission: sent again with it, it is stored once.",
    ),
]


@router.post(
    "",
    summary="Store one submission with its prediction",
    status_code=201,
    response_model=StoredSubmission,
    dependencies=[Depends(json_only)],
    responses={
        200: {"model": StoredSubmission, "description": "It was stored earlier; this is it."},
        **problems(
            BODY_PROBLEMS,
            {
                408: "The body did not arrive in time.",
                409: "Something else was stored under this source_id or Idempotency-Key.",
                410: "It was deleted and stays so.",
                429: "Too much is waiting; Retry-After says how many seconds to wait.",
                500: "The service failed.",
            },
            STORE_PROBLEMS,
        ),
    },
)
async def create_submission(
    service: ServiceDep,
    request: Request,
    body: Annotated[NewSubmission, Body(openapi_examples=_EXAMPLES)],
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> StoredSubmission:
    """Answered once it is on disk. Sent again with the same source_id or Idempotency-Key, it is stored once."""
    limit = service.settings.max_text_length
    for field in ("text", "question"):
        if len(getattr(body, field) or "") > limit:
            where = FieldError(
                pointer=pointer(field),
                detail=f"must have at most {limit} characters",
                detail_zh=f"最多 {limit} 个字符",
            )
            raise ProblemError(INVALID_INPUT, errors=[where])
    key = request.scope.get(KEY)
    row, new, same = await service.submissions.take(
        SubmissionIn(source="api", **body.model_dump()),
        client=key.id if key is not None else _LOCAL,
        idempotency_key=idempotency_key,
    )
    if row.deleted_at is not None:
        raise ProblemError(DELETED)
    if not same:
        raise ProblemError(CONFLICT)
    if not new:
        response.status_code = 200
    return shown(row)


@router.get(
    "",
    summary="List submissions, page by page",
    responses=problems({422: "A parameter breaks the rules."}, {503: STORE_PROBLEMS[503]}),
)
async def list_submissions(
    service: ServiceDep,
    source: Annotated[Name | None, Query(description="How it came: api, or the name of a form platform.")] = None,
    form: Annotated[Name | None, Query(description="Which form it comes from.")] = None,
    source_id: Annotated[Name | None, Query(description="The answer's id in its form.")] = None,
    department: Annotated[Name | None, Query(description="The writer's department.")] = None,
    theme: Annotated[
        str | None, Query(max_length=40, pattern=PRINTABLE, description="Id of a theme that was reported.")
    ] = None,
    sentiment: Annotated[SentimentLabel | None, Query(description="The attitude that was found.")] = None,
    needs_review: Annotated[bool | None, Query(description="Whether a person should look at it.")] = None,
    since: Annotated[Moment | None, Query(description="Came at this time or later, RFC 3339 with offset.")] = None,
    until: Annotated[Moment | None, Query(description="Came before this time, RFC 3339 with offset.")] = None,
    order: Annotated[Order, Query(description="The newest first, or the oldest.")] = "newest",
    limit: Annotated[int, Query(ge=1, le=200, description="Submissions on a page, at most.")] = 50,
    cursor: Annotated[
        str | None,
        Query(max_length=40, pattern=PRINTABLE, description="The next of the page before; keep all else as it was."),
    ] = None,
) -> SubmissionPage:
    """Deleted ones are left out. What arrives while you page is neither lost nor listed twice."""
    after = None
    if cursor is not None and (after := read_cursor(order, cursor)) is None:
        where = FieldError(
            parameter="cursor",
            detail="must be the next of a page in the same order",
            detail_zh="必须是同一排序下上一页返回的 next",
        )
        raise ProblemError(INVALID_PARAMETERS, errors=[where])
    wanted = Filter(source, form, source_id, department, theme, sentiment, needs_review, since, until)
    rows = await service.submissions.page(wanted, limit=limit + 1, after=after, oldest_first=order == "oldest")
    more = len(rows) > limit
    return SubmissionPage(
        submissions=[shown(row) for row in rows[:limit]], next=make_cursor(order, rows[limit - 1].seq) if more else None
    )


_ONE = problems(
    {404: "There is no such submission.", 422: "The id is none."}, {503: STORE_PROBLEMS[503], 410: "It was deleted."}
)


@router.get("/{submission_id}", summary="One submission", responses=_ONE)
async def read_submission(service: ServiceDep, submission_id: SubmissionId) -> StoredSubmission:
    """The submission with the prediction that was made when it came."""
    row = await service.submissions.get(submission_id)
    if row is None:
        raise ProblemError(NOT_FOUND)
    if row.deleted_at is not None:
        raise ProblemError(DELETED)
    return shown(row)


@router.delete(
    "/{submission_id}",
    summary="Delete one submission for good",
    status_code=204,
    responses=problems({404: "There is no such submission.", 422: "The id is none."}, STORE_PROBLEMS),
)
async def delete_submission(service: ServiceDep, submission_id: SubmissionId) -> None:
    """Text, question, department and prediction are removed; only the ids stay, so that it does not come back."""
    if not await service.submissions.delete_one(submission_id):
        raise ProblemError(NOT_FOUND)
