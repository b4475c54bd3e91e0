"""Objects that are kept in their present state: teams, owners, pipelines, stages, products, companies, contacts, leads.

Owners also get versions, so that a past day shows the name and the team of that day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, text

from adapters.records import Company, Contact, Kind, Lead, Owner, Pipeline, Product, Record, Stage, Team
from snapshots import bulk, recognition, schema
from snapshots.batch import Batch, pg_day
from snapshots.fingerprints import GONE, Said
from snapshots.links import TABLE_OF, id_column
from snapshots.raw import keep_raw

Row = tuple[object, ...]
NOT_TOLD = "another CRM tells of that time"


@dataclass(frozen=True, slots=True)
class Shape:
    """How a kind becomes a row: its columns, what it refers to, and the values in the order of the columns."""

    columns: tuple[str, ...]
    refers: Mapping[Kind, Callable[[Any], str | None]]
    values: Callable[[Any, Batch, Mapping[Kind, Mapping[str, int]]], Row]


Ids = Mapping[Kind, Mapping[str, int]]


def _ref(ids: Ids, kind: Kind, external_id: str | None) -> int | None:
    return None if external_id is None else ids[kind][external_id]


def _team(r: Team, _: Batch, ids: Ids) -> Row:
    return r.name, _ref(ids, Kind.OWNER, r.manager_id), r.manager_name, r.region


def _owner(r: Owner, _: Batch, ids: Ids) -> Row:
    return r.name, r.email, r.is_active, _ref(ids, Kind.TEAM, r.team_id)


def _pipeline(r: Pipeline, _: Batch, __: Ids) -> Row:
    return r.name, r.position


def _stage(r: Stage, _: Batch, ids: Ids) -> Row:
    return _ref(ids, Kind.PIPELINE, r.pipeline_id), r.name, r.position, r.probability, r.status.value


def _product(r: Product, batch: Batch, _: Ids) -> Row:
    return r.name, r.family, r.price_minor, _currency(r.price_minor, r.currency, batch)


def _company(r: Company, batch: Batch, ids: Ids) -> Row:
    return (
        r.name, r.domain, r.industry, r.country, r.employees, r.revenue_minor,
        _currency(r.revenue_minor, r.currency, batch), _ref(ids, Kind.OWNER, r.owner_id), r.created_at,
    )  # fmt: skip


def _contact(r: Contact, _: Batch, ids: Ids) -> Row:
    company_id, owner_id = _ref(ids, Kind.COMPANY, r.company_id), _ref(ids, Kind.OWNER, r.owner_id)
    return r.name, r.email, r.phone, company_id, owner_id, r.created_at


def _lead(r: Lead, batch: Batch, ids: Ids) -> Row:
    fields = orjson.dumps(dict(r.fields), default=str).decode() if r.fields is not None else None
    return (
        r.name, r.email, r.phone, r.company_name, _ref(ids, Kind.OWNER, r.owner_id), r.source, r.campaign, r.status,
        r.created_at, batch.day(r.created_at), r.converted, r.converted_at, _ref(ids, Kind.DEAL, r.deal_id), fields,
    )  # fmt: skip


def _currency(amount_minor: int | None, currency: str | None, batch: Batch) -> str | None:
    return (currency or batch.default_currency) if amount_minor is not None else None


SHAPES: Mapping[Kind, Shape] = {
    Kind.TEAM: Shape(("name", "manager_id", "manager_name", "region"), {Kind.OWNER: lambda r: r.manager_id}, _team),
    Kind.OWNER: Shape(("name", "email", "is_active", "team_id"), {Kind.TEAM: lambda r: r.team_id}, _owner),
    Kind.PIPELINE: Shape(("name", "position"), {}, _pipeline),
    Kind.STAGE: Shape(
        ("pipeline_id", "name", "position", "probability", "status"), {Kind.PIPELINE: lambda r: r.pipeline_id}, _stage
    ),
    Kind.PRODUCT: Shape(("name", "family", "price_minor", "currency"), {}, _product),
    Kind.COMPANY: Shape(
        ("name", "domain", "industry", "country", "employees", "revenue_minor", "currency", "owner_id", "created_at"),
        {Kind.OWNER: lambda r: r.owner_id},
        _company,
    ),
    Kind.CONTACT: Shape(
        ("name", "email", "phone", "company_id", "owner_id", "created_at"),
        {Kind.COMPANY: lambda r: r.company_id, Kind.OWNER: lambda r: r.owner_id},
        _contact,
    ),
    Kind.LEAD: Shape(
        (
            "name", "email", "phone", "company_name", "owner_id", "source", "campaign", "status", "created_at",
            "created_day", "converted", "converted_at", "deal_id", "fields",
        ),
        {Kind.OWNER: lambda r: r.owner_id, Kind.DEAL: lambda r: r.deal_id},
        _lead,
    ),
}  # fmt: skip


def apply(connection: Connection, batch: Batch, kind: Kind, page: Said[Any]) -> None:
    """Store what these records say now; rows that say the same already are left untouched."""
    ids = batch.links.find(connection, kind, page.latest)
    latest = {key: record for key, record in page.latest.items() if not batch.links.is_merged(kind, key)}
    stored = _stored_hashes(connection, batch, kind, list(ids.values()))
    new = [key for key in latest if stored.get(ids.get(key, -1), 0) == 0]
    changed = [key for key in latest if stored.get(ids.get(key, -1), 0) not in (0, page.hashes[key])]
    if kind is Kind.LEAD:
        settled = _settled_leads(connection, batch, [ids[key] for key in changed])
        changed = [key for key in changed if ids[key] not in settled]
    batch.tally.fetched += page.n
    batch.tally.new += len(new)
    batch.tally.changed += len(changed)
    batch.tally.unchanged += page.n - len(new) - len(changed)
    touched = [*new, *changed]
    if not touched:
        return
    if batch.since is not None:
        ids |= recognition.adopt(connection, batch, kind, {key: latest[key] for key in new if key not in ids})
    ids |= batch.links.add(connection, kind, [key for key in new if key not in ids])
    if kind is Kind.LEAD:
        _count_leads(connection, batch, [ids[key] for key in changed], -1)
    teams = _kept_teams(connection, batch, [ids[key] for key in touched]) if kind is Kind.OWNER else {}
    _write(connection, batch, kind, {key: latest[key] for key in touched}, ids, page.hashes, teams)
    if kind is Kind.OWNER:
        _owner_versions(connection, batch, [(latest[key], ids[key]) for key in touched], teams)
    if kind is Kind.LEAD:
        _count_leads(connection, batch, [ids[key] for key in touched], 1)
    keep_raw(connection, batch, kind, [(str(ids[key]), page.raws[key]) for key in touched if key in page.raws])


def retire(connection: Connection, batch: Batch, kind: Kind, external_ids: Sequence[str], reason: str) -> None:
    """These objects are gone from the CRM; what points to them keeps its name."""
    ids = list(batch.links.find_unmerged(connection, kind, external_ids).values())
    if kind is Kind.LEAD:
        ids = sorted({*ids} - _settled_leads(connection, batch, ids))
        _count_leads(connection, batch, ids, -1)
    result = connection.execute(
        text(
            f"UPDATE {TABLE_OF[kind].name} SET gone_at = :at, gone_reason = :reason, content_hash = :gone "
            f"WHERE organization_id = :organization AND {id_column(kind)} = ANY(:ids) AND gone_at IS NULL"
        ),
        {"at": batch.recorded_at, "reason": reason, "gone": GONE, "organization": batch.organization_id, "ids": ids},
    )
    batch.tally.deleted += result.rowcount


def _write(
    connection: Connection,
    batch: Batch,
    kind: Kind,
    records: Mapping[str, Record],
    ids: Mapping[str, int],
    hashes: Mapping[str, int],
    teams: Mapping[int, int],
) -> None:
    """teams: of owners of whom the CRM names none, by our ids."""
    shape = SHAPES[kind]
    referred = {
        other: batch.links.refer(connection, other, (pick(record) for record in records.values()))
        for other, pick in shape.refers.items()
    }
    columns = (
        "organization_id", id_column(kind), *shape.columns, "content_hash", "recorded_at", "gone_at", "gone_reason"
    )  # fmt: skip
    rows = [
        (
            batch.organization_id,
            ids[key],
            *_with_team(shape.values(record, batch, referred), teams.get(ids[key])),
            hashes[key],
            batch.recorded_at,
            *_not_told(record, batch),
        )
        for key, record in records.items()
    ]
    bulk.upsert(connection, TABLE_OF[kind], columns, rows)


def _kept_teams(connection: Connection, batch: Batch, owner_ids: Sequence[int]) -> dict[int, int]:
    """Where a CRM took over that has no teams, people stay in those that they were in."""
    if batch.since is None:
        return {}
    rows = connection.execute(
        text(
            "SELECT owner_id, team_id FROM owners WHERE organization_id = :organization AND owner_id = ANY(:ids) "
            "AND team_id IS NOT NULL AND NOT EXISTS (SELECT FROM external_links WHERE organization_id = :organization "
            "AND connection_id = :connection AND kind = 'team')"
        ),
        {"organization": batch.organization_id, "connection": batch.connection_id, "ids": list(owner_ids)},
    )
    return {row.owner_id: row.team_id for row in rows}


def _with_team(values: Row, team_id: int | None) -> Row:
    """An owner's values end with the team."""
    return values if team_id is None or values[-1] is not None else (*values[:-1], team_id)


