"""Deal records into versions, stage events and rollup changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, text

from adapters.records import Deal, DealStatus, Kind
from snapshots import bulk, schema
from snapshots.batch import Batch, content_hash, pg_day, pg_time
from snapshots.raw import keep_raw
from snapshots.timeline import BEGINNING, State, states_of

VERSION_COLUMNS = (
    "organization_id", "deal_id", "valid_from", "recorded_at", "valid_to", "superseded_at", "is_observed", "status",
    "pipeline_id", "stage_id", "stage_entered_at", "owner_id", "company_id", "product_id", "source", "campaign",
    "amount_minor", "currency", "close_on", "created_at", "created_day", "closed_at", "closed_day",
)  # fmt: skip
EVENT_COLUMNS = (
    "organization_id", "deal_id", "entered_at", "stage_id", "from_stage_id", "pipeline_id", "owner_id", "is_observed",
    "recorded_at",
)  # fmt: skip
DEAL_COLUMNS = ("organization_id", "deal_id", "name", "content_hash", "recorded_at", "gone_at", "gone_reason")
CLOSING_COLUMNS = ("organization_id", "deal_id", "valid_from", "recorded_at", "valid_to", "superseded_at")
FOREVER = "infinity"
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class StageFacts:
    stage_id: int
    pipeline_id: int | None
    status: DealStatus


@dataclass(frozen=True, slots=True)
class Present:
    """The version that is believed now: enough of it to tell whether a record says something else."""

    valid_from: datetime | None
    recorded_at: datetime
    version: tuple[object, ...]
    """Values of VERSION_COLUMNS from `status` on."""


@dataclass(slots=True)
class _Written:
    deals: list[tuple[object, ...]] = field(default_factory=list)
    versions: list[tuple[object, ...]] = field(default_factory=list)
    events: dict[tuple[int, datetime, int], tuple[object, ...]] = field(default_factory=dict)
    closings: list[tuple[object, ...]] = field(default_factory=list)
    contacts: list[tuple[int, int]] = field(default_factory=list)


def apply(connection: Connection, batch: Batch, records: Sequence[Deal], hashes: Mapping[str, int] | None = None) -> None:
    """Store what these records say; a record that says nothing new changes nothing.

    hashes: content hashes by external id where they were computed beforehand.
    """
    latest = {record.external_id: record for record in records}
    given = hashes or {key: content_hash(record) for key, record in latest.items()}
    ids = batch.links.find(connection, Kind.DEAL, latest)
    stored = _stored_hashes(connection, batch.organization_id, ids.values())
    new = {key: record for key, record in latest.items() if key not in ids or stored.get(ids[key], 0) == 0}
    changed = {
        key: record for key, record in latest.items() if key not in new and stored[ids[key]] != given[key]
    }
    batch.tally.fetched += len(records)
    batch.tally.new += len(new)
    batch.tally.changed += len(changed)
    batch.tally.unchanged += len(records) - len(new) - len(changed)
    if not new and not changed:
        return
    ids |= batch.links.add(connection, Kind.DEAL, [key for key in new if key not in ids])
    touched = {**new, **changed}
    writer = _Writer(connection, batch, touched.values(), ids)
    for record in new.values():
        writer.first_sight(record, given[record.external_id])
    presents = _presents(connection, batch.organization_id, [ids[key] for key in changed])
    for key, record in changed.items():
        writer.news(record, given[key], presents[ids[key]])
    writer.flush(changed=[ids[key] for key in changed])
    keep_raw(
        connection, batch, Kind.DEAL, [(str(ids[key]), record.raw) for key, record in touched.items() if record.raw]
    )


def retire(connection: Connection, batch: Batch, external_ids: Mapping[str, datetime | None], status: str) -> None:
    """These deals are gone from the CRM (deleted, archived, merged): they end, their past stays."""
    ids = batch.links.find(connection, Kind.DEAL, external_ids)
    gone = _presents(connection, batch.organization_id, list(ids.values()))
    writer = _Writer(connection, batch, (), ids)
    retired = []
    for external_id, deal_id in ids.items():
        present = gone.get(deal_id)
        if present is not None and present.version[0] in ("open", "won", "lost"):
            writer.end(deal_id, present, at=external_ids[external_id] or batch.recorded_at, status=status)
            retired.append(deal_id)
    writer.flush(changed=())
    connection.execute(
        text(
            "UPDATE deals SET gone_at = :at, gone_reason = :status, content_hash = 1 "
            "WHERE organization_id = :organization AND deal_id = ANY(:ids)"
        ),
        {"at": batch.recorded_at, "status": status, "organization": batch.organization_id, "ids": retired},
    )
    batch.tally.deleted += len(retired)


class _Writer:
    """Turns records into rows, and puts the rows away together."""

    def __init__(self, connection: Connection, batch: Batch, records: Iterable[Deal], ids: Mapping[str, int]) -> None:
        self.connection, self.batch, self.ids = connection, batch, ids
        self.rows = _Written()
        records = list(records)
        refer = batch.links.refer
        self.stages = self._stages(records)
        self.pipelines = refer(connection, Kind.PIPELINE, (record.pipeline_id for record in records))
        self.owners = refer(connection, Kind.OWNER, _referred_owners(records))
        self.companies = refer(connection, Kind.COMPANY, (record.company_id for record in records))
        self.products = refer(connection, Kind.PRODUCT, (record.product_id for record in records))
        self.contacts = refer(connection, Kind.CONTACT, (c for record in records for c in record.contact_ids))
        self.status_of = {key: facts.status for key, facts in self.stages.items()}

    def _stages(self, records: Sequence[Deal]) -> dict[str, StageFacts]:
        ids = self.batch.links.refer(self.connection, Kind.STAGE, _referred_stages(records))
        facts = {
            row.stage_id: StageFacts(row.stage_id, row.pipeline_id, DealStatus(row.status))
            for row in self.connection.execute(
                text(
                    "SELECT stage_id, pipeline_id, status FROM stages "
                    "WHERE organization_id = :organization AND stage_id = ANY(:ids)"
                ),
                {"organization": self.batch.organization_id, "ids": list(ids.values())},
            )
        }
        return {external_id: facts[stage_id] for external_id, stage_id in ids.items()}

    def first_sight(self, record: Deal, hash_: int) -> None:
        states = states_of(record, self.status_of)
        deal_id = self._deal(record, hash_)
        self._append(record, deal_id, states, before=None)
        self._stage_events(record, deal_id, states, from_stage=None)

    def news(self, record: Deal, hash_: int, present: Present) -> None:
        """A record that differs from the stored one: what it adds after the version believed now, or a correction."""
        deal_id = self._deal(record, hash_)
        known_from = present.valid_from or BEGINNING
        states = states_of(record, self.status_of)
        later = [state for state in states if state.since > known_from]
        if not later:
            later = [states[-1]]
            version = self._version(record, later[0])
            if version[_STAGE] == present.version[_STAGE]:
                later[0].stage_entered_at = present.version[_STAGE_ENTERED]  # type: ignore[assignment]
            if self._version(record, later[0]) == present.version:
                return
            later[0].since = max(record.modified_at or self.batch.recorded_at, known_from)
        # Where nothing later is dated, a change of the present state is dated by the record itself.
        self._close(deal_id, present, later[0].since)
        self._append(record, deal_id, later, before=present)
        previous = present.version[_STAGE]
        self._stage_events(record, deal_id, later, from_stage=previous if isinstance(previous, int) else None)

    def end(self, deal_id: int, present: Present, *, at: datetime, status: str) -> None:
        at = max(at, present.valid_from or at)
        self._close(deal_id, present, at)
        ended = (status, *present.version[1:])
        self.rows.versions.append(
            (self.batch.organization_id, deal_id, at, self._recorded_after(present), FOREVER, FOREVER, True, *ended)
        )
        self._deltas(present.version, at if at > (present.valid_from or BEGINNING) else present.valid_from, -1)

    def flush(self, changed: Sequence[int]) -> None:
        rows, connection = self.rows, self.connection
        bulk.upsert(connection, schema.deals, DEAL_COLUMNS, rows.deals)
        self._supersede()
        bulk.insert(connection, schema.deal_versions, VERSION_COLUMNS, rows.versions)
        bulk.upsert(connection, schema.stage_events, EVENT_COLUMNS, list(rows.events.values()))
        self._replace_contacts(changed)

    # --- rows ---

    def _deal(self, record: Deal, hash_: int) -> int:
        deal_id = self.ids[record.external_id]
        batch = self.batch
        self.rows.deals.append((batch.organization_id, deal_id, record.name, hash_, batch.recorded_at, None, None))
        self.rows.contacts.extend((deal_id, self.contacts[contact]) for contact in dict.fromkeys(record.contact_ids))
        return deal_id

    def _recorded_after(self, present: Present | None) -> datetime:
        if present is None:
            return self.batch.recorded_at
        return max(self.batch.recorded_at, present.recorded_at + _TICK)

    def _version(self, record: Deal, state: State) -> tuple[object, ...]:
        """Values of VERSION_COLUMNS from `status` on."""
        batch = self.batch
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
            self.companies[record.company_id] if record.company_id is not None else None,
            self.products[record.product_id] if record.product_id is not None else None,
            record.source,
            record.campaign,
            amount_minor,
            (state.currency or batch.default_currency) if amount_minor is not None else None,
            state.close_on,
            record.created_at,
            batch.day(record.created_at),
            state.closed_at,
            batch.day(state.closed_at),
        )

    def _append(self, record: Deal, deal_id: int, states: Sequence[State], before: Present | None) -> None:
        organization_id, recorded_at = self.batch.organization_id, self._recorded_after(before)
        earlier = before.version if before is not None else None
        last = len(states) - 1
        for number, state in enumerate(states):
            version = self._version(record, state)
            is_last = number == last
            valid_to = FOREVER if is_last else pg_time(states[number + 1].since)
            # What is only reconstructed was never believed to be the present.
            superseded_at = FOREVER if is_last else recorded_at
            self.rows.versions.append(
                (organization_id, deal_id, pg_time(state.since), recorded_at, valid_to, superseded_at, is_last, *version)
            )
            self._contributions(earlier, version, state.since)
            earlier = version

    def _close(self, deal_id: int, present: Present, valid_to: datetime) -> None:
        valid_from = present.valid_from if present.valid_from is not None else "-infinity"
        self.rows.closings.append(
            (
                self.batch.organization_id, deal_id, valid_from, present.recorded_at,
                pg_time(valid_to), self._recorded_after(present),
            )
        )  # fmt: skip

    def _stage_events(self, record: Deal, deal_id: int, states: Sequence[State], from_stage: int | None) -> None:
        batch = self.batch
        for number, state in enumerate(states):
            if state.stage_id is None:
                continue
            stage = self.stages[state.stage_id]
            entered_at = state.stage_entered_at
            if stage.stage_id != from_stage and entered_at is not None and entered_at.year > 1:
                owner_id = self.owners[state.owner_id] if state.owner_id is not None else None
                self.rows.events[deal_id, entered_at, stage.stage_id] = (
                    batch.organization_id, deal_id, entered_at, stage.stage_id, from_stage, stage.pipeline_id,
                    owner_id, number == len(states) - 1, batch.recorded_at,
                )  # fmt: skip
            from_stage = stage.stage_id

    # --- rollups ---

    def _contributions(self, old: tuple[object, ...] | None, new: tuple[object, ...], since: datetime) -> None:
        if old is None:
            self._deltas(new, since, 1)
        elif _counted(old) != _counted(new):
            self._deltas(old, since, -1)
            self._deltas(new, since, 1)

    def _deltas(self, version: tuple[object, ...], since: datetime | None, sign: int) -> None:
        known_day = pg_day(self.batch.day(since) if since is not None and since.year > 1 else None)
        add = self.batch.deltas.deal
        for event, day, owner_id, pipeline_id, source, currency, amount in _events(version):
            add((event, day, known_day, owner_id, pipeline_id, source, currency), amount, sign)

    # --- database ---

    def _supersede(self) -> None:
        if not self.rows.closings:
            return
        source = bulk.stage(self.connection, schema.deal_versions, CLOSING_COLUMNS, self.rows.closings)
        self.connection.execute(
            text(
                f"UPDATE deal_versions v SET valid_to = c.valid_to, superseded_at = c.superseded_at FROM {source} c "  # noqa: S608
                "WHERE v.organization_id = c.organization_id AND v.deal_id = c.deal_id "
                "AND v.valid_from = c.valid_from AND v.recorded_at = c.recorded_at"
            )
        )

    def _replace_contacts(self, changed: Sequence[int]) -> None:
        if changed:
            self.connection.execute(
                text("DELETE FROM deal_contacts WHERE organization_id = :organization AND deal_id = ANY(:ids)"),
                {"organization": self.batch.organization_id, "ids": list(changed)},
            )
        rows = [(self.batch.organization_id, *pair) for pair in dict.fromkeys(self.rows.contacts)]
        bulk.upsert(self.connection, schema.deal_contacts, ("organization_id", "deal_id", "contact_id"), rows)


def _referred_stages(records: Sequence[Deal]) -> Iterable[str]:
    for record in records:
        if record.stage_id is not None:
            yield record.stage_id
        for change in record.history:
            if change.field == "stage" and change.value is not None:
                yield change.value  # type: ignore[misc]


def _referred_owners(records: Sequence[Deal]) -> Iterable[str]:
    for record in records:
        if record.owner_id is not None:
            yield record.owner_id
        for change in record.history:
            if change.field == "owner" and change.value is not None:
                yield change.value  # type: ignore[misc]


# Positions in a version's values from `status` on.
_STATUS, _PIPELINE, _STAGE, _STAGE_ENTERED, _OWNER, _SOURCE = 0, 1, 2, 3, 4, 7
_AMOUNT, _CURRENCY, _CREATED_DAY, _CLOSED_DAY = 9, 10, 13, 15


def _counted(version: tuple[object, ...]) -> tuple[object, ...]:
    """What of a version the rollup depends on."""
    if version[_STATUS] == "open":
        return ("open", version[_PIPELINE], version[_OWNER], version[_SOURCE], version[_CREATED_DAY])
    return (
        version[_STATUS], version[_PIPELINE], version[_OWNER], version[_SOURCE], version[_CREATED_DAY],
        version[_CLOSED_DAY], version[_AMOUNT], version[_CURRENCY],
    )  # fmt: skip


def _events(version: tuple[object, ...]) -> Iterable[tuple[object, ...]]:
    """(event, day, owner, pipeline, source, currency, amount) that a version stands for; none once it is gone."""
    status = version[_STATUS]
    if status not in ("open", "won", "lost"):
        return
    where = (version[_OWNER] or 0, version[_PIPELINE] or 0, version[_SOURCE] or "")
    created_day = version[_CREATED_DAY]
    yield ("created", pg_day(created_day if isinstance(created_day, date) else None), *where, "", None)
    if status != "open":
        closed_day = version[_CLOSED_DAY]
        day = pg_day(closed_day if isinstance(closed_day, date) else None)
        yield (status, day, *where, version[_CURRENCY] or "", version[_AMOUNT])


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
    names = ", ".join(VERSION_COLUMNS[7:])
    rows = connection.execute(
        text(
            f"SELECT deal_id, nullif(valid_from, '-infinity'), recorded_at, {names} FROM deal_versions "  # noqa: S608
            "WHERE organization_id = :organization AND deal_id = ANY(:ids) AND superseded_at = 'infinity'"
        ),
        {"organization": organization_id, "ids": list(deal_ids)},
    )
    return {row[0]: Present(valid_from=row[1], recorded_at=row[2], version=tuple(row[3:])) for row in rows}
