"""No report card can say that naive was better than what is shown: where it was, it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from insights.forecasting.backtest import Track, Trial
from insights.forecasting.choice import choose
from insights.forecasting.deal_facts import DEALS as COLUMNS
from insights.forecasting.deal_facts import DealFacts
from insights.forecasting.members import CannotForecast, Floats, Past
from insights.forecasting.naive_wins import error_at_origins, where_naive_wins
from insights.forecasting.near_weeks import BOTH, DEALS, PAST, SHARE, Verdict, mean_at_origins
from insights.forecasting.nodes import Step
from insights.forecasting.organization import organization_forecast
from insights.forecasting.panel import Asked, Tried
from insights.forecasting.pipeline import NEAR_WEEKS, Replay

DAYS = pd.date_range("2024-01-01", periods=40, freq="7D")
CUTOFFS, HORIZON = (10, 18, 27), 13
METHODS = ("naive", "seasonal naive (13)", "history mean", "AutoETS", "Theta", "mean of AutoETS and Theta")


RECORD = {DEALS: 1.0}
"""That open deals have been looked back on."""


def made(said: dict[str, Floats], actual: Floats) -> Tried:
    """The total after its trial, with what each method said at three origins."""
    tracks = {name: Track(one, one, one) for name, one in said.items()}
    trial = Trial(cutoffs=CUTOFFS, actual=actual, tracks=tracks, ahead={}, apart=3, why_few=None, period=1, seconds={})
    return Tried("total:", Past(np.ones(40), DAYS), trial, choose(trial, by_sums=True))


def replays(deals: Floats) -> list[Replay]:
    """What open deals said at each of the origins."""
    found = []
    for cutoff, weeks in zip(CUTOFFS, deals, strict=True):
        told = pd.DataFrame([weeks], index=["total"])
        found.append(Replay(DAYS[cutoff - 1] + pd.Timedelta(days=7), {}, {}, {}, {"total": told}, {}, {}))
    return found


@settings(max_examples=examples(100), deadline=None)
@given(seed=st.integers(0, 10**6), used=st.sampled_from(sorted(SHARE)), empty=st.sampled_from([0.0, 0.5]))
def test_nothing_naive_erred_less_than_what_is_shown(seed: int, used: str, empty: float) -> None:
    chance = np.random.default_rng(seed)
    actual = np.where(chance.random((3, HORIZON)) < empty, 0.0, chance.integers(0, 100, (3, HORIZON)))
    spread = chance.choice([1.0, 20.0, 60.0], len(METHODS) + 1)
    said = {name: actual + chance.normal(0, one, actual.shape) for name, one in zip(METHODS, spread, strict=False)}
    deals = replays(np.maximum(actual + chance.normal(0, spread[-1], actual.shape), 0.0))
    before = made(said, actual)
    (after,), verdicts = where_naive_wins([before], deals, {"total": Verdict(used, "So.", RECORD)})
    shown = error_at_origins(after, mean_at_origins(after, deals, verdicts["total:"]))
    naive = min(error_at_origins(after, said[name]) for name in METHODS[:2])
    assert shown <= naive * (1 + 1e-6)
    if after.choice.name != before.choice.name:
        assert verdicts["total:"].used == PAST
        assert shown == pytest.approx(naive)


def steady(**off: float) -> dict[str, Floats]:
    """Methods that are off by so much at every step; those that are not named by 30."""
    return {name: np.full((3, HORIZON), 100.0 + off.get(name.split(" ")[0], 30.0)) for name in METHODS}


ACTUAL = np.full((3, HORIZON), 100.0)


@pytest.mark.parametrize("used", [DEALS, BOTH])
def test_open_deals_that_made_it_worse_than_naive_are_left_out(used: str) -> None:
    before = made(steady(AutoETS=5.0, Theta=5.0, mean=5.0, naive=9.0), ACTUAL)
    off = replays(np.full((3, HORIZON), 160.0))
    assert before.choice.name == "mean of AutoETS and Theta"
    (after,), verdicts = where_naive_wins([before], off, {"total": Verdict(used, "So.", RECORD)})
    assert (after.choice.name, verdicts["total:"].used) == ("naive", PAST)
    other = DEALS if used == DEALS else "mean of AutoETS and Theta with open deals"
    assert after.choice.why == f"At 3 past origins its error was no larger than that of {other}."


def test_open_deals_without_a_record_are_not_held_against_naive() -> None:
    before = made(steady(naive=9.0), ACTUAL)
    unseen = Verdict(DEALS, "Too few origins.", {})
    (after,), verdicts = where_naive_wins([before], replays(np.full((3, HORIZON), 160.0)), {"total": unseen})
    assert (after, verdicts["total:"]) == (before, unseen)


def test_open_deals_that_are_better_than_naive_stay() -> None:
    before = made(steady(naive=9.0), ACTUAL)
    assert before.choice.name == "naive"
    (after,), verdicts = where_naive_wins(
        [before], replays(np.full((3, HORIZON), 101.0)), {"total": Verdict(DEALS, "So.", RECORD)}
    )
    assert (after, verdicts["total:"].used) == (before, DEALS)


def test_a_season_ago_is_shown_where_it_was_closest_although_no_season_was_found() -> None:
    one = made(steady(seasonal=4.0), ACTUAL)
    assert (one.trial.period, one.choice.name) == (1, "seasonal naive (13)")


@pytest.mark.parametrize(("step", "season"), [("week", 13), ("month", 12)])
def test_a_season_ago_is_a_candidate_of_every_node_without_being_looked_for(step: Step, season: int) -> None:
    tried: list[str] = []

    def note(series: Sequence[tuple[str, Past]], asked: Asked) -> Sequence[Tried]:
        tried.extend(one.name for one in asked.more)
        raise CannotForecast("Enough is known.")

    opened = pd.date_range("2023-01-01", "2024-12-31", freq="3D")
    deals = pd.DataFrame(dict.fromkeys(COLUMNS, ""), index=range(len(opened)))
    deals = deals.assign(deal_id=range(len(opened)), opened_on=opened, closed_on=pd.NaT, status="open", amount=np.nan)
    facts = DealFacts(day=date(2024, 12, 31), deals=deals, teams={}, names={}, active=frozenset())
    with pytest.raises(CannotForecast):
        organization_forecast(facts, step, "new_deals", try_all=note)
    assert tried == [f"seasonal naive ({season})"]


def test_without_past_origins_nothing_is_known_of_naive_either() -> None:
    trial = Trial(cutoffs=(), actual=np.empty((0, HORIZON)), tracks={}, ahead={}, apart=0, why_few="Too short.",
                  period=1, seconds={})  # fmt: skip
    one = Tried("total:", Past(np.ones(9), DAYS[:9]), trial, choose(trial))
    assert where_naive_wins([one], [], {}) == ([one], {})


def test_the_deals_of_the_near_weeks_alone_are_mixed_in() -> None:
    assert NEAR_WEEKS < HORIZON
    one = made(steady(AutoETS=5.0, Theta=5.0, mean=5.0), ACTUAL)
    found = mean_at_origins(one, replays(np.full((3, HORIZON), 160.0)), Verdict(DEALS, "", {}))
    assert set(found[0]) == {160.0, 105.0}
