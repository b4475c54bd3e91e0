"""Forecasts of an organization: made from what is known, kept as issued, made again to the same number, and graded.

Weekly ones are issued once per ISO week, monthly ones once per month, on the first day whose syncs are over; the week
or month in which that day lies is the first step. What came is filled in a few days after a step is over, for deals
are often entered late; then it stays.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, cast

import numpy as np
import pandas as pd
import structlog

from insights.forecasting.deal_facts import DealFacts, pack, unpack
from insights.forecasting.members import CannotForecast, Member, Past
from insights.forecasting.nodes import NOBODY, TooLittlePast, events_of, step_start
from insights.forecasting.organization import METHOD_VERSION, Made, organization_forecast, try_here
from insights.forecasting.panel import Asked, Tried
from insights.forecasting.prophet_member import ProphetMember, holidays_of
from ops.compute import executor
from ops.job_book import Done
from ops.score_tables import present
from ops.services import Services
from snapshots import forecast_calls, forecasts
from snapshots.forecast_facts import organization_facts
from snapshots.forecasts import Card, ForecastRun, IssuedAlready, Measure, NewRun, Step
from snapshots.leave import calendar_of
from snapshots.organizations import get_organization
from snapshots.slices import Role, Viewer

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two threads on two busy cores are ten times slower than one

STEPS: Final[tuple[Step, ...]] = ("week", "month")
MEASURES: Final[tuple[Measure, ...]] = ("bookings", "new_deals")
SCHEDULE: Final = "schedule"
SETTLED_AFTER: Final = timedelta(days=3)
"""Deals that were won in a step and entered by then count for its grade."""
FEW: Final = 150
"""So many nodes are forecast in this process: others would take longer to start."""
TOGETHER: Final = 8
TOLERANCE: Final = 1e-6
HOLIDAY_YEARS: Final = 10
"""Of public holidays before the day that Prophet is told of."""

LOG = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a replay says otherwise than what was issued; issued or replayed None: the row is not there."""

    node_kind: str
    node_key: str
    currency: str
    step_no: int
    column: str
    issued: float | None
    replayed: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """differences: none, where the same number came. facts_read_the_same: whether reading what was known then today
    gives the same facts; a merge or a new name in the CRM may have changed ids and names in them. n_numbers: how many
    were compared."""

    run: ForecastRun
    n_numbers: int
    differences: Sequence[Difference]
    facts_read_the_same: bool

    @property
    def is_same(self) -> bool:
        return not self.differences


# --- issuing ----------------------------------------------------------------------------------------------------------


def issue(
    services: Services, organization_id: int, day: date, *, by: str, steps: Sequence[Step] = STEPS,
    measures: Sequence[Measure] = MEASURES,
) -> list[int]:  # fmt: skip
    """Make and keep the forecasts of a day, from what was true at its end by what is known now; of a day that is not
    over, from what is known now. Returns the ids of the runs, one per step and measure; what was issued already is
    left out, and so is what has too little past for its step.

    Raises TooLittlePast where nothing at all can be forecast: its message says how much is missing.
    """
    wanted = [(step, measure) for step in steps for measure in measures]
    return _issued(services, organization_id, day, wanted, by=by)


def _issued(
    services: Services, organization_id: int, day: date, wanted: Sequence[tuple[Step, Measure]], *, by: str
) -> list[int]:
    known_at = services.now()
    facts = read_facts(services, organization_id, day, known_at)
    packed, data_hash = pack(facts)
    prophet = _prophet_asked(services, organization_id, day)
    issued: list[int] = []
    missing: list[TooLittlePast] = []
    for step, measure in wanted:
        if _is_issued(services, organization_id, day, step, measure):
            continue
        try:
            began = time.process_time()
            made = organization_forecast(facts, step, measure, try_all=_trials(services), more=_members(prophet))
        except TooLittlePast as why:
            missing.append(why)
            continue
        run = _new_run(made, day, step, measure, data_hash, packed, known_at, time.process_time() - began, prophet)
        try:
            issued.append(forecasts.keep(services.database, organization_id, run, by=by, now=services.now()))
        except IssuedAlready:  # somebody else was at it at the same time
            continue
    if missing and len(missing) == len(wanted):
        raise missing[0]
    return issued


def last_known_day(services: Services, organization_id: int) -> date:
    """Today; while a source cannot be read, the day of its last sync; where the data end long ago, their last day."""
    until = present(services.database, organization_id, services.now())
    zone = get_organization(services.database, organization_id).zone
    return (until - timedelta(microseconds=1)).astimezone(zone).date()


def read_facts(services: Services, organization_id: int, day: date, known_at: datetime) -> DealFacts:
    """As at the end of `day`, by what was known before `known_at`."""
    read = organization_facts(services.database, organization_id, day=day, known_at=known_at)
    return DealFacts(day=day, deals=read.deals, teams=read.teams, names=read.names, active=read.active)


