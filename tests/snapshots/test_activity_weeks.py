"""What an owner did in a week is counted from what happened in it, once, and shown to whom it concerns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from stored_crm import Stored, day, noon

from adapters.records import Activity, ActivityKind, Contact
from ops.activity_weeks import AGAIN_WEEKS, KEPT_WEEKS, count_daily
from ops.services import Services
from ops.settings import Settings
from snapshots import activity_weeks
from snapshots.database import Database
from snapshots.organizations import create_organization, get_organization
from snapshots.reads import Reader
from snapshots.slices import Role, Viewer

LATER = noon(40)


@pytest.fixture
def stored(database: Database, organization: int) -> Stored:
    made = Stored(database, organization)
    made.crm.add(Contact(external_id="k1", name="Kim"))
    return made


def act(stored: Stored, key: str, n: float, kind: str = "call", owner: str | None = "o1", **further: str) -> None:
    at = noon(0) + timedelta(days=n)
    stored.crm.add(Activity(external_id=key, kind=ActivityKind(kind), owner_id=owner, occurred_at=at, **further))


def counted(stored: Stored, n: int = 0, reader: Reader | None = None) -> dict[str, dict[str, float]]:
    """By owner, of the week that begins at day `n`; what is none is left out."""
    organization = get_organization(stored.database, stored.organization_id)
    activity_weeks.count_week(stored.database, organization, day(n), now=LATER)
    found = activity_weeks.weeks(reader or stored.reader(), first=day(n), last=day(n))
    names = {key: str(name) for key, name in zip(*_names(stored), strict=True)}
    return {
        names[int(row["owner_id"])]: {key: one for key, one in row.items() if key not in ("week", "owner_id") and one}
        for row in found.to_dict("records")
    }


def _names(stored: Stored) -> tuple[list[int], list[str]]:
    rows = stored.ask("SELECT entity_id, external_id FROM external_links WHERE kind = 'owner'")
    return [row[0] for row in rows], [row[1] for row in rows]


def test_open_deals_are_as_fresh_as_their_last_activity(stored: Stored) -> None:
    for name in "abc":
        stored.crm.create(name, noon(0), owner="o1")
    act(stored, "x", 6.45, deal_id="a")
    act(stored, "y", -30, deal_id="b")
    act(stored, "z", 6.46, deal_id="b", outcome="Cancelled")
    stored.sync(20)
    found = counted(stored)["o1"]
    assert (found["n_open"], found["n_covered"], found["n_worked"]) == (3, 1, 3)
    assert found["recency"] == pytest.approx(1.0 + 0.5 ** (36.5 / 14), abs=0.01)


def test_an_email_is_answered_by_the_contact_or_on_the_deal_within_a_week(stored: Stored) -> None:
    stored.crm.create("a", noon(0))
    for n, further in enumerate(({"contact_id": "k1"}, {"deal_id": "a"}, {})):
        act(stored, f"out{n}", 1 + n / 10, "email", direction="out", **further)
    act(stored, "in", 3, "email", owner=None, direction="in", contact_id="k1")
    act(stored, "late", 8.5, "email", owner=None, direction="in", deal_id="a")
    stored.sync(20)
    found = counted(stored)["o1"]
    assert (found["n_sent"], found["n_answered"]) == (2, 1)
    act(stored, "soon", 4, "email", owner=None, direction="in", deal_id="a")
    stored.sync(21)
    assert counted(stored)["o1"]["n_answered"] == 2


def test_a_meeting_counts_once_its_outcome_is_known(stored: Stored) -> None:
    for n, outcome in enumerate(("Completed", "no_show", "cancelled", "scheduled", "")):
        act(stored, f"m{n}", 1 + n, "meeting", **({"outcome": outcome} if outcome else {}))
    stored.sync(20)
    found = counted(stored)["o1"]
    assert (found["n_planned"], found["n_held"]) == (3, 1)


def test_a_deal_that_moves_on_or_is_won_moved_and_one_that_moves_back_did_not(stored: Stored) -> None:
    for name in "abcd":
        stored.crm.create(name, noon(-20), stage="s2")
    stored.sync(0)
    stored.crm.move("a", noon(2), "s3")
    stored.crm.move("b", noon(2), "won")
    stored.crm.move("c", noon(2), "s1")
    stored.crm.move("d", noon(2), "lost")
    stored.sync(20)
    found = counted(stored)["o1"]
    assert (found["n_worked"], found["n_moved"], found["n_open"]) == (4, 2, 2)


def test_who_may_see_a_row_is_who_may_see_the_owner(stored: Stored) -> None:
    for n, owner in enumerate(("o1", "o2", "o3")):
        act(stored, f"c{n}", 1, "meeting", owner=owner, outcome="completed")
    stored.sync(20)
    assert set(counted(stored)) == {"o1", "o2", "o3"}
    assert set(counted(stored, reader=stored.reader(Role.REP, "o2"))) == {"o2"}
    outsider = Reader(
        stored.database, Viewer(create_organization(stored.database, "Others").organization_id, Role.ADMIN)
    )
    assert activity_weeks.weeks(outsider, first=day(0), last=day(0)).empty
    assert activity_weeks.sums_of_all(outsider, first=day(0), last=day(0)).empty
    all_ = activity_weeks.sums_of_all(stored.reader(Role.REP, "o2"), first=day(0), last=day(0))
    assert all_["n_held"].tolist() == [3]


def test_sums_of_two_would_tell_one_of_them_what_the_other_does(stored: Stored) -> None:
    for owner in ("o1", "o2"):
        act(stored, f"c{owner}", 1, "meeting", owner=owner, outcome="completed")
    stored.sync(20)
    assert set(counted(stored)) == {"o1", "o2"}
    assert activity_weeks.sums_of_all(stored.reader(Role.REP, "o2"), first=day(0), last=day(0)).empty


def test_a_week_that_is_not_over_is_not_counted(stored: Stored) -> None:
    organization = get_organization(stored.database, stored.organization_id)
    for monday, now in ((day(0), noon(6)), (day(1), LATER)):
        with pytest.raises(ValueError, match="does not begin a week"):
            activity_weeks.count_week(stored.database, organization, monday, now=now)


def test_the_daily_work_counts_the_last_year_once_and_the_last_weeks_again(stored: Stored) -> None:
    for n in (1, 36):
        act(stored, f"a{n}", n)
    stored.sync(46)
    services = Services(
        settings=Settings(_env_file=None), database_url=stored.database.url, database=stored.database,
        now=lambda: datetime(2026, 2, 20, 6, tzinfo=UTC),
    )  # fmt: skip
    today = datetime(2026, 2, 20, tzinfo=UTC).date()
    done = count_daily(services, stored.organization_id, today)
    with stored.database.as_app(stored.organization_id) as connection:
        n_rows = connection.execute(text("SELECT count(*) FROM activity_weeks")).scalar_one()
    assert (done, done.n_rows) == (f"{KEPT_WEEKS} weeks counted", n_rows)
    assert activity_weeks.counted_weeks(stored.database, stored.organization_id) == {day(0), day(35)}
    assert (today - day(35)).days < 7 * (AGAIN_WEEKS + 1) < (today - day(0)).days
    assert count_daily(services, stored.organization_id, today) == f"{KEPT_WEEKS - 1} weeks counted"
    assert activity_weeks.counted_weeks(stored.database, stored.organization_id) == {day(0), day(35)}


def test_weeks_after_the_last_sync_are_unknown_not_quiet(stored: Stored) -> None:
    act(stored, "a1", 36)
    stored.sync(39)
    services = Services(
        settings=Settings(_env_file=None), database_url=stored.database.url, database=stored.database,
        now=lambda: datetime(2026, 4, 20, 6, tzinfo=UTC),
    )  # fmt: skip
    count_daily(services, stored.organization_id, datetime(2026, 4, 20, tzinfo=UTC).date())
    assert day(35) not in activity_weeks.counted_weeks(stored.database, stored.organization_id), "it was not over"
