"""A change between two CRMs in memory: the old one has a life behind it, the new one holds what was brought over."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pandas as pd
from made_crm import CLOSED, STAGES, Clock, MadeCrm, activity, connect, lead, sync
from made_world import ZONE, World, make_world
from sqlalchemy import text

from adapters.records import Activity, Deal, DealStatus, Kind
from snapshots import crm_changes, rollups
from snapshots.change_reading import read
from snapshots.crm_changes import CrmChange, Sheet
from snapshots.database import Database
from snapshots.handover import Choices, confirm
from snapshots.organizations import connect_crm
from snapshots.reads import Reader
from snapshots.slices import Role, Slice, Viewer
from snapshots.sync import RunReport

PREFIX = "new-"
"""What the new CRM's ids begin with."""


@dataclass(repr=False)
class Moving:
    """An organization whose old CRM is `old.crm`, and the new one, which is connected and waits."""

    old: World
    new: MadeCrm
    new_id: int

    @property
    def database(self) -> Database:
        return self.old.database

    @property
    def organization_id(self) -> int:
        return self.old.organization_id

    @property
    def clock(self) -> Clock:
        return self.old.clock

    def start(self, *, back: bool = False) -> CrmChange:
        """The other CRM is read, and ready to be confirmed. back: from the new one to the old one."""
        ids = (self.new_id, self.old.connection_id) if back else (self.old.connection_id, self.new_id)
        change = crm_changes.start(
            self.database, self.organization_id, from_connection_id=ids[0], to_connection_id=ids[1], now=self.clock.at
        )
        reading = read(self.old.crm if back else self.new, lambda _: None)
        crm_changes.save_reading(self.database, change, reading, now=self.clock.at)
        return change

    def sheet(self, change: CrmChange) -> Sheet:
        return crm_changes.sheet(self.database, change)

    def confirm(self, change: CrmChange, choices: Choices) -> None:
        confirm(self.database, change, choices, by="admin", now=self.clock.forward(hours=3))

    def sync_new(self) -> RunReport:
        self.clock.forward(hours=1)
        return sync(self.database, self.organization_id, self.new_id, self.new, self.clock)

    def sync_old(self) -> RunReport:
        self.clock.forward(hours=1)
        return sync(self.database, self.organization_id, self.old.connection_id, self.old.crm, self.clock)

    def totals(self, until: date, *, as_of: date | None = None) -> Mapping[str, pd.DataFrame]:
        """Every total of the days up to `until`, as they were at its end, or seen at the end of another day."""
        reader = Reader(self.database, Viewer(self.organization_id, Role.ADMIN))
        part = Slice(first_day=None, last_day=until, as_of=as_of or until)
        found = {
            "events": reader.deal_events(part).drop(columns=["owner_id"]),
            "activities": reader.activity_counts(part),
            "activities of owners": reader.activity_counts(part, by_owner=True),
            "leads": reader.lead_counts(part),
            "sources": reader.lead_counts(part, by_source=True),
            "cycles": reader.cycles(part),
        }
        if as_of is None:
            found |= {
                "events of owners": reader.deal_events(part, by_owner=True),
                "open": reader.open_stages(part, by_owner=True),
                "ages": reader.stage_ages(part),
                "trend": reader.pipeline_trend(part, [until - timedelta(days=7), until]),
                "owners": reader.owners(until)[["owner_id", "team_id"]],
            }
        return found

    def today(self) -> date:
        return self.clock.at.astimezone(ZONE).date()

    def differences(self) -> dict[str, int]:
        with self.database.as_app(self.organization_id) as connection:
            return rollups.differences(connection, self.organization_id)

    def count(self, query: str) -> int:
        with self.database.as_app(self.organization_id) as connection:
            return int(connection.execute(text(query)).scalar_one())


def same(before: Mapping[str, pd.DataFrame], after: Mapping[str, pd.DataFrame]) -> None:
    assert before.keys() == after.keys()
    for name, frame in before.items():
        found = after[name]
        if name == "owners":  # who came later is listed, too
            found = found[found["owner_id"].isin(frame["owner_id"])].reset_index(drop=True)
        pd.testing.assert_frame_equal(frame, found, obj=name)


