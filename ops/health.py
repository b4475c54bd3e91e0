"""When pipeline health is judged: every day the open deals, once at first the weeks before, so that there is a record.

Weeks before the first day are judged by what is known now of them, and marked so; what cannot be known later (what was
planned, who took part) is not judged for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import pandas as pd

from insights.health import rules, track_record
from insights.health.history import Evening, History, facts_on
from insights.health.track_record import FOLLOWED_DAYS
from insights.health.won import NEWEST, WINDOW_DAYS, Usual, compared, stays, won_deals
from ops.forecasting import last_known_day
from ops.job_book import Done
from ops.services import Services
from snapshots import health_facts, health_flags, tables
from snapshots.database import Database
from snapshots.health_flags import HealthRun, Raised
from snapshots.organizations import Organization, get_organization
from snapshots.reads import Reader
from snapshots.slices import Role, Viewer, end_of_day

REPLAYED_WEEKS: Final = 52


@dataclass(frozen=True, slots=True)
class _Books:
    """Whose deals, the rates of its currencies, and which deals look like second records."""

    database: Database
    organization: Organization
    rates: pd.DataFrame
    firsts: pd.DataFrame

    @property
    def key(self) -> int:
        return self.organization.organization_id

    def end_of(self, day: date) -> datetime:
        return end_of_day(day, self.organization.zone)

    def evening(self, day: date, *, now: datetime) -> Evening:
        return Evening.of(day, min(self.end_of(day), now))


def judge_daily(services: Services, organization_id: int, day: date) -> Done:
    """The work of a day: judges what is open, the first time also the year before. Returns what became of it; n_rows:
    new flags of the day."""
    books = _books(services.database, organization_id)
    day, is_past = _day_with_data(books, day, known=last_known_day(services, organization_id))
    n_weeks = replay(services, organization_id, until=day)
    n = judge(services, organization_id, day, is_past=is_past)
    before = f" after {n_weeks} weeks of the past" if n_weeks else ""
    return Done(f"{n} new flags as of {day.isoformat()}{before}", n)


def judge(services: Services, organization_id: int, day: date, *, is_past: bool = False) -> int:
    """Judges the deals that are open at the end of a day, or now. Returns how many flags are new.

    is_past: by what is known later of that day. A day before the newest judged one is settled: 0.
    """
    books, now = _books(services.database, organization_id), services.now()
    evening = books.evening(day, now=now)
    usual = Usual(*_won(books, evening.end_s, most=NEWEST), evening)
    facts = [
        facts_on(history, evening, knows_plans=not is_past)
        for history in _open_deals(books, [evening], has_contacts=not is_past)
    ]
    told = pd.concat(facts, ignore_index=True) if facts else facts_on(_nothing(), evening, knows_plans=False)
    judged = rules.judge(_comparable(books, told, day), usual, evening, is_past=is_past)
    run = HealthRun(
        day=day, judged_at=now, is_replayed=is_past, rules_version=rules.VERSION, n_open=len(told), n_won=usual.n,
        not_applied=judged.not_applied, record=track_record.as_json(_hit_rates(books, day)),
    )  # fmt: skip
    return health_flags.keep(services.database, organization_id, run, _raised(judged.raised))


def replay(services: Services, organization_id: int, *, until: date, weeks: int = REPLAYED_WEEKS) -> int:
    """Judges the weeks before `until` that were not judged when they were the present, the oldest first; nothing where
    judging has begun. Returns how many."""
    books, now = _books(services.database, organization_id), services.now()
    newest = health_flags.run_of(services.database, organization_id, until)
    if newest is not None and not newest.is_replayed:
        return 0
    begun = health_facts.first_moment(services.database, organization_id)
    days = [until - timedelta(weeks=back) for back in range(weeks, 0, -1)]
    days = [
        one for one in days if begun is not None and books.end_of(one) > begun and (newest is None or one > newest.day)
    ]
    if not days:
        return 0
    evenings = {one: books.evening(one, now=now) for one in days}
    found = _replayed(books, evenings)
    for one, (n_open, n_won, judged) in found.items():
        run = HealthRun(
            day=one, judged_at=now, is_replayed=True, rules_version=rules.VERSION, n_open=n_open, n_won=n_won,
            not_applied=judged.not_applied, record={},
        )  # fmt: skip
        health_flags.keep(services.database, organization_id, run, _raised(judged.raised))
    return len(days)


# --- how --------------------------------------------------------------------------------------------------------------


def _books(database: Database, organization_id: int) -> _Books:
    organization = get_organization(database, organization_id)
    rates = Reader(database, Viewer(organization_id, Role.ADMIN)).rates()
    return _Books(database, organization, rates, health_facts.second_records(database, organization_id))


def _day_with_data(books: _Books, day: date, *, known: date) -> tuple[date, bool]:
    """The day to judge, and whether it lies in the past: the last one of data that ended long ago, or that is known
    while a source cannot be read: what nobody can see is not quiet."""
    seen = min(day, known)
    latest = Reader(books.database, Viewer(books.key, Role.ADMIN)).filter_options(seen).latest(seen)
    return latest, latest < day


def _open_deals(books: _Books, evenings: Sequence[Evening], *, has_contacts: bool) -> Iterator[History]:
    """The deals that were open at some time between the first and the last evening, a page at a time."""
    since, until = (datetime.fromtimestamp(one.end_s, UTC) for one in (evenings[0], evenings[-1]))
    after = 0
    while ids := health_facts.open_between(
        books.database, books.key, since, until + timedelta(microseconds=1), after=after
    ):
        yield _history(books, ids, has_contacts=has_contacts)
        after = ids[-1]


def _history(books: _Books, ids: Sequence[int], *, has_contacts: bool = True) -> History:
    own = (books.database, books.key, ids)
    contacts = health_facts.contacts(*own) if has_contacts else None
    return History(health_facts.spans(*own), health_facts.touches(*own), contacts, books.firsts)


def _nothing() -> History:
    return History(tables.empty(tables.HEALTH_SPANS), tables.empty(tables.HEALTH_TOUCHES))


def _won(books: _Books, end_s: float, *, most: int, days: int = WINDOW_DAYS) -> tuple[pd.DataFrame, pd.DataFrame]:
    """WON and STAYS of the newest won deals, amounts in one currency as far as there are rates."""
    until = datetime.fromtimestamp(end_s, UTC)
    since = until - timedelta(days=days)
    ids = health_facts.won_before(books.database, books.key, since, until, most=most)
    history = _history(books, ids)
    won = won_deals(history)
    stayed = stays(history, won)
    when = pd.to_datetime(won["won_s"], unit="s").dt.normalize()
    to = books.organization.reporting_currency
    told = compared(won, books.rates, to, days=when)
    return won.assign(amount_minor=told["amount_minor"], currency=told["currency"]), stayed


def _comparable(books: _Books, facts: pd.DataFrame, day: date) -> pd.DataFrame:
    told = compared(facts, books.rates, books.organization.reporting_currency, days=day)
    return facts.assign(compared_minor=told["amount_minor"], compared_currency=told["currency"])


def _raised(found: pd.DataFrame) -> list[Raised]:
    return [Raised(*row) for row in zip(found["deal_id"], found["rule"], found["evidence"], strict=True)]


def _replayed(books: _Books, evenings: Mapping[date, Evening]) -> dict[date, tuple[int, int, rules.Judged]]:
    """By day: how many deals were open, how many won ones limits could rest on, and what was raised."""
    days = list(evenings)
    span = WINDOW_DAYS + (days[-1] - days[0]).days + 1
    won, stayed = _won(books, evenings[days[-1]].end_s, most=3 * NEWEST, days=span)
    usual = {one: Usual(won, stayed, evening) for one, evening in evenings.items()}
    raised: dict[date, list[pd.DataFrame]] = {one: [] for one in days}
    silent: dict[date, list[Mapping[str, str]]] = {one: [] for one in days}
    n_open = dict.fromkeys(days, 0)
    for history in _open_deals(books, list(evenings.values()), has_contacts=False):
        for one, evening in evenings.items():
            facts = facts_on(history, evening, knows_plans=False)
            judged = rules.judge(_comparable(books, facts, one), usual[one], evening, is_past=True)
            n_open[one] += len(facts)
            raised[one].append(judged.raised)
            silent[one].append(judged.not_applied)
    return {
        one: (n_open[one], usual[one].n, rules.Judged(_joined(raised[one]), _silent_everywhere(silent[one])))
        for one in days
    }


def _joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    told = [one for one in frames if len(one)]
    return pd.concat(told, ignore_index=True) if told else pd.DataFrame(columns=["deal_id", "rule", "evidence"])


def _silent_everywhere(pages: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Rules that were not applied to any page of deals."""
    if not pages:
        return {}
    return {key: why for key, why in pages[0].items() if all(key in one for one in pages)}


