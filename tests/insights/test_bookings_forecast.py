"""Bookings from open deals, and parts that add up: no look-ahead, exact sums, nothing below what is won."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from insights.forecasting.bookings_record import bookings_cards
from insights.forecasting.hazard import fit_hazard, known_on, never_by_cohort, week_of_quarter
from insights.forecasting.hierarchy import Hierarchy, covariance, moved_bands, reconciled, shared_out
from insights.forecasting.members import CannotForecast
from insights.forecasting.pipeline import TOTAL, Bookings, Replay, outlook, replays, until_bands, won_by_week

SINCE = pd.Timestamp("2025-01-01")
NOW = SINCE + pd.Timedelta(weeks=40)


def made_deals(*, per_week: int = 12, weeks: int = 52, never: float = 0.2, seed: int = 3) -> pd.DataFrame:
    """Deals that close after two to eight weeks, half of them won, or never."""
    chance = np.random.default_rng(seed)
    n = per_week * weeks
    opened = SINCE - pd.Timedelta(weeks=8) + pd.to_timedelta(np.sort(chance.integers(0, 7 * weeks, n)), unit="D")
    closed = pd.Series(opened + pd.to_timedelta(chance.integers(14, 57, n), unit="D"))
    closed[(chance.random(n) < never) | (closed < SINCE)] = pd.NaT
    is_won = closed.notna() & (chance.random(n) < 0.5)
    product = chance.choice(["small", "large"], n)
    value = np.where(product == "small", 100.0, 1000.0)
    return pd.DataFrame(
        {
            "opened_on": opened, "closed_on": closed, "is_won": is_won, "value": np.where(is_won, value, np.nan),
            "product": product, "owner": chance.choice(["Ann", "Bob"], n),
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def asked() -> Bookings:
    return Bookings(deals=made_deals(), since=SINCE, value_by="product", levels=("owner",), horizon=8)


@pytest.fixture(scope="module")
def said(asked: Bookings) -> list[Replay]:
    return replays(asked, NOW)


@pytest.fixture(scope="module")
def looked(asked: Bookings) -> pd.DataFrame:
    return outlook(asked, NOW)


def test_erasing_what_came_later_changes_no_outlook(asked: Bookings, looked: pd.DataFrame) -> None:
    erased = replace(asked, deals=known_on(asked.deals, NOW))
    pd.testing.assert_frame_equal(outlook(erased, NOW), looked)


def test_every_replay_is_what_was_said_on_its_day(asked: Bookings, said: list[Replay]) -> None:
    then = NOW - pd.Timedelta(weeks=10)
    later = next(one for one in said if one.day == then)
    on_its_day = replays(asked, then)[-1]
    pd.testing.assert_frame_equal(later.blend["owner"], on_its_day.blend["owner"])
    pd.testing.assert_frame_equal(later.pipeline[TOTAL], on_its_day.pipeline[TOTAL])


def test_owners_add_up_to_the_total_and_nothing_is_negative(looked: pd.DataFrame) -> None:
    owners = looked[looked["level"] == "owner"].groupby("step")["value"].sum()
    total = looked[looked["level"] == TOTAL].set_index("step")["value"]
    np.testing.assert_allclose(owners, total)
    assert (looked[["value", "until_low", "until_high", "pipeline", "weighted_pipeline"]] >= 0).all().all()
    assert (looked["until_low"] <= looked["until"]).all()
    assert (looked["until"] <= looked["until_high"]).all()


def test_a_steady_business_is_forecast_within_a_tenth(asked: Bookings, said: list[Replay]) -> None:
    days = pd.date_range(SINCE, periods=45, freq="7D")
    came = won_by_week(asked.deals, TOTAL, days).to_numpy()[0, 20:40]
    told = [float(one.blend[TOTAL].iloc[0, 0]) for one in said if one.day >= days[20]][:20]
    assert abs(sum(told) / came.sum() - 1) < 0.1


def test_deals_that_never_close_are_told_from_those_that_will(asked: Bookings) -> None:
    hazard = fit_hazard(known_on(asked.deals, NOW), NOW, SINCE)
    assert hazard.never == pytest.approx(0.2, abs=0.08)
    never = np.full(3, hazard.never)
    young, _, old = hazard.closing(np.array([0, 4, 30]), never)
    assert young == pytest.approx(1 - hazard.never)
    assert old < 0.1
    chances = hazard.wins(np.array([0, 4, 30]), week_of_quarter(pd.date_range(NOW, periods=8, freq="7D")), never)
    assert (chances >= 0).all()
    assert (chances.sum(axis=1) <= 1).all()


def test_ages_at_which_every_deal_closed_leave_the_older_ones_a_chance_that_is_a_number() -> None:
    closed = NOW - pd.Timedelta(days=3)
    opened = closed - pd.to_timedelta(7 * np.repeat(np.arange(28, 36), 5), unit="D")
    known = pd.DataFrame({"opened_on": opened, "closed_on": closed, "is_won": np.arange(len(opened)) % 2 == 0})
    hazard = fit_hazard(known, NOW, NOW - pd.Timedelta(days=7))
    chances = hazard.wins(np.arange(40), np.arange(8), np.zeros(40))
    assert np.isfinite(chances).all()
    assert (chances.sum(axis=1) <= 1).all()


def test_a_cohort_that_stays_open_is_doubted_before_it_is_old(asked: Bookings) -> None:
    known = known_on(asked.deals, NOW)
    hazard = fit_hazard(known, NOW, SINCE)
    of_late = (known["opened_on"] >= NOW - pd.Timedelta(weeks=8)).to_numpy()
    stuck = known.assign(closed_on=known["closed_on"].mask(of_late), is_won=known["is_won"] & ~of_late)
    usual, doubted = (never_by_cohort(one, NOW, hazard)[of_late].mean() for one in (known, stuck))
    assert usual == pytest.approx(0.2, abs=0.1)
    assert doubted > usual + 0.1


def test_the_interval_is_that_of_past_weeks_until_four_replays_do_not_overlap(
    asked: Bookings, said: list[Replay]
) -> None:
    days = pd.date_range(SINCE, NOW, freq="7D")
    came = won_by_week(asked.deals, TOTAL, days)
    half, own = until_bands(said, TOTAL, came), until_bands(said[-1:], TOTAL, came)
    assert not np.allclose(half[0].iloc[:, 0], own[0].iloc[:, 0])
    few = until_bands(said[:10], TOTAL, came.iloc[:, :15])
    alone = until_bands(said[9:10], TOTAL, came.iloc[:, :15])
    np.testing.assert_allclose(few[1].iloc[:, 7], alone[1].iloc[:, 7])


def test_the_card_of_an_owner_holds_every_method_against_what_came(asked: Bookings, said: list[Replay]) -> None:
    days = pd.date_range(SINCE, NOW, freq="7D")
    came = won_by_week(asked.deals, "owner", days)
    card = json.loads(json.dumps(bookings_cards(said, "owner", came, 4)["Ann"], allow_nan=False))
    assert len(card["origins"]) == 31
    assert card["origins_apart"] == 8
    told = np.array([one.blend["owner"].loc["Ann"].iloc[:4].sum() for one in said[:31]])
    actual = np.array([came.loc["Ann"].iloc[week : week + 4].sum() for week in range(6, 37)])
    shown = card["methods"]["shown"]
    assert shown["wape"] == pytest.approx(np.abs(told - actual).sum() / actual.sum(), abs=1e-4)
    assert 0.5 < shown["coverage80"] <= 1
    assert card["methods"]["seasonal naive"]["n"] == 24
    assert card["methods"]["weighted pipeline, for reference"]["bias"] > 0.3
    few = bookings_cards(said[:4], "owner", came.iloc[:, :9], 4)["Ann"]
    assert few["why_few_origins"] == "9 weeks on record leave 0 of 6 origins."
    assert few["methods"]["shown"] == {"n": 0}


def test_a_record_of_a_few_weeks_is_refused(asked: Bookings) -> None:
    with pytest.raises(CannotForecast, match="6 weeks on record"):
        replays(asked, SINCE + pd.Timedelta(weeks=6))


# --- parts that add up -----------------------------------------------------------------------------------------------

TREE = Hierarchy.of([("total", ["north", "south"]), ("north", ["Ann", "Bob"]), ("total", ["small", "large"])])
AMOUNTS = st.floats(-1e6, 1e8, allow_nan=False)


@settings(max_examples=examples(60), deadline=None)
@given(
    base=st.lists(AMOUNTS, min_size=7, max_size=7),
    leaves=st.lists(st.integers(0, 10**6), min_size=3, max_size=3),
    small=st.floats(0, 1),
    seed=st.integers(0, 99),
    n=st.integers(0, 30),
)
def test_parts_add_up_exactly_and_nothing_is_below_what_is_won(
    base: list[float], leaves: list[int], small: float, seed: int, n: int
) -> None:
    ann, bob, south = leaves
    total = ann + bob + south
    part = int(small * total)
    floors = np.array([[total], [ann + bob], [south], [ann], [bob], [part], [total - part]])
    errors = np.random.default_rng(seed).normal(0, 1e5, (n, 7))
    found = reconciled(TREE, np.array(base)[:, None], errors, floors)
    assert (TREE.constraints @ found == 0).all()
    assert (found >= floors).all()


def test_what_adds_up_already_stays_as_it_is() -> None:
    base = np.array([[100.0], [60.0], [40.0], [20.0], [40.0], [70.0], [30.0]])
    errors = np.random.default_rng(0).normal(0, 5, (40, 7))
    nothing = np.zeros((7, 1), dtype=np.int64)
    np.testing.assert_array_equal(reconciled(TREE, base, errors, nothing), base)


@pytest.mark.parametrize(("spread", "total"), [([1.0, 100.0, 100.0], 1000), ([100.0, 1.0, 1.0], 1200)])
def test_the_surer_forecasts_move_less(spread: list[float], total: int) -> None:
    tree = Hierarchy.of([("total", ["a", "b"])])
    errors = np.random.default_rng(0).normal(0, spread, (60, 3))
    found = reconciled(tree, np.array([[1000.0], [600.0], [600.0]]), errors, np.zeros((3, 1), dtype=np.int64))
    assert found[0, 0] == pytest.approx(total, abs=3)


def test_floors_that_do_not_add_up_are_refused() -> None:
    floors = np.zeros((7, 1), dtype=np.int64)
    floors[3] = 5
    with pytest.raises(ValueError, match="does not add up"):
        reconciled(TREE, np.ones((7, 1)), np.empty((0, 7)), floors)


def test_a_part_of_two_wholes_is_refused() -> None:
    with pytest.raises(ValueError, match="something else"):
        Hierarchy.of([("total", ["north", "south"]), ("north", ["Ann", "south"])])


@settings(max_examples=examples(60), deadline=None)
@given(total=st.integers(0, 10**12), weights=st.lists(st.floats(0, 1e9), min_size=1, max_size=9))
def test_sharing_out_leaves_no_rest(total: int, weights: list[float]) -> None:
    parts = shared_out(total, np.array(weights))
    assert parts.sum() == total
    assert (parts >= 0).all()


def test_correlated_errors_are_kept_and_chance_ones_shrunk() -> None:
    chance = np.random.default_rng(1)
    shared = chance.normal(0, 1, (200, 1))
    together = covariance(np.hstack([shared, shared + chance.normal(0, 0.1, (200, 1))]), np.ones((2, 1)))
    apart = covariance(chance.normal(0, 1, (6, 2)), np.ones((2, 1)))
    assert together[0, 1] > 0.8
    assert abs(apart[0, 1]) < 0.5


def test_bands_move_with_their_forecast_and_keep_it_inside() -> None:
    before, low, high = (np.array([one]) for one in (10.0, 5.0, 12.0))
    below, above = moved_bands(before, low, high, np.array([20]), np.array([18]))
    assert (below[0], above[0]) == (18.0, 22.0)


def test_a_lower_end_that_was_cut_off_at_zero_does_not_rise_to_the_forecast() -> None:
    before, low, high = np.array([0.0, 0.0, 10.0]), np.array([0.0, 0.0, 4.0]), np.array([9.0, 9.0, 12.0])
    below, above = moved_bands(before, low, high, np.array([5, 5, 7]), np.array([0, 2, 0]))
    assert below.tolist() == [0.0, 2.0, 1.0]
    assert above.tolist() == [14.0, 14.0, 9.0]