def _is_issued(services: Services, organization_id: int, day: date, step: Step, measure: Measure) -> bool:
    viewer = Viewer(organization_id, Role.ADMIN)
    newest = forecasts.latest(services.database, viewer, step=step, measure=measure, as_of=day)
    return newest is not None and newest.made_on == day


def _new_run(
    made: Made, day: date, step: Step, measure: Measure, data_hash: str, packed: bytes, known_at: datetime,
    seconds: float, prophet: Mapping[str, Any] | None,
) -> NewRun:  # fmt: skip
    cards = [
        (Card(node_kind=one.node_kind, node_key=one.node_key, currency=one.currency, card=one.card, past=one.past),  # type: ignore[arg-type]
         one.parent_key)
        for one in made.cards
    ]  # fmt: skip
    return NewRun(
        made_on=day, step=step, measure=measure, method_version=METHOD_VERSION, data_hash=data_hash, packed=packed,
        known_at=known_at,
        inputs={"left_out": dict(made.left_out), "known_at": known_at.isoformat(), "prophet": prophet},
        seconds=seconds, rows=made.rows, cards=cards,
    )  # fmt: skip


def _prophet_asked(services: Services, organization_id: int, day: date) -> dict[str, Any] | None:
    """What Prophet is told, JSON that is kept with the forecast; None where nobody asked for it."""
    if not services.settings.forecast_prophet:
        return None
    calendar = calendar_of(services.database, organization_id)
    if calendar is None:
        return {"holidays": []}
    found = holidays_of(calendar.country, day.year - HOLIDAY_YEARS, day.year + 1, subdivision=calendar.subdivision)
    days = found["day"].dt.strftime("%Y-%m-%d")
    return {"holidays": [list(one) for one in zip(found["holiday"], days, strict=True)]}


def _members(prophet: Mapping[str, Any] | None) -> Sequence[Member]:
    if prophet is None:
        return ()
    known = prophet["holidays"]
    holidays = pd.DataFrame({"holiday": [one[0] for one in known], "day": pd.to_datetime([one[1] for one in known])})
    return (ProphetMember(holidays),)


def _trials(services: Services) -> Any:
    def try_all(series: Sequence[tuple[str, Past]], asked: Asked) -> Sequence[Tried]:
        if len(series) <= FEW:
            return try_here(series, asked)
        parts = [series[i : i + TOGETHER] for i in range(0, len(series), TOGETHER)]
        with executor(services.settings) as pool:
            waiting = [pool.submit(try_here, part, asked) for part in parts]
            return [one for done in waiting for one in done.result()]

    return try_all


# --- again ------------------------------------------------------------------------------------------------------------


def replay(services: Services, organization_id: int, run_id: int) -> Replayed:
    """Make a forecast again from what it was made from. Raises LookupError where there is no such run, or its facts are
    not kept any more, and CannotForecast where it was made by another version of the methods."""
    viewer = Viewer(organization_id, Role.ADMIN)
    run = forecasts.get_run(services.database, viewer, run_id)
    if run is None:
        raise LookupError(f"There is no forecast {run_id}.")
    if run.method_version != METHOD_VERSION:
        raise CannotForecast(f"It was made by version {run.method_version} of the methods; this is {METHOD_VERSION}.")
    known_at, packed = forecasts.facts_of(services.database, organization_id, run.data_hash)
    more = _members(run.inputs.get("prophet"))
    made = organization_forecast(unpack(packed), run.step, run.measure, try_all=_trials(services), more=more)
    held = forecasts.rows(services.database, viewer, run_id)
    _, now_hash = pack(read_facts(services, organization_id, run.made_on, known_at))
    return Replayed(
        run=run, n_numbers=len(held) * len(_COMPARED), differences=_differences(held, made.rows),
        facts_read_the_same=now_hash == run.data_hash,
    )  # fmt: skip


_COMPARED: Final = ("value", "low", "high", "won")
_KEY: Final = ["node_kind", "node_key", "currency", "step_no"]


def _differences(held: pd.DataFrame, made: pd.DataFrame) -> list[Difference]:
    both = held.merge(made, on=_KEY, how="outer", suffixes=("", "_again"))
    found = []
    for column in _COMPARED:
        issued, again = both[column].to_numpy(np.float64), both[f"{column}_again"].to_numpy(np.float64)
        off = ~np.isclose(issued, again, rtol=0, atol=TOLERANCE)
        for place in np.flatnonzero(off):
            row = both.iloc[place]
            found.append(
                Difference(
                    row["node_kind"],
                    row["node_key"],
                    row["currency"],
                    int(row["step_no"]),
                    column,
                    *(None if np.isnan(one) else float(one) for one in (issued[place], again[place])),
                )
            )
    return found


