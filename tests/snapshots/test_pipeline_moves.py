"""The pipeline's change between two evenings is told whole: for any slice and viewer, as known now and then."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd
import pytest
from databases import CopyOf
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_crm import BORN, Clock, MadeCrm, connect
from made_world import DAYS, PIPELINES, PRODUCTS, ZONE, World, half_a_year, spread_out
from sqlalchemy import text
from stored_crm import Stored, day, noon, until

from adapters.records import Kind, Owner, Product
from insights.money import converted, totals
from insights.waterfall import Cause, MoveFrames, Waterfall, waterfall
from snapshots.database import Database
from snapshots.organizations import create_organization
from snapshots.pipeline_moves import open_deals, pipeline_moves, product_names
from snapshots.reads import Reader
from snapshots.rows import DealSet, deal_rows
from snapshots.slices import NOBODY, UNKNOWN, Role, Slice, Viewer
from snapshots.status import save_rates

FEW = settings(
    max_examples=examples(10, full=1000),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
OWNERS, TEAMS = ("o1", "o2", "o3"), ("t1", "t2")
days = st.integers(-3, DAYS + 20).map(lambda ahead: (BORN + timedelta(days=ahead)).date())


@pytest.fixture(scope="module")
def world(copy_of: CopyOf) -> Iterator[World]:
    with copy_of("half a year", half_a_year) as (url, world):
        world.database = Database(url)
        first = BORN.date()
        rates = [("USD", "EUR", first + timedelta(days=n), Decimal(one)) for n, one in ((20, "0.9137"), (70, "0.8511"))]
        save_rates(world.database, world.organization_id, rates, entered_by="ann@made.example")
        spread_out(world.database)
        yield world
        world.database.close()


@st.composite
def asked(draw: st.DrawFn) -> tuple[date, Slice, Role, str]:
    """A first evening and a slice as of the second, with external ids in place of ours, and who asks."""
    first, last = draw(st.lists(days, min_size=2, max_size=2, unique=True).map(sorted))
    slice_ = Slice(
        first_day=None,
        last_day=last,
        as_of=last,
        team_ids=tuple(draw(st.sets(st.sampled_from(TEAMS), max_size=1))),
        owner_ids=tuple(draw(st.sets(st.sampled_from((*OWNERS, NOBODY)), max_size=2))),
        sources=tuple(draw(st.sets(st.sampled_from(["Web", "Fair", UNKNOWN]), max_size=2))),
        pipeline_ids=tuple(draw(st.sets(st.sampled_from((*PIPELINES, NOBODY)), max_size=2))),
        product_ids=tuple(draw(st.sets(st.sampled_from((*PRODUCTS, NOBODY)), max_size=2))),
        closes=draw(st.one_of(st.none(), st.lists(days, min_size=2, max_size=2).map(lambda two: tuple(sorted(two))))),
        known_on=draw(st.sampled_from([None, last])),
    )
    role = draw(st.sampled_from([Role.ADMIN, Role.ANALYST, Role.MANAGER, Role.REP]))
    return first, slice_, role, draw(st.sampled_from(OWNERS))


def put(world: World, slice_: Slice, role: Role = Role.ADMIN, owner: str = "o1") -> tuple[Reader, Slice]:
    with world.database.as_app(world.organization_id) as connection:
        rows = connection.execute(
            text("SELECT external_id, entity_id FROM external_links WHERE kind IN ('owner', 'team')")
        )
        ours: dict[object, int] = {NOBODY: NOBODY} | {row.external_id: row.entity_id for row in rows}
    here = replace(
        slice_,
        team_ids=tuple(ours[one] for one in slice_.team_ids),
        owner_ids=tuple(ours[one] for one in slice_.owner_ids),
    )
    return Reader(world.database, Viewer(world.organization_id, role, ours[owner])), here


def frames(reader: Reader, slice_: Slice, start: date) -> MoveFrames:
    found = pipeline_moves(reader, slice_, start=start)
    return MoveFrames(
        start=found.start, end=found.end, spans=found.spans, steady=found.steady, then=found.then,
        learnt=found.learnt, rates=reader.rates(),
    )  # fmt: skip


def stock(reader: Reader, slice_: Slice, day: date, currency: str | None) -> tuple[int, dict[str | None, int]]:
    """What the rows of the open deals at the end of `day` come to, each converted by that day's rate."""
    known_on = None if slice_.known_on is None else day
    there = replace(slice_, as_of=day, last_day=day, known_on=known_on)
    rows = deal_rows(reader, there, DealSet.OPEN, limit=10_000).rows
    valued = rows[rows["amount_minor"].notna()].astype({"amount_minor": "int64"})
    sums = totals(converted(valued, reader.rates(), currency, days=day))
    return len(rows), {one.currency: one.minor for one in sums if one.minor}


