"""Signatures of webhooks: HMAC-SHA256 over the time and the body, so that neither can be changed.

Two ways of writing one are read. The short one, a line in any language: ``X-Fbclass-Timestamp``, Unix
seconds, and ``X-Fbclass-Signature``, ``v1=`` and 64 hexadecimal digits over ``<timestamp>.<body>``. And
that of https://www.standardwebhooks.com, for which there are libraries, and by which this service signs
what it sends: ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``, ``v1,`` and base64 over
``<id>.<timestamp>.<body>``. Several signatures may be given while a secret is being changed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

TIMESTAMP_HEADER = "X-Fbclass-Timestamp"
SIGNATURE_HEADER = "X-Fbclass-Signature"
_BASE64_SECRET = "whsec_"
_LONGEST = 1000  # characters of a header


@dataclass(frozen=True, slots=True)
class Signed:
    """What was signed, when (Unix seconds), and the signatures that came with it."""

    timestamp: int
    content: bytes
    signatures: tuple[bytes, ...]

    def by(self, secret: str) -> bool:
        """Whether one of the signatures was made with ``secret``, in time that does not tell how nearly."""
        right = _digest(secret, self.content)
        return any(hmac.compare_digest(right, given) for given in self.signatures)


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The value of ``X-Fbclass-Signature`` for a body sent at ``timestamp`` (Unix seconds)."""
    return f"v1={_digest(secret, f'{timestamp}.'.encode() + body).hex()}"


def read_signed(headers: Mapping[str, str], body: bytes) -> Signed | None:
    """What the headers (names in lower case) say of the body; None when there is no signature to read."""
    if "webhook-id" in headers:
        message, written = headers["webhook-id"], headers.get("webhook-timestamp", "")
        given = headers.get("webhook-signature", "")
        signatures = _decoded(given.split(), "v1,", lambda text: base64.b64decode(text, validate=True))
        prefix = f"{message}.{written}."
    else:
        written, given = headers.get(TIMESTAMP_HEADER.lower(), ""), headers.get(SIGNATURE_HEADER.lower(), "")
        signatures = _decoded(given.split(","), "v1=", bytes.fromhex)
        prefix = f"{written}."
    is_time = written.isascii() and written.isdigit() and len(written) <= 12
    if not is_time or len(given) > _LONGEST or not prefix.isascii() or not signatures:
        return None
    return Signed(int(written), prefix.encode() + body, signatures)


def same(expected: str, given: str) -> bool:
    """Whether two secrets are equal, in time that does not tell how nearly."""
    return hmac.compare_digest(expected.encode("utf-8", "surrogatepass"), given.encode("utf-8", "surrogatepass"))


def _digest(secret: str, content: bytes) -> bytes:
    key = secret.encode()
    if secret.startswith(_BASE64_SECRET):
        with suppress(binascii.Error):  # then it only begins like one
            key = base64.b64decode(secret.removeprefix(_BASE64_SECRET), validate=True)
    return hmac.digest(key, content, hashlib.sha256)


def _decoded(given: Iterable[str], version: str, decode: Callable[[str], bytes]) -> tuple[bytes, ...]:
    """The signatures of this version; others, and what is none, are passed over."""
    found = []
    for one in given:
        text = one.strip()
        if text.startswith(version):
            with suppress(ValueError):  # binascii.Error is one too
                found.append(decode(text.removeprefix(version)))
    return tuple(found)
