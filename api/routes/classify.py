"""Classify one comment or many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Response
from pydantic import ValidationError
from pydantic_core import to_json

from api import schemas
from api.kinds import INTERNAL, INVALID_INPUT
from api.logs import frames
from api.predict import PLAIN, Options
from api.problems import ProblemError, field_error, item_problem, pointer
from api.routes import BODY_PROBLEMS, json_only, problems
from api.schemas import COMMENT, ClassifyRequest, Comment, Comments, FieldError, Prediction, Predictions
from api.service import Service, ServiceDep, log
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
    "options": {
        "summary": "Report slow response from a probability of 0.3 on, without evidence",
        "value": {
            "text": "报销单交上去一个月了还没批",
            "options": {"thresholds": {"slow_response": 0.3}, "evidence": False},
        },
    },
}

router = APIRouter(prefix="/v1/classify", tags=["classify"], dependencies=[Depends(json_only)])


@router.post(
    "",
    summary="Classify one comment or up to 512",
    response_model=Prediction | Predictions,
    responses=problems(
        BODY_PROBLEMS,
        {
            408: "The body did not arrive in time.",
            429: "Too many comments are waiting; Retry-After says how many seconds to wait.",
            500: "The service failed.",
            503: "The service is stopping, or the answer took too long.",
        },
    ),
)
async def classify(service: ServiceDep, body: Annotated[ClassifyRequest, Body(openapi_examples=_EXAMPLES)]) -> Response:
    """`{"text": …}` is answered with one prediction, `{"comments": […]}` with a list in the same order.

    One comment of many that cannot be read gets an error at its place; the others are answered.
    """
    options = _options(body.options, service)
    if not isinstance(body, Comments):
        if errors := _too_long(body, service.settings):
            raise ProblemError(INVALID_INPUT, errors=errors)
        (found,) = await service.classify([body.text], options)
        return _json(replace(found, id=body.id))
    return _json(await _classify_many(service, body.comments, options))


def _json(answer: Any) -> Response:
    # Written at once: building and checking the response models again costs more than the model on short texts.
    return Response(to_json(answer), media_type="application/json")


async def _classify_many(service: Service, items: Sequence[Any], options: Options) -> dict[str, Any]:
    if len(items) > service.settings.max_batch:
        limit = service.settings.max_batch
        where = FieldError(
            pointer=pointer("comments"), detail=f"must hold at most {limit} comments", detail_zh=f"最多 {limit} 条评论"
        )
        raise ProblemError(INVALID_INPUT, errors=[where])
    model = service.engine.name
    answers: list[Any] = [_read(item, index, service.settings) for index, item in enumerate(items)]
    comments = [(index, answer) for index, answer in enumerate(answers) if isinstance(answer, Comment)]
    found = await service.classify_each([comment.text for _, comment in comments], options)
    for (index, comment), result in zip(comments, found, strict=True):
        if isinstance(result, results.Prediction):
            answers[index] = replace(result, id=comment.id)
        else:
            log.error("the model failed on a comment with %s: %s", type(result).__name__, frames(result)[-1:])
            answers[index] = schemas.Failure(id=comment.id, error=item_problem(INTERNAL))
    failed = sum(isinstance(answer, schemas.Failure) for answer in answers)
    shown = [a.model_dump(exclude_none=True) | {"id": a.id} if isinstance(a, schemas.Failure) else a for a in answers]
    return {"predictions": shown, "failed": failed, "model": model}


def _read(item: Any, index: int, settings: Settings) -> Comment | schemas.Failure:
    """The comment, or what is wrong with it."""
    try:
        comment = COMMENT.validate_python(item)
        errors = _too_long(comment, settings, "comments", index)
    except ValidationError as error:
        entries = error.errors(include_url=False, include_input=False)
        errors = [
            field_error({**entry, "loc": ("body", "many", "comments", index, *entry["loc"])}) for entry in entries
        ]
    if not errors:
        return comment
    given = item.get("id") if isinstance(item, dict) else None
    # Only an id that keeps its own rule comes back: anything else could be a comment in the wrong place.
    known = given if isinstance(given, str) and not any(e.pointer == f"#/comments/{index}/id" for e in errors) else None
    return schemas.Failure(id=known, error=item_problem(INVALID_INPUT, errors))


def _options(given: schemas.Options | None, service: Service) -> Options:
    if given is None:
        return PLAIN
    if given.thresholds is not None and not given.thresholds.keys() <= set(service.engine.schema.ids):
        ids = ", ".join(service.engine.schema.ids)
        where = FieldError(
            pointer=pointer("options", "thresholds"),
            detail=f"takes only the themes of the model: {ids}",
            detail_zh=f"只接受当前模型的主题:{ids}",
        )
        raise ProblemError(INVALID_INPUT, errors=[where])
    if given.prefer == "precision" and service.engine.info.precision is None:
        where = FieldError(
            pointer=pointer("options", "prefer"),
            detail=f"the model {service.engine.name} has no thresholds for precision: leave it out, or train it again",
            detail_zh=f"模型 {service.engine.name} 没有精确取向的阈值:请去掉这一项,或者重新训练",
        )
        raise ProblemError(INVALID_INPUT, errors=[where])
    return Options(thresholds=given.thresholds, prefer=given.prefer, evidence=given.evidence)


def _too_long(comment: Comment, settings: Settings, *place: str | int) -> list[FieldError]:
    """The limit of this installation, where it is lower than the published one."""
    limit = settings.max_text_length
    return [
        FieldError(
            pointer=pointer(*place, field),
            detail=f"must have at most {limit} characters",
            detail_zh=f"最多 {limit} 个字符",
        )
        for field in ("text", "question")
        if len(getattr(comment, field) or "") > limit
    ]
