"""Forecasts of series: chosen by their past, never below what is certain, never looking ahead, the same every time."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from insights.forecasting.backtest import DEFAULT, likely_period, origins
from insights.forecasting.coherent import coherent
from insights.forecasting.grading import grade, owa, smape
from insights.forecasting.hierarchy import Hierarchy
from insights.forecasting.intervals import pooled_widths, visible_errors, widened
from insights.forecasting.members import CannotForecast, Floats, Past, Theta, coming_days
from insights.forecasting.panel import Asked, Forecast, forecast, past_of, tried
from insights.forecasting.prophet_member import ProphetMember, _on_steps, holidays_of

FIRST = pd.Timestamp("2024-01-01")
NOW = FIRST + pd.Timedelta(weeks=60)


def weekly(name: str, values: Floats, first: pd.Timestamp = FIRST) -> pd.DataFrame:
    return pd.DataFrame({"series": name, "day": pd.date_range(first, periods=len(values), freq="7D"), "value": values})


def made_values(n: int, *, seed: int = 1, level: float = 100.0, slope: float = 0.0, noise: float = 10.0) -> Floats:
    return level + slope * np.arange(n) + np.random.default_rng(seed).normal(0, noise, n)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Three parts and their total; one of them growing, one seldom anything."""
    seldom = np.where(np.arange(60) % 7 == 0, 40.0, 0.0)
    parts = {
        "a": made_values(60, noise=8.0),
        "b": made_values(60, seed=2, level=10, slope=3.0, noise=4.0),
        "c": seldom,
    }
    whole = np.sum(list(parts.values()), axis=0)
    return pd.concat([weekly(name, np.round(one)) for name, one in {**parts, "total": whole}.items()])


@pytest.fixture(scope="module")
def found(table: pd.DataFrame) -> Forecast:
    return forecast(table, NOW, Asked(horizon=4))


def test_a_forecast_has_a_row_per_series_and_coming_step_with_the_mean_inside(found: Forecast) -> None:
    rows = found.rows
    days = list(pd.date_range(NOW, periods=4, freq="7D"))
    assert rows.groupby("series")["day"].apply(list).to_dict() == {"a": days, "b": days, "c": days, "total": days}
    assert (rows["low"] <= rows["value"]).all()
    assert (rows["value"] <= rows["high"]).all()


def test_the_same_table_gives_the_same_forecast_in_any_order_of_rows(table: pd.DataFrame, found: Forecast) -> None:
    again = forecast(table.sample(frac=1, random_state=0), NOW, Asked(horizon=4))
    pd.testing.assert_frame_equal(again.rows, found.rows)
    assert again.cards == found.cards


def test_erasing_the_future_changes_nothing(table: pd.DataFrame) -> None:
    then = FIRST + pd.Timedelta(weeks=40)
    wild = table.assign(value=table["value"].where(table["day"] < then, 1e6))
    erased = table[table["day"] < then]
    asked = Asked(horizon=4)
    pd.testing.assert_frame_equal(forecast(wild, then, asked).rows, forecast(erased, then, asked).rows)


def test_a_step_that_is_not_over_does_not_count(table: pd.DataFrame) -> None:
    one = table[table["series"] == "a"]
    assert len(past_of(one, NOW).values) == 60
    assert len(past_of(one, NOW - pd.Timedelta(days=1)).values) == 59


def test_what_was_said_at_a_past_origin_is_what_is_said_with_the_rest_erased(table: pd.DataFrame) -> None:
    past = past_of(table[table["series"] == "b"], NOW)
    one = tried("b", past, Asked(horizon=4))
    for place in (0, len(one.trial.cutoffs) - 1):
        known = past.until(one.trial.cutoffs[place])
        np.testing.assert_allclose(one.trial.tracks["Theta"].mean[place], Theta().ahead(known, 4).mean)


def test_long_pasts_are_carried_on_without_seeing_what_comes_after_the_origin() -> None:
    values = made_values(200, slope=0.5)
    changed = values.copy()
    changed[170:] = 9e4
    days = pd.date_range(FIRST, periods=200, freq="7D")
    for member in (Theta(), Theta(13)):
        before, after = (member.at_origins(Past(one, days), [150, 170], 6) for one in (values, changed))
        assert all(np.array_equal(a.mean, b.mean) for a, b in zip(before, after, strict=True))


