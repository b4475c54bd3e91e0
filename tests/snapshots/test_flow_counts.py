"""On random days, slices and viewers what arrays come to is what the database comes to in one statement."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from databases import CopyOf
from examples import examples
from flow_in_sql import Counts, counted
from made_crm import BORN
from made_world import DAYS, World, half_a_year
from sqlalchemy import text

from snapshots import flow_facts
from snapshots.database import Database
from snapshots.flow_facts import Fate, Flow
from snapshots.reads import Reader
from snapshots.slices import NOBODY, UNKNOWN, Role, Slice, Viewer

N = examples(40, full=600)
SEES = (Role.ADMIN, Role.ADMIN, Role.ANALYST, Role.MANAGER, Role.REP)


_MORE_DATES = text(
    "UPDATE deal_versions v SET close_on = CASE WHEN h % 6 > 0 THEN date '2026-01-01' + h % 64 END, "
    "stage_entered_at = CASE WHEN h % 13 > 0 THEN v.stage_entered_at END "
    "FROM (SELECT d.*, abs(hashtext(deal_id::text || valid_from::text)) AS h FROM deal_versions d) d "
    "WHERE (v.deal_id, v.valid_from, v.recorded_at) = (d.deal_id, d.valid_from, d.recorded_at)"
)
"""Close dates that move often, and stages of which nobody knows when they were entered."""


@pytest.fixture(scope="module")
def world(copy_of: CopyOf) -> Iterator[World]:
    with copy_of("half a year", half_a_year) as (url, world):
        world.database = Database(url)
        with world.database.as_owner() as connection:
            connection.execute(_MORE_DATES)
        yield world
        world.database.close()


def ids(world: World, kind: str) -> list[int]:
    with world.database.as_app(world.organization_id) as connection:
        query = text("SELECT entity_id FROM external_links WHERE kind = :kind ORDER BY 1")
        return [int(one) for one in connection.execute(query, {"kind": kind}).scalars()]


def asked(world: World, pick: random.Random) -> tuple[Reader, Slice]:
    first, last = sorted(BORN.date() + timedelta(days=pick.randint(-3, DAYS + 20)) for _ in range(2))
    owners, teams = ids(world, "owner"), ids(world, "team")
    slice_ = Slice(
        first_day=pick.choice((first, first, first, None)), last_day=last,
        as_of=last + timedelta(days=pick.choice((0, 9))),
        team_ids=tuple(pick.sample(teams, pick.choice((0, 0, 0, 1)))),
        owner_ids=tuple(pick.sample([*owners, NOBODY], pick.choice((0, 0, 0, 1, 2)))),
        sources=tuple(pick.sample(["Web", "Fair", UNKNOWN], pick.choice((0, 0, 1, 2)))),
    )  # fmt: skip
    known_on = pick.choice((None, slice_.as_of))
    slice_ = Slice(**{name: getattr(slice_, name) for name in Slice.__dataclass_fields__} | {"known_on": known_on})
    return Reader(world.database, Viewer(world.organization_id, pick.choice(SEES), pick.choice(owners))), slice_


def told(found: Flow) -> tuple[Counts, int, Counts]:
    stays: Counts = Counter()
    for row in found.stays.itertuples():
        stage_id = None if row.stage_id != row.stage_id or row.stage_id is None else row.stage_id
        stays[stage_id, int(row.age), str(row.fate), bool(row.is_new)] += int(row.n)
    pushes: Counts = Counter()
    for row in found.pushes.itertuples():
        pushes[int(row.n_pushes), str(row.status), "deals"] += int(row.n)
        pushes[int(row.n_pushes), str(row.status), "days"] += int(row.days)
    return stays, found.n_undated, +pushes


@pytest.mark.timeout(3600)
def test_any_days_and_any_slice_come_to_what_one_statement_says(world: World) -> None:
    pick, fates, met = random.Random(20_261_129), set[str](), Counter[str]()
    for number in range(N):
        reader, slice_ = asked(world, pick)
        found = flow_facts.flow(reader, slice_)
        assert told(found) == counted(reader, slice_), (number, reader.viewer, slice_)
        fates |= set(found.stays["fate"])
        met["pushed twice"] += int((found.pushes["n_pushes"] > 1).sum())
        met["undated"] += found.n_undated
        for stage_id, own in found.stays[found.stays["fate"] != "in"].groupby("stage_id"):
            rows, after = flow_facts.stay_deals(
                reader, slice_, stage_id=int(stage_id), fates=list(Fate), is_new=False, limit=10_000
            )
            assert (len(rows), after) == (own["n"].sum(), None)
            assert sorted(zip(rows["age"], rows["fate"], strict=True)) == sorted(
                (row.age, row.fate) for row in own.itertuples() for _ in range(row.n)
            )
    assert fates >= {"in", "on", "back", "won", "lost", "there", "left", "gone"}, "every fate was met"
    assert min(met["pushed twice"], met["undated"]) > 0
