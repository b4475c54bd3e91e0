"""Facts from values: the phrase, the direction, what the fact is about. All thresholds of wording stand here.

Every number of a note is written by these functions. They give facts without an id; `numbered` gives the ids.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from insights.coaching.dates import MONTHS
from insights.coaching.facts import STALE_AFTER_DAYS, Baseline, Direction, Entity, Evidence, Fact, Period, Role

FEWEST_FOR_A_RATE: Final = 5
"""Closed deals below which no rate is told."""
FEWEST_WEEKS: Final = 4
"""Weeks below which there is no baseline."""
NOISE_SHARE: Final = Decimal("0.2")
"""A change by less than this share of the baseline, or by less than one, is flat."""


def numbered(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """The facts with ids F1, F2, … in their order."""
    return tuple(replace(fact, id=f"F{number}") for number, fact in enumerate(facts, start=1))


# --- values in words -------------------------------------------------------------------------------------------------


def number(value: Decimal | int) -> str:
    """1234.50 as 1,234.5: separators of thousands, no needless decimals."""
    text = f"{Decimal(value):,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def money(value: Decimal | int, currency: str) -> str:
    """Whole units of the currency, halves up: 48,000 USD. Always with the currency."""
    return f"{number(Decimal(value).quantize(Decimal(1), ROUND_HALF_UP))} {currency}"


def counted(count: int, one: str, many: str | None = None) -> str:
    """1 open deal, 3 open deals."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def day(when: date, *, today: date | None = None) -> str:
    """12 December; with the year where it is not this one."""
    year = f" {when.year}" if today is not None and when.year != today.year else ""
    return f"{when.day} {MONTHS[when.month - 1].capitalize()}{year}"


def direction(value: Decimal, baseline: Baseline | None, noise: Decimal = Decimal(1)) -> Direction | None:
    """up or down where the change is beyond the noise, else flat; None without a baseline of four weeks.

    noise: by how much the value usually wanders, where it is known to be more than one and the usual share.
    """
    if baseline is None or (baseline.n is not None and baseline.n < FEWEST_WEEKS):
        return None
    change = value - baseline.value
    if abs(change) < max(Decimal(1), noise, abs(baseline.value) * NOISE_SHARE):
        return "flat"
    return "up" if change > 0 else "down"


def against(baseline: Baseline | None) -> str:
    """(your 8-week median: 4), or nothing where there is no baseline to tell."""
    if baseline is None or baseline.n is None or baseline.n < FEWEST_WEEKS:
        return ""
    return f" (your {baseline.n}-week median: {number(baseline.value)})"


def _role(way: Direction | None, *, good: Direction = "up") -> Role:
    if way in (None, "flat"):
        return "context"
    return "strength" if way == good else "opportunity"


def _named(deal: Entity, worth: tuple[Decimal, str] | None) -> str:
    return deal.name if worth is None else f"{deal.name} ({money(*worth)})"


# --- what happened ---------------------------------------------------------------------------------------------------


def meetings(
    count: int, period: Period, baseline: Baseline | None, evidence: Evidence | None = None, *,
    noise: Decimal = Decimal(1),
) -> Fact:  # fmt: skip
    """Meetings held in a period, against the rep's own median per week. noise: as in `direction`."""
    way = direction(Decimal(count), baseline, noise)
    return Fact(
        id="", role=_role(way), kind="trend" if way else "count", metric="meeting", value=Decimal(count), unit="count",
        period=period, baseline=baseline, direction=way, evidence=evidence, nouns=("meeting",),
        phrase=f"you held {counted(count, 'meeting')} {period.label}{against(baseline)}",
    )  # fmt: skip


def logged(
    kind: str, count: int, period: Period, baseline: Baseline | None, evidence: Evidence | None = None, *,
    noise: Decimal = Decimal(1),
) -> Fact:  # fmt: skip
    """Calls or emails (kind: call, email) that the CRM has of a period, against the rep's own median per week.

    More or fewer of them is no merit or fault by itself: it is told as context.
    """
    way = direction(Decimal(count), baseline, noise)
    return Fact(
        id="", role="context", kind="trend" if way else "count", metric=kind, value=Decimal(count), unit="count",
        period=period, baseline=baseline, direction=way, evidence=evidence, nouns=(kind,),
        phrase=f"you logged {counted(count, kind)} {period.label}{against(baseline)}",
    )  # fmt: skip


def won_deals(
    count: int, period: Period, worth: tuple[Decimal, str] | None = None, evidence: Evidence | None = None
) -> Fact:
    """Deals won in a period, at least one. worth: of all of them, where they are in one currency."""
    told = "" if worth is None else f", worth {money(*worth)}"
    return Fact(
        id="", role="strength", metric="won", value=Decimal(count), unit="count", period=period, evidence=evidence,
        nouns=("deal",), phrase=f"you won {counted(count, 'deal')} {period.label}{told}",
    )  # fmt: skip


