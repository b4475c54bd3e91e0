"""What people expect a team, an owner or all to bring in a period: their calls, beside the model's forecast.

Append-only: who changes his mind makes another call, and both are graded by what came. A manager calls his teams and
their owners; who may change settings calls anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

from snapshots.database import Database
from snapshots.forecasts import NodeKind, seen_by
from snapshots.reads import Reader
from snapshots.slices import Role, Viewer, Where

NOTE_LENGTH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """actual_minor: what came; None: not known yet. not_gradable: why it will never be known."""

    call_id: int
    made_by: str
    node_kind: NodeKind
    node_key: str
    first_day: date
    last_day: date
    amount_minor: int
    currency: str
    made_at: datetime
    note: str
    actual_minor: int | None
    graded_at: datetime | None
    not_gradable: str | None = None


def may_call(database: Database, viewer: Viewer, node_kind: str, node_key: str) -> bool:
    """Whether the viewer may say what he expects of this node."""
    if viewer.may_change_settings:
        return node_kind in {"total", "team", "owner"}
    if viewer.role is not Role.MANAGER:
        return False
    with database.as_app(viewer.organization_id) as connection:
        team = _team(connection, viewer.organization_id, node_kind, node_key)
    return team is not None and team in {str(one) for one in Reader(database, viewer).managed_teams}


def put_call(
    database: Database, viewer: Viewer, *, node_kind: NodeKind, node_key: str, first_day: date, last_day: date,
    amount_minor: int, currency: str, note: str = "", by: str, now: datetime, today: date,
) -> int:  # fmt: skip
    """Append a call. Returns its id. Raises PermissionError, and ValueError where the amount makes no sense, the period
    is over, nothing is called so, or the organization has no deal, rate or report in the currency."""
    if not may_call(database, viewer, node_kind, node_key):
        raise PermissionError("A call is made by who manages the team.")
    if first_day > last_day or last_day < today:
        raise ValueError("The period is over, or ends before it begins.")
    if amount_minor < 0:
        raise ValueError("Nobody can book less than nothing.")
    with database.as_app(viewer.organization_id) as connection:
        _demand_node(connection, viewer.organization_id, node_kind, node_key)
        _demand_currency(connection, viewer.organization_id, currency)
        known = {
            "organization": viewer.organization_id, "by": by, "kind": node_kind, "key": node_key, "first": first_day,
            "last": last_day, "amount": amount_minor, "currency": currency, "now": now, "note": note[:NOTE_LENGTH],
            "parent": _team(connection, viewer.organization_id, node_kind, node_key) if node_kind == "owner" else None,
        }  # fmt: skip
        return int(connection.execute(_PUT, known).scalar_one())


def calls(
    database: Database, viewer: Viewer, *, node_kind: NodeKind | None = None, node_key: str | None = None,
    first_day: date | None = None, last_day: date | None = None, until: datetime | None = None,
) -> list[Call]:  # fmt: skip
    """Those that the viewer may see, the newest first. first_day, last_day: of exactly this period. until: made before
    this instant."""
    where = seen_by(database, viewer, "c")
    for condition, value in (
        ("c.node_kind = :node_kind", node_kind), ("c.node_key = :node_key", node_key),
        ("c.first_day = :first_day", first_day), ("c.last_day = :last_day", last_day), ("c.made_at < :until", until),
    ):  # fmt: skip
        if value is not None:
            where.add(condition, **{condition.rpartition(":")[2]: value})
    return _read(database, viewer.organization_id, where)


def ungraded_calls(database: Database, organization_id: int, *, over_by: date) -> list[Call]:
    """Calls whose last day was before `over_by`, without those of which what came will never be known."""
    where = Where().add("c.organization_id = :organization", organization=organization_id)
    where.add("c.graded_at IS NULL AND c.not_gradable IS NULL AND c.last_day < :over_by", over_by=over_by)
    return _read(database, organization_id, where)


def team_then(database: Database, organization_id: int, call_id: int) -> str | None:
    """Of a call about an owner: the team in which he was."""
    with database.as_app(organization_id) as connection:
        found = connection.execute(
            text("SELECT parent_key FROM forecast_calls WHERE organization_id = :organization AND call_id = :call"),
            {"organization": organization_id, "call": call_id},
        ).scalar_one()
        return None if found is None else str(found)


def fill_in(database: Database, organization_id: int, came: dict[int, int], *, now: datetime) -> int:
    """What came, in minor units by call. One that is graded already stays. Returns how many were filled in."""
    if not came:
        return 0
    with database.as_app(organization_id) as connection:
        known = {"organization": organization_id, "calls": list(came), "actuals": list(came.values()), "now": now}
        return int(connection.execute(_GRADE, known).rowcount)


# --- how --------------------------------------------------------------------------------------------------------------

_PUT = text(
    "INSERT INTO forecast_calls (organization_id, made_by, node_kind, node_key, parent_key, first_day, last_day, "
    "amount_minor, currency, made_at, note) VALUES (:organization, :by, :kind, :key, :parent, :first, :last, :amount, "
    ":currency, :now, :note) RETURNING call_id"
)
_GRADE = text(
    "UPDATE forecast_calls c SET actual_minor = a.actual, graded_at = :now "
    "FROM unnest(cast(:calls AS bigint[]), cast(:actuals AS bigint[])) a (call_id, actual) "
    "WHERE c.organization_id = :organization AND c.call_id = a.call_id AND c.graded_at IS NULL "
    "AND c.not_gradable IS NULL"
)


def _demand_node(connection: Connection, organization_id: int, node_kind: str, node_key: str) -> None:
    if node_kind not in {"total", "team", "owner"}:
        raise ValueError("A call is of the organization, a team or an owner.")
    if node_kind == "total":
        if node_key:
            raise ValueError("The total has no key.")
        return
    is_there = node_key.isascii() and node_key.isdigit() and len(node_key) < 19 and connection.execute(
        text(
            f"SELECT EXISTS (SELECT FROM {node_kind}s WHERE organization_id = :organization AND {node_kind}_id = :key "
            "AND gone_reason IS DISTINCT FROM 'merged')"
        ),
        {"organization": organization_id, "key": int(node_key)},
    ).scalar_one()  # fmt: skip
    if not is_there:
        raise ValueError(f"There is no such {node_kind}.")


def _demand_currency(connection: Connection, organization_id: int, currency: str) -> None:
    is_known = connection.execute(
        text(
            "SELECT EXISTS (SELECT FROM organizations WHERE organization_id = :organization "
            "AND :currency IN (reporting_currency, default_currency)) "
            "OR EXISTS (SELECT FROM currency_rates WHERE organization_id = :organization "
            "AND :currency IN (currency, to_currency)) "
            "OR EXISTS (SELECT FROM deal_versions WHERE organization_id = :organization AND currency = :currency)"
        ),
        {"organization": organization_id, "currency": currency},
    ).scalar_one()
    if not is_known:
        raise ValueError(f"{currency or 'No currency'} is not among the organization's currencies.")


def _team(connection: Connection, organization_id: int, node_kind: str, node_key: str) -> str | None:
    if node_kind == "team":
        return node_key
    if node_kind != "owner" or not node_key.isdigit():
        return None
    found = connection.execute(
        text("SELECT team_id FROM owners WHERE organization_id = :organization AND owner_id = :owner"),
        {"organization": organization_id, "owner": int(node_key)},
    ).scalar_one_or_none()
    return None if found is None else str(found)


def _read(database: Database, organization_id: int, where: Where) -> list[Call]:
    with database.as_app(organization_id) as connection:
        found = connection.execute(
            text(
                "SELECT c.call_id, c.made_by, c.node_kind, c.node_key, c.first_day, c.last_day, c.amount_minor, "
                f"c.currency, c.made_at, c.note, c.actual_minor, c.graded_at, c.not_gradable FROM forecast_calls c "
                f"WHERE {where} ORDER BY c.made_at DESC, c.call_id DESC"
            ),
            where.parameters,
        )
        return [Call(**row) for row in found.mappings()]
