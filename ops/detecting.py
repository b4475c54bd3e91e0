"""Weeks out of the ordinary of an organization: who suddenly does less or more, which source brings fewer leads, which
form converts less. Looked at once per week, on its first settled day, and stored as raised.

What is known is counted by the day on which it happened; weeks are ISO weeks of the organization's days, and only weeks
that are over count. Leave and public holidays that people entered lessen what is expected of a week.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import pandas as pd

from insights.anomalies.worked import Away, as_away, last_whole_week, public_holidays, worked_shares
from ops import jobs
from ops.job_book import Done
from ops.services import Services
from snapshots import alarms, leave
from snapshots.alarm_budget import budget_of
from snapshots.alarms import Measure, Raised
from snapshots.funnel_weeks import conversions_by_week, leads_by_week
from snapshots.organizations import list_connections
from snapshots.reads import Reader
from snapshots.slices import NOBODY, Role, Slice, Viewer
from snapshots.status import freshness

if TYPE_CHECKING:
    from insights.anomalies.detection import Found
    from insights.anomalies.weeks import Weeks

WEEKS: Final = 117
"""Two years, and the quarter that teaches what is usual."""
REPLAYED_WEEKS: Final = 26
"""So far back a first run tells what it would have raised."""
LONG_AGO: Final = 5
"""Weeks in which nobody does anything at all: then the data have ended, as those of an old export do."""
LEAST_USUAL: Final = 1.0
"""A source or form with fewer a week, on average, is not looked at: it has no usual week."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What was looked at. names: of the series, as people call them. why: what there is nothing to say for; then found
    is None."""

    found: Found | None
    names: Mapping[str, str]
    why: str = ""


def look_weekly(services: Services, organization_id: int, day: date) -> Done:
    """Once a week; the same day again changes nothing. Until there was enough to look at for the first time, each day
    looks again. n_rows: alarms."""
    said = [_issue(services, organization_id, measure, day) for measure in alarms.MEASURES]
    return Done("; ".join(said), sum(one.n_rows or 0 for one in said))


def _issue(services: Services, organization_id: int, measure: Measure, day: date) -> Done:
    last = alarms.latest_run(services.database, organization_id, measure, as_of=date.max)
    monday = day - timedelta(days=day.weekday())
    has_seen, is_this_week = _has_seen(last), last is not None and last.made_on >= monday
    if has_seen and is_this_week:
        return Done(f"{measure}: this week was looked at")
    reader = Reader(services.database, Viewer(organization_id, Role.ADMIN))
    budget = budget_of(services.database, organization_id)
    looked = look(reader, measure, day, budget=budget)
    if looked.found is None and is_this_week:
        return Done(f"{measure}: {looked.why}")
    since = _looked_until(last) if last is not None and has_seen else monday - timedelta(weeks=REPLAYED_WEEKS + 1)
    raised = (
        []
        if looked.found is None
        else list(_raised(services, organization_id, measure, looked, since, day, is_first=not has_seen))
    )
    n = alarms.issue(
        services.database, organization_id, measure, raised, made_on=day, now=services.now(), budget=budget,
        card=({"why": looked.why} if looked.found is None else dict(looked.found.card))
        | {"newest": _newest(reader, day).isoformat(), "has_seen": has_seen or looked.found is not None},
    )  # fmt: skip
    return Done(f"{measure}: {looked.why}" if looked.found is None else f"{measure}: {n} alarms", n)


def _has_seen(last: alarms.AlarmRun | None) -> bool:
    """Whether this or an earlier run had anything to look at: until then the past was not gone through."""
    return last is not None and bool(last.card.get("has_seen", "why" not in last.card))


def look(reader: Reader, measure: Measure, day: date, *, budget: float) -> Looked:
    """All series of the organization in the weeks before `day`. budget: false alarms per series and quarter."""
    from insights.anomalies.detection import detect
    from insights.anomalies.weeks import CannotDetect

    weeks, names = weeks_before(reader, measure, day)
    try:
        return Looked(detect(weeks, budget=budget), names)
    except CannotDetect as why:
        return Looked(None, names, str(why))


def weeks_before(reader: Reader, measure: Measure, day: date) -> tuple[Weeks, Mapping[str, str]]:
    """What is known of the weeks that were over before `day`, and the names of the series. reader: of somebody who sees
    everything, for what is usual of one is judged beside the others. No series where there are no counts."""
    from insights.anomalies.weeks import weeks_of

    newest = _newest(reader, day)
    found = _TABLES[measure](reader, newest - timedelta(weeks=WEEKS - 1), newest)
    return weeks_of(found.table, found.worked, found.teams), found.names


def _newest(reader: Reader, day: date) -> date:
    """The Monday of the last week that was over, and wholly read, before `day`."""
    return last_whole_week(min([day, *_read_on(reader)]))


def _looked_until(last: alarms.AlarmRun) -> date:
    """The newest week of that run: while a source could not be read it lay further back than its day."""
    known = last.card.get("newest")
    return last_whole_week(last.made_on) if known is None else date.fromisoformat(known)


def _read_on(reader: Reader) -> list[date]:
    """The days on which the sources that are read daily were last read: of what came after nobody knows, so that it is
    no quiet week."""
    organization = reader.organization
    daily = {one.connection_id for one in list_connections(reader.database, organization.organization_id)
             if jobs.is_refreshed(one)}  # fmt: skip
    read = [one for one in freshness(reader.database, organization.organization_id) if one.connection_id in daily]
    return [one.synced_at.astimezone(organization.zone).date() for one in read if one.synced_at is not None]


def _end_of(found: pd.DataFrame, newest: date) -> date:
    """The newest week that counts: an export that was read once ends long before, with a week that may not be whole."""
    last = newest if found.empty else found["day"].max().date()
    return newest if newest - last <= timedelta(weeks=LONG_AGO) else last - timedelta(weeks=1)


# --- counts ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Counts:
    """table, worked and teams as `weeks_of` takes them; names: of the series."""

    table: pd.DataFrame
    worked: pd.DataFrame | None
    names: Mapping[str, str]
    teams: Mapping[str, int] | None = None


def _activities(reader: Reader, first: date, newest: date) -> Counts:
    """E-mails, calls, meetings and all others by salesperson. Somebody who is active and has no activity has 0;
    somebody who is not ends with his last one. Teams are those of the newest week."""
    slice_ = Slice(first_day=first, last_day=newest + timedelta(days=6), as_of=newest + timedelta(days=6))
    found = reader.activity_weeks(slice_)
    newest = _end_of(found, newest)
    found = found[(found["owner_id"] != NOBODY) & (found["day"] <= pd.Timestamp(newest))]
    people = reader.owners(newest + timedelta(days=6)).set_index("owner_id")
    table = _filled(
        found.rename(columns={"owner_id": "series", "n": "value"})[["series", "day", "value"]], newest,
        still=lambda key: key in people.index and bool(people.loc[key, "is_active"]),
    )  # fmt: skip
    names = {str(key): str(name or "Unnamed") for key, name in people["name"].items()}
    weeks = pd.date_range(first, newest, freq="7D")
    series = sorted(set(table["series"]))
    worked = worked_shares(series, weeks, _away(reader, first, newest))
    return Counts(table, worked, names, {str(key): int(team) for key, team in people["team_id"].dropna().items()})


def _away(reader: Reader, first: date, newest: date) -> list[Away]:
    entered = leave.list_absences(reader)
    away = [Away(None if one.owner_id is None else str(one.owner_id), one.first_day, one.last_day) for one in entered]
    calendar = leave.calendar_of(reader.database, reader.viewer.organization_id)
    if calendar is not None:
        away += as_away(public_holidays(calendar.country, calendar.subdivision, first, newest + timedelta(days=6)))
    return away


def _leads(reader: Reader, first: date, newest: date) -> Counts:
    """New leads by source; a week without any is 0."""
    found = leads_by_week(reader, first, newest + timedelta(days=6))
    newest = _end_of(found, newest)
    found = found[found["day"] <= pd.Timestamp(newest)]
    table = _filled(found[["series", "day", "value"]], newest, still=lambda _: True)
    return Counts(_frequent(table), None, _names(found))


def _conversion(reader: Reader, first: date, newest: date) -> Counts:
    """Submissions by form, of a week whose visits say how many there would usually be; a week without visits says
    nothing."""
    found = conversions_by_week(reader, first, newest + timedelta(days=6))
    usual = found.groupby("series")["of"].transform("mean")
    share = found[["series", "day"]].assign(share=found["of"] / usual)
    return Counts(_frequent(found[["series", "day", "value"]]), share, _names(found))


def _names(found: pd.DataFrame) -> Mapping[str, str]:
    return dict(zip(found["series"], found["name"], strict=True))


def _frequent(table: pd.DataFrame) -> pd.DataFrame:
    usual = table.groupby("series")["value"].transform("mean")
    return table[usual >= LEAST_USUAL].reset_index(drop=True)


def _filled(found: pd.DataFrame, newest: date, *, still: Callable[[Any], bool]) -> pd.DataFrame:
    """0 in weeks without a row, from a series' first row on: to the newest week where it is `still` there, else to its
    last row. Text keys."""
    columns = {"series": "object", "day": "datetime64[ns]", "value": "float64"}
    if found.empty:
        return pd.DataFrame(columns=list(columns)).astype(columns)
    days = pd.date_range(found["day"].min(), max(found["day"].max(), pd.Timestamp(newest)), freq="7D")
    keys, row = np.unique(found["series"].to_numpy(dtype=object), return_inverse=True)
    week = days.searchsorted(found["day"])
    counts, first, last = np.zeros((len(keys), len(days))), np.full(len(keys), len(days)), np.zeros(len(keys), np.int64)
    counts[row, week] = found["value"]
    np.minimum.at(first, row, week)
    np.maximum.at(last, row, week)
    end = np.where([still(key) for key in keys], days.searchsorted(pd.Timestamp(newest)), last)
    held, at = np.nonzero((np.arange(len(days)) >= first[:, None]) & (np.arange(len(days)) <= end[:, None]))
    series = np.array([str(key) for key in keys], dtype=object)
    return pd.DataFrame({"series": series[held], "day": days[at], "value": counts[held, at]}).astype(columns)


_TABLES: Final[Mapping[Measure, Callable[[Reader, date, date], Counts]]] = {
    "activities": _activities, "leads": _leads, "conversion": _conversion,
}  # fmt: skip


# --- alarms ----------------------------------------------------------------------------------------------------------


def _raised(
    services: Services, organization_id: int, measure: Measure, looked: Looked, since: date, day: date, *,
    is_first: bool,
) -> Sequence[Raised]:  # fmt: skip
    """Those that still last in a week after `since` and do not go on from one that was raised before."""
    from insights.anomalies.explaining import why_of
    from insights.anomalies.thresholds import APART

    assert looked.found is not None
    known = alarms.newest_days(services.database, organization_id, measure)
    newest, raised = last_whole_week(day), []
    for row in cast("Iterable[Any]", looked.found.alarms.itertuples()):
        week = row.day.date()
        before = known.get((row.series, row.direction))
        if row.last_day.date() <= since or (before is not None and week <= before + timedelta(weeks=APART)):
            continue
        known[row.series, row.direction] = week
        raised.append(
            Raised(
                subject_key=row.series, owner_id=int(row.series) if measure == "activities" else None,
                name=looked.names.get(row.series, row.series), day=week, since=row.since.date(),
                direction=row.direction, kind=row.kind, score=float(row.score), value=int(row.value),
                expected=float(row.expected), low=int(row.low), high=int(row.high), team=float(row.team),
                n_weeks=int(row.n), value_n=int(row.value_n), expected_n=float(row.expected_n), why=why_of(row),
                is_replayed=is_first and week < newest,
            )
        )  # fmt: skip
    return raised
