"""Weekly reports as they were made, who gets them, and when: what people see and change on the page Reports."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal

from sqlalchemy import Connection, text

from snapshots import audit
from snapshots.database import Database

Audience = Literal["organization", "manager", "rep"]
Channel = Literal["email", "chat"]


@dataclass(frozen=True, slots=True)
class Readership:
    """Whose report: of an audience, and of which salesperson; owner_id 0: of the organization."""

    audience: Audience
    owner_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A report as it was made. html, pdf, plain: the files; summary: for chat."""

    readership: Readership
    week: date
    made_at: datetime
    whose: str
    summary: str
    plain: str
    html: str
    pdf: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of the archive. sent, pending, parked: how many messages of it."""

    report_id: int
    readership: Readership
    week: date
    made_at: datetime
    whose: str
    sent: int
    pending: int
    parked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """address: an e-mail address, or what a chat's webhook is called. unsubscribed_at: when whoever reads that address
    said that nothing shall come any more; None: it gets the report. is_automatic: it is on the list because everybody
    gets the own report."""

    recipient_id: int
    readership: Readership
    channel: Channel
    address: str
    unsubscribed_at: datetime | None = None
    is_automatic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """weekday: 0 is Monday. hour: of the organization's day. changed_at: slots before it are not made up for.
    to_everybody: every active salesperson with an address gets the own report, beside the recipients who were added."""

    is_on: bool
    weekday: int
    hour: int
    changed_at: datetime
    to_everybody: bool = False


# --- the archive ------------------------------------------------------------------------------------------------------


def keep(database: Database, organization_id: int, made: Kept) -> int:
    """Its report_id; that of the first where the same reader and week has one: what was made is never replaced."""
    known = {
        "organization": organization_id, "audience": made.readership.audience, "owner": made.readership.owner_id,
        "week": made.week, "made_at": made.made_at, "whose": made.whose, "summary": made.summary, "plain": made.plain,
        "html": made.html, "pdf": made.pdf,
    }  # fmt: skip
    with database.as_app(organization_id) as connection:
        connection.execute(
            text(
                "INSERT INTO weekly_reports (organization_id, audience, owner_id, week, made_at, whose, summary, "
                "plain, html, pdf) VALUES (:organization, :audience, :owner, :week, :made_at, :whose, :summary, "
                ":plain, :html, :pdf) ON CONFLICT (organization_id, week, audience, owner_id) DO NOTHING"
            ),
            known,
        )
        found = _find(connection, organization_id, made.readership, made.week)
    assert found is not None
    return found


def find(database: Database, organization_id: int, readership: Readership, week: date) -> int | None:
    """The report_id of this reader and week; None: none was made."""
    with database.as_app(organization_id) as connection:
        return _find(connection, organization_id, readership, week)


def _find(connection: Connection, organization_id: int, readership: Readership, week: date) -> int | None:
    found: int | None = connection.execute(
        text(
            "SELECT report_id FROM weekly_reports WHERE organization_id = :organization AND week = :week "
            "AND audience = :audience AND owner_id = :owner"
        ),
        {"organization": organization_id, "week": week, "audience": readership.audience, "owner": readership.owner_id},
    ).scalar_one_or_none()
    return found


def get(database: Database, organization_id: int, report_id: int) -> Kept:
    """Raises LookupError."""
    with database.as_app(organization_id) as connection:
        row = connection.execute(
            text(
                "SELECT audience, owner_id, week, made_at, whose, summary, plain, html, pdf FROM weekly_reports "
                "WHERE organization_id = :organization AND report_id = :report"
            ),
            {"organization": organization_id, "report": report_id},
        ).mappings().one_or_none()  # fmt: skip
    if row is None:
        raise LookupError(f"There is no report {report_id}.")
    told = dict(row)
    readership = Readership(told.pop("audience"), told.pop("owner_id"))
    return Kept(readership=readership, **{**told, "pdf": bytes(told["pdf"])})


def list_entries(
    database: Database, organization_id: int, *, of: Collection[Readership] | None = None, most: int = 100
) -> list[Entry]:
    """The newest weeks first, the organization's report before the others. of: whose reports; None: everybody's."""
    counts = ", ".join(
        f"count(s.sending_id) FILTER (WHERE s.state = '{one}') AS {one}" for one in ("sent", "pending", "parked")
    )
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text(
                f"SELECT r.report_id, r.audience, r.owner_id, r.week, r.made_at, r.whose, {counts} "
                "FROM weekly_reports r LEFT JOIN report_sendings s ON s.organization_id = r.organization_id "
                "AND s.report_id = r.report_id WHERE r.organization_id = :organization "
                "AND (:all OR (r.audience, r.owner_id) IN "
                "(SELECT * FROM unnest(cast(:audiences AS text[]), cast(:owners AS bigint[])))) "
                "GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY r.week DESC, r.owner_id, r.audience LIMIT :most"
            ),
            {
                "organization": organization_id, "most": most, "all": of is None,
                "audiences": [one.audience for one in of or ()], "owners": [one.owner_id for one in of or ()],
            },
        ).mappings()  # fmt: skip
        return [Entry(**_with_readership(row)) for row in rows]


def _with_readership(row: Mapping[Any, Any]) -> dict[str, Any]:
    told = {str(name): value for name, value in row.items()}
    return {"readership": Readership(told.pop("audience"), told.pop("owner_id")), **told}


class HasUnsubscribed(ValueError):
    """Whoever reads this address wants no more mail with this report."""


# --- who gets them ----------------------------------------------------------------------------------------------------


def list_recipients(database: Database, organization_id: int) -> list[Recipient]:
    """In the order in which they were added."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text(
                f"SELECT {_RECIPIENT} FROM report_recipients "
                "WHERE organization_id = :organization ORDER BY recipient_id"
            ),
            {"organization": organization_id},
        ).mappings()
        return [Recipient(**_with_readership(row)) for row in rows]


