"""Whatever arrives: an answer, and never a 5xx."""

from __future__ import annotations

import json
import os
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TEXT = st.text(st.characters(codec=None), max_size=60)  # lone surrogates included
SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
ANY = st.recursive(SCALAR, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4))
COMMENT = st.fixed_dictionaries({"text": TEXT}, optional={"id": TEXT | SCALAR, "question": TEXT | SCALAR})
BODY = st.one_of(
    COMMENT,
    st.fixed_dictionaries({"comments": st.lists(COMMENT, max_size=6)}),
    st.dictionaries(st.sampled_from(["text", "comments", "question", "id", "x"]), ANY, max_size=3),
    ANY,
)
RAW = st.one_of(
    BODY.map(lambda value: json.dumps(value).encode()),
    BODY.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")),
    st.binary(max_size=80),
)


# make bench-api asks for many more.
EXAMPLES = int(os.environ.get("FBCLASS_TEST_EXAMPLES", "200"))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=RAW)
def test_no_body_makes_the_service_fail(client: httpx.Client, raw: bytes) -> None:
    answer = client.post("/v1/classify", content=raw, headers={"content-type": "application/json"})
    assert answer.status_code in (200, 400, 422)
    if answer.status_code == 200:
        body: Any = json.loads(raw)
        given_comments = body.get("comments", [body])
        found = answer.json().get("predictions", [answer.json()])
        assert len(found) == len(given_comments)
        for prediction, comment in zip(found, given_comments, strict=True):
            if "error" not in prediction:
                assert (prediction["id"], prediction["text"]) == (comment.get("id"), comment["text"])


SUBMISSION = st.fixed_dictionaries(
    {"form": TEXT, "text": TEXT},
    optional=dict.fromkeys(("source_id", "question", "department", "submitted_at"), TEXT | SCALAR),
)


@settings(
    max_examples=max(50, EXAMPLES // 4), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(value=SUBMISSION | BODY)
def test_no_submission_makes_the_service_fail(client: httpx.Client, value: Any) -> None:
    raw = json.dumps(value).encode()
    answer = client.post("/v1/submissions", content=raw, headers={"content-type": "application/json"})
    assert answer.status_code in (200, 201, 409, 422)
    if answer.status_code in (200, 201):
        assert answer.json()["form"] == value["form"]
