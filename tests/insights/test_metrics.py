"""Each metric is what its definition says, also where there is nothing, no date, no amount, or several currencies."""

from __future__ import annotations

import statistics
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_frames import event, frame, overview_frames

from insights.metrics import (
    METRICS,
    TREND_WEEKS,
    Kpi,
    OverviewFrames,
    Period,
    comparison_period,
    median_of_counts,
    overview,
    span,
    trend_days,
    win_rate,
)
from insights.money import Money
from snapshots import tables

MONDAY = date(2026, 3, 2)
MARCH = Period(MONDAY, MONDAY + timedelta(days=27))
BEFORE = Period(MONDAY - timedelta(days=28), MONDAY - timedelta(days=1))
ALL_TIME = Period(None, MARCH.last)
PERIODS = st.builds(
    lambda start, days: Period(start, start + timedelta(days=days)),
    st.dates(date(2000, 1, 1), date(2040, 1, 1)),
    st.integers(0, 800),
)


def march(n: int) -> date:
    return MONDAY + timedelta(days=n)


def kpis(
    frames: OverviewFrames,
    period: Period = MARCH,
    comparison: Period | None = BEFORE,
    reporting_currency: str | None = "EUR",
) -> dict[str, Kpi]:
    return overview(
        frames, period=period, comparison=comparison, until=period.last, reporting_currency=reporting_currency
    )


# --- periods -------------------------------------------------------------------------------------------------------


def test_a_period_holds_its_first_and_its_last_day_and_no_other() -> None:
    days = frame(tables.LEAD_COUNTS, [{"day": march(n), "n": 1} for n in (-1, 0, 27, 28)] + [{"day": None, "n": 1}])
    assert list(MARCH.of(days)["day"].dt.date) == [MARCH.first, MARCH.last]


def test_a_period_since_the_beginning_holds_what_has_no_date() -> None:
    days = frame(tables.LEAD_COUNTS, [{"day": march(n), "n": 1} for n in (-900, 27, 28)] + [{"day": None, "n": 5}])
    assert list(ALL_TIME.of(days)["n"]) == [1, 1, 5]


@given(PERIODS, st.sampled_from(["previous", "year"]))
def test_a_comparison_period_is_as_long_and_starts_on_the_same_weekday(period: Period, kind: str) -> None:
    compared = comparison_period(period, kind)  # type: ignore[arg-type]
    assert compared is not None
    assert compared.first is not None
    assert period.first is not None
    assert compared.days == period.days
    assert compared.first.weekday() == period.first.weekday()
    assert compared.last < period.first or kind == "year"


@given(PERIODS)
def test_the_previous_period_is_the_latest_that_does_not_reach_into_this_one(period: Period) -> None:
    compared = comparison_period(period, "previous")
    assert compared is not None
    assert period.first is not None
    assert compared.last < period.first <= compared.last + timedelta(days=7)


def test_the_year_before_is_52_weeks_earlier() -> None:
    assert comparison_period(MARCH, "year") == Period(date(2025, 3, 3), date(2025, 3, 30))


def test_a_period_without_a_beginning_has_nothing_to_compare_with() -> None:
    assert comparison_period(ALL_TIME, "previous") is None


def test_the_trend_ends_at_the_last_day_that_counts_and_goes_by_weeks() -> None:
    days = trend_days(MARCH.last)
    assert (len(days), days[-1], days[0]) == (TREND_WEEKS, MARCH.last, MARCH.last - timedelta(weeks=TREND_WEEKS - 1))


@given(PERIODS, st.sampled_from(["previous", "year"]), st.integers(0, 90))
def test_what_is_loaded_covers_the_period_its_comparison_and_the_trend(period: Period, kind: str, back: int) -> None:
    compared, until = comparison_period(period, kind), period.last - timedelta(days=back)  # type: ignore[arg-type]
    loaded = span(period, compared, until)
    needed = [period.first, compared.first if compared else None, trend_days(until)[0] - timedelta(days=6)]
    assert loaded.first == min(day for day in needed if day is not None)
    assert loaded.last >= max(period.last, until)