_RECIPIENT: Final = "recipient_id, audience, owner_id, channel, address, unsubscribed_at, is_automatic"


def recipient_of(database: Database, organization_id: int, report_id: int, address: str) -> Recipient | None:
    """By whose wish mail with this report goes to an address; None: it is not on the list any more."""
    with database.as_app(organization_id) as connection:
        row = connection.execute(
            text(
                f"SELECT {_RECIPIENT} FROM report_recipients JOIN weekly_reports "
                "USING (organization_id, audience, owner_id) WHERE organization_id = :organization "
                "AND report_id = :report AND channel = 'email' AND lower(address) = lower(:address)"
            ),
            {"organization": organization_id, "report": report_id, "address": address.strip()},
        ).mappings().first()  # fmt: skip
    return None if row is None else Recipient(**_with_readership(row))


def get_recipient(database: Database, organization_id: int, recipient_id: int) -> Recipient | None:
    """None: there is none of this id."""
    with database.as_app(organization_id) as connection:
        row = connection.execute(
            text(
                f"SELECT {_RECIPIENT} FROM report_recipients WHERE organization_id = :organization "
                "AND recipient_id = :id"
            ),
            {"organization": organization_id, "id": recipient_id},
        ).mappings().one_or_none()  # fmt: skip
    return None if row is None else Recipient(**_with_readership(row))


def unsubscribe(database: Database, organization_id: int, recipient_id: int, *, at: datetime) -> Recipient | None:
    """Send this address nothing more, as its reader wishes; kept in the audit log the first time. None: it is not on
    the list any more."""
    with database.as_app(organization_id) as connection:
        row = connection.execute(
            text(
                "UPDATE report_recipients SET unsubscribed_at = :at WHERE organization_id = :organization "
                "AND recipient_id = :id AND channel = 'email' AND unsubscribed_at IS NULL RETURNING address"
            ),
            {"organization": organization_id, "id": recipient_id, "at": at},
        ).one_or_none()
        if row is not None:
            _note(
                connection, organization_id, row.address, "unsubscribed", "report recipient", recipient_id,
                {"unsubscribed_at": None}, {"unsubscribed_at": at},
            )  # fmt: skip
    return get_recipient(database, organization_id, recipient_id)


