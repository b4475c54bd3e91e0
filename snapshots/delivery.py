"""The outbox: which leads are due, who has claimed them, and what became of each attempt.

A claim is a lease with a fencing token that grows with every claim. Whoever marks an outcome names its token; a process
that was stopped for longer than its lease finds that it is not its lead any more. Leases are measured by the database's
clock, so that machines need not agree on the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from adapters.base import ContactInput, FieldPolicy
from snapshots.database import Database
from snapshots.delivery_rules import Tried, Verdict
from snapshots.forms import MappedField, mapped_fields

LEASE = timedelta(seconds=60)
"""How long a dead process holds a lead; renewed by a heartbeat while the attempt runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A lead that this process may deliver now. connection_id: None where no connection takes leads. is_probe: its
    account has paused, and this lead finds out whether it works again."""

    organization_id: int
    lead_id: UUID
    fence: int
    connection_id: int | None
    contact: ContactInput
    tried: Tried
    is_probe: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox:
    """providers: the CRMs that take leads. worker: names this process in what it writes. lease: how long a claim holds
    without a heartbeat. clock: SQL of the present, replaced by tests."""

    database: Database
    providers: Sequence[str]
    worker: str
    lease: timedelta = LEASE
    clock: str = "clock_timestamp()"

    def claim_due(self, most: int) -> list[Claim]:
        """Up to `most` leads that are due, the longest due first, by turns of organizations, in order per contact."""
        return self._claim(_DUE, most=most)

    def claim_one(self, organization_id: int, lead_id: UUID) -> Claim | None:
        """This lead, though it is not due yet; None where it may not be delivered now, or is claimed already."""
        found = self._claim(_THIS, most=1, organization=organization_id, lead=lead_id)
        return found[0] if found else None

    def _claim(self, which: str, **known: object) -> list[Claim]:
        with self.database.as_worker() as connection:
            parameters = {"providers": list(self.providers), "worker": self.worker, "lease": self.lease, **known}
            leads = _LEADS.format(condition=which.format(now=self.clock), now=self.clock, mapped=_MAPPED)
            can_go = _CAN_GO.format(takes_leads=_TAKES_LEADS, now=self.clock)
            statement = _CLAIM.format(leads=leads, can_go=can_go, now=self.clock)
            rows = connection.execute(text(statement), parameters).mappings().all()
            probed = {(row["organization_id"], row["connection_id"]) for row in rows if row["is_probe"]}
            for organization_id, connection_id in probed:
                # While this one finds out whether the account works again, the others wait.
                connection.execute(
                    text(
                        f"UPDATE delivery_accounts SET paused_until = {self.clock} + :lease "
                        "WHERE organization_id = :o AND connection_id = :c"
                    ),
                    {"lease": self.lease, "o": organization_id, "c": connection_id},
                )
        return [_claim_of(row) for row in rows]

    def extend(self, claims: Sequence[Claim]) -> list[Claim]:
        """Heartbeat: the leases of attempts that still run. Returns those that still held."""
        if not claims:
            return []
        with self.database.as_worker() as connection:
            rows = connection.execute(
                text(
                    f"UPDATE received_leads l SET lease_until = {self.clock} + :lease "
                    "FROM unnest(cast(:organizations AS bigint[]), cast(:leads AS uuid[]), cast(:fences AS int[])) "
                    "AS mine (organization_id, lead_id, fence) "
                    "WHERE l.organization_id = mine.organization_id AND l.lead_id = mine.lead_id "
                    "AND l.fence = mine.fence AND l.state = 'pending' AND l.lease_until IS NOT NULL "
                    "RETURNING l.lead_id, l.fence"
                ),
                {
                    "lease": self.lease,
                    "organizations": [claim.organization_id for claim in claims],
                    "leads": [claim.lead_id for claim in claims],
                    "fences": [claim.fence for claim in claims],
                },
            )
            held = {(row.lead_id, row.fence) for row in rows}
        return [claim for claim in claims if (claim.lead_id, claim.fence) in held]

    def settle(self, claim: Claim, verdict: Verdict) -> bool:
        """Write down what became of the attempt; again changes nothing. False where the lease was lost meanwhile and
        somebody else has it: then the attempt alone is noted, and the lead is left to its new holder."""
        with self.database.as_worker() as connection:
            if self._is_settled(connection, claim):
                return True
            is_mine = self._settle_lead(connection, claim, verdict)
            connection.execute(
                text(
                    f"UPDATE delivery_attempts SET finished_at = {self.clock}, outcome = :outcome, detail = :detail "
                    "WHERE organization_id = :o AND lead_id = :lead AND fence = :fence"
                ),
                {
                    "o": claim.organization_id,
                    "lead": claim.lead_id,
                    "fence": claim.fence,
                    "outcome": verdict.outcome,
                    "detail": verdict.detail if is_mine else f"Too late: the lease had passed. {verdict.detail or ''}",
                },
            )
            if claim.connection_id is not None:
                self._note_account(connection, claim, verdict)
        return is_mine

    def _is_settled(self, connection: Connection, claim: Claim) -> bool:
        """Whether this was written before, by a commit whose confirmation was lost."""
        found = connection.execute(
            text(
                "SELECT finished_at IS NOT NULL FROM delivery_attempts "
                "WHERE organization_id = :o AND lead_id = :lead AND fence = :fence"
            ),
            {"o": claim.organization_id, "lead": claim.lead_id, "fence": claim.fence},
        )
        return bool(found.scalar_one_or_none())

    def _settle_lead(self, connection: Connection, claim: Claim, verdict: Verdict) -> bool:
        done = connection.execute(
            text(
                "UPDATE received_leads SET state = :state, reason = :reason, detail = :detail, "
                "attempts = attempts + :counts, lease_until = NULL, connection_id = :connection, "
                "next_attempt_at = CASE WHEN :state = 'pending' THEN "
                f"{self.clock} + make_interval(secs => :wait) END, outcome = :outcome, external_id = :external, "
                f"delivered_at = CASE WHEN :state = 'delivered' THEN {self.clock} END "
                "WHERE organization_id = :o AND lead_id = :lead AND fence = :fence AND state = 'pending'"
            ),
            {
                "state": verdict.state,
                "reason": verdict.parked,
                "detail": verdict.detail,
                "counts": int(verdict.counts),
                "connection": claim.connection_id,
                "wait": verdict.wait_s,
                "outcome": verdict.outcome if verdict.state == "delivered" else None,
                "external": verdict.external_id,
                "o": claim.organization_id,
                "lead": claim.lead_id,
                "fence": claim.fence,
            },
        )
        return bool(done.rowcount)

    def _note_account(self, connection: Connection, claim: Claim, verdict: Verdict) -> None:
        """While an account pauses, what began before it paused says nothing: only its probe ends the pause."""
        key = {"o": claim.organization_id, "c": claim.connection_id, "probe": claim.is_probe}
        if verdict.works:
            connection.execute(
                text(
                    "DELETE FROM delivery_accounts WHERE organization_id = :o AND connection_id = :c "
                    f"AND (:probe OR paused_until IS NULL OR paused_until <= {self.clock})"
                ),
                key,
            )
        elif verdict.failed or verdict.pause_s is not None:
            connection.execute(
                text(
                    "INSERT INTO delivery_accounts AS a "
                    "(organization_id, connection_id, failures, paused_until, reason, detail, since) "
                    f"VALUES (:o, :c, :failed, {self.clock} + make_interval(secs => :pause), :reason, :detail, "
                    f"{self.clock}) ON CONFLICT (organization_id, connection_id) DO UPDATE SET "
                    "failures = a.failures + CASE WHEN a.paused_until IS NULL OR :probe "
                    "THEN excluded.failures ELSE 0 END, "
                    "paused_until = CASE WHEN :probe THEN excluded.paused_until "
                    "ELSE greatest(a.paused_until, excluded.paused_until) END, "
                    "reason = excluded.reason, detail = excluded.detail"
                ),
                {
                    **key,
                    "failed": int(verdict.failed),
                    "pause": verdict.pause_s,
                    "reason": verdict.outcome,
                    "detail": verdict.detail,
                },
            )
        elif claim.is_probe:
            connection.execute(
                text(
                    f"UPDATE delivery_accounts SET paused_until = {self.clock} "
                    "WHERE organization_id = :o AND connection_id = :c"
                ),
                key,
            )


_MAPPED = "$.steps[*].fields[*] ? (exists(@.properties.*))"
# Where a lead goes: the connection of its form, else the first one of the organization that takes leads. What its
# fields are called there is said by the form as it is now, so that a wrong name can be mended and the lead replayed;
# for fields that the form does not have any more, by the version that was filled in.
_LEADS = """
    SELECT l.organization_id, l.lead_id, l.next_attempt_at, l.lease_until, c.connection_id, c.provider,
        jsonb_path_query_array(v.definition, '{mapped}') AS asked,
        jsonb_path_query_array(p.definition, '{mapped}') AS fields,
        jsonb_path_query_array(p.definition, '$.steps[*].fields[*].name') AS names,
        coalesce(a.failures, 0) AS failures, a.paused_until IS NOT NULL AS is_probe
    FROM received_leads l
    LEFT JOIN forms f ON f.organization_id = l.organization_id AND f.form_id = l.form_id
    LEFT JOIN form_versions p ON p.organization_id = l.organization_id AND p.form_id = l.form_id
        AND p.version = f.published_version
    LEFT JOIN form_versions v ON v.organization_id = l.organization_id AND v.form_id = l.form_id
        AND v.version = l.form_version AND v.version <> p.version
    LEFT JOIN LATERAL (
        SELECT one.connection_id, one.provider FROM crm_connections one
        WHERE one.organization_id = l.organization_id AND one.is_active AND one.provider = ANY(:providers)
            AND (f.connection_id IS NULL OR f.connection_id = one.connection_id)
        ORDER BY one.connection_id LIMIT 1
    ) c ON true
    LEFT JOIN delivery_accounts a ON a.organization_id = l.organization_id AND a.connection_id = c.connection_id
    WHERE {condition} AND l.state = 'pending' AND (a.paused_until IS NULL OR a.paused_until <= {now})
        AND NOT EXISTS (
            SELECT FROM received_leads e WHERE e.organization_id = l.organization_id
            AND e.contact_key = l.contact_key AND e.lead_id <> l.lead_id AND e.state = 'pending'
            AND (e.lead_id < l.lead_id OR e.lease_until > {now}))
    ORDER BY l.next_attempt_at LIMIT :most FOR UPDATE OF l SKIP LOCKED
