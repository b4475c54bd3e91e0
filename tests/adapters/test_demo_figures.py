"""The demo's figures are those of a sales team that one could meet; the ranges are stated in docs/demo.md."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from statistics import mean, median, quantiles
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from conformance.state import changes_in, live_activities, live_deals, pages_of, records_in

from adapters.demo import DemoCrm, DemoSettings, MemoryDemoStore
from adapters.records import Activity, ActivityKind, Deal, DealField, DealStatus, Kind

NOW = datetime(2026, 11, 4, 12, tzinfo=UTC)
SETTINGS = DemoSettings(owners=16, deals=3_000, activities=45_000, years=2.0, born=date(2024, 11, 4))
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(scope="module")
def crm() -> DemoCrm:
    return DemoCrm(SETTINGS, now=lambda: NOW, store=MemoryDemoStore())


@pytest.fixture(scope="module")
def deals(crm: DemoCrm) -> list[Deal]:
    return live_deals(crm)


@pytest.fixture(scope="module")
def activities(crm: DemoCrm) -> list[Activity]:
    return [one for one in live_activities(crm) if one.occurred_at and one.occurred_at <= NOW]


def closed(deals: list[Deal]) -> list[Deal]:
    return [deal for deal in deals if deal.status is not DealStatus.OPEN]


def days(deal: Deal) -> int:
    assert deal.closed_at is not None
    assert deal.created_at is not None
    return (deal.closed_at - deal.created_at).days


def is_won(deal: Deal) -> bool:
    return deal.status is DealStatus.WON


def test_a_quarter_of_new_business_is_won_and_most_renewals(deals: list[Deal]) -> None:
    new = [is_won(deal) for deal in closed(deals) if deal.pipeline_id == "new"]
    renewed = [is_won(deal) for deal in closed(deals) if deal.pipeline_id == "renew"]
    assert 0.20 < mean(new) < 0.28
    assert 0.6 < mean(renewed) < 0.85
    assert 0.24 < mean(map(is_won, closed(deals))) < 0.33


def test_won_deals_take_one_to_three_months(deals: list[Deal]) -> None:
    won = [days(deal) for deal in closed(deals) if is_won(deal)]
    tenths = quantiles(won, n=10)
    assert tenths[0] > 25
    assert 40 < median(won) < 65
    assert tenths[-1] < 100


def test_lost_deals_end_sooner_than_won_ones(deals: list[Deal]) -> None:
    lost = [days(deal) for deal in closed(deals) if not is_won(deal)]
    assert median(lost) < 0.7 * median(days(deal) for deal in closed(deals) if is_won(deal))


def test_open_deals_are_young_and_few_rest_in_their_stage(deals: list[Deal]) -> None:
    still = [deal for deal in deals if deal.status is DealStatus.OPEN]
    ages = [(NOW - deal.created_at).days for deal in still if deal.created_at]
    entered = [max(one.at for one in deal.history if one.field is DealField.STAGE) for deal in still]
    assert 8 < len(still) / SETTINGS.owners < 25
    assert median(ages) < 45
    assert max(ages) < 300
    assert 5 < median((NOW - at).days for at in entered) < 20
    assert mean((NOW - at).days > 60 for at in entered) < 0.2


def test_few_open_deals_are_past_their_close_date(deals: list[Deal]) -> None:
    still = [deal for deal in deals if deal.status is DealStatus.OPEN]
    assert 0.02 < mean(deal.close_on is not None and deal.close_on < NOW.date() for deal in still) < 0.2


def test_amounts_are_log_normal_in_shape(deals: list[Deal]) -> None:
    euros = np.array([deal.amount_minor / 100 for deal in deals if deal.currency == "EUR" and deal.amount_minor])
    logs = np.log(euros)
    skew = float(np.mean(((logs - logs.mean()) / logs.std()) ** 3))
    assert 8_000 < float(np.median(euros)) < 14_000
    assert 1.5 < float(euros.mean() / np.median(euros)) < 2.5
    assert abs(skew) < 0.8


def test_reps_differ_in_what_they_win(deals: list[Deal]) -> None:
    by_owner: dict[str | None, list[bool]] = {}
    for deal in closed(deals):
        by_owner.setdefault(deal.owner_id, []).append(is_won(deal))
    many = [found for found in by_owner.values() if len(found) > 100]
    overall = mean(map(is_won, closed(deals)))
    noise = [(mean(found) - overall) ** 2 * len(found) / (overall * (1 - overall)) for found in many]
    assert mean(noise) > 1.8  # 1 would be chance alone
    assert max(map(mean, many)) < 0.5


def test_fewer_deals_begin_on_fridays(deals: list[Deal]) -> None:
    weekday = Counter(deal.created_at.astimezone(BERLIN).weekday() for deal in deals if deal.created_at)
    assert weekday[4] < 0.85 * weekday[1]
    assert weekday[5] + weekday[6] == 0


def test_mails_lead_calls_and_calls_lead_meetings(activities: list[Activity]) -> None:
    share = {kind: count / len(activities) for kind, count in Counter(one.kind for one in activities).items()}
    assert 0.5 < share[ActivityKind.EMAIL] < 0.62
    assert 0.2 < share[ActivityKind.CALL] < 0.32
    assert 0.05 < share[ActivityKind.MEETING] < 0.1
    assert all(0.01 < share[kind] < 0.06 for kind in ActivityKind if kind not in {"email", "call", "meeting"})


def test_calls_connect_half_of_the_time_and_some_meetings_fall_through(activities: list[Activity]) -> None:
    calls = Counter(one.outcome for one in activities if one.kind is ActivityKind.CALL)
    held = Counter(one.outcome for one in activities if one.kind is ActivityKind.MEETING)
    assert 0.5 < calls["connected"] / calls.total() < 0.75
    assert 0.05 < held["cancelled"] / held.total() < 0.12
    assert 0.02 < held["no_show"] / held.total() < 0.08


def test_the_week_peaks_on_tuesday_and_ends_early_on_friday(activities: list[Activity]) -> None:
    local = [one.occurred_at.astimezone(BERLIN) for one in activities if one.occurred_at]
    weekday = Counter(at.weekday() for at in local)
    assert weekday[4] < min(weekday[day] for day in range(4))
    assert weekday[1] > weekday[0]
    assert (weekday[5] + weekday[6]) / weekday.total() < 0.02
    office = sum(7 <= at.hour < 20 for at in local)
    assert office > 0.98 * len(local)


def test_a_rep_does_a_handful_to_a_dozen_things_a_day(activities: list[Activity]) -> None:
    working = 2 * 250
    per_day = [count / working for count in Counter(one.owner_id for one in activities).values()]
    assert 3 < median(per_day) < 12
    assert max(per_day) < 25


def test_one_lead_in_five_becomes_a_deal_and_referrals_do_best(crm: DemoCrm) -> None:
    leads = records_in(changes_in(pages_of(crm, Kind.LEAD)))
    old = [lead for lead in leads if lead.created_at < NOW - timedelta(days=60)]  # type: ignore[union-attr,operator]
    rate = {
        source: mean(bool(lead.converted) for lead in old if lead.source == source)  # type: ignore[union-attr]
        for source in {lead.source for lead in old}  # type: ignore[union-attr]
    }
    assert 0.15 < mean(bool(lead.converted) for lead in old) < 0.26  # type: ignore[union-attr]
    assert max(rate, key=lambda source: rate[source]) == "Referral"


@pytest.mark.parametrize(
    ("owners", "deals", "activities", "years"),
    [(1, 1, 0, 0.1), (3, 40, 200, 0.3), (120, 700, 7_000, 1.0), (9, 300, 9_000, 3.0), (40, 2_500, 5_000, 0.5)],
)
def test_a_world_of_any_size_has_that_size_when_it_is_as_old(
    owners: int, deals: int, activities: int, years: float
) -> None:
    settings = DemoSettings(
        seed=5, owners=owners, deals=deals, activities=activities, years=years, born=date(2024, 1, 8)
    )
    end = datetime(2024, 1, 8, 12, tzinfo=UTC) + timedelta(days=round(365.25 * years))
    crm = DemoCrm(settings, now=lambda: end, store=MemoryDemoStore())
    assert len(crm.list_owners()) == owners
    assert abs((crm.expected_count(Kind.DEAL) or 0) - deals) <= max(2, 0.06 * deals)
    assert abs((crm.expected_count(Kind.ACTIVITY) or 0) - activities) <= max(30, 0.15 * activities)