def difference(start: dict[str | None, int], end: dict[str | None, int]) -> dict[str | None, int]:
    both = {currency: end.get(currency, 0) - start.get(currency, 0) for currency in {*start, *end}}
    return {currency: change for currency, change in both.items() if change}


def added(parts: pd.DataFrame) -> dict[str | None, int]:
    sums = parts.groupby("currency", dropna=False)["amount_minor"].sum()
    return {code if isinstance(code, str) else None: int(minor) for code, minor in sums.items() if minor}


@FEW
@given(asked=asked(), currency=st.sampled_from([None, "EUR"]), swings=st.booleans())
def test_start_and_parts_come_to_the_end_in_every_currency(
    world: World, asked: tuple[date, Slice, Role, str], currency: str | None, swings: bool
) -> None:
    start, *wanted = asked
    reader, slice_ = put(world, *wanted)
    known = frames(reader, slice_, start)
    found = waterfall(known if swings else known.without_swings(), reporting_currency=currency)
    n_before, before = stock(reader, slice_, start, currency)
    n_after, after = stock(reader, slice_, slice_.as_of, currency)
    assert {one.currency: one.minor for one in found.start if one.minor} == before
    assert {one.currency: one.minor for one in found.end if one.minor} == after
    assert (found.n_start, found.n_end) == (n_before, n_after)
    assert added(found.parts) == difference(before, after)
    assert open_deals(reader, slice_).n == n_after


@pytest.mark.timeout(1800)
@FEW
@given(asked=asked(), currency=st.sampled_from([None, "EUR"]), swings=st.booleans())
def test_the_owners_parts_come_to_those_of_all(
    world: World, asked: tuple[date, Slice, Role, str], currency: str | None, swings: bool
) -> None:
    start, slice_, *_ = asked

    def parts(owner_ids: tuple[object, ...]) -> dict[tuple[object, ...], int]:
        reader, here = put(world, replace(slice_, owner_ids=owner_ids, team_ids=()))  # type: ignore[arg-type]
        known = frames(reader, here, start)
        found = waterfall(known if swings else known.without_swings(), reporting_currency=currency)
        return by_cause(found)

    each = pd.DataFrame([parts((owner,)) for owner in (*OWNERS, NOBODY)]).sum().astype("int64")
    whole = parts(())
    assert {key: int(minor) for key, minor in each.items() if minor} == {key: one for key, one in whole.items() if one}


def by_cause(found: Waterfall) -> dict[tuple[object, ...], int]:
    """By deal, cause and currency, what is not nothing; deals that stayed as they were together."""
    keys = found.parts.fillna({"currency": "", "deal_id": 0})
    sums = keys.groupby(["deal_id", "cause", "currency"])["amount_minor"].sum()
    return {key: int(minor) for key, minor in sums.items() if minor}


