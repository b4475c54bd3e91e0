"""Alarms about weeks as they were raised, what people said of them later, and the runs that raised them.

An alarm is appended and never changes; what is said of it stands beside it, the newest counts. Alarms about activities
are seen by who may see the salesperson's rows; those about sources and forms by who sees everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Final, Literal, get_args

import orjson
import pandas as pd
from sqlalchemy import text

from snapshots import tables
from snapshots.database import Database
from snapshots.reads import Reader
from snapshots.slices import SEES_EVERYTHING, Slice, Where

Measure = Literal["activities", "leads", "conversion"]
MEASURES: Final[tuple[Measure, ...]] = get_args(Measure)
Verdict = Literal["real", "leave", "left", "false"]
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)
TAKEN_BACK: Final = "none"

ALARMS: Final[dict[str, str]] = {
    "alarm_id": "int64",
    "subject_key": "object",
    "owner_id": "Int64",
    "name": "object",
    "day": "datetime64[ns]",  # first day of the week in which it was raised
    "since": "datetime64[ns]",
    "direction": "object",
    "kind": "object",
    "score": "float64",
    "value": "int64",
    "expected": "float64",
    "low": "int64",
    "high": "int64",
    "n_weeks": "int64",
    "why": "object",
    "made_on": "datetime64[ns]",
    "is_replayed": "bool",
    "verdict": "object",  # None: nobody said anything
    "said_by": "object",
    "said_at": "datetime64[ns, UTC]",
}


class NoSuchAlarm(LookupError):
    """There is none for this viewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """One alarm as it is issued; the columns of the table `alarms` say what they mean."""

    subject_key: str
    owner_id: int | None
    name: str
    day: date
    since: date
    direction: str
    kind: str
    score: float
    value: int
    expected: float
    low: int
    high: int
    team: float
    n_weeks: int
    value_n: int
    expected_n: float
    why: str
    is_replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRun:
    """card: the budget and what it is worth, or `why` there is nothing to say."""

    measure: str
    made_on: date
    issued_at: datetime
    card: Mapping[str, Any]


def issue(
    database: Database, organization_id: int, measure: Measure, raised: Sequence[Raised], *, made_on: date,
    card: Mapping[str, Any], budget: float, now: datetime,
) -> int:  # fmt: skip
    """Append a run and its alarms. One that stands already (same week, series and direction) stays as it is. Returns
    how many are new."""
    known = {
        "organization": organization_id, "measure": measure, "made_on": made_on, "now": now, "budget": budget,
        "card": orjson.dumps(dict(card)).decode(),
    }  # fmt: skip
    with database.as_app(organization_id) as connection:
        connection.execute(_RUN, known)
        return sum(connection.execute(_ALARM, known | asdict(one)).rowcount for one in raised)


def latest_run(database: Database, organization_id: int, measure: Measure, *, as_of: date) -> AlarmRun | None:
    """The newest until the end of that day."""
    with database.as_app(organization_id) as connection:
        row = connection.execute(
            text(
                "SELECT measure, made_on, issued_at, card FROM alarm_runs WHERE organization_id = :organization "
                "AND measure = :measure AND made_on <= :as_of ORDER BY made_on DESC LIMIT 1"
            ),
            {"organization": organization_id, "measure": measure, "as_of": as_of},
        ).one_or_none()
    return None if row is None else AlarmRun(**row._mapping)


def list_alarms(reader: Reader, measure: Measure, slice_: Slice) -> pd.DataFrame:
    """ALARMS that were issued until the end of `as_of` for weeks that begin in the slice, the newest first; of those
    that were found afterwards, as the history was gone through for the first time, the ones whose week was over by
    then. What people said of them is as it stands now."""
    where = _seen(reader, measure, slice_)
    if where is None:
        return tables.empty(ALARMS)
    where.add("CASE WHEN a.is_replayed THEN a.day + 7 ELSE a.made_on END <= :as_of", as_of=slice_.as_of)
    where.add("a.day <= :until", until=slice_.until)
    if slice_.first_day is not None:
        where.add("a.day >= :first_day", first_day=slice_.first_day)
    rows = reader.rows(
        "SELECT a.alarm_id, a.subject_key, a.owner_id, a.name, a.day, a.since, a.direction, a.kind, a.score, a.value, "
        "a.expected, a.low, a.high, a.n_weeks, a.why, a.made_on, a.is_replayed, nullif(v.verdict, 'none'), "
        "CASE WHEN v.verdict <> 'none' THEN v.said_by END, CASE WHEN v.verdict <> 'none' THEN v.said_at END "
        f"FROM alarms a {_NEWEST_VERDICT} WHERE {where} ORDER BY a.day DESC, a.score DESC, a.alarm_id DESC",
        where,
    )
    return tables.shaped(rows, ALARMS)


