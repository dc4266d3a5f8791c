"""Settings of the service, read from environment variables that begin with ``FBCLASS_``."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, HttpUrl, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from api.schemas import MAX_COMMENTS, MAX_TEXT_LENGTH
from fbclass.errors import FbclassError

LOOPBACK = ("127.0.0.1", "::1", "localhost")
_SECRET_PREFIX = "whsec_"  # what follows is base64: standardwebhooks.com


class SettingsError(FbclassError):
    """A setting of the service breaks its rule."""


class Settings(BaseSettings):
    """``FBCLASS_PORT=9000`` sets ``port``, and so on; an empty variable counts as not set."""

    model_config = SettingsConfigDict(env_prefix="FBCLASS_", env_ignore_empty=True, frozen=True)

    model: Path | None = Field(default=None, description="model folder; none: the one that ships with fbclass")
    host: str = Field(default="127.0.0.1", description="address to listen on; another than this machine's needs keys")
    port: int = Field(default=8000, ge=0, le=65535, description="port to listen on; 0 takes any free one")
    threads: int = Field(
        default=1,
        ge=1,
        description="CPU threads for one batch: one answers single comments soonest, more help long lists",
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto", description="auto: text on a terminal, else one JSON object a line"
    )

    database_url: SecretStr | None = Field(
        default=None, description="where keys and submissions are kept; none: a SQLite file in the user's data folder"
    )
    rate_limit: int = Field(
        default=6000, ge=0, description="requests a minute for a key without a limit of its own; 0: any number"
    )

    cors_origins: str = Field(
        default="",
        pattern=r"^(https?://[A-Za-z0-9.\-]+(:\d+)?( https?://[A-Za-z0-9.\-]+(:\d+)?)*)?$",
        description="web pages that may call the service from a browser, set apart by spaces; none: no page may",
    )

    max_text_length: int = Field(
        default=MAX_TEXT_LENGTH, ge=1, le=MAX_TEXT_LENGTH, description="characters in one comment or question, at most"
    )
    max_batch: int = Field(default=MAX_COMMENTS, ge=1, le=MAX_COMMENTS, description="comments in one request, at most")
    max_body_bytes: int = Field(default=4 * 1024 * 1024, ge=1024, description="bytes in one request body, at most")
    request_timeout: float = Field(
        default=30.0, gt=0, le=600, description="seconds that one request may take, from its first byte to its answer"
    )
    batch_wait_ms: float = Field(
        default=0.5, ge=0, le=1000, description="milliseconds that a request waits for others to share its batch"
    )
    queue_limit: int = Field(default=1024, ge=1, description="comments waiting or being classified, at most; then 429")
    queue_wait_ms: float = Field(
        default=80.0, gt=0, le=60_000, description="milliseconds that a new comment would wait, at most; then 429"
    )

    webhook_url: HttpUrl | None = Field(
        default=None, description="where every stored submission is sent with its prediction; none: nowhere"
    )
    webhook_secret: SecretStr | None = Field(
        default=None, description="signs what is sent there: 24 characters or more, or whsec_ and base64"
    )
    webhook_timeout: float = Field(default=10.0, gt=0, le=60, description="seconds that the receiver has to answer")
    webhook_attempts: int = Field(default=12, ge=1, le=50, description="attempts before an event is a dead letter")
    webhook_delay: float = Field(
        default=2.0, gt=0, le=3600, description="seconds before the second attempt; each further wait is twice as long"
    )

    @model_validator(mode="after")
    def _a_full_list_fits_the_queue(self) -> Self:
        if self.queue_limit < self.max_batch:
            # Otherwise a list that the limits allow would be turned away for ever.
            raise ValueError(f"queue_limit must be at least max_batch ({self.max_batch}), got {self.queue_limit}")
        return self

    @model_validator(mode="after")
    def _what_is_sent_is_signed(self) -> Self:
        if self.webhook_url is not None and len(self.signing_key()) < 24:
            raise ValueError(
                "webhook_url needs webhook_secret: 24 characters or more, or whsec_ and base64 of 24 bytes"
            )
        return self

    def signing_key(self) -> bytes:
        """The bytes that sign outgoing events; empty when there are none or they are no base64."""
        secret = self.webhook_secret.get_secret_value() if self.webhook_secret else ""
        if not secret.startswith(_SECRET_PREFIX):
            return secret.encode() if len(secret) >= 24 else b""
        try:
            return base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
        except binascii.Error:
            return b""


def load_settings() -> Settings:
    """Settings from the environment; ``SettingsError`` names the variable and its rule."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        variable = "FBCLASS_" + "_".join(str(part) for part in first["loc"]).upper() if first["loc"] else "FBCLASS_*"
        rule = first["msg"].removeprefix("Value error, ")
        raise SettingsError(
            f"the setting {variable} cannot be used: {rule}; correct it or unset it",
            f"设置 {variable} 无效({rule}):请改正或取消该环境变量",
        ) from error


def check_host(host: str, *, keys: bool) -> None:
    """Refuse to listen where other machines could reach the service while no key could keep them out."""
    if host not in LOOPBACK and not keys:
        raise SettingsError(
            f"the service cannot listen on {host}: there is no access key, so only this machine may reach it; "
            f"make one with fbclass keys create, or set FBCLASS_HOST to one of {', '.join(LOOPBACK)}",
            f"服务不能监听 {host}:还没有可用的访问密钥,只允许本机访问;"
            f"请先用 fbclass keys create 创建密钥,或把 FBCLASS_HOST 设为 {'、'.join(LOOPBACK)} 之一",
        )
