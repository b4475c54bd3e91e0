"""Days are the organization's: around midnight, on days of 23 and 25 hours, after a move, and tomorrow."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_crm import Clock, MadeCrm, activity, lead
from sqlalchemy import text
from stored_crm import Stored
from stored_state import state_of

from adapters.records import Activity, ActivityKind, Kind
from insights.metrics import weighted_pipeline
from snapshots import rollups
from snapshots.database import Database
from snapshots.organizations import UnknownTimeZone, change_settings, create_organization, get_organization
from snapshots.rows import DealSet, activity_rows, deal_rows
from snapshots.slices import Slice
from snapshots.sync import Progress

ODD_DAYS = [
    ("Europe/Berlin", date(2026, 3, 29), 23),
    ("Europe/Berlin", date(2026, 10, 25), 25),
    ("America/New_York", date(2026, 3, 8), 23),
    ("America/New_York", date(2026, 11, 1), 25),
    ("America/Sao_Paulo", date(2018, 11, 4), 23),  # this day had no midnight
    ("America/Havana", date(2026, 11, 1), 25),  # and this one had two
    ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
    ("Asia/Kolkata", date(2026, 3, 29), 24),
    ("Pacific/Kiritimati", date(2026, 3, 29), 24),
]
ONE_DAY = timedelta(days=1)


def _bounds(zone: str, day: date) -> tuple[datetime, datetime]:
    """The first instants of a day and of the next, found by looking at the clock on the wall."""
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=15)
    instants = [at + timedelta(minutes=30 * n) for n in range(160)]
    inside = [one for one in instants if one.astimezone(ZoneInfo(zone)).date() == day]
    return inside[0], inside[-1] + timedelta(minutes=30)


def _stored(database: Database, zone: str, name: str = "Somewhere") -> Stored:
    made = create_organization(database, name, time_zone=zone, default_currency="EUR")
    return Stored(database, made.organization_id, MadeCrm(page_size=7), Clock(datetime(2026, 12, 20, tzinfo=UTC)))


def _on(day: date, as_of: date | None = None) -> Slice:
    return Slice(first_day=day, last_day=day, as_of=as_of or day)


def _until(day: date) -> Slice:
    return Slice(first_day=None, last_day=day, as_of=day)


@pytest.mark.parametrize(("zone", "day", "hours"), ODD_DAYS)
def test_a_day_has_the_hours_that_it_has_there(database: Database, zone: str, day: date, hours: float) -> None:
    stored = _stored(database, zone)
    start, end = _bounds(zone, day)
    assert end - start == timedelta(hours=hours)
    halves = [start + timedelta(minutes=30 * n) for n in range(-3, int(2 * hours) + 3)]
    stored.crm.add(*(activity(f"x{n}", at) for n, at in enumerate(halves)))
    stored.crm.add(*(lead(f"l{n}", at) for n, at in enumerate(halves)))
    stored.sync(400)
    assert stored.activities(_on(day)) == len(activity_rows(stored.reader(), _on(day)).rows) == 2 * hours
    assert stored.leads(_on(day)) == 2 * hours
    counts = stored.reader().activity_counts(
        Slice(first_day=day - ONE_DAY, last_day=day + ONE_DAY, as_of=day + ONE_DAY)
    )
    assert list(counts["n"]) == [3, 2 * hours, 3]


@pytest.mark.parametrize(("zone", "day", "_hours"), ODD_DAYS)
def test_as_of_a_day_is_as_it_stood_when_the_next_day_began(
    database: Database, zone: str, day: date, _hours: float
) -> None:
    stored = _stored(database, zone)
    start, end = _bounds(zone, day)
    moment = timedelta(microseconds=1)
    for key, at in {"before": start - moment, "first": start, "last": end - moment, "after": end}.items():
        stored.crm.create(key, at)
    stored.sync(400)
    names = [set(deal_rows(stored.reader(), _until(one), DealSet.OPEN).rows["name"]) for one in (day - ONE_DAY, day)]
    assert names == [{"Deal before"}, {"Deal before", "Deal first", "Deal last"}]
    assert [stored.n_open(_until(day + n * ONE_DAY)) for n in (-1, 0, 1)] == [1, 3, 4]
    assert [stored.events(_on(one, day + ONE_DAY)) for one in (day, day + ONE_DAY)] == [{"created": 2}, {"created": 1}]
    trend = stored.reader().pipeline_trend(_until(day + ONE_DAY), [day - ONE_DAY, day, day + ONE_DAY])
    assert list(trend.groupby("day")["n"].sum()) == [1, 3, 4]


def test_a_pipeline_that_has_emptied_has_a_row_of_nothing_on_the_last_day(database: Database) -> None:
    """Otherwise the last day on which a deal was open passes for the newest."""
    stored, day = _stored(database, "Europe/Berlin"), date(2026, 3, 10)
    stored.crm.create("a", _bounds("Europe/Berlin", day)[0])
    stored.crm.move("a", _bounds("Europe/Berlin", day + ONE_DAY)[1], "lost")
    stored.sync(400)
    days = [day + n * ONE_DAY for n in (0, 1, 5)]
    trend = stored.reader().pipeline_trend(_until(days[-1]), days)
    assert [(one.date(), n) for one, n in zip(trend["day"], trend["n"], strict=True)] == list(
        zip(days, (1, 1, 0), strict=True)
    )
    assert weighted_pipeline(trend).why == "No deal is open."


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(sorted({zone for zone, _, _ in ODD_DAYS})),
    st.datetimes(datetime(2018, 10, 1), datetime(2027, 1, 1)),
)
def test_the_end_of_a_day_is_where_python_and_the_database_see_the_date_change(
    database: Database, zone: str, at: datetime
) -> None:
    instant = at.replace(tzinfo=UTC)
    local = instant.astimezone(ZoneInfo(zone)).date()
    with database.as_owner() as connection:
        stored = connection.execute(
            text("SELECT (cast(:at AS timestamptz) AT TIME ZONE :zone)::date"), {"at": instant, "zone": zone}
        ).scalar_one()
    assert stored == local
    end = _until(local).end_of(ZoneInfo(zone))
    assert _until(local - ONE_DAY).end_of(ZoneInfo(zone)) <= instant < end
    assert (end - timedelta(seconds=1)).astimezone(ZoneInfo(zone)).date() == local


# --- another zone --------------------------------------------------------------------------------------------------


def _busy_crm(stored: Stored) -> None:
    """Things that happen at every hour, so that every zone puts some of them on another day."""
    start = datetime(2026, 3, 25, tzinfo=UTC)
    for n in range(40):
        at = start + timedelta(hours=5 * n)
        stored.crm.create(f"d{n}", at, amount_minor=n * 100, owner=f"o{1 + n % 3}")
        if n % 2:
            stored.crm.move(f"d{n}", at + timedelta(hours=3 * n), "won" if n % 4 == 1 else "s2")
        if n % 10 == 3:
            stored.crm.remove(f"d{n}", at + timedelta(hours=200))
    stored.crm.add(*(activity(f"a{n}", start + timedelta(hours=3 * n)) for n in range(60)))
    stored.crm.add(*(lead(f"l{n}", None if n % 9 == 0 else start + timedelta(hours=4 * n)) for n in range(40)))


def _move(stored: Stored, zone: str) -> None:
    change_settings(
        stored.database, stored.organization_id, time_zone=zone, default_currency="EUR", reporting_currency="EUR"
    )


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Los_Angeles"])
def test_after_a_move_to_another_zone_all_is_as_if_it_had_always_been_there(database: Database, zone: str) -> None:
    moved, native = _stored(database, "Europe/Berlin"), _stored(database, zone, "Native")
    for stored in (moved, native):
        _busy_crm(stored)
        stored.sync(400)
    before = state_of(database, moved.organization_id)
    _move(moved, zone)
    found, expected = state_of(database, moved.organization_id), state_of(database, native.organization_id)
    for table in expected:
        assert found[table] == expected[table], table
    assert found["deal_daily"] != before["deal_daily"], "the world was too small to show anything"
    with database.as_app(moved.organization_id) as connection:
        assert set(rollups.differences(connection, moved.organization_id).values()) == {0}


def test_what_comes_after_a_move_is_counted_in_the_new_zone(database: Database) -> None:
    stored = _stored(database, "Europe/Berlin")
    stored.sync(400)
    _move(stored, "Pacific/Auckland")
    stored.crm.add(activity("x", datetime(2026, 3, 1, 12, tzinfo=UTC)))
    stored.sync(400)
    assert stored.activities(_on(date(2026, 3, 2))) == 1


@pytest.mark.parametrize("kind", [Kind.LEAD, Kind.DEAL, Kind.ACTIVITY])
def test_a_move_while_pages_are_on_their_way_leaves_no_day_of_the_old_zone(database: Database, kind: Kind) -> None:
    """Pages are prepared ahead of their storing; those that were, before the move, are stored after it."""
    moved, native = _stored(database, "Europe/Berlin"), _stored(database, "Pacific/Auckland", "Native")
    for stored in (moved, native):
        _busy_crm(stored)
    native.sync(400)

    def move_once(progress: Progress) -> None:
        if progress.kind is kind and progress.tally.fetched == 7:
            _move(moved, "Pacific/Auckland")

    moved.sync(400, on_progress=move_once)
    found, expected = state_of(database, moved.organization_id), state_of(database, native.organization_id)
    for table in ("leads", "lead_daily", "activities", "activity_daily", "deal_versions", "deal_daily"):
        assert found[table] == expected[table], table


def test_a_name_that_is_no_zone_is_refused_and_changes_nothing(database: Database, organization: int) -> None:
    with pytest.raises(UnknownTimeZone):
        change_settings(
            database, organization, time_zone="Mars/Olympus", default_currency="USD", reporting_currency="USD"
        )
    assert get_organization(database, organization).default_currency == "EUR"


# --- what counts on a day ------------------------------------------------------------------------------------------

DAY = date(2026, 5, 6)
NOON = datetime(2026, 5, 6, 12, tzinfo=UTC)


@pytest.fixture
def stored(database: Database) -> Stored:
    return _stored(database, "Europe/Berlin")


def test_a_meeting_still_to_come_counts_when_its_day_has_come(stored: Stored) -> None:
    stored.crm.add(activity("x", NOON + 2 * ONE_DAY, kind=ActivityKind.MEETING))
    stored.sync(0)
    far = DAY + timedelta(days=30)
    for as_of, expected in ((DAY, 0), (DAY + ONE_DAY, 0), (DAY + 2 * ONE_DAY, 1)):
        shown = Slice(first_day=DAY, last_day=far, as_of=as_of)
        assert stored.activities(shown) == len(activity_rows(stored.reader(), shown).rows) == expected


@pytest.mark.parametrize("outcome", ["cancelled", "Cancelled", "CANCELLED"])
def test_a_cancelled_meeting_counts_no_longer_and_counts_again_when_it_takes_place(
    stored: Stored, outcome: str
) -> None:
    def meeting(said: str | None) -> Activity:
        return Activity(external_id="x", kind=ActivityKind.MEETING, occurred_at=NOON, owner_id="o1", outcome=said)

    found = []
    for said in (None, outcome, "completed"):
        stored.crm.add(meeting(said))
        stored.sync(0)
        found.append((stored.activities(_on(DAY)), len(activity_rows(stored.reader(), _on(DAY)).rows)))
    assert found == [(1, 1), (0, 0), (1, 1)]


def test_an_activity_that_moves_is_counted_where_it_went(stored: Stored) -> None:
    stored.crm.add(activity("x", NOON, owner="o1"))
    stored.sync(0)
    stored.crm.add(activity("x", NOON + ONE_DAY, owner="o2", kind=ActivityKind.MEETING))
    stored.sync(0)
    assert [stored.activities(_on(DAY + n * ONE_DAY)) for n in (0, 1)] == [0, 1]
    counts = stored.reader().activity_counts(_until(DAY + ONE_DAY), by_owner=True)
    assert counts[["owner_id", "kind", "n"]].values.tolist() == [[stored.id_of(Kind.OWNER, "o2"), "meeting", 1]]


def test_weeks_begin_on_monday(stored: Stored) -> None:
    days = [date(2026, 5, 3), date(2026, 5, 4), date(2026, 5, 10), date(2026, 5, 11)]
    stored.crm.add(*(activity(day.isoformat(), datetime(day.year, day.month, day.day, 12, tzinfo=UTC)) for day in days))
    stored.sync(0)
    weeks = stored.reader().activity_weeks(Slice(first_day=days[0], last_day=days[-1], as_of=days[-1]))
    assert [(day.date(), n) for day, n in zip(weeks["day"], weeks["n"], strict=True)] == [
        (date(2026, 4, 27), 1),
        (date(2026, 5, 4), 2),
        (date(2026, 5, 11), 1),
    ]