"""
_TAKES_LEADS = "u.is_active AND u.provider = ANY(:providers)"
_DUE = """l.organization_id = o.organization_id AND l.next_attempt_at <= {now}
    AND (l.lease_until IS NULL OR l.lease_until <= {now})"""
_THIS = """l.organization_id = o.organization_id AND o.organization_id = :organization AND l.lead_id = :lead
    AND l.lease_until IS NULL"""

# While all accounts of an organization pause, its leads are not even looked at: there may be very many. But one whose
# form names a connection that is gone waits for none of them.
_CAN_GO = """(
    NOT EXISTS (SELECT FROM crm_connections u WHERE u.organization_id = o.organization_id AND {takes_leads})
    OR EXISTS (
        SELECT FROM crm_connections u LEFT JOIN delivery_accounts a USING (organization_id, connection_id)
        WHERE u.organization_id = o.organization_id AND {takes_leads}
        AND (a.paused_until IS NULL OR a.paused_until <= {now}))
    OR EXISTS (
        SELECT FROM forms f WHERE f.organization_id = o.organization_id AND f.connection_id NOT IN (
            SELECT u.connection_id FROM crm_connections u
            WHERE u.organization_id = o.organization_id AND {takes_leads}))
)"""
# An account that paused is probed with one lead at a time. An attempt that ended with its process counts as one. What
# a person sends again is as patient as what has just come in.
_CLAIM = """
WITH ready AS MATERIALIZED (SELECT l.* FROM organizations o CROSS JOIN LATERAL ({leads}) l WHERE {can_go}),
chosen AS (
    SELECT * FROM (
        SELECT *, row_number() OVER (PARTITION BY organization_id, is_probe, CASE WHEN is_probe THEN connection_id END
            ORDER BY next_attempt_at, lead_id) AS turn
        FROM ready
    ) r WHERE NOT is_probe OR turn = 1 ORDER BY turn, next_attempt_at LIMIT :most
),
claimed AS (
    UPDATE received_leads l SET lease_until = {now} + :lease, fence = l.fence + 1,
        attempts = l.attempts + (l.lease_until IS NOT NULL)::int
    FROM chosen WHERE l.organization_id = chosen.organization_id AND l.lead_id = chosen.lead_id
    RETURNING l.*, chosen.connection_id AS destination, chosen.provider, chosen.asked, chosen.fields,
        chosen.names, chosen.failures, chosen.is_probe,
        chosen.lease_until IS NOT NULL AS was_interrupted, chosen.lease_until AS interrupted_at
),
noted AS (
    INSERT INTO delivery_attempts (organization_id, lead_id, fence, connection_id, worker, started_at)
    SELECT organization_id, lead_id, fence, destination, :worker, {now} FROM claimed
)
SELECT organization_id, lead_id, fence, destination AS connection_id, email, phone, first_name, last_name, company,
    extra, provider, asked, fields, names, attempts, failures, is_probe, was_interrupted,
    {now} - greatest(received_at, (
        SELECT max(d.at) FROM lead_actions d
        WHERE d.organization_id = claimed.organization_id AND d.lead_id = claimed.lead_id)) AS age,
    {now} - greatest(interrupted_at, (
        SELECT max(a.finished_at) FROM received_leads e JOIN delivery_attempts a USING (organization_id, lead_id)
        WHERE e.organization_id = claimed.organization_id AND e.contact_key = claimed.contact_key
        AND a.outcome IN ('created', 'retry', 'exceeded', 'ambiguous'))) AS unsure_since,
    EXISTS (SELECT FROM received_leads e
        WHERE e.organization_id = claimed.organization_id AND e.contact_key = claimed.contact_key
        AND e.lead_id < claimed.lead_id AND e.state = 'parked' AND e.reason = 'ambiguous') AS is_behind_ambiguous,
    (SELECT count(*) FROM delivery_attempts a WHERE a.organization_id = claimed.organization_id
        AND a.lead_id = claimed.lead_id AND a.outcome = 'unrouted') AS unrouted,
    (SELECT e.external_id FROM received_leads e
        WHERE e.organization_id = claimed.organization_id AND e.contact_key = claimed.contact_key
        AND e.state = 'delivered' AND e.connection_id = claimed.destination
        ORDER BY e.delivered_at DESC LIMIT 1) AS known_id,
    (SELECT v.values FROM merged_values v WHERE v.organization_id = claimed.organization_id AND v.lead_id = coalesce((
        SELECT m.kept_lead_id FROM lead_merges m
        WHERE m.organization_id = claimed.organization_id AND m.lead_id = claimed.lead_id), claimed.lead_id)) AS merged
