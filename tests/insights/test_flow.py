"""Who goes on and how long deals stay: open deals are neither lost nor left out; what is said holds in simulation."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from insights import flow
from insights.money import Money
from snapshots import tables
from snapshots.flow_facts import COHORTS, PUSHES, STAYS

Row = tuple[int, str, int] | tuple[int, str, int, bool]


def stays(*rows: Row) -> pd.DataFrame:
    """age, fate ("in" for coming), n, whether new."""
    full = [(1, row[0], row[1], row[3] if len(row) > 3 else True, row[2]) for row in rows]
    return tables.shaped([(one[0], one[1], one[2], one[3], one[4]) for one in full], STAYS)


def test_where_every_deal_has_decided_the_share_is_the_plain_share() -> None:
    found = flow.stage_flow(stays((0, "in", 10), (3, "on", 4), (5, "won", 2), (8, "lost", 3), (9, "gone", 1)))
    assert found.goes_on.value == pytest.approx(0.6)
    assert found.undecided == pytest.approx(0.0)
    assert (found.n_entered, found.n["on"], found.n_watched) == (10, 4, 10)
    assert (found.first_quarter.value, found.median.value, found.last_quarter.value) == (3, 5, 8)


def test_deals_that_are_still_there_are_neither_lost_nor_left_out() -> None:
    """Ten entered, five went on after a day; four of those still there were only just seen."""
    found = flow.stage_flow(stays((0, "in", 10), (0, "there", 4), (1, "on", 5), (9, "lost", 1)))
    assert found.goes_on.value == pytest.approx(5 / 6)


def test_what_nobody_was_watched_long_enough_for_is_undecided() -> None:
    found = flow.stage_flow(stays((0, "in", 10), (2, "on", 4), (3, "there", 6)))
    assert found.goes_on.value == pytest.approx(0.4)
    assert found.undecided == pytest.approx(0.6)
    assert found.median.value is None


def test_a_deal_that_was_there_before_the_period_counts_from_its_age_on() -> None:
    """It tells nothing of the first days, of which it was not seen: those who leave early are not there to be seen."""
    found = flow.survival(flow.Stays.of(stays((0, "in", 2), (1, "lost", 1), (5, "in", 2, False), (6, "on", 1),
                                              (9, "lost", 2))))  # fmt: skip
    there = dict(zip(found["day"], found["there"], strict=True))
    assert there[0] == 1.0
    assert there[1] == pytest.approx(1 / 2)
    assert there[6] == pytest.approx(1 / 2 * 2 / 3)


def test_nothing_in_gives_no_estimate() -> None:
    found = flow.stage_flow(tables.empty(STAYS))
    assert (found.goes_on.value, found.median.value, found.n_entered, found.is_few) == (None, None, 0, True)


def test_where_all_go_on_the_interval_says_how_sure_that_is() -> None:
    few = flow.stage_flow(stays((0, "in", 10), (1, "on", 10))).goes_on
    many = flow.stage_flow(stays((0, "in", 1000), (1, "on", 1000))).goes_on
    assert (few.value, few.high) == (1.0, 1.0)
    assert few.low is not None
    assert many.low is not None
    assert few.low < 0.75
    assert many.low > 0.99


def _simulated(chance: np.random.Generator, n: int) -> pd.DataFrame:
    """Deals that come over 300 days and leave at a constant rate, six of ten onwards; watched from day 200 to 300."""
    begun = chance.integers(0, 300, n)
    length = chance.geometric(1 / 20, n)
    fate = np.where(chance.random(n) < 0.6, "on", "lost")
    ends = begun + length
    seen = ends >= 200
    came = np.maximum(200 - begun, 0)
    age = np.where(ends > 300, 300 - begun, length)
    told = np.where(ends > 300, "there", fate)
    rows = [(1, int(one), "in", bool(day >= 200), 1) for one, day in zip(came[seen], begun[seen], strict=True)]
    rows += [(1, int(one), str(word), bool(day >= 200), 1)
             for one, word, day in zip(age[seen], told[seen], begun[seen], strict=True)]  # fmt: skip
    return tables.shaped(rows, STAYS)


def test_in_simulation_the_intervals_hold_the_truth_as_often_as_they_say() -> None:
    chance, hits, medians, n = np.random.default_rng(7), 0, 0, 150
    for _ in range(n):
        found = flow.stage_flow(_simulated(chance, 240))
        hits += (found.goes_on.low or 0.0) <= 0.6 <= (found.goes_on.high or 0.0)
        medians += (found.median.low or 99.0) <= 14 <= (found.median.high or 0.0)
    assert 0.90 <= hits / n <= 0.99
    assert medians / n >= 0.90


def test_velocity_is_deals_times_rate_times_amount_by_cycle() -> None:
    found = flow.velocity(n_open=40, n_won=5, n_closed=20, won=Money("EUR", 50_000), n_valued=4, cycle_days=50.0)
    assert (found.win_rate, found.average) == (0.25, Money("EUR", 12_500))
    assert found.per_day == Money("EUR", 2_500)
    unknown = flow.velocity(n_open=40, n_won=0, n_closed=0, won=None, n_valued=0, cycle_days=None)
    assert (unknown.win_rate, unknown.average, unknown.per_day) == (None, None, None)


def test_a_cohort_says_nothing_of_an_age_that_its_last_deal_has_not_reached() -> None:
    counts = tables.shaped(
        [("2026-01-05", "won", 0, 3), ("2026-01-05", "won", 5, 1), ("2026-01-05", "lost", 1, 2),
         ("2026-01-05", "open", None, 4), ("2026-01-05", "won", None, 1)], COHORTS,
    )  # fmt: skip
    (row,) = flow.cohorts(counts, until=date(2026, 2, 8)).to_dict("records")
    assert (row["n"], row["won"], row["lost"], row["open"]) == (11, 5, 2, 4)
    assert (row["won_1"], row["lost_2"], row["won_4"]) == pytest.approx((3 / 11, 2 / 11, 3 / 11))
    assert np.isnan(row["won_8"])


def test_pushes_are_counted_by_deal_and_their_days_by_push() -> None:
    counts = tables.shaped([(0, "open", 5, 0), (1, "won", 2, 20), (4, "lost", 1, 40), (3, "open", 1, 30)], PUSHES)
    found = flow.pushes(counts).set_index("n_pushes")
    assert found["n"].tolist() == [5, 2, 0, 2]
    assert found.loc[1, "days"] == 10
    assert found.loc[3, "days"] == 10
    assert np.isnan(found.loc[0, "days"])
