"""Forecasts as they were issued, with their report cards, what they were made from, and what came.

A run is appended whole and never changes; later only what came is filled in, or why it will never be known. A node is
the total, a team, an owner, a product or a source; its key is our id as text, a source's name, or empty: the total, or
none (no owner, no source). A currency of "" means counts.

A rep sees the node of himself, a manager those of his teams and of who was in them when the forecast was made; totals,
products and sources are for who sees everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import orjson
import pandas as pd
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from snapshots import bulk, schema, tables
from snapshots.database import Database
from snapshots.reads import Reader
from snapshots.slices import SEES_EVERYTHING, Role, Viewer, Where

Step = Literal["week", "month"]
Measure = Literal["bookings", "new_deals"]
NodeKind = Literal["total", "team", "owner", "product", "source"]
COUNTS: Final = ""
"""The currency of what is counted."""
FORECAST_ROWS: Final[dict[str, str]] = {
    "node_kind": "object",
    "node_key": "object",
    "node_name": "object",  # as it was called then; None: it has no name
    "parent_key": "object",  # of an owner: the team then; None: not in a team, or no owner
    "currency": "object",  # "": counts
    "step_no": "int64",  # 1: the week or month that holds made_on
    "first_day": "datetime64[ns]",
    "last_day": "datetime64[ns]",
    "value": "float64",  # whole minor units, or a count; nodes of a kind add up to the total
    "low": "float64",  # ends of the 80 % interval
    "high": "float64",
    "won": "float64",  # what was certain already when it was issued; nothing is below it
    "method": "object",
    "actual": "float64",  # what came; NaN: not known yet
    "graded_at": "datetime64[ns, UTC]",
    "not_gradable": "object",  # why what came will never be known; None: it will, or is
}
GRADED: Final[dict[str, str]] = {
    "run_id": "int64",
    "made_on": "datetime64[ns]",
    "issued_at": "datetime64[ns, UTC]",
    "first_day": "datetime64[ns]",
    "last_day": "datetime64[ns]",
    "step_no": "int64",
    "value": "float64",
    "low": "float64",
    "high": "float64",
    "actual": "float64",
    "method": "object",
}


class IssuedAlready(RuntimeError):
    """Of this day, step and measure there is a forecast; it never changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastRun:
    """made_on: the day whose knowledge counts. inputs: what was asked and left out, JSON. seconds: of the processor."""

    run_id: int
    made_on: date
    step: Step
    measure: Measure
    issued_at: datetime
    method_version: str
    data_hash: str
    inputs: Mapping[str, Any]
    n_series: int
    seconds: float
    issued_by: str

    def was_made_later(self, zone: ZoneInfo) -> bool:
        """Made after its day, by what was known later of that day: a replay of the past, not a promise."""
        return self.issued_at.astimezone(zone).date() > self.made_on


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """card: the report card as `insights.forecasting` makes it. past: `first_day` of the first step and `values` of
    each step until the forecast, in minor units or counts."""

    node_kind: NodeKind
    node_key: str
    currency: str
    card: Mapping[str, Any]
    past: Mapping[str, Any]


# --- reading ----------------------------------------------------------------------------------------------------------


def runs(
    database: Database, viewer: Viewer, *, step: Step | None = None, measure: Measure | None = None,
    until: date | None = None,
) -> list[ForecastRun]:  # fmt: skip
    """The newest first. until: made on this day at the latest."""
    where = Where().add("organization_id = :organization", organization=viewer.organization_id)
    for condition, value in (
        ("step = :step", step), ("measure = :measure", measure), ("made_on <= :until", until),
    ):  # fmt: skip
        if value is not None:
            where.add(condition, **{condition.rpartition(":")[2]: value})
    return _runs(database, where, "")


def latest(
    database: Database, viewer: Viewer, *, step: Step, measure: Measure, as_of: date | None = None
) -> ForecastRun | None:
    """The one made last, by `as_of` at the latest; None: there is none."""
    where = Where().add("organization_id = :organization", organization=viewer.organization_id)
    where.add("step = :step AND measure = :measure", step=step, measure=measure)
    if as_of is not None:
        where.add("made_on <= :until", until=as_of)
    found = _runs(database, where, "LIMIT 1")
    return found[0] if found else None


def get_run(database: Database, viewer: Viewer, run_id: int) -> ForecastRun | None:
    """None: there is none of this organization."""
    where = Where().add("organization_id = :organization", organization=viewer.organization_id)
    found = _runs(database, where.add("run_id = :run", run=run_id), "")
    return found[0] if found else None