def past_flags(database: Database, organization_id: int, day: date) -> pd.DataFrame:
    """`rule` and `track_record.FATES` of the flags that the record of a judged day is of, by what is known now: those
    of deals that were deleted or merged since are left out. Of the whole organization."""
    books = _Books(
        database, get_organization(database, organization_id), tables.empty(tables.RATES),
        tables.empty(tables.HEALTH_FIRSTS),
    )  # fmt: skip
    runs, stood = _followed(books, day)
    flagged = _first_raised(stood, [Evening.of(one.day, books.end_of(one.day)) for one in runs])
    ids = sorted(set(flagged["deal_id"].tolist()))
    spans = [
        health_facts.spans(database, organization_id, ids[at : at + health_facts.PAGE])
        for at in range(0, len(ids), health_facts.PAGE)
    ]
    columns = {"rule": "object", **track_record.FATES}
    if not spans:
        return tables.empty(columns)
    history = History(pd.concat(spans, ignore_index=True), tables.empty(tables.HEALTH_TOUCHES))
    found = [
        track_record.fates(history, flagged[flagged["rule"] == key], rule.outcome).assign(rule=key)
        for key, rule in rules.RULES.items()
    ]
    return pd.concat(found, ignore_index=True)[list(columns)].astype(columns)


def _followed(books: _Books, day: date) -> tuple[list[HealthRun], pd.DataFrame]:
    """The judged days whose flags can be held against what came by the end of `day`, and the flags that stood then."""
    first, last = day - timedelta(days=2 * FOLLOWED_DAYS - 1), day - timedelta(days=FOLLOWED_DAYS)
    runs = health_flags.runs_between(books.database, books.key, date.min, last)
    # What stood on the very first judged day may have been raised at any time before.
    began = runs[0].day if runs else None
    runs = [one for one in runs if one.day >= first and one.day != began]
    return runs, _in_days(health_flags.raised_between(books.database, books.key, first, last))