def newest_days(database: Database, organization_id: int, measure: Measure) -> dict[tuple[str, str], date]:
    """The newest alarm's week by subject and direction."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text(
                "SELECT subject_key, direction, max(day) FROM alarms WHERE organization_id = :organization "
                "AND measure = :measure GROUP BY 1, 2"
            ),
            {"organization": organization_id, "measure": measure},
        )
        return {(row[0], row[1]): row[2] for row in rows}


def say(reader: Reader, alarm_id: int, verdict: Verdict | None, *, by: str, now: datetime) -> None:
    """What an alarm was, in the name of who knows; None takes it back. Raises NoSuchAlarm where the viewer may not see
    it."""
    if verdict is not None and verdict not in VERDICTS:
        raise ValueError(f"An alarm is one of {', '.join(VERDICTS)}; not {verdict!r}.")
    if not any(_may_see(reader, measure, alarm_id) for measure in MEASURES):
        raise NoSuchAlarm(f"There is no alarm {alarm_id}.")
    with reader.database.as_app(reader.viewer.organization_id) as connection:
        connection.execute(
            text(
                "INSERT INTO alarm_verdicts (organization_id, alarm_id, verdict, said_by, said_at) "
                "VALUES (:organization, :alarm, :verdict, :by, :now)"
            ),
            {
                "organization": reader.viewer.organization_id, "alarm": alarm_id, "verdict": verdict or TAKEN_BACK,
                "by": by, "now": now,
            },
        )  # fmt: skip


# --- how -------------------------------------------------------------------------------------------------------------

_EVER: Final = Slice(first_day=None, last_day=date.max, as_of=date.max)
_NEWEST_VERDICT: Final = (
    "LEFT JOIN LATERAL (SELECT v.verdict, v.said_by, v.said_at FROM alarm_verdicts v "
    "WHERE v.organization_id = :organization AND v.alarm_id = a.alarm_id ORDER BY v.verdict_id DESC LIMIT 1) v ON true"
)
_RUN: Final = text(
    "INSERT INTO alarm_runs (organization_id, measure, made_on, issued_at, card) "
    "VALUES (:organization, :measure, :made_on, :now, cast(:card AS jsonb)) "
    "ON CONFLICT (organization_id, measure, made_on) DO UPDATE SET card = excluded.card, issued_at = excluded.issued_at"
)
_SAID: Final = tuple(Raised.__dataclass_fields__)
_ALARM: Final = text(
    f"INSERT INTO alarms (organization_id, measure, made_on, issued_at, budget, {', '.join(_SAID)}) "
    f"VALUES (:organization, :measure, :made_on, :now, :budget, {', '.join(f':{name}' for name in _SAID)}) "
    "ON CONFLICT (organization_id, measure, subject_key, day, direction) DO NOTHING"
)


def _seen(reader: Reader, measure: Measure, slice_: Slice) -> Where | None:
    """Alarms `a` that the viewer may see; None: none of this measure."""
    if measure == "activities":
        where = reader.where(slice_, owner="a.owner_id", day="a.day")
    elif reader.viewer.role in SEES_EVERYTHING:
        where = Where().add("a.organization_id = :organization", organization=reader.viewer.organization_id)
    else:
        return None
    return where.add("a.measure = :measure", measure=measure)


def _may_see(reader: Reader, measure: Measure, alarm_id: int) -> bool:
    where = _seen(reader, measure, _EVER)
    if where is None:
        return False
    where.add("a.alarm_id = :alarm", alarm=alarm_id)
    return bool(reader.rows(f"SELECT 1 FROM alarms a WHERE {where}", where))