def _not_told(record: Record, batch: Batch) -> tuple[datetime | None, str | None]:
    """gone_at, gone_reason: a lead of the time that another CRM tells of is kept and counts not."""
    if isinstance(record, Lead) and not batch.counts(record.created_at):
        return batch.recorded_at, NOT_TOLD
    return None, None


def _stored_hashes(connection: Connection, batch: Batch, kind: Kind, ids: Sequence[int]) -> dict[int, int]:
    if not ids:
        return {}
    rows = connection.execute(
        text(
            f"SELECT {id_column(kind)}, content_hash FROM {TABLE_OF[kind].name} "
            f"WHERE organization_id = :organization AND {id_column(kind)} = ANY(:ids)"
        ),
        {"organization": batch.organization_id, "ids": list(ids)},
    )
    return {row[0]: row[1] for row in rows}


def _count_leads(connection: Connection, batch: Batch, lead_ids: Sequence[int], sign: int) -> None:
    """Add to the rollup what these leads stand for as they are stored at this moment."""
    rows = connection.execute(
        text(
            "SELECT created_day, owner_id, source, converted FROM leads WHERE organization_id = :organization "
            "AND lead_id = ANY(:ids) AND gone_at IS NULL AND content_hash <> 0"
        ),
        {"organization": batch.organization_id, "ids": list(lead_ids)},
    )
    for row in rows:
        batch.deltas.lead(pg_day(row.created_day), row.owner_id or 0, row.source or "", row.converted, sign)


