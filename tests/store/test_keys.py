from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fbclass.errors import InputError
from fbclass.store.database import Database
from fbclass.store.keys import SCOPES, KeyStore, matches, split


def test_a_key_is_shown_once_and_kept_as_a_hash(database: Database) -> None:
    made, key = KeyStore(database).create("报修表单", ["submit", "classify"])
    assert made.scopes == ("classify", "submit")
    (kept,) = KeyStore(database).list()
    assert kept == made and kept.active(datetime.now(UTC))
    found = split(key)
    assert found is not None and found[0] == kept.id and matches(kept, found[1])
    secret = key.removeprefix(f"fbc_{kept.id}_")
    with database.read() as connection:
        (row,) = connection.exec_driver_sql("select * from api_keys").all()
    assert secret not in repr(row) and len(kept.hash) == 64


def test_another_secret_does_not_match(database: Database) -> None:
    store = KeyStore(database)
    (first, _), (_, other) = (store.create(name, ["read"]) for name in "ab")
    found = split(other)
    assert found is not None and not matches(first, found[1])


@pytest.mark.parametrize(
    "text", ["", "fbc_", "fbc_0123456789ab_", "Bearer x", "fbc_0123456789ab_" + "é" * 43, "a" * 9999]
)
def test_what_cannot_be_a_key_is_none(text: str) -> None:
    assert split(text) is None


def test_a_revoked_key_stays_revoked_and_listed(database: Database) -> None:
    store = KeyStore(database)
    made, _ = store.create("a", ["read"])
    ended = store.revoke(made.id)
    assert not ended.active(datetime.now(UTC))
    assert store.revoke(made.id).revoked_at == ended.revoked_at
    assert store.list() == (ended,)
    with pytest.raises(InputError, match="no key nothing"):
        store.revoke("nothing")


def test_a_key_ends_at_its_time(database: Database) -> None:
    end = datetime.now(UTC) + timedelta(days=1)
    made, _ = KeyStore(database).create("a", ["read"], expires_at=end, rate=60)
    assert made.active(end - timedelta(seconds=1)) and not made.active(end)
    assert KeyStore(database).list()[0].rate == 60


@pytest.mark.parametrize(
    ("name", "scopes", "options", "said"),
    [
        ("a", [], {}, ", ".join(SCOPES)),
        ("a", ["everything"], {}, "everything"),
        ("", ["read"], {}, "name"),
        ("a\nb", ["read"], {}, "name"),
        ("a", ["read"], {"rate": 0}, "rate 0"),
    ],
)
def test_what_cannot_be_made_is_refused(
    database: Database, name: str, scopes: Sequence[str], options: Any, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        KeyStore(database).create(name, scopes, **options)
    assert KeyStore(database).list() == ()