# --- definitions ---------------------------------------------------------------------------------------------------


def test_every_metric_of_the_overview_has_a_definition() -> None:
    found = kpis(overview_frames())
    assert list(found) == [
        "leads", "new_deals", "won_amount", "win_rate", "cycle_length", "weighted_pipeline", "activities",
    ]  # fmt: skip
    assert all(kpi.metric == METRICS[key] and kpi.metric.definition for key, kpi in found.items())


def test_counts_are_those_of_the_period() -> None:
    found = kpis(
        overview_frames(
            leads=[{"day": march(0), "n": 3}, {"day": march(27), "n": 4}, {"day": march(28), "n": 8}],
            events=[event("created", march(-1), 16), event("created", march(5), 2), event("won", march(5), 1, 5_00)],
        )
    )
    assert (found["leads"].value, found["leads"].n) == (7.0, 7)
    assert found["new_deals"].value == 2.0


def test_tasks_and_notes_are_no_activities() -> None:
    kinds = ["email", "call", "meeting", "appointment", "task", "note"]
    found = kpis(overview_frames(activities=[{"day": march(1), "kind": kind, "n": 1} for kind in kinds]))
    assert found["activities"].value == 4.0


def test_the_win_rate_goes_by_number_of_the_deals_that_closed() -> None:
    events = [
        event("won", march(2), 3, 1_00),
        event("lost", march(3), 1, 900_00),
        event("created", march(4), 50),
        event("lost", march(-2), 7),
    ]
    found = kpis(overview_frames(events=events))["win_rate"]
    assert (found.value, found.n) == (0.75, 4)


def test_no_closed_deal_gives_no_win_rate_and_says_why() -> None:
    found = kpis(overview_frames(events=[event("created", march(2), 3)]))["win_rate"]
    assert (found.value, found.n, found.change) == (None, 0, None)
    assert found.why


def test_the_cycle_is_the_median_of_the_deals_not_of_the_days() -> None:
    cycles = [
        {"day": march(1), "days": 10, "n": 5},
        {"day": march(2), "days": 50, "n": 1},
        {"day": march(3), "days": 60, "n": 1},
    ]
    found = kpis(overview_frames(cycles=cycles))["cycle_length"]
    assert (found.value, found.n) == (10.0, 7)


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 5)), max_size=12))
def test_a_median_of_counts_is_that_of_the_single_values(counts: list[tuple[int, int]]) -> None:
    spread = [value for value, n in counts for _ in range(n)]
    found = median_of_counts(
        pd.Series([c[0] for c in counts], dtype="int64"), pd.Series([c[1] for c in counts], dtype="int64")
    )
    assert found == (statistics.median(spread) if spread else None)


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))
def test_a_win_rate_lies_between_none_and_all(won: int, lost: int, created: int) -> None:
    rate, closed = win_rate(
        frame(
            tables.DEAL_EVENTS,
            [event("won", MONDAY, won), event("lost", MONDAY, lost), event("created", MONDAY, created)],
        )
    )
    assert closed == won + lost
    assert rate == (pytest.approx(won / closed) if closed else None)


# --- money ---------------------------------------------------------------------------------------------------------


def test_won_amounts_are_converted_by_the_rate_of_the_day_of_winning() -> None:
    rates = [
        {"currency": "USD", "to_currency": "EUR", "day": march(-40), "rate": 0.5},
        {"currency": "USD", "to_currency": "EUR", "day": march(10), "rate": 0.9},
    ]
    events = [event("won", march(9), 1, 100_00, "USD"), event("won", march(10), 1, 100_00, "USD")]
    found = kpis(overview_frames(events=events, rates=rates))["won_amount"]
    assert (found.value, found.money) == (140.0, (Money("EUR", 140_00),))


def test_without_a_rate_amounts_stand_apart_and_no_single_value_is_given() -> None:
    events = [event("won", march(9), 1, 100_00, "USD"), event("won", march(10), 2, 70_00)]
    found = kpis(overview_frames(events=events))["won_amount"]
    assert (found.value, found.n, found.change) == (None, 3, None)
    assert found.money == (Money("USD", 100_00), Money("EUR", 70_00))