def test_no_forecast_is_below_zero_or_below_what_is_won_already(table: pd.DataFrame, found: Forecast) -> None:
    falling = weekly("falling", np.maximum(60.0 - np.arange(60), 0.0))
    low = forecast(falling, NOW, Asked(horizon=8)).rows
    assert (low[["value", "low", "high"]] >= 0).all().all()
    won = np.array([500.0, 0.0, 0.0, 0.0])
    rows = forecast(table, NOW, Asked(horizon=4), floors={"a": won}).rows
    first = rows[(rows["series"] == "a") & (rows["step"] == 1)].iloc[0]
    assert (first[["value", "low", "high"]] == 500.0).all()
    assert (rows.loc[rows["series"] == "total", "value"].to_numpy() > 0).all()


def test_where_nothing_beats_the_last_value_the_last_value_is_shown(found: Forecast) -> None:
    wandering = weekly("w", 1000 + np.cumsum(np.where(np.random.default_rng(7).random(60) < 0.1, 200.0, 0.0)))
    made = forecast(wandering, NOW, Asked(horizon=4, periods=()))
    card = made.cards["w"]
    errors = {name: one["wape"] for name, one in card["methods"].items()}
    assert card["chosen"] == "naive"
    assert errors["naive"] <= min(errors[DEFAULT], errors["history mean"])
    assert (made.rows["value"] == wandering["value"].iloc[-1]).all()


def test_a_season_is_found_by_itself_and_used() -> None:
    season = 50 * np.sin(2 * np.pi * np.arange(104) / 13)
    table = weekly("s", made_values(104, noise=3.0) + season)
    card = forecast(table, FIRST + pd.Timedelta(weeks=104), Asked(horizon=6)).cards["s"]
    assert card["period"] == 13
    assert "13" in card["chosen"]
    assert card["methods"][card["chosen"]]["mase"] < 0.5 * card["methods"][DEFAULT]["mase"]


def test_a_trend_is_no_season() -> None:
    assert likely_period(made_values(104, slope=5.0), (4, 13, 52)) == 1


def test_a_report_card_is_json_and_says_how_it_did_against_naive_forecasts(found: Forecast) -> None:
    card = json.loads(json.dumps(found.cards["a"], allow_nan=False))
    assert len(card["origins"]) == 6
    assert card["why_few_origins"] is None
    assert {"naive", "history mean", "AutoETS", "Theta", DEFAULT} <= card["methods"].keys()
    for name in ("naive", card["chosen"]):
        assert {"wape", "mase", "bias", "coverage80"} <= card["methods"][name].keys()
    assert card["shown"]["n"] == 24


def test_a_card_of_a_short_past_says_why_there_are_fewer_origins() -> None:
    short = weekly("s", made_values(16))
    made = forecast(short, FIRST + pd.Timedelta(weeks=16), Asked(horizon=4))
    card = made.cards["s"]
    assert len(card["origins"]) == 5
    assert card["why_few_origins"] == "16 steps of past and a horizon of 4 leave 5 of 6 origins."
    assert card["interval"] == "native"
    none = forecast(short[:6], FIRST + pd.Timedelta(weeks=6), Asked(horizon=4)).cards["s"]
    assert (none["origins"], none["shown"], none["chosen"]) == ([], None, DEFAULT)


def test_months_are_forecast_as_months() -> None:
    days = pd.date_range("2021-01-01", periods=40, freq="MS")
    table = pd.DataFrame({"series": "m", "day": days, "value": made_values(40)})
    made = forecast(table, pd.Timestamp("2024-05-01"), Asked(horizon=3))
    assert list(made.rows["day"]) == [pd.Timestamp(f"2024-0{month}-01") for month in (5, 6, 7)]


def test_gaps_and_missing_values_are_refused_not_filled(table: pd.DataFrame) -> None:
    one = table[table["series"] == "a"]
    with pytest.raises(CannotForecast, match="evenly spaced"):
        forecast(one.drop(one.index[10]), NOW, Asked(horizon=4))
    with pytest.raises(CannotForecast, match="without a value"):
        forecast(one.assign(value=one["value"].mask(one["value"] > 110)), NOW, Asked(horizon=4))