# --- grading ----------------------------------------------------------------------------------------------------------


def grade_due(services: Services, organization_id: int) -> int:
    """Fill in what came of steps, and of people's calls, that were over three days ago. Returns how many.

    What came is what is known now; while a source cannot be read, nobody knows what came since. A team is graded by
    whoever was in it when the forecast was made, and by whoever is in it now of owners that were not forecast. Amounts
    in other currencies, or without an amount, count for nothing.
    """
    now = services.now()
    today = last_known_day(services, organization_id)
    over_by = today - SETTLED_AFTER
    due = forecasts.ungraded(services.database, organization_id, over_by=over_by)
    calls = forecast_calls.ungraded_calls(services.database, organization_id, over_by=over_by)
    if due.empty and not calls:
        return 0
    facts = read_facts(services, organization_id, today, now)
    n = forecasts.fill_in(
        services.database, organization_id, _what_came(services, organization_id, facts, due), now=now
    )
    came = {
        one.call_id: _of_call(facts, one, forecast_calls.team_then(services.database, organization_id, one.call_id))
        for one in calls
    }
    return n + forecast_calls.fill_in(services.database, organization_id, came, now=now)


def _what_came(services: Services, organization_id: int, facts: DealFacts, due: pd.DataFrame) -> pd.DataFrame:
    if due.empty:
        return due.assign(actual=[])
    runs = [int(one) for one in due["run_id"].unique()]
    teams = forecasts.teams_of_owners(services.database, organization_id, runs)
    events: dict[tuple[Measure, str], pd.DataFrame] = {}
    parts = []
    for group, rows in due.groupby(["run_id", "measure", "currency", "first_day", "last_day"], sort=False):
        run_id, measure, currency, first, last = cast("tuple[int, Measure, str, pd.Timestamp, pd.Timestamp]", group)
        key = (measure, currency)
        if key not in events:
            events[key] = events_of(facts, measure, currency)
        happened = events[key]
        inside = happened[(happened["day"] >= first) & (happened["day"] <= last)]
        sums = _sums(inside, teams[int(run_id)])
        actual = [sums.get((kind, key_), 0.0) for kind, key_ in zip(rows["node_kind"], rows["node_key"], strict=True)]
        parts.append(rows.assign(actual=actual))
    return pd.concat(parts)


def _sums(events: pd.DataFrame, teams: Mapping[str, str]) -> dict[tuple[str, str], float]:
    """By node. A node without a row had nothing."""
    moved = events.assign(
        team=[teams.get(owner, team) for owner, team in zip(events["owner"], events["team"], strict=True)]
    )
    found = {("total", NOBODY): float(events["amount"].sum())}
    for kind in ("team", "owner", "product", "source"):
        found |= {(kind, str(key)): float(amount) for key, amount in moved.groupby(kind)["amount"].sum().items()}
    return found


def _of_call(facts: DealFacts, call: forecast_calls.Call, team: str | None) -> int:
    events = events_of(facts, "bookings", call.currency)
    inside = events[(events["day"] >= pd.Timestamp(call.first_day)) & (events["day"] <= pd.Timestamp(call.last_day))]
    return round(_sums(inside, {}).get((call.node_kind, call.node_key), 0.0))


# --- every day --------------------------------------------------------------------------------------------------------


def work(services: Services, organization_id: int, day: date) -> Done:
    """The day's work: grade what is due; issue the week's forecast, and the month's, where there is none yet. Where
    less is known than until `day`, it is made of the last day that is known. Returns what was done, in words; n_rows:
    grades and forecasts together."""
    graded = grade_due(services, organization_id)
    day = min(day, last_known_day(services, organization_id))
    due = [
        (step, measure) for step in STEPS for measure in MEASURES
        if _is_due(services, organization_id, day, step, measure)
    ]  # fmt: skip
    if not due:
        return Done(f"{graded:,} forecast steps graded", graded)
    try:
        issued = _issued(services, organization_id, day, due, by=SCHEDULE)
    except TooLittlePast as why:
        return Done(f"{graded:,} forecast steps graded; no forecast: {why}", graded)
    return Done(f"{graded:,} forecast steps graded, {len(issued)} forecasts issued", graded + len(issued))


def _is_due(services: Services, organization_id: int, day: date, step: Step, measure: Measure) -> bool:
    """Whether nothing was issued of the measure in the week or month of the day yet."""
    viewer = Viewer(organization_id, Role.ADMIN)
    newest = forecasts.latest(services.database, viewer, step=step, measure=measure, as_of=day)
    return newest is None or newest.made_on < step_start(pd.Timestamp(day), step).date()