def test_what_is_recorded_later_changes_nothing_as_known_then(database: Database, organization: int) -> None:
    seen = []
    world = World(database, organization, *_newborn(database, organization))
    for turn in range(3):
        world.live(24 * 12)
        if turn == 1:
            world.crm.add(Owner(external_id="o1", name="Owner 1", team_id="t1", since=world.clock.at))
        world.sync()
        end = world.clock.at.astimezone(ZONE).date()
        world.clock.forward(days=1)
        for back in (3, 17):
            here = Slice(first_day=None, last_day=end, as_of=end, known_on=end)
            reader = Reader(database, Viewer(organization, Role.ADMIN))
            seen.append((here, end - timedelta(days=back), waterfall(frames(reader, here, end - timedelta(days=back)),
                                                                     reporting_currency=None)))  # fmt: skip
    reader = Reader(database, Viewer(organization, Role.ADMIN))
    now, then = [], []
    for here, start, before in seen:
        again = waterfall(frames(reader, here, start), reporting_currency=None)
        then.append((before.start, before.end, by_cause(before)))
        assert (again.start, again.end, by_cause(again)) == then[-1]
        known_now = waterfall(frames(reader, replace(here, known_on=None), start), reporting_currency=None)
        now.append((known_now.start, known_now.end, by_cause(known_now)))
    assert now != then, "something was learnt late"
    assert any(key[1] == Cause.CORRECTED for one in then for key in one[2])


def _newborn(database: Database, organization: int) -> tuple[int, MadeCrm, Clock, random.Random]:
    return connect(database, organization), MadeCrm(page_size=40), Clock(BORN), random.Random(7)


def test_a_rep_is_told_nothing_of_what_others_did_with_a_deal(database: Database, organization: int) -> None:
    stored = Stored(database, organization)
    stored.crm.create("a", noon(0), owner="o1", amount_minor=100)
    for n, values in ((2, {"amount_minor": 70}), (4, {"owner_id": "o2"}), (6, {"amount_minor": 900}),
                      (8, {"owner_id": "o1", "amount_minor": 950}), (9, {"amount_minor": 960})):  # fmt: skip
        stored.sync(n - 1)
        stored.crm.change("a", noon(n), **values)
    stored.sync(10)
    found = {}
    for owner in ("o1", "o2", "o3"):
        here = until(11)
        known = frames(stored.reader(Role.REP, owner), here, day(1))
        parts = waterfall(known, reporting_currency=None).parts
        found[owner] = list(zip(parts["cause"], parts["amount_minor"], strict=True))
    assert sorted(found["o1"]) == sorted([("owner", -70), ("owner", 70), ("cut", -30), ("raised", 880), ("raised", 10)])
    assert sorted(found["o2"]) == [("owner", -900), ("owner", 70), ("raised", 830)]
    assert found["o3"] == []
    assert frames(stored.reader(Role.REP, "o3"), until(11), day(1)).spans.empty
    outsider = Reader(database, Viewer(create_organization(database, "Others").organization_id, Role.ADMIN))
    assert frames(outsider, until(11), day(1)).spans.empty


def test_a_deal_that_is_given_another_product_moves_by_that_alone(database: Database, organization: int) -> None:
    stored = Stored(database, organization)
    stored.crm.kinds |= {Kind.PRODUCT}
    stored.crm.add(*(Product(external_id=key, name=f"Product {key}") for key in ("x", "y")))
    deal = stored.crm.create("a", noon(0), amount_minor=100)
    stored.crm.say(replace(deal, product_id="x"))
    stored.sync(1)
    stored.crm.change("a", noon(4), product_id="y", amount_minor=130)
    stored.sync(5)
    ours = {key: stored.id_of(Kind.PRODUCT, key) for key in ("x", "y")}
    for product_ids, told in (((), [("raised", 30)]), ((ours["x"],), [("product", -100)]),
                              ((ours["y"],), [("product", 100), ("raised", 30)]), ((NOBODY,), [])):  # fmt: skip
        here = until(9, product_ids=product_ids)
        parts = waterfall(frames(stored.reader(), here, day(2)), reporting_currency=None).parts
        assert list(zip(parts["cause"], parts["amount_minor"], strict=True)) == told
    assert product_names(stored.reader()) == {ours["x"]: "Product x", ours["y"]: "Product y"}
    outsider = Reader(database, Viewer(create_organization(database, "Others").organization_id, Role.ADMIN))
    assert product_names(outsider) == {}
