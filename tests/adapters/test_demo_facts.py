"""What is planted in the demo world can be found in its records, and is not found where it was not planted."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from difflib import SequenceMatcher
from itertools import pairwise
from statistics import median
from zoneinfo import ZoneInfo

import pytest
from conformance.state import changes_in, pages_of

from adapters.demo import DemoCrm, DemoSettings, DemoWorld, Facts, MemoryDemoStore, planted_facts
from adapters.records import Activity, Company, Contact, Deal, DealField, DealStatus, Deletion, Kind, Merge, Record

SETTINGS = DemoSettings(seed=7, owners=14, deals=2_000, activities=30_000, years=1.6, born=date(2025, 1, 6))
NOW = datetime(2026, 8, 26, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


class Demo:
    """The records of one world, read once."""

    def __init__(self) -> None:
        self.crm = DemoCrm(SETTINGS, now=lambda: NOW, store=MemoryDemoStore())
        self.deals: list[Deal] = self._live(Kind.DEAL)
        self.activities: list[Activity] = self._live(Kind.ACTIVITY)
        self.by_deal: dict[str, list[Activity]] = defaultdict(list)
        for activity in self.activities:
            if activity.deal_id and activity.occurred_at and activity.occurred_at <= NOW:
                self.by_deal[activity.deal_id].append(activity)

    def _live(self, kind: Kind) -> list:
        changes = changes_in(pages_of(self.crm, kind))
        gone = {change.external_id for change in changes if isinstance(change, Deletion)}
        gone |= {loser for change in changes if isinstance(change, Merge) for loser in change.loser_ids}
        found: list[Record] = [change for change in changes if not isinstance(change, Deletion | Merge)]
        return [record for record in found if record.external_id not in gone]

    def people(self) -> list[Contact]:
        return self._live(Kind.CONTACT)

    def firms(self) -> list[Company]:
        return self._live(Kind.COMPANY)


@pytest.fixture(scope="module")
def demo() -> Demo:
    return Demo()


@pytest.fixture(scope="module")
def facts() -> Facts:
    return planted_facts(DemoWorld(SETTINGS, today=NOW.date()), until=NOW)


def values(deal: Deal, field: DealField) -> list:
    return [change.value for change in sorted(deal.history, key=lambda one: one.at) if change.field is field]


def last_touch(demo: Demo, deal: Deal) -> datetime:
    return max((one.occurred_at for one in demo.by_deal[deal.external_id] if one.occurred_at), default=deal.created_at)  # type: ignore[type-var,return-value]


def test_a_reps_activity_collapses_and_the_others_goes_on(demo: Demo, facts: Facts) -> None:
    ended = [one for one in facts.collapses if one.until <= NOW]
    assert len(ended) >= 4
    for collapse in ended:
        span = collapse.until - collapse.since
        before, during = Counter[str | None](), Counter[str | None]()
        for activity in demo.activities:
            at = activity.occurred_at or NOW
            if collapse.since - span <= at < collapse.since:
                before[activity.owner_id] += 1
            elif collapse.since <= at < collapse.until:
                during[activity.owner_id] += 1
        who = collapse.owner_id
        others = sum(during.values()) - during[who], sum(before.values()) - before[who]
        assert during[who] < 0.5 * before[who] * others[0] / others[1]


def test_summer_and_the_turn_of_the_year_are_quiet(demo: Demo) -> None:
    per_day = Counter((deal.created_at or NOW).astimezone(BERLIN).date() for deal in demo.deals)

    def daily(first: date, last: date) -> float:
        days = [first + timedelta(days=shift) for shift in range((last - first).days + 1)]
        working = [day for day in days if day.weekday() < 5]
        return sum(per_day[day] for day in working) / len(working)

    usual = daily(date(2025, 9, 8), date(2025, 11, 28))
    assert 0.4 < daily(date(2025, 7, 21), date(2025, 8, 29)) / usual < 0.8
    assert daily(date(2025, 12, 22), date(2026, 1, 5)) / usual < 0.4


def test_deals_that_enter_a_stalled_stage_stay_longer(demo: Demo, facts: Facts) -> None:
    ended = [stall for stall in facts.stalls if stall.until + timedelta(days=120) < NOW.date()]
    assert len(ended) >= 3
    stays: dict[str, list[tuple[date, float]]] = defaultdict(list)
    for deal in demo.deals:
        steps = sorted((one for one in deal.history if one.field is DealField.STAGE), key=lambda one: one.at)
        for here, following in pairwise(steps):
            stays[str(here.value)].append((here.at.astimezone(BERLIN).date(), (following.at - here.at).days))
    for stall in ended:
        stalled = [days for day, days in stays[stall.stage_id] if stall.since <= day < stall.until]
        usual = [
            days
            for day, days in stays[stall.stage_id]
            if not any(one.stage_id == stall.stage_id and one.since <= day < one.until for one in facts.stalls)
        ]
        assert median(stalled) > 2 * median(usual)


def test_sandbagged_deals_show_their_size_just_before_they_are_won(demo: Demo, facts: Facts) -> None:
    won = [deal for deal in demo.deals if deal.external_id in facts.sandbagged and deal.status is DealStatus.WON]
    assert len(won) > 10
    for deal in won:
        amounts = sorted((one for one in deal.history if one.field is DealField.AMOUNT), key=lambda one: one.at)
        assert deal.closed_at is not None
        assert deal.closed_at - amounts[-1].at < timedelta(days=7)
        assert amounts[-1].value >= 2 * amounts[-2].value  # type: ignore[operator]
        first = values(deal, DealField.CLOSE_DATE)[0]
        assert first - deal.closed_at.date() > timedelta(days=60)


def test_pushed_deals_move_their_close_date_out_again_and_again(demo: Demo, facts: Facts) -> None:
    pushed = [deal for deal in demo.deals if deal.external_id in facts.pushed and deal.status is not DealStatus.OPEN]
    assert len(pushed) > 10
    for deal in pushed:
        dates = values(deal, DealField.CLOSE_DATE)
        assert len(dates) >= 4
        assert dates == sorted(dates)
        assert dates[-1] - dates[0] > timedelta(days=70)


def test_nothing_happens_on_stale_deals_and_ordinary_open_ones_do_not_rest(demo: Demo, facts: Facts) -> None:
    rest = {deal.external_id: (NOW - last_touch(demo, deal)).days for deal in demo.deals if deal.status == "open"}
    grown = {deal.external_id for deal in demo.deals if (NOW - (deal.created_at or NOW)).days > 110}
    stale = [rest[one] for one in rest.keys() & facts.stale & grown]
    assert stale
    assert min(stale) > 40
    assert median(days for one, days in rest.items() if one not in facts.stale) < 14


def test_nobody_answers_on_happy_ears_deals_and_few_are_won(demo: Demo, facts: Facts) -> None:
    deals = [deal for deal in demo.deals if deal.external_id in facts.happy_ears]
    assert len(deals) > 10
    assert not [one for deal in deals for one in demo.by_deal[deal.external_id] if one.direction == "in"]
    closed = [deal for deal in deals if deal.status is not DealStatus.OPEN]
    assert sum(deal.status is DealStatus.WON for deal in closed) < 0.15 * len(closed)


def test_duplicates_look_like_the_first_record_and_come_later(demo: Demo, facts: Facts) -> None:
    for letter, records in (("C", demo.firms()), ("P", demo.people()), ("D", demo.deals)):
        known = {record.external_id: record for record in records}
        pairs = [
            (known[second], known[first])
            for second, first in facts.duplicates.items()
            if second.startswith(letter) and second in known and first in known
        ]
        assert len(pairs) > 5
        for second, first in pairs:
            assert SequenceMatcher(None, (second.name or "").casefold(), (first.name or "").casefold()).ratio() > 0.5
            assert second.created_at is not None
            assert first.created_at is not None
            assert second.created_at > first.created_at


def test_names_come_in_several_alphabets(demo: Demo) -> None:
    letters = {letter for person in demo.people() for letter in person.name or "" if letter.isalpha()}
    scripts = {unicodedata.name(letter, "?").split()[0] for letter in letters}
    assert {"LATIN", "GREEK"} <= scripts
    assert len(scripts) >= 3
    assert {"ß", "ł", "é", "ñ"} <= {letter.lower() for letter in letters}


def test_deals_are_in_several_currencies_one_of_them_without_decimals(demo: Demo) -> None:
    found = Counter(deal.currency for deal in demo.deals if deal.amount_minor is not None)
    assert found.keys() == {"EUR", "USD", "GBP", "JPY"}
    assert found["EUR"] > sum(found.values()) / 2
    yen = [deal.amount_minor or 0 for deal in demo.deals if deal.currency == "JPY"]
    assert 300_000 < median(yen) < 5_000_000


def test_mails_arrive_in_the_hour_that_comes_twice(demo: Demo) -> None:
    times = [one.occurred_at for one in demo.activities if one.occurred_at]
    local = [at.astimezone(BERLIN) for at in times if at.date() == date(2025, 10, 26)]
    twice = [at for at in local if at.hour == 2]
    assert {at.fold for at in twice} == {0, 1}


def test_a_leavers_open_deals_go_to_others(demo: Demo) -> None:
    gone = {owner.external_id: owner.since for owner in demo.crm.list_owners() if not owner.is_active}
    assert gone
    assert not [deal for deal in demo.deals if deal.status is DealStatus.OPEN and deal.owner_id in gone]
    handed = [deal for deal in demo.deals if len(values(deal, DealField.OWNER)) > 1]
    assert handed


def test_what_is_planted_is_rare(demo: Demo, facts: Facts) -> None:
    for planted in (facts.sandbagged, facts.pushed, facts.stale, facts.happy_ears):
        assert 0.01 < len(planted) / len(demo.deals) < 0.05
