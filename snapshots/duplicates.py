"""Leads of the same person: found, shown with what a merge would say before it is done, merged, and parted again.

A merge deletes nothing and changes nothing of what was sent. It says of leads that they are duplicates of one, and
which values count from then on: whatever of them is delivered later goes to the CRM with these, under the policies of
the fields. The same e-mail address is found however old; the same number, or name and company, within half a year (a
number beside which no address was sent: however old).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import Connection, text

from snapshots import audit
from snapshots.inbox import Inbox

MOST: Final = 50
OWN: Final = ("email", "phone", "first_name", "last_name", "company")
WINDOW_MS: Final = 183 * 24 * 3600 * 1000


class MergeRefused(ValueError):
    """These cannot be merged; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A lead of the same person. why: what is the same. values: what is known of it, by field. kept_lead_id: the lead
    of which it is a duplicate already."""

    lead_id: UUID
    received_at: datetime
    state: str
    form: str | None
    why: str
    values: Mapping[str, str]
    kept_lead_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedField:
    """A field of a merge. wins: the value that counts, and of which lead it is. others: the different values that do
    not count, each with its lead."""

    name: str
    wins: str
    wins_from: UUID
    others: Sequence[tuple[UUID, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a lead is to others. duplicates: merged into it. duplicate_of: the one that it was merged into."""

    duplicates: Sequence[UUID]
    duplicate_of: UUID | None


def same_person(inbox: Inbox, lead_id: UUID) -> list[Candidate]:
    """Other leads of this lead's person, the newest first. Raises PermissionError for who may not see leads."""
    inbox.demand_sight()
    organization_id = inbox.viewer.organization_id
    with inbox.database.as_app(organization_id) as connection:
        lead = _leads(connection, organization_id, [lead_id]).get(lead_id)
        if lead is None:
            return []
        rows = connection.execute(text(_SAME), _asked(organization_id, lead_id, lead)).mappings()
        return [_candidate(row, lead) for row in rows]


def _asked(organization_id: int, lead_id: UUID, lead: Mapping[str, str]) -> dict[str, object]:
    name = " ".join(filter(None, (lead.get("first_name"), lead.get("last_name")))).lower()
    email, phone, company = lead.get("email", "").lower(), lead.get("phone", ""), lead.get("company", "").lower()
    at = lead_id.int >> 80
    return {
        "organization": organization_id, "lead": lead_id, "email": email or None, "phone": phone or None,
        "name": name if name and company else None, "company": company, "most": MOST,
        "keys": [key for key in (email, phone) if key],
        "first": UUID(int=max(0, at - WINDOW_MS) << 80), "last": UUID(int=(at + WINDOW_MS) << 80),
    }  # fmt: skip


# By its key a contact is found in an index; by anything else among the leads of half a year before and after, whose ids
# begin with their times.
_SAME = """
WITH found AS (
    SELECT l.lead_id FROM received_leads l
    WHERE l.organization_id = :organization AND l.contact_key = ANY(:keys)
    UNION
    SELECT l.lead_id FROM received_leads l
    WHERE l.organization_id = :organization AND l.lead_id BETWEEN :first AND :last
        AND (l.phone = :phone OR lower(concat_ws(' ', l.first_name, l.last_name)) = :name
            AND lower(l.company) = :company)
)
SELECT l.lead_id, l.received_at, l.state, f.name AS form, l.email, l.phone, l.first_name, l.last_name, l.company,
    l.extra, m.kept_lead_id
FROM found JOIN received_leads l ON l.organization_id = :organization AND l.lead_id = found.lead_id
LEFT JOIN forms f ON f.organization_id = :organization AND f.form_id = l.form_id
LEFT JOIN lead_merges m ON m.organization_id = :organization AND m.lead_id = l.lead_id
WHERE l.lead_id <> :lead ORDER BY l.lead_id DESC LIMIT :most
"""


def _candidate(row: Any, lead: Mapping[str, str]) -> Candidate:
    values = _values(row)
    same = {
        "the same e-mail address": values.get("email", "-").lower() == lead.get("email", "").lower(),
        "the same number": values.get("phone", "-") == lead.get("phone", ""),
    }
    why = [words for words, is_so in same.items() if is_so] or ["the same name and company"]
    return Candidate(
        lead_id=row["lead_id"], received_at=row["received_at"], state=row["state"], form=row["form"],
        why=", ".join(why), values=values, kept_lead_id=row["kept_lead_id"],
    )  # fmt: skip