def new_deals(
    count: int, period: Period, baseline: Baseline | None, evidence: Evidence | None = None, *,
    noise: Decimal = Decimal(1),
) -> Fact:  # fmt: skip
    """Deals created in a period, against the rep's own median per week. noise: as in `direction`."""
    way = direction(Decimal(count), baseline, noise)
    return Fact(
        id="", role=_role(way), kind="trend" if way else "count", metric="created", value=Decimal(count), unit="count",
        period=period, baseline=baseline, direction=way, evidence=evidence, nouns=("new deal", "deal"),
        phrase=f"you added {counted(count, 'new deal')} {period.label}{against(baseline)}",
    )  # fmt: skip


def win_rate(won: int, closed: int, period: Period, evidence: Evidence | None = None) -> Fact:
    """Share of closed deals that were won; a caveat instead where fewer than five closed."""
    if closed == 0:
        said = f"no deals have closed {period.label}, so a win rate can not be computed"
    elif closed < FEWEST_FOR_A_RATE:
        said = f"{counted(closed, 'deal has', 'deals have')} closed {period.label}, too few for a win rate"
    else:
        share = (Decimal(100) * won / closed).quantize(Decimal(1), ROUND_HALF_UP)
        return Fact(
            id="", role="context", kind="rate", metric="win_rate", value=share, unit="pct", period=period, n=closed,
            evidence=evidence, nouns=("win rate", "closed deal"),
            phrase=f"your win rate {period.label} is {number(share)}\u00a0% ({won} of {closed} closed deals)",
        )  # fmt: skip
    return Fact(
        id="", role="caveat", kind="caveat", metric="win_rate", period=period, n=closed, evidence=evidence, phrase=said,
        value=Decimal(closed) if closed else None, unit="count" if closed else None, nouns=("win rate", "closed"),
    )  # fmt: skip


def pipeline_change(
    before: Decimal, after: Decimal, currency: str, period: Period, evidence: Evidence | None = None
) -> Fact:
    """Open pipeline in one currency at two evenings."""
    change = after - before
    moved = "stayed at" if not change else ("rose by" if change > 0 else "fell by")
    told = f"your open pipeline {moved} {money(abs(change), currency)} {period.label} to {money(after, currency)}"
    return Fact(
        id="", role="context", kind="money", metric="pipeline", value=change, unit=currency, currency=currency,
        period=period, direction="up" if change > 0 else "down" if change < 0 else "flat", evidence=evidence,
        nouns=("pipeline",),
        phrase=told if change else f"your open pipeline stayed at {money(after, currency)} {period.label}",
    )  # fmt: skip


def pipeline_apart(amounts: Iterable[tuple[Decimal, str]], evidence: Evidence | None = None) -> Fact:
    """Open pipeline in several currencies, never summed."""
    told = [money(*one) for one in amounts]
    listed = ", ".join(told[:-1]) + f" and {told[-1]}"
    return Fact(
        id="", role="context", kind="money", metric="pipeline", unit="mixed", evidence=evidence, nouns=("pipeline",),
        phrase=f"your open pipeline is {listed} (not added up)",
    )  # fmt: skip


# --- what could be done ----------------------------------------------------------------------------------------------


def without_next_step(count: int, evidence: Evidence | None = None) -> Fact:
    """Open deals for which nothing is planned."""
    return Fact(
        id="", role="opportunity", metric="next_step", value=Decimal(count), unit="count", evidence=evidence,
        nouns=("next step", "open deal"),
        phrase=f"{counted(count, 'open deal has', 'open deals have')} no next step",
    )  # fmt: skip


def single_contact(count: int, evidence: Evidence | None = None) -> Fact:
    """Open deals in which only one person is known."""
    return Fact(
        id="", role="opportunity", metric="single_contact", value=Decimal(count), unit="count", evidence=evidence,
        nouns=("contact", "open deal"),
        phrase=f"{counted(count, 'open deal has', 'open deals have')} a single contact",
    )  # fmt: skip


def past_close_date(count: int, evidence: Evidence | None = None) -> Fact:
    """Open deals whose close date is over."""
    return Fact(
        id="", role="opportunity", metric="overdue", value=Decimal(count), unit="count", evidence=evidence,
        nouns=("close date", "open deal"),
        phrase=f"{counted(count, 'open deal has', 'open deals have')} a close date in the past",
    )  # fmt: skip