def test_intervals_stay_native_until_four_origins_do_not_overlap(table: pd.DataFrame) -> None:
    past = past_of(table[table["series"] == "a"], NOW)
    one = tried("a", past, Asked(horizon=4))
    name = one.choice.name
    assert visible_errors(one.trial, name).apart >= 4
    assert visible_errors(one.trial, name, at=2).apart < 4
    assert pooled_widths([visible_errors(one.trial, name, at=2)], 4) == [None]
    width = pooled_widths([visible_errors(one.trial, name)], 4)[0]
    assert width is not None
    own, shown = one.trial.ahead[name], widened(one.trial.ahead[name], width)
    np.testing.assert_allclose(shown.high - shown.low, ((own.high - own.low) + 2 * width) / 2)


@settings(max_examples=examples(50), deadline=None)
@given(n=st.integers(2, 400), horizon=st.integers(1, 30))
def test_origins_leave_a_past_to_learn_from_and_the_horizon_to_be_graded(n: int, horizon: int) -> None:
    cutoffs = origins(n, horizon)
    assert cutoffs == sorted(set(cutoffs))
    assert all(8 <= cutoff <= n - horizon for cutoff in cutoffs)
    assert len(cutoffs) == 6 or n - horizon < 8 + max(2 * horizon, n // 3) + 6


def test_grades_are_those_of_the_textbook() -> None:
    actual, mean = np.array([100.0, 200.0]), np.array([110.0, 180.0])
    made = grade(actual, mean, mean - 15, mean + 15, scale=10.0)
    assert (made.wape, made.bias, made.mase, made.coverage80) == (pytest.approx(0.1), pytest.approx(-1 / 30), 1.5, 0.5)
    assert made.winkler80 == pytest.approx((30 + 30 + 10 * 5) / 2 / 10)
    assert smape(actual, mean) == pytest.approx((2000 / 210 + 4000 / 380) / 2)
    assert owa(5.0, 1.0, naive_smape=10.0, naive_mase=1.0) == 0.75


def test_a_reconciled_forecast_adds_up_to_the_cent_and_contains_what_is_won(found: Forecast) -> None:
    tree = Hierarchy.of([("total", ["a", "b", "c"])])
    won = {"c": np.array([900, 0, 0, 0]), "total": np.array([900, 0, 0, 0])}
    value = coherent(found, tree, won=won).pivot_table(index="series", columns="step", values="value", aggfunc="sum")
    assert (value.loc["total"] == value.loc[["a", "b", "c"]].sum()).all()
    assert value.loc["c", 1] >= 900
    with pytest.raises(CannotForecast, match="no forecast of d"):
        coherent(found, Hierarchy.of([("total", ["a", "b", "d"])]))


def test_prophet_can_be_chosen_and_its_chance_is_its_own() -> None:
    past = Past(made_values(40), pd.date_range(FIRST, periods=40, freq="7D"))
    np.random.seed(5)
    first = ProphetMember(holidays_of("DE", 2024, 2025)).ahead(past, 3)
    drawn = np.random.random()
    np.random.seed(5)
    assert drawn == np.random.random()
    again = ProphetMember(holidays_of("DE", 2024, 2025)).ahead(past, 3)
    np.testing.assert_array_equal(first.low, again.low)
    assert (first.low < first.mean).all()


def test_a_holiday_counts_for_the_week_that_holds_it() -> None:
    steps = pd.date_range("2024-12-02", periods=4, freq="7D")
    days = [pd.Timestamp("2024-11-30"), pd.Timestamp("2024-12-25"), pd.Timestamp("2025-01-06")]
    placed = _on_steps(pd.DataFrame({"holiday": ["before", "Christmas", "after"], "day": days}), steps)
    assert placed is not None
    assert placed.to_numpy().tolist() == [["Christmas", pd.Timestamp("2024-12-23")]]


def test_uneven_steps_have_no_coming_days() -> None:
    with pytest.raises(CannotForecast):
        coming_days(pd.DatetimeIndex(["2024-01-01", "2024-01-08", "2024-01-20"]), 2)
