"""After a change of time zone visits, their counts and their leads are as if the zone had been so from the start."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import made_leads
import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from snapshots import beacons, visits
from snapshots.beacons import Flag, Sighting, Step, visit_key
from snapshots.database import Database
from snapshots.organizations import change_settings, create_organization
from snapshots.origins import Origin

AT = datetime(2024, 6, 20, 12, tzinfo=UTC)
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati")
_names = itertools.count(1)

Sign = tuple[str, datetime, Step, Flag, Origin]
Lead = tuple[str, datetime, str]
"""The visit that it names, when, and whose it is."""
_MOMENTS = st.integers(0, 40 * 4).map(lambda quarters: AT + timedelta(minutes=15 * quarters))
_SIGNS = st.tuples(
    st.sampled_from("abc"), _MOMENTS, st.sampled_from(Step), st.sampled_from((Flag.NONE, Flag.NONE, Flag.BOT)),
    st.sampled_from((Origin(), Origin(utm_source="news"))),
)  # fmt: skip
_LEADS = st.tuples(st.sampled_from("abc"), _MOMENTS, st.sampled_from(("ada@example.com", "bob@example.com")))


def _took(database: Database, zone: str, signs: list[Sign], leads: list[Lead]) -> int:
    """An organization of that zone in which all this happened."""
    made = create_organization(database, f"Zone {next(_names)}", time_zone=zone, default_currency="EUR")
    with beacons.connect(database.url) as connection:
        beacons.store(connection, made.organization_id, [_sighting(*one) for one in signs])
    for visit, at, email in sorted(leads, key=lambda one: one[1]):
        lead_id = made_leads.put(database, made.organization_id, at=at, email=email, state="delivered", form_id=1)
        _name_visit(database, made.organization_id, lead_id, visit)
    visits.fold_leads(database, made.organization_id)
    return made.organization_id


def _sighting(visit: str, at: datetime, step: Step, flags: Flag, origin: Origin) -> Sighting:
    return Sighting(
        form_id=1, visit=visit_key(visit), first_at=at, last_at=at, step=step, flags=flags, origin=origin, version=1
    )


def _name_visit(database: Database, organization_id: int, lead_id: UUID, visit: str) -> None:
    with database.as_app(organization_id) as connection:
        connection.execute(
            text("UPDATE received_leads SET visit = :visit WHERE lead_id = :lead"), {"visit": visit, "lead": lead_id}
        )


def _state(database: Database, organization_id: int) -> list[list[tuple[object, ...]]]:
    origin = "(SELECT o.utm_source FROM visit_origins o WHERE o.origin_id = t.origin_id)"
    queries = (
        f"SELECT day, visit, first_at, last_at, version, {origin}, step, flags, has_lead FROM form_visits t "
        "ORDER BY 1, 2",
        f"SELECT day, version, {origin}, kind, n_views, n_starts, n_submits FROM visit_daily t "
        "WHERE n_views <> 0 ORDER BY 1, 2, 3, 4",
        "SELECT l.received_at, l.email, j.day, j.visit, j.is_repeat FROM lead_visits j JOIN received_leads l "
        "USING (organization_id, lead_id) ORDER BY l.lead_id",
    )
    with database.as_app(organization_id) as connection:
        return [[tuple(row) for row in connection.execute(text(query))] for query in queries]


def _move(database: Database, organization_id: int, zone: str) -> None:
    change_settings(database, organization_id, time_zone=zone, default_currency="EUR", reporting_currency=None)


def _over_midnight(old: str, new: str, moments: Iterable[tuple[str, datetime]]) -> set[tuple[str, date]]:
    """Rows of the old zone that go over a midnight of the new one: those are not taken apart."""
    days: dict[tuple[str, date], set[date]] = {}
    for visit, at in moments:
        days.setdefault((visit, _day(at, old)), set()).add(_day(at, new))
    return {row for row, found in days.items() if len(found) > 1}


def _day(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


@settings(max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_SIGNS, max_size=5), st.lists(_LEADS, max_size=4, unique_by=lambda one: one[1]), st.permutations(ZONES))
def test_days_of_visits_are_those_of_the_new_zone_as_if_it_had_been_so_from_the_start(
    database: Database, signs: list[Sign], leads: list[Lead], zones: list[str]
) -> None:
    old, new, *_ = zones
    over = _over_midnight(old, new, [(visit, at) for visit, at, *_ in [*signs, *leads]])
    signs = [one for one in signs if (one[0], _day(one[1], old)) not in over]
    leads = [one for one in leads if (one[0], _day(one[1], old)) not in over]
    moved, always = _took(database, old, signs, leads), _took(database, new, signs, leads)
    _move(database, moved, new)
    assert _state(database, moved) == _state(database, always)
    assert visits.differences(database, moved) == []


@pytest.mark.parametrize("second", ["ada@example.com", "bob@example.com"])
def test_a_visit_on_both_sides_of_an_old_midnight_becomes_one_with_one_submit(database: Database, second: str) -> None:
    midnight = datetime(2024, 6, 20, 22, tzinfo=UTC)  # in Berlin
    soon = timedelta(minutes=5)
    signs: list[Sign] = [("a", midnight - 2 * soon, Step.VIEW, Flag.NONE, Origin(utm_source="news"))]
    leads = [("a", midnight - soon, "ada@example.com"), ("a", midnight + soon, second)]
    moved, always = (_took(database, zone, signs, leads) for zone in ("Europe/Berlin", "America/New_York"))
    assert len(_state(database, moved)[0]) == 2
    _move(database, moved, "America/New_York")
    assert _state(database, moved) == _state(database, always)
    assert len(_state(database, moved)[0]) == 1


def test_a_visit_over_a_new_midnight_stays_one_of_the_day_of_its_first_sign(database: Database) -> None:
    midnight = datetime(2024, 6, 20, 22, tzinfo=UTC)  # in Berlin
    sign = timedelta(minutes=5)
    signs: list[Sign] = [("a", midnight - sign, Step.VIEW, Flag.NONE, Origin())]
    made = _took(database, "America/New_York", signs, [("a", midnight + sign, "ada@example.com")])
    _move(database, made, "Europe/Berlin")
    rows, counts, [lead] = _state(database, made)
    assert [row[0].isoformat() for row in rows] == ["2024-06-20"]  # type: ignore[attr-defined]
    assert (len(counts), lead[2]) == (1, rows[0][0])
    assert visits.differences(database, made) == []


def test_counts_of_forgotten_visits_stay_where_they_are(database: Database) -> None:
    late = datetime(2024, 6, 20, 23, tzinfo=UTC)
    made = _took(database, "UTC", [("a", late, Step.VIEW, Flag.NONE, Origin())], [])
    visits.forget_visits(database, made, now=late + visits.VISITS_KEPT + timedelta(days=2))
    before = _state(database, made)
    _move(database, made, "Pacific/Kiritimati")
    assert _state(database, made) == before
    assert len(before[1]) == 1
