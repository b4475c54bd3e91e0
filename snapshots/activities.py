"""Activity records into rows, counted by day, owner and kind in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

from adapters.records import Activity, Kind
from snapshots import bulk, schema
from snapshots.batch import Batch, pg_day
from snapshots.fingerprints import GONE, Said
from snapshots.raw import keep_raw
from snapshots.rollups import NOT_COUNTED_OUTCOME

_COLUMNS = (
    "organization_id", "connection_id", "external_id", "kind", "owner_id", "occurred_at", "day", "direction", "outcome",
    "duration_s", "deal_id", "contact_id", "company_id", "lead_id", "subject", "content_hash", "recorded_at", "gone_at",
)  # fmt: skip


def apply(connection: Connection, batch: Batch, page: Said[Activity]) -> None:
    """Store what these records say; rows that say the same already are left untouched. What happened while another
    CRM told of it is kept and counts not."""
    stored = _stored_hashes(connection, batch, list(page.latest))
    new = [key for key in page.latest if key not in stored]
    changed = [key for key, hash_ in page.hashes.items() if key in stored and stored[key] != hash_]
    changed = _unsettled(connection, batch, changed)
    batch.tally.fetched += page.n
    batch.tally.new += len(new)
    batch.tally.changed += len(changed)
    batch.tally.unchanged += page.n - len(new) - len(changed)
    touched = {key: page.latest[key] for key in (*new, *changed)}
    if not touched:
        return
    _uncount(connection, batch, changed)
    rows = _rows(connection, batch, touched, page.hashes)
    for row in rows:
        if row[-1] is None and (row[8] or "").lower() != NOT_COUNTED_OUTCOME:  # type: ignore[attr-defined]
            batch.deltas.activity(pg_day(row[6]), row[4] or 0, row[3], 1)  # type: ignore[arg-type]
    bulk.upsert(connection, schema.activities, _COLUMNS, rows)
    raws = [(f"{batch.connection_id}:{key}", page.raws[key]) for key in touched if key in page.raws]
    keep_raw(connection, batch, Kind.ACTIVITY, raws)


def retire(connection: Connection, batch: Batch, external_ids: Sequence[str]) -> None:
    """These activities are gone from the CRM and count no longer."""
    ids = _unsettled(connection, batch, external_ids)
    _uncount(connection, batch, ids)
    result = connection.execute(
        text(
            "UPDATE activities SET gone_at = :at, content_hash = :gone WHERE organization_id = :organization "
            "AND connection_id = :connection AND external_id = ANY(:ids) AND gone_at IS NULL"
        ),
        {"at": batch.recorded_at, "gone": GONE, **_which(batch, ids)},
    )
    batch.tally.deleted += result.rowcount


def _rows(
    connection: Connection, batch: Batch, records: Mapping[str, Activity], hashes: Mapping[str, int]
) -> list[tuple[object, ...]]:
    def refer(kind: Kind, attribute: str) -> Mapping[str | None, int]:
        return batch.links.refer(connection, kind, (getattr(record, attribute) for record in records.values()))  # type: ignore[return-value]

    owners, deals = refer(Kind.OWNER, "owner_id"), refer(Kind.DEAL, "deal_id")
    contacts, companies = refer(Kind.CONTACT, "contact_id"), refer(Kind.COMPANY, "company_id")
    leads = refer(Kind.LEAD, "lead_id")
    return [
        (
            batch.organization_id, batch.connection_id, key, r.kind.value, owners.get(r.owner_id), r.occurred_at,
            batch.day(r.occurred_at), r.direction, r.outcome, r.duration_s, deals.get(r.deal_id),
            contacts.get(r.contact_id), companies.get(r.company_id), leads.get(r.lead_id), r.subject, hashes[key],
            batch.recorded_at, None if batch.counts(r.occurred_at) else batch.recorded_at,
        )
        for key, r in records.items()
    ]  # fmt: skip


def _uncount(connection: Connection, batch: Batch, external_ids: Sequence[str]) -> None:
    """Take back what these activities, as stored, contribute to the rollup."""
    if not external_ids:
        return
    rows = connection.execute(
        text(
            "SELECT day, owner_id, kind, outcome FROM activities WHERE organization_id = :organization "
            "AND connection_id = :connection AND external_id = ANY(:ids) AND gone_at IS NULL"
        ),
        _which(batch, external_ids),
    )
    for row in rows:
        if (row.outcome or "").lower() != NOT_COUNTED_OUTCOME:
            batch.deltas.activity(pg_day(row.day), row.owner_id or 0, row.kind, -1)


def _unsettled(connection: Connection, batch: Batch, external_ids: Sequence[str]) -> list[str]:
    """Those that may still change: what counts on days before this CRM took over, for it told of them once, stays."""
    if batch.since is None or not external_ids:
        return list(external_ids)
    rows = connection.execute(
        text(
            "SELECT external_id FROM activities WHERE organization_id = :organization "
            "AND connection_id = :connection AND external_id = ANY(:ids) AND gone_at IS NULL "
            "AND coalesce(occurred_at, '-infinity') < :since"
        ),
        _which(batch, external_ids) | {"since": batch.since},
    )
    settled = {row.external_id for row in rows}
    return [one for one in external_ids if one not in settled]


def _stored_hashes(connection: Connection, batch: Batch, external_ids: Sequence[str]) -> dict[str, int]:
    rows = connection.execute(
        text(
            "SELECT external_id, content_hash FROM activities WHERE organization_id = :organization "
            "AND connection_id = :connection AND external_id = ANY(:ids)"
        ),
        _which(batch, external_ids),
    )
    return {row.external_id: row.content_hash for row in rows}


def _which(batch: Batch, external_ids: Sequence[str]) -> dict[str, object]:
    return {"organization": batch.organization_id, "connection": batch.connection_id, "ids": list(external_ids)}