def rows(
    database: Database, viewer: Viewer, run_id: int, *, node_kind: NodeKind | None = None, node_key: str | None = None,
    currency: str | None = None,
) -> pd.DataFrame:  # fmt: skip
    """FORECAST_ROWS that the viewer may see, by kind, key, currency and step."""
    where = seen_by(database, viewer, "f").add("f.run_id = :run", run=run_id)
    _narrowed(where, "f", node_kind, node_key, currency)
    columns = ", ".join(f"f.{name}" for name in FORECAST_ROWS)
    return _frame(
        database, viewer, FORECAST_ROWS,
        f"SELECT {columns} FROM forecasts f WHERE {where} "
        "ORDER BY f.node_kind, f.node_key, f.currency, f.step_no", where,
    )  # fmt: skip


def cards(
    database: Database, viewer: Viewer, run_id: int, *, node_kind: NodeKind | None = None, node_key: str | None = None,
    currency: str | None = None,
) -> list[Card]:  # fmt: skip
    """Report cards that the viewer may see."""
    where = seen_by(database, viewer, "c").add("c.run_id = :run", run=run_id)
    _narrowed(where, "c", node_kind, node_key, currency)
    with database.as_app(viewer.organization_id) as connection:
        found = connection.execute(
            text(
                f"SELECT c.node_kind, c.node_key, c.currency, c.card, c.past FROM forecast_cards c WHERE {where} "
                "ORDER BY c.node_kind, c.node_key, c.currency"
            ),
            where.parameters,
        )
        return [Card(**row) for row in found.mappings()]


def card(
    database: Database, viewer: Viewer, run_id: int, node_kind: NodeKind, node_key: str, *, currency: str = COUNTS
) -> Card | None:
    """None: there is none, or the viewer may not see it."""
    found = cards(database, viewer, run_id, node_kind=node_kind, node_key=node_key, currency=currency)
    return found[0] if found else None


def currencies(database: Database, viewer: Viewer, run_id: int) -> list[str]:
    """Those that were forecast, the one with the most first; [""] where counts were."""
    with database.as_app(viewer.organization_id) as connection:
        found = connection.execute(
            text(
                "SELECT currency FROM forecasts WHERE organization_id = :organization AND run_id = :run "
                "AND node_kind = 'total' GROUP BY 1 ORDER BY sum(value) DESC, 1"
            ),
            {"organization": viewer.organization_id, "run": run_id},
        )
        return [str(one) for one in found.scalars()]


def graded(
    database: Database, viewer: Viewer, *, step: Step, measure: Measure, node_kind: NodeKind, node_key: str,
    currency: str = COUNTS, since: date | None = None,
) -> pd.DataFrame:  # fmt: skip
    """GRADED: every forecast of the node whose steps are over and graded, by the day it was made and step. since: made
    on this day or later. Several of the same step were made on different days; `step_no` tells them apart."""
    where = seen_by(database, viewer, "f").add("f.graded_at IS NOT NULL")
    where.add("r.step = :step AND r.measure = :measure", step=step, measure=measure)
    _narrowed(where, "f", node_kind, node_key, currency)
    if since is not None:
        where.add("r.made_on >= :since", since=since)
    of_run = {"made_on", "issued_at"}
    columns = ", ".join(f"{'r' if name in of_run else 'f'}.{name}" for name in GRADED)
    return _frame(
        database, viewer, GRADED,
        f"SELECT {columns} FROM forecasts f JOIN forecast_runs r ON r.organization_id = :organization "
        f"AND r.run_id = f.run_id WHERE {where} ORDER BY r.made_on, f.step_no", where,
    )  # fmt: skip


def n_not_gradable(
    database: Database, viewer: Viewer, *, step: Step, measure: Measure, node_kind: NodeKind, node_key: str,
    currency: str = COUNTS, until: date,
) -> int:  # fmt: skip
    """How many steps of the node that were over by the end of `until` will never be graded."""
    where = seen_by(database, viewer, "f").add("f.not_gradable IS NOT NULL")
    where.add("r.step = :step AND r.measure = :measure", step=step, measure=measure)
    where.add("f.last_day <= :until", until=until)
    _narrowed(where, "f", node_kind, node_key, currency)
    with database.as_app(viewer.organization_id) as connection:
        return int(
            connection.execute(
                text(
                    "SELECT count(*) FROM forecasts f JOIN forecast_runs r ON r.organization_id = :organization "
                    f"AND r.run_id = f.run_id WHERE {where}"
                ),
                where.parameters,
            ).scalar_one()
        )


