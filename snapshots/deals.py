"""Deal records into versions, stage events and rollup changes.

A batch goes into two staging tables, one row per deal and one per version; links, deals, versions, stage events and raw
records follow from them in SQL. What can be done ahead of a page's transaction is done by `prepare`, on a thread of its
own while the page before is being stored: resolving ids, fingerprints, and the rows of deals that were never seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection, text

from adapters.records import Deal, DealField, DealStatus, Kind
from snapshots import bulk, rollups, takeover
from snapshots.batch import Batch
from snapshots.deal_rows import (
    ENTERS_AT_FIRST_SIGHT,
    ENTERS_LATER,
    NO_REFERENCES,
    STAGED_CLOSINGS,
    STAGED_CONTACTS,
    STAGED_DEALS,
    STAGED_VERSIONS,
    VERSION_COLUMNS,
    Content,
    DealRows,
    Facts,
    Present,
    References,
    StageFacts,
    contact_rows,
)
from snapshots.fingerprints import GONE, Said, said
from snapshots.timeline import State, states_of

_ENDING = ("open", "won", "lost", takeover.EARLIER)
"""What a deal is that can still be gone."""


@dataclass(frozen=True, slots=True)
class Staged:
    """Rows as COPY takes them. daily: what they add to the rollup."""

    deals: bytes = b""
    versions: bytes = b""
    closings: bytes = b""
    daily: bytes = b""
    contacts: Mapping[int, Sequence[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A page's deals, made ready ahead of its transaction.

    numbered: those that were never seen, with the ids they are to have; `ready` holds their rows, with days of the
    zone at that time.
    """

    said: Said[Deal]
    references: References
    stage_status: Mapping[str, DealStatus]
    numbered: Mapping[str, int]
    ready: Staged
    zone: str


def prepare(
    connection: Connection, batch: Batch, records: Sequence[Deal], stage_status: Mapping[str, DealStatus]
) -> Prepared:
    """stage_status: what a deal in a stage is, by external stage id; a stage that is not there counts as open."""
    page = said(records)
    references = _references(connection, batch, list(page.latest.values()))
    found = batch.links.find(connection, Kind.DEAL, page.latest)
    numbered = batch.links.number(connection, Kind.DEAL, [key for key in page.latest if key not in found])
    prepared = Prepared(page, references, stage_status, numbered, Staged(), batch.zone.key)
    return replace(prepared, ready=_never_seen(batch, prepared))


def _never_seen(batch: Batch, page: Prepared) -> Staged:
    rows = DealRows(page.references, batch.zone, batch.recorded_at)
    for key, deal_id in page.numbered.items():
        _first_sight(rows, batch, page, key, deal_id, is_linked=False)
    return _staged(rows)


def _first_sight(rows: DealRows, batch: Batch, page: Prepared, key: str, deal_id: int, *, is_linked: bool) -> None:
    record = page.said.latest[key]
    states = states_of(record, page.stage_status)
    if batch.since is not None:
        record, states = takeover.at_first_sight(record, states, batch.since)
    rows.first_sight(deal_id, record, page.said.hashes[key], page.said.raws.get(key), states, is_linked=is_linked)


def _what_counts(batch: Batch, page: Prepared, key: str, present: Present) -> tuple[Deal, list[State]]:
    """What the record says that counts; no states: nothing."""
    record = page.said.latest[key]
    states = states_of(record, page.stage_status)
    if batch.since is None:
        return record, states
    stages = page.references.stages
    return takeover.of_known(
        record, states, present, batch.since, lambda stage: stages[stage].stage_id if stage else None
    ) or (record, [])


def _staged(rows: DealRows) -> Staged:
    return Staged(
        deals=b"".join(rows.deals),
        versions=b"".join(rows.versions),
        closings=b"".join(rows.closings),
        daily=rows.deltas.deal_rows(),
        contacts=rows.contacts,
    )


