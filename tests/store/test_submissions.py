from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fbclass.store import nonces, outbox
from fbclass.store.database import Database
from fbclass.store.submissions import Filter, NewSubmission, delete, delete_answer, get, insert, page


def prediction(*themes: str, sentiment: str = "negative", needs_review: bool = False) -> dict[str, Any]:
    return {
        "themes": [{"id": theme, "name": theme, "score": 0.9, "evidence": []} for theme in themes],
        "sentiment": {"label": sentiment, "scores": {}},
        "needs_review": needs_review,
    }


ONE = NewSubmission("wjx", "f1", "报销太慢", prediction("slow_response"), source_id="17", department="研发部")


def keep(database: Database, *new: NewSubmission, **options: Any) -> list[Any]:
    with database.write() as connection:
        return insert(connection, new, **options)


def listed(database: Database, **wanted: Any) -> list[str | None]:
    with database.read() as connection:
        return [found.text for found in page(connection, Filter(**wanted), limit=100)]


def test_what_is_kept_comes_back_whole(database: Database) -> None:
    when = datetime(2026, 3, 1, 9, 30, tzinfo=timezone(timedelta(hours=8)))
    ((kept, new),) = keep(database, replace(ONE, question="有什么意见？", submitted_at=when, item="q2"))
    assert new and len(kept.id) == 32
    with database.read() as connection:
        found = get(connection, kept.id)
    assert found == kept and found is not None
    assert (found.text, found.question, found.item, found.department) == ("报销太慢", "有什么意见？", "q2", "研发部")
    assert found.prediction == ONE.prediction and found.submitted_at == when
    assert abs(datetime.now(UTC) - found.received_at) < timedelta(minutes=1)


def test_the_same_source_id_is_kept_once(database: Database) -> None:
    ((first, _),) = keep(database, ONE)
    ((again, new),) = keep(database, ONE)
    assert (again, new) == (first, False)
    ((other, new),) = keep(database, replace(ONE, text="别的内容"))
    assert not new and other.fingerprint != replace(ONE, text="别的内容").fingerprint
    keep(database, replace(ONE, item="q2"), replace(ONE, form="f2"), replace(ONE, source="tencent"))
    keep(database, replace(ONE, source_id=None), replace(ONE, source_id=None))
    assert len(listed(database)) == 6


def test_an_idempotency_key_belongs_to_its_client(database: Database) -> None:
    keyed = replace(ONE, source_id=None, client="a", idempotency_key="k")
    ((first, _),) = keep(database, keyed)
    assert keep(database, keyed) == [(first, False)]
    ((other, new),) = keep(database, replace(keyed, client="b"))
    assert new and other.id != first.id


def test_replacing_changes_what_differs_and_removes_what_is_gone(database: Database) -> None:
    (first, _), (second, _) = keep(database, replace(ONE, item="q1"), replace(ONE, item="q2", text="沟通不畅"))
    changed = replace(ONE, item="q1", text="报销快了", prediction=prediction(sentiment="positive"))
    assert [new for _, new in keep(database, changed, mode="replace")] == [True]
    assert listed(database) == ["报销快了"]
    assert listed(database, theme="slow_response") == []
    assert [new for _, new in keep(database, changed, mode="replace")] == [False]
    with database.read() as connection:
        found = get(connection, first.id)
        assert found is not None and found.text == "报销快了"
        assert get(connection, second.id) is None
    keep(database, changed, replace(ONE, item="q2", text="沟通不畅"), mode="replace")
    assert listed(database) == ["沟通不畅", "报销快了"]


def test_a_partial_change_keeps_what_it_does_not_name(database: Database) -> None:
    keep(database, replace(ONE, item="q1", question="为什么？"), replace(ONE, item="q2", text="沟通不畅"))
    change = replace(ONE, item="q1", text="报销快了", department=None)
    ((row, changed),) = keep(database, change, mode="partial")
    assert changed and (row.text, row.question, row.department) == ("报销快了", "为什么？", "研发部")
    assert [new for _, new in keep(database, change, mode="partial")] == [False]
    assert listed(database) == ["沟通不畅", "报销快了"]


def test_filters_choose(database: Database) -> None:
    keep(
        database,
        replace(ONE, source_id="1", text="a"),
        replace(ONE, source_id="2", text="b", form="f2", prediction=prediction("goal_conflict", needs_review=True)),
        replace(
            ONE, source_id="3", text="c", source="api", department=None, prediction=prediction(sentiment="positive")
        ),
    )
    now = datetime.now(UTC)
    assert listed(database) == ["c", "b", "a"]
    assert listed(database, form="f1") == ["c", "a"]
    assert listed(database, source="wjx", source_id="2") == ["b"]
    assert listed(database, theme="goal_conflict") == ["b"]
    assert listed(database, sentiment="positive") == ["c"]
    assert listed(database, needs_review=True) == ["b"] and listed(database, needs_review=False) == ["c", "a"]
    assert listed(database, department="研发部") == ["b", "a"]
    assert listed(database, since=now) == [] and len(listed(database, until=now)) == 3
    assert listed(database, since=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))) == ["c", "b", "a"]


