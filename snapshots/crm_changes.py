"""Changes of an organization from one CRM to another: which there are, and what was read and guessed for one.

A change is *reading* the new CRM, *ready* to be confirmed (or *failed* to be read), *confirmed*, and *done* when
the first sync of the new one began; one that was given up is *undone*. An organization has one open change at
most. What confirming writes stands in `snapshots.handover`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import orjson
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from adapters.records import Kind
from snapshots import audit, change_guesses
from snapshots.change_guesses import DealFacts, DealGuess, Guess, Item
from snapshots.change_reading import LISTED, Reading
from snapshots.database import Database
from snapshots.links import TABLE_OF, id_column
from snapshots.recognition import domain_of

NO_SIGN = timedelta(minutes=5)
"""A reading without a sign of life for this long was killed."""


class ChangeRefused(Exception):
    """This step of a change cannot be taken; the message says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmChange:
    organization_id: int
    change_id: int
    from_connection_id: int
    to_connection_id: int
    from_name: str
    to_name: str
    state: str
    started_at: datetime
    heartbeat_at: datetime | None
    n_read: int
    read_at: datetime | None
    error_message: str | None
    switched_at: datetime | None
    confirmed_by: str | None

    @property
    def is_open(self) -> bool:
        return self.state in {"reading", "ready", "failed", "confirmed"}

    def was_killed(self, now: datetime) -> bool:
        """Whoever read the new CRM is gone without a word."""
        return self.state == "reading" and now - (self.heartbeat_at or self.started_at) > NO_SIGN


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What a person confirms. theirs, ours, guesses: by kind; fixed: links that were there already, by kind.

    deals: theirs and ours by id; pairs: those guessed to be the same.
    """

    theirs: Mapping[Kind, Sequence[Item]]
    ours: Mapping[Kind, Sequence[Item]]
    guesses: Mapping[Kind, Mapping[str, Guess]]
    fixed: Mapping[Kind, Mapping[str, int]]
    their_deals: Mapping[str, DealFacts]
    our_deals: Mapping[int, DealFacts]
    pairs: Sequence[DealGuess]

    def unmoved(self, taken: frozenset[int]) -> list[DealFacts]:
        """Our open deals that none of theirs is."""
        held = taken | set(self.fixed[Kind.DEAL].values())
        return [deal for deal_id, deal in self.our_deals.items() if deal.status == "open" and deal_id not in held]


_CHANGE = (
    "SELECT h.organization_id, h.change_id, h.from_connection_id, h.to_connection_id, f.name AS from_name, "
    "t.name AS to_name, h.state, h.started_at, h.heartbeat_at, h.n_read, h.read_at, h.error_message, h.switched_at, "
    "h.confirmed_by FROM crm_changes h "
    "JOIN crm_connections f ON f.organization_id = h.organization_id AND f.connection_id = h.from_connection_id "
    "JOIN crm_connections t ON t.organization_id = h.organization_id AND t.connection_id = h.to_connection_id "
    "WHERE h.organization_id = :organization"
)


def list_changes(database: Database, organization_id: int) -> list[CrmChange]:
    """All that there were, the newest first."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(text(f"{_CHANGE} ORDER BY h.change_id DESC"), {"organization": organization_id})
        return [CrmChange(**row) for row in rows.mappings()]


def open_change(database: Database, organization_id: int) -> CrmChange | None:
    """The change that is neither done nor given up; there is one at most."""
    return next((one for one in list_changes(database, organization_id) if one.is_open), None)


def moves(database: Database, organization_id: int) -> list[tuple[datetime, str]]:
    """When the organization moved, and to what; the oldest first."""
    found = [one for one in list_changes(database, organization_id) if one.switched_at is not None]
    return [(one.switched_at, one.to_name) for one in reversed(found) if one.switched_at is not None]


def start(
    database: Database, organization_id: int, *, from_connection_id: int, to_connection_id: int, now: datetime,
    by: str = audit.PROGRAM,
) -> CrmChange:  # fmt: skip
    """Raises ChangeRefused where another change is open, or the connections do not fit."""
    with database.as_app(organization_id) as connection:
        active = _activity(connection, organization_id)
        if from_connection_id == to_connection_id or not active.get(from_connection_id):
            raise ChangeRefused("Choose a CRM that is read now, to be followed by another one.")
        if active.get(to_connection_id, True):
            raise ChangeRefused("The new CRM is read already. Retire it first, or connect it anew.")
        try:
            with connection.begin_nested():
                change_id = connection.execute(
                    text(
                        "INSERT INTO crm_changes (organization_id, from_connection_id, to_connection_id, started_at, "
                        "heartbeat_at) VALUES (:organization, :from, :to, :at, :at) RETURNING change_id"
                    ),
                    {"organization": organization_id, "from": from_connection_id, "to": to_connection_id, "at": now},
                ).scalar_one()
        except IntegrityError as error:
            raise ChangeRefused("Another change of CRM is not finished yet. Finish it, or give it up.") from error
        audit.record(
            connection, organization_id, by=by, action="started", subject="crm_change", subject_id=str(change_id),
            before=None, after={"from": from_connection_id, "to": to_connection_id},
        )  # fmt: skip
    return next(one for one in list_changes(database, organization_id) if one.change_id == change_id)


