"""Quotas: attainment and gap are sums, and of a hundred quotas that are reached with 70 % some seventy are."""

from __future__ import annotations

import numpy as np
import pytest

from insights.quota import Coming, reach, still_coming

STEPS = 6


def test_attainment_and_gap_follow_from_what_is_won_and_what_comes() -> None:
    coming = still_coming([100.0, 50.0], [60.0, 20.0], [140.0, 80.0])
    found = reach(400.0, 300.0, coming)
    assert (found.attainment, found.expected, found.expected_attainment) == (0.75, 450.0, 1.125)
    assert (found.gap, found.expected_gap) == (100.0, -50.0)
    assert found.low < found.expected < found.high
    assert 0.5 < found.probability < 1
    with pytest.raises(ValueError, match="more than nothing"):
        reach(0.0, 1.0, coming)


def test_a_quota_that_is_won_is_reached_and_one_with_nothing_to_come_is_not() -> None:
    nothing = still_coming([], [], [])
    assert reach(100.0, 100.0, nothing).probability == 1.0
    assert reach(100.0, 99.0, nothing).probability == 0.0
    certain = Coming(value=5.0, low=5.0, high=5.0, spread=0.0)
    assert (certain.chance_of(5.0), certain.chance_of(6.0)) == (1.0, 0.0)


def test_what_is_further_away_is_less_likely() -> None:
    coming = still_coming([100.0] * 4, [0.0] * 4, [250.0] * 4)
    chances = [coming.chance_of(amount) for amount in (1.0, 200.0, 400.0, 800.0, 3000.0)]
    assert chances == sorted(chances, reverse=True)
    assert chances[0] > 0.95
    assert chances[-1] < 0.01


def test_steps_that_go_together_spread_wider_than_independent_ones() -> None:
    steps = ([100.0] * 4, [50.0] * 4, [150.0] * 4)
    alone, together = (still_coming(*steps, correlation=one) for one in (0.0, 1.0))
    assert together.spread == pytest.approx(2 * alone.spread)
    assert together.high - together.low > alone.high - alone.low


@pytest.mark.parametrize("correlation", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("value", [0.0, 0.02, 0.2, 1.0, 5.0, 50.0])
def test_ends_of_a_sum_hold_together_with_those_of_its_steps(value: float, correlation: float) -> None:
    """However little is expected beside what one step may bring: the forecast is inside, and not at an end."""
    values = np.array([value, 2 * value, 0.0, value])
    lows, highs = np.minimum([0.0, 0.5, 0.0, 0.0], values), values + np.array([40.0, 60.0, 25.0, 0.0])
    found = still_coming(values.tolist(), lows.tolist(), highs.tolist(), correlation=correlation)
    assert found.low <= found.value < found.high
    assert found.high >= max(highs)
    assert lows.sum() <= found.low
    assert found.high <= highs.sum()
    if value:
        assert found.low < found.value


def test_a_single_step_has_its_own_interval() -> None:
    found = still_coming([10.0], [4.0], [50.0])
    assert (found.value, found.low, found.high) == (10.0, 4.0, 50.0)


@pytest.mark.parametrize("deals", [0.6, 4.0])
def test_said_chances_come_true_as_often_as_said(deals: float) -> None:
    """Weeks of bookings with few deals or many, of sizes that differ, at a pace that nobody knows exactly."""
    rng = np.random.default_rng(11)
    n, mean = 4_000, 100.0
    pace = rng.gamma(12.0, 1 / 12.0, n)
    weeks = np.array([[rng.gamma(1.5, mean / 1.5, k).sum() for k in rng.poisson(deals * one, STEPS)] for one in pace])
    spread = weeks.std()
    flat = np.corrcoef(weeks.T)[np.triu_indices(STEPS, 1)].mean()
    value = deals * mean
    steps = ([value] * STEPS, [max(0.0, value - 1.2816 * spread)] * STEPS, [value + 1.2816 * spread] * STEPS)
    coming = still_coming(*steps, correlation=float(flat))
    quotas = rng.uniform(0.3, 1.9, n) * value * STEPS
    said = np.array([coming.chance_of(quota) for quota in quotas])
    came = weeks.sum(axis=1) >= quotas
    for low in np.arange(0.0, 1.0, 0.2):
        inside = (said >= low) & (said < low + 0.2)
        assert inside.sum() > 100
        assert came[inside].mean() == pytest.approx(said[inside].mean(), abs=0.08)
    total = weeks.sum(axis=1)
    assert ((coming.low <= total) & (total <= coming.high)).mean() == pytest.approx(0.8, abs=0.06)
