"""What is packed for COPY arrives in the database as what it was."""

from __future__ import annotations

import struct
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from snapshots import bulk, wire
from snapshots.database import Database

COLUMNS = {
    "flag": "boolean", "n": "bigint", "at": "timestamptz", "day": "date", "word": "text", "doc": "jsonb"
}  # fmt: skip
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=zones)
rows = st.tuples(
    st.booleans(),
    st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
    st.one_of(st.none(), instants),
    st.one_of(st.none(), st.dates()),
    st.one_of(st.none(), st.text(st.characters(codec="utf-8", exclude_characters="\x00"))),
    st.sampled_from([None, b'{"a": [1, "\xc3\xa4"]}', b"[]"]),
)
_begin = wire.packer(">hi?")


def _packed(row: tuple) -> bytes:
    flag, n, at, day, word, doc = row
    head = _begin(len(COLUMNS), 1, flag)
    return head + wire.bigint(n) + wire.instant(at) + wire.day(day) + wire.text(word) + wire.jsonb(doc)


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(rows, max_size=12))
def test_what_is_packed_arrives_as_it_was(database: Database, told: list[tuple]) -> None:
    with database.as_owner() as connection:
        bulk.stage_ready(connection, "packed", COLUMNS, b"".join(map(_packed, told)))
        found = connection.execute(text("SELECT flag, n, at, day, word, doc::text FROM packed")).all()
    expected = [(*row[:5], row[5].decode() if row[5] is not None else None) for row in told]
    assert [tuple(row) for row in found] == expected


def test_more_than_one_block_arrives_whole(database: Database) -> None:
    words = [f"{n} {'x' * 3_000}" for n in range(1_500)]
    with database.as_owner() as connection:
        bulk.stage_ready(
            connection,
            "packed",
            COLUMNS,
            b"".join(_packed((True, n, None, None, words[n], None)) for n in range(1_500)),
        )
        assert connection.execute(text("SELECT word FROM packed ORDER BY n")).scalars().all() == words


def test_both_ends_of_time_are_infinite(database: Database) -> None:
    row = _begin(5, 1, True)
    for instant in (wire.BEGINNING, wire.FOREVER, wire.micros(datetime.min.replace(tzinfo=UTC))):
        row += wire.bigint(instant)
    row += wire.packer(">ii")(4, wire.days(None))
    columns = {"flag": "boolean", "a": "timestamptz", "b": "timestamptz", "c": "timestamptz", "d": "date"}
    with database.as_owner() as connection:
        bulk.stage_ready(connection, "packed", columns, row)
        (found,) = connection.execute(text("SELECT a::text, b::text, c::text, d::text FROM packed")).all()
    assert tuple(found) == ("-infinity", "infinity", "-infinity", "-infinity")


def test_days_are_counted_alike() -> None:
    assert [wire.days(date(2000, 1, 1)), wire.days(date(1999, 12, 31)), wire.days(date(1, 1, 1))] == [
        0,
        -1,
        wire.NO_DAY,
    ]


def test_a_number_of_more_than_64_bits_is_refused() -> None:
    with pytest.raises(struct.error):
        wire.bigint(2**63)
