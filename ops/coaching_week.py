"""The notes of a week: reads what happened, finds the facts of every salesperson, checks each against its evidence, and
has the notes written on the first settled day after the week.

A fact that its own evidence does not recompute is left out, so that no sentence stands without its rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import pandas as pd

from insights.coaching import found, phrases
from insights.coaching.facts import Evidence, Fact, Pack
from insights.coaching.found import BASELINE_WEEKS, WIN_RATE_DAYS, Found, Frames, Week
from insights.health.rules import PLANNING_HABIT
from ops.job_book import Done
from ops.services import Services
from snapshots import coaching_facts, coaching_frames, health_facts, health_flags, leave, tables
from snapshots.coaching_facts import Told
from snapshots.idempotency import claim
from snapshots.reads import Reader
from snapshots.slices import Role, Viewer

JUDGED_DAYS: Final = 4
"""A judgement of the open deals that is older tells nothing of the week's end."""
RULES: Final = ("no_next_step", "single_threaded")
MOST_ROW_IDS: Final = 200
SCOPE: Final = "coaching_week"


def write_weekly(services: Services, organization_id: int, day: date) -> Done:
    """The work of a day (`ops.daily`): once per ISO week, the notes of the last one. Where there was nothing to tell,
    the days after look again: data may come later in the week. Returns what became of it; n_rows: notes."""
    from ops import coaching

    reader = _reader(services, organization_id)
    week = last_week(reader, day)
    if _is_written(services, organization_id, week, day):
        return Done(f"notes of the week of {week} are written", 0)
    packs = packs_of_week(services, organization_id, week, noted_on=day)
    written = coaching.write_notes(services, organization_id, week, packs)
    if written:
        with services.database.as_app(organization_id) as connection:
            claim(connection, organization_id, scope=SCOPE, key=_key(week, day))
    return Done(f"{len(written)} notes of the week of {week}", len(written))


def last_week(reader: Reader, day: date) -> date:
    """The Monday of the last week that is over on a day; of the last one with data where these ended long ago."""
    latest = reader.filter_options(day).latest(day)
    if latest != day:  # the last whole week of an old export, as pages look at its end
        day = latest + timedelta(days=1)
    return day - timedelta(days=day.weekday() + 7)


def packs_of_week(services: Services, organization_id: int, first: date, *, noted_on: date) -> dict[int, Pack]:
    """Packs of the active salespeople with anything to tell, by owner; `first`: the week's Monday."""
    reader = _reader(services, organization_id)
    told = found_in_week(reader, first, noted_on=noted_on)
    people = reader.owners(first + timedelta(days=6)).set_index("owner_id")
    return {
        owner_id: found.packed(list(_supported(reader, chosen)), other_names=_others(people, owner_id))
        for owner_id, chosen in told.items()
    }


def found_in_week(reader: Reader, first: date, *, noted_on: date) -> dict[int, list[Found]]:
    """What is chosen to be told of each active salesperson, unchecked, by owner. Nothing for whom there are caveats
    alone."""
    frames, week = read_week(reader, first, noted_on=noted_on)
    people = reader.owners(week.day)
    active = [int(one) for one in people.loc[people["is_active"], "owner_id"]]
    told = {owner_id: found.choose(found.find(owner_id, own, week)) for owner_id, own in frames.by_owner(active)}
    return {key: chosen for key, chosen in told.items() if any(one.fact.role != "caveat" for one in chosen)}


def read_week(reader: Reader, first: date, *, noted_on: date) -> tuple[Frames, Week]:
    """Of all owners."""
    day, before = first + timedelta(days=6), first - timedelta(days=1)
    since = first - timedelta(weeks=BASELINE_WEEKS)
    database, key = reader.database, reader.viewer.organization_id
    run = health_flags.run_of(database, key, day)
    run_day = run.day if run is not None and (day - run.day).days <= JUDGED_DAYS else None
    open_deals = coaching_frames.open_deals(reader, day, noted_on=noted_on)
    seconds = set(health_facts.second_records(database, key)["deal_id"])
    closed = coaching_frames.deal_weeks(reader, day - timedelta(days=WIN_RATE_DAYS - 1), day, day)
    frames = Frames(
        activity_weeks=coaching_frames.activity_weeks(reader, since, day),
        deal_weeks=coaching_frames.deal_weeks(reader, since, day, day),
        won_sums=coaching_frames.won_sums(reader, first, day, day),
        closed=_closed(closed),
        first_days=coaching_frames.first_days(reader, day),
        open_deals=open_deals.assign(is_second=open_deals["deal_id"].isin(seconds)),
        sums_before=coaching_frames.open_sums(reader, before),
        stays=coaching_frames.stays(reader, day),
        flags=coaching_frames.flags(reader, day, run_day or day, RULES if run_day else ()),
    )
    planned = float((open_deals["n_planned"] > 0).mean()) if len(open_deals) else 0.0
    week = Week(
        first=first, noted_on=noted_on, run_day=run_day, synced_on=_synced_on(reader, noted_on),
        tells_activities=not frames.activity_weeks.empty, tells_plans=planned >= PLANNING_HABIT,
        away=_away(reader, first),
    )  # fmt: skip
    return frames, week


