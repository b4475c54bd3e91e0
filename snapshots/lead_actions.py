"""What people do with leads that wait for them: replay, release, edit, and resume an account that paused.

Each is one transaction that notes who did it, what was before and what is after. Only leads that are parked or
quarantined are ever touched, for nobody delivers these; nothing is dropped, by anybody.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

import orjson
import phonenumbers
from email_validator import EmailNotValidError, validate_email
from sqlalchemy import Connection, text

from snapshots.database import Database
from snapshots.inbox import Inbox
from snapshots.intake import CHANNEL
from snapshots.lead_filter import ASIDE, LeadFilter, LeadState
from snapshots.slices import Viewer, Where

LEAST_DIGITS: Final = 5
MOST_TEXT: Final = 500
"""Characters of a name or company; as much as the endpoint keeps of them."""
_CHECKED_FLAGS = ("no_email", "phone_unverified")
"""Flags that an edit may set or take away; the others say how the lead was sent."""


class InvalidEdit(Exception):
    """`field` cannot be so; the message says what is needed."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadEdit:
    """All that a person may correct. Empty texts mean that there is none."""

    email: str = ""
    phone: str = ""
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadActions:
    """who: names the person in what is written. clock: SQL of the present, replaced by tests.

    Every method raises PermissionError for a viewer who may not change settings.
    """

    database: Database
    viewer: Viewer
    who: str
    clock: str = "clock_timestamp()"

    def replay(self, lead_id: UUID, *, fence: int) -> bool:
        """Deliver this lead anew; one in quarantine is released. False where it is not as it was seen: somebody was
        faster, or it is pending or delivered."""
        where = self._matching(LeadFilter(states=ASIDE)).add("l.lead_id = :lead", lead=lead_id)
        return bool(self._send(where.add("l.fence = :fence", fence=fence)))

    def replay_all(self, wanted: LeadFilter, state: LeadState) -> int:
        """Deliver anew all leads that match and are in this state, parked or quarantined. How many that were."""
        if state not in ASIDE:
            raise ValueError(f"A lead that is {state} is not replayed.")
        if wanted.states and state not in wanted.states:
            return 0
        return self._send(self._matching(replace(wanted, states=(state,))))

    def edit(self, lead_id: UUID, edit: LeadEdit, *, fence: int) -> bool:
        """Correct this lead and deliver it anew. False as in `replay`. Raises InvalidEdit."""
        where = self._matching(LeadFilter(states=ASIDE)).add("l.lead_id = :lead", lead=lead_id)
        where.add("l.fence = :fence", fence=fence)
        with self.database.as_app(self.viewer.organization_id) as connection:
            row = (
                connection.execute(
                    text(
                        f"SELECT l.email, l.phone, l.first_name, l.last_name, l.company, l.extra, l.flags, "
                        "l.contact_key, (SELECT nullif(jsonb_path_query_first(v.definition, "
                        "'$.steps[*].fields[*] ? (@.name == \"phone\").country') #>> '{}', '') FROM forms f "
                        "JOIN form_versions v ON v.organization_id = f.organization_id AND v.form_id = f.form_id "
                        "AND v.version = coalesce(l.form_version, f.published_version) WHERE f.organization_id = "
                        "l.organization_id AND f.form_id = l.form_id) AS region "
                        f"FROM received_leads l WHERE {where} FOR UPDATE OF l"
                    ),
                    where.parameters,
                )
                .mappings()
                .one_or_none()
            )
            if row is None:
                return False
            before = {name: value for name, value in row.items() if name != "region"}
            after = _corrected(edit, before, region=row["region"], lead_id=lead_id)
            self._write(connection, lead_id, after)
            changed = [name for name in after if after[name] != before[name] and name != "contact_key"]
            self._send_within(
                connection,
                where,
                {"before": {name: before[name] for name in changed}, "after": {name: after[name] for name in changed}},
            )
        return True

    def resume(self, connection_id: int) -> bool:
        """Try a paused account now, with one lead: if that works the others follow. False where it is not paused."""
        self._demand()
        asked = {"organization": self.viewer.organization_id, "connection": connection_id, "who": self.who}
        with self.database.as_app(self.viewer.organization_id) as connection:
            done = connection.execute(
                text(
                    f"UPDATE delivery_accounts SET paused_until = {self.clock} WHERE organization_id = :organization "
                    "AND connection_id = :connection AND paused_until IS NOT NULL"
                ),
                asked,
            )
            if not done.rowcount:
                return False
            connection.execute(text(_DUE_NOW.format(now=self.clock)), asked)
            _wake(connection)
        return True

    def _demand(self) -> None:
        if not self.viewer.may_change_settings:
            raise PermissionError(f"The role {self.viewer.role} may not replay or edit leads.")

    def _matching(self, wanted: LeadFilter) -> Where:
        self._demand()
        return Inbox(self.database, self.viewer).matching(wanted)

    def _send(self, where: Where) -> int:
        with self.database.as_app(self.viewer.organization_id) as connection:
            return self._send_within(connection, where, None)

    def _send_within(self, connection: Connection, where: Where, edited: Mapping[str, Any] | None) -> int:
        more = {"before": {}, "after": {}} if edited is None else edited
        done = connection.execute(
            text(_SEND.format(where=where, now=self.clock)),
            where.parameters
            | {
                "who": self.who,
                "edited": edited is not None,
                "more_before": _json(more["before"]),
                "more_after": _json(more["after"]),
            },
        )
        if done.rowcount:
            _wake(connection)
        return int(done.rowcount)

    def _write(self, connection: Connection, lead_id: UUID, values: Mapping[str, Any]) -> None:
        connection.execute(
            text(
                "UPDATE received_leads SET email = :email, phone = :phone, first_name = :first_name, "
                "last_name = :last_name, company = :company, extra = cast(:extra AS jsonb), flags = :flags, "
                "contact_key = :contact_key WHERE organization_id = :organization AND lead_id = :lead"
            ),
            {
                **values,
                "extra": _json(values["extra"]),
                "organization": self.viewer.organization_id,
                "lead": lead_id,
            },
        )