def _values(row: Any) -> dict[str, str]:
    """What is known of a lead, by field; its own fields under their names, further ones under theirs."""
    known = {name: row[name] for name in OWN} | dict(row["extra"])
    return {name: str(value) for name, value in known.items() if value}


def _leads(connection: Connection, organization_id: int, lead_ids: Sequence[UUID]) -> dict[UUID, dict[str, str]]:
    rows = connection.execute(
        text(
            f"SELECT lead_id, {', '.join(OWN)}, extra FROM received_leads WHERE organization_id = :organization "
            "AND lead_id = ANY(:leads) ORDER BY lead_id"
        ),
        {"organization": organization_id, "leads": list(lead_ids)},
    )
    return {row["lead_id"]: _values(row) for row in rows.mappings()}


def preview(kept: tuple[UUID, Mapping[str, str]], others: Sequence[Candidate]) -> list[MergedField]:
    """What a merge would say: the kept lead's own values win; what it does not say the newest does that says it."""
    told = [kept, *((one.lead_id, one.values) for one in sorted(others, key=lambda one: one.lead_id, reverse=True))]
    names = [*OWN, *sorted({name for _, values in told for name in values} - set(OWN))]
    return [field for name in names if (field := _merged(name, told)) is not None]


def _merged(name: str, told: Sequence[tuple[UUID, Mapping[str, str]]]) -> MergedField | None:
    said = [(lead_id, values[name]) for lead_id, values in told if values.get(name)]
    if not said:
        return None
    (winner, wins), *rest = said
    others = tuple((lead_id, value) for lead_id, value in rest if value.casefold() != wins.casefold())
    return MergedField(name=name, wins=wins, wins_from=winner, others=others)


def standing(inbox: Inbox, lead_id: UUID) -> Standing:
    """Raises PermissionError."""
    inbox.demand_sight()
    with inbox.database.as_app(inbox.viewer.organization_id) as connection:
        return _standing(connection, inbox.viewer.organization_id, lead_id)


def _standing(connection: Connection, organization_id: int, lead_id: UUID) -> Standing:
    rows = connection.execute(
        text(
            "SELECT lead_id, kept_lead_id FROM lead_merges WHERE organization_id = :organization "
            "AND (lead_id = :lead OR kept_lead_id = :lead) ORDER BY lead_id"
        ),
        {"organization": organization_id, "lead": lead_id},
    ).all()
    return Standing(
        duplicates=[row.lead_id for row in rows if row.kept_lead_id == lead_id],
        duplicate_of=next((row.kept_lead_id for row in rows if row.lead_id == lead_id), None),
    )


def merge(inbox: Inbox, kept_id: UUID, other_ids: Sequence[UUID], *, by: str, now: datetime) -> list[MergedField]:
    """Say that the others are duplicates of this one. What was merged into them goes with them. Returns what counts
    now. Raises MergeRefused, and PermissionError for who may not change settings."""
    _demand(inbox)
    organization_id = inbox.viewer.organization_id
    with inbox.database.as_app(organization_id) as connection:
        _lock(connection, organization_id, [kept_id, *other_ids])
        wanted = _checked(connection, organization_id, kept_id, other_ids)
        leads = _leads(connection, organization_id, [kept_id, *wanted])
        if set(leads) != {kept_id, *wanted}:
            raise MergeRefused("One of these leads is not there.")
        others = [_bare(one, leads[one]) for one in wanted]
        fields = preview((kept_id, leads[kept_id]), others)
        values = {field.name: field.wins for field in fields}
        before = _standing(connection, organization_id, kept_id)
        _write(connection, organization_id, kept_id, wanted, values, by=by, now=now)
        after = {"duplicates": [str(one) for one in wanted]} | _gained(leads[kept_id], values)
        _note(connection, organization_id, kept_id, "merged", by=by, now=now,
              before={"duplicates": [str(one) for one in before.duplicates]}, after=after)  # fmt: skip
    return fields


def _bare(lead_id: UUID, values: Mapping[str, str]) -> Candidate:
    at = datetime.fromtimestamp(0).astimezone()
    return Candidate(lead_id=lead_id, received_at=at, state="", form=None, why="", values=values, kept_lead_id=None)


def _gained(held: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if name not in held}


