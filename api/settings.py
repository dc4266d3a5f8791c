"""Settings of the service, read from environment variables that begin with ``FBCLASS_``."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from api.schemas import MAX_COMMENTS, MAX_TEXT_LENGTH
from fbclass.errors import FbclassError

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class SettingsError(FbclassError):
    """A setting of the service breaks its rule."""


class Settings(BaseSettings):
    """``FBCLASS_PORT=9000`` sets ``port``, and so on; an empty variable counts as not set."""

    model_config = SettingsConfigDict(env_prefix="FBCLASS_", env_ignore_empty=True, frozen=True)

    model: Path | None = Field(default=None, description="model folder; none: the one that ships with fbclass")
    host: str = Field(default="127.0.0.1", description="address to listen on; only this machine's own for now")
    port: int = Field(default=8000, ge=0, le=65535, description="port to listen on; 0 takes any free one")
    threads: int | None = Field(default=None, ge=1, description="CPU threads for one batch; none: one per core")
    max_text_length: int = Field(
        default=MAX_TEXT_LENGTH, ge=1, le=MAX_TEXT_LENGTH, description="characters in one comment or question, at most"
    )
    max_batch: int = Field(default=MAX_COMMENTS, ge=1, le=MAX_COMMENTS, description="comments in one request, at most")
    max_body_bytes: int = Field(default=4 * 1024 * 1024, ge=1024, description="bytes in one request body, at most")
    batch_wait_ms: float = Field(
        default=2.0, ge=0, le=1000, description="milliseconds that a request waits for others to share its batch"
    )
    queue_limit: int = Field(default=1024, ge=1, description="comments waiting or being classified, at most; then 429")

    @model_validator(mode="after")
    def _a_full_list_fits_the_queue(self) -> Self:
        if self.queue_limit < self.max_batch:
            # Otherwise a list that the limits allow would be turned away for ever.
            raise ValueError(f"queue_limit must be at least max_batch ({self.max_batch}), got {self.queue_limit}")
        return self


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


def check_host(host: str) -> None:
    """Refuse to listen where other machines could reach the service: nothing asks them for a key yet."""
    if host not in LOOPBACK:
        raise SettingsError(
            f"the service cannot listen on {host}: it has no access keys yet, so only this machine may reach it; "
            f"set FBCLASS_HOST to one of {', '.join(LOOPBACK)} or leave it unset",
            f"服务不能监听 {host}:目前还没有访问密钥,只允许本机访问;"
            f"请把 FBCLASS_HOST 设为 {'、'.join(LOOPBACK)} 之一,或不设置",
        )