def stage_status(connection: Connection, batch: Batch) -> dict[str, DealStatus]:
    """The status of every stage of this CRM connection, by external stage id."""
    rows = connection.execute(
        text(
            "SELECT l.external_id, s.status FROM external_links l JOIN stages s ON s.organization_id = :organization "
            "AND s.stage_id = l.entity_id WHERE l.organization_id = :organization AND l.connection_id = :connection "
            "AND l.kind = 'stage'"
        ),
        {"organization": batch.organization_id, "connection": batch.connection_id},
    )
    return {row.external_id: DealStatus(row.status) for row in rows}


def apply(connection: Connection, batch: Batch, page: Prepared) -> None:
    """Store what these records say; a record that says nothing new changes nothing."""
    # A merge in the page before may have given a number another meaning; then nothing that was made ready counts.
    ready = page.numbered if batch.links.are_unlinked(Kind.DEAL, page.numbered) else {}
    latest, hashes = page.said.latest, page.said.hashes
    ids = batch.links.find_unmerged(connection, Kind.DEAL, [key for key in latest if key not in ready])
    stored = _stored_hashes(connection, batch.organization_id, ids.values())
    new = [key for key, deal_id in ids.items() if stored.get(deal_id, 0) == 0]
    changed = [key for key, deal_id in ids.items() if stored.get(deal_id, 0) not in (0, hashes[key])]
    batch.tally.fetched += page.said.n
    batch.tally.new += len(ready) + len(new)
    batch.tally.changed += len(changed)
    batch.tally.unchanged += page.said.n - len(ready) - len(new) - len(changed)

    if ready:
        # The organization may have moved to another zone since its days were counted.
        is_of_this_zone = page.zone == batch.zone.key
        _write(connection, batch, page.ready if is_of_this_zone else _never_seen(batch, page))
        batch.links.now_linked(Kind.DEAL, ready)
    rows = DealRows(page.references, batch.zone, batch.recorded_at)
    for key in new:
        is_linked = not batch.links.are_unlinked(Kind.DEAL, {key: ids[key]})
        _first_sight(rows, batch, page, key, ids[key], is_linked=is_linked)
    presents = _presents(connection, batch.organization_id, [ids[key] for key in changed])
    for key in changed:
        deal_id, (record, states) = ids[key], _what_counts(batch, page, key, presents[ids[key]])
        rows.news(deal_id, record, hashes[key], page.said.raws.get(key), states, presents[deal_id])
    _write(connection, batch, _staged(rows))
    batch.links.now_linked(Kind.DEAL, new)


def retire(connection: Connection, batch: Batch, external_ids: Mapping[str, datetime | None], status: str) -> None:
    """These deals are gone from the CRM (deleted, archived, merged): they end, their past stays."""
    ids = batch.links.find_unmerged(connection, Kind.DEAL, external_ids)
    end(connection, batch, {deal_id: external_ids[external_id] for external_id, deal_id in ids.items()}, status)


def end(connection: Connection, batch: Batch, deal_ids: Mapping[int, datetime | None], status: str) -> None:
    """These deals of ours, by our ids, are no more from then on; None: from now on."""
    presents = _presents(connection, batch.organization_id, list(deal_ids))
    rows = DealRows(NO_REFERENCES, batch.zone, batch.recorded_at)
    retired = []
    for deal_id, at in deal_ids.items():
        present = presents.get(deal_id)
        if present is not None and present.content.status in _ENDING and not _is_settled(present, batch):
            rows.end(deal_id, present, at=_not_before(at or batch.recorded_at, batch), status=status)
            retired.append(deal_id)
    _write(connection, batch, _staged(rows))
    connection.execute(
        text(
            "UPDATE deals SET gone_at = :at, gone_reason = :status, content_hash = :gone "
            "WHERE organization_id = :organization AND deal_id = ANY(:ids)"
        ),
        {
            "at": batch.recorded_at,
            "status": status,
            "gone": GONE,
            "organization": batch.organization_id,
            "ids": retired,
        },
    )
    batch.tally.deleted += len(retired)


