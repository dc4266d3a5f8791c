"""``fbclass keys``: who may use the HTTP service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from fbclass.command.language import LocalCommand, LocalGroup, in_language, language_option

if TYPE_CHECKING:
    from fbclass.store.keys import ApiKey, KeyStore

SCOPES = ("classify", "submit", "read", "admin")  # those of fbclass.store.keys; help must not load a database


def command(language: str) -> click.Command:
    """Build the command with its help in ``language``."""
    say = in_language(language)

    @click.group(
        "keys",
        cls=LocalGroup,
        help=say(
            "管理 HTTP 服务的访问密钥。密钥只在创建时显示一次，数据库里只保存哈希。"
            "还没有创建过密钥时，服务只接受本机访问；创建第一个密钥后，所有请求都要带密钥。\n\n"
            "密钥存放在 FBCLASS_DATABASE_URL 指定的数据库里，应与服务使用的一致。",
            "Manage the access keys of the HTTP service. A key is shown once, when it is made; the database keeps only "
            "its hash. Until the first key is made, only this machine may use the service; from then on every request "
            "needs one.\n\nKeys are kept in the database that FBCLASS_DATABASE_URL names, the same as the service's.",
        ),
    )
    @language_option(language)
    def keys() -> None:
        pass

    keys.add_command(_create(language))
    keys.add_command(_list(language))
    keys.add_command(_revoke(language))
    made: click.Command = keys
    return made


def _create(language: str) -> click.Command:
    say = in_language(language)

    @click.command(
        "create",
        cls=LocalCommand,
        help=say(
            "创建密钥。NAME 说明由谁使用，例如“报修表单”。密钥写到标准输出，只有这一次。",
            "Make a key. NAME says who uses it, for example repair-form. The key goes to standard output, this once.",
        ),
    )
    @click.argument("name", metavar="NAME")
    @click.option(
        "--scope",
        "scopes",
        multiple=True,
        required=True,
        type=click.Choice(SCOPES),
        help=say(
            "权限，可重复：classify 识别，submit 提交，read 查看提交，admin 删除提交、更换模型",
            "what it may do; may be repeated: classify, submit, read (what is stored), admin (delete, change model)",
        ),
    )
    @click.option(
        "--days",
        type=click.IntRange(1, 3650),
        metavar="N",
        help=say("N 天后失效（默认不失效）", "ends after N days (default: never)"),
    )
    @click.option(
        "--rate",
        type=click.IntRange(1, 1_000_000),
        metavar="N",
        help=say(
            "每分钟最多 N 个请求（默认按服务的设置）", "at most N requests a minute (default: the service's setting)"
        ),
    )
    @language_option(language)
    def create(name: str, scopes: tuple[str, ...], days: int | None, rate: int | None) -> None:
        end = datetime.now(UTC) + timedelta(days=days) if days is not None else None
        key, shown = _store().create(name, scopes, rate=rate, expires_at=end)
        click.echo(shown)
        click.echo(
            say(
                f"已创建密钥 {key.id}（{name}）。请现在保存，之后无法再次查看。",
                f"Made key {key.id} ({name}). Keep it now, it cannot be shown again.",
            ),
            err=True,
        )

    return create


def _list(language: str) -> click.Command:
    say = in_language(language)

    @click.command(
        "list",
        cls=LocalCommand,
        help=say(
            "列出所有密钥：编号、名称、权限、状态、速率、创建时间，以制表符分隔。",
            "List all keys: id, name, scopes, state, rate, when it was made; separated by tabs.",
        ),
    )
    @language_option(language)
    def list_keys() -> None:
        for key in _store().list():
            cells = (key.id, key.name, ",".join(key.scopes), _state(key, language), str(key.rate or "-"))
            click.echo("\t".join((*cells, key.created_at.isoformat(timespec="seconds"))))

    return list_keys


def _revoke(language: str) -> click.Command:
    say = in_language(language)

    @click.command(
        "revoke",
        cls=LocalCommand,
        help=say(
            "撤销编号为 ID 的密钥，一两秒内生效，不能恢复。",
            "End the use of the key with this ID, for ever; it takes a second or two.",
        ),
    )
    @click.argument("key_id", metavar="ID")
    @language_option(language)
    def revoke(key_id: str) -> None:
        key = _store().revoke(key_id)
        click.echo(say(f"已撤销密钥 {key.id}（{key.name}）", f"Revoked key {key.id} ({key.name})"), err=True)

    return revoke


def _store() -> KeyStore:
    from fbclass.store.database import Database
    from fbclass.store.keys import KeyStore

    return KeyStore(Database.open())


def _state(key: ApiKey, language: str) -> str:
    say = in_language(language)
    if key.revoked_at is not None:
        return say("已撤销", "revoked")
    if not key.active(datetime.now(UTC)):
        return say("已过期", "expired")
    return say("有效", "active")