def short_world(database: Database, organization_id: int, *, seed: int) -> World:
    """Three weeks, read once."""
    world = World(database, organization_id, connect(database, organization_id), MadeCrm(page_size=40), Clock(),
                  random.Random(seed))  # fmt: skip
    world.live(24 * 21)
    world.clock.forward(hours=1)
    world.sync()
    return world


def make_moving(database: Database, organization_id: int, *, seed: int = 4, is_short: bool = False) -> Moving:
    """The new CRM holds most of the old one's deals, open and closed, with other ids, other amounts of a few, and
    creation dates of the day they were brought over; and deals, activities and leads of its own from before."""
    old = (short_world if is_short else make_world)(database, organization_id, seed=seed)
    chance, new = random.Random(seed), MadeCrm(page_size=40)
    _rename(new)
    for deal in old.crm.deals.values():
        if chance.random() < 0.85:
            new.say(_brought_over(deal, old, chance))
    for number in range(12):
        at = old.clock.at - timedelta(days=chance.randrange(1, 90))
        stage = chance.choice((*STAGES, *CLOSED))
        new.say(replace(new.create(f"{PREFIX}own{number}", at), stage_id=PREFIX + stage, pipeline_id=f"{PREFIX}p",
                        owner_id=f"{PREFIX}o1", status=CLOSED.get(stage, DealStatus.OPEN), history=(),
                        closed_at=at if stage in CLOSED else None))  # fmt: skip
    for number in range(30):
        at = old.clock.at + timedelta(days=chance.randrange(-60, 5))
        new.add(replace(activity(f"{PREFIX}a{number}", at), owner_id=f"{PREFIX}o1"))
        new.add(replace(lead(f"{PREFIX}l{number}", at), owner_id=f"{PREFIX}o2"))
    new.add(Activity(external_id=f"{PREFIX}undated", kind=activity("x", old.clock.at).kind, owner_id=f"{PREFIX}o1"))
    own = connect_crm(database, organization_id, provider="made", name="new", settings={}, is_active=False)
    return Moving(old=old, new=new, new_id=own.connection_id)


def _rename(crm: MadeCrm) -> None:
    """Every id begins with the prefix; probabilities are others."""
    for kind in (Kind.TEAM, Kind.OWNER, Kind.PIPELINE, Kind.STAGE):
        crm.log[kind] = [_renamed(record) for record in crm.log[kind]]


def _renamed(record):
    values = {"external_id": PREFIX + record.external_id}
    values |= {name: PREFIX + getattr(record, name) for name in ("team_id", "pipeline_id") if hasattr(record, name)}
    if hasattr(record, "probability"):
        values["probability"] = 0.99
    return replace(record, **values)


def _brought_over(deal: Deal, old: World, chance: random.Random) -> Deal:
    amount = deal.amount_minor
    is_amended = amount is not None and chance.random() < 0.1
    return replace(
        deal,
        external_id=PREFIX + deal.external_id,
        pipeline_id=f"{PREFIX}p",
        stage_id=PREFIX + str(deal.stage_id),
        owner_id=PREFIX + deal.owner_id if deal.owner_id else None,
        amount_minor=amount + 1 if is_amended else amount,
        created_at=deal.created_at if chance.random() < 0.6 else old.clock.at,
        source=None,
        history=(),
    )


def guessed(sheet: Sheet, *, ended: bool = True) -> Choices:
    """Everything as it was guessed; open deals that have no match end, or are kept."""
    pairs = {pair.theirs: pair.ours for pair in sheet.pairs}
    unmoved = frozenset(int(one.key) for one in sheet.unmoved(frozenset(pairs.values())))
    items = {kind: {key: guess.ours for key, guess in guesses.items()} for kind, guesses in sheet.guesses.items()}
    return Choices(items=items, deals=pairs, ended=unmoved if ended else frozenset())