def test_a_comparison_in_another_currency_is_none() -> None:
    events = [event("won", march(9), 1, 100_00, "USD"), event("won", march(-9), 2, 70_00)]
    found = kpis(overview_frames(events=events))["won_amount"]
    assert (found.value, found.change) == (100.0, None)


def test_won_deals_without_an_amount_are_told() -> None:
    events = [event("won", march(9), 2, 70_00), event("won", march(9), 3)]
    found = kpis(overview_frames(events=events))["won_amount"]
    assert (found.value, found.n) == (70.0, 5)
    assert found.why is not None
    assert "3 of 5" in found.why


def test_won_deals_of_which_none_has_an_amount_come_to_an_unknown_amount_not_to_zero() -> None:
    found = kpis(overview_frames(events=[event("won", march(9), 3)]))["won_amount"]
    assert (found.value, found.n) == (None, 3)
    assert found.why


def test_a_period_in_which_nothing_was_won_comes_to_zero() -> None:
    assert kpis(overview_frames())["won_amount"].value == 0.0


# --- pipeline ------------------------------------------------------------------------------------------------------


def _open(day: date, probability: float | None, amount_minor: int | None, n: int = 1, currency: str = "EUR"):
    is_valued = amount_minor is not None
    return {
        "day": day,
        "stage_id": 1,
        "probability": probability,
        "currency": currency if is_valued else None,
        "n": n,
        "n_valued": n if is_valued else 0,
        "amount_minor": amount_minor or 0,
    }


def test_the_weighted_pipeline_is_amount_times_probability_of_what_is_open_at_the_end() -> None:
    rows = [_open(march(20), 0.9, 1_000_00, 9), _open(march(27), 0.2, 100_00), _open(march(27), 0.5, 300_00, 2)]
    found = kpis(overview_frames(pipeline=rows))["weighted_pipeline"]
    assert (found.value, found.n) == (170.0, 3)


def test_deals_without_an_amount_or_a_probability_add_nothing_and_are_not_counted() -> None:
    rows = [_open(march(27), 0.5, 100_00), _open(march(27), None, 900_00), _open(march(27), 0.5, None, 4)]
    found = kpis(overview_frames(pipeline=rows))["weighted_pipeline"]
    assert (found.value, found.n) == (50.0, 1)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "open"),
        ([_open(MARCH.last, 0.5, None, 4)], "amount"),
        ([_open(MARCH.last, None, 5_00)], "probability"),
    ],
)
def test_a_pipeline_that_cannot_be_weighted_says_why(rows: list[dict[str, object]], reason: str) -> None:
    found = kpis(overview_frames(pipeline=rows))["weighted_pipeline"]
    assert (found.value, found.n) == (None, 0)
    assert found.why is not None
    assert reason in found.why


def test_open_deals_in_several_currencies_stand_apart() -> None:
    rows = [_open(march(27), 0.5, 100_00), _open(march(27), 0.5, 300_00, currency="USD")]
    found = kpis(overview_frames(pipeline=rows))["weighted_pipeline"]
    assert found.value is None
    assert found.money == (Money("USD", 150_00), Money("EUR", 50_00))


def test_a_pipeline_that_is_empty_now_is_not_the_last_one_there_was() -> None:
    rows = [_open(march(20), 0.5, 100_00), _open(march(27), None, None, 0)]
    found = kpis(overview_frames(pipeline=rows))["weighted_pipeline"]
    assert (found.value, found.n) == (None, 0)


# --- undated -------------------------------------------------------------------------------------------------------


def test_what_has_no_date_is_in_no_period_with_a_beginning_and_is_told() -> None:
    frames = overview_frames(
        leads=[{"day": None, "n": 30}, {"day": march(1), "n": 1}],
        events=[event("created", None, 20), event("won", None, 2, 8_00)],
    )
    found = kpis(frames)
    assert {key: (found[key].n, found[key].undated) for key in ("leads", "new_deals", "won_amount")} == {
        "leads": (1, 30),
        "new_deals": (0, 20),
        "won_amount": (0, 2),
    }


