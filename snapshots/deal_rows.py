"""Deal records as rows, ready for COPY: one per deal, one per version, and what they add to the rollup. No database.

What the CRM's ids mean comes in as `References`; what becomes of the rows stands in `snapshots/deals.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from adapters.records import Deal
from snapshots import rollups, wire
from snapshots.fingerprints import GONE
from snapshots.rollups import DealEvent, Deltas
from snapshots.timeline import BEGINNING, State

Events = tuple[DealEvent, ...]

_TICK = timedelta(microseconds=1)

STAGED_DEALS = {
    "deal_id": "bigint", "is_linked": "boolean", "content_hash": "bigint", "recorded_at": "timestamptz",
    "external_id": "text", "name": "text", "raw": "jsonb",
}  # fmt: skip
# enters: whether the deal enters the stage with this version, out of `was_in`.
STAGED_VERSIONS = {
    "deal_id": "bigint", "valid_from": "timestamptz", "recorded_at": "timestamptz", "valid_to": "timestamptz",
    "superseded_at": "timestamptz", "is_observed": "boolean", "enters": "smallint", "was_in": "bigint",
    "pipeline_id": "bigint", "stage_id": "bigint", "stage_entered_at": "timestamptz",
    "status": "text", "owner_id": "bigint", "amount_minor": "bigint", "currency": "text", "close_on": "date",
    "closed_at": "timestamptz", "closed_day": "date",
    "company_id": "bigint", "product_id": "bigint", "source": "text", "campaign": "text", "created_at": "timestamptz",
    "created_day": "date",
}  # fmt: skip
ENTERS_NOT, ENTERS_AT_FIRST_SIGHT, ENTERS_LATER = range(3)
STAGED_CLOSINGS = {
    "deal_id": "bigint", "valid_from": "timestamptz", "recorded_at": "timestamptz", "valid_to": "timestamptz",
    "superseded_at": "timestamptz",
}  # fmt: skip
STAGED_CONTACTS = {"deal_id": "bigint", "contact_id": "bigint"}
VERSION_COLUMNS = [name for name in STAGED_VERSIONS if name not in ("enters", "was_in")]

# What rows begin with: fields that are never null.
_deal = wire.packer(">hiqi?iqiq")
_version = wire.packer(">hiqiqiqiqiqi?ih")
_closing = wire.packer(">hiqiqiqiqiq")
_contact = wire.packer(">hiqiq")
_N_VERSION, _N_CLOSING, _N_DEAL = len(STAGED_VERSIONS), len(STAGED_CLOSINGS), len(STAGED_DEALS)


class Content(NamedTuple):
    """What a version says: columns of `deal_versions`."""

    status: str
    pipeline_id: int | None
    stage_id: int | None
    stage_entered_at: datetime | None
    owner_id: int | None
    amount_minor: int | None
    currency: str | None
    close_on: date | None
    closed_at: datetime | None


class Facts(NamedTuple):
    """What a record says of all of its versions: columns of `deal_versions`."""

    company_id: int | None
    product_id: int | None
    source: str | None
    campaign: str | None
    created_at: datetime | None
    created_day: date | None


@dataclass(frozen=True, slots=True)
class StageFacts:
    stage_id: int | None
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


NO_REFERENCES = References({}, {}, {}, {}, {}, {}, None)


@dataclass(frozen=True, slots=True)
class Present:
    """The version that is believed now. valid_from None: since before the data begin."""

    valid_from: datetime | None
    recorded_at: datetime
    content: Content
    facts: Facts


@dataclass(frozen=True, slots=True)
class _Known:
    """Of a deal, before the versions that follow: what it counted as, its stage, and how it enters new ones."""

    events: Events
    was_in: int | None
    enters: int


class _Places(dict[tuple[str | None, str | None], tuple[int | None, int | None, bytes]]):
    """The CRM's ids of a pipeline and a stage as ours, and these as fields. A stage knows its pipeline."""

    def __init__(self, references: References) -> None:
        super().__init__()
        self.references = references

    def __missing__(self, place: tuple[str | None, str | None]) -> tuple[int | None, int | None, bytes]:
        pipeline, stage = place
        pipeline_id = self.references.pipelines[pipeline] if pipeline is not None else None
        facts = self.references.stages[stage] if stage is not None else StageFacts(None, None)
        pipeline_id = facts.pipeline_id if facts.pipeline_id is not None else pipeline_id
        fields = wire.bigint(pipeline_id) + wire.bigint(facts.stage_id)
        self[place] = found = (pipeline_id, facts.stage_id, fields)
        return found


