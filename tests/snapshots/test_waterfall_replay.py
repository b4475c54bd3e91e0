"""On random days and slices the waterfall is to the cent what a replay of all events comes to, cause by cause."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from databases import CopyOf
from event_replay import Replay
from examples import examples
from made_crm import BORN
from made_world import DAYS, PIPELINES, PRODUCTS, ZONE, World, half_a_year, spread_out
from sqlalchemy import text

from insights.waterfall import Cause, MoveFrames, Waterfall, waterfall
from snapshots.database import Database
from snapshots.pipeline_moves import open_deals, pipeline_moves
from snapshots.reads import Reader
from snapshots.slices import NOBODY, UNKNOWN, Role, Slice, Viewer
from snapshots.status import save_rates

N = max(50, examples(90, full=1000))
SEED = 20_261_128
SEES = (Role.ADMIN, Role.ADMIN, Role.ANALYST, Role.MANAGER, Role.REP)
Parts = Counter[tuple[str, str | None]]


@dataclass(frozen=True)
class Question:
    """From the evening of `start` to that of `slice_.as_of`."""

    start: date
    slice_: Slice
    viewer: Viewer
    currency: str | None
    has_swings: bool


@dataclass
class Books:
    world: World
    replay: Replay
    teams: list[int]
    owners: list[int]
    chance: random.Random

    def ask(self) -> Question:
        pick = self.chance
        day = [BORN.date() + timedelta(days=pick.randint(-3, DAYS + 20)) for _ in range(4)]
        start, end = sorted(day[:2] if day[0] != day[1] else (day[0], day[0] + timedelta(days=1)))
        slice_ = Slice(
            first_day=None, last_day=end, as_of=end,
            team_ids=tuple(pick.sample(self.teams, pick.choice((0, 0, 0, 1)))),
            owner_ids=tuple(pick.sample([*self.owners, NOBODY], pick.choice((0, 0, 0, 1, 2)))),
            sources=tuple(pick.sample(["Web", "Fair", UNKNOWN], pick.choice((0, 0, 1, 2)))),
            pipeline_ids=tuple(pick.sample([*PIPELINES, NOBODY], pick.choice((0, 0, 0, 1, 2)))),
            product_ids=tuple(pick.sample([*PRODUCTS, NOBODY], pick.choice((0, 0, 0, 1, 2)))),
            closes=pick.choice((None, (min(day[2:]), max(day[2:])))),
            known_on=pick.choice((None, end)),
        )  # fmt: skip
        viewer = Viewer(self.world.organization_id, pick.choice(SEES), pick.choice(self.owners))
        return Question(start, slice_, viewer, pick.choice((None, "EUR")), pick.random() < 0.7)


@pytest.fixture(scope="module")
def books(copy_of: CopyOf) -> Iterator[Books]:
    with copy_of("half a year", half_a_year) as (url, world):
        world.database = Database(url)
        first = BORN.date()
        rates = [("USD", "EUR", first + timedelta(days=n), Decimal(one)) for n, one in ((20, "0.9137"), (70, "0.8511"))]
        save_rates(world.database, world.organization_id, rates, entered_by="ann@made.example")
        spread_out(world.database)
        with world.database.as_app(world.organization_id) as connection:
            links = connection.execute(
                text("SELECT kind, entity_id FROM external_links WHERE kind IN ('owner', 'team')")
            )
            ids = [(row.kind, int(row.entity_id)) for row in links]
        yield Books(
            world=world, replay=Replay.of(world.database, world.organization_id, ZONE), chance=random.Random(SEED),
            teams=sorted(key for kind, key in ids if kind == "team"),
            owners=sorted(key for kind, key in ids if kind == "owner"),
        )  # fmt: skip
        world.database.close()


def ours(books: Books, asked: Question) -> Waterfall:
    reader = Reader(books.world.database, asked.viewer)
    found = pipeline_moves(reader, asked.slice_, start=asked.start)
    frames = MoveFrames(
        start=found.start, end=found.end, spans=found.spans, steady=found.steady, then=found.then,
        learnt=found.learnt, rates=reader.rates(),
    )  # fmt: skip
    return waterfall(frames if asked.has_swings else frames.without_swings(), reporting_currency=asked.currency)


def stock(books: Books, asked: Question, day: date, known_on: date | None) -> tuple[int, Counter[str | None]]:
    """How many deals are open in the slice on that evening, and what they are worth."""
    n, sums = 0, Counter[str | None]()
    managed = Reader(books.world.database, asked.viewer).managed_teams
    for one in books.replay.evening(day, known_on):
        if books.replay.asks_for(one, asked.slice_, asked.viewer, managed, day).counts:
            n += 1
            sums.update(books.replay.worth(one.amount_minor, one.currency, day, asked.currency))
    return n, sums


def replayed(books: Books, asked: Question) -> Parts:
    managed, start, end = Reader(books.world.database, asked.viewer).managed_teams, asked.start, asked.slice_.as_of
    found: Parts = Counter()
    for log in books.replay.versions.values():
        spans = books.replay.spans(log, asked.slice_, asked.viewer, managed, start)
        kept = spans if asked.has_swings else [one for one in spans if one.is_start or one is spans[-1]]
        found.update(books.replay.parts(kept, end, asked.currency))
    if asked.slice_.known_on is not None:
        _, taken_for = stock(books, asked, start, start)
        _, turned_out = stock(books, asked, start, end)
        for currency in {*taken_for, *turned_out}:
            found[Cause.CORRECTED, currency] += turned_out[currency] - taken_for[currency]
    return Counter({key: minor for key, minor in found.items() if minor})


def told(found: Waterfall) -> Parts:
    sums: Parts = Counter()
    for row in found.parts.itertuples():
        sums[str(row.cause), row.currency if isinstance(row.currency, str) else None] += int(row.amount_minor)
    return Counter({key: minor for key, minor in sums.items() if minor})


def said(moneys: tuple[object, ...]) -> dict[str | None, int]:
    return {one.currency: one.minor for one in moneys if one.minor}  # type: ignore[attr-defined]


def plain(sums: Counter[str | None]) -> dict[str | None, int]:
    return {currency: minor for currency, minor in sums.items() if minor}


@pytest.mark.timeout(3600)
def test_any_two_days_and_any_slice_are_what_a_replay_of_events_comes_to(books: Books) -> None:
    causes: set[str] = set()
    for number in range(N):
        asked = books.ask()
        found = ours(books, asked)
        known = [None if asked.slice_.known_on is None else day for day in (asked.start, asked.slice_.as_of)]
        before, after = (
            stock(books, asked, day, known_on)
            for day, known_on in zip((asked.start, asked.slice_.as_of), known, strict=True)
        )
        assert (found.n_start, said(found.start)) == (before[0], plain(before[1])), (number, asked)
        assert (found.n_end, said(found.end)) == (after[0], plain(after[1])), (number, asked)
        parts = replayed(books, asked)
        assert told(found) == parts, (number, asked)
        changes: Counter[str | None] = Counter()
        for (cause, currency), minor in parts.items():
            changes[currency] += minor
            causes.add(cause)
        after[1].subtract(before[1])
        assert plain(changes) == plain(after[1]), (number, asked)
    assert causes >= {one.value for one in Cause}, "every cause was met"


@pytest.mark.timeout(3600)
def test_what_pages_show_of_any_day_is_what_a_replay_of_events_comes_to(books: Books) -> None:
    for number in range(N):
        asked = books.ask()
        reader = Reader(books.world.database, asked.viewer)
        there = asked.slice_
        known = replace(there, closes=None, first_day=asked.start if asked.has_swings else None)
        seen = [
            one.version
            for one in (
                books.replay.asks_for(version, there, asked.viewer, reader.managed_teams, there.as_of)
                for version in books.replay.evening(there.as_of, there.known_on)
            )
            if one.counts
        ]
        stages = reader.open_stages(there)
        by_stage = Counter(one.stage_id for one in seen)
        assert stages.groupby("stage_id", dropna=False)["n"].sum().sum() == len(seen), (number, asked)
        assert {int(key): int(n) for key, n in stages.groupby("stage_id")["n"].sum().items()} == {
            key: n for key, n in by_stage.items() if key is not None
        }
        assert int(stages["amount_minor"].sum()) == sum(one.amount_minor or 0 for one in seen)
        counted = open_deals(reader, there)
        assert (counted.n, counted.n_unvalued) == (len(seen), sum(one.amount_minor is None for one in seen))
        events = reader.deal_events(known)
        happened = Counter[tuple[str, str | None]]()
        for row in events.itertuples():
            happened[str(row.event), row.currency if isinstance(row.currency, str) else None] += int(row.n)
        assert happened == books.replay.events(known, asked.viewer, reader.managed_teams), (number, known)