def _activity(connection: Connection, organization_id: int) -> dict[int, bool]:
    rows = connection.execute(
        text("SELECT connection_id, is_active FROM crm_connections WHERE organization_id = :organization"),
        {"organization": organization_id},
    )
    return {row.connection_id: row.is_active for row in rows}


def read_again(database: Database, change: CrmChange, *, now: datetime) -> None:
    """What was read is forgotten; the new CRM is to be read anew."""
    _set(database, change, "state = 'reading', n_read = 0, heartbeat_at = :at, error_message = NULL", at=now)


def beat(database: Database, change: CrmChange, n_read: int, *, now: datetime) -> None:
    """A sign of life of the one who reads."""
    _set(database, change, "n_read = :n, heartbeat_at = :at", n=n_read, at=now)


def fail(database: Database, change: CrmChange, message: str) -> None:
    """The new CRM could not be read; the message is shown."""
    _set(database, change, "state = 'failed', error_message = :message", message=message)


def give_up(database: Database, change: CrmChange, *, now: datetime, by: str = audit.PROGRAM) -> None:
    """Nothing of the change stays but that it was begun. Not once it is confirmed: that is undone first."""
    with database.as_app(change.organization_id) as connection:
        if _set_within(connection, change, "state = 'undone', finished_at = :at", at=now):
            note(connection, change, "given up", by=by, before={"state": change.state}, after={"state": "undone"})


def note(
    connection: Connection, change: CrmChange, action: str, *, by: str, before: audit.Values, after: audit.Values
) -> None:
    """Write a step of the change into the audit log."""
    audit.record(
        connection, change.organization_id, by=by, action=action, subject="crm_change",
        subject_id=str(change.change_id), before=before, after=after,
    )  # fmt: skip


def _set(database: Database, change: CrmChange, what: str, **values: object) -> None:
    with database.as_app(change.organization_id) as connection:
        _set_within(connection, change, what, **values)


def _set_within(connection: Connection, change: CrmChange, what: str, **values: object) -> bool:
    done = connection.execute(
        text(
            f"UPDATE crm_changes SET {what} WHERE organization_id = :organization AND change_id = :change "
            "AND state IN ('reading', 'ready', 'failed')"
        ),
        {"organization": change.organization_id, "change": change.change_id, **values},
    )
    return bool(done.rowcount)


# --- what was read ---------------------------------------------------------------------------------------------------


def save_reading(database: Database, change: CrmChange, reading: Reading, *, now: datetime) -> None:
    """Store what was read, with a guess for each deal; the change is ready to be confirmed."""
    catalog = {
        "items": {kind.value: [asdict(one) for one in reading.items[kind]] for kind in LISTED},
        "hashes": {kind.value: hashes for kind, hashes in reading.hashes.items()},
    }
    with database.as_app(change.organization_id) as connection:
        known = _links(connection, change, Kind.DEAL)
        ours = [one for one in _our_deals(connection, change).values() if one.key not in set(known.values())]
        theirs = [one for one in reading.deals if str(one.key) not in known]
        guesses = {one.theirs: one for one in change_guesses.deals(theirs, ours)}
        own = {"organization": change.organization_id, "change": change.change_id}
        connection.execute(
            text("DELETE FROM crm_change_deals WHERE organization_id = :organization AND change_id = :change"), own
        )
        if reading.deals:
            connection.execute(_SAVE_DEAL, [_deal_row(own, one, guesses.get(str(one.key))) for one in reading.deals])
        connection.execute(
            text(
                "UPDATE crm_changes SET state = 'ready', read_at = :at, error_message = NULL, "
                "catalog = cast(:catalog AS jsonb) "
                "WHERE organization_id = :organization AND change_id = :change AND state = 'reading'"
            ),
            own | {"at": now, "catalog": orjson.dumps(catalog).decode()},
        )


_SAVE_DEAL = text(
    "INSERT INTO crm_change_deals (organization_id, change_id, external_id, record, deal_id, grade, reason) "
    "VALUES (:organization, :change, :key, cast(:record AS jsonb), :ours, :grade, :why)"
)


def _deal_row(own: Mapping[str, int], deal: DealFacts, guess: DealGuess | None) -> dict[str, object]:
    record = asdict(deal) | {"people": sorted(deal.people)}
    return {
        **own, "key": str(deal.key), "record": orjson.dumps(record).decode(), "ours": guess.ours if guess else None,
        "grade": guess.grade if guess else 0, "why": guess.why if guess else None,
    }  # fmt: skip


def sheet(database: Database, change: CrmChange) -> Sheet:
    """What there is to confirm, with the guesses."""
    with database.as_app(change.organization_id) as connection:
        return read_sheet(connection, change)


