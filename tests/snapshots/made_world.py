"""A seeded half year of a made CRM, synchronised now and then: whatever a real one does to its records happens here."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from made_crm import BORN, CLOSED, STAGES, Clock, MadeCrm, connect, sync
from sqlalchemy import text

from adapters.records import Activity, ActivityKind, Deletion, Kind, Lead, Owner
from snapshots import rollups
from snapshots.database import Database
from snapshots.organizations import create_organization

DAYS = 130
ZONE = ZoneInfo("Europe/Berlin")
"""Of the fixture `organization`."""
OWNERS = ("o1", "o2", "o3", None)
SOURCES = ("Web", "Fair", None)
CURRENCIES = ("EUR", "USD", "JPY", None)
PIPELINES, PRODUCTS = (9_001, 9_002), (9_101, 9_102)
"""Ids of ours, after `spread_out`."""


@dataclass(repr=False)
class World:
    """crm: goes on living; clock: stands at the last sync."""

    database: Database
    organization_id: int
    connection_id: int
    crm: MadeCrm
    clock: Clock
    chance: random.Random

    def __reduce__(self) -> tuple[object, ...]:
        """A copy speaks to the database of the original until it is given another."""
        parts = (self.organization_id, self.connection_id, self.crm, self.clock, self.chance)
        return _world_again, (self.database.url, *parts)

    def sync(self) -> None:
        report = sync(self.database, self.organization_id, self.connection_id, self.crm, self.clock)
        assert report.status == "succeeded", report.error_message

    def live(self, hours: int) -> None:
        """So many hours pass, in each of which something may happen."""
        for _ in range(hours // 6):
            at = self.clock.forward(hours=5, minutes=self.chance.randrange(120))
            if self.chance.random() < 0.15:
                at = self.clock.at = _next_midnight(at)
            self.chance.choice((self._create, self._touch, self._touch, self._lead, self._act, self._act))(at)

    def _create(self, at: datetime) -> None:
        amount_minor = self.chance.choice((None, 0, 5, 12_345, 999_999_99))
        key = f"d{len(self.crm.log[Kind.DEAL])}"
        deal = self.crm.create(key, at, stage=self.chance.choice((*STAGES, "won")), amount_minor=amount_minor)
        is_undated = self.chance.random() < 0.2
        changed = replace(
            deal,
            owner_id=self.chance.choice(OWNERS),
            source=self.chance.choice(SOURCES),
            currency=self.chance.choice(CURRENCIES) if amount_minor is not None else None,
            created_at=None if is_undated else deal.created_at,
            closed_at=None if is_undated and self.chance.random() < 0.5 else deal.closed_at,
        )
        self.crm.say(changed)

    def _touch(self, at: datetime) -> None:
        if not self.crm.deals:
            return
        key = self.chance.choice(sorted(self.crm.deals))
        what = self.chance.random()
        if what < 0.5:
            self.crm.move(key, at, self.chance.choice((*STAGES, *CLOSED)))
        elif what < 0.65:
            self.crm.change(key, at, owner_id=self.chance.choice(OWNERS))
        elif what < 0.8:
            self.crm.change(key, at, amount_minor=777_00, currency=self.chance.choice(CURRENCIES))
        elif what < 0.9:
            self.crm.change(key, at, source=self.chance.choice(SOURCES), close_on=(at + timedelta(days=9)).date())
        elif len(self.crm.deals) > 3:
            self.crm.remove(key, self.chance.choice((at, None)))

    def _lead(self, at: datetime) -> None:
        owner, source = self.chance.choice(OWNERS), self.chance.choice(SOURCES)
        created_at = self.chance.choice((at, at, None))
        converted = self.chance.choice((True, False, None))
        key = f"l{self.chance.randrange(60)}"
        self.crm.add(Lead(external_id=key, owner_id=owner, source=source, created_at=created_at, converted=converted))

    def _act(self, at: datetime) -> None:
        key = f"a{self.chance.randrange(120)}"
        if self.chance.random() < 0.1:
            self.crm.log[Kind.ACTIVITY].append(Deletion(kind=Kind.ACTIVITY, external_id=key))
            return
        self.crm.add(
            Activity(
                external_id=key,
                kind=self.chance.choice(tuple(ActivityKind)),
                owner_id=self.chance.choice(OWNERS),
                occurred_at=self.chance.choice((at, at, at + timedelta(days=4), None)),
                outcome=self.chance.choice(("completed", "Cancelled", None)),
            )
        )


def _world_again(url: str, *parts: Any) -> World:
    return World(Database(url), *parts)


def _next_midnight(at: datetime) -> datetime:
    """The first instant of a day, which belongs to that day and to no other."""
    tomorrow = at.astimezone(ZONE).date() + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=ZONE).astimezone(UTC)


def make_world(database: Database, organization_id: int, *, seed: int = 4) -> World:
    """Lives through the change to summer time; o1 and o2 change teams on the way, o3 is in none for a while."""
    clock, crm = Clock(BORN), MadeCrm(page_size=40)
    world = World(database, organization_id, connect(database, organization_id), crm, clock, random.Random(seed))
    for turn in range(6):
        world.live(24 * DAYS // 6)
        if turn in (1, 3):
            team = "t1" if turn == 1 else "t2"
            crm.add(Owner(external_id="o1", name="Owner 1", team_id=team, since=clock.at - timedelta(days=3)))
            crm.add(Owner(external_id="o3", name="Owner 3", team_id=None if turn == 1 else "t1"))
        clock.forward(hours=1)
        world.sync()
    return world


def half_a_year(url: str) -> World:
    """A world in an empty database, for `copy_of`; its rollups are right."""
    database = Database(url)
    organization = create_organization(database, "Acme", time_zone="Europe/Berlin", default_currency="EUR")
    world = make_world(database, organization.organization_id)
    with database.as_app(world.organization_id) as connection:
        assert set(rollups.differences(connection, world.organization_id).values()) == {0}
    database.close()
    return world


_SPREAD = text(
    "UPDATE deal_versions v SET pipeline_id = CASE h % 7 WHEN 0 THEN :other_pipeline WHEN 1 THEN NULL "
    "ELSE :pipeline END, product_id = CASE h / 7 % 5 WHEN 0 THEN :other_product WHEN 1 THEN NULL ELSE :product END, "
    "close_on = CASE WHEN h / 35 % 3 > 0 THEN date '2026-01-05' + h % 140 ELSE v.close_on END "
    "FROM (SELECT d.*, abs(hashtext(deal_id::text || recorded_at::text || valid_from::text)) AS h "
    "FROM deal_versions d) d "
    "WHERE (v.deal_id, v.valid_from, v.recorded_at) = (d.deal_id, d.valid_from, d.recorded_at)"
)


def spread_out(database: Database) -> None:
    """Puts deals into several pipelines and products and none, and close dates on many days, which change from one
    version to the next."""
    (pipeline, other_pipeline), (product, other_product) = PIPELINES, PRODUCTS
    with database.as_owner() as connection:
        connection.execute(
            _SPREAD,
            {
                "pipeline": pipeline, "other_pipeline": other_pipeline, "product": product,
                "other_product": other_product,
            },
        )  # fmt: skip