def _is_settled(present: Present, batch: Batch) -> bool:
    since = batch.since
    return since is not None and takeover.was_closed_before(present, since)


def _not_before(at: datetime, batch: Batch) -> datetime:
    """A CRM that took over says nothing of the time before it did."""
    return at if batch.since is None else max(at, batch.since)


def _references(connection: Connection, batch: Batch, records: Sequence[Deal]) -> References:
    refer = batch.links.refer
    stages = refer(connection, Kind.STAGE, _referred(records, DealField.STAGE, "stage_id"))
    return References(
        pipelines=refer(connection, Kind.PIPELINE, {record.pipeline_id for record in records}),
        stages=_stage_facts(connection, batch.organization_id, stages),
        owners=refer(connection, Kind.OWNER, _referred(records, DealField.OWNER, "owner_id")),
        companies=refer(connection, Kind.COMPANY, {record.company_id for record in records}),
        products=refer(connection, Kind.PRODUCT, {record.product_id for record in records}),
        contacts=refer(connection, Kind.CONTACT, {c for record in records for c in record.contact_ids}),
        default_currency=batch.default_currency,
    )


def _stage_facts(connection: Connection, organization_id: int, ids: Mapping[str, int]) -> dict[str, StageFacts]:
    rows = connection.execute(
        text("SELECT stage_id, pipeline_id FROM stages WHERE organization_id = :organization AND stage_id = ANY(:ids)"),
        {"organization": organization_id, "ids": list(ids.values())},
    )
    facts = {row.stage_id: StageFacts(row.stage_id, row.pipeline_id) for row in rows}
    return {external_id: facts[stage_id] for external_id, stage_id in ids.items()}


def _write(connection: Connection, batch: Batch, staged: Staged) -> None:
    """Turn staged rows into everything that follows from them."""
    if not staged.deals:
        return
    bulk.stage_ready(connection, "staged_deals", STAGED_DEALS, staged.deals)
    bulk.stage_ready(connection, "staged_versions", STAGED_VERSIONS, staged.versions)
    known = {"organization": batch.organization_id, "connection": batch.connection_id, "gone": GONE}
    for statement in (_LINKS, _NEW_DEALS, _KNOWN_DEALS):
        connection.execute(statement, known)
    if staged.closings:
        bulk.stage_ready(connection, "staged_closings", STAGED_CLOSINGS, staged.closings)
        connection.execute(_SUPERSEDE, known)
    for statement in (_VERSIONS, _FIRST_EVENTS, _LATER_EVENTS, _RAW):
        connection.execute(statement, known)
    rollups.add_deals(connection, batch.organization_id, staged.daily)
    _replace_contacts(connection, batch, staged.contacts)


def _replace_contacts(connection: Connection, batch: Batch, contacts: Mapping[int, Sequence[int]]) -> None:
    if not contacts:
        return
    known = {"organization": batch.organization_id}
    connection.execute(
        text("DELETE FROM deal_contacts WHERE organization_id = :organization AND deal_id = ANY(:ids)"),
        known | {"ids": list(contacts)},
    )
    bulk.stage_ready(connection, "staged_contacts", STAGED_CONTACTS, contact_rows(contacts))
    connection.execute(
        text(
            "INSERT INTO deal_contacts (organization_id, deal_id, contact_id) "
            "SELECT :organization, deal_id, contact_id FROM staged_contacts ON CONFLICT DO NOTHING"
        ),
        known,
    )