def _checked(connection: Connection, organization_id: int, kept_id: UUID, other_ids: Sequence[UUID]) -> list[UUID]:
    """The others with what was merged into them, and what is merged into the kept one already."""
    kept = _standing(connection, organization_id, kept_id)
    if kept.duplicate_of is not None:
        raise MergeRefused("This lead is a duplicate itself. Open the one that was kept, and merge there.")
    wanted = {*kept.duplicates, *other_ids}
    for one in other_ids:
        theirs = _standing(connection, organization_id, one)
        if theirs.duplicate_of not in {None, kept_id}:
            raise MergeRefused("One of them is a duplicate of another lead. Undo that first.")
        wanted |= set(theirs.duplicates)
    wanted.discard(kept_id)
    if not wanted:
        raise MergeRefused("Choose the leads that are duplicates.")
    return sorted(wanted)


def _lock(connection: Connection, organization_id: int, lead_ids: Sequence[UUID]) -> None:
    """In the order of receipt, so that two people who merge do not stop each other for good."""
    connection.execute(
        text(
            "SELECT lead_id FROM received_leads WHERE organization_id = :organization AND lead_id = ANY(:leads) "
            "ORDER BY lead_id FOR UPDATE"
        ),
        {"organization": organization_id, "leads": list(lead_ids)},
    )


def _write(
    connection: Connection, organization_id: int, kept_id: UUID, others: Sequence[UUID], values: Mapping[str, str],
    *, by: str, now: datetime,
) -> None:  # fmt: skip
    own = {"organization": organization_id, "kept": kept_id, "by": by, "at": now}
    connection.execute(
        text(
            "INSERT INTO lead_merges (organization_id, lead_id, kept_lead_id, merged_at, by) "
            "SELECT :organization, one, :kept, :at, :by FROM unnest(cast(:others AS uuid[])) AS one "
            "ON CONFLICT (organization_id, lead_id) DO UPDATE SET kept_lead_id = excluded.kept_lead_id"
        ),
        own | {"others": list(others)},
    )
    connection.execute(
        text("DELETE FROM merged_values WHERE organization_id = :organization AND lead_id = ANY(:leads)"),
        own | {"leads": [kept_id, *others]},
    )
    connection.execute(
        text(
            "INSERT INTO merged_values (organization_id, lead_id, values) "
            "VALUES (:organization, :kept, cast(:values AS jsonb))"
        ),
        own | {"values": orjson.dumps(values).decode()},
    )


def undo(inbox: Inbox, kept_id: UUID, *, by: str, now: datetime) -> bool:
    """Nothing is a duplicate of this one any more. False where nothing was. What was delivered meanwhile stays in the
    CRM. Raises PermissionError for who may not change settings."""
    _demand(inbox)
    organization_id = inbox.viewer.organization_id
    with inbox.database.as_app(organization_id) as connection:
        _lock(connection, organization_id, [kept_id])
        held = _standing(connection, organization_id, kept_id).duplicates
        if not held:
            return False
        own = {"organization": organization_id, "kept": kept_id}
        connection.execute(
            text("DELETE FROM lead_merges WHERE organization_id = :organization AND kept_lead_id = :kept"), own
        )
        connection.execute(
            text("DELETE FROM merged_values WHERE organization_id = :organization AND lead_id = :kept"), own
        )
        _note(connection, organization_id, kept_id, "merge undone", by=by, now=now,
              before={"duplicates": [str(one) for one in held]}, after={"duplicates": []})  # fmt: skip
    return True


def _demand(inbox: Inbox) -> None:
    inbox.demand_sight()
    if not inbox.viewer.may_change_settings:
        raise PermissionError(f"The role {inbox.viewer.role} may not merge leads.")


def _note(
    connection: Connection, organization_id: int, lead_id: UUID, action: str, *, by: str, now: datetime,
    before: Mapping[str, object], after: Mapping[str, object],
) -> None:  # fmt: skip
    """In the lead's own journey, and in the audit log."""
    connection.execute(
        text(
            "INSERT INTO lead_actions (organization_id, lead_id, at, who, action, before, after) VALUES "
            "(:organization, :lead, :at, :who, :action, cast(:before AS jsonb), cast(:after AS jsonb))"
        ),
        {
            "organization": organization_id, "lead": lead_id, "at": now, "who": by, "action": action,
            "before": orjson.dumps(before).decode(), "after": orjson.dumps(after).decode(),
        },
    )  # fmt: skip
    audit.record(
        connection, organization_id, by=by, action=action, subject="lead", subject_id=str(lead_id), before=before,
        after=after,
    )  # fmt: skip
