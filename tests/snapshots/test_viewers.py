"""Who may see what, asked of every way of reading there is: a new one fails here until it is listed."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd
import pytest
from made_crm import BORN, Clock, MadeCrm, activity, connect, lead, sync
from sqlalchemy import text

from adapters.records import Owner, Team
from snapshots import rows, status
from snapshots.database import Database
from snapshots.organizations import create_organization
from snapshots.reads import Reader
from snapshots.rows import DealSet
from snapshots.slices import NOBODY, Role, Slice, Viewer

LAST = date(2026, 3, 1)
SLICE = Slice(first_day=date(2026, 1, 1), last_day=LAST, as_of=LAST)


@dataclass(frozen=True)
class Firm:
    """Two teams: o1 manages t1, in which o2 is; o3 is in t2. Each has one open, one won deal, an activity, a lead."""

    database: Database
    organization_id: int
    owners: dict[str, int]
    run_id: int

    def reader(self, role: Role, owner: str | None = None) -> Reader:
        owner_id = self.owners[owner] if owner else None
        return Reader(self.database, Viewer(self.organization_id, role, owner_id))

    def owners_of(self, frame: pd.DataFrame) -> set[int]:
        """Whose the rows are; rows for people to read carry names instead of ids."""
        if "owner_id" in frame:
            return {int(owner) for owner in frame["owner_id"].dropna() if owner != NOBODY}
        names = {"Manager": "o1", "Rep": "o2", "Other": "o3"}
        return {self.owners[names[name]] for name in frame["owner"].dropna()}


@pytest.fixture
def firm(database: Database, organization: int) -> Firm:
    return make_firm(database, organization)


def make_firm(database: Database, organization_id: int, prefix: str = "") -> Firm:
    crm, clock = MadeCrm(page_size=50), Clock(BORN + timedelta(days=60))
    crm.add(
        Team(external_id="t1", name=f"{prefix}One", manager_id="o1"),
        Team(external_id="t2", name=f"{prefix}Two", manager_id="o3"),
        Owner(external_id="o1", name=f"{prefix}Manager", team_id="t1"),
        Owner(external_id="o2", name=f"{prefix}Rep", team_id="t1"),
        Owner(external_id="o3", name=f"{prefix}Other", team_id="t2"),
    )
    for n, owner in enumerate(["o1", "o2", "o3", None]):
        at = BORN + timedelta(days=n)
        crm.create(f"open{n}", at, owner=owner, amount_minor=1000 + n)
        crm.create(f"won{n}", at, owner=owner, amount_minor=2000 + n)
        crm.move(f"won{n}", at + timedelta(days=10), "won")
        if owner:
            crm.add(activity(f"a{n}", at, owner=owner))
        one = lead(f"l{n}", at)
        crm.add(type(one)(external_id=f"l{n}", created_at=at, source="Web", owner_id=owner))
    connection_id = connect(database, organization_id)
    report = sync(database, organization_id, connection_id, crm, clock)
    assert report.status == "succeeded", report.error_message
    with database.as_app(organization_id) as connection:
        found = connection.execute(text("SELECT external_id, entity_id FROM external_links WHERE kind = 'owner'"))
        return Firm(database, organization_id, {row[0]: row[1] for row in found}, report.run_id)


READS: dict[str, Callable[[Reader], pd.DataFrame]] = {
    "deal_events": lambda reader: reader.deal_events(SLICE, by_owner=True),
    "activity_counts": lambda reader: reader.activity_counts(SLICE, by_owner=True),
    "activity_weeks": lambda reader: reader.activity_weeks(SLICE),
    "won_weeks": lambda reader: reader.won_weeks(SLICE),
    "cycles": lambda reader: reader.cycles(SLICE, by_owner=True),
    "open_stages": lambda reader: reader.open_stages(SLICE, by_owner=True),
    "deal_rows": lambda reader: pd.concat(
        rows.deal_rows(reader, SLICE, which).rows.dropna(axis="columns", how="all")
        for which in (DealSet.OPEN, DealSet.WON)
    ),
    "lead_rows": lambda reader: rows.lead_rows(reader, SLICE).rows,
    "activity_rows": lambda reader: rows.activity_rows(reader, SLICE).rows,
}
"""Reads that say whose each row is."""
COUNTS: dict[str, Callable[[Reader], int]] = {
    "lead_counts": lambda reader: int(reader.lead_counts(SLICE)["n"].sum()),
    "stage_ages": lambda reader: int(reader.stage_ages(SLICE)["n"].sum()),
    "pipeline_trend": lambda reader: int(reader.pipeline_trend(SLICE, [LAST])["n"].sum()),
    "deal_summary": lambda reader: rows.deal_summary(reader, SLICE, DealSet.OPEN).n,
    "open_summaries": lambda reader: rows.open_summaries(reader, SLICE, [DealSet.OPEN])[DealSet.OPEN].n,
}
"""Reads of sums: one per owner of the firm, and one of nobody's."""
OF_THE_FRAME = {
    "owners": "names of colleagues: every user of the organization may know them",
    "filter_options": "names of teams, owners, sources",
    "rates": "currency rates of the organization", "managers": "ids of whoever manages a team",
    "where": "builds conditions", "as_of": "builds conditions", "rows": "runs what was built",
}  # fmt: skip
OF_THE_ORGANIZATION = {
    "list_runs", "runs_since", "newest_runs", "first_read_at", "freshness", "reconciliation", "rejected",
    "missing_objects", "save_rates",
}  # fmt: skip
"""The state of syncs: asked by organization, shown to those who may change settings."""


