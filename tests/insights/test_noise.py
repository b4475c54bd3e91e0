"""What is called a change is one: where nothing changed, about one comparison in twenty says otherwise, and no more."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import numpy as np
import pytest
from made_frames import event, overview_frames

from insights.metrics import Kpi, Period, comparison_period, overview, trend_days

LAST = date(2026, 3, 29)
PERIOD = Period(LAST - timedelta(days=41), LAST)
COMPARISON = comparison_period(PERIOD, "previous")
SIMULATIONS = 120
MOST_FALSE_ALARMS = 14
"""Of 120, where 6 are expected: chance alone gives more in fewer than 1 of 300 cases; a standard error that is too
small by the root of two gives 20."""
KEYS = ("leads", "new_deals", "won_amount", "win_rate", "cycle_length", "weighted_pipeline", "activities")


def simulated(chance: np.random.Generator, grows: float = 1.0) -> dict[str, Kpi]:
    """An organization of which nothing changes; or of which everything is `grows` times as much in this period."""
    events, cycles, leads, activities = [], [], [], []
    assert COMPARISON is not None
    assert COMPARISON.first is not None
    for n in range((LAST - COMPARISON.first).days + 1):
        day = COMPARISON.first + timedelta(days=n)
        factor = grows if PERIOD.first is not None and day >= PERIOD.first else 1.0
        won = int(chance.poisson(1.2 * factor))
        events.append(event("created", day, int(chance.poisson(4 * factor))))
        events.append(event("lost", day, int(chance.poisson(2.4))))
        events.append(event("won", day, won, int(chance.gamma(2, 5_000_00, won).sum()) if won else None))
        cycles += [{"day": day, "days": int(days * factor), "n": 1} for days in chance.gamma(3, 15, won)]
        leads.append({"day": day, "n": int(chance.poisson(6 * factor))})
        activities.append({"day": day, "kind": "call", "n": int(chance.poisson(20 * factor))})
    walk = 1_000_000_00 * (1 + 0.02 * chance.standard_normal(13).cumsum() + np.linspace(0, grows - 1, 13))
    pipeline = [
        {
            "day": day,
            "stage_id": 1,
            "probability": 0.5,
            "currency": "EUR",
            "n": 9,
            "n_valued": 9,
            "amount_minor": int(sum_),
        }
        for day, sum_ in zip(trend_days(LAST), walk, strict=True)
    ]
    frames = overview_frames(events=events, cycles=cycles, leads=leads, activities=activities, pipeline=pipeline)
    return overview(frames, period=PERIOD, comparison=COMPARISON, until=LAST, reporting_currency="EUR")


@pytest.fixture(scope="module")
def false_alarms() -> Counter[str]:
    chance, alarms = np.random.default_rng(20260329), Counter[str]()
    for _ in range(SIMULATIONS):
        for key, kpi in simulated(chance).items():
            assert kpi.change is not None
            alarms[key] += kpi.change.is_beyond_noise
    return alarms


def test_where_nothing_changed_few_comparisons_say_otherwise(false_alarms: Counter[str]) -> None:
    assert set(false_alarms) <= set(KEYS)
    assert {key: n for key, n in false_alarms.items() if n > MOST_FALSE_ALARMS} == {}


def test_the_verdict_is_not_too_shy_either(false_alarms: Counter[str]) -> None:
    """Over all metrics together: 42 are expected; a standard error twice too large gives almost none."""
    assert false_alarms.total() >= 20


def test_two_and_a_half_times_as_much_is_seen() -> None:
    chance, seen = np.random.default_rng(7), Counter[str]()
    for _ in range(10):
        for key, kpi in simulated(chance, grows=2.5).items():
            seen[key] += kpi.change is not None and kpi.change.is_beyond_noise
    assert {key: n for key, n in seen.items() if n < 8 and key != "win_rate"} == {}
