"""The numbers at the top of the received leads: what each counts, and what stands under it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from snapshots.inbox import InboxCounts
from snapshots.lead_filter import ASIDE, LeadState
from workbench import cards, formats, lead_filters, lead_words
from workbench.view import View


@dataclass(frozen=True, slots=True)
class Number:
    """A number of the page: what it is called, what it counts, and the state that it shows; None: no single one."""

    label: str
    definition: str
    state: LeadState | None = None


NUMBERS: Final[Mapping[str, Number]] = {
    "received": Number(
        "Received", "Leads that were accepted in the period: delivered, waiting, parked and quarantined ones added up."
    ),
    "delivered": Number("Delivered", "Of the leads received, those that the CRM has.", LeadState.DELIVERED),
    "waiting": Number(
        "Waiting",
        "Of the leads received, those on their way: due now, being delivered, or to be tried again.",
        LeadState.PENDING,
    ),
    "parked": Number(
        "Parked",
        "Of the leads received, those that could not be delivered and need somebody to look, with the reason.",
        LeadState.PARKED,
    ),
    "quarantined": Number(
        "Quarantined",
        "Of the leads received, those that were accepted and set aside before delivery, with the reason.",
        LeadState.QUARANTINED,
    ),
    "refused": Number(
        "Refused",
        "Submissions of the period that were not accepted because they cannot be a lead; the sender was told why. "
        "They are kept for 90 days, and are not among the leads received.",
    ),
}


def kpis(found: InboxCounts, view: View, *, opens: bool) -> list[cards.Kpi]:
    """opens: whether the numbers lead to their rows."""
    values = {
        key: found.by_state[number.state] if number.state else found.received if key == "received" else found.refused
        for key, number in NUMBERS.items()
    }
    why = {
        "delivered": f"{formats.rate(values['delivered'] / found.received)} of those received"
        if found.received
        else "",
        "waiting": f"oldest {_ago(found.waiting_since, view)}" if found.waiting_since else "",
        "parked": _mostly(found, LeadState.PARKED),
        "quarantined": _mostly(found, LeadState.QUARANTINED),
    }
    return [
        cards.Kpi(
            key=f"in_{key}",
            label=number.label,
            value=formats.count(values[key]),
            definition=f"{number.definition} Period: {lead_filters.days(view)}.",
            why=why.get(key, ""),
            rows=_rows(key, values[key]) if opens and values[key] else None,
        )
        for key, number in NUMBERS.items()
    ]


def _rows(key: str, n: int) -> str:
    return "Show submissions" if key == "refused" else f"Show {'lead' if n == 1 else 'leads'}"


def _ago(at: datetime, view: View) -> str:
    words = formats.age(at, now=view.now)
    return words.replace("old", "ago")


def _mostly(found: InboxCounts, state: LeadState) -> str:
    """The most frequent reason."""
    mine = {
        reason: n
        for reason, n in found.by_reason.items()
        if reason in lead_words.REASONS and lead_words.REASONS[reason].state is state
    }
    if not mine:
        return ""
    top = max(mine, key=lambda reason: mine[reason])
    return f"{'mostly: ' if len(mine) > 1 else ''}{lead_words.reason_label(top).lower().replace('crm', 'CRM')}"


def overlooked(found: InboxCounts) -> dict[LeadState, int]:
    """Leads that wait for a person and came in outside the period."""
    return {state: found.elsewhere[state] for state in ASIDE if found.elsewhere.get(state)}