def _settled_leads(connection: Connection, batch: Batch, lead_ids: Sequence[int]) -> set[int]:
    """Those that count on days before this CRM took over: it told of them once, and they stay as they were."""
    if batch.since is None or not lead_ids:
        return set()
    rows = connection.execute(
        text(
            "SELECT lead_id FROM leads WHERE organization_id = :organization AND lead_id = ANY(:ids) "
            "AND gone_at IS NULL AND content_hash <> 0 AND coalesce(created_at, '-infinity') < :since"
        ),
        {"organization": batch.organization_id, "ids": list(lead_ids), "since": batch.since},
    )
    return {row.lead_id for row in rows}


_VERSION_COLUMNS = (
    "organization_id", "owner_id", "valid_from", "recorded_at", "valid_to", "superseded_at", "is_observed", "name",
    "email", "is_active", "team_id",
)  # fmt: skip


def _owner_versions(
    connection: Connection, batch: Batch, owners: Sequence[tuple[Owner, int]], kept: Mapping[int, int]
) -> None:
    """kept: teams of owners of whom the CRM names none."""
    teams = batch.links.refer(connection, Kind.TEAM, (owner.team_id for owner, _ in owners))
    presents = {
        row.owner_id: row
        for row in connection.execute(
            text(
                "SELECT owner_id, nullif(valid_from, '-infinity') AS valid_from, recorded_at FROM owner_versions "
                "WHERE organization_id = :organization AND owner_id = ANY(:ids) AND superseded_at = 'infinity'"
            ),
            {"organization": batch.organization_id, "ids": [owner_id for _, owner_id in owners]},
        )
    }
    rows = []
    for owner, owner_id in owners:
        present = presents.get(owner_id)
        recorded_at, since = batch.recorded_at, _since(owner, batch)
        if present is not None:
            recorded_at = max(recorded_at, present.recorded_at + timedelta(microseconds=1))
            since = _starts(since, present.valid_from, recorded_at)
            _end_version(connection, batch, owner_id, since or present.valid_from, recorded_at)
        rows.append(
            (
                batch.organization_id, owner_id, since or "-infinity", recorded_at, "infinity", "infinity",
                True, owner.name, owner.email, owner.is_active,
                _ref({Kind.TEAM: teams}, Kind.TEAM, owner.team_id) or kept.get(owner_id),
            )
        )  # fmt: skip
    bulk.insert(connection, schema.owner_versions, _VERSION_COLUMNS, rows)


def _since(owner: Owner, batch: Batch) -> datetime | None:
    """A CRM that took over says nothing of the time before it did."""
    took_over = batch.since
    return owner.since if took_over is None else max(owner.since or took_over, took_over)


def _starts(since: datetime | None, known_from: datetime | None, recorded_at: datetime) -> datetime:
    """When a change of an owner took effect: as dated by the CRM where that is later than what we knew, else now; but
    not before what it replaces, which may have been announced for a day to come."""
    if since is not None and (known_from is None or since > known_from):
        return since
    return recorded_at if known_from is None else max(recorded_at, known_from)


def _end_version(connection: Connection, batch: Batch, owner_id: int, at: datetime, recorded_at: datetime) -> None:
    connection.execute(
        text(
            "UPDATE owner_versions SET valid_to = :at, superseded_at = :recorded WHERE organization_id = :organization "
            "AND owner_id = :owner AND superseded_at = 'infinity'"
        ),
        {"at": at, "recorded": recorded_at, "organization": batch.organization_id, "owner": owner_id},
    )
