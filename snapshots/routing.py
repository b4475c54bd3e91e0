"""Gives a received lead to a person, once, and has those told who are to be told: before its first delivery, and while
it waits for a CRM that cannot take it (`snapshots.waiting_leads`).

One transaction locks the lead and the organization's rules, decides (`snapshots.turns`), and writes the owner, whose
turn it is now, and the notifications: two workers never give the same turn away twice, and none is skipped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import phonenumbers
from sqlalchemy import Connection, text

from snapshots import arrivals, notifications
from snapshots.arrivals import Arrival, Scorer
from snapshots.database import Database
from snapshots.routing_rules import Rule, read_absences, read_capacities, read_rules
from snapshots.turns import Decision, Desk, LeadFacts, Turn, decide
from snapshots.visits import came_from


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """rule: its name; None where no rule decided, or it was removed. owner: None, nobody."""

    lead_id: UUID
    at: datetime
    owner_id: int | None
    owner: str | None
    rule: str | None
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """clock: SQL of the present, replaced by tests. scores: says what a lead scores, before anything is locked; None:
    leads have no score here."""

    database: Database
    clock: str = "clock_timestamp()"
    scores: Scorer | None = None

    def route(self, organization_id: int, lead_id: UUID, connection_id: int | None) -> str | None:
        """Give the lead to its owner, if that was not done before. Returns the owner's id in the CRM of this
        connection; None: nobody, unknown there, or gone since, for a CRM refuses a contact of somebody who left."""
        arrival = self._score(organization_id, lead_id)
        with self.database.as_app(organization_id) as connection:
            lead = self._lead(connection, organization_id, lead_id)
            if lead is None:
                return None
            owner_id = (
                lead["owner_id"] if lead["is_given"] else self._assign(connection, organization_id, lead, arrival)
            )
            return _external_id(connection, organization_id, owner_id, connection_id)

    def give(self, organization_id: int, lead_id: UUID) -> bool:
        """The same for a lead that waits, whatever its CRM does. False where somebody else has it in hand, or it does
        not wait any more."""
        arrival = self._score(organization_id, lead_id)
        with self.database.as_app(organization_id) as connection:
            own = {"organization": organization_id, "lead": lead_id}
            if connection.execute(_TAKE, own).scalar_one_or_none() is None:
                return False
            lead = self._lead(connection, organization_id, lead_id)
            if lead is not None and not lead["is_given"]:
                self._assign(connection, organization_id, lead, arrival)
            connection.execute(_LOOKED_AT, own)
        return True

    def _score(self, organization_id: int, lead_id: UUID) -> Arrival | None:
        """What the lead scores; None also where it was given away already."""
        if self.scores is None or not self.scores.is_wanted(organization_id):
            return None
        with self.database.as_app(organization_id) as connection:
            lead = self._lead(connection, organization_id, lead_id)
        return None if lead is None or lead["is_given"] else self.scores.score(organization_id, lead_id)

    def _lead(self, connection: Connection, organization_id: int, lead_id: UUID) -> Any | None:
        """A row, None: there is no such lead."""
        statement = text(_LEAD.format(now=self.clock))
        found = connection.execute(statement, {"organization": organization_id, "lead": lead_id})
        return found.mappings().one_or_none()

    def _assign(
        self, connection: Connection, organization_id: int, lead: Mapping[str, Any], arrival: Arrival | None
    ) -> int | None:
        told = notifications.recipients(connection, organization_id, lead["form_id"])
        if not lead["has_rules"] and not told:
            arrivals.keep(connection, organization_id, arrival, now=lead["now"])
            return None
        connection.execute(_HOLD, {"organization": organization_id, "lead": lead["lead_id"]})
        arrivals.keep(connection, organization_id, arrival, now=lead["now"])
        has_rules = lead["has_rules"] and _lock(connection, organization_id)
        if not has_rules and not told:
            return None
        again = self._lead(connection, organization_id, lead["lead_id"])
        if again is None or again["is_given"]:  # somebody else was waiting for the same lead
            return again["owner_id"] if again else None
        day: date = again["day"]
        source, campaign = came_from(
            connection, organization_id, body=bytes(again["body"]), source=again["source"], campaign=again["campaign"]
        )
        again = {**again, "source": source, "campaign": campaign}
        facts = facts_of(again, arrival)
        decision = decide(facts, _desk(connection, organization_id, day)) if has_rules else _NO_RULES
        _write(connection, organization_id, again, decision)
        notifications.enqueue(connection, organization_id, lead["lead_id"], [*told, *_mail_of(connection,
                              organization_id, decision.owner_id)], at=again["now"])  # fmt: skip
        return decision.owner_id


_NO_RULES = Decision(owner_id=None, rule=None, because="There are no rules.")
_LEAD = """
    SELECT l.lead_id, l.form_id, l.body, l.source, l.campaign, l.email, l.phone, l.first_name, l.last_name, l.company,
        l.extra, a.lead_id IS NOT NULL AS is_given, a.owner_id, {now} AS now,
        ({now} AT TIME ZONE o.time_zone)::date AS day,
        EXISTS (SELECT FROM routing_rules r WHERE r.organization_id = :organization AND r.is_active) AS has_rules
    FROM received_leads l JOIN organizations o ON o.organization_id = l.organization_id
    LEFT JOIN lead_assignments a ON a.organization_id = l.organization_id AND a.lead_id = l.lead_id
    WHERE l.organization_id = :organization AND l.lead_id = :lead