# --- writing ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run to keep. rows: FORECAST_ROWS without what came. cards: with each owner's `parent_key`. packed: what it was
    made from, kept once per `data_hash`."""

    made_on: date
    step: Step
    measure: Measure
    method_version: str
    data_hash: str
    packed: bytes
    known_at: datetime
    inputs: Mapping[str, Any]
    seconds: float
    rows: pd.DataFrame
    cards: Sequence[tuple[Card, str | None]]


def keep(database: Database, organization_id: int, run: NewRun, *, by: str, now: datetime) -> int:
    """All of it in one transaction. Returns its run_id. Raises IssuedAlready."""
    own = {"organization": organization_id}
    with database.as_app(organization_id) as connection:
        connection.execute(
            text(
                "INSERT INTO forecast_facts (organization_id, data_hash, known_at, packed) "
                "VALUES (:organization, :hash, :known_at, :packed) ON CONFLICT DO NOTHING"
            ),
            own | {"hash": run.data_hash, "known_at": run.known_at, "packed": run.packed},
        )
        try:
            run_id = int(connection.execute(_RUN, own | _values(run) | {"by": by, "now": now}).scalar_one())
        except IntegrityError as error:
            raise IssuedAlready(
                f"{run.measure} by {run.step} were forecast on {run.made_on} already; a forecast never changes."
            ) from error
        for name, columns, made in (("forecasts", _FORECAST, _forecast_rows), ("forecast_cards", _CARD, _card_rows)):
            bulk.insert(connection, schema.metadata.tables[name], columns, made(run, organization_id, run_id))
    return run_id


def facts_of(database: Database, organization_id: int, data_hash: str) -> tuple[datetime, bytes]:
    """The instant whose knowledge they are, and what was packed. Raises LookupError."""
    with database.as_app(organization_id) as connection:
        row = connection.execute(
            text(
                "SELECT known_at, packed FROM forecast_facts "
                "WHERE organization_id = :organization AND data_hash = :hash"
            ),
            {"organization": organization_id, "hash": data_hash},
        ).one_or_none()
    if row is None:
        raise LookupError(f"What the forecast was made from ({data_hash}) is not kept any more.")
    return row.known_at, bytes(row.packed)


# --- grading ----------------------------------------------------------------------------------------------------------

UNGRADED: Final[dict[str, str]] = {
    "run_id": "int64",
    "measure": "object",
    "currency": "object",
    "node_kind": "object",
    "node_key": "object",
    "step_no": "int64",
    "first_day": "datetime64[ns]",
    "last_day": "datetime64[ns]",
}


def ungraded(database: Database, organization_id: int, *, over_by: date) -> pd.DataFrame:
    """UNGRADED rows whose last day was before `over_by`, without those of which what came will never be known."""
    viewer = Viewer(organization_id, Role.ADMIN)
    where = Where().add("f.organization_id = :organization", organization=organization_id)
    where.add("f.graded_at IS NULL AND f.not_gradable IS NULL").add("f.last_day < :over_by", over_by=over_by)
    columns = ", ".join(f"{'r' if name == 'measure' else 'f'}.{name}" for name in UNGRADED)
    return _frame(
        database, viewer, UNGRADED,
        f"SELECT {columns} FROM forecasts f JOIN forecast_runs r ON r.organization_id = :organization "
        f"AND r.run_id = f.run_id WHERE {where} ORDER BY 1, 3, 4, 5, 6", where,
    )  # fmt: skip


def teams_of_owners(database: Database, organization_id: int, run_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """By run: the team of each owner who was forecast, as it was then; without those in none."""
    found: dict[int, dict[str, str]] = {run_id: {} for run_id in run_ids}
    with database.as_app(organization_id) as connection:
        pairs = connection.execute(
            text(
                "SELECT DISTINCT run_id, node_key, parent_key FROM forecasts WHERE organization_id = :organization "
                "AND run_id = ANY(:runs) AND node_kind = 'owner' AND parent_key IS NOT NULL"
            ),
            {"organization": organization_id, "runs": list(run_ids)},
        )
        for run_id, owner, team in pairs:
            found[run_id][owner] = team
    return found


def fill_in(database: Database, organization_id: int, came: pd.DataFrame, *, now: datetime) -> int:
    """What came: UNGRADED rows with `actual`. One that is graded already stays. Returns how many were filled in."""
    if came.empty:
        return 0
    keys = {name: came[name].tolist() for name in ("run_id", "currency", "node_kind", "node_key", "step_no", "actual")}
    with database.as_app(organization_id) as connection:
        return int(connection.execute(_GRADE, keys | {"organization": organization_id, "now": now}).rowcount)


# --- how --------------------------------------------------------------------------------------------------------------

_RUN_COLUMNS: Final = (
    "made_on", "step", "measure", "issued_at", "method_version", "data_hash", "inputs", "n_series", "seconds",
    "issued_by",
)  # fmt: skip
_RUN: Final = text(
    f"INSERT INTO forecast_runs (organization_id, {', '.join(_RUN_COLUMNS)}) VALUES (:organization, :made_on, :step, "
    ":measure, :now, :method_version, :data_hash, cast(:inputs AS jsonb), :n_series, :seconds, :by) RETURNING run_id"
)
_FORECAST: Final = (
    "organization_id",
    "run_id",
    *(name for name in FORECAST_ROWS if name not in {"actual", "graded_at", "not_gradable"}),
)
_CARD: Final = ("organization_id", "run_id", "currency", "node_kind", "node_key", "parent_key", "card", "past")
_GRADE: Final = text(
    "UPDATE forecasts f SET actual = a.actual, graded_at = :now FROM unnest(cast(:run_id AS bigint[]), "
    "cast(:currency AS text[]), cast(:node_kind AS text[]), cast(:node_key AS text[]), cast(:step_no AS int[]), "
    "cast(:actual AS float8[])) a (run_id, currency, node_kind, node_key, step_no, actual) "
    "WHERE f.organization_id = :organization AND f.run_id = a.run_id AND f.currency = a.currency "
    "AND f.node_kind = a.node_kind AND f.node_key = a.node_key AND f.step_no = a.step_no AND f.graded_at IS NULL "
    "AND f.not_gradable IS NULL"
)


def _values(run: NewRun) -> dict[str, object]:
    return {
        "made_on": run.made_on, "step": run.step, "measure": run.measure, "method_version": run.method_version,
        "data_hash": run.data_hash, "inputs": orjson.dumps(dict(run.inputs), default=str).decode(),
        "n_series": len(run.cards), "seconds": run.seconds,
    }  # fmt: skip


def _forecast_rows(run: NewRun, organization_id: int, run_id: int) -> list[tuple[object, ...]]:
    days = {name: run.rows[name].dt.date for name in ("first_day", "last_day")}
    columns = [run.rows.assign(**days)[name].tolist() for name in _FORECAST[2:]]
    return [(organization_id, run_id, *row) for row in zip(*columns, strict=True)]


def _card_rows(run: NewRun, organization_id: int, run_id: int) -> list[tuple[object, ...]]:
    return [
        (organization_id, run_id, one.currency, one.node_kind, one.node_key, parent, _json(one.card), _json(one.past))
        for one, parent in run.cards
    ]


def _json(value: Mapping[str, Any]) -> str:
    return orjson.dumps(dict(value), option=orjson.OPT_SERIALIZE_NUMPY).decode()


def seen_by(database: Database, viewer: Viewer, table: str) -> Where:
    """Rows of nodes (`node_kind`, `node_key`, `parent_key`) that the viewer may see."""
    where = Where().add(f"{table}.organization_id = :organization", organization=viewer.organization_id)
    if viewer.role is Role.REP:
        own = "" if viewer.owner_id is None else str(viewer.owner_id)
        where.add(f"{table}.node_kind = 'owner' AND {table}.node_key = :own AND :own <> ''", own=own)
    elif viewer.role is Role.MANAGER:
        teams = [str(team) for team in Reader(database, viewer).managed_teams]
        where.add(
            f"({table}.node_kind = 'team' AND {table}.node_key = ANY(:managed) "
            f"OR {table}.node_kind = 'owner' AND {table}.parent_key = ANY(:managed))",
            managed=teams,
        )
    elif viewer.role not in SEES_EVERYTHING:
        raise PermissionError(f"The role {viewer.role} may not read forecasts or calls.")
    return where


def _narrowed(where: Where, table: str, node_kind: NodeKind | None, node_key: str | None, currency: str | None) -> None:
    for name, value in (("node_kind", node_kind), ("node_key", node_key), ("currency", currency)):
        if value is not None:
            where.add(f"{table}.{name} = :{name}", **{name: value})


def _runs(database: Database, where: Where, most: str) -> list[ForecastRun]:
    organization_id = where.parameters["organization"]
    assert isinstance(organization_id, int)
    with database.as_app(organization_id) as connection:
        found = connection.execute(
            text(
                f"SELECT run_id, {', '.join(_RUN_COLUMNS)} FROM forecast_runs WHERE {where} "
                f"ORDER BY made_on DESC, run_id DESC {most}"
            ),
            where.parameters,
        )
        return [ForecastRun(**row) for row in found.mappings()]


def _frame(database: Database, viewer: Viewer, columns: dict[str, str], query: str, where: Where) -> pd.DataFrame:
    with database.as_app(viewer.organization_id) as connection:
        return tables.shaped(_executed(connection, query, where), columns)


def _executed(connection: Connection, query: str, where: Where) -> list[tuple[object, ...]]:
    return [tuple(row) for row in connection.execute(text(query), where.parameters)]