_LINKS = text(
    "INSERT INTO external_links (organization_id, connection_id, kind, external_id, entity_id) "
    "SELECT :organization, :connection, 'deal', external_id, deal_id FROM staged_deals WHERE NOT is_linked"
)
# Rows that can't be there yet are spared the look for one; it costs as much as the insert.
_NEW_DEALS = text(
    "INSERT INTO deals (organization_id, deal_id, name, content_hash, recorded_at) "
    "SELECT :organization, deal_id, name, content_hash, recorded_at FROM staged_deals WHERE NOT is_linked"
)
_KNOWN_DEALS = text(
    "INSERT INTO deals (organization_id, deal_id, name, content_hash, recorded_at) "
    "SELECT :organization, deal_id, name, content_hash, recorded_at FROM staged_deals "
    "WHERE is_linked AND content_hash <> :gone "
    "ON CONFLICT (organization_id, deal_id) DO UPDATE SET name = excluded.name, content_hash = excluded.content_hash, "
    "recorded_at = excluded.recorded_at, gone_at = NULL, gone_reason = NULL"
)
_SUPERSEDE = text(
    "UPDATE deal_versions v SET valid_to = c.valid_to, superseded_at = c.superseded_at FROM staged_closings c "
    "WHERE v.organization_id = :organization AND v.deal_id = c.deal_id AND v.valid_from = c.valid_from "
    "AND v.recorded_at = c.recorded_at"
)
_VERSIONS = text(
    f"INSERT INTO deal_versions (organization_id, {', '.join(VERSION_COLUMNS)}) "
    f"SELECT :organization, {', '.join(VERSION_COLUMNS)} FROM staged_versions"
)
_EVENTS = (
    "INSERT INTO stage_events (organization_id, deal_id, entered_at, stage_id, from_stage_id, pipeline_id, owner_id, "
    "is_observed, recorded_at) "
    "SELECT :organization, deal_id, stage_entered_at, stage_id, was_in, pipeline_id, owner_id, is_observed, "
    "recorded_at FROM staged_versions WHERE stage_entered_at > '-infinity' AND "
)
_FIRST_EVENTS = text(_EVENTS + f"enters = {ENTERS_AT_FIRST_SIGHT}")
_LATER_EVENTS = text(_EVENTS + f"enters = {ENTERS_LATER} ON CONFLICT DO NOTHING")
_RAW = text(
    "INSERT INTO raw_records (organization_id, kind, entity_key, recorded_at, raw) "
    "SELECT :organization, 'deal', deal_id::text, recorded_at, raw FROM staged_deals WHERE raw IS NOT NULL"
)


def _referred(records: Sequence[Deal], field: DealField, attribute: str) -> set[str | None]:
    found: set[str | None] = {getattr(record, attribute) for record in records}
    for record in records:
        for change in record.history:
            if change.field is field:
                found.add(change.value)  # type: ignore[arg-type]  # the value of a stage or owner change is an id
    return found


def _stored_hashes(connection: Connection, organization_id: int, deal_ids: Iterable[int]) -> dict[int, int]:
    wanted = list(deal_ids)
    if not wanted:
        return {}
    rows = connection.execute(
        text("SELECT deal_id, content_hash FROM deals WHERE organization_id = :organization AND deal_id = ANY(:ids)"),
        {"organization": organization_id, "ids": wanted},
    )
    return {row.deal_id: row.content_hash for row in rows}


def _presents(connection: Connection, organization_id: int, deal_ids: Sequence[int]) -> dict[int, Present]:
    """The version believed now of each deal."""
    if not deal_ids:
        return {}
    rows = connection.execute(
        text(
            "SELECT deal_id, nullif(valid_from, '-infinity'), recorded_at, "
            f"{', '.join((*Facts._fields, *Content._fields))} FROM deal_versions "
            "WHERE organization_id = :organization AND deal_id = ANY(:ids) AND superseded_at = 'infinity'"
        ),
        {"organization": organization_id, "ids": list(deal_ids)},
    )
    return {
        row[0]: Present(valid_from=row[1], recorded_at=row[2], facts=Facts(*row[3:9]), content=Content(*row[9:]))
        for row in rows
    }
