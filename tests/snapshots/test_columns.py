"""Numbers come out as they are in the database, by what their rows have in common."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from snapshots import columns, wire
from snapshots.database import Database
from snapshots.local_days import LAST_DAY, local_days

ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia", "America/Sao_Paulo")
QUICK = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_a_row_has_its_numbers_and_what_its_group_has_in_common(database: Database) -> None:
    query = (
        "SELECT * FROM (VALUES ('open', true, 5::bigint, timestamptz '-infinity', date '2026-02-03'), "
        "(NULL, false, -7, timestamptz '2026-02-03 12:00+00', date '-infinity'), "
        "('open', true, 9, timestamptz 'infinity', date '1999-12-31')) v (status, is_new, id, at, day)"
    )
    with database.as_owner() as connection:
        found = columns.gathered(connection, query, {}, common=["status", "is_new"], numbers=["id", "at", "day"])
    rows = sorted(zip(*(found.numbers[name].tolist() for name in ("id", "at", "day")), found.each("status").tolist(),
                      found.each("is_new", bool).tolist(), strict=True))  # fmt: skip
    noon = wire.micros(datetime(2026, 2, 3, 12, tzinfo=UTC))
    assert rows == [
        (-7, noon, wire.NO_DAY, None, False),
        (5, wire.BEGINNING, wire.days(date(2026, 2, 3)), "open", True),
        (9, wire.FOREVER, -1, "open", True),
    ]


def test_a_number_that_is_missing_is_no_number(database: Database) -> None:
    with database.as_owner() as connection, pytest.raises(ValueError, match="null"):
        columns.gathered(connection, "SELECT 1 AS one, NULL::bigint AS id", {}, common=["one"], numbers=["id"])


def test_of_no_rows_there_are_columns_without_any(database: Database) -> None:
    with database.as_owner() as connection:
        found = columns.gathered(connection, "SELECT 1 AS one, 2::bigint AS id WHERE false", {}, common=["one"],
                                 numbers=["id"])  # fmt: skip
    assert (len(found), found.numbers["id"].tolist(), found.each("one").tolist()) == (0, [], [])


@QUICK
@given(
    zone=st.sampled_from(ZONES),
    instants=st.lists(st.datetimes(datetime(1990, 1, 1), datetime(2037, 12, 31)), min_size=1, max_size=40),
)
def test_a_day_is_the_one_that_the_database_says(database: Database, zone: str, instants: list[datetime]) -> None:
    known = [at.replace(tzinfo=UTC) for at in instants]
    query = text("SELECT (at AT TIME ZONE :zone)::date FROM unnest(cast(:at AS timestamptz[])) WITH ORDINALITY AS t "
                 "(at, n) ORDER BY n")  # fmt: skip
    with database.as_owner() as connection:
        days = connection.execute(query, {"zone": zone, "at": known}).scalars().all()
    found = local_days(np.array([wire.micros(at) for at in known]), ZoneInfo(zone))
    assert found.tolist() == [wire.days(day) for day in days]


def test_the_ends_of_time_are_days_of_their_own() -> None:
    ends = np.array([wire.BEGINNING, 0, wire.FOREVER])
    assert local_days(ends, ZoneInfo("Europe/Berlin")).tolist() == [wire.NO_DAY, 0, LAST_DAY]
    assert local_days(ends[[0, 2]], ZoneInfo("Europe/Berlin")).tolist() == [wire.NO_DAY, LAST_DAY]


def test_what_has_the_same_in_common_is_one_group_of_all_parts(database: Database) -> None:
    of = "SELECT * FROM (VALUES {0}) v (status, id)"
    with database.as_owner() as connection:
        parts = [
            columns.gathered(connection, of.format(rows), {}, common=["status"], numbers=["id"])
            for rows in ("('open', 1::bigint), ('won', 2)", "('won', 3::bigint), ('lost', 4), ('open', 5)")
        ]
        nothing = columns.gathered(connection, f"{of.format('(1::text, 1::bigint)')} WHERE false", {},
                                   common=["status"], numbers=["id"])  # fmt: skip
    found = columns.joined([*parts, nothing])
    assert sorted(one["status"] for one in found.groups) == ["lost", "open", "won"]
    assert dict(zip(found.numbers["id"].tolist(), found.each("status").tolist(), strict=True)) == {
        1: "open", 2: "won", 3: "won", 4: "lost", 5: "open"
    }  # fmt: skip