def test_pages_lose_and_repeat_nothing_while_more_arrives(database: Database) -> None:
    keep(database, *(replace(ONE, source_id=str(i), text=str(i)) for i in range(7)))
    for oldest_first in (False, True):
        seen: list[str | None] = []
        after = None
        while True:
            with database.read() as connection:
                rows = page(connection, Filter(), limit=3, after=after, oldest_first=oldest_first)
            if not rows:
                break
            seen += [row.text for row in rows]
            after = rows[-1].seq
            if len(seen) == 3 and not oldest_first:
                keep(database, replace(ONE, source_id="late", text="late"))
        expected = [str(i) for i in range(7)]
        assert seen == ([*expected, "late"] if oldest_first else expected[::-1])


def test_a_deleted_submission_is_gone_for_good_and_stays_gone(database: Database) -> None:
    ((kept, _),) = keep(database, ONE, announce=True)
    with database.write() as connection:
        assert delete(connection, kept.id)
        assert delete(connection, kept.id)
        assert not delete(connection, "nothing")
    assert listed(database) == [] and listed(database, theme="slow_response") == []
    ((again, new),) = keep(database, ONE)
    assert not new and again.deleted_at is not None and again.text is None
    ((again, new),) = keep(database, ONE, mode="replace")
    assert not new and again.text is None
    with database.read() as connection:
        assert outbox.count(connection) == (0, 0)
        everything = connection.exec_driver_sql("select * from submissions").one()
    assert not {"报销太慢", "研发部", ONE.fingerprint} & {str(value) for value in everything}


def test_a_deleted_answer_refuses_what_comes_late(database: Database) -> None:
    keep(database, replace(ONE, item="q1"), replace(ONE, item="q2"))
    with database.write() as connection:
        assert delete_answer(connection, "wjx", "f1", "17") == 2
        assert delete_answer(connection, "wjx", "f1", "17") == 0
        assert delete_answer(connection, "wjx", "f1", "never seen") == 0
    for late in (replace(ONE, item="q3"), replace(ONE, source_id="never seen")):
        for as_update in (False, True):
            ((row, new),) = keep(database, late, mode="replace" if as_update else "add")
            assert not new and row.deleted_at is not None
    assert listed(database) == []


def test_deleted_text_is_in_no_file_any_more(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'x.db'}")
    texts = {"short": "短句里有秘密" + "x", "long": "很长的秘密" * 3000}
    kept = [keep(database, replace(ONE, source_id=name, text=text))[0][0] for name, text in texts.items()]
    keep(database, *(replace(ONE, source_id=f"other {i}", text="别的" * 200) for i in range(50)))

    def on_disk(text: str) -> bool:
        return any(text.encode() in file.read_bytes() for file in tmp_path.iterdir())

    assert on_disk("短句里有秘密") and on_disk("很长的秘密很长的秘密")
    with database.write() as connection:
        for row in kept:
            delete(connection, row.id)
    database.erase()
    assert not on_disk("短句里有秘密") and not on_disk("很长的秘密") and on_disk("别的")
    database.close()


def test_erasing_works_on_both(database: Database) -> None:
    database.erase()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40),
    when=st.datetimes(timezones=st.timezones() | st.just(timezone(timedelta(hours=14)))),
)
def test_any_text_and_any_time_come_back(database: Database, text: str, when: datetime) -> None:
    ((kept, _),) = keep(database, replace(ONE, source_id=None, text=text, submitted_at=when))
    assert kept.text == text and kept.submitted_at is not None
    if 1 < when.year < 9999:
        assert kept.submitted_at == when


def test_an_event_waits_with_its_submission_and_is_claimed_once(database: Database) -> None:
    keep(database, ONE, announce=True)
    lease = timedelta(seconds=60)
    with database.write() as connection:
        (delivery,) = outbox.claim(connection, limit=9, lease=lease)
        assert outbox.claim(connection, limit=9, lease=lease) == []
        assert delivery.attempts == 1
        outbox.failed(connection, delivery, "503", again_at=datetime.now(UTC))
        (delivery,) = outbox.claim(connection, limit=9, lease=lease)
        assert delivery.attempts == 2
        outbox.failed(connection, delivery, "503", again_at=None)
        assert outbox.count(connection) == (0, 1)
        (dead,) = outbox.list_dead(connection, limit=9)
        assert (dead.event, dead.attempts, dead.reason) == (delivery.event, 2, "503")
        assert outbox.revive(connection) == 1
        (again,) = outbox.claim(connection, limit=9, lease=lease)
        assert (again.event, again.attempts) == (delivery.event, 1)
        outbox.delivered(connection, again)
        assert outbox.count(connection) == (0, 0)


def test_a_nonce_is_new_once_until_its_time_is_over(database: Database) -> None:
    with database.write() as connection:
        assert nonces.first_time(connection, "a", "1", timedelta(minutes=5))
        assert not nonces.first_time(connection, "a", "1", timedelta(minutes=5))
        assert nonces.first_time(connection, "b", "1", timedelta(0))
        assert nonces.first_time(connection, "b", "1", timedelta(0))
        rows = connection.execute(sa.text("select count(*) from nonces")).scalar()
    assert rows == 2