def add_recipient(
    database: Database, organization_id: int, readership: Readership, channel: Channel, address: str, *,
    sealed: bytes | None = None, by: str,
) -> int:  # fmt: skip
    """Its id; that of the one that is there where the same address gets the same report already. sealed: of a chat, its
    webhook's address. Raises HasUnsubscribed."""
    known = {
        "organization": organization_id, "audience": readership.audience, "owner": readership.owner_id,
        "channel": channel, "address": address, "sealed": sealed,
    }  # fmt: skip
    with database.as_app(organization_id) as connection:
        there = connection.execute(
            text(
                "SELECT recipient_id, unsubscribed_at FROM report_recipients WHERE organization_id = :organization "
                "AND audience = :audience AND owner_id = :owner AND channel = :channel "
                "AND lower(address) = lower(:address) AND channel = 'email' ORDER BY recipient_id LIMIT 1"
            ),
            known,
        ).one_or_none()
        if there is not None:
            if there.unsubscribed_at is not None:
                raise HasUnsubscribed(
                    f"{address} has unsubscribed from this report. Remove it first if its reader asks for it again."
                )
            return int(there.recipient_id)
        made = int(
            connection.execute(
                text(
                    "INSERT INTO report_recipients (organization_id, audience, owner_id, channel, address, sealed) "
                    "VALUES (:organization, :audience, :owner, :channel, :address, :sealed) RETURNING recipient_id"
                ),
                known,
            ).scalar_one()
        )
        after = {"audience": readership.audience, "owner_id": readership.owner_id, "address": address}
        _note(connection, organization_id, by, "created", "report recipient", made, None, after)
    return made


def remove_recipient(database: Database, organization_id: int, recipient_id: int, *, by: str) -> None:
    """Messages that are due are parked when they are tried: nothing more goes there."""
    with database.as_app(organization_id) as connection:
        row = connection.execute(
            text(
                "DELETE FROM report_recipients WHERE organization_id = :organization AND recipient_id = :id "
                "RETURNING audience, owner_id, address"
            ),
            {"organization": organization_id, "id": recipient_id},
        ).mappings().one_or_none()  # fmt: skip
        if row is not None:
            before = {str(name): value for name, value in row.items()}
            _note(connection, organization_id, by, "removed", "report recipient", recipient_id, before, None)


# --- when -------------------------------------------------------------------------------------------------------------


def schedule_of(database: Database, organization_id: int) -> Schedule | None:
    """None: nobody chose one, and nothing is sent by itself."""
    with database.as_app(organization_id) as connection:
        row = connection.execute(
            text(f"SELECT {_SCHEDULE} FROM report_schedules WHERE organization_id = :organization"),
            {"organization": organization_id},
        ).mappings().one_or_none()  # fmt: skip
    return None if row is None else Schedule(**row)


_SCHEDULE: Final = "is_on, weekday, hour, changed_at, to_everybody"


def set_schedule(database: Database, organization_id: int, wanted: Schedule, *, by: str) -> None:
    """From `wanted.changed_at` on. The audit log says what was before: nothing, where nobody had chosen."""
    values = _values(wanted)
    with database.as_app(organization_id) as connection:
        row = connection.execute(
            text(
                f"SELECT {_SCHEDULE} FROM report_schedules WHERE organization_id = :organization FOR UPDATE"
            ),
            {"organization": organization_id},
        ).mappings().one_or_none()  # fmt: skip
        before = None if row is None else _values(Schedule(**row))
        connection.execute(
            text(
                "INSERT INTO report_schedules (organization_id, is_on, weekday, hour, changed_at, to_everybody) "
                "VALUES (:organization, :is_on, :weekday, :hour, :changed_at, :to_everybody) "
                "ON CONFLICT (organization_id) DO UPDATE SET is_on = excluded.is_on, weekday = excluded.weekday, "
                "hour = excluded.hour, changed_at = excluded.changed_at, to_everybody = excluded.to_everybody"
            ),
            {"organization": organization_id, "changed_at": wanted.changed_at, **values},
        )
        _note(connection, organization_id, by, "changed", "report schedule", organization_id, before, values)


def _values(schedule: Schedule) -> dict[str, object]:
    return {
        "is_on": schedule.is_on, "weekday": schedule.weekday, "hour": schedule.hour,
        "to_everybody": schedule.to_everybody,
    }  # fmt: skip


def getting(recipients: Sequence[Recipient]) -> list[Recipient]:
    """Those who have not unsubscribed."""
    return [one for one in recipients if one.unsubscribed_at is None]


def readerships(recipients: Sequence[Recipient]) -> list[Readership]:
    """Whose reports somebody gets, each once; the organization's is always made."""
    return list(dict.fromkeys([Readership("organization"), *(one.readership for one in getting(recipients))]))


def _note(
    connection: Connection, organization_id: int, by: str, action: str, subject: str, subject_id: int,
    before: audit.Values | None, after: audit.Values | None,
) -> None:  # fmt: skip
    audit.record(
        connection, organization_id, by=by, action=action, subject=subject, subject_id=str(subject_id), before=before,
        after=after,
    )  # fmt: skip
