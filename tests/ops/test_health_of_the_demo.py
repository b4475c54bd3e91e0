"""Pipeline health on the made-up CRM, whose troubles are known: what is planted is found, and little else.

Planted is judged on the days on which it shows: a stale deal once nothing has happened on it for a month (its stage has
not changed either), a stalled one once it has been in its stage for longer than nine of ten are without a stall, a
pushed one from its third new date on, a sandbagged one beyond its first stage and until it is revealed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest
from databases import CopyOf
from made_installation import House, _house, _services, _services_on
from sqlalchemy import text

from adapters.demo.deals import STAGE_DAYS, Planted
from adapters.demo.world import DemoSettings, DemoWorld
from insights.health import rules
from ops import health
from ops.first_run import SAMPLE_NAME, born, load_demo
from snapshots import health_flags

TODAY = date(2024, 6, 28)
NOW = datetime(2024, 6, 28, 15, tzinfo=UTC)
SIZE = DemoSettings(seed=7, owners=12, deals=2_400, activities=34_000, years=1.0, born=born(TODAY, 1.0))
WEEKS = 14
NINE_OF_TEN = float(np.exp(0.55 * 1.2816))
"""Of the law that stays in a stage are drawn from, over its median."""


def _fill(url: str) -> None:
    with _services(url) as services:
        assert load_demo(services, SIZE).status == "succeeded"


@dataclass
class Truth:
    """deals: what is drawn of each, by external id. seen: each open deal on each judged day, with what shows there and
    which rules flagged it."""

    house: House
    seen: pd.DataFrame


@pytest.fixture(scope="module")
def truth(copy_of: CopyOf) -> Iterator[Truth]:
    with _services_on(copy_of("health demo", _fill)) as services:
        house = _house(services, SAMPLE_NAME)
        health.replay(services, house.organization_id, until=TODAY, weeks=WEEKS)
        yield Truth(house, _seen(house))


def _seen(house: House) -> pd.DataFrame:
    world = DemoWorld(SIZE, today=TODAY)
    drawn = pd.concat([_drawn(world, week) for week in range(world.last_week + 1)])
    with house.database.as_app(house.organization_id) as connection:
        names = dict(
            tuple(row)
            for row in connection.execute(text("SELECT entity_id, external_id FROM external_links WHERE kind = 'deal'"))
        )
    days = [run.day for run in health_flags.runs_between(house.database, house.organization_id, date.min, TODAY)]
    flags = health_flags.raised_between(house.database, house.organization_id, date.min, TODAY)
    flags["key"] = flags["deal_id"].map(names)
    return pd.concat([_on(world, drawn, flags, day) for day in days], ignore_index=True)


def _drawn(world: DemoWorld, week: int) -> pd.DataFrame:
    deals, calendar = world.deals(week), world.calendar
    is_stale = deals.planted == Planted.STALE
    idle = np.where(is_stale, calendar.day(np.where(is_stale, deals.idle_working, 0)), 10**9)
    frame = pd.DataFrame(
        {
            "planted": deals.planted, "created": deals.created, "closed": deals.closed, "deleted": deals.deleted,
            "idle_day": idle, "pipeline": deals.pipeline, "revealed": deals.amount_at[:, 3],
        },
        index=[f"D{number}" for number in deals.number],
    )  # fmt: skip
    frame["stage_at"], frame["close_at"] = list(deals.stage_at), list(deals.close_at)
    return frame


def _on(world: DemoWorld, drawn: pd.DataFrame, flags: pd.DataFrame, day: date) -> pd.DataFrame:
    calendar, number = world.calendar, (day - date(1970, 1, 1)).days
    end = int(calendar.instant(np.array([number + 1]), np.array([0]))[0])
    own = drawn[(drawn["created"] < end) & (drawn["closed"] >= end) & (drawn["deleted"] >= end)].copy()
    stage = np.array([int((at < end).sum()) - 1 for at in own["stage_at"]])
    entered = calendar.day_at(np.array([at[here] for at, here in zip(own["stage_at"], stage, strict=True)]))
    stay = calendar.working(np.full(len(own), number)) - calendar.working(entered)
    usual = np.array(
        [STAGE_DAYS[p][min(s, len(STAGE_DAYS[p]) - 1)] for p, s in zip(own["pipeline"], stage, strict=True)]
    )
    stalled = np.zeros(len(own), dtype=np.bool_)
    for one in world.stalls:
        stalled |= (own["pipeline"] == 0) & (stage == one.stage) & (entered >= one.since) & (entered < one.until)
    made = pd.DataFrame(
        {
            "key": own.index,
            "is_stale": number - np.maximum(own["idle_day"].to_numpy(), entered) > 30,
            "is_planted_stale": own["planted"] == Planted.STALE,
            "is_slow": stay > usual * NINE_OF_TEN,
            "is_stalled": stalled & (stay > usual * NINE_OF_TEN),
            "is_pushed": (own["planted"] == Planted.PUSHED)
            & np.array([int((at < end).sum()) > 3 for at in own["close_at"]]),
            "is_planted_pushed": own["planted"] == Planted.PUSHED,
            "is_sandbagged": (own["planted"] == Planted.SANDBAGGED) & (own["revealed"] >= end) & (stage > 0),
            "is_planted_sandbagged": own["planted"] == Planted.SANDBAGGED,
            "is_happy": (own["planted"] == Planted.HAPPY_EARS) & (stage >= 2),
        }
    )
    here = flags[(flags["first_day"] <= pd.Timestamp(day)) & (flags["last_day"] >= pd.Timestamp(day))]
    for rule in rules.RULES:
        made[rule] = made["key"].isin(here.loc[here["rule"] == rule, "key"]).to_numpy()
    return made.assign(day=day)


def recall(seen: pd.DataFrame, truth: str, rule: str) -> float:
    return float(seen.loc[seen[truth], rule].mean())


def precision(seen: pd.DataFrame, truth: str, rule: str) -> float:
    return float(seen.loc[seen[rule], truth].mean())


def test_stale_deals_are_found_and_hardly_any_other(truth: Truth) -> None:
    assert truth.seen["is_stale"].sum() > 100
    assert recall(truth.seen, "is_stale", "stale") >= 0.95
    assert precision(truth.seen, "is_planted_stale", "stale") >= 0.95


def test_deals_that_are_stuck_in_a_stalled_stage_are_found(truth: Truth) -> None:
    assert truth.seen["is_stalled"].sum() > 100
    assert recall(truth.seen, "is_stalled", "slow_stage") >= 0.90
    assert precision(truth.seen, "is_slow", "slow_stage") >= 0.90


def test_pushed_deals_are_found_and_no_other(truth: Truth) -> None:
    assert truth.seen["is_pushed"].sum() > 100
    assert recall(truth.seen, "is_pushed", "pushed") >= 0.80
    assert precision(truth.seen, "is_planted_pushed", "pushed") >= 0.80


def test_sandbagged_deals_are_found_and_few_other(truth: Truth) -> None:
    assert truth.seen["is_sandbagged"].sum() > 50
    assert recall(truth.seen, "is_sandbagged", "sandbag") >= 0.80
    assert precision(truth.seen, "is_planted_sandbagged", "sandbag") >= 0.80


def test_what_the_sample_cannot_show_is_not_applied_and_says_why(truth: Truth) -> None:
    """Nobody plans ahead there but meetings, and many customers are one person."""
    services, organization_id = truth.house.services, truth.house.organization_id
    health.judge(services, organization_id, TODAY)
    run = health_flags.run_of(services.database, organization_id, TODAY)
    assert run is not None
    assert run.not_applied.keys() == {"no_next_step", "single_threaded"}
    assert "have something planned" in run.not_applied["no_next_step"]
    assert "two contacts or more" in run.not_applied["single_threaded"]
