"""Talk to the service from Python, with nothing but the standard library: copy this file into your form.

    python examples/client.py classify "采购申请提了三周没人理" "谢谢行政同事"
    python examples/client.py submit --form 跨部门协作反馈 --source-id 2026-17 "采购申请提了三周没人理"
    python examples/client.py list --form 跨部门协作反馈

``FBCLASS_URL`` names the service (http://127.0.0.1:8000 when not set), ``FBCLASS_KEY`` holds the access key.
Results go to stdout as JSON Lines. A request that was turned away for a moment (429, 503) or lost on the
way is sent again; a submission carries an Idempotency-Key, so that it is stored once all the same.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

BATCH = 512  # comments in one request, at most
AGAIN = (408, 429, 503)  # worth another attempt


class ServiceError(Exception):
    """The service refused; ``problem`` is its problem document (RFC 9457), in English and Chinese."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{status}: {problem.get('detail_zh', '')} {problem.get('detail', '')}".strip())
        self.status = status
        self.problem = problem


class Client:
    """One connection, kept open. Not for several threads at a time: give each its own.

    ``timeout``: seconds to wait for an answer; ``attempts``: how often to try, with growing pauses between.
    """

    def __init__(self, url: str, key: str | None = None, *, timeout: float = 30, attempts: int = 6) -> None:
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname or "127.0.0.1", parts.port, timeout=timeout)
        self._prefix = parts.path.rstrip("/")
        self._headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        self._attempts = attempts

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    def classify(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        """A prediction for each text, in the same order; nothing is stored."""
        found: list[dict[str, Any]] = []
        for start in range(0, len(texts), BATCH):
            comments = [{"text": text} for text in texts[start : start + BATCH]]
            found += self._ask("POST", "/v1/classify", {"comments": comments})["predictions"]
        return found

    def submit(self, form: str, text: str, **more: str) -> dict[str, Any]:
        """Store one comment with its prediction. ``more``: source_id, question, department, submitted_at."""
        body = {"form": form, "text": text, **more}
        stored: dict[str, Any] = self._ask("POST", "/v1/submissions", body, {"Idempotency-Key": uuid.uuid4().hex})
        return stored

    def submissions(self, **wanted: str) -> Iterator[dict[str, Any]]:
        """Everything stored that fits: form, source_id, department, theme, sentiment, since, until, …"""
        cursor: str | None = None
        while True:
            query = urlencode({"limit": "200", **wanted, **({"cursor": cursor} if cursor else {})})
            page = self._ask("GET", f"/v1/submissions?{query}")
            yield from page["submissions"]
            cursor = page["next"]
            if cursor is None:
                return

    def delete(self, submission_id: str) -> None:
        """Remove one submission for good."""
        self._ask("DELETE", f"/v1/submissions/{submission_id}")

    def _ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] = {}) -> Any:
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        sent = self._headers | dict(headers) | ({"Content-Type": "application/json"} if content else {})
        for attempt in range(1, self._attempts + 1):
            try:
                self._connection.request(method, self._prefix + path, content, sent)
                answer = self._connection.getresponse()
                raw = answer.read()
            except (OSError, http.client.HTTPException):
                self._connection.close()  # the next request opens it again
                if attempt == self._attempts:
                    raise
                _pause(attempt)
                continue
            if answer.status in AGAIN and attempt < self._attempts:
                _pause(attempt, answer.headers.get("Retry-After"))
                continue
            found = json.loads(raw) if raw else None
            if answer.status >= 400:
                raise ServiceError(answer.status, found or {})
            return found
        raise AssertionError("unreachable")


def _pause(attempt: int, retry_after: str | None = None) -> None:
    """What the service asks for, else twice as long each time; never all clients at the same moment."""
    seconds = float(retry_after) if retry_after and retry_after.isdigit() else min(30.0, 0.2 * 2**attempt)
    time.sleep(seconds * random.uniform(1.0, 1.25))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 1 when the service refuses or cannot be reached."""
    parser = argparse.ArgumentParser(description="Talk to the fbclass service.")
    parser.add_argument("--attempts", type=int, default=6, help="how often to try")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("classify", help="classify texts, store nothing")
    one.add_argument("text", nargs="+")
    one = commands.add_parser("submit", help="store a comment with its prediction")
    one.add_argument("text")
    for name in ("form", "source-id", "question", "department", "submitted-at"):
        one.add_argument(f"--{name}", required=name == "form")
    one = commands.add_parser("list", help="list what is stored")
    for name in ("form", "theme", "sentiment", "since", "until"):
        one.add_argument(f"--{name}")
    one = commands.add_parser("delete", help="remove one submission for good")
    one.add_argument("id")
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    command, attempts = given.pop("command"), given.pop("attempts")
    url, key = os.environ.get("FBCLASS_URL", "http://127.0.0.1:8000"), os.environ.get("FBCLASS_KEY")
    try:
        with Client(url, key, attempts=attempts) as client:
            if command == "delete":
                client.delete(given["id"])
                return 0
            if command == "classify":
                found: Any = client.classify(given["text"])
            else:
                found = [client.submit(**given)] if command == "submit" else client.submissions(**given)
            for line in found:
                print(json.dumps(line, ensure_ascii=False))
    except (ServiceError, OSError, http.client.HTTPException) as error:
        print(f"{url}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
