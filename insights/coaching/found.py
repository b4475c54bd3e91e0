"""Finds what a salesperson's week has to tell: typed facts with what recomputes each, and how much each matters.

What matters is impact (the share of the own pipeline), surprise (how far from what is usual) and what can still be
changed. Everything is held against the person's own past weeks and won deals, never against others. Computes from
frames; the numbers of phrases come from `insights.coaching.phrases` alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import pandas as pd

from insights.coaching import phrases
from insights.coaching.facts import Baseline, Entity, Evidence, Fact, Pack, Period, Role, visible
from snapshots.tables import decimals

BASELINE_WEEKS: Final = 8
WIN_RATE_DAYS: Final = 90
SILENT_DAYS: Final = 14
DUE_DAYS: Final = 14
RECENTLY_MOVED_DAYS: Final = 28
LEAST_MOVES: Final = 2
LEAST_STAYS: Final = 5
"""Stays of won deals below which nobody knows how long a stage usually takes."""
LONG_STAY: Final = 2.0
"""Times the own median from which on a stay is long."""
MATERIAL_GAP: Final = 0.2
"""Share of the open deals without a field from which on the note has to say so."""
LONGEST_NAME: Final = 60
MOST_SURPRISE: Final = 3.0
MOST: Final[Mapping[Role, int]] = {"strength": 2, "opportunity": 3, "action": 4, "context": 3}
FIRST: Final[Mapping[Role, int]] = {"strength": 2, "opportunity": 2, "action": 3, "context": 1}
"""What of each role stands before the rest, for a model is offered the first eight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """first: its Monday. day: its last one, whose evening counts as now. noted_on: when the note is written. run_day:
    on which the open deals were judged, None: they were not lately. synced_on: when the source that was read longest
    ago was read. tells_activities, tells_plans: whether there are any at all, so that none of somebody says anything.
    away: who was on leave for a working day of it or more; None: everybody.
    """

    first: date
    noted_on: date
    run_day: date | None = None
    synced_on: date | None = None
    tells_activities: bool = True
    tells_plans: bool = False
    away: frozenset[int | None] = frozenset()

    @property
    def day(self) -> date:
        return self.first + timedelta(days=6)

    @property
    def period(self) -> Period:
        return Period(self.first, self.day, f"in the week of {phrases.day(self.first, today=self.noted_on)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """Of one owner or of all, as `snapshots.coaching_frames` reads them. sums_before: open deals a week before.
    won_sums: of the week. closed: `deal_weeks` cannot say, so n and won of the last WIN_RATE_DAYS by owner."""

    activity_weeks: pd.DataFrame
    deal_weeks: pd.DataFrame
    won_sums: pd.DataFrame
    closed: pd.DataFrame
    first_days: pd.DataFrame
    open_deals: pd.DataFrame
    sums_before: pd.DataFrame
    stays: pd.DataFrame
    flags: pd.DataFrame

    def by_owner(self, owner_ids: list[int]) -> Iterator[tuple[int, Frames]]:
        """Each owner's own."""
        names = list(Frames.__dataclass_fields__)
        parts = {name: dict(iter(getattr(self, name).groupby("owner_id"))) for name in names}
        for owner_id in owner_ids:
            yield owner_id, Frames(**{name: parts[name].get(owner_id, getattr(self, name).iloc[:0]) for name in names})


@dataclass(frozen=True, slots=True)
class Found:
    """weight: impact × surprise × what can be changed; larger comes first. deal: whom the fact names."""

    fact: Fact
    weight: float
    deal: Entity | None = None


def find(owner_id: int, own: Frames, week: Week) -> list[Found]:
    """Everything there is to tell of an owner's week; nothing where the week and the open deals are empty."""
    person = _Person(owner_id, own, week)
    if not person.has_work:
        return []
    found = [*_trends(person), *_results(person), *_pipeline(person), *_counts(person), *_actions(person)]
    return [*found, *_caveats(person)]


def choose(found: list[Found]) -> list[Found]:
    """The weightiest of each role, one per deal, and every caveat; as a note takes them."""
    ranked = sorted((one for one in found if one.fact.role != "caveat"), key=lambda one: -one.weight)
    kept: list[Found] = []
    for role, most in MOST.items():
        own = [one for one in ranked if one.fact.role == role]
        kept += _one_per_deal(own)[:most]
    first = [one for role, most in FIRST.items() for one in [k for k in kept if k.fact.role == role][:most]]
    rest = sorted((one for one in kept if one not in first), key=lambda one: -one.weight)
    return [*first, *rest, *(one for one in found if one.fact.role == "caveat")]


def packed(chosen: list[Found], *, other_names: tuple[str, ...] = ()) -> Pack:
    """What one note may be about, under the ids F1, … and D1, …, so that no name and no id of ours goes further."""
    deals = list(dict.fromkeys(one.deal for one in chosen if one.deal is not None))
    ids = {deal.id: f"D{number}" for number, deal in enumerate(deals, start=1)}
    facts = [replace(one.fact, entity=ids[one.deal.id]) if one.deal else one.fact for one in chosen]
    return Pack(
        facts=phrases.numbered(facts), entities=tuple(Entity(ids[one.id], one.name) for one in deals),
        other_names=other_names,
    )  # fmt: skip


def _one_per_deal(ranked: list[Found]) -> list[Found]:
    best: dict[object, Found] = {}
    for number, one in enumerate(ranked):
        best.setdefault(one.deal.id if one.deal else number, one)
    return list(best.values())


# --- one person ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Person:
    owner_id: int
    own: Frames
    week: Week

    @property
    def has_work(self) -> bool:
        own = self.own
        return bool(len(own.open_deals) or len(own.activity_weeks) or len(own.deal_weeks))

    @property
    def weeks_known(self) -> int:
        return int(self.own.first_days["weeks"].sum())

    @property
    def since(self) -> date | None:
        """The Monday from which on weeks are a baseline; None: there are too few."""
        n = min(BASELINE_WEEKS, self.weeks_known - 1)
        return None if n < phrases.FEWEST_WEEKS else self.week.first - timedelta(weeks=n)

    def evidence(self, query: str, **parameters: object) -> Evidence:
        told = {name: str(value) for name, value in parameters.items() if value is not None}
        return Evidence(query, tuple(sorted(told.items())), snapshot_day=self.week.day)

    def of_owner(self, query: str, **parameters: object) -> Evidence:
        return self.evidence(query, owner=self.owner_id, **parameters)

    def of_week(self, query: str, **parameters: object) -> Evidence:
        return self.of_owner(query, first=self.week.first, last=self.week.day, **parameters)

    def weekly(self, frame: pd.DataFrame, kinds: tuple[str, ...]) -> tuple[int, Baseline | None, Decimal]:
        """What was counted in the week, what is usual, and by how much that wanders."""
        by_week = frame[frame["what"].isin(kinds)].groupby("week")["n"].sum()
        count = int(by_week.get(pd.Timestamp(self.week.first), 0))
        if self.since is None:
            return count, None, Decimal(1)
        weeks = pd.date_range(self.since, self.week.first - timedelta(days=7), freq="7D")
        usual = by_week.reindex(weeks, fill_value=0).astype("float64")
        median = float(usual.median())
        # Counts wander by their square root even where nothing changes: one week in twenty is further off than this.
        noise = max(1.4826 * float((usual - median).abs().median()), 1.5 * math.sqrt(median + 1))
        return count, Baseline(Decimal(str(median)), "median", len(weeks)), Decimal(str(round(noise, 3)))


# --- the week --------------------------------------------------------------------------------------------------------

_MEETINGS: Final = ("meeting", "appointment")
_RECORDED: Final = (*_MEETINGS, "call", "email")


def _trends(person: _Person) -> Iterator[Found]:
    """A week with leave in it is not held against anybody, nor one that was not read to its end: fewer of something is
    left out then."""
    week = person.week
    is_unread = week.synced_on is not None and week.synced_on < week.day
    is_spared = is_unread or bool({person.owner_id, None} & week.away)
    for one in _all_trends(person):
        is_less = one.fact.direction == "down" or one.fact.metric == "recorded"
        if not (is_spared and is_less):
            yield one


def _all_trends(person: _Person) -> Iterator[Found]:
    week, own = person.week, person.own
    if week.tells_activities:
        yield _trend(phrases.meetings, person, own.activity_weeks, _MEETINGS, "activities")
        if not int(person.weekly(own.activity_weeks, _RECORDED)[0]):
            evidence = person.of_week("activities", kinds=",".join(_RECORDED))
            yield Found(phrases.nothing_recorded(week.period, evidence), 1.0)
        else:
            for kind in ("call", "email"):
                yield _trend(_logged(kind), person, own.activity_weeks, (kind,), "activities")
    yield _trend(phrases.new_deals, person, own.deal_weeks, ("created",), "new_deals")


def _logged(kind: str) -> Callable[..., Fact]:
    def fact(*told: Any, noise: Decimal) -> Fact:
        return phrases.logged(kind, *told, noise=noise)

    return fact


def _trend(
    make: Callable[..., Fact], person: _Person, frame: pd.DataFrame, kinds: tuple[str, ...], query: str
) -> Found:
    count, usual, noise = person.weekly(frame, kinds)
    asked = {"kinds": ",".join(kinds)} if query == "activities" else {}
    fact = make(count, person.week.period, usual, person.of_week(query, since=person.since, **asked), noise=noise)
    change = 0.0 if usual is None else abs(count - float(usual.value)) / float(noise)
    weight = 0.5 * min(change, MOST_SURPRISE) * 0.7 if fact.direction in {"up", "down"} else 0.05
    return Found(fact, weight if fact.role != "context" else 0.3 * weight)


def _results(person: _Person) -> Iterator[Found]:
    week, own = person.week, person.own
    won = own.won_sums
    n = int(won["n"].sum())
    if n > 0:
        is_plain = len(won) == 1 and won["currency"].notna().all() and int(won["n_valued"].sum()) == n
        worth = _worth(int(won["amount_minor"].iloc[0]), str(won["currency"].iloc[0])) if is_plain else None
        yield Found(phrases.won_deals(n, week.period, worth, person.of_week("won_deals")), 2.0)
    first = week.day - timedelta(days=WIN_RATE_DAYS - 1)
    evidence = person.of_owner("closed_deals", first=first, last=week.day)
    closed = 0 if own.closed.empty else int(own.closed["n"].iloc[0])
    if closed or len(own.open_deals):
        wins = 0 if own.closed.empty else int(own.closed["won"].iloc[0])
        period = Period(first, week.day, f"over the last {WIN_RATE_DAYS} days")
        yield Found(phrases.win_rate(wins, closed, period, evidence), 0.4)


def _pipeline(person: _Person) -> Iterator[Found]:
    """The open pipeline: how it changed where it is in one currency, else each currency apart."""
    valued = person.own.open_deals.dropna(subset=["amount_minor", "currency"])
    now = valued.groupby("currency")["amount_minor"].sum().sort_values(ascending=False, kind="stable")
    sums = person.own.sums_before
    before = sums[(sums["n_valued"] > 0) & sums["currency"].notna()].groupby("currency")["amount_minor"].sum()
    if len(now) > 1:
        told = [_worth(int(minor), str(currency)) for currency, minor in now.items()]
        yield Found(phrases.pipeline_apart(told, person.of_owner("pipeline")), 0.35)
    elif len(now) == 1 and set(before.index) <= set(now.index) and (len(before) or sums.empty):
        # Open deals of which none had an amount then are no pipeline of 0.
        currency = str(now.index[0])
        earlier, later = (_worth(int(one.get(currency, 0)), currency)[0] for one in (before, now))
        evidence = person.of_owner("pipeline", currency=currency, before=person.week.first - timedelta(days=1))
        yield Found(phrases.pipeline_change(earlier, later, currency, person.week.period, evidence), 0.35)


def _counts(person: _Person) -> Iterator[Found]:
    """Groups of open deals that could be put in order."""
    own, week = person.own, person.week
    n_open = len(own.open_deals)
    if week.run_day is not None:
        for rule, make in (("no_next_step", phrases.without_next_step), ("single_threaded", phrases.single_contact)):
            n = int((own.flags["rule"] == rule).sum())
            if n:
                evidence = person.of_owner("flagged", rule=rule, run_day=week.run_day)
                yield Found(make(n, evidence), 0.9 * (0.4 + n / n_open))
    late = int((own.open_deals["close_on"] < pd.Timestamp(week.day)).sum())
    if late > 1:
        yield Found(phrases.past_close_date(late, person.of_owner("past_close_date")), 1.1 * (0.4 + late / n_open))


# --- next best actions -----------------------------------------------------------------------------------------------


def _actions(person: _Person) -> Iterator[Found]:
    own = person.own
    totals = own.open_deals.dropna(subset=["amount_minor", "currency"]).groupby("currency")["amount_minor"].sum()
    known: list[Any] = list(own.stays[own.stays["n"] >= LEAST_STAYS].itertuples())
    usual = {int(one.stage_id): one for one in known}
    for deal in own.open_deals.itertuples(index=False):
        named = Entity(str(deal.deal_id), _name(deal.name))
        impact = 0.1 + _share(deal, totals)
        for fact, surprise, change in _of_deal(person, deal, named, usual):
            yield Found(fact, impact * min(surprise, MOST_SURPRISE) * change, named)


def _of_deal(
    person: _Person, deal: Any, named: Entity, usual: Mapping[int, Any]
) -> Iterator[tuple[Fact, float, float]]:
    """What there is to do about a deal: the fact, how surprising it is, and how much it can still be changed."""
    week, worth = person.week, _amount(deal)
    key = {"deal": deal.deal_id}
    if pd.notna(deal.close_on):
        days = (deal.close_on.date() - week.day).days
        told: dict[str, Any] = {"today": week.noted_on, "worth": worth, "evidence": person.evidence("due", **key)}
        if days < 0:
            yield phrases.overdue_deal(named, deal.close_on.date(), **told), 1 - days / 30, 0.9
        elif days <= DUE_DAYS and week.tells_plans and pd.isna(deal.next_meeting):
            yield phrases.due_without_meeting(named, deal.close_on.date(), **told), 2.5 - days / DUE_DAYS, 1.0
    if week.tells_activities and pd.notna(deal.last_day) and not deal.is_second:
        days = (week.day - deal.last_day.date()).days
        if days >= SILENT_DAYS:
            yield phrases.silent_deal(named, days, worth, person.evidence("last_activity", **key)), days / 14, 0.9
    if deal.n_moved_out >= LEAST_MOVES and (week.day - deal.moved_day.date()).days <= RECENTLY_MOVED_DAYS:
        n = int(deal.n_moved_out)
        yield phrases.pushed_deal(named, n, worth, person.evidence("moved_out", **key)), float(n), 0.6
    yield from _slow(person, deal, named, usual)


def _slow(person: _Person, deal: Any, named: Entity, usual: Mapping[int, Any]) -> Iterator[tuple[Fact, float, float]]:
    own = None if pd.isna(deal.stage_id) else usual.get(int(deal.stage_id))
    if own is None or pd.isna(deal.stage_days) or not deal.stage:
        return
    days, median = int(deal.stage_days), int(own.median_days)
    if days >= SILENT_DAYS and days > LONG_STAY * max(median, 1):
        evidence = person.of_owner("stage_age", deal=deal.deal_id, stage=int(deal.stage_id))
        fact = phrases.long_in_stage(named, _name(deal.stage), days, median, evidence)
        yield replace(fact, n=int(own.n)), days / max(median, 1), 0.7


# --- what to keep in mind --------------------------------------------------------------------------------------------


def _caveats(person: _Person) -> Iterator[Found]:
    week, own = person.week, person.own
    age = (week.noted_on - week.day).days
    old = phrases.old_snapshot(age, person.evidence("snapshot", noted_on=week.noted_on))
    if old is not None:
        yield Found(old, 1.0)
    if week.synced_on is not None and week.synced_on < week.day and week.tells_activities:
        evidence = person.evidence("last_sync", noted_on=week.noted_on)
        yield Found(phrases.sync_gap(week.synced_on, today=week.noted_on, evidence=evidence), 1.0)
    if person.weeks_known < phrases.FEWEST_WEEKS:
        yield Found(phrases.new_here(person.weeks_known, person.of_owner("history")), 1.0)
    total = len(own.open_deals)
    for column, name in (("amount_minor", "amount"), ("close_on", "close date")):
        n = int(own.open_deals[column].isna().sum())
        if n and n >= MATERIAL_GAP * total:
            yield Found(phrases.missing_field(n, total, name, person.of_owner("missing_field", field=name)), 1.0)


# --- how -------------------------------------------------------------------------------------------------------------


def _worth(minor: int, currency: str) -> tuple[Decimal, str]:
    return Decimal(minor).scaleb(-decimals(currency)), currency


def _amount(deal: Any) -> tuple[Decimal, str] | None:
    if pd.isna(deal.amount_minor) or pd.isna(deal.currency):
        return None
    return _worth(int(deal.amount_minor), str(deal.currency))


def _share(deal: Any, totals: pd.Series) -> float:
    """Of the own open pipeline in the deal's currency."""
    if pd.isna(deal.amount_minor) or pd.isna(deal.currency) or not totals.get(deal.currency):
        return 0.0
    return float(deal.amount_minor) / float(totals[deal.currency])


def _name(told: object) -> str:
    """As a note says it, and never longer than a line."""
    name = visible(told) if isinstance(told, str) else ""
    return (name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1].rstrip() + "…") or "Unnamed deal"
