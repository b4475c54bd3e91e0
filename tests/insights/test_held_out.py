"""Series put on even steps, and methods compared on what was held back as the M4 competition compares them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from insights.forecasting.even_steps import (
    DAY,
    MONTH,
    QUARTER,
    WEEK,
    WORKING_DAY,
    YEAR,
    days_of,
    find_step,
    on_steps,
    places,
    without_gaps,
)  # fmt: skip
from insights.forecasting.held_out import CHOSEN, NAIVE2, SEASONAL_NAIVE, USUAL, Held, compared, judged
from insights.forecasting.members import CannotForecast, Floats, Past
from insights.forecasting.naive2 import has_season, naive2, seasonal_indices
from insights.forecasting.panel import Asked

SEASON = np.array([0.7, 1.1, 1.4, 0.8])


def times(first: str, n: int, freq: str) -> np.ndarray:
    return pd.date_range(first, periods=n, freq=freq).to_numpy("datetime64[s]")


@pytest.mark.parametrize(
    ("freq", "step"), [("D", DAY), ("B", WORKING_DAY), ("W-TUE", WEEK), ("MS", MONTH), ("QS", QUARTER), ("YS", YEAR)]
)
def test_the_step_is_found_and_nothing_is_a_gap(freq: str, step: object) -> None:
    found = times("2020-01-01", 60, freq)
    assert find_step([found[::2], found]) == step
    np.testing.assert_array_equal(places(found, find_step([found]), found[0]), np.arange(60))


def test_hours_are_steps_too() -> None:
    found = times("2024-01-01", 50, "h")
    assert find_step([found]).usual == 24
    np.testing.assert_array_equal(places(found, find_step([found]), found[0]), np.arange(50))


def test_steps_of_thirty_days_are_no_months() -> None:
    found = times("2024-01-31", 20, "30D")
    assert find_step([found]).size == 30
    np.testing.assert_array_equal(places(found, find_step([found]), found[0]), np.arange(20))


def test_a_week_that_is_written_some_days_later_is_the_same_week() -> None:
    found = times("2024-01-01", 10, "7D")
    found[4] += np.timedelta64(2, "D")
    np.testing.assert_array_equal(places(found, WEEK, found[0]), np.arange(10))


def test_the_days_of_months_are_their_first() -> None:
    days = days_of(MONTH, np.datetime64("2024-01-31", "s"), 3)
    assert list(days) == [pd.Timestamp(f"2024-0{month}-01") for month in (1, 2, 3)]


def test_two_values_of_one_step_are_refused() -> None:
    with pytest.raises(CannotForecast, match="2 values for one step"):
        on_steps(np.array([0, 1, 1]), np.array([1.0, 2.0, 3.0]))


def test_few_gaps_are_carried_on_and_counted_and_many_are_asked_about() -> None:
    few = np.array([1.0] * 20 + [np.nan, 5.0])
    assert without_gaps(few, gaps=None) == (pytest.approx([1.0] * 21 + [5.0]), 1)
    many = np.array([1.0, np.nan, np.nan, 4.0])
    with pytest.raises(CannotForecast, match="2 of 4 steps"):
        without_gaps(many, gaps=None)
    assert list(without_gaps(many, gaps="zero")[0]) == [1, 0, 0, 4]
    assert list(without_gaps(many, gaps="carry")[0]) == [1, 1, 1, 4]


def test_naive2_carries_the_last_value_on_with_its_season() -> None:
    values = 100 * np.tile(SEASON, 6)
    assert has_season(values, 4)
    np.testing.assert_allclose(seasonal_indices(values, 4), SEASON)
    np.testing.assert_allclose(naive2(values, 6, 4), 100 * np.tile(SEASON, 2)[:6])
    flat = 100 + np.random.default_rng(1).normal(0, 1, 40)
    assert not has_season(flat, 4)
    np.testing.assert_array_equal(naive2(flat, 2, 4), np.repeat(flat[-1], 2))


def held(name: str, values: Floats, horizon: int) -> Held:
    days = pd.date_range("2024-01-01", periods=len(values) - horizon, freq="7D")
    return Held(name, Past(values[:-horizon], days), values[-horizon:])


def test_grades_are_averaged_over_series_and_owa_compares_the_averages_with_naive2() -> None:
    rng = np.random.default_rng(3)
    asked = Asked(horizon=4, lowest=None, clock=iter(np.arange(0.0, 1e6)).__next__)
    series = [held("a", 50 + rng.normal(0, 5, 44), 4), held("b", 500 + 4.0 * np.arange(44) + rng.normal(0, 3, 44), 4)]
    found = compared([judged(one, asked) for one in series], asked, season=1, usual=13)
    assert found.n == 2
    assert {CHOSEN, NAIVE2, SEASONAL_NAIVE, *USUAL} <= found.methods.keys()
    naive = found.methods["naive"]
    each = [
        (np.abs(one.actual - one.past.values[-1]).mean() / np.abs(np.diff(one.past.values)).mean()) for one in series
    ]
    assert naive["mase"] == pytest.approx(np.mean(each))
    assert naive["owa"] == found.methods[NAIVE2]["owa"] == 1.0
    mean = found.methods["mean of AutoETS and Theta"]
    assert mean["owa"] == pytest.approx(
        (mean["smape"] / naive["smape"] + mean["mase"] / naive["mase"]) / 2  # type: ignore[operator]
    )
    assert found.methods[CHOSEN]["seconds"] > mean["seconds"] > 0  # type: ignore[operator]
    assert naive["seconds"] == 1.0, "per series, as all of them: the clock goes on by one"
    assert sum(found.choices.values()) == 2


def test_steps_of_which_nobody_knows_what_came_are_left_out() -> None:
    asked = Asked(horizon=2, lowest=None)
    one = held("a", np.r_[np.arange(20.0), 21.0, 1e9], 2)
    known = Held("a", one.past, np.array([21.0, np.nan]))
    found = compared([judged(known, asked)], asked, season=1, usual=1)
    assert found.methods["naive"]["mase"] == pytest.approx(2.0)


def test_months_with_a_season_are_usually_forecast_with_it() -> None:
    values = np.tile(100 + 40 * np.sin(np.arange(12) * np.pi / 6), 7) + np.random.default_rng(2).normal(0, 6, 84)
    asked = Asked(horizon=12, periods=(12,), lowest=None)
    found = judged(held("m", values, 12), asked)
    assert found.tried.trial.period == 12
    assert "12" in found.tried.choice.name
    assert "mean of seasonal AutoETS and Theta (12)" in found.tried.trial.ahead
