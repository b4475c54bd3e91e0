"""The funnel's rates and intervals, cohorts, times between steps and speed to lead."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insights import costs, funnel
from insights.money import Money
from snapshots import tables
from snapshots.lead_funnel import DEAL_STAGES, JOURNEYS
from snapshots.marketing import COSTS

AT = datetime(2024, 6, 3, 9, tzinfo=UTC)  # a Monday


def journeys(*given: dict[str, Any]) -> pd.DataFrame:
    """JOURNEYS; what is not given is an ordinary delivered lead of its own contact."""
    rows = []
    for number, values in enumerate(given):
        row: dict[str, Any] = dict.fromkeys(JOURNEYS)
        row |= {"lead_id": f"lead {number}", "received_at": AT, "form_id": 1, "version": 1, "source": "google"}
        row |= {"campaign": "", "kind": 0, "n_leads": 1, "state": "delivered", "contact_id": number, "n_deals": 0}
        row |= {"n_won": 0, "touches": []} | values
        row["day"] = pd.Timestamp(row["received_at"]).tz_convert(None).normalize()
        rows.append([row[name] for name in JOURNEYS])
    return tables.shaped(rows, JOURNEYS)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_lies_between_nothing_and_all(given_: tuple[int, int]) -> None:
    part, n = given_
    low, high = funnel.wilson(part, n)
    assert 0 <= low <= part / n <= high <= 1
    assert high > low


def test_the_interval_is_wilsons() -> None:
    assert funnel.wilson(10, 100) == pytest.approx((0.0552, 0.1744), abs=1e-4)  # R: prop.test(10, 100, correct=FALSE)
    assert funnel.wilson(0, 10)[1] == pytest.approx(0.2775, abs=1e-4)


@pytest.mark.parametrize(("part", "n"), [(3, 2), (-1, 5), (0, 0)])
def test_what_is_no_share_has_no_interval(part: int, n: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        funnel.wilson(part, n)


def test_a_rate_of_few_says_so() -> None:
    assert funnel.Rate(3, funnel.ENOUGH - 1).is_few
    assert not funnel.Rate(3, funnel.ENOUGH).is_few


def test_a_later_step_implies_the_earlier_ones() -> None:
    leads = journeys({"state": "quarantined", "n_won": 1, "n_deals": 0}, {"state": "quarantined"}, {"state": "parked"})
    counts = funnel.step_counts(None, leads)
    assert counts == {"submits": 3, "valid": 2, "contacts": 1, "deals": 1, "won": 1}
    steps = funnel.funnel(counts)
    assert [one.step.key for one in steps] == ["submits", "valid", "contacts", "deals", "won"]
    assert steps[1].rate == funnel.Rate(2, 3)
    assert steps[4].whole == funnel.Rate(1, 3)


def test_a_contact_was_either_created_or_there_already() -> None:
    leads = journeys(
        {"outcome": "created"}, {"outcome": "updated"}, {"outcome": "exists"}, {"outcome": "created", "kind": 1},
        {"outcome": "created", "state": "quarantined"},
    )  # fmt: skip
    assert funnel.contact_parts(leads) == {"created": 1, "updated": 2}
    found = funnel.lead_groups(leads, ["source"])
    assert found[["contacts", "created", "updated"]].values.tolist() == [[3, 1, 2]]


def test_what_is_kept_apart_counts_nowhere() -> None:
    leads = journeys({"kind": 1}, {"kind": 2}, {"kind": 3}, {})
    assert funnel.step_counts(None, leads)["submits"] == 1
    assert len(funnel.first_leads(leads)) == 1
    assert funnel.speeds(leads)["n"].sum() == 1


def test_weeks_end_with_the_last_day_and_hold_their_own_days() -> None:
    visits = pd.DataFrame(
        {"kind": 0, "day": pd.to_datetime(["2024-06-02", "2024-06-03", "2024-06-09", "2024-06-10"]),
         "n_views": [8, 10, 10, 99]}
    )  # fmt: skip
    found = funnel.capture_weeks(visits, journeys({}), until=date(2024, 6, 9), weeks=2)
    assert found["day"].dt.date.tolist() == [date(2024, 5, 27), date(2024, 6, 3)]
    assert found["views"].tolist() == [8, 20]
    assert found["value"].tolist() == [0, 0.05]
    assert found["is_few"].tolist() == [True, True]
    nothing = funnel.capture_weeks(visits.head(0), journeys(), until=date(2024, 6, 9), weeks=2)
    assert np.isnan(nothing["value"]).all()


def test_medians_are_of_journeys_that_have_both_times() -> None:
    leads = journeys(
        {"touched_at": AT + timedelta(hours=2)}, {"touched_at": AT + timedelta(hours=4)}, {"touched_at": None}
    )
    found = funnel.median_gaps(leads).set_index("key")
    assert found.loc["to_touch", "n"] == 2
    assert found.loc["to_touch", "seconds"] == 3 * 3600
    assert found.loc["to_won", "n"] == 0


SPEED = {
    "Within 5 minutes": timedelta(seconds=300),
    "Within an hour": timedelta(seconds=301),
    "Within a day": timedelta(hours=24),
    "Later": timedelta(days=9),
}


@pytest.mark.parametrize("name", SPEED)
def test_a_lead_stands_where_its_first_activity_puts_it(name: str) -> None:
    leads = journeys({"touched_at": AT + SPEED[name]})
    assert funnel.speed_of(leads).tolist() == [name]


def test_a_deal_that_was_there_before_the_first_activity_is_not_its_effect() -> None:
    leads = journeys({"touched_at": AT + timedelta(days=2), "deal_at": AT + timedelta(days=1), "n_deals": 1})
    assert funnel.speed_of(leads).tolist() == [funnel.NEVER]
    found = funnel.speeds(leads).set_index("speed")
    assert found.loc[funnel.NEVER].tolist() == [1, 1]


def test_a_cohort_is_of_contacts_by_their_first_lead_and_its_shares_wait_until_the_time_is_over() -> None:
    leads = journeys(
        {"contact_id": 1},
        {"contact_id": 1, "received_at": AT + timedelta(days=8), "deal_at": AT + timedelta(days=9), "n_deals": 1},
        {"contact_id": None},
        {"contact_id": 2, "deal_at": AT + timedelta(days=5), "n_deals": 1},
    )
    found = funnel.cohorts(leads, until=date(2024, 6, 23))
    assert found[["n", "d7", "d14"]].values.tolist() == [[3, 1, 2]]
    assert found["d30"].isna().all()
    assert funnel.cohorts(leads, until=date(2024, 6, 22))["d14"].isna().all()


def test_a_deal_in_a_later_stage_was_in_the_earlier_ones() -> None:
    stages = pd.DataFrame(
        {"deal_id": [1, 2, 2, 3], "pipeline_id": [9, 9, 9, 8], "pipeline": ["A", "A", "A", "B"],
         "stage_id": [10, 11, 12, 20], "stage": ["one", "two", "three", "x"], "position": [0, 1, 2, 0]}
    )  # fmt: skip
    found = funnel.stage_funnel(stages, [1, 2, 3])
    assert found[["stage", "n", "of"]].values.tolist() == [["one", 2, 2], ["two", 1, 2], ["three", 1, 2]]
    assert funnel.stage_funnel(stages, []).empty


def test_time_between_stages_is_of_deals_that_entered_both_the_earlier_one_first() -> None:
    after = {10: [0, 0, 5, 0], 11: [2, 4, 1, None]}  # days; the third was moved back, the last skipped a stage
    rows = [
        (deal, 9, "A", stage, {10: "one", 11: "two", 12: ""}[stage], stage - 10, AT + timedelta(days=days))
        for stage, all_days in (after | {12: [3, None, None, 9]}).items()
        for deal, days in enumerate(all_days)
        if days is not None
    ]
    found = funnel.stage_gaps(tables.shaped(rows, DEAL_STAGES), range(4))
    assert found[["gap", "n", "seconds"]].values.tolist() == [
        ["one to two", 2, 3 * 86_400], ["two to Unnamed stage", 1, 86_400],
    ]  # fmt: skip
    assert funnel.stage_gaps(tables.empty(DEAL_STAGES), [1]).empty


def test_a_cost_belongs_to_its_days_in_equal_parts() -> None:
    paid = tables.shaped(
        [("source", "google", date(2024, 5, 22), date(2024, 6, 10), "EUR", 2000),
         ("source", "google", date(2024, 7, 1), date(2024, 7, 2), "EUR", 77),
         ("campaign", "Brand", date(2024, 6, 1), date(2024, 6, 1), "USD", 5)], COSTS
    )  # fmt: skip
    rates = tables.empty(tables.RATES)
    asked = {"first": date(2024, 6, 1), "last": date(2024, 6, 30), "rates": rates, "to_currency": None}
    assert costs.spent(paid, kind="source", **asked) == {"google": (Money("EUR", 1000),)}  # type: ignore[arg-type]
    assert costs.each((Money("EUR", 1000),), 3) == (Money("EUR", 333),)
    assert costs.each((Money("EUR", 1000),), 0) == ()


def test_a_return_is_told_in_one_currency_alone() -> None:
    euros, dollars = (Money("EUR", 200),), (Money("USD", 500),)
    assert costs.returned(euros, (Money("EUR", 500),)) == 2.5
    assert costs.returned(euros, ()) == 0
    assert costs.returned(euros, dollars) is None
    assert costs.returned((), euros) is None
