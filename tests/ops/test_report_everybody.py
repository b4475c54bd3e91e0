"""Everybody gets their own report where that is switched on: of own rows or own teams, by an address of one's own, and
not where somebody said that nothing shall come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from insights.report.document import Week
from ops import report_digest
from ops.report_everybody import everybody
from ops.services import Services
from ops.settings import Settings
from snapshots import audit, report_archive
from snapshots.database import Database
from snapshots.report_archive import Readership, Schedule
from snapshots.slices import Role
from snapshots.users import save_user

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
WEEK = Week(date(2026, 11, 16))
ANN, BO, CY, DEE = 701, 702, 703, 704
"""Ann manages the team of Ann and Bo; Cy is in none; Dee left."""
OFF = Schedule(is_on=True, weekday=0, hour=7, changed_at=NOW)
ON = replace(OFF, to_everybody=True)


@pytest.fixture
def services(database: Database, organization: int) -> Services:
    with database.as_app(organization) as link:
        link.execute(
            text("INSERT INTO teams (organization_id, team_id, name, manager_id) VALUES (:o, 801, 'One', :ann)"),
            {"o": organization, "ann": ANN},
        )
    for owner_id, name, team in ((ANN, "Ann", 801), (BO, "Bo", 801), (CY, "Cy", None), (DEE, "Dee", None)):
        person(database, organization, owner_id, name, team=team, is_active=owner_id != DEE)
    settings = Settings(_env_file=None)
    return Services(settings=settings, database_url=database.url, database=database, now=lambda: NOW)


def person(
    database: Database, organization: int, owner_id: int, name: str, *, team: int | None = None,
    email: str | None = "", is_active: bool = True,
) -> None:  # fmt: skip
    with database.as_app(organization) as link:
        known = {
            "o": organization, "id": owner_id, "name": name, "team": team, "active": is_active,
            "email": f"{name.lower()}@crm.example" if email == "" else email, "since": NOW - timedelta(days=90),
        }  # fmt: skip
        link.execute(
            text("INSERT INTO owners (organization_id, owner_id, name, email, team_id, is_active) "
                 "VALUES (:o, :id, :name, :email, :team, :active)"), known
        )  # fmt: skip
        link.execute(
            text("INSERT INTO owner_versions (organization_id, owner_id, valid_from, recorded_at, is_observed, name, "
                 "email, is_active, team_id) VALUES (:o, :id, :since, :since, true, :name, :email, :active, :team)"),
            known,
        )  # fmt: skip


def told(services: Services, organization: int) -> list[tuple[str, int, str]]:
    found = everybody(services, organization, WEEK)
    return sorted((one.readership.audience, one.readership.owner_id, one.address) for one in found.own)


def listed(services: Services, organization: int) -> list[tuple[int, str]]:
    """Who is on the list by the switch, and has not unsubscribed."""
    every = report_archive.getting(report_archive.list_recipients(services.database, organization))
    return sorted((one.readership.owner_id, one.address) for one in every if one.is_automatic)


def made(services: Services, organization: int, schedule: Schedule, week: Week = WEEK) -> Sequence[str]:
    """Whose reports the digest makes."""
    report_archive.set_schedule(services.database, organization, schedule, by="ann")
    report_digest.make_digest(services, organization, week)
    entries = report_archive.list_entries(services.database, organization)
    return sorted(one.whose for one in entries if one.week == week.first)


ANNS, BOS, CYS = (
    ("manager", ANN, "ann@crm.example"), ("rep", BO, "bo@crm.example"), ("rep", CY, "cy@crm.example"),
)  # fmt: skip


# --- who --------------------------------------------------------------------------------------------------------------


def test_a_manager_gets_the_own_teams_and_others_their_own_rows_and_who_left_nothing(
    services: Services, organization: int
) -> None:
    assert told(services, organization) == [ANNS, BOS, CYS]
    found = everybody(services, organization, WEEK)
    assert (found.n("rep"), found.n("manager"), found.n_unreachable, found.n_shared, found.n_off) == (2, 1, 0, 0, 0)


def test_the_address_of_a_login_goes_before_that_of_the_crm_and_one_that_is_off_gets_nothing(
    services: Services, organization: int
) -> None:
    for email, of, is_active in (("bo@work.example", "bo", True), ("cy@work.example", "cy", False)):
        save_user(services.database, organization, email, role=Role.REP, owner_email=f"{of}@crm.example",
                  is_active=is_active)  # fmt: skip
    assert told(services, organization) == [ANNS, ("rep", BO, "bo@work.example")]
    assert everybody(services, organization, WEEK).n_off == 1


def test_whose_login_may_not_see_the_teams_gets_the_own_rows_alone(services: Services, organization: int) -> None:
    save_user(services.database, organization, "ann@work.example", role=Role.REP, owner_email="ann@crm.example")
    assert ("rep", ANN, "ann@work.example") in told(services, organization)


def test_who_has_no_address_or_shares_one_is_left_out_and_counted(services: Services, organization: int) -> None:
    shared = ((706, "Fay", "sales@crm.example"), (707, "Gus", "Sales@CRM.example"))
    for owner_id, name, email in ((705, "Eve", None), *shared, (708, "Hal", "none")):
        person(services.database, organization, owner_id, name, email=email)
    assert told(services, organization) == [ANNS, BOS, CYS]
    found = everybody(services, organization, WEEK)
    assert (found.n_unreachable, found.n_shared) == (2, 2)


def test_an_outsider_s_people_get_nothing(services: Services, organization: int, other_organization: int) -> None:
    assert told(services, other_organization) == []
    made(services, organization, ON)
    assert report_archive.list_recipients(services.database, other_organization) == []


# --- the digest -------------------------------------------------------------------------------------------------------


def test_nobody_gets_the_own_report_until_it_is_switched_on(services: Services, organization: int) -> None:
    assert made(services, organization, OFF) == ["The whole organization"]
    assert made(services, organization, ON) == ["Bo", "Cy", "Teams of Ann", "The whole organization"]
    assert listed(services, organization) == [(ANN, ANNS[2]), (BO, BOS[2]), (CY, CYS[2])]


def test_who_unsubscribed_stays_so_whatever_is_switched(services: Services, organization: int) -> None:
    made(services, organization, ON)
    every = report_archive.list_recipients(services.database, organization)
    bo = next(one.recipient_id for one in every if one.readership == Readership("rep", BO))
    report_archive.unsubscribe(services.database, organization, bo, at=NOW)
    for schedule in (ON, OFF, ON):
        made(services, organization, schedule)
    assert listed(services, organization) == [(ANN, ANNS[2]), (CY, CYS[2])]
    again = [one for one in report_archive.list_recipients(services.database, organization) if one.recipient_id == bo]
    assert [one.unsubscribed_at for one in again] == [NOW]
    assert made(services, organization, ON, WEEK.before) == ["Cy", "Teams of Ann", "The whole organization"]


def test_who_was_added_by_hand_is_not_doubled_and_stays_when_it_is_switched_off(
    services: Services, organization: int
) -> None:
    own = Readership("rep", BO)
    report_archive.add_recipient(services.database, organization, own, "email", "BO@crm.example", by="ann")
    made(services, organization, ON)
    assert listed(services, organization) == [(ANN, ANNS[2]), (CY, CYS[2])]
    made(services, organization, OFF)
    every = report_archive.list_recipients(services.database, organization)
    assert [(one.address, one.is_automatic) for one in every] == [("BO@crm.example", False)]


def test_who_left_is_taken_off_the_list(services: Services, organization: int) -> None:
    made(services, organization, ON)
    with services.database.as_app(organization) as link:
        link.execute(text("UPDATE owner_versions SET is_active = false WHERE owner_id = :cy"), {"cy": CY})
    made(services, organization, ON)
    assert listed(services, organization) == [(ANN, ANNS[2]), (BO, BOS[2])]


# --- the audit log ----------------------------------------------------------------------------------------------------


def test_the_log_tells_what_the_schedule_was_and_who_came_and_went(services: Services, organization: int) -> None:
    made(services, organization, OFF)
    made(services, organization, replace(ON, hour=9))
    made(services, organization, replace(ON, hour=9))
    made(services, organization, OFF)
    entries = audit.list_entries(services.database, organization)[::-1]
    schedules = [(one.before, one.after) for one in entries if one.subject == "report schedule"]
    assert schedules == [
        (None, {"is_on": True, "weekday": 0, "hour": 7, "to_everybody": False}),
        ({"hour": 7, "to_everybody": False}, {"hour": 9, "to_everybody": True}),
        ({"hour": 9, "to_everybody": True}, {"hour": 7, "to_everybody": False}),
    ]
    every = sorted(one[2] for one in (ANNS, BOS, CYS))
    moved = [(one.by, one.after) for one in entries if one.subject == "report recipient"]
    assert moved == [
        (audit.PROGRAM, {"added": every, "removed": []}), (audit.PROGRAM, {"added": [], "removed": every}),
    ]  # fmt: skip