def test_every_way_of_reading_is_listed_here() -> None:
    methods = {name for name, _ in inspect.getmembers(Reader, inspect.isfunction) if not name.startswith("_")}
    functions = {
        name
        for name, function in inspect.getmembers(rows, inspect.isfunction)
        if function.__module__ == rows.__name__ and not name.startswith("_")
    }
    assert methods | functions == READS.keys() | COUNTS.keys() | OF_THE_FRAME.keys()
    about_runs = {
        name
        for name, function in inspect.getmembers(status, inspect.isfunction)
        if function.__module__ == status.__name__ and not name.startswith("_")
    }
    assert about_runs == OF_THE_ORGANIZATION


@pytest.mark.parametrize("role", [Role.ADMIN, Role.SALES_OPS, Role.ANALYST])
def test_who_runs_sales_sees_everything(firm: Firm, role: Role) -> None:
    reader = firm.reader(role)
    for name, read in READS.items():
        frame = read(reader)
        assert firm.owners_of(frame) >= set(firm.owners.values()), name
    assert {name: count(reader) for name, count in COUNTS.items()} == dict.fromkeys(COUNTS, 4)


def test_a_rep_sees_own_rows_alone(firm: Firm) -> None:
    reader = firm.reader(Role.REP, "o2")
    for name, read in READS.items():
        assert firm.owners_of(read(reader)) == {firm.owners["o2"]}, name
    assert {name: count(reader) for name, count in COUNTS.items()} == dict.fromkeys(COUNTS, 1)


def test_a_rep_who_asks_for_a_colleague_sees_nothing(firm: Firm) -> None:
    reader = firm.reader(Role.REP, "o2")
    asked = Slice(first_day=None, last_day=LAST, as_of=LAST, owner_ids=(firm.owners["o3"], NOBODY))
    assert reader.deal_events(asked, by_owner=True).empty
    assert rows.deal_rows(reader, asked, DealSet.OPEN).rows.empty


def test_a_manager_sees_the_teams_rows(firm: Firm) -> None:
    reader = firm.reader(Role.MANAGER, "o1")
    for name, read in READS.items():
        assert firm.owners_of(read(reader)) == {firm.owners["o1"], firm.owners["o2"]}, name
    assert {name: count(reader) for name, count in COUNTS.items()} == dict.fromkeys(COUNTS, 2)


@pytest.mark.parametrize("role", [Role.REP, Role.MANAGER])
def test_who_is_tied_to_no_salesperson_sees_no_row(firm: Firm, role: Role) -> None:
    reader = firm.reader(role)
    for name, read in READS.items():
        assert read(reader).empty, name
    assert {name: count(reader) for name, count in COUNTS.items()} == dict.fromkeys(COUNTS, 0)


@pytest.mark.parametrize("role", list(Role))
def test_an_outsider_sees_nothing_of_it(firm: Firm, database: Database, role: Role) -> None:
    """Another organization's user, even one who knows the ids."""
    other = create_organization(database, "Outsiders", time_zone="UTC", default_currency="USD").organization_id
    reader = Reader(database, Viewer(other, role, firm.owners["o2"]))
    for name, read in READS.items():
        assert read(reader).empty, name
    assert {name: count(reader) for name, count in COUNTS.items()} == dict.fromkeys(COUNTS, 0)
    assert reader.owners(LAST).empty
    assert not reader.filter_options(LAST).owners


def test_an_outsider_sees_no_runs(firm: Firm, database: Database) -> None:
    other = create_organization(database, "Outsiders", time_zone="UTC", default_currency="USD").organization_id
    assert status.list_runs(database, other) == []
    assert status.freshness(database, other) == []
    assert status.reconciliation(database, other, firm.run_id).empty
    assert status.rejected(database, other, firm.run_id)[1] == 0
    assert status.missing_objects(database, other).empty