def silent_deal(
    deal: Entity, days: int, worth: tuple[Decimal, str] | None = None, evidence: Evidence | None = None
) -> Fact:
    """A deal in which nothing happened for some days."""
    return Fact(
        id="", role="action", kind="action", metric="activity", value=Decimal(days), unit="days", entity=deal.id,
        evidence=evidence, nouns=("activity",),
        phrase=f"{_named(deal, worth)} has had no activity for {counted(days, 'day')}",
    )  # fmt: skip


def due_without_meeting(
    deal: Entity, when: date, *, today: date, worth: tuple[Decimal, str] | None = None, evidence: Evidence | None = None
) -> Fact:
    """A deal that is due to close soon, and no meeting is planned in it."""
    said = day(when, today=today)
    return Fact(
        id="", role="action", kind="action", metric="due_to_close", unit="date", entity=deal.id, evidence=evidence,
        nouns=("due to close",), dates=(said,),
        phrase=f"{_named(deal, worth)} is due to close on {said} with no meeting booked",
    )  # fmt: skip


def overdue_deal(
    deal: Entity, when: date, *, today: date, worth: tuple[Decimal, str] | None = None, evidence: Evidence | None = None
) -> Fact:
    """A deal whose close date is over."""
    said = day(when, today=today)
    return Fact(
        id="", role="action", kind="action", metric="overdue", unit="date", entity=deal.id, evidence=evidence,
        nouns=("due to close",), dates=(said,),
        phrase=f"{_named(deal, worth)} was due to close on {said} and is still open",
    )  # fmt: skip


def pushed_deal(
    deal: Entity, times: int, worth: tuple[Decimal, str] | None = None, evidence: Evidence | None = None
) -> Fact:
    """A deal whose close date was moved to a later day, so many times."""
    return Fact(
        id="", role="action", kind="action", metric="pushed", value=Decimal(times), unit="count", entity=deal.id,
        evidence=evidence, nouns=("close date",),
        phrase=f"the close date of {_named(deal, worth)} was moved out {counted(times, 'time')}",
    )  # fmt: skip


def long_in_stage(deal: Entity, stage: str, days: int, usual_days: int, evidence: Evidence | None = None) -> Fact:
    """A deal that stands in a stage for longer than the rep's own deals usually do."""
    return Fact(
        id="", role="action", kind="action", metric="stage_age", value=Decimal(days), unit="days", entity=deal.id,
        baseline=Baseline(Decimal(usual_days), "median"), direction="up", evidence=evidence, nouns=("stage", stage),
        phrase=f"{deal.name} has been in the stage {stage} for {counted(days, 'day')} (your median: {usual_days})",
    )  # fmt: skip


# --- what to keep in mind --------------------------------------------------------------------------------------------


def nothing_recorded(period: Period, evidence: Evidence | None = None) -> Fact:
    """No calls, e-mails or meetings in a period: said as what is recorded, not as what was done."""
    return Fact(
        id="", role="context", metric="recorded", value=Decimal(0), unit="count", period=period, evidence=evidence,
        nouns=("recorded", "meeting", "call"),
        phrase=f"no calls, emails or meetings are recorded for you {period.label}",
    )  # fmt: skip


def old_snapshot(days: int, evidence: Evidence | None = None) -> Fact | None:
    """How old the data are; None up to a week."""
    if days <= STALE_AFTER_DAYS:
        return None
    return Fact(
        id="", role="caveat", kind="caveat", metric="snapshot", value=Decimal(days), unit="days", evidence=evidence,
        nouns=("snapshot",), phrase=f"this snapshot is {days} days old, so newer changes are not shown",
    )  # fmt: skip


def sync_gap(when: date, *, today: date, evidence: Evidence | None = None) -> Fact:
    """The last time at which calendar and e-mail were read."""
    said = day(when, today=today)
    return Fact(
        id="", role="caveat", kind="caveat", metric="sync", unit="date", evidence=evidence, dates=(said,),
        nouns=("sync", "data gap"),
        phrase=f"calendar and email sync was last run on {said}, so this may be a data gap",
    )  # fmt: skip


def new_here(weeks: int, evidence: Evidence | None = None) -> Fact:
    """Too few weeks for a baseline."""
    return Fact(
        id="", role="caveat", kind="caveat", metric="history", value=Decimal(weeks), unit="weeks", evidence=evidence,
        nouns=("data",),
        phrase=f"there {'is' if weeks == 1 else 'are'} {counted(weeks, 'week')} of data for you, too few to compare",
    )  # fmt: skip


def missing_field(count: int, total: int, name: str, evidence: Evidence | None = None) -> Fact:
    """Open deals in which a field is empty."""
    return Fact(
        id="", role="caveat", kind="caveat", metric="missing_field", value=Decimal(count), unit="count", n=total,
        evidence=evidence, nouns=("open deal", name),
        phrase=f"{count} of {counted(total, 'open deal')} {'has' if count == 1 else 'have'} no {name}",
    )  # fmt: skip
