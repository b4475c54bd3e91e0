"""What a CRM that took over says of a deal, cut to the time since it did. Pure; states name the CRM's ids.

Days before the change are told by the CRM before it, so nothing that the new one says may alter them:

- A deal that goes on begins with the new CRM on the moment of the change; when it was created, its source and its
  campaign stay as they were known.
- A deal that was closed before stays as it was closed, until the new CRM opens it again or closes it anew afterwards.
- A deal that the new CRM alone knows counts from the change on; one that was closed there before it counts nowhere
  (`EARLIER`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from adapters.records import Deal, DealStatus
from snapshots.deal_rows import Present
from snapshots.timeline import State

EARLIER = "earlier"
"""Status of a deal that a new CRM closed before it took over, and that nobody knew here."""
_CLOSED = frozenset({"won", "lost"})

StageId = Callable[[str | None], int | None]
"""Our id of the CRM's stage."""


def at_first_sight(record: Deal, states: Sequence[State], since: datetime) -> tuple[Deal, list[State]]:
    """Of a deal that nobody knew before the change."""
    known = replace(record, created_at=_not_before(record.created_at, since))
    is_older = record.created_at is None or record.created_at < since
    if is_older and _is_closed_before(states[-1], since):
        last = replace(states[-1], since=since, status=EARLIER, stage_entered_at=None)
        return known, [last]
    return known, _cut(states, since, was_in=None, entered_at=None, stage_id=lambda _: None)


def of_known(
    record: Deal, states: Sequence[State], present: Present, since: datetime, stage_id: StageId
) -> tuple[Deal, list[State]] | None:
    """Of a deal that is known; None: it says nothing that counts."""
    held = present.content
    if held.status == EARLIER:
        return at_first_sight(record, states, since)
    known = _with_its_origin(record, present, since)
    if was_closed_before(present, since):
        if _is_closed_before(states[-1], since):
            return None
        later = [state for state in states if state.since > since]
        later = later or [replace(states[-1], since=max(record.modified_at or since, since))]
        return known, _cut(later, since, was_in=held.stage_id, entered_at=held.stage_entered_at, stage_id=stage_id)
    if held.status not in {"open", *_CLOSED} and _is_closed_before(states[-1], since):
        return None
    return known, _cut(states, since, was_in=held.stage_id, entered_at=held.stage_entered_at, stage_id=stage_id)


def _with_its_origin(record: Deal, present: Present, since: datetime) -> Deal:
    facts = present.facts
    if facts.created_at is None or facts.created_at < since:
        return replace(record, created_at=facts.created_at, source=facts.source, campaign=facts.campaign)
    return replace(record, created_at=_not_before(record.created_at, since))


def _cut(
    states: Sequence[State], since: datetime, *, was_in: int | None, entered_at: datetime | None, stage_id: StageId
) -> list[State]:
    """What held at the change holds from it on. A stage that goes on was entered when it was known to be."""
    earlier = [state for state in states if state.since <= since]
    kept = [*([replace(earlier[-1], since=since)] if earlier else []), *(s for s in states if s.since > since)]
    for state in kept:
        entered = state.stage_entered_at
        if was_in is not None and stage_id(state.stage_id) == was_in and (entered is None or entered <= since):
            state.stage_entered_at = entered_at
        elif entered is not None:
            state.stage_entered_at = max(entered, since)
        if state.closed_at is not None:
            state.closed_at = max(state.closed_at, since)
    return kept


def _not_before(at: datetime | None, since: datetime) -> datetime:
    return since if at is None else max(at, since)


def _is_closed_before(state: State, since: datetime) -> bool:
    """closed_at missing: it is not known to have been closed since, and days before must not gain a deal."""
    return state.status != DealStatus.OPEN.value and (state.closed_at is None or state.closed_at < since)


def was_closed_before(present: Present, since: datetime) -> bool:
    """Whether it is settled: nothing that is said since then changes it."""
    closed_at, valid_from = present.content.closed_at, present.valid_from
    if present.content.status not in _CLOSED:
        return False
    return closed_at < since if closed_at is not None else valid_from is None or valid_from < since