def _hit_rates(books: _Books, day: date) -> dict[str, track_record.HitRate]:
    """What became by the end of `day` of what was flagged, and of what was not, on the days that can be judged now."""
    runs, stood = _followed(books, day)
    if not runs:
        return {}
    evenings = [Evening.of(one.day, books.end_of(one.day)) for one in runs]
    spans = [
        health_facts.spans(books.database, books.key, ids)
        for ids in _pages(books, evenings[0].end_s, evenings[-1].end_s)
    ]
    if not spans:
        return {}
    history = History(pd.concat(spans, ignore_index=True), tables.empty(tables.HEALTH_TOUCHES))
    others = track_record.unflagged(history, stood, evenings, [one.not_applied for one in runs])
    return track_record.hit_rates(history, _first_raised(stood, evenings), others)


def _pages(books: _Books, since_s: float, until_s: float) -> Iterator[list[int]]:
    since, until = (datetime.fromtimestamp(one, UTC) for one in (since_s, until_s))
    after = 0
    while ids := health_facts.open_between(books.database, books.key, since, until, after=after):
        yield ids
        after = ids[-1]


def _in_days(stood: pd.DataFrame) -> pd.DataFrame:
    """With days counted from 1970."""
    days = {name: (stood[name] - pd.Timestamp(0)).dt.days for name in ("first_day", "last_day")}
    return stood.assign(**days)


def _first_raised(stood: pd.DataFrame, evenings: Sequence[Evening]) -> pd.DataFrame:
    """Flags that began on one of these evenings, the first one of each rule and deal."""
    ends = {one.day: one.end_s for one in evenings}
    own = stood[stood["first_day"].isin(list(ends))]
    begun = own.assign(day=own["first_day"], end_s=own["first_day"].map(ends).astype("float64"))
    return begun.sort_values("first_day", kind="stable").drop_duplicates(["rule", "deal_id"], ignore_index=True)