def read_sheet(connection: Connection, change: CrmChange) -> Sheet:
    own = {"organization": change.organization_id, "change": change.change_id}
    catalog = connection.execute(
        text("SELECT catalog FROM crm_changes WHERE organization_id = :organization AND change_id = :change"), own
    ).scalar_one()
    theirs = {kind: [Item(**one) for one in catalog["items"][kind.value]] for kind in LISTED}
    ours = {kind: list(_our_items(connection, change, kind)) for kind in LISTED}
    fixed = {kind: _links(connection, change, kind) for kind in (*LISTED, Kind.DEAL)}
    rows = connection.execute(
        text("SELECT * FROM crm_change_deals WHERE organization_id = :organization AND change_id = :change"), own
    ).all()
    return Sheet(
        theirs=theirs,
        ours=ours,
        guesses=_guesses(theirs, ours, fixed),
        fixed=fixed,
        their_deals={row.external_id: _facts_of(row.record) for row in rows},
        our_deals=_our_deals(connection, change),
        pairs=[
            DealGuess(theirs=row.external_id, ours=row.deal_id, grade=row.grade, why=row.reason)
            for row in sorted(rows, key=lambda row: (-row.grade, row.external_id))
            if row.deal_id is not None
        ],
    )


def _guesses(
    theirs: Mapping[Kind, Sequence[Item]],
    ours: Mapping[Kind, Sequence[Item]],
    fixed: Mapping[Kind, Mapping[str, int]],
) -> dict[Kind, Mapping[str, Guess]]:
    found: dict[Kind, Mapping[str, Guess]] = {}
    for kind in LISTED:
        held, taken = fixed[kind], set(fixed[kind].values())
        new = [one for one in theirs[kind] if str(one.key) not in held]
        left = [one for one in ours[kind] if one.key not in taken]
        if kind is Kind.STAGE:
            pipelines = {key: guess.ours for key, guess in found[Kind.PIPELINE].items()}
            guessed = change_guesses.stages(new, left, pipelines)
        else:
            guessed = change_guesses.items(kind, new, left)
        known = {key: Guess(ours=entity, why="Known from before") for key, entity in held.items()}
        found[kind] = {str(one.key): (known | guessed)[str(one.key)] for one in theirs[kind]}
    return found


def _links(connection: Connection, change: CrmChange, kind: Kind) -> dict[str, int]:
    """What the new CRM's ids mean already: it was here before."""
    rows = connection.execute(
        text(
            "SELECT external_id, entity_id FROM external_links WHERE organization_id = :organization "
            "AND connection_id = :to AND kind = :kind"
        ),
        {"organization": change.organization_id, "to": change.to_connection_id, "kind": kind.value},
    )
    return {row.external_id: row.entity_id for row in rows}


_OUR_COLUMNS = {
    Kind.TEAM: "name, NULL AS email, 0 AS position, NULL::bigint AS pipeline, 'open' AS status",
    Kind.OWNER: "name, email, 0 AS position, NULL::bigint AS pipeline, 'open' AS status",
    Kind.PIPELINE: "name, NULL AS email, position, NULL::bigint AS pipeline, 'open' AS status",
    Kind.STAGE: "name, NULL AS email, position, pipeline_id AS pipeline, status",
}


def _our_items(connection: Connection, change: CrmChange, kind: Kind) -> Iterator[Item]:
    rows = connection.execute(
        text(
            f"SELECT {id_column(kind)} AS key, {_OUR_COLUMNS[kind]} FROM {TABLE_OF[kind].name} "
            "WHERE organization_id = :organization AND gone_at IS NULL AND name IS NOT NULL ORDER BY name, 1"
        ),
        {"organization": change.organization_id},
    )
    return (Item(**row) for row in rows.mappings())


_OUR_DEALS = text(
    "SELECT v.deal_id AS key, d.name, v.status, v.amount_minor, v.currency, v.created_at, c.name AS company, c.domain, "
    "coalesce((SELECT array_agg(lower(p.email)) FROM deal_contacts dc JOIN contacts p "
    "ON p.organization_id = dc.organization_id AND p.contact_id = dc.contact_id "
    "WHERE dc.organization_id = v.organization_id AND dc.deal_id = v.deal_id AND p.email IS NOT NULL), '{}') AS people "
    "FROM deal_versions v JOIN deals d USING (organization_id, deal_id) "
    "LEFT JOIN companies c ON c.organization_id = v.organization_id AND c.company_id = v.company_id "
    "WHERE v.organization_id = :organization AND v.superseded_at = 'infinity' AND v.status IN ('open', 'won', 'lost')"
)


def _our_deals(connection: Connection, change: CrmChange) -> dict[int, DealFacts]:
    rows = connection.execute(_OUR_DEALS, {"organization": change.organization_id})
    return {
        row["key"]: DealFacts(**{**row, "domain": domain_of(row["domain"]), "people": frozenset(row["people"])})
        for row in rows.mappings()
    }


def _facts_of(record: Mapping[str, object]) -> DealFacts:
    created = record["created_at"]
    values: dict[str, object] = {
        **record,
        "created_at": datetime.fromisoformat(created) if isinstance(created, str) else None,
        "people": frozenset(record["people"]),  # type: ignore[call-overload]
    }
    return DealFacts(**values)  # type: ignore[arg-type]
