"""What is planted in a demo world, for those who check that it is found: which rep, which stage, which deals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from adapters.demo.calendar import as_instant, as_time, day_of
from adapters.demo.deals import Planted
from adapters.demo.leads import chances_on_arrival
from adapters.demo.records import stage_id
from adapters.demo.world import DemoWorld


@dataclass(frozen=True, slots=True)
class CollapsedRep:
    """An owner whose activity lies low from `since` to `until`."""

    owner_id: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class StalledStage:
    """A stage in which the deals that enter it from `since` to `until` stay three times as long as usual."""

    stage_id: str
    since: date
    until: date


@dataclass(frozen=True, slots=True)
class Facts:
    """What has been planted by an instant.

    The sets hold external ids of deals: sandbagged (amount and close date are shown too low and too late until just
    before they are won), pushed (the close date moves out again and again), stale (nothing happens on them for months),
    happy_ears (the customer never answers). duplicates: external id of a second record -> that of the first, for
    companies ("C…"), contacts ("P…") and deals ("D…").
    """

    collapses: tuple[CollapsedRep, ...]
    stalls: tuple[StalledStage, ...]
    sandbagged: frozenset[str]
    pushed: frozenset[str]
    stale: frozenset[str]
    happy_ears: frozenset[str]
    duplicates: dict[str, str]


def lead_chances(world: DemoWorld, weeks: range) -> dict[str, float]:
    """The true chance to convert, as of its arrival, of each lead of these weeks, by external id."""
    known: dict[str, float] = {}
    for week in weeks:
        leads = world.leads(week)
        chances = chances_on_arrival(world.scene, leads)
        known |= {f"L{index}": chance for index, chance in zip(leads.index.tolist(), chances.tolist(), strict=True)}
    return known


def planted_facts(world: DemoWorld, *, until: datetime) -> Facts:
    """What is planted in this world up to an instant (aware). What is gone by then is left out."""
    end = as_instant(until)
    kinds = dict(_planted_deals(world, end))
    return Facts(
        collapses=tuple(
            CollapsedRep(f"U{one.person}", as_time(one.since), as_time(one.until))
            for one in world.staff.collapses
            if one.since <= end
        ),
        stalls=tuple(
            StalledStage(stage_id(0, stall.stage), day_of(stall.since), day_of(stall.until))
            for stall in world.stalls
            if day_of(stall.since) <= until.date()
        ),
        sandbagged=_of(kinds, Planted.SANDBAGGED),
        pushed=_of(kinds, Planted.PUSHED),
        stale=_of(kinds, Planted.STALE),
        happy_ears=_of(kinds, Planted.HAPPY_EARS),
        duplicates=dict(_duplicates(world, end)),
    )


def _of(kinds: dict[str, Planted], kind: Planted) -> frozenset[str]:
    return frozenset(external_id for external_id, planted in kinds.items() if planted is kind)


def _planted_deals(world: DemoWorld, end: int) -> Iterator[tuple[str, Planted]]:
    for week in range(world.last_week + 1):
        deals = world.deals(week)
        live = (deals.created <= end) & (deals.deleted > end) & (deals.planted != Planted.NOTHING)
        for number, planted in zip(deals.number[live].tolist(), deals.planted[live].tolist(), strict=True):
            yield f"D{number}", Planted(planted)


def _duplicates(world: DemoWorld, end: int) -> Iterator[tuple[str, str]]:
    for week in range(world.last_week + 1):
        deals = world.deals(week)
        for number in deals.number[(deals.number % 2 == 1) & (deals.created <= end) & (deals.deleted > end)].tolist():
            yield f"D{number}", f"D{number - 1}"
        for letter, rows in (("C", world.companies(week)), ("P", world.contacts(week))):
            live = rows.is_duplicate & (rows.created <= end) & (rows.merged > end)
            for record in rows.record[live].tolist():
                yield f"{letter}{record}", f"{letter}{record - 1}"
