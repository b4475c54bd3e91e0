"""An organization's weeks are looked at once a week: what is found is stored as raised, and leave is no alarm."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Connection, text

from insights.anomalies.weeks import NO_TEAM
from ops import detecting, leave_tables
from ops.services import Services
from ops.settings import Settings
from snapshots import alarm_budget, alarms, leave
from snapshots.database import Database
from snapshots.leave import BadAbsence, Calendar, NewAbsence
from snapshots.organizations import connect_crm
from snapshots.reads import Reader
from snapshots.slices import Role, Slice, Viewer

MONDAY = date(2026, 11, 23)
WEEKS = 60
EVER = Slice(first_day=None, last_day=date(2027, 1, 1), as_of=date(2027, 1, 1))


@pytest.fixture
def services(database: Database, organization: int) -> Services:
    """Ten salespeople with about ten calls a week until the week before MONDAY; the last of them left in summer."""
    random = np.random.default_rng(4)
    with database.as_app(organization) as connection:
        for owner in range(1, 11):
            _owner(connection, organization, owner, is_active=owner != 10)
            counts = [(MONDAY - timedelta(weeks=back), int(random.poisson(10))) for back in range(1, WEEKS + 1)]
            _count(connection, organization, owner, *(counts if owner != 10 else counts[20:]))
    return Services(
        settings=Settings(_env_file=None), database_url=database.url, database=database,
        now=lambda: datetime(2026, 11, 23, 9, tzinfo=UTC),
    )  # fmt: skip


def _owner(connection: Connection, organization: int, owner: int, *, is_active: bool) -> None:
    known = {"o": organization, "owner": owner, "name": f"Person {owner}", "active": is_active}
    for statement in (
        "INSERT INTO owners (organization_id, owner_id, name, is_active, content_hash) "
        "VALUES (:o, :owner, :name, :active, 1)",
        "INSERT INTO owner_versions (organization_id, owner_id, valid_from, recorded_at, is_observed, name, "
        "is_active) VALUES (:o, :owner, '-infinity', now(), true, :name, :active)",
    ):
        connection.execute(text(statement), known)


def _count(connection: Connection, organization: int, owner: int, *counts: tuple[date, int]) -> None:
    connection.execute(
        text(
            "INSERT INTO activity_daily (organization_id, day, owner_id, kind, n) "
            "VALUES (:o, :day, :owner, 'call', :n) "
            "ON CONFLICT (organization_id, day, owner_id, kind) DO UPDATE SET n = excluded.n"
        ),
        [{"o": organization, "day": day, "owner": owner, "n": n} for day, n in counts],
    )


def lose(services: Services, organization: int, owner: int, *weeks_back: int) -> None:
    with services.database.as_app(organization) as connection:
        _count(connection, organization, owner, *((MONDAY - timedelta(weeks=back), 0) for back in weeks_back))


def found(services: Services, organization: int) -> pd.DataFrame:
    return alarms.list_alarms(Reader(services.database, Viewer(organization, Role.ADMIN)), "activities", EVER)


def test_a_lost_week_is_raised_on_the_next_settled_day_and_once(services: Services, organization: int) -> None:
    lose(services, organization, 3, 1)
    said = detecting.look_weekly(services, organization, MONDAY)
    assert "activities:" in said
    assert said.n_rows == len(found(services, organization))
    newest = found(services, organization)
    newest = newest[newest["day"] == pd.Timestamp(MONDAY - timedelta(weeks=1))]
    assert newest["owner_id"].tolist() == [3]
    assert newest[["name", "direction", "is_replayed"]].to_numpy().tolist() == [["Person 3", "drop", False]]
    before = len(found(services, organization))
    assert "this week was looked at" in detecting.look_weekly(services, organization, MONDAY + timedelta(days=1))
    assert len(found(services, organization)) == before


def test_the_first_time_tells_what_it_would_have_raised_and_says_so(services: Services, organization: int) -> None:
    lose(services, organization, 4, 12, 13)
    detecting.look_weekly(services, organization, MONDAY)
    all_ = found(services, organization)
    own = all_[(all_["owner_id"] == 4) & (all_["direction"] == "drop")]
    assert own["is_replayed"].tolist() == [True]


def test_the_next_week_raises_what_is_new_and_not_what_goes_on(services: Services, organization: int) -> None:
    lose(services, organization, 3, 1)
    detecting.look_weekly(services, organization, MONDAY)
    before = set(found(services, organization)["alarm_id"])
    with services.database.as_app(organization) as connection:
        for owner in range(1, 10):
            _count(connection, organization, owner, (MONDAY, 0 if owner in {3, 5} else 10))
    detecting.look_weekly(services, organization, MONDAY + timedelta(weeks=1))
    now = found(services, organization)
    new = now[~now["alarm_id"].isin(before) & (now["direction"] == "drop")]
    assert new["owner_id"].tolist() == [5]


def test_the_teams_of_salespeople_are_known_to_what_is_expected(services: Services, organization: int) -> None:
    with services.database.as_app(organization) as connection:
        connection.execute(
            text("INSERT INTO teams (organization_id, team_id, name, content_hash) VALUES (:o, 5, 'North', 1)"),
            {"o": organization},
        )
        for table in ("owners", "owner_versions"):
            connection.execute(
                text(f"UPDATE {table} SET team_id = 5 WHERE organization_id = :o AND owner_id <= 7"),
                {"o": organization},
            )
    weeks, _ = detecting.weeks_before(Reader(services.database, Viewer(organization, Role.ADMIN)), "activities", MONDAY)
    assert weeks.teams is not None
    assert {name for name, team in zip(weeks.series, weeks.teams, strict=True) if team == 5} == set("1234567")
    assert set(weeks.teams) == {5, NO_TEAM}


def test_somebody_who_left_is_no_lost_week(services: Services, organization: int) -> None:
    detecting.look_weekly(services, organization, MONDAY)
    gone = found(services, organization)
    assert (gone.loc[gone["owner_id"] == 10, "day"] < "2026-07-10").all()


def test_what_came_after_an_outage_or_after_the_end_of_an_export_is_no_quiet_week(
    services: Services, organization: int
) -> None:
    reader = Reader(services.database, Viewer(organization, Role.ADMIN))
    later = MONDAY + timedelta(weeks=3)
    read = connect_crm(services.database, organization, provider="hubspot", name="CRM", settings={}).connection_id
    with services.database.as_app(organization) as connection:
        connection.execute(
            text(
                "INSERT INTO sync_runs (organization_id, connection_id, trigger, status, started_at, heartbeat_at, "
                "finished_at) VALUES (:o, :c, 'x', 'succeeded', :at, :at, :at)"
            ),
            {"o": organization, "c": read, "at": services.now()},
        )
    weeks, _ = detecting.weeks_before(reader, "activities", later)
    assert weeks.days.max().date() == MONDAY - timedelta(weeks=1)
    detecting.look_weekly(services, organization, later)
    run = alarms.latest_run(services.database, organization, "activities", as_of=later)
    assert run is not None
    assert detecting._looked_until(run) == MONDAY - timedelta(weeks=1), "the weeks of the outage are looked at later"
    with services.database.as_app(organization) as connection:
        connection.execute(text("UPDATE crm_connections SET provider = 'csv'"))
    weeks, _ = detecting.weeks_before(reader, "activities", MONDAY + timedelta(weeks=30))
    assert weeks.days.max().date() == MONDAY - timedelta(weeks=2)  # the last one may not be whole


def test_as_many_false_alarms_are_borne_as_the_organization_says(
    services: Services, organization: int, other_organization: int
) -> None:
    for one in (organization, other_organization):
        if one == organization:
            alarm_budget.set_budget(services.database, one, 1.0, by="ann", now=services.now())
        look = detecting.look(Reader(services.database, Viewer(organization, Role.ADMIN)), "activities", MONDAY,
                              budget=detecting.budget_of(services.database, one))  # fmt: skip
        assert look.found is not None
        assert look.found.card["budget"] == (1.0 if one == organization else 0.25)
    detecting.look_weekly(services, organization, MONDAY)
    run = alarms.latest_run(services.database, organization, "activities", as_of=MONDAY)
    assert run is not None
    assert run.card["budget"] == 1.0
    with services.database.as_app(organization) as connection:
        assert set(connection.execute(text("SELECT DISTINCT budget FROM alarms")).scalars()) == {1.0}


def test_leave_and_holidays_that_were_entered_are_no_alarm(services: Services, organization: int) -> None:
    lose(services, organization, 3, 1)
    monday = MONDAY - timedelta(weeks=1)
    leave.add_absences(
        services.database, organization,
        [NewAbsence(owner_id=3, first_day=monday, last_day=monday + timedelta(days=6))], by="ann", now=services.now(),
    )  # fmt: skip
    leave.set_calendar(
        services.database, organization, Calendar(country="DE", subdivision=None), by="ann", now=services.now()
    )
    detecting.look_weekly(services, organization, MONDAY)
    assert not (found(services, organization)["day"] == pd.Timestamp(monday)).any()
    weeks, _ = detecting.weeks_before(Reader(services.database, Viewer(organization, Role.ADMIN)), "activities", MONDAY)
    row = weeks.series.index("1")
    at = weeks.days.get_loc(pd.Timestamp("2026-05-11"))  # Ascension Day is that Thursday
    assert weeks.worked[row, at] == 0.8


def test_an_organization_without_a_past_says_why_there_is_nothing(services: Services, other_organization: int) -> None:
    said = detecting.look_weekly(services, other_organization, MONDAY)
    assert said.count("There are no counts.") == 3
    run = alarms.latest_run(services.database, other_organization, "activities", as_of=MONDAY)
    assert run is not None
    assert run.card["why"] == "There are no counts."


def test_data_that_come_after_a_look_at_nothing_are_gone_through_as_at_first(
    services: Services, other_organization: int
) -> None:
    detecting.look_weekly(services, other_organization, MONDAY)
    random = np.random.default_rng(4)
    with services.database.as_app(other_organization) as connection:
        for owner in range(1, 11):
            _owner(connection, other_organization, owner, is_active=True)
            counts = [(MONDAY - timedelta(weeks=back), int(random.poisson(10))) for back in range(1, WEEKS + 1)]
            _count(connection, other_organization, owner, *counts)
    lose(services, other_organization, 4, 12, 13)
    detecting.look_weekly(services, other_organization, MONDAY + timedelta(days=1))
    found_ = found(services, other_organization)
    own = found_[(found_["owner_id"] == 4) & (found_["direction"] == "drop")]
    assert own["is_replayed"].tolist() == [True]
    said = detecting.look_weekly(services, other_organization, MONDAY + timedelta(days=2))
    assert "activities: this week was looked at" in said


def test_a_look_at_nothing_after_others_remembers_that_there_were_others(services: Services, organization: int) -> None:
    detecting.look_weekly(services, organization, MONDAY)
    before = set(found(services, organization)["alarm_id"])
    with services.database.as_app(organization) as connection:
        connection.execute(text("DELETE FROM activity_daily"))
    detecting.look_weekly(services, organization, MONDAY + timedelta(weeks=1))
    run = alarms.latest_run(services.database, organization, "activities", as_of=MONDAY + timedelta(weeks=1))
    assert run is not None
    assert (run.card["why"], run.card["has_seen"]) == ("There are no counts.", True)
    assert set(found(services, organization)["alarm_id"]) == before


def test_a_source_that_runs_dry_is_told_and_one_with_hardly_a_lead_is_not(
    services: Services, organization: int
) -> None:
    random = np.random.default_rng(1)
    with services.database.as_app(organization) as connection:
        for source, usual in (("Website", 20), ("Fair", 15), ("Ads", 12), ("Friend of a friend", 0.2)):
            for back in range(1, WEEKS + 1):
                n = 0 if source == "Website" and back == 1 else int(random.poisson(usual))
                connection.execute(
                    text(
                        "INSERT INTO lead_daily (organization_id, day, owner_id, source, n, n_converted, n_known) "
                        "VALUES (:o, :day, 0, :source, :n, 0, 0)"
                    ),
                    {"o": organization, "day": MONDAY - timedelta(weeks=back), "source": source, "n": n},
                )
    detecting.look_weekly(services, organization, MONDAY)
    reader = Reader(services.database, Viewer(organization, Role.ADMIN))
    told = alarms.list_alarms(reader, "leads", EVER)
    assert "Website" in set(told.loc[told["day"] == pd.Timestamp(MONDAY - timedelta(weeks=1)), "name"])
    assert "Friend of a friend" not in detecting.weeks_before(reader, "leads", MONDAY)[0].series


def test_a_forms_submissions_are_held_against_its_visits(services: Services, organization: int) -> None:
    with services.database.as_app(organization) as connection:
        for back in range(1, 31):
            views = 50 if back == 2 else 200
            connection.execute(
                text(
                    "INSERT INTO visit_daily (organization_id, day, form_id, version, origin_id, kind, n_views, "
                    "n_starts, n_submits) VALUES (:o, :day, 1, 1, 1, 0, :views, :views, :submits)"
                ),
                {
                    "o": organization, "day": MONDAY - timedelta(weeks=back), "views": views,
                    "submits": 0 if back == 1 else views // 10,
                },
            )  # fmt: skip
    detecting.look_weekly(services, organization, MONDAY)
    told = alarms.list_alarms(Reader(services.database, Viewer(organization, Role.ADMIN)), "conversion", EVER)
    assert [(row.name, row.day.date()) for row in told.itertuples(index=False)] == [
        ("Default form", MONDAY - timedelta(weeks=1))
    ]


def test_a_table_of_leave_is_read_by_name_or_mail(tmp_path: Path) -> None:
    file = tmp_path / "leave.csv"
    file.write_text(
        "Name;Von;Bis;Grund\nAnn Lee;24.12.2026;31.12.2026;Holiday\nbo@x.test;02.11.2026;;\nalle;01.01.2027;;\n"
        "Nobody;01.01.2027;;\nAnn Lee;never;;\n",
        encoding="utf-8",
    )
    people = pd.DataFrame({"owner_id": [1, 2], "name": ["Ann Lee", "Bo"], "email": [None, "bo@x.test"]})
    entries, unread = leave_tables.read_absences(file, people)
    assert [(one.owner_id, one.first_day.day, one.last_day.day, one.reason) for one in entries] == [
        (1, 24, 31, "Holiday"), (2, 2, 2, ""), (None, 1, 1, "")
    ]  # fmt: skip
    assert [text.partition(":")[0] for text in unread] == ["Row 5", "Row 6"]
    assert "nobody is called 'Nobody'" in unread[0]
    file.write_text("a;b\n1;2\n", encoding="utf-8")
    with pytest.raises(BadAbsence, match="needs the columns who and from"):
        leave_tables.read_absences(file, people)
