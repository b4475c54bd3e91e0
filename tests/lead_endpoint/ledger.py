"""The ledger: what senders were told, what the database holds and what the CRM was really written, held against one
another. One checker for every scenario, and for the soak.

- I1: whatever was accepted is in the database, under the id that the sender was told.
- I2: every lead is delivered, or lies where a person sees it with a reason, or is scheduled within bounds.
- I3: the CRM got at most one create per contact, and at least one write of every lead that counts as delivered.
- I4: one idempotency key is one lead; with another body it is refused.
- I5: nobody was told of a lead that was not committed (as I1), nor refused one without a status that says so.
- Order: the CRM got the leads of a contact in the order in which they came in.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from hostile_crm import Write
from psycopg.rows import dict_row

ACCEPTED = frozenset({200, 202, 303})
REFUSED = frozenset({400, 408, 409, 413, 415, 422, 429, 503})
"""Statuses that tell a sender plainly that nothing was accepted."""
LONGEST_WAIT_H, LONGEST_LEASE_H = 12, 3
"""The longest wait and lease there are, and what a clock that was set back by two hours adds."""


@dataclass(frozen=True)
class Heard:
    """One answer that a sender got. body: names what was sent. lead_id: None where the answer names none."""

    key: str
    body: str
    status: int
    lead_id: str | None = None


@dataclass
class Ledger:
    """counts: for people to read. faults: what must not be; empty where all invariants hold."""

    faults: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def expect(self, condition: object, fault: str) -> None:
        if not condition:
            self.faults.append(fault)

    def require(self) -> Ledger:
        assert not self.faults, "\n".join(self.faults[:20])
        return self


def check(
    url: str,
    heard: Sequence[Heard],
    writes: Iterable[Write],
    *,
    is_drained: bool = False,
    replayed: Collection[str] = (),
    present: str = "clock_timestamp()",
    organization_id: int | None = None,
) -> Ledger:
    """organization_id: only its leads; None: all. is_drained: nothing may be pending any more. replayed: leads that a
    person sent again, out of their order. present: SQL of the time by which deliveries are scheduled."""
    found, rows = Ledger(), _rows(url, present, organization_id)
    by_id = {str(row["lead_id"]): row for row in rows}
    by_key = {row["idempotency_key"]: row for row in rows if row["idempotency_key"]}
    applied = list(writes)
    _answers(found, heard, by_id, by_key)
    for row in rows:
        _row(found, row, is_drained=is_drained)
    _crm(found, by_id, applied)
    _order(found, by_id, applied, replayed)
    accepted = {one.key for one in heard if one.status in ACCEPTED}
    created = Counter(_contact(write) for write in applied if write.kind == "create")
    found.counts = {
        "accepted": len(accepted),
        "lost": sum(key not in by_key for key in accepted),
        "rows": len(rows),
        **{str(state): number for state, number in sorted(Counter(row["state"] for row in rows).items())},
        "contacts": len(created),
        "duplicated": sum(times > 1 for times in created.values()),
        "writes": len(applied),
        "attempts": sum(row["tries"] for row in rows),
    }
    return found


def _rows(url: str, present: str, organization_id: int | None) -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row, autocommit=True) as connection:
        return connection.execute(
            f"""
            SELECT l.lead_id, l.organization_id, l.form_id, l.idempotency_key, l.contact_key, l.state, l.reason,
                l.detail, l.attempts, l.external_id, l.lease_until, l.next_attempt_at - {present} AS due_in,
                l.lease_until - {present} AS leased_for,
                (SELECT count(*) FROM delivery_attempts a WHERE a.organization_id = l.organization_id
                    AND a.lead_id = l.lead_id) AS tries,
                (SELECT count(*) FROM delivery_attempts a WHERE a.organization_id = l.organization_id
                    AND a.lead_id = l.lead_id AND (a.outcome IN ('retry', 'exceeded') OR a.outcome IS NULL)) AS failures
            FROM received_leads l WHERE %(id)s::bigint IS NULL OR l.organization_id = %(id)s ORDER BY l.lead_id
            """,
            {"id": organization_id},
        ).fetchall()


def _answers(found: Ledger, heard: Sequence[Heard], by_id: dict[str, Any], by_key: dict[str, Any]) -> None:
    ids: dict[str, set[str]] = defaultdict(set)
    bodies: dict[str, set[str]] = defaultdict(set)
    for one in heard:
        if one.status in ACCEPTED:
            bodies[one.key].add(one.body)
            found.expect(one.key in by_key, f"I1: {one.key} was accepted and is not there")
            if one.lead_id is not None:
                ids[one.key].add(one.lead_id)
                found.expect(one.lead_id in by_id, f"I1: lead {one.lead_id} was accepted and is not there")
        else:
            found.expect(one.status in REFUSED, f"I5: {one.key} got {one.status}, which says nothing plainly")
    for key, its in ids.items():
        found.expect(len(its) == 1, f"I4: {key} is the leads {sorted(its)}")
        stored = str(by_key[key]["lead_id"]) if key in by_key else None
        found.expect(its == {stored}, f"I4: {key} was told {sorted(its)} and is stored as {stored}")
    for key, sent in bodies.items():
        found.expect(len(sent) == 1, f"I4: {key} was accepted with {len(sent)} bodies")


def _row(found: Ledger, row: dict[str, Any], *, is_drained: bool) -> None:
    name, state = f"lead {row['lead_id']}", row["state"]
    if state == "pending":
        found.expect(not is_drained, f"I2: {name} is still pending: {row['detail']}")
        hours = row["due_in"].total_seconds() / 3600
        found.expect(hours <= LONGEST_WAIT_H, f"I2: {name} is not due for {hours:.1f} h")
        if row["leased_for"] is not None:
            hours = row["leased_for"].total_seconds() / 3600
            found.expect(hours <= LONGEST_LEASE_H, f"I2: {name} is leased for {row['leased_for']}")
    elif state in {"parked", "quarantined"}:
        found.expect(row["reason"], f"I2: {name} is {state} without a reason")
        found.expect(row["detail"], f"I2: {name} is {state} and nothing says what to do")
    if state == "parked" and row["reason"] == "exceeded":
        found.expect(row["failures"] >= 5, f"I2: {name} was given up after {row['failures']} failures: {row['detail']}")


def _contact(write: Write) -> str:
    return write.fields.get("email", "").lower() or write.fields.get("phone", "")


def _crm(found: Ledger, by_id: dict[str, Any], applied: Sequence[Write]) -> None:
    creates: dict[str, list[Write]] = defaultdict(list)
    of_lead: dict[str, list[Write]] = defaultdict(list)
    for write in applied:
        of_lead[write.lead_key].append(write)
        if write.kind == "create":
            creates[_contact(write)].append(write)
    for contact, its in creates.items():
        found.expect(len(its) == 1, f"I3: {contact} was created {len(its)} times, for {[one.lead_key for one in its]}")
    for key in of_lead:
        found.expect(key in by_id, f"I1: the CRM was written lead {key}, which is not there")
    for lead_id, row in by_id.items():
        if row["state"] == "delivered":
            met = {write.contact_id for write in of_lead.get(lead_id, [])}
            found.expect(met, f"I3: lead {lead_id} counts as delivered, and the CRM was never written it")
            found.expect(row["external_id"] in met, f"I3: lead {lead_id} is {row['external_id']}, the CRM wrote {met}")


def _order(found: Ledger, by_id: dict[str, Any], applied: Sequence[Write], replayed: Collection[str]) -> None:
    latest: dict[str, str] = {}
    for write in applied:
        row = by_id.get(write.lead_key)
        if row is None or write.lead_key in replayed:
            continue
        before = latest.get(row["contact_key"], "")
        found.expect(before <= write.lead_key, f"Order: the CRM got {write.lead_key} after {before}, a later lead")
        latest[row["contact_key"]] = max(before, write.lead_key)
