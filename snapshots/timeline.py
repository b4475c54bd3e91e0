"""From a deal record to its states over time. Pure; ids are still the CRM's.

A CRM tells what is true now and, for some fields, what was true before. `states_of` turns that into states with the
instant from which each held, oldest first. What is not known of the past is taken as unknown (an amount written at
closing, the stage of a closed deal without history) or, where the CRM keeps no history of a field at all, as what it
is now; the caller marks all but the last as reconstructed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from operator import attrgetter

from adapters.records import Deal, DealField, DealStatus

BEGINNING = datetime.min.replace(tzinfo=UTC)
"""Stands for "since before the data begin"; stored as -infinity."""
_AT = attrgetter("at")


@dataclass(slots=True)
class State:
    """What was true of a deal from `since` on."""

    since: datetime
    status: str
    stage_id: str | None
    stage_entered_at: datetime | None
    owner_id: str | None
    amount_minor: int | None
    currency: str | None
    close_on: date | None
    closed_at: datetime | None

    def terms(self) -> tuple[object, ...]:
        """All but the stage."""
        return self.status, self.owner_id, self.amount_minor, self.currency, self.close_on, self.closed_at


def states_of(deal: Deal, stage_status: Mapping[str, DealStatus]) -> list[State]:
    """The deal's states, oldest first, at least one. stage_status: what a deal in a stage is, by external id."""
    closed_at = deal.closed_at if deal.status is not DealStatus.OPEN else None
    began = _began(deal, closed_at)
    if not deal.history:
        return _without_history(deal, began, closed_at)
    return _with_history(deal, began, closed_at, stage_status)


def _began(deal: Deal, closed_at: datetime | None) -> datetime:
    created_at = deal.created_at
    if created_at is None:
        # A closed deal without a creation date is only known from its closing on.
        return closed_at if closed_at is not None else BEGINNING
    return created_at if closed_at is None or created_at <= closed_at else closed_at


def _without_history(deal: Deal, began: datetime, closed_at: datetime | None) -> list[State]:
    present = State(
        since=began,
        status=deal.status.value,
        stage_id=deal.stage_id,
        stage_entered_at=closed_at if closed_at is not None else None,
        owner_id=deal.owner_id,
        amount_minor=deal.amount_minor,
        currency=deal.currency,
        close_on=deal.close_on,
        closed_at=closed_at,
    )
    if closed_at is None or closed_at <= began:
        return [present]
    present.since = closed_at
    amount_minor = None if deal.amount_known_at_close else deal.amount_minor
    before = State(
        since=began,
        status=DealStatus.OPEN.value,
        stage_id=None,
        stage_entered_at=None,
        owner_id=deal.owner_id,
        amount_minor=amount_minor,
        currency=deal.currency if amount_minor is not None else None,
        close_on=deal.close_on,
        closed_at=None,
    )
    return [before, present]


def _with_history(
    deal: Deal, began: datetime, closed_at: datetime | None, stage_status: Mapping[str, DealStatus]
) -> list[State]:
    changes = sorted(deal.history, key=_AT)
    recorded = {change.field for change in changes}
    knows_stages = DealField.STAGE in recorded
    # Of a closed deal whose stages are not recorded it is known when it closed, and no more.
    closing = closed_at if not knows_stages else None
    stage_id = None if knows_stages or closing is not None else deal.stage_id
    owner_id = None if DealField.OWNER in recorded else deal.owner_id
    amount = None if DealField.AMOUNT in recorded or deal.amount_known_at_close else deal.amount_minor
    close_on = None if DealField.CLOSE_DATE in recorded else deal.close_on
    stage_entered_at: datetime | None = None
    status = stage_status.get(stage_id, DealStatus.OPEN) if stage_id is not None else DealStatus.OPEN
    status_since = began
    states: list[State] = []
    index, end = 0, len(changes)
    since = began
    while True:
        while index < end and (change := changes[index]).at <= since:
            index += 1
            if change.field is DealField.STAGE:
                if change.value != stage_id:
                    stage_id, stage_entered_at = change.value, max(change.at, began)  # type: ignore[assignment]
                    new_status = stage_status.get(stage_id, DealStatus.OPEN) if stage_id is not None else status
                    if new_status is not status:
                        status, status_since = new_status, stage_entered_at
            elif change.field is DealField.AMOUNT:
                amount = change.value  # type: ignore[assignment]
            elif change.field is DealField.OWNER:
                owner_id = change.value  # type: ignore[assignment]
            else:
                close_on = change.value  # type: ignore[assignment]
        if closing is not None and closing <= since:
            stage_id, stage_entered_at, status, status_since, closing = (
                deal.stage_id,
                closing,
                deal.status,
                closing,
                None,
            )
        states.append(
            State(
                since, status.value, stage_id, stage_entered_at, owner_id, amount,
                deal.currency if amount is not None else None, close_on,
                _known(status_since) if status is not DealStatus.OPEN else None,
            )
        )  # fmt: skip
        if index >= end and closing is None:
            break
        since = min(at for at in (changes[index].at if index < end else None, closing) if at is not None)
    return _end_in_the_present(deal, states, closed_at)


def _known(at: datetime) -> datetime | None:
    return None if at == BEGINNING else at


def _end_in_the_present(deal: Deal, states: list[State], closed_at: datetime | None) -> list[State]:
    """What the record says now is the last word; a closing moves the last state to where the CRM says it closed."""
    last = states[-1]
    present = State(
        last.since, deal.status.value, deal.stage_id, last.stage_entered_at, deal.owner_id, deal.amount_minor,
        deal.currency if deal.amount_minor is not None else None, deal.close_on, closed_at,
    )  # fmt: skip
    if present == last:
        return states
    if present.stage_id != last.stage_id:
        present.stage_entered_at = deal.modified_at or _known(last.since)
    if last.status == present.status:
        states[-1] = present
        return states
    present.since = max(closed_at or deal.modified_at or last.since, last.since)
    if present.since == last.since:
        states[-1] = present
    else:
        states.append(present)
    return states
