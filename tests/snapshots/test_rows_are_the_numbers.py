"""The rows behind a number come to that number: for every metric, any slice, any viewer, page by page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

import pandas as pd
import pytest
from databases import CopyOf
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_crm import BORN
from made_world import DAYS, World, half_a_year
from sqlalchemy import text

from insights import metrics
from insights.metrics import Period
from snapshots.database import Database
from snapshots.reads import Reader
from snapshots.rows import (
    DUE_DAYS,
    LINGERING_DAYS,
    DealSet,
    Order,
    RowsPage,
    activity_rows,
    deal_rows,
    deal_summary,
    lead_rows,
    open_summaries,
)
from snapshots.slices import NOBODY, UNKNOWN, Role, Slice, Viewer

FEW = settings(
    max_examples=examples(25, full=200),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
days = st.integers(-3, DAYS + 20).map(lambda ahead: (BORN + timedelta(days=ahead)).date())
OWNERS, TEAMS = ("o1", "o2", "o3"), ("t1", "t2")


@pytest.fixture
def world(copy_of: CopyOf) -> Iterator[World]:
    with copy_of("half a year", half_a_year) as (url, world):
        world.database = Database(url)
        yield world
        world.database.close()


@st.composite
def asked(draw: st.DrawFn) -> tuple[Slice, Role, str]:
    """A slice with external ids in place of ours, a role, and who has it."""
    first, last = sorted((draw(days), draw(days)))
    slice_ = Slice(
        first_day=draw(st.one_of(st.none(), st.just(first))),
        last_day=last,
        as_of=draw(days),
        team_ids=tuple(draw(st.sets(st.sampled_from(TEAMS), max_size=1))),
        owner_ids=tuple(draw(st.sets(st.sampled_from((*OWNERS, NOBODY)), max_size=2))),
        sources=tuple(draw(st.sets(st.sampled_from(["Web", "Fair", UNKNOWN]), max_size=2))),
    )
    role = draw(st.sampled_from([Role.ADMIN, Role.ADMIN, Role.ANALYST, Role.MANAGER, Role.REP]))
    return slice_, role, draw(st.sampled_from(OWNERS))


def put(world: World, wanted: tuple[Slice, Role, str]) -> tuple[Reader, Slice]:
    slice_, role, owner = wanted
    with world.database.as_app(world.organization_id) as connection:
        rows = connection.execute(
            text("SELECT external_id, entity_id FROM external_links WHERE kind IN ('owner', 'team')")
        )
        ours: dict[object, int] = {NOBODY: NOBODY} | {row.external_id: row.entity_id for row in rows}
    here = Slice(
        first_day=slice_.first_day,
        last_day=slice_.last_day,
        as_of=slice_.as_of,
        team_ids=tuple(ours[one] for one in slice_.team_ids),
        owner_ids=tuple(ours[one] for one in slice_.owner_ids),
        sources=slice_.sources,
    )
    return Reader(world.database, Viewer(world.organization_id, role, ours[owner])), here


def all_rows(page_of: Callable[..., RowsPage], *, limit: int = 7) -> pd.DataFrame:
    after, parts = None, []
    while True:
        page = page_of(after=after, limit=limit)
        parts.append(page.rows)
        after = page.after
        if after is None:
            return pd.concat(parts, ignore_index=True)
        assert len(page.rows) == limit


def sums(frame: pd.DataFrame) -> dict[str | None, int]:
    valued = frame[frame["n_valued"] > 0] if "n_valued" in frame else frame[frame["amount_minor"].notna()]
    found: Counter[str | None] = Counter()
    for currency, amount_minor in zip(valued["currency"], valued["amount_minor"], strict=True):
        found[currency] += int(amount_minor)
    return dict(found)


@FEW
@given(asked=asked())
def test_deals_behind_a_number_come_to_it(world: World, asked: tuple[Slice, Role, str]) -> None:
    reader, slice_ = put(world, asked)
    events = reader.deal_events(slice_)
    for which in (DealSet.CREATED, DealSet.WON, DealSet.LOST):
        number = events[events["event"] == which.value]
        rows = all_rows(lambda which=which, **page: deal_rows(reader, slice_, which, **page))
        summary = deal_summary(reader, slice_, which)
        assert number["n"].sum() == len(rows) == summary.n, which
        assert rows["deal_id"].is_unique
        if which is not DealSet.CREATED:
            assert sums(number) == sums(rows) == dict(summary.amount_minor)
            assert number["n_valued"].sum() == rows["amount_minor"].notna().sum() == summary.n_valued
    closed = deal_summary(reader, slice_, DealSet.CLOSED)
    assert closed.n == events.loc[events["event"] != "created", "n"].sum()
    with_cycle = all_rows(lambda **page: deal_rows(reader, slice_, DealSet.WITH_CYCLE, **page))
    cycles = reader.cycles(slice_)
    assert cycles["n"].sum() == len(with_cycle)
    took = (with_cycle["closed_day"] - with_cycle["created_day"]).dt.days
    assert Counter(took) == Counter(cycles["days"].repeat(cycles["n"].to_list()))


OPEN_SETS = (
    DealSet.OVERDUE,
    DealSet.UNVALUED,
    DealSet.UNDATED,
    DealSet.WITHOUT_OWNER,
    DealSet.WITHOUT_COMPANY,
    DealSet.LINGERING,
    DealSet.DUE_SOON,
    DealSet.WEIGHTED,
)


@FEW
@given(asked=asked())
def test_open_deals_behind_the_pipeline_come_to_it(world: World, asked: tuple[Slice, Role, str]) -> None:
    reader, slice_ = put(world, asked)
    stages = reader.open_stages(slice_)
    rows = all_rows(lambda **page: deal_rows(reader, slice_, DealSet.OPEN, **page))
    summary = deal_summary(reader, slice_, DealSet.OPEN)
    trend = reader.pipeline_trend(slice_, [slice_.as_of])
    assert stages["n"].sum() == len(rows) == summary.n == trend["n"].sum()
    assert sums(stages) == sums(rows) == dict(summary.amount_minor) == sums(trend)
    gaps = {DealSet.UNDATED: "n_undated", DealSet.OVERDUE: "n_overdue"}
    for which, column in gaps.items():
        assert deal_summary(reader, slice_, which).n == stages[column].sum(), which
    assert deal_summary(reader, slice_, DealSet.UNVALUED).n == (stages["n"] - stages["n_valued"]).sum()
    assert deal_summary(reader, slice_, DealSet.LINGERING).n == (rows["stage_age_days"] > LINGERING_DAYS).sum()
    ahead = (rows["close_on"] - pd.Timestamp(slice_.as_of)).dt.days
    assert deal_summary(reader, slice_, DealSet.DUE_SOON).n == ahead.between(0, DUE_DAYS).sum()
    at_once = open_summaries(reader, slice_, OPEN_SETS)
    assert at_once == {which: deal_summary(reader, slice_, which) for which in OPEN_SETS}
    weighted = metrics.weighted_pipeline(trend)
    assert deal_summary(reader, slice_, DealSet.WEIGHTED).n == weighted.n
    for stage_id, of_stage in stages.groupby(stages["stage_id"].fillna(0)):
        assert deal_summary(reader, slice_, DealSet.OPEN, stage_id=int(stage_id)).n == of_stage["n"].sum()


@FEW
@given(asked=asked())
def test_leads_and_activities_behind_a_number_come_to_it(world: World, asked: tuple[Slice, Role, str]) -> None:
    reader, slice_ = put(world, asked)
    leads = all_rows(lambda **page: lead_rows(reader, slice_, **page))
    counts = reader.lead_counts(slice_)
    assert counts["n"].sum() == len(leads)
    assert counts["n_converted"].sum() == leads["converted"].fillna(False).sum()
    assert counts["n_known"].sum() == leads["converted"].notna().sum()
    kinds = list(metrics.COUNTED_ACTIVITIES)
    acts = all_rows(lambda **page: activity_rows(reader, slice_, kinds=kinds, **page))
    counted = reader.activity_counts(slice_)
    assert counted[counted["kind"].isin(kinds)].groupby("kind")["n"].sum().to_dict() == Counter(acts["kind"])


@FEW
@given(asked=asked())
def test_the_overview_says_what_its_rows_say(world: World, asked: tuple[Slice, Role, str]) -> None:
    reader, slice_ = put(world, asked)
    frames = metrics.OverviewFrames(
        events=reader.deal_events(slice_),
        activities=reader.activity_counts(slice_),
        leads=reader.lead_counts(slice_),
        cycles=reader.cycles(slice_),
        pipeline=reader.pipeline_trend(slice_, metrics.trend_days(slice_.as_of)),
        rates=reader.rates(),
    )
    period = Period(slice_.first_day, slice_.until)
    if period.first is not None and period.first > period.last:
        return
    kpis = metrics.overview(frames, period=period, comparison=None, until=slice_.until, reporting_currency=None)
    won, lost = (deal_summary(reader, slice_, which) for which in (DealSet.WON, DealSet.LOST))
    assert kpis["new_deals"].value == deal_summary(reader, slice_, DealSet.CREATED).n
    assert kpis["won_amount"].n == won.n
    told = {one.currency: one.minor for one in kpis["won_amount"].money}
    # An amount without a currency that adds up to nothing is not told.
    assert told == {currency: minor for currency, minor in won.amount_minor.items() if currency or minor}
    rate = kpis["win_rate"].value
    assert rate == (pytest.approx(won.n / (won.n + lost.n)) if won.n + lost.n else None)
    assert kpis["leads"].value == len(all_rows(lambda **page: lead_rows(reader, slice_, **page)))
    acts = all_rows(lambda **page: activity_rows(reader, slice_, kinds=metrics.COUNTED_ACTIVITIES, **page))
    assert kpis["activities"].value == len(acts)
    with_cycle = all_rows(lambda **page: deal_rows(reader, slice_, DealSet.WITH_CYCLE, **page))
    median = (with_cycle["closed_day"] - with_cycle["created_day"]).dt.days.median()
    assert kpis["cycle_length"].value == (pytest.approx(median) if len(with_cycle) else None)
    open_deals = all_rows(lambda **page: deal_rows(reader, slice_, DealSet.WEIGHTED, **page))
    assert kpis["weighted_pipeline"].n == len(open_deals)


DEAL_ORDERS = (
    "deal_id",
    "name",
    "owner",
    "stage",
    "source",
    "amount_minor",
    "created_day",
    "closed_day",
    "stage_age_days",
)
LEAD_ORDERS = ("lead_id", "source", "created_day", "converted")
ACTIVITY_ORDERS = ("day", "occurred_at", "kind", "outcome", "owner")


@settings(FEW, max_examples=examples(40))
@given(order=st.sampled_from(DEAL_ORDERS), descending=st.booleans(), limit=st.integers(1, 30))
def test_pages_of_deals_hold_each_row_once_in_order(world: World, order: str, descending: bool, limit: int) -> None:
    last = world.clock.at.date()
    reader = Reader(world.database, Viewer(world.organization_id, Role.ADMIN))
    slice_ = Slice(first_day=None, last_day=last, as_of=last)
    by = Order(order, descending)
    paged = all_rows(lambda **page: deal_rows(reader, slice_, DealSet.CREATED, order=by, **page), limit=limit)
    whole = deal_rows(reader, slice_, DealSet.CREATED, order=by, limit=10_000).rows
    pd.testing.assert_frame_equal(paged, whole)
    values = whole[order].dropna()
    assert values.is_monotonic_decreasing if descending else values.is_monotonic_increasing
    assert not whole[order].isna().to_numpy()[: len(values)].any(), "rows without a value stand last"


@settings(FEW, max_examples=examples(30))
@given(data=st.data(), descending=st.booleans(), limit=st.integers(1, 20))
def test_pages_of_leads_and_activities_hold_each_row_once(
    world: World, data: st.DataObject, descending: bool, limit: int
) -> None:
    last = world.clock.at.date()
    reader = Reader(world.database, Viewer(world.organization_id, Role.ADMIN))
    slice_ = Slice(first_day=None, last_day=last, as_of=last)
    for rows, orders in ((lead_rows, LEAD_ORDERS), (activity_rows, ACTIVITY_ORDERS)):
        by = Order(data.draw(st.sampled_from(orders)), descending)
        paged = all_rows(lambda rows=rows, by=by, **page: rows(reader, slice_, order=by, **page), limit=limit)
        pd.testing.assert_frame_equal(paged, rows(reader, slice_, order=by, limit=10_000).rows)


def test_rows_that_come_in_between_two_pages_lose_and_repeat_nothing(world: World) -> None:
    reader = Reader(world.database, Viewer(world.organization_id, Role.ADMIN))
    last = (world.clock.at + timedelta(days=40)).date()
    slice_ = Slice(first_day=None, last_day=last, as_of=last)

    def page_of(after: tuple[object, int | str] | None) -> RowsPage:
        return deal_rows(reader, slice_, DealSet.CREATED, order=Order("created_day"), after=after, limit=9)

    before = {int(one) for one in deal_rows(reader, slice_, DealSet.CREATED, limit=10_000).rows["deal_id"]}
    page, seen = page_of(None), []
    while True:
        seen += [int(one) for one in page.rows["deal_id"]]
        if page.after is None:
            break
        at = world.clock.forward(hours=3)
        world.crm.create(f"new {len(seen)}", at - timedelta(days=len(seen) % 90))
        world.sync()
        page = page_of(page.after)
    assert len(seen) == len(set(seen))
    assert before <= set(seen)


def test_rows_cannot_be_sorted_by_what_they_do_not_have(world: World) -> None:
    reader = Reader(world.database, Viewer(world.organization_id, Role.ADMIN))
    last = world.clock.at.date()
    with pytest.raises(ValueError, match="Rows cannot be sorted by 'amount; DROP'"):
        deal_rows(reader, Slice(first_day=None, last_day=last, as_of=last), DealSet.OPEN, order=Order("amount; DROP"))
