"""Forecasts of series in which often nothing comes are judged by what comes over the horizon, and shown with that."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from insights.forecast_record import verdict
from insights.forecasting.backtest import run_trial
from insights.forecasting.choice import choose
from insights.forecasting.grading import grade
from insights.forecasting.members import Floats, Past
from insights.forecasting.panel import Asked, forecast
from insights.forecasting.sparse import grade_sums, is_sparse

FIRST = pd.Timestamp("2023-01-02")


def deals(n: int, *, every: float, size: float = 10_000.0, seed: int = 3) -> Floats:
    """A salesperson's weeks: seldom a deal, and then a large one."""
    dice = np.random.default_rng(seed)
    return np.where(dice.random(n) < 1 / every, size * dice.gamma(2.0, 0.5, n), 0.0)


def past(values: Floats) -> Past:
    return Past(values, pd.date_range(FIRST, periods=len(values), freq="7D"))


def test_of_a_salesperson_with_few_deals_the_last_week_is_not_carried_on() -> None:
    by_steps, by_sums = 0, 0
    for seed in range(12):
        trial = run_trial(past(deals(104, every=3.5, seed=seed)), 13)
        assert is_sparse(trial)
        by_steps += choose(trial).name == "naive"
        by_sums += choose(trial, by_sums=True).name == "naive"
    assert by_sums == 0
    assert by_steps >= 3, "by steps it often is"


def test_who_brings_something_every_week_is_judged_by_steps() -> None:
    trial = run_trial(past(1_000.0 + deals(104, every=3.5)), 13)
    assert not is_sparse(trial)
    assert choose(trial, by_sums=True) == choose(trial)


def test_sums_are_graded_as_sums_and_intervals_as_steps() -> None:
    actual = np.array([[0.0, 8.0], [2.0, 0.0]])
    mean = np.array([[4.0, 4.0], [2.0, 2.0]])
    low, high = np.zeros((2, 2)), np.full((2, 2), 5.0)
    before = np.array([1.0, 3.0, 1.0, 3.0, 5.0])
    made = grade_sums(actual, mean, low, high, past=before)
    assert made.n == 2
    assert made.wape == pytest.approx(2 / 10), "8 came and 8 were said, 2 came and 4 were said"
    assert made.bias == pytest.approx(2 / 10)
    assert made.mase == pytest.approx(1.0 / np.mean([0.0, 4.0])), "sums of two were 4, 4, 4, 8"
    assert made.coverage80 == grade(actual, mean, low, high, scale=1.0).coverage80 == 0.75


def test_the_record_says_over_what_the_error_is() -> None:
    values = deals(104, every=4.0)
    table = pd.DataFrame({"series": "a", "day": pd.date_range(FIRST, periods=104, freq="7D"), "value": values})
    now = FIRST + pd.Timedelta(weeks=104)
    steps, sums = (forecast(table, now, Asked(horizon=13, by_sums=by)).cards["a"] for by in (False, True))
    assert sums["shown"]["wape"] < steps["shown"]["wape"]
    assert "judged by the sum of its steps" in sums["why"]
    card = {
        **sums,
        "n_origins": 6,
        "over": "13 weeks",
        "baselines": {"naive": sums["methods"]["naive"]},
        **sums["shown"],
    }
    assert verdict(card).words[0].startswith("Over 13 weeks its error was ")