def test_since_the_beginning_what_has_no_date_counts() -> None:
    frames = overview_frames(
        leads=[{"day": None, "n": 30}, {"day": march(1), "n": 1}],
        events=[event("won", None, 2, 8_00), event("lost", None, 2)],
    )
    found = kpis(frames, ALL_TIME, None)
    assert (found["leads"].value, found["won_amount"].value, found["win_rate"].value) == (31.0, 8.0, 0.5)


# --- change and trend ----------------------------------------------------------------------------------------------


def test_a_change_is_against_the_comparison_period() -> None:
    leads = [{"day": march(3), "n": 30}, {"day": march(-28), "n": 20}, {"day": march(-29), "n": 99}]
    change = kpis(overview_frames(leads=leads))["leads"].change
    assert change is not None
    assert (change.earlier, change.absolute, change.relative, change.direction) == (20, 10, 0.5, "up")


def test_a_change_from_nothing_has_no_percentage() -> None:
    change = kpis(overview_frames(leads=[{"day": march(3), "n": 30}]))["leads"].change
    assert change is not None
    assert (change.absolute, change.relative) == (30, None)


def test_rates_and_days_change_by_points_not_by_percent() -> None:
    frames = overview_frames(
        events=[event("won", march(2)), event("lost", march(-2)), event("won", march(-2))],
        cycles=[{"day": march(2), "days": 30, "n": 1}, {"day": march(-2), "days": 20, "n": 1}],
    )
    found = kpis(frames)
    assert [(c.absolute, c.relative) for key in ("win_rate", "cycle_length") if (c := found[key].change)] == [
        (0.5, None),
        (10.0, None),
    ]


def test_without_a_comparison_there_is_no_change() -> None:
    found = kpis(overview_frames(leads=[{"day": march(3), "n": 30}]), comparison=None)
    assert {key: kpi.change for key, kpi in found.items()} == dict.fromkeys(found)


def test_the_trend_of_a_count_is_its_weeks_oldest_first() -> None:
    leads = [{"day": MARCH.last - timedelta(days=back), "n": back} for back in range(7 * TREND_WEEKS + 20)]
    trend = kpis(overview_frames(leads=leads))["leads"].trend
    weeks = np.arange(7 * TREND_WEEKS).reshape(TREND_WEEKS, 7).sum(axis=1)
    assert trend == tuple(float(week) for week in weeks[::-1])


def test_a_week_without_closed_deals_has_no_win_rate_in_the_trend() -> None:
    trend = kpis(overview_frames(events=[event("won", MARCH.last)]))["win_rate"].trend
    assert trend == (*[None] * (TREND_WEEKS - 1), 1.0)


def test_what_has_no_date_is_in_no_week_of_the_trend() -> None:
    frames = overview_frames(leads=[{"day": None, "n": 30}, {"day": MARCH.last, "n": 1}])
    assert kpis(frames, ALL_TIME, None)["leads"].trend == (*[0.0] * (TREND_WEEKS - 1), 1.0)


@pytest.mark.parametrize("key", ["won_amount", "weighted_pipeline"])
def test_a_trend_never_mixes_currencies(key: str) -> None:
    """A week in which only dollars came in is no point on a line of euros."""
    frames = overview_frames(
        events=[event("won", march(27), 1, 50_00), event("won", march(-3), 1, 900_00, "USD")],
        pipeline=[_open(march(27), 1.0, 50_00), _open(march(20), 1.0, 900_00, currency="USD")],
    )
    found = kpis(frames)[key]
    assert found.value == 50.0
    assert 900.0 not in found.trend


def test_a_pipeline_that_was_in_another_currency_has_no_change() -> None:
    pipeline = [
        _open(day, 1.0, 50_00, currency="EUR" if day == MARCH.last else "USD") for day in trend_days(MARCH.last)
    ]
    assert kpis(overview_frames(pipeline=pipeline))["weighted_pipeline"].change is None
