"""Deal records into versions, stage events and rollup changes.

A batch goes into two staging tables, one row per deal and one per version; everything else follows from them in SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from sqlalchemy import Connection, text

from adapters.records import Deal, DealField, DealStatus, Kind
from snapshots import bulk, rollups
from snapshots.batch import GONE, Batch, content_hash, pg_time
from snapshots.timeline import BEGINNING, State, states_of

_TICK = timedelta(microseconds=1)
_FOREVER = "infinity"
_LIVE = ("open", "won", "lost")

_STAGED_DEALS = {
    "deal_id": "bigint", "external_id": "text", "is_linked": "boolean", "is_changed": "boolean", "name": "text",
    "content_hash": "bigint", "recorded_at": "timestamptz", "company_id": "bigint",
    "product_id": "bigint", "source": "text", "campaign": "text", "created_at": "timestamptz", "raw": "jsonb",
}  # fmt: skip
# counts: what of a version the rollup has to add on its first day and to take back on its last (see `rollups`).
# enters: the deal enters the stage with this version, out of `was_in`.
_STAGED_VERSIONS = {
    "deal_id": "bigint", "valid_from": "timestamptz", "valid_to": "timestamptz", "is_last": "boolean",
    "counts": "smallint", "enters": "boolean", "was_in": "bigint",
    "status": "text", "pipeline_id": "bigint", "stage_id": "bigint", "stage_entered_at": "timestamptz",
    "owner_id": "bigint", "amount_minor": "bigint", "currency": "text", "close_on": "date", "closed_at": "timestamptz",
}  # fmt: skip
_STAGED_CLOSINGS = {
    "deal_id": "bigint", "valid_from": "timestamptz", "recorded_at": "timestamptz", "valid_to": "timestamptz",
    "superseded_at": "timestamptz",
}  # fmt: skip


_STATE = list(_STAGED_VERSIONS).index("status")
_STATUS, _PIPELINE, _STAGE, _STAGE_ENTERED, _OWNER = range(5)
"""Places in a version's values from `status` on."""


@dataclass(frozen=True, slots=True)
class StageFacts:
    stage_id: int
    pipeline_id: int | None


@dataclass(frozen=True, slots=True)
class Present:
    """The version that is believed now. valid_from None: since before the data begin."""

    valid_from: datetime | None
    recorded_at: datetime
    state: tuple[object, ...]
    """Values of _STAGED_VERSIONS from `status` on."""
    facts: tuple[object, ...]
    """company_id, product_id, source, campaign, created_at."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What can be told of records without the database, by external id: so that another thread may do it."""

    hashes: Mapping[str, int]
    states: Mapping[str, list[State]]


