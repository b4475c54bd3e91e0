"""Whoever changes teams takes along what comes later, and leaves behind what was before."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from made_crm import activity, lead
from stored_crm import FIRST, Stored, day, noon, until

from adapters.records import Kind, Owner, Team
from snapshots.database import Database
from snapshots.rows import DealSet, activity_rows, deal_rows, deal_summary, lead_rows
from snapshots.slices import Role, Slice

MOVED_ON, LAST = 20, 60


def _owner(team: str, since: int | None) -> Owner:
    return Owner(
        external_id="o1",
        name="Owner 1" if team == "t2" else "Owner 1, married",
        team_id=team,
        since=None if since is None else noon(since),
    )


@pytest.fixture
def stored(database: Database, organization: int) -> Stored:
    """o1 is in t2, wins a deal, calls and gets a lead each ten days; from day 20 on o1 is in t1."""
    made = Stored(database, organization)
    for n in range(0, LAST, 10):
        made.crm.create(f"d{n}", noon(n))
        made.crm.move(f"d{n}", noon(n + 1), "won")
    made.crm.add(*(activity(f"a{n}", noon(n)) for n in range(0, LAST, 10)))
    made.crm.add(*(lead(f"l{n}", noon(n)) for n in range(0, LAST, 10)))
    made.sync(10)
    made.crm.add(_owner("t1", MOVED_ON))
    made.sync(LAST)
    return made


def _team(stored: Stored, team: str, as_of: int = LAST, first_day: date | None = FIRST) -> Slice:
    team_ids = (stored.id_of(Kind.TEAM, team),)
    return Slice(first_day=first_day, last_day=day(as_of), as_of=day(as_of), team_ids=team_ids)


def test_each_day_belongs_to_the_team_of_that_day(stored: Stored) -> None:
    found = {
        team: (stored.activities(shown), stored.leads(shown), stored.events(shown))
        for team in ("t1", "t2")
        if (shown := _team(stored, team))
    }
    assert found == {"t1": (4, 4, {"created": 4, "won": 4}), "t2": (2, 2, {"created": 2, "won": 2})}


def test_the_day_of_the_move_belongs_to_the_new_team(stored: Stored) -> None:
    """As of a day is as of its end."""
    move = Slice(
        first_day=day(MOVED_ON), last_day=day(MOVED_ON), as_of=day(LAST), team_ids=(stored.id_of(Kind.TEAM, "t1"),)
    )
    assert stored.activities(move) == 1


@pytest.mark.parametrize("team", ["t1", "t2"])
def test_the_rows_behind_a_number_belong_to_the_same_team(stored: Stored, team: str) -> None:
    shown, reader = _team(stored, team), stored.reader()
    events = stored.events(shown)
    assert len(activity_rows(reader, shown).rows) == stored.activities(shown)
    assert len(lead_rows(reader, shown).rows) == stored.leads(shown)
    assert (
        len(deal_rows(reader, shown, DealSet.WON).rows) == deal_summary(reader, shown, DealSet.WON).n == events["won"]
    )
    assert deal_summary(reader, shown, DealSet.CREATED).n == events["created"]
    assert int(reader.cycles(shown)["n"].sum()) == events["won"]


def test_both_teams_together_have_everything_once(stored: Stored) -> None:
    both = Slice(
        first_day=FIRST,
        last_day=day(LAST),
        as_of=day(LAST),
        team_ids=(stored.id_of(Kind.TEAM, "t1"), stored.id_of(Kind.TEAM, "t2")),
    )
    assert (stored.activities(both), stored.events(both)) == (6, {"created": 6, "won": 6})


def test_the_list_of_people_shows_the_team_and_the_name_of_that_day(stored: Stored) -> None:
    found = []
    for n in (MOVED_ON - 1, MOVED_ON, LAST):
        people = stored.reader().owners(day(n)).set_index("owner_id")
        found.append(tuple(people.loc[stored.id_of(Kind.OWNER, "o1"), ["name", "team"]]))
    assert found == [("Owner 1", "Team 2"), ("Owner 1, married", "Team 1"), ("Owner 1, married", "Team 1")]


def test_open_deals_stand_in_the_team_that_their_owner_is_in_on_that_day(stored: Stored) -> None:
    stored.crm.create("open", noon(2))
    stored.sync(LAST)
    found = {
        (team, n): stored.n_open(_team(stored, team, n)) for team in ("t1", "t2") for n in (MOVED_ON - 1, MOVED_ON)
    }
    # On the day of the move o1 also has d20, created that day and won on the next.
    assert found == {("t1", 19): 0, ("t1", 20): 2, ("t2", 19): 1, ("t2", 20): 0}


def test_a_move_without_a_date_counts_from_the_moment_we_learn_of_it(database: Database, organization: int) -> None:
    stored = Stored(database, organization)
    stored.crm.add(*(activity(f"a{n}", noon(n)) for n in range(0, LAST, 10)))
    stored.sync(10)
    stored.crm.add(_owner("t1", None))
    stored.sync(35)
    assert [stored.activities(_team(stored, team)) for team in ("t1", "t2")] == [2, 4]


def test_who_leaves_a_team_for_none_is_in_none(database: Database, organization: int) -> None:
    stored = Stored(database, organization)
    stored.crm.add(*(activity(f"a{n}", noon(n)) for n in range(0, LAST, 10)))
    stored.sync(10)
    stored.crm.add(Owner(external_id="o1", name="Owner 1", team_id=None, since=noon(MOVED_ON)))
    stored.sync(LAST)
    assert [stored.activities(_team(stored, team)) for team in ("t1", "t2")] == [0, 2]
    people = stored.reader().owners(day(LAST)).set_index("owner_id")
    assert people.loc[stored.id_of(Kind.OWNER, "o1"), "team"] is None


def test_a_manager_sees_what_the_rep_did_while_in_the_team_and_no_more(stored: Stored) -> None:
    stored.crm.add(Team(external_id="t1", name="Team 1", manager_id="boss"), Owner(external_id="boss", name="Boss"))
    stored.sync(LAST)
    boss, shown = stored.reader(Role.MANAGER, "boss"), Slice(first_day=FIRST, last_day=day(LAST), as_of=day(LAST))
    assert int(boss.activity_counts(shown)["n"].sum()) == 4
    assert len(deal_rows(boss, shown, DealSet.WON).rows) == 4
    earlier = until(MOVED_ON - 1)
    assert int(boss.activity_counts(earlier)["n"].sum()) == 0


def test_moving_there_and_back_on_one_day_leaves_one_team_for_each_day(database: Database, organization: int) -> None:
    stored = Stored(database, organization)
    stored.crm.add(activity("a", noon(MOVED_ON)), activity("b", noon(MOVED_ON + 1)))
    stored.sync(10)
    for hours, team in ((1, "t1"), (2, "t2"), (3, "t1")):
        at = noon(MOVED_ON) + timedelta(hours=hours)
        stored.crm.add(Owner(external_id="o1", name="Owner 1", team_id=team, since=at))
        stored.clock.at = at
        stored.sync(10)
    assert [stored.activities(_team(stored, team)) for team in ("t1", "t2")] == [2, 0]
    versions = stored.ask(
        "SELECT valid_from, valid_to FROM owner_versions WHERE owner_id = :id AND valid_from < valid_to "
        "AND valid_to < 'infinity' AND valid_from > '-infinity' ORDER BY 1",
        id=stored.id_of(Kind.OWNER, "o1"),
    )
    assert all(ended == began for (_, ended), (began, _) in pairwise(versions))
