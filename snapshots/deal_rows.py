"""Deal records as rows of two staging tables: one row per deal, one per version. Knows no database.

What the CRM's ids mean comes in as `References`; what becomes of the rows stands in `snapshots/deals.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import orjson

from adapters.records import Deal
from snapshots import rollups
from snapshots.batch import GONE, pg_time
from snapshots.timeline import BEGINNING, State

_TICK = timedelta(microseconds=1)
_FOREVER = "infinity"

STAGED_DEALS = {
    "deal_id": "bigint", "external_id": "text", "is_linked": "boolean", "is_changed": "boolean", "name": "text",
    "content_hash": "bigint", "recorded_at": "timestamptz", "company_id": "bigint",
    "product_id": "bigint", "source": "text", "campaign": "text", "created_at": "timestamptz", "raw": "jsonb",
}  # fmt: skip
# counts: what of a version the rollup has to add on its first day and to take back on its last (see `rollups`).
# enters: the deal enters the stage with this version, out of `was_in`.
STAGED_VERSIONS = {
    "deal_id": "bigint", "valid_from": "timestamptz", "valid_to": "timestamptz", "is_last": "boolean",
    "counts": "smallint", "enters": "boolean", "was_in": "bigint",
    "status": "text", "pipeline_id": "bigint", "stage_id": "bigint", "stage_entered_at": "timestamptz",
    "owner_id": "bigint", "amount_minor": "bigint", "currency": "text", "close_on": "date", "closed_at": "timestamptz",
}  # fmt: skip
STAGED_CLOSINGS = {
    "deal_id": "bigint", "valid_from": "timestamptz", "recorded_at": "timestamptz", "valid_to": "timestamptz",
    "superseded_at": "timestamptz",
}  # fmt: skip
STATE_COLUMNS = list(STAGED_VERSIONS)[list(STAGED_VERSIONS).index("status") :]

_STATUS, _PIPELINE, _STAGE, _STAGE_ENTERED, _OWNER = range(5)
"""Places in a version's values of STATE_COLUMNS."""


@dataclass(frozen=True, slots=True)
class StageFacts:
    stage_id: int
    pipeline_id: int | None


@dataclass(frozen=True, slots=True)
class References:
    """Our ids of everything that some records refer to, by the CRM's ids."""

    pipelines: Mapping[str, int]
    stages: Mapping[str, StageFacts]
    owners: Mapping[str, int]
    companies: Mapping[str, int]
    products: Mapping[str, int]
    contacts: Mapping[str, int]
    default_currency: str | None


@dataclass(frozen=True, slots=True)
class Present:
    """The version that is believed now. valid_from None: since before the data begin."""

    valid_from: datetime | None
    recorded_at: datetime
    state: tuple[object, ...]
    """Values of STATE_COLUMNS."""
    facts: tuple[object, ...]
    """company_id, product_id, source, campaign, created_at."""


@dataclass(slots=True)
class DealRows:
    """Collects staged rows. references None will do where deals only end."""

    references: References | None
    recorded_at: datetime
    deals: list[tuple[object, ...]] = field(default_factory=list)
    versions: list[tuple[object, ...]] = field(default_factory=list)
    closings: list[tuple[object, ...]] = field(default_factory=list)
    contacts: dict[int, list[int]] = field(default_factory=dict)

    def first_sight(self, deal_id: int, record: Deal, hash_: int, states: Sequence[State], *, is_linked: bool) -> None:
        self._deal(deal_id, record, hash_, self.recorded_at, is_linked=is_linked, is_changed=False)
        self._append(deal_id, record, states, was_in=None)

    def news(self, deal_id: int, record: Deal, hash_: int, states: Sequence[State], present: Present) -> None:
        """A record that differs from the stored one: what it adds after the version believed now, or a correction."""
        recorded_at = max(self.recorded_at, present.recorded_at + _TICK)
        was_in = present.state[_STAGE]
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
            last.since = max(record.modified_at or self.recorded_at, known_from)
            later = [last]
        self._close(deal_id, present, later[0].since, recorded_at)
        self._append(deal_id, record, later, was_in=was_in)

    def end(self, deal_id: int, external_id: str, present: Present, *, at: datetime, status: str) -> None:
        recorded_at = max(self.recorded_at, present.recorded_at + _TICK)
        at = max(at, present.valid_from or at)
        self.deals.append((deal_id, external_id, True, True, None, GONE, recorded_at, *present.facts, None))
        self._close(deal_id, present, at, recorded_at)
        self.versions.append((deal_id, at, _FOREVER, True, 0, False, None, status, *present.state[1:]))

    def _deal(
        self, deal_id: int, record: Deal, hash_: int, recorded_at: datetime, *, is_linked: bool, is_changed: bool
    ) -> None:
        raw = orjson.dumps(record.raw, default=str).decode() if record.raw is not None else None
        self.deals.append(
            (
                deal_id, record.external_id, is_linked, is_changed, record.name, hash_, recorded_at,
                *self._facts(record), raw,
            )
        )  # fmt: skip
        if record.contact_ids or is_changed:
            contacts = self._known.contacts
            self.contacts[deal_id] = [contacts[contact] for contact in dict.fromkeys(record.contact_ids)]

    @property
    def _known(self) -> References:
        assert self.references is not None
        return self.references

    def _facts(self, record: Deal) -> tuple[object, ...]:
        known = self._known
        return (
            known.companies[record.company_id] if record.company_id is not None else None,
            known.products[record.product_id] if record.product_id is not None else None,
            record.source,
            record.campaign,
            record.created_at,
        )

    def _state(self, record: Deal, state: State) -> tuple[object, ...]:
        """Values of STATE_COLUMNS."""
        known = self._known
        stage = known.stages[state.stage_id] if state.stage_id is not None else None
        pipeline_id = known.pipelines[record.pipeline_id] if record.pipeline_id is not None else None
        if stage is not None and stage.pipeline_id is not None:
            pipeline_id = stage.pipeline_id
        amount_minor = state.amount_minor
        return (
            state.status,
            pipeline_id,
            stage.stage_id if stage is not None else None,
            state.stage_entered_at,
            known.owners[state.owner_id] if state.owner_id is not None else None,
            amount_minor,
            (state.currency or known.default_currency) if amount_minor is not None else None,
            state.close_on,
            state.closed_at,
        )

    def _append(self, deal_id: int, record: Deal, states: Sequence[State], *, was_in: object) -> None:
        starts: list[str | datetime] = [pg_time(state.since) for state in states]
        ends = [*starts[1:], _FOREVER]
        contents = [self._state(record, state) for state in states]
        counts = _counts(contents)
        last = len(states) - 1
        entered: set[object] = set()
        for number, content in enumerate(contents):
            stage = content[_STAGE]
            entry = (stage, content[_STAGE_ENTERED])
            enters = stage is not None and stage != was_in and entry[1] is not None and entry not in entered
            entered.add(entry)
            self.versions.append(
                (deal_id, starts[number], ends[number], number == last, counts[number], enters, was_in, *content)
            )
            was_in = stage if stage is not None else was_in

    def _close(self, deal_id: int, present: Present, valid_to: datetime, recorded_at: datetime) -> None:
        valid_from = present.valid_from if present.valid_from is not None else "-infinity"
        self.closings.append((deal_id, valid_from, present.recorded_at, pg_time(valid_to), recorded_at))


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
