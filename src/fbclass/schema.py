"""The theme schema: which themes there are, what each one means, and what to do about it.

One YAML file (``data/themes.yaml``) is read by training, serving and reports. Ids are stable ASCII
keys that labels and scores refer to; names may change.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from fbclass.errors import SchemaError

_ID = re.compile(r"[a-z][a-z0-9_]{1,39}")
_LISTS = ("counts", "does_not_count", "examples", "actions_zh", "actions_en")


@dataclass(frozen=True, slots=True)
class ThemeDefinition:
    """One theme, with names and texts in Chinese and English."""

    id: str
    name_zh: str
    name_en: str
    definition_zh: str
    definition_en: str
    counts: tuple[str, ...]  # what is tagged, in Chinese: labellers read it
    does_not_count: tuple[str, ...]
    examples: tuple[str, ...]
    actions_zh: tuple[str, ...]
    actions_en: tuple[str, ...]
    retired: bool = False

    def name(self, language: str) -> str:
        """The theme's name in "zh" or "en"."""
        return self.name_zh if language == "zh" else self.name_en


@dataclass(frozen=True, slots=True)
class ThemeSchema:
    """The themes in the order of the schema file."""

    version: str
    themes: tuple[ThemeDefinition, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the themes in use, in order; retired ones are left out."""
        return tuple(theme.id for theme in self.themes if not theme.retired)

    @property
    def hash(self) -> str:
        """SHA-256 over the ids in use: what a model's outputs depend on. Renaming keeps it."""
        return hashlib.sha256("\n".join(self.ids).encode()).hexdigest()

    def __getitem__(self, theme_id: str) -> ThemeDefinition:
        for theme in self.themes:
            if theme.id == theme_id:
                return theme
        raise KeyError(theme_id)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as ``from_dict`` reads it."""
        data: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return data

    @classmethod
    def from_dict(cls, data: Any, source: str = "schema") -> ThemeSchema:
        """Check and build a schema; ``SchemaError`` names what is wrong and where (``source``)."""
        if not isinstance(data, dict) or not isinstance(data.get("themes"), list) or not data["themes"]:
            raise SchemaError(
                f"{source} has no list named themes: give it a version and at least one theme",
                f"{source} 里没有 themes 列表：请写上 version 和至少一个主题",
            )
        themes = tuple(_theme(entry, position, source) for position, entry in enumerate(data["themes"], 1))
        ids = [theme.id for theme in themes]
        twice = next((i for i in ids if ids.count(i) > 1), None)
        if twice:
            raise SchemaError(
                f"{source} defines the theme id {twice} twice: ids must be unique, rename one",
                f"{source} 里主题 id {twice} 出现了两次：id 不能重复，请改掉一个",
            )
        if all(theme.retired for theme in themes):
            raise SchemaError(
                f"{source}: every theme is retired: keep at least one in use",
                f"{source}：所有主题都已停用：请至少保留一个在用的主题",
            )
        return cls(version=str(data.get("version", "1")), themes=themes)

    @classmethod
    def load(cls, path: str | Path) -> ThemeSchema:
        """Read a schema file (YAML)."""
        try:
            data = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
            raise SchemaError(
                f"the theme schema {path} cannot be read ({error}): check that it exists and is valid YAML",
                f"主题文件 {path} 读不出来（{error}）：请检查文件是否存在、YAML 格式是否正确",
            ) from error
        return cls.from_dict(data, str(path))


def _theme(entry: Any, position: int, source: str) -> ThemeDefinition:
    where = f"{source}, theme {position}"
    fields = ThemeDefinition.__dataclass_fields__
    missing = [n for n in fields if n != "retired" and n not in entry] if isinstance(entry, dict) else list(fields)
    unknown = [n for n in entry if n not in fields] if isinstance(entry, dict) else []
    if missing or unknown:
        raise SchemaError(
            f"{where}: missing {missing}, unknown {unknown}; every theme has exactly the fields {list(fields)}",
            f"{where}：缺少字段 {missing}，多出字段 {unknown}；每个主题的字段是 {list(fields)}",
        )
    if not _ID.fullmatch(str(entry["id"])):
        raise SchemaError(
            f"{where}: the id {entry['id']!r} must be 2 to 40 lower-case letters, digits or _, starting with a letter",
            f"{where}：id {entry['id']!r} 只能用 2 到 40 个小写字母、数字或下划线，且以字母开头",
        )
    for name, value in entry.items():
        if not _fits(name, value):
            kind = "a list of texts" if name in _LISTS else "true or false" if name == "retired" else "a text"
            kind_zh = "文字列表" if name in _LISTS else "true 或 false" if name == "retired" else "一段文字"
            raise SchemaError(
                f"{where}: {name} is {value!r}, it must be {kind}; put text with a colon in quotes",
                f"{where}：{name} 的值是 {value!r}，应为{kind_zh}；含冒号的文字请加引号",
            )
    values: dict[str, Any] = {n: tuple(value) if isinstance(value, list) else value for n, value in entry.items()}
    return ThemeDefinition(**values)


def _fits(name: str, value: Any) -> bool:
    if name == "retired":
        return isinstance(value, bool)
    if name in _LISTS:
        return isinstance(value, list) and bool(value) and all(isinstance(v, str) and v.strip() for v in value)
    return isinstance(value, str) and bool(value.strip())
