"""Five shares beside the organization's: little seen is little said, and what is said to change a value changes it."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from insights import activity_quality
from insights.activity_quality import COMPONENTS, LEAST, PRIOR, quality
from snapshots import tables
from snapshots.activity_weeks import ACTIVITY_WEEKS

MONDAY = date(2026, 11, 16)
USUAL = {"n_open": 1000, "recency": 400.0, "n_covered": 600, "n_sent": 2000, "n_answered": 500, "n_planned": 400,
         "n_held": 300, "n_worked": 1200, "n_moved": 240}  # fmt: skip


def weeks(*counts: dict[str, float], owner: int = 5) -> pd.DataFrame:
    """One week each, the last one from MONDAY; what is not given is none."""
    rows = [
        (MONDAY - timedelta(weeks=len(counts) - 1 - n), owner, *(one.get(name, 0) for name in list(ACTIVITY_WEEKS)[2:]))
        for n, one in enumerate(counts)
    ]
    return tables.shaped(rows, ACTIVITY_WEEKS)


def scaled(by: float) -> dict[str, float]:
    return {name: round(value * by) for name, value in USUAL.items()}


def test_who_works_as_is_usual_has_a_hundred() -> None:
    found = quality(weeks(scaled(0.1)), weeks(USUAL))
    assert found.index == pytest.approx(100.0)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 100 < found.high
    assert [share.component.key for share in found.shares] == [one.key for one in COMPONENTS]


def test_more_seen_narrows_the_interval_and_lets_the_share_speak() -> None:
    few, many = (quality(weeks({"n_sent": n, "n_answered": n // 2}), weeks(USUAL)).shares[2] for n in (12, 1200))
    assert few.own == many.own == 0.5
    assert few.index is not None
    assert many.index is not None
    assert 100 < few.index < many.index < 200
    assert few.index == pytest.approx(100 * (6 + PRIOR * 0.25) / (12 + PRIOR) / 0.25)
    assert (few.high or 0) - (few.low or 0) > (many.high or 0) - (many.low or 0)


def test_of_fewer_than_enough_cases_nothing_is_said() -> None:
    found = quality(weeks({"n_sent": LEAST - 1, "n_answered": 5}), weeks(USUAL))
    assert (found.index, found.shares[2].index, found.shares[2].own) == (None, None, 5 / (LEAST - 1))
    two = {"n_sent": 50, "n_answered": 5, "n_planned": 50, "n_held": 30}
    assert quality(weeks(two), weeks(USUAL)).index is None
    assert quality(weeks({**two, "n_worked": 50, "n_moved": 9}), weeks(USUAL)).index is not None


def test_what_no_source_tells_is_left_out_and_not_zero() -> None:
    untold = {**USUAL, "n_sent": 0, "n_answered": 0}
    own = {**scaled(0.1), "n_sent": 0, "n_answered": 0}
    found = quality(weeks(own), weeks(untold))
    assert found.index == pytest.approx(100.0)
    assert (found.shares[2].own, found.shares[2].usual, found.shares[2].index) == (None, None, None)


def test_deals_that_are_open_count_once_and_not_each_week() -> None:
    found = quality(weeks(scaled(0.1), scaled(0.1)), weeks(USUAL, USUAL))
    assert {share.component.key: share.n for share in found.shares} == {
        "recency": 100, "coverage": 100, "replies": 400, "held": 80, "moved": 240
    }  # fmt: skip


def test_one_case_more_changes_the_value_by_as_much_as_is_said() -> None:
    own = scaled(0.1)
    before = quality(weeks(own), weeks(USUAL))
    for share in before.shares:
        after = quality(weeks({**own, share.component.part: own[share.component.part] + 1}), weeks(USUAL))
        assert (after.index or 0) - (before.index or 0) == pytest.approx(share.one_more), share.component.key


def test_the_lever_is_where_most_is_missing_to_what_is_usual() -> None:
    own = {**scaled(0.1), "n_answered": 10, "n_covered": 55}
    lever = quality(weeks(own), weeks(USUAL)).lever
    assert lever is not None
    assert (lever.component.key, lever.missing) == ("replies", 40)
    assert quality(weeks(scaled(0.1)), weeks(USUAL)).lever is None


def test_in_simulation_eight_of_ten_intervals_hold_the_truth_of_who_works_as_is_usual() -> None:
    chance, hits, n = np.random.default_rng(3), 0, 400
    for _ in range(n):
        own = {"n_open": 40, "recency": chance.binomial(40, 0.4), "n_covered": chance.binomial(40, 0.6), "n_sent": 60,
               "n_answered": chance.binomial(60, 0.25), "n_planned": 20, "n_held": chance.binomial(20, 0.75),
               "n_worked": 50, "n_moved": chance.binomial(50, 0.2)}  # fmt: skip
        found = quality(weeks(own), weeks(USUAL))
        assert found.low is not None
        hits += found.low <= 100 <= (found.high or 0)
    assert 0.78 <= hits / n <= 0.97


def test_all_at_once_are_what_each_is_alone() -> None:
    each = {5: weeks(scaled(0.1), scaled(0.2)), 6: weeks(scaled(0.3), {"n_sent": 4}, owner=6)}
    usual = weeks(USUAL, USUAL)
    found = activity_quality.by_owner(pd.concat(each.values()), usual)
    assert found == {owner: quality(own, usual) for owner, own in each.items()}


def test_a_trend_looks_back_a_window_at_each_week() -> None:
    many = [scaled(0.1)] * 20
    found = activity_quality.trend(weeks(*many), weeks(*([USUAL] * 20)), n_weeks=4)
    assert found["day"].dt.date.tolist() == [MONDAY - timedelta(weeks=back) for back in (3, 2, 1, 0)]
    assert found["value"].tolist() == pytest.approx([100.0] * 4)
    gone = activity_quality.trend(weeks(*many[:5]), weeks(*([USUAL] * 20)), n_weeks=1)
    assert gone["day"].dt.date.tolist() == [MONDAY]