# --- evidence --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Checked:
    """A fact's rows now, and whether they still come to what the fact tells."""

    rows: pd.DataFrame
    told: Told
    agrees: bool


def check(reader: Reader, fact: Fact) -> Checked:
    """Raises LookupError where the fact has no evidence or its query is not known."""
    evidence = fact.evidence
    if evidence is None or evidence.snapshot_day is None:
        raise LookupError(f"{fact.id} has no evidence")
    parameters, day = dict(evidence.parameters), evidence.snapshot_day
    rows = coaching_facts.rows_of(reader, evidence.query, parameters, day)
    told = coaching_facts.told(evidence.query, rows, parameters, day)
    return Checked(rows, told, agrees(fact, told))


def agrees(fact: Fact, told: Told) -> bool:
    """Whether value, baseline, n and days of a fact are those that its rows come to."""
    same_value = fact.value is None or told.value == fact.value
    same_usual = fact.baseline is None or told.baseline == fact.baseline.value
    counted = fact.n if fact.n is not None else fact.baseline.n if fact.baseline else None
    same_n = counted is None or told.n == counted
    same_days = not fact.dates or any(_says(day, fact) for day in told.days)
    no_meeting = fact.metric != "due_to_close" or not told.n
    same_money = all(_says_money(fact, currency, minor) for currency, minor in told.amounts.items())
    return same_value and same_usual and same_n and same_days and no_meeting and same_money


def _says_money(fact: Fact, currency: str, minor: int) -> bool:
    """Whether the phrase names this amount, where it names one in this currency at all."""
    if not re.search(rf"\d {currency}\b", fact.phrase):
        return True
    return phrases.money(Decimal(minor).scaleb(-tables.decimals(currency)), currency) in fact.phrase


def _says(day: date, fact: Fact) -> bool:
    said = phrases.day(day)
    return any(one in (said, f"{said} {day.year}") for one in fact.dates)


def _supported(reader: Reader, chosen: Sequence[Found]) -> Iterator[Found]:
    for one in chosen:
        checked = check(reader, one.fact)
        if checked.agrees:
            yield replace(one, fact=replace(one.fact, evidence=_with_rows(one.fact, checked.rows)))


def _with_rows(fact: Fact, rows: pd.DataFrame) -> Evidence:
    assert fact.evidence is not None
    ids = rows.loc[rows["part"] == "value", "row_id"].head(MOST_ROW_IDS)
    return replace(fact.evidence, row_ids=tuple(str(one) for one in ids))


# --- how -------------------------------------------------------------------------------------------------------------


def _reader(services: Services, organization_id: int) -> Reader:
    return Reader(services.database, Viewer(organization_id, Role.ANALYST))


def _closed(weeks: pd.DataFrame) -> pd.DataFrame:
    """Closed and won deals by owner."""
    ended = weeks[weeks["what"].isin(["won", "lost"])]
    n = ended.groupby("owner_id")["n"].sum()
    won = ended[ended["what"] == "won"].groupby("owner_id")["n"].sum().reindex(n.index, fill_value=0)
    return pd.DataFrame({"n": n, "won": won}).reset_index().astype({"owner_id": "int64"})


def _away(reader: Reader, first: date) -> frozenset[int | None]:
    """Who was on leave on any day from Monday to Friday."""
    friday = first + timedelta(days=4)
    absences = leave.list_absences(reader)
    return frozenset(one.owner_id for one in absences if one.first_day <= friday and one.last_day >= first)


def _synced_on(reader: Reader, noted_on: date) -> date | None:
    rows = coaching_facts.rows_of(reader, "last_sync", {"noted_on": noted_on.isoformat()}, noted_on)
    return None if rows.empty else rows["day"].min().date()


def _others(people: pd.DataFrame, owner_id: int) -> tuple[str, ...]:
    """Names of the others in the team: a note is about one person."""
    if owner_id not in people.index or pd.isna(people.loc[owner_id, "team_id"]):
        return ()
    team = people[(people["team_id"] == people.loc[owner_id, "team_id"]) & (people.index != owner_id)]
    return tuple(str(name) for name in team["name"] if isinstance(name, str))


def _key(week: date, day: date) -> str:
    """Of the ISO week in which the notes are written: one run a week, also where the data ended long ago."""
    monday = day - timedelta(days=day.weekday())
    return f"{week.isoformat()} in {monday.isoformat()}"


def _is_written(services: Services, organization_id: int, week: date, day: date) -> bool:
    from snapshots.idempotency import is_claimed

    with services.database.as_app(organization_id) as connection:
        return is_claimed(connection, organization_id, scope=SCOPE, key=_key(week, day))