FROM claimed ORDER BY lead_id
"""


def _claim_of(row: Any) -> Claim:
    return Claim(
        organization_id=row["organization_id"],
        lead_id=row["lead_id"],
        fence=row["fence"],
        connection_id=row["connection_id"],
        contact=replace(contact_input(_as_merged(row), _mapping(row)), external_id=row["known_id"]),
        is_probe=row["is_probe"],
        tried=Tried(
            attempts=row["attempts"],
            failures=row["failures"],
            age=row["age"],
            was_interrupted=row["was_interrupted"],
            unsure_since=row["unsure_since"],
            is_behind_ambiguous=row["is_behind_ambiguous"],
            unrouted=row["unrouted"],
        ),
    )


def _as_merged(row: Any) -> Any:
    """The row with what a person said of duplicates, where one did."""
    if not row["merged"]:
        return row
    own = {name: value for name, value in row["merged"].items() if name in _OWN}
    return {**row, **own, "extra": row["extra"] | {n: v for n, v in row["merged"].items() if n not in _OWN}}


_OWN = ("email", "phone", "first_name", "last_name", "company")


def _mapping(row: Any) -> list[MappedField]:
    asked, fields, names = (row[name] or [] for name in ("asked", "fields", "names"))
    return list(mapped_fields([*(one for one in asked if one["name"] not in names), *fields], row["provider"]))


def contact_input(row: Any, fields: Sequence[MappedField]) -> ContactInput:
    """What goes to the CRM. A field that is filled there already is left alone unless its form says otherwise; what the
    form does not map stays with us."""
    own = {name: row[name] for name in ("email", "phone", "first_name", "last_name", "company")}
    known = row["extra"] | {name: value for name, value in own.items() if value}
    # A field never takes the place of another one of the contact itself: it would become somebody else.
    fields = [one for one in fields if one.property not in own or one.property == one.name]
    extra = {one.property: known[one.name] for one in fields if one.name in known and one.property not in own}
    policies = dict.fromkeys(own, FieldPolicy.IF_EMPTY) | {one.property: one.policy for one in fields}
    return ContactInput(**own, fields=extra, policies=policies, key=str(row["lead_id"]))