class DealRows:
    """Collects rows of the staging tables, and what they add to the rollup. zone: of the organization's days."""

    def __init__(self, references: References, zone: ZoneInfo, recorded_at: datetime) -> None:
        self.references, self.zone, self.recorded_at = references, zone, recorded_at
        self.deals: list[bytes] = []
        self.versions: list[bytes] = []
        self.closings: list[bytes] = []
        self.contacts: dict[int, list[int]] = {}
        self.deltas = Deltas()
        self._places, self._numbers, self._texts = _Places(references), wire.Bigints(), wire.Texts()

    def first_sight(
        self, deal_id: int, record: Deal, hash_: int, raw: bytes | None, states: Sequence[State], *, is_linked: bool
    ) -> None:
        """A deal of which nothing is known. is_linked: all the same, its external id has its number already."""
        self._deal(deal_id, record.external_id, record.name, hash_, self.recorded_at, is_linked, raw)
        if record.contact_ids:
            self._contacts(deal_id, record)
        known = _Known(events=(), was_in=None, enters=ENTERS_AT_FIRST_SIGHT)
        self._append(deal_id, record, states, self.recorded_at, known)

    def news(
        self, deal_id: int, record: Deal, hash_: int, raw: bytes | None, states: Sequence[State], present: Present
    ) -> None:
        """A record that differs from the stored one: what it adds after the version believed now, or a correction.
        No states: what it says does not count."""
        recorded_at = max(self.recorded_at, present.recorded_at + _TICK)
        self._deal(deal_id, record.external_id, record.name, hash_, recorded_at, True, raw)
        self._contacts(deal_id, record)
        if not states:
            return
        known_from = present.valid_from or BEGINNING
        later = [state for state in states if state.since > known_from]
        if not later:
            last = states[-1]
            if self._content(record, last).stage_id == present.content.stage_id:
                last.stage_entered_at = present.content.stage_entered_at
            if self._content(record, last) == present.content and self._facts(record) == present.facts:
                return
            # Where nothing later is dated, a change of the present state is dated by the record itself.
            last.since = max(record.modified_at or self.recorded_at, known_from)
            later = [last]
        self._close(deal_id, present, later[0].since, recorded_at)
        events = self._counts_as(present.content, present.facts, self._day(present.content.closed_at))
        known = _Known(events=events, was_in=present.content.stage_id, enters=ENTERS_LATER)
        self._append(deal_id, record, later, recorded_at, known)

    def end(self, deal_id: int, present: Present, *, at: datetime, status: str) -> None:
        """A deal that is gone. It is linked, so its external id is not needed."""
        recorded_at = max(self.recorded_at, present.recorded_at + _TICK)
        at = max(at, present.valid_from or at)
        content, closed_day = present.content._replace(status=status), self._day(present.content.closed_at)
        self._deal(deal_id, "", None, GONE, recorded_at, True, None)
        self._close(deal_id, present, at, recorded_at)
        counted, counts = (self._counts_as(said, present.facts, closed_day) for said in (present.content, content))
        self.deltas.deal(self._known_day(at), counted, counts)
        self.versions.append(
            _version(
                _N_VERSION, 8, deal_id, 8, wire.micros(at), 8, wire.micros(recorded_at), 8, wire.FOREVER,
                8, wire.FOREVER, 1, True, 2, ENTERS_NOT,
            )
            + wire.NULL + self._numbers[content.pipeline_id] + self._numbers[content.stage_id]
            + wire.instant(content.stage_entered_at) + self._packed_terms(content, closed_day)
            + self._packed_facts(present.facts)
        )  # fmt: skip

    # --- rows ---

    def _deal(
        self,
        deal_id: int,
        external_id: str,
        name: str | None,
        hash_: int,
        recorded_at: datetime,
        is_linked: bool,
        raw: bytes | None,
    ) -> None:
        head = _deal(_N_DEAL, 8, deal_id, 1, is_linked, 8, hash_, 8, wire.micros(recorded_at))
        self.deals.append(head + wire.text(external_id) + wire.text(name) + wire.jsonb(raw))

    def _contacts(self, deal_id: int, record: Deal) -> None:
        contacts = self.references.contacts
        self.contacts[deal_id] = [contacts[contact] for contact in dict.fromkeys(record.contact_ids)]

    def _append(
        self, deal_id: int, record: Deal, states: Sequence[State], recorded_at: datetime, known: _Known
    ) -> None:
        """Versions one after the other, the last of them until further notice."""
        facts = self._facts(record)
        packed_facts, packed_terms = self._packed_facts(facts), b""
        recorded, starts = wire.micros(recorded_at), [wire.micros(state.since) for state in states]
        ends = [*starts[1:], wire.FOREVER]
        events, was_in, held, last = known.events, known.was_in, None, len(states) - 1
        entered: set[object] = set()
        for number, state in enumerate(states):
            pipeline_id, stage_id, place = self._places[record.pipeline_id, state.stage_id]
            # Most versions differ from the one before in their stage alone.
            if (holds := (pipeline_id, *state.terms())) != held:
                held = holds
                content = self._content(record, state)
                closed_day = self._day(content.closed_at)
                packed_terms = self._packed_terms(content, closed_day)
                counts_as = self._counts_as(content, facts, closed_day)
                self.deltas.deal(self._known_day(state.since), events, counts_as)
                events = counts_as
            at, enters = state.stage_entered_at, ENTERS_NOT
            if stage_id is not None and at is not None and (stage_id, at) not in entered:
                enters = known.enters if stage_id != was_in else ENTERS_NOT
                entered.add((stage_id, at))
            # What is only reconstructed was never believed to be the present: superseded as soon as it is recorded.
            head = _version(
                _N_VERSION, 8, deal_id, 8, starts[number], 8, recorded, 8, ends[number],
                8, wire.FOREVER if number == last else recorded, 1, number == last, 2, enters,
            )  # fmt: skip
            fields = (head, self._numbers[was_in], place, wire.instant(at), packed_terms, packed_facts)
            self.versions.append(b"".join(fields))
            was_in = stage_id if stage_id is not None else was_in

    def _close(self, deal_id: int, present: Present, valid_to: datetime, recorded_at: datetime) -> None:
        valid_from = wire.BEGINNING if present.valid_from is None else wire.micros(present.valid_from)
        self.closings.append(
            _closing(
                _N_CLOSING, 8, deal_id, 8, valid_from, 8, wire.micros(present.recorded_at), 8, wire.micros(valid_to),
                8, wire.micros(recorded_at),
            )
        )  # fmt: skip

    # --- what they say ---

    def _facts(self, record: Deal) -> Facts:
        known = self.references
        return Facts(
            known.companies[record.company_id] if record.company_id is not None else None,
            known.products[record.product_id] if record.product_id is not None else None,
            record.source,
            record.campaign,
            record.created_at,
            self._day(record.created_at),
        )

    def _content(self, record: Deal, state: State) -> Content:
        known, amount_minor = self.references, state.amount_minor
        pipeline_id, stage_id, _ = self._places[record.pipeline_id, state.stage_id]
        return Content(
            state.status,
            pipeline_id,
            stage_id,
            state.stage_entered_at,
            known.owners[state.owner_id] if state.owner_id is not None else None,
            amount_minor,
            (state.currency or known.default_currency) if amount_minor is not None else None,
            state.close_on,
            state.closed_at,
        )

    def _packed_terms(self, content: Content, closed_day: date | None) -> bytes:
        numbers, texts = self._numbers, self._texts
        return b"".join(
            (
                texts[content.status], numbers[content.owner_id], numbers[content.amount_minor],
                texts[content.currency], wire.day(content.close_on), wire.instant(content.closed_at),
                wire.day(closed_day),
            )
        )  # fmt: skip

    def _packed_facts(self, facts: Facts) -> bytes:
        numbers, texts = self._numbers, self._texts
        return b"".join(
            (
                numbers[facts.company_id], numbers[facts.product_id], texts[facts.source], texts[facts.campaign],
                wire.instant(facts.created_at), wire.day(facts.created_day),
            )
        )  # fmt: skip

    # --- what they count as ---

    def _counts_as(self, content: Content, facts: Facts, closed_day: date | None) -> Events:
        return rollups.deal_events(
            content.status,
            wire.days(facts.created_day),
            wire.days(closed_day),
            whose=(content.owner_id or 0, content.pipeline_id or 0, facts.source or ""),
            money=(content.currency or "", content.amount_minor),
        )

    def _day(self, at: datetime | None) -> date | None:
        return None if at is None else at.astimezone(self.zone).date()

    def _known_day(self, since: datetime) -> int:
        return wire.NO_DAY if since.year == 1 else wire.days(since.astimezone(self.zone).date())


def contact_rows(contacts: Mapping[int, Sequence[int]]) -> bytes:
    """Rows of STAGED_CONTACTS. contacts: of each deal."""
    return b"".join(_contact(2, 8, deal_id, 8, one) for deal_id, others in contacts.items() for one in others)
