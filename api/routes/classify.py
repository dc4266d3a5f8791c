"""Classify one comment or many."""

from __future__ import annotations

from dataclasses import replace
from email.message import Message
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request

from api.problems import INVALID_INPUT, UNSUPPORTED_MEDIA_TYPE, FieldError, ProblemError, pointer
from api.routes import problems
from api.schemas import ClassifyRequest, Comment, Comments, Prediction, Predictions
from api.service import ServiceDep
from api.settings import Settings
from fbclass import results

_EXAMPLES: Any = {
    "one": {"summary": "One comment", "value": {"text": "采购申请提了三周没人理,打电话也总说在走流程"}},
    "many": {
        "summary": "Several comments, with ids and the question they answer",
        "value": {
            "comments": [
                {"id": "17", "text": "排期改了没通知我们测试组,周末白等两天", "question": "对其他部门有什么意见?"},
                {"id": "18", "text": "行政同事每次搬工位都很周到,谢谢!", "question": "对其他部门有什么意见?"},
            ]
        },
    },
}


def _json_only(request: Request) -> None:
    # A web page can make a browser send text/plain anywhere; JSON it cannot without being allowed to.
    header = Message()
    header["content-type"] = request.headers.get("content-type", "")
    charset = header.get_content_charset("utf-8")
    if header.get_content_type() != "application/json" or charset not in ("utf-8", "utf8"):
        raise ProblemError(UNSUPPORTED_MEDIA_TYPE)


router = APIRouter(prefix="/v1/classify", tags=["classify"], dependencies=[Depends(_json_only)])


@router.post(
    "",
    summary="Classify one comment or up to 512",
    responses=problems(
        {
            400: "The body is not valid JSON in UTF-8.",
            413: "The body is too large.",
            415: "The body is not sent as JSON.",
            422: "The body breaks the rules; errors says where and how.",
            429: "Too many comments are waiting; Retry-After says how many seconds to wait.",
            500: "The service failed.",
            503: "The service is stopping.",
        }
    ),
)
async def classify(
    service: ServiceDep, body: Annotated[ClassifyRequest, Body(openapi_examples=_EXAMPLES)]
) -> Prediction | Predictions:
    """`{"text": …}` is answered with one prediction, `{"comments": […]}` with a list in the same order."""
    comments = body.comments if isinstance(body, Comments) else [body]
    _check_limits(comments, service.settings, many=isinstance(body, Comments))
    found = await service.classify([comment.text for comment in comments])
    predictions = [_prediction(comment, result) for comment, result in zip(comments, found, strict=True)]
    if isinstance(body, Comments):
        return Predictions(predictions=predictions, model=service.engine.name)
    return predictions[0]


def _prediction(comment: Comment, result: results.Prediction) -> Prediction:
    return Prediction.model_validate(replace(result, id=comment.id))


def _check_limits(comments: list[Comment], settings: Settings, *, many: bool) -> None:
    """The limits of this installation, where they are lower than the published ones."""
    errors = []
    if len(comments) > settings.max_batch:
        limit = settings.max_batch
        errors.append(
            FieldError(
                pointer=pointer("comments"),
                detail=f"must hold at most {limit} comments",
                detail_zh=f"最多 {limit} 条评论",
            )
        )
    limit = settings.max_text_length
    for index, comment in enumerate(comments):
        for field in ("text", "question"):
            if len(getattr(comment, field) or "") > limit:
                where = ("comments", index, field) if many else (field,)
                errors.append(
                    FieldError(
                        pointer=pointer(*where),
                        detail=f"must have at most {limit} characters",
                        detail_zh=f"最多 {limit} 个字符",
                    )
                )
    if errors:
        raise ProblemError(INVALID_INPUT, errors=errors)
