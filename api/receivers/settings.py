"""Which forms may deliver here: a TOML file named by ``FBCLASS_RECEIVERS``, one table for each form.

    [hr-2026]                          # POST /v1/receivers/wjx/hr-2026
    platform = "wjx"
    key = "env:WJX_KEY"                # or "file:/run/secrets/wjx", or the secret itself
    department = "q1"
    departments = { "1" = "采购部", "2" = "财务部" }
    comments = { q3 = "对其他部门有什么意见？" }

``docs/forms.md`` lists the fields of every platform.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from api.schemas import MAX_ID_LENGTH, MAX_TEXT_LENGTH
from api.settings import SettingsError

SHORTEST_SECRET = 16  # characters of a secret that we choose ourselves; a platform's own may be shorter
_NAME = re.compile(r"[a-z0-9][a-z0-9_\-]{0,63}")


def _secret(value: Any) -> Any:
    """``env:NAME`` and ``file:PATH`` name where a secret is kept."""
    if isinstance(value, str) and value.startswith("env:"):
        found = os.environ.get(value[4:])
        if not found:
            raise ValueError(f"the environment variable {value[4:]} is not set")
        return found
    if isinstance(value, str) and value.startswith("file:"):
        try:
            return Path(value[5:]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise ValueError(f"the file {value[5:]} cannot be read") from None
    return value


Secret = Annotated[SecretStr, BeforeValidator(_secret), Field(min_length=1)]
OwnSecret = Annotated[SecretStr, BeforeValidator(_secret), Field(min_length=SHORTEST_SECRET)]
FieldName = Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH)]


class Connection(BaseModel):
    """What every connected form has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: OwnSecret | None = Field(None, description="asked for as ?token=… in the address, besides any signature")


class FormConnection(Connection):
    """A form whose fields are chosen by id: nothing else of what it sends is kept."""

    identity: ClassVar[frozenset[str]] = frozenset()  # fields of this platform that say who a person is

    comments: dict[FieldName, Annotated[str, Field(max_length=MAX_TEXT_LENGTH)]] = Field(
        min_length=1, max_length=50, description="id of each open question, and its wording (may be empty)"
    )
    department: FieldName | None = Field(None, description="id of the question that names the department")
    departments: dict[str, Annotated[str, Field(max_length=MAX_ID_LENGTH)]] = Field(
        default_factory=dict, description="name for each option of that question; others are kept as they come"
    )

    @model_validator(mode="after")
    def _takes_nobodys_identity(self) -> Self:
        for name in (*self.comments, self.department or ""):
            if name.casefold() in self.identity:
                raise ValueError(f"{name} says who a person is and is never kept; remove it")
        return self

    def department_name(self, answer: str) -> str | None:
        """The department that an answer names."""
        return self.departments.get(answer, answer) or None


class ReceiverSettings(BaseSettings):
    """``FBCLASS_RECEIVERS``: the file, none when no form delivers here."""

    model_config = SettingsConfigDict(env_prefix="FBCLASS_", env_ignore_empty=True, frozen=True)

    receivers: Path | None = Field(default=None, description="TOML file of the forms that may deliver here; none: none")


def read_connections(file: Path, platforms: Mapping[str, type[Connection]]) -> dict[tuple[str, str], Connection]:
    """Connections by (platform, name); ``SettingsError`` names file, table, field and rule."""
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            f"{file}, which FBCLASS_RECEIVERS names, cannot be read as TOML in UTF-8 ({error}): correct it",
            f"FBCLASS_RECEIVERS 指定的文件 {file} 不是可读的 UTF-8 TOML 文件({error}):请改正",
        ) from error
    found: dict[tuple[str, str], Connection] = {}
    for name, table in tables.items():
        if not _NAME.fullmatch(name) or not isinstance(table, dict):
            raise SettingsError(
                f"{file}: [{name}] must be a table named in lower-case letters, digits, - and _: rename it",
                f"{file}:[{name}] 应是以小写字母、数字、- 或 _ 命名的表:请改名",
            )
        platform = table.pop("platform", None)
        if platform not in platforms:
            known = ", ".join(platforms)
            raise SettingsError(
                f"{file}: platform of [{name}] is {platform!r} and must be one of {known}: correct it",
                f"{file}:[{name}] 的 platform 是 {platform!r},应为 {known} 之一:请改正",
            )
        try:
            found[platform, name] = platforms[platform].model_validate(table)
        except ValidationError as error:
            first = error.errors(include_input=False)[0]  # the input may be a secret
            where = ".".join(str(part) for part in first["loc"]) or "comments"
            rule = first["msg"].removeprefix("Value error, ")
            raise SettingsError(
                f"{file}: {where} of [{name}] cannot be used: {rule}; correct it",
                f"{file}:[{name}] 的 {where} 无效({rule}):请改正",
            ) from None
    return found