# Locked in order of receipt, so that two people who replay the same leads do not stop each other for good; whoever
# comes second finds them pending.
_SEND = """
WITH chosen AS MATERIALIZED (
    SELECT l.lead_id, l.state, l.reason, l.detail, l.attempts
    FROM received_leads l WHERE {where} ORDER BY l.lead_id FOR UPDATE OF l
),
sent AS (
    UPDATE received_leads l SET state = 'pending', reason = NULL, detail = NULL, attempts = 0, lease_until = NULL,
        next_attempt_at = {now}
    FROM chosen WHERE l.organization_id = :organization AND l.lead_id = chosen.lead_id
    RETURNING l.lead_id
)
INSERT INTO lead_actions (organization_id, lead_id, at, who, action, before, after)
SELECT :organization, c.lead_id, {now}, :who,
    CASE WHEN :edited THEN 'edited' WHEN c.state = 'quarantined' THEN 'released' ELSE 'replayed' END,
    jsonb_strip_nulls(jsonb_build_object('state', c.state, 'reason', c.reason, 'detail', c.detail,
        'attempts', c.attempts)) || cast(:more_before AS jsonb),
    jsonb_build_object('state', 'pending') || cast(:more_after AS jsonb)
FROM chosen c JOIN sent USING (lead_id) ORDER BY c.lead_id
"""
# Of leads that were put off because of the account. What a worker holds is left alone.
_DUE_NOW = """
WITH chosen AS MATERIALIZED (
    SELECT lead_id, next_attempt_at FROM received_leads
    WHERE organization_id = :organization AND connection_id = :connection AND state = 'pending' AND lease_until IS NULL
        AND next_attempt_at > {now} ORDER BY lead_id FOR UPDATE SKIP LOCKED
),
due AS (
    UPDATE received_leads l SET next_attempt_at = {now} FROM chosen
    WHERE l.organization_id = :organization AND l.lead_id = chosen.lead_id RETURNING l.lead_id
)
INSERT INTO lead_actions (organization_id, lead_id, at, who, action, before, after)
SELECT :organization, lead_id, {now}, :who, 'resumed', jsonb_build_object('next_attempt_at', next_attempt_at),
    jsonb_build_object('next_attempt_at', {now})
FROM chosen JOIN due USING (lead_id) ORDER BY lead_id
"""


def _wake(connection: Connection) -> None:
    connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


# --- what was typed --------------------------------------------------------------------------------------------------


def _corrected(edit: LeadEdit, before: Mapping[str, Any], *, region: str | None, lead_id: UUID) -> dict[str, Any]:
    email = _email(edit.email)
    phone, is_verified = _phone(edit.phone, region)
    if email is None and phone is None:
        raise InvalidEdit("email", "An e-mail address or a phone number is needed.")
    flags = [flag for flag in before["flags"] if flag not in _CHECKED_FLAGS]
    flags += [] if email else ["no_email"]
    if phone and not is_verified:
        flags.append("phone_unverified")
    return {
        "email": email,
        "phone": phone,
        "first_name": _line(edit.first_name),
        "last_name": _line(edit.last_name),
        "company": _line(edit.company),
        "extra": {name: _clean(value) for name, value in edit.extra.items() if _clean(value)},
        "flags": flags,
        "contact_key": email.lower() if email else phone or str(lead_id),
    }


def _email(given: str) -> str | None:
    if not _clean(given):
        return None
    try:
        return validate_email(_clean(given), check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise InvalidEdit("email", f"This is no e-mail address: {error}") from error


def _phone(given: str, region: str | None) -> tuple[str | None, bool]:
    """The number, E.164 where its country is known, and whether it is one that can be in use."""
    line = _line(given)
    if line is None:
        return None, False
    if sum(character.isdigit() for character in line) < LEAST_DIGITS:
        raise InvalidEdit("phone", "This is no phone number.")
    try:
        number = phonenumbers.parse(line, region)
    except phonenumbers.NumberParseException:
        return line, False
    if not phonenumbers.is_possible_number(number):
        return line, False
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), phonenumbers.is_valid_number(number)


def _clean(given: str) -> str:
    """As the endpoint cleans it: composed, without what PostgreSQL cannot hold."""
    whole = given.replace("\x00", "").encode("utf-16", errors="surrogatepass").decode("utf-16", errors="replace")
    return unicodedata.normalize("NFC", whole).strip()


def _line(given: str) -> str | None:
    visible = "".join(" " if unicodedata.category(one) in {"Cc", "Zl", "Zp"} else one for one in _clean(given))
    return " ".join(visible.split())[:MOST_TEXT] or None
