"""The analyst's door lets nothing be written, shows one organization, and hands out frames as they are described."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pandas as pd
import psycopg
import pytest
from made_crm import BORN, Clock, MadeCrm, activity, connect, lead, sync
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from snapshots import analyst as analyst_module
from snapshots import schema, tables
from snapshots.analyst import Analyst, NothingToReadError, open_analyst
from snapshots.database import Database

FRAMES = {
    "deals": tables.DEALS,
    "stage_events": tables.STAGE_EVENTS,
    "activities_per_day": tables.ACTIVITY_COUNTS,
    "leads": tables.LEADS,
    "owners": tables.OWNERS,
    "rates": tables.RATES,
}
BORN_DAY = BORN.date()


def read(database: Database, organization: int, crm: MadeCrm, at: datetime) -> None:
    assert sync(database, organization, connect(database, organization), crm, Clock(at)).status == "succeeded"


def small_crm() -> MadeCrm:
    crm = MadeCrm(page_size=50)
    crm.create("a", BORN, owner="o1")
    crm.create("b", BORN + timedelta(days=1), owner="o2", amount_minor=None)
    crm.move("a", BORN + timedelta(days=5), "s2")
    crm.move("a", BORN + timedelta(days=9), "won")
    crm.add(lead("l1", BORN), lead("l2", None))
    crm.add(activity("c1", BORN + timedelta(days=2)), activity("c2", BORN + timedelta(days=30)))
    return crm


@pytest.fixture
def door(database: Database, organization: int) -> Iterator[Analyst]:
    read(database, organization, small_crm(), BORN + timedelta(days=20))
    opened = open_analyst(database.url, organization="Acme")
    yield opened
    opened.close()


@pytest.mark.parametrize("statement", ["UPDATE deals SET name = 'x'", "DELETE FROM leads", "CREATE TABLE t (x int)"])
def test_the_database_refuses_every_write(door: Analyst, statement: str) -> None:
    with (
        pytest.raises(DBAPIError) as refused,
        door.reader.database.as_app(door.organization.organization_id) as connection,
    ):
        connection.execute(text(statement))
    assert isinstance(refused.value.orig, psycopg.errors.ReadOnlySqlTransaction)


def test_the_refusal_cannot_be_turned_off(door: Analyst) -> None:
    with (
        pytest.raises(DBAPIError),
        door.reader.database.as_app(door.organization.organization_id) as connection,
    ):
        connection.execute(text("SET TRANSACTION READ WRITE"))


def test_there_is_no_way_to_another_role(door: Analyst) -> None:
    for way in (door.reader.database.as_worker, door.reader.database.as_owner):
        with pytest.raises(PermissionError):
            way()


def test_reads_run_under_the_role_that_sees_one_organization(door: Analyst) -> None:
    with door.reader.database.as_app(door.organization.organization_id) as connection:
        assert connection.execute(text("SELECT current_user")).scalar_one() == "slms_app"


def test_another_organization_is_invisible(database: Database, door: Analyst, other_organization: int) -> None:
    read(database, other_organization, small_crm(), BORN + timedelta(days=20))
    with door.reader.database.as_app(door.organization.organization_id) as connection:
        for table in schema.metadata.tables.values():
            seen = connection.execute(text(f"SELECT DISTINCT organization_id FROM {table.name}")).scalars()
            assert set(seen) <= {door.organization.organization_id}, table.name
    outside = open_analyst(database.url, organization="Outsiders")
    assert not set(outside.deals()["deal_id"]) & set(door.deals()["deal_id"])
    outside.close()


@pytest.mark.parametrize(("method", "columns"), FRAMES.items())
def test_frames_have_the_columns_and_types_that_are_described(
    door: Analyst, method: str, columns: dict[str, str]
) -> None:
    frame = getattr(door, method)()
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == columns
    assert len(frame) or method == "rates"
    nothing_yet = getattr(door.at(date(2000, 1, 1)), method)()
    assert {name: str(kind) for name, kind in nothing_yet.dtypes.items()} == columns


def test_deals_are_as_they_were_at_the_end_of_the_day(door: Analyst) -> None:
    def stands(days: int) -> dict[str, tuple[str, str]]:
        frame = door.at(BORN_DAY + timedelta(days=days)).deals()
        return {row.name: (row.status, row.stage) for row in frame.itertuples(index=False)}

    assert stands(-1) == {}
    assert stands(0) == {"Deal a": ("open", "S1")}
    assert stands(5) == {"Deal a": ("open", "S2"), "Deal b": ("open", "S1")}
    assert stands(20) == {"Deal a": ("won", "Won"), "Deal b": ("open", "S1")}


def test_an_amount_that_was_not_given_is_missing_and_not_zero(door: Analyst) -> None:
    amounts = door.deals().set_index("name")["amount_minor"]
    assert amounts["Deal a"] == 100_00
    assert amounts["Deal b"] is pd.NA


def test_stage_events_tell_the_way_of_a_deal_up_to_the_day(door: Analyst) -> None:
    def way(frame: pd.DataFrame) -> list[tuple[object, object]]:
        mine = frame[frame["deal_id"] == frame["deal_id"].iloc[0]]
        return [(None if row.from_stage is None else row.from_stage, row.stage) for row in mine.itertuples()]

    assert way(door.stage_events()) == [(None, "S1"), ("S1", "S2"), ("S2", "Won")]
    assert way(door.at(BORN_DAY + timedelta(days=8)).stage_events()) == [(None, "S1"), ("S1", "S2")]
    assert set(door.stage_events(BORN_DAY + timedelta(days=6))["stage"]) == {"Won"}


def test_activities_of_days_to_come_do_not_count(door: Analyst) -> None:
    assert door.activities_per_day()["n"].sum() == 1
    assert door.at(BORN_DAY + timedelta(days=40)).activities_per_day()["n"].sum() == 2


def test_undated_leads_belong_to_no_day_and_are_not_dropped(door: Analyst) -> None:
    assert sorted(door.leads()["created_day"].isna()) == [False, True]
    assert len(door.leads(first=date(2000, 1, 1))) == 1


def test_owners_carry_their_team(door: Analyst) -> None:
    assert dict(zip(door.owners()["name"], door.owners()["team"], strict=True)) == {
        "Owner 1": "Team 2",
        "Owner 2": "Team 1",
        "Owner 3": "Team 2",
    }


def test_many_rows_come_whole(door: Analyst, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {name: getattr(door, name)() for name in ("deals", "leads")}
    monkeypatch.setattr(analyst_module, "_ROWS_AT_ONCE", 1)
    for name, frame in whole.items():
        pd.testing.assert_frame_equal(getattr(door, name)(), frame)


def test_without_a_day_the_newest_sync_tells_it(database: Database, organization: int, door: Analyst) -> None:
    assert door.as_of == BORN_DAY + timedelta(days=20)
    read(database, organization, small_crm(), BORN + timedelta(days=22, hours=13))
    assert open_analyst(database.url).as_of == BORN_DAY + timedelta(days=22)
    read(database, organization, small_crm(), BORN + timedelta(days=22, hours=14))  # midnight in Berlin
    assert open_analyst(database.url).as_of == BORN_DAY + timedelta(days=23)


def test_an_old_export_ends_where_its_data_end(database: Database, organization: int) -> None:
    read(database, organization, small_crm(), BORN + timedelta(days=500))
    assert open_analyst(database.url).as_of == BORN_DAY + timedelta(days=30)


def test_filled_opens_before_empty_and_own_before_sample_data(
    database: Database, organization: int, other_organization: int
) -> None:
    read(database, other_organization, small_crm(), BORN)
    assert open_analyst(database.url).organization.name == "Outsiders"
    read(database, organization, small_crm(), BORN)
    assert open_analyst(database.url).organization.name == "Acme"
    with database.as_worker() as connection:
        connection.execute(text("UPDATE organizations SET is_sample = organization_id = :id"), {"id": organization})
    assert open_analyst(database.url).organization.name == "Outsiders"


def test_what_is_not_there_is_said_in_a_sentence(database: Database) -> None:
    with pytest.raises(NothingToReadError, match="holds no organization"):
        open_analyst(database.url)


def test_an_unknown_name_and_an_organization_that_was_never_read_are_told_apart(
    database: Database, organization: int
) -> None:
    with pytest.raises(NothingToReadError, match="no organization 'Acmee'; there are: Acme"):
        open_analyst(database.url, organization="Acmee")
    with pytest.raises(NothingToReadError, match="never read to the end"):
        open_analyst(database.url)
    assert open_analyst(database.url, as_of=BORN_DAY).deals().empty