"""
# The lead before the rules, everywhere. Who waits for its row finds it given.
_HOLD = text(
    "SELECT lead_id FROM received_leads WHERE organization_id = :organization AND lead_id = :lead FOR NO KEY UPDATE"
)
_TAKE = text(
    "SELECT lead_id FROM received_leads WHERE organization_id = :organization AND lead_id = :lead "
    "AND state = 'pending' AND NOT is_routed FOR NO KEY UPDATE SKIP LOCKED"
)
_LOOKED_AT = text(
    "UPDATE received_leads SET is_routed = true "
    "WHERE organization_id = :organization AND lead_id = :lead AND NOT is_routed"
)


def would_go(database: Database, organization_id: int, facts: LeadFacts, *, day: date) -> Decision:
    """To whom such a lead would go on that day, as things stand; nobody's turn is taken."""
    with database.as_app(organization_id) as connection:
        return decide(facts, _desk(connection, organization_id, day))


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who may get leads. team_id: None, in no team."""

    owner_id: int
    name: str
    email: str | None
    team_id: int | None


def staff(database: Database, organization_id: int) -> dict[int, Person]:
    """Everyone who may get leads: active salespeople, by name."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text(
                "SELECT owner_id, coalesce(name, email, 'Nameless') AS name, email, team_id FROM owners "
                "WHERE organization_id = :organization AND is_active AND gone_at IS NULL ORDER BY 2, 1"
            ),
            {"organization": organization_id},
        )
        return {row["owner_id"]: Person(**row) for row in rows.mappings()}


def list_assignments(database: Database, organization_id: int, *, most: int = 50) -> list[Assignment]:
    """The last that were decided, the newest lead first."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text(f"{_ASSIGNMENTS} ORDER BY a.lead_id DESC LIMIT :most"), {"organization": organization_id, "most": most}
        )
        return [Assignment(**row) for row in rows.mappings()]


def assignment_of(database: Database, organization_id: int, lead_id: UUID) -> Assignment | None:
    """None: the lead was given to nobody, for nobody was asked."""
    with database.as_app(organization_id) as connection:
        row = connection.execute(
            text(f"{_ASSIGNMENTS} AND a.lead_id = :lead"), {"organization": organization_id, "lead": lead_id}
        ).mappings().one_or_none()  # fmt: skip
    return None if row is None else Assignment(**row)


_ASSIGNMENTS = """
    SELECT a.lead_id, a.at, a.owner_id, o.name AS owner, r.name AS rule, a.because FROM lead_assignments a
    LEFT JOIN owners o ON o.organization_id = a.organization_id AND o.owner_id = a.owner_id
    LEFT JOIN routing_rules r ON r.organization_id = a.organization_id AND r.rule_id = a.rule_id
    WHERE a.organization_id = :organization
"""


def facts_of(lead: Mapping[str, Any], arrival: Arrival | None = None) -> LeadFacts:
    """lead: a row of `received_leads`, with the source and campaign that it came from. arrival: None, no score."""
    own = {name: lead[name] or "" for name in ("email", "phone", "first_name", "last_name", "company")}
    return LeadFacts(
        form_id=lead["form_id"], source=lead["source"] or "", campaign=lead["campaign"] or "",
        country=country_of(lead["phone"]), values=own | {name: str(value) for name, value in lead["extra"].items()},
        score=arrival.score if arrival else None, band=arrival.band if arrival else "",
    )  # fmt: skip


def country_of(phone: str | None) -> str:
    """ISO 3166 code of a number that begins with its country's code; empty where that is not known."""
    if not phone or not phone.strip().startswith("+"):
        return ""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(phone)) or ""
    except phonenumbers.NumberParseException:
        return ""


def _lock(connection: Connection, organization_id: int) -> bool:
    """Alone until this transaction ends. False where there is no rule any more."""
    rows = connection.execute(
        text("SELECT rule_id FROM routing_rules WHERE organization_id = :id AND is_active ORDER BY rule_id FOR UPDATE"),
        {"id": organization_id},
    )
    return bool(rows.all())


