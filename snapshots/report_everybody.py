"""Who gets the own report by the switch "everybody gets their own": kept among the recipients, so that one who
unsubscribes is one for good, whatever is switched and whoever comes and goes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, text

from snapshots import audit
from snapshots.database import Database
from snapshots.report_archive import Readership


@dataclass(frozen=True, slots=True)
class Own:
    """A person's own report, and the e-mail address that it goes to."""

    readership: Readership
    address: str


def keep_own(database: Database, organization_id: int, wanted: Collection[Own], *, by: str) -> tuple[int, int]:
    """Make the recipients that nobody added by hand those that are wanted. How many came, and how many went.

    Whoever is on the list for the same report by hand is not put on it twice; whoever unsubscribed stays unsubscribed.
    """
    known = {
        "organization": organization_id, "audiences": [one.readership.audience for one in wanted],
        "owners": [one.readership.owner_id for one in wanted], "addresses": [one.address for one in wanted],
    }  # fmt: skip
    with database.as_app(organization_id) as connection:
        went = list(connection.execute(_REMOVE, known).scalars())
        came = list(connection.execute(_ADD, known).scalars())
        _note(connection, organization_id, by, came, went)
    return len(came), len(went)


_WANTED: Final = (
    "unnest(cast(:audiences AS text[]), cast(:owners AS bigint[]), cast(:addresses AS text[])) "
    "AS w (audience, owner_id, address)"
)
_SAME: Final = "r.audience = w.audience AND r.owner_id = w.owner_id AND lower(r.address) = lower(w.address)"
_REMOVE: Final = text(
    "DELETE FROM report_recipients r WHERE r.organization_id = :organization AND r.is_automatic "
    f"AND r.unsubscribed_at IS NULL AND NOT EXISTS (SELECT FROM {_WANTED} WHERE {_SAME}) RETURNING r.address"
)
_ADD: Final = text(
    "INSERT INTO report_recipients (organization_id, audience, owner_id, channel, address, is_automatic) "
    f"SELECT :organization, w.audience, w.owner_id, 'email', w.address, true FROM {_WANTED} "
    "WHERE NOT EXISTS (SELECT FROM report_recipients r WHERE r.organization_id = :organization "
    f"AND r.channel = 'email' AND {_SAME}) RETURNING address"
)


def _note(connection: Connection, organization_id: int, by: str, came: list[str], went: list[str]) -> None:
    if came or went:
        audit.record(
            connection, organization_id, by=by, action="brought up to date", subject="report recipient",
            subject_id="everybody", before=None, after={"added": sorted(came), "removed": sorted(went)},
        )  # fmt: skip
