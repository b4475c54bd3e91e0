"""What comes into a stage leaves it once, for where it went; what is still there, or out of sight, is told as that."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date

import pandas as pd
from made_crm import CLOSED
from stored_crm import Stored, day, noon, until

from adapters.records import Kind
from snapshots import flow_facts
from snapshots.database import Database
from snapshots.flow_facts import Fate
from snapshots.organizations import create_organization
from snapshots.reads import Reader
from snapshots.rows import DealSet, deal_summary
from snapshots.slices import Role, Slice, Viewer


def told(stays: pd.DataFrame) -> Counter[tuple[int, str, bool]]:
    """Age, fate and whether new."""
    found: Counter[tuple[int, str, bool]] = Counter()
    for row in stays.itertuples():
        found[int(row.age), str(row.fate), bool(row.is_new)] += int(row.n)
    return found


def of_stage(stored: Stored, slice_: Slice, stage: str, reader: Reader | None = None) -> Counter[tuple[int, str, bool]]:
    found = flow_facts.flow(reader or stored.reader(), slice_).stays
    return told(found[found["stage_id"] == stored.id_of(Kind.STAGE, stage)])


def period(first: int, last: int) -> Slice:
    return replace(until(last), first_day=day(first))


def test_a_stay_begins_and_ends_once_and_says_where_it_went(database: Database, organization: int) -> None:
    stored = Stored(database, organization)
    for name in "abcde":
        stored.crm.create(name, noon(0), stage="s2")
    stored.crm.move("a", noon(3), "s3")
    stored.crm.move("b", noon(4), "won")
    stored.crm.move("c", noon(5), "s1")
    stored.crm.move("d", noon(6), "lost")
    stored.sync(10)
    assert of_stage(stored, period(0, 12), "s2") == {
        (0, "in", True): 5, (3, "on", True): 1, (4, "won", True): 1, (5, "back", True): 1, (6, "lost", True): 1,
        (12, "there", True): 1,
    }  # fmt: skip
    stored.crm.remove("e", noon(14))
    stored.sync(15)
    assert of_stage(stored, period(0, 12), "s2")[12, "there", True] == 1
    assert of_stage(stored, period(0, 20), "s2")[14, "gone", True] == 1


def test_a_deal_that_was_there_already_comes_at_its_age(database: Database, organization: int) -> None:
    stored = Stored(database, organization)
    stored.crm.create("a", noon(0), stage="s1")
    stored.crm.move("a", noon(20), "s2")
    stored.sync(21)
    assert of_stage(stored, period(8, 25), "s1") == {(8, "in", False): 1, (20, "on", False): 1}
    assert of_stage(stored, period(8, 15), "s1") == {(8, "in", False): 1, (15, "there", False): 1}
    assert of_stage(stored, period(21, 25), "s1") == {}


def test_an_amount_that_changes_ends_no_stay(database: Database, organization: int) -> None:
    stored = Stored(database, organization)
    stored.crm.create("a", noon(0), stage="s1")
    stored.sync(1)
    stored.crm.change("a", noon(4), amount_minor=777)
    stored.sync(5)
    assert of_stage(stored, period(0, 9), "s1") == {(0, "in", True): 1, (9, "there", True): 1}


def test_a_deal_that_is_handed_over_leaves_one_and_comes_to_the_other_at_its_age(
    database: Database, organization: int
) -> None:
    stored = Stored(database, organization)
    stored.crm.create("a", noon(0), stage="s1", owner="o1")
    stored.sync(1)
    stored.crm.change("a", noon(6), owner_id="o2")
    stored.sync(7)
    stored.crm.move("a", noon(9), "won")
    stored.sync(10)
    reps = {owner: stored.reader(Role.REP, owner) for owner in ("o1", "o2", "o3")}
    found = {owner: of_stage(stored, period(0, 12), "s1", reader) for owner, reader in reps.items()}
    assert found == {
        "o1": {(0, "in", True): 1, (6, "left", True): 1},
        "o2": {(6, "in", True): 1, (9, "won", True): 1},
        "o3": {},
    }
    outsider = Reader(database, Viewer(create_organization(database, "Others").organization_id, Role.ADMIN))
    assert flow_facts.flow(outsider, period(0, 12)).stays.empty


def test_what_was_learnt_later_is_not_known_then(database: Database, organization: int) -> None:
    stored = Stored(database, organization)
    stored.crm.create("a", noon(0), stage="s1")
    stored.sync(1)
    stored.crm.move("a", noon(3), "s2")
    stored.sync(20)
    now, then = period(0, 9), replace(period(0, 9), known_on=day(9))
    assert of_stage(stored, now, "s1")[3, "on", True] == 1
    assert of_stage(stored, then, "s1") == {(0, "in", True): 1, (9, "there", True): 1}
    assert of_stage(stored, then, "s2") == {}


def test_the_deals_of_a_stage_are_as_many_as_its_number_and_come_in_pages(
    database: Database, organization: int
) -> None:
    stored = Stored(database, organization)
    for n in range(7):
        stored.crm.create(f"d{n}", noon(n), stage="s1")
        stored.crm.move(f"d{n}", noon(n + 1 + n % 3), "s2")
    stored.sync(12)
    asked, stage_id = period(0, 14), stored.id_of(Kind.STAGE, "s1")
    seen, after = [], None
    while True:
        rows, after = flow_facts.stay_deals(stored.reader(), asked, stage_id=stage_id, fates=[Fate.ON], after=after,
                                            limit=3)  # fmt: skip
        seen += list(zip(rows["name"], rows["age"], rows["left_day"] - rows["entered_day"], strict=True))
        if after is None:
            break
    assert len(seen) == len(set(seen)) == 7
    assert [age for _, age, _ in seen] == sorted((age for _, age, _ in seen), reverse=True)
    assert all(pd.Timedelta(days=age) == days for _, age, days in seen)


def test_a_close_date_that_moves_later_is_a_push_and_one_that_moves_nearer_is_none(
    database: Database, organization: int
) -> None:
    stored = Stored(database, organization)
    moves: dict[str, list[date | None]] = {
        "a": [day(30), day(40), day(60)], "b": [day(30), day(20), day(25)], "c": [day(30), day(30)], "d": [None, day(9)]
    }  # fmt: skip
    for name, dates in moves.items():
        stored.crm.create(name, noon(0), stage="s1")
        stored.crm.change(name, noon(0), close_on=dates[0])
    stored.sync(1)
    for turn in (1, 2):
        for name, dates in moves.items():
            if turn < len(dates):
                stored.crm.change(name, noon(2 * turn), close_on=dates[turn])
        stored.sync(2 * turn + 1)
    stored.crm.move("b", noon(8), CLOSED["won"].value)
    stored.sync(9)
    found = flow_facts.flow(stored.reader(), period(0, 12)).pushes
    assert {(row.n_pushes, row.status): (row.n, row.days) for row in found.itertuples()} == {
        (2, "open"): (1, 30), (1, "won"): (1, 5), (0, "open"): (2, 0),
    }  # fmt: skip
    rows, _ = flow_facts.pushed_deals(stored.reader(), period(0, 12), least=1)
    assert list(rows["name"]) == ["Deal a", "Deal b"]
    later = flow_facts.flow(stored.reader(), period(4, 12)).pushes
    assert {(row.n_pushes, row.status): row.n for row in later.itertuples()} == {
        (1, "open"): 1, (1, "won"): 1, (0, "open"): 2
    }  # fmt: skip


def test_cohorts_count_the_deals_of_a_week_by_what_they_are_and_how_old_they_were_then(
    database: Database, organization: int
) -> None:
    stored = Stored(database, organization)
    for n, name in enumerate("abc"):
        stored.crm.create(name, noon(n))
    stored.crm.create("d", noon(7))
    stored.crm.move("a", noon(9), "won")
    stored.crm.move("b", noon(30), "lost")
    stored.sync(31)
    found = flow_facts.cohorts(stored.reader(), period(0, 31))
    rows = {(row.day.date(), row.status, None if pd.isna(row.weeks) else int(row.weeks)): row.n
            for row in found.itertuples()}  # fmt: skip
    assert rows == {(day(0), "won", 1): 1, (day(0), "lost", 4): 1, (day(0), "open", None): 1, (day(7), "open", None): 1}
    earlier = flow_facts.cohorts(stored.reader(), period(0, 8))
    assert set(earlier["status"]) == {"open"}


def test_deals_that_closed_nobody_knows_when_count_for_the_team_that_their_rows_are_listed_for(
    database: Database, organization: int
) -> None:
    stored = Stored(database, organization)
    deal = stored.crm.create("a", noon(0), stage="won", owner="o1")
    stored.crm.say(replace(deal, closed_at=None, created_at=None, history=()))
    stored.sync(1)
    teams = {key: until(3, team_ids=(stored.id_of(Kind.TEAM, key),)) for key in ("t1", "t2")}
    n = {key: int(flow_facts.closed(stored.reader(), here)["n"].sum()) for key, here in teams.items()}
    listed = {key: deal_summary(stored.reader(), here, DealSet.CLOSED).n for key, here in teams.items()}
    assert n == listed == {"t1": 0, "t2": 1}