def prepare(records: Sequence[Deal], stage_status: Mapping[str, DealStatus]) -> Prepared:
    """stage_status: what a deal in a stage is, by external stage id; a stage that is not there counts as open."""
    latest = {record.external_id: record for record in records}
    return Prepared(
        hashes={key: content_hash(record) for key, record in latest.items()},
        states={key: states_of(record, stage_status) for key, record in latest.items()},
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


def apply(connection: Connection, batch: Batch, records: Sequence[Deal], prepared: Prepared) -> None:
    """Store what these records say; a record that says nothing new changes nothing."""
    latest = {record.external_id: record for record in records}
    given = prepared.hashes
    ids = batch.links.find(connection, Kind.DEAL, latest)
    stored = _stored_hashes(connection, batch.organization_id, ids.values())
    new = {key: record for key, record in latest.items() if stored.get(ids.get(key, -1), 0) == 0}
    changed = {key: record for key, record in latest.items() if stored.get(ids.get(key, -1), 0) not in (0, given[key])}
    batch.tally.fetched += len(records)
    batch.tally.new += len(new)
    batch.tally.changed += len(changed)
    batch.tally.unchanged += len(records) - len(new) - len(changed)
    if not new and not changed:
        return
    linked = ids
    ids = ids | batch.links.number(connection, Kind.DEAL, [key for key in new if key not in ids])
    writer = _Writer(connection, batch, [*new.values(), *changed.values()])
    for key, record in new.items():
        writer.first_sight(ids[key], record, prepared, is_linked=key in linked)
    presents = _presents(connection, batch.organization_id, [ids[key] for key in changed])
    for key, record in changed.items():
        writer.news(ids[key], record, prepared, presents[ids[key]])
    writer.flush()


def retire(connection: Connection, batch: Batch, external_ids: Mapping[str, datetime | None], status: str) -> None:
    """These deals are gone from the CRM (deleted, archived, merged): they end, their past stays."""
    ids = batch.links.find(connection, Kind.DEAL, external_ids)
    presents = _presents(connection, batch.organization_id, list(ids.values()))
    writer = _Writer(connection, batch, ())
    retired = []
    for external_id, deal_id in ids.items():
        present = presents.get(deal_id)
        if present is not None and present.state[0] in _LIVE:
            writer.end(deal_id, external_id, present, at=external_ids[external_id] or batch.recorded_at, status=status)
            retired.append(deal_id)
    writer.flush()
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


class _Writer:
    """Turns records into staged rows, and staged rows into everything that follows from them."""

    def __init__(self, connection: Connection, batch: Batch, records: Sequence[Deal]) -> None:
        self.connection, self.batch = connection, batch
        self.deals: list[tuple[object, ...]] = []
        self.versions: list[tuple[object, ...]] = []
        self.closings: list[tuple[object, ...]] = []
        self.contact_ids: dict[int, list[int]] = {}
        refer = batch.links.refer
        self.pipelines = refer(connection, Kind.PIPELINE, {record.pipeline_id for record in records})
        self.owners = refer(connection, Kind.OWNER, _referred(records, DealField.OWNER, "owner_id"))
        self.companies = refer(connection, Kind.COMPANY, {record.company_id for record in records})
        self.products = refer(connection, Kind.PRODUCT, {record.product_id for record in records})
        self.contacts = refer(connection, Kind.CONTACT, {c for record in records for c in record.contact_ids})
        self.stages = self._stages(_referred(records, DealField.STAGE, "stage_id"))

    def first_sight(self, deal_id: int, record: Deal, prepared: Prepared, *, is_linked: bool) -> None:
        states, hash_ = prepared.states[record.external_id], prepared.hashes[record.external_id]
        self._deal(deal_id, record, hash_, self.batch.recorded_at, is_linked=is_linked, is_changed=False)
        self._append(deal_id, record, states, was_in=None)

    def news(self, deal_id: int, record: Deal, prepared: Prepared, present: Present) -> None:
        """A record that differs from the stored one: what it adds after the version believed now, or a correction."""
        recorded_at = max(self.batch.recorded_at, present.recorded_at + _TICK)
        was_in = present.state[_STAGE]
        states, hash_ = prepared.states[record.external_id], prepared.hashes[record.external_id]
        self._deal(deal_id, record, hash_, recorded_at, is_linked=True, is_changed=True)
        known_from = present.valid_from or BEGINNING
        later = [state for state in states if state.since > known_from]
        if not later:
            last = states[-1]
            if self._state(record, last)[_STAGE] == was_in:
                last.stage_entered_at = present.state[_STAGE_ENTERED]  # type: ignore[assignment]
            if self._state(record, last) == present.state and self._facts(record) == present.facts:
                return
            # Where nothing later is dated, a change of the present state is dated by the record itself.
            last.since = max(record.modified_at or self.batch.recorded_at, known_from)
            later = [last]
        self._close(deal_id, present, later[0].since, recorded_at)
        self._append(deal_id, record, later, was_in=was_in)

    def end(self, deal_id: int, external_id: str, present: Present, *, at: datetime, status: str) -> None:
        recorded_at = max(self.batch.recorded_at, present.recorded_at + _TICK)
        at = max(at, present.valid_from or at)
        self.deals.append((deal_id, external_id, True, True, None, GONE, recorded_at, *present.facts, None))
        self._close(deal_id, present, at, recorded_at)
        self.versions.append((deal_id, at, _FOREVER, True, 0, False, None, status, *present.state[1:]))

    def flush(self) -> None:
        if not self.deals:
            return
        bulk.stage_as(self.connection, "staged_deals", _STAGED_DEALS, self.deals)
        bulk.stage_as(self.connection, "staged_versions", _STAGED_VERSIONS, self.versions)
        bulk.stage_as(self.connection, "staged_closings", _STAGED_CLOSINGS, self.closings)
        known = {
            "organization": self.batch.organization_id,
            "connection": self.batch.connection_id,
            "zone": self.batch.zone.key,
            "gone": GONE,
        }
        for statement in (_LINKS, _DEALS, *((_SUPERSEDE,) if self.closings else ()), _VERSIONS, _EVENTS, _RAW):
            self.connection.execute(statement, known)
        rollups.add_deals(self.connection, known)
        self._replace_contacts()

    # --- rows ---

    def _stages(self, external_ids: Iterable[str | None]) -> dict[str, StageFacts]:
        ids = self.batch.links.refer(self.connection, Kind.STAGE, external_ids)
        rows = self.connection.execute(
            text(
                "SELECT stage_id, pipeline_id FROM stages "
                "WHERE organization_id = :organization AND stage_id = ANY(:ids)"
            ),
            {"organization": self.batch.organization_id, "ids": list(ids.values())},
        )
        facts = {row.stage_id: StageFacts(row.stage_id, row.pipeline_id) for row in rows}
        return {external_id: facts[stage_id] for external_id, stage_id in ids.items()}

    def _deal(
        self,
        deal_id: int,
        record: Deal,
        hash_: int,
        recorded_at: datetime,
        *,
        is_linked: bool,
        is_changed: bool,
    ) -> None:
        raw = orjson.dumps(record.raw, default=str).decode() if record.raw is not None else None
        self.deals.append(
            (
                deal_id, record.external_id, is_linked, is_changed, record.name, hash_, recorded_at,
                *self._facts(record), raw,
            )
        )  # fmt: skip
        if record.contact_ids or is_changed:
            self.contact_ids[deal_id] = [self.contacts[contact] for contact in dict.fromkeys(record.contact_ids)]

    def _facts(self, record: Deal) -> tuple[object, ...]:
        return (
            self.companies[record.company_id] if record.company_id is not None else None,
            self.products[record.product_id] if record.product_id is not None else None,
            record.source,
            record.campaign,
            record.created_at,
        )

    def _state(self, record: Deal, state: State) -> tuple[object, ...]:
        """Values of _STAGED_VERSIONS from `status` on."""
        stage = self.stages[state.stage_id] if state.stage_id is not None else None
        pipeline_id = self.pipelines[record.pipeline_id] if record.pipeline_id is not None else None
        if stage is not None and stage.pipeline_id is not None:
            pipeline_id = stage.pipeline_id
        amount_minor = state.amount_minor
        return (
            state.status,
            pipeline_id,
            stage.stage_id if stage is not None else None,
            state.stage_entered_at,
            self.owners[state.owner_id] if state.owner_id is not None else None,
            amount_minor,
            (state.currency or self.batch.default_currency) if amount_minor is not None else None,
            state.close_on,
            state.closed_at,
        )

    def _append(self, deal_id: int, record: Deal, states: Sequence[State], *, was_in: object) -> None:
        starts: list[str | datetime] = [pg_time(state.since) for state in states]
        ends = [*starts[1:], _FOREVER]
        contents = [self._state(record, state) for state in states]
        counts = _counts(contents)
        last = len(states) - 1
        for number, content in enumerate(contents):
            stage = content[_STAGE]
            enters = stage is not None and stage != was_in and content[_STAGE_ENTERED] is not None
            self.versions.append(
                (deal_id, starts[number], ends[number], number == last, counts[number], enters, was_in, *content)
            )
            was_in = stage if stage is not None else was_in

    def _close(self, deal_id: int, present: Present, valid_to: datetime, recorded_at: datetime) -> None:
        valid_from = present.valid_from if present.valid_from is not None else "-infinity"
        self.closings.append((deal_id, valid_from, present.recorded_at, pg_time(valid_to), recorded_at))

    def _replace_contacts(self) -> None:
        if not self.contact_ids:
            return
        known = {"organization": self.batch.organization_id}
        self.connection.execute(
            text("DELETE FROM deal_contacts WHERE organization_id = :organization AND deal_id = ANY(:ids)"),
            known | {"ids": list(self.contact_ids)},
        )
        pairs = [(deal_id, contact) for deal_id, contacts in self.contact_ids.items() for contact in contacts]
        bulk.stage_as(self.connection, "staged_contacts", {"deal_id": "bigint", "contact_id": "bigint"}, pairs)
        self.connection.execute(
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
_DEALS = text(
    "INSERT INTO deals (organization_id, deal_id, name, content_hash, recorded_at) "
    "SELECT :organization, deal_id, name, content_hash, recorded_at FROM staged_deals WHERE content_hash <> :gone "
    "ON CONFLICT (organization_id, deal_id) DO UPDATE SET name = excluded.name, content_hash = excluded.content_hash, "
    "recorded_at = excluded.recorded_at, gone_at = NULL, gone_reason = NULL"
)
_SUPERSEDE = text(
    "UPDATE deal_versions v SET valid_to = c.valid_to, superseded_at = c.superseded_at FROM staged_closings c "
    "WHERE v.organization_id = :organization AND v.deal_id = c.deal_id AND v.valid_from = c.valid_from "
    "AND v.recorded_at = c.recorded_at"
)
# What is only reconstructed was never believed to be the present: it is superseded as soon as it is recorded.
_VERSIONS = text(
    "INSERT INTO deal_versions (organization_id, deal_id, valid_from, recorded_at, valid_to, superseded_at, "
    "is_observed, status, pipeline_id, stage_id, stage_entered_at, owner_id, company_id, product_id, source, "
    "campaign, amount_minor, currency, close_on, created_at, created_day, closed_at, closed_day) "
    "SELECT :organization, v.deal_id, v.valid_from, d.recorded_at, v.valid_to, "
    "CASE WHEN v.is_last THEN 'infinity' ELSE d.recorded_at END, v.is_last, v.status, v.pipeline_id, v.stage_id, "
    "v.stage_entered_at, v.owner_id, d.company_id, d.product_id, d.source, d.campaign, v.amount_minor, v.currency, "
    "v.close_on, d.created_at, (d.created_at AT TIME ZONE :zone)::date, v.closed_at, "
    "(v.closed_at AT TIME ZONE :zone)::date FROM staged_versions v JOIN staged_deals d USING (deal_id)"
)
_EVENTS = text(
    "INSERT INTO stage_events (organization_id, deal_id, entered_at, stage_id, from_stage_id, pipeline_id, owner_id, "
    "is_observed, recorded_at) "
    "SELECT :organization, v.deal_id, v.stage_entered_at, v.stage_id, v.was_in, v.pipeline_id, v.owner_id, v.is_last, "
    "d.recorded_at FROM staged_versions v JOIN staged_deals d USING (deal_id) "
    "WHERE v.enters AND v.stage_entered_at > '-infinity' ON CONFLICT DO NOTHING"
)
_RAW = text(
    "INSERT INTO raw_records (organization_id, kind, entity_key, recorded_at, raw) "
    "SELECT :organization, 'deal', deal_id::text, recorded_at, raw FROM staged_deals WHERE raw IS NOT NULL"
)


def _counts(contents: Sequence[tuple[object, ...]]) -> list[int]:
    """The marks of consecutive versions of one deal, the first of which follows nothing that counts."""
    marks = [0] * len(contents)
    created: tuple[object, ...] | None = None
    closed: tuple[object, ...] | None = None
    for number, content in enumerate(contents):
        now_created = (content[_PIPELINE], content[_OWNER])
        now_closed = content[:2] + content[_OWNER:] if content[_STATUS] != "open" else None
        if now_created != created:
            marks[number] |= rollups.ADDS_CREATED
            if number:
                marks[number - 1] |= rollups.TAKES_CREATED
        if now_closed != closed:
            marks[number] |= rollups.ADDS_CLOSED
            if number:
                marks[number - 1] |= rollups.TAKES_CLOSED
        created, closed = now_created, now_closed
    return marks


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
    state = ", ".join(list(_STAGED_VERSIONS)[_STATE:])
    rows = connection.execute(
        text(
            "SELECT deal_id, nullif(valid_from, '-infinity'), recorded_at, company_id, product_id, source, campaign, "
            f"created_at, {state} FROM deal_versions "
            "WHERE organization_id = :organization AND deal_id = ANY(:ids) AND superseded_at = 'infinity'"
        ),
        {"organization": organization_id, "ids": list(deal_ids)},
    )
    return {
        row[0]: Present(valid_from=row[1], recorded_at=row[2], facts=tuple(row[3:8]), state=tuple(row[8:]))
        for row in rows
    }