def _desk(connection: Connection, organization_id: int, day: date) -> Desk:
    rules = [rule for rule in read_rules(connection, organization_id) if rule.is_active]
    absent = [one for one in read_absences(connection, organization_id, since=day) if one.first_day <= day]
    owners = connection.execute(
        text(
            "SELECT owner_id, coalesce(name, email, 'Nameless') AS name, team_id FROM owners "
            "WHERE organization_id = :organization AND is_active AND gone_at IS NULL ORDER BY owner_id"
        ),
        {"organization": organization_id},
    ).all()
    teams: dict[int, list[int]] = {}
    for owner in owners:
        teams.setdefault(owner.team_id, []).append(owner.owner_id)
    return Desk(
        rules=rules,
        people={owner.owner_id: owner.name for owner in owners},
        teams=teams,
        away={one.owner_id: one.stand_in_id for one in absent},
        room=_room(connection, organization_id, day),
        **_turns(connection, organization_id),
    )


def _room(connection: Connection, organization_id: int, day: date) -> dict[int, int]:
    limits = read_capacities(connection, organization_id)
    if not limits:
        return {}
    rows = connection.execute(
        text(
            "SELECT owner_id, count(*) AS n FROM lead_assignments WHERE organization_id = :organization "
            "AND owner_id = ANY(:owners) AND day = :day GROUP BY owner_id"
        ),
        {"organization": organization_id, "owners": list(limits), "day": day},
    )
    given = {row.owner_id: int(row.n) for row in rows}
    return {owner: limit - given.get(owner, 0) for owner, limit in limits.items()}


def _turns(connection: Connection, organization_id: int) -> dict[str, Any]:
    own = {"organization": organization_id}
    rules = connection.execute(
        text("SELECT rule_id, turn, served FROM routing_rules WHERE organization_id = :organization"), own
    ).all()
    members = connection.execute(
        text("SELECT rule_id, owner_id, turn, served FROM routing_turns WHERE organization_id = :organization"), own
    ).all()
    return {
        "rule_turns": {row.rule_id: Turn(turn=row.turn, served=row.served) for row in rules},
        "turns": {(row.rule_id, row.owner_id): Turn(turn=row.turn, served=row.served) for row in members},
    }


def _write(connection: Connection, organization_id: int, lead: Mapping[str, Any], decision: Decision) -> None:
    rule: Rule | None = decision.rule if decision.owner_id is not None else None
    own = {
        "organization": organization_id, "lead": lead["lead_id"], "owner": decision.owner_id,
        "rule": rule.rule_id if rule else None, "because": decision.because, "at": lead["now"], "day": lead["day"],
        "source": lead["source"], "campaign": lead["campaign"],
    }  # fmt: skip
    connection.execute(_ASSIGN, own)
    connection.execute(_NOTE_OWNER, own)
    if decision.turn is not None and decision.rule_turn is not None:
        connection.execute(_TURN, own | {"turn": decision.turn.turn, "served": decision.turn.served})
        connection.execute(_RULE_TURN, own | {"turn": decision.rule_turn.turn, "served": decision.rule_turn.served})


_ASSIGN = text(
    "INSERT INTO lead_assignments (organization_id, lead_id, owner_id, rule_id, because, at, day, source, campaign) "
    "VALUES (:organization, :lead, :owner, :rule, :because, :at, :day, :source, :campaign)"
)
_NOTE_OWNER = text(
    "UPDATE received_leads SET routed_owner_id = :owner, is_routed = true "
    "WHERE organization_id = :organization AND lead_id = :lead"
)
_TURN = text(
    "INSERT INTO routing_turns (organization_id, rule_id, owner_id, turn, served) "
    "VALUES (:organization, :rule, :owner, :turn, :served) ON CONFLICT (organization_id, rule_id, owner_id) "
    "DO UPDATE SET turn = excluded.turn, served = excluded.served"
)
_RULE_TURN = text(
    "UPDATE routing_rules SET turn = :turn, served = :served WHERE organization_id = :organization AND rule_id = :rule"
)


def _mail_of(connection: Connection, organization_id: int, owner_id: int | None) -> Sequence[notifications.Recipient]:
    if owner_id is None:
        return []
    address = connection.execute(
        text("SELECT email FROM owners WHERE organization_id = :organization AND owner_id = :owner"),
        {"organization": organization_id, "owner": owner_id},
    ).scalar_one_or_none()
    return [notifications.Recipient("email", address)] if address else []


def _external_id(
    connection: Connection, organization_id: int, owner_id: int | None, connection_id: int | None
) -> str | None:
    if owner_id is None or connection_id is None:
        return None
    found: str | None = connection.execute(
        text(
            "SELECT l.external_id FROM external_links l JOIN owners o ON o.organization_id = l.organization_id "
            "AND o.owner_id = l.entity_id AND o.is_active AND o.gone_at IS NULL WHERE l.organization_id = "
            ":organization AND l.kind = 'owner' AND l.entity_id = :owner AND l.connection_id = :connection "
            "AND NOT l.is_merged LIMIT 1"
        ),
        {"organization": organization_id, "owner": owner_id, "connection": connection_id},
    ).scalar_one_or_none()
    return found
