"""Visits in the database: leads join theirs, old ones are forgotten, and which networks are the organization's own.

Every lead is a sign of a visit that went as far as sending, whether a beacon told of it or not. Leads of one contact
that send the same form again within `REPEAT_WITHIN` count for the visit of the first; the visit in which such a repeat
was sent is set apart.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
import psycopg
from sqlalchemy import Connection, text

from snapshots import audit, beacons
from snapshots.beacons import Flag, Network, Sighting, Step, visit_key
from snapshots.database import Database
from snapshots.origins import Origin, clean, load_rules, resolve

REPEAT_WITHIN: Final = timedelta(minutes=30)
VISITS_KEPT: Final = timedelta(days=90)
"""So long a visit without a lead keeps its row; it stays counted for ever."""
BATCH: Final = 2_000
MOST_TOUCHES: Final = 8
_LATE: Final = timedelta(hours=1)
"""A lead that became visible so long after younger ones still joins its visit."""
Driver = psycopg.Connection[Any]


# --- leads join their visits ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Lead:
    lead_id: UUID
    form_id: int
    received_at: datetime
    version: int | None
    visit: str | None
    source: str | None
    campaign: str | None
    network: str | None
    body: bytes
    previous: UUID | None
    previous_at: datetime | None

    @property
    def key(self) -> UUID:
        """Of its own visit; one that names none is a visit by itself."""
        return visit_key(self.visit or str(self.lead_id))

    def is_of(self, staff: Sequence[Network]) -> bool:
        """Whether it says so itself, or comes from one of these networks."""
        return beacons.is_marked(self.visit or "") or _is_of(self.network, staff)

    @property
    def is_repeat(self) -> bool:
        return self.previous_at is not None and self.received_at - self.previous_at <= REPEAT_WITHIN


@dataclass(frozen=True, slots=True)
class _Place:
    """The visit that a lead counts for."""

    day: date
    visit: UUID


def fold_leads(database: Database, organization_id: int, *, most_batches: int | None = None) -> int:
    """Join all leads that have not joined a visit yet. Returns how many there were. Again changes nothing.

    most_batches: None: until none is left; else the oldest of them, so that a page does not wait for a million.
    """
    n = n_batches = 0
    while True:
        with database.as_app(organization_id) as connection:
            driver: Driver = connection.connection.driver_connection  # type: ignore[assignment]
            beacons.lock(driver, organization_id)
            found = _fold_batch(driver, organization_id, _zone(driver, organization_id))
        n, n_batches = n + found, n_batches + 1
        if found < BATCH or n_batches == most_batches:
            return n


def _zone(driver: Driver, organization_id: int) -> ZoneInfo:
    """Read under the lock: a change of zone that waited for it, or was waited for, moves all or nothing."""
    row = driver.execute(
        "SELECT time_zone FROM organizations WHERE organization_id = %s", (organization_id,)
    ).fetchone()
    if row is None:
        raise LookupError(f"There is no organization {organization_id}.")
    return ZoneInfo(row[0])


def _fold_batch(driver: Driver, organization_id: int, zone: ZoneInfo) -> int:
    leads = _unjoined(driver, organization_id)
    if not leads:
        return 0
    staff = beacons.networks_seen(driver, organization_id)
    places = _known_places(driver, organization_id, [one.previous for one in leads if one.previous])
    sightings, rows = [], []
    for lead in leads:
        own = _Place(lead.received_at.astimezone(zone).date(), lead.key)
        earlier = places.get(lead.previous) if lead.previous and lead.is_repeat else None
        places[lead.lead_id] = place = earlier or own
        touches = read_touches(lead.body)
        sightings.append(_sighting(lead, touches, is_apart=place != own, is_staff=lead.is_of(staff)))
        rows.append((lead.lead_id, place, lead.form_id, earlier is not None, touches))
    rows = _also_repeats(driver, organization_id, rows)
    beacons.note(driver, organization_id, sightings)
    with driver.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO lead_visits (organization_id, lead_id, day, form_id, visit, is_repeat, touches) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [
                (organization_id, lead_id, place.day, form_id, place.visit, is_repeat, orjson.dumps(touches).decode())
                for lead_id, place, form_id, is_repeat, touches in rows
            ],
        )
    return len(leads)


_Row = tuple[UUID, _Place, int, bool, list[dict[str, object]]]


def _also_repeats(driver: Driver, organization_id: int, rows: Sequence[_Row]) -> list[_Row]:
    """A second lead of one visit is a repeat too, whoever it names."""
    taken = set(
        driver.execute(
            "SELECT DISTINCT day, form_id, visit FROM lead_visits WHERE organization_id = %s AND visit = ANY(%s)"
            " AND day = ANY(%s)",
            (organization_id, [place.visit for _, place, *_ in rows], list({place.day for _, place, *_ in rows})),
        ).fetchall()
    )
    marked: list[_Row] = []
    for lead_id, place, form_id, is_repeat, touches in rows:
        where = (place.day, form_id, place.visit)
        marked.append((lead_id, place, form_id, is_repeat or where in taken, touches))
        taken.add(where)
    return marked


def _sighting(lead: _Lead, touches: Sequence[Mapping[str, object]], *, is_apart: bool, is_staff: bool) -> Sighting:
    flags = (Flag.REPEAT if is_apart else Flag.NONE) | (Flag.STAFF if is_staff else Flag.NONE)
    return Sighting(
        form_id=lead.form_id,
        visit=lead.key,
        first_at=lead.received_at,
        last_at=lead.received_at,
        step=Step.SUBMIT,
        version=lead.version or 0,
        origin=Origin.read(touches[-1] if touches else None, source=lead.source, campaign=lead.campaign),
        flags=flags,
        has_lead=True,
    )


def _unjoined(driver: Driver, organization_id: int) -> list[_Lead]:
    top = driver.execute(
        "SELECT lead_id FROM lead_visits WHERE organization_id = %s ORDER BY lead_id DESC LIMIT 1", (organization_id,)
    ).fetchone()
    asked = {"organization": organization_id, "since": _somewhat_before(top[0]) if top else UUID(int=0), "most": BATCH}
    return [_Lead(*row) for row in driver.execute(_UNJOINED, asked).fetchall()]


def _somewhat_before(lead_id: UUID) -> UUID:
    """Ids of leads begin with the milliseconds of their receipt."""
    ms = max((lead_id.int >> 80) - int(_LATE.total_seconds() * 1000), 0)
    return UUID(int=ms << 80)


def _known_places(driver: Driver, organization_id: int, lead_ids: Sequence[UUID]) -> dict[UUID, _Place]:
    rows = driver.execute(
        "SELECT lead_id, day, visit FROM lead_visits WHERE organization_id = %s AND lead_id = ANY(%s)",
        (organization_id, list(lead_ids)),
    ).fetchall()
    return {lead_id: _Place(day, visit) for lead_id, day, visit in rows}


_UNJOINED = """
    SELECT l.lead_id, l.form_id, l.received_at, l.form_version, l.visit, l.source, l.campaign, l.network, l.body,
        p.lead_id, p.received_at
    FROM received_leads l
    LEFT JOIN LATERAL (
        SELECT b.lead_id, b.received_at FROM received_leads b WHERE b.organization_id = %(organization)s
            AND b.contact_key = l.contact_key AND b.form_id = l.form_id AND b.lead_id < l.lead_id
        ORDER BY b.lead_id DESC LIMIT 1
    ) p ON true
    WHERE l.organization_id = %(organization)s AND l.lead_id >= %(since)s AND NOT EXISTS (
        SELECT FROM lead_visits j WHERE j.organization_id = %(organization)s AND j.lead_id = l.lead_id
    )
    ORDER BY l.lead_id LIMIT %(most)s
"""


def read_touches(body: bytes) -> list[dict[str, object]]:
    """The touches that a submission carries, oldest first, each with what is known of it; what cannot be read is left
    out. "at": Unix seconds, where it says so."""
    found = _touches(body)
    return [one for raw in found[:MOST_TOUCHES] if (one := _touch(raw))]


def came_from(
    connection: Connection, organization_id: int, *, body: bytes, source: str | None, campaign: str | None
) -> tuple[str, str]:
    """(source, campaign) of a lead, by its last touch and what stood at its form, under the organization's rules of
    now; no campaign: empty."""
    touches = read_touches(body)
    origin = Origin.read(touches[-1] if touches else None, source=source, campaign=campaign)
    driver: Driver = connection.connection.driver_connection  # type: ignore[assignment]
    return resolve(origin, load_rules(driver, organization_id))


def _touch(raw: object) -> dict[str, object]:
    if not isinstance(raw, Mapping):
        return {}
    words = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "click", "referrer", "landing")
    said: dict[str, object] = {name: word for name in words if (word := clean(raw.get(name)))}
    at = raw.get("at")
    return said | ({"at": int(at)} if isinstance(at, int | float) and 0 < at < 1e11 else {})


def _touches(body: bytes) -> list[object]:
    try:
        if body.lstrip()[:1] == b"{":
            said = orjson.loads(body).get("_touches")
        else:
            said = (parse_qs(body.decode("utf-8", "replace")).get("_touches") or [""])[0]
        found = orjson.loads(said) if isinstance(said, str) else said
    except (orjson.JSONDecodeError, ValueError):
        return []
    return found if isinstance(found, list) else []


# --- own networks -----------------------------------------------------------------------------------------------------


def list_staff_networks(database: Database, organization_id: int) -> list[tuple[str, str]]:
    """(network, note) of each."""
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text("SELECT network, note FROM staff_networks WHERE organization_id = :id ORDER BY network"),
            {"id": organization_id},
        )
        return [(row.network, row.note) for row in rows]


def save_staff_networks(
    database: Database, organization_id: int, networks: Sequence[tuple[str, str]], *, by: str
) -> None:
    """Replace them; a bare address is a network of its own. Raises ValueError, which names what is no network."""
    wanted = {str(ipaddress.ip_network(network.strip(), strict=False)): clean(note) for network, note in networks}
    before = dict(list_staff_networks(database, organization_id))
    with database.as_app(organization_id) as connection:
        connection.execute(text("DELETE FROM staff_networks WHERE organization_id = :id"), {"id": organization_id})
        for network, note in wanted.items():
            connection.execute(
                text("INSERT INTO staff_networks (organization_id, network, note) VALUES (:id, :network, :note)"),
                {"id": organization_id, "network": network, "note": note},
            )
        audit.record(
            connection, organization_id, by=by, action="staff networks changed", subject="tracking",
            subject_id=str(organization_id), before=before, after=wanted,
        )  # fmt: skip


def _is_of(network: str | None, staff: Sequence[Network]) -> bool:
    """Whether all of a sender's network is the staff's: more than that is not kept of a lead."""
    try:
        theirs = ipaddress.ip_network(network or "")
    except ValueError:
        return False
    return any(theirs.version == own.version and theirs.subnet_of(own) for own in staff)  # type: ignore[arg-type]


# --- keeping ----------------------------------------------------------------------------------------------------------


def forget_visits(database: Database, organization_id: int, *, now: datetime) -> int:
    """Delete the rows of visits without a lead older than `VISITS_KEPT`; they stay counted. Returns how many."""
    with database.as_app(organization_id) as connection:
        done = connection.execute(
            text("DELETE FROM form_visits WHERE organization_id = :organization AND day < :until AND NOT has_lead"),
            {"organization": organization_id, "until": (now - VISITS_KEPT).date()},
        )
        return int(done.rowcount)


def differences(database: Database, organization_id: int) -> list[tuple[object, ...]]:
    """Cells of the counts by day that differ from the rows of the visits, from the first day on of which all rows are
    kept; none where all is well."""
    with database.as_app(organization_id) as connection:
        return [tuple(row) for row in connection.execute(text(_DIFFERENCES), {"organization": organization_id})]


_KIND = "CASE WHEN flags & 3 > 0 THEN 1 WHEN flags & 4 > 0 THEN 2 WHEN flags & 8 > 0 THEN 3 ELSE 0 END"
_DIFFERENCES = f"""
    SELECT day, form_id, version, origin_id, kind, sum(a), sum(b), sum(c) FROM (
        SELECT day, form_id, version, origin_id, kind, n_views AS a, n_starts AS b, n_submits AS c
        FROM visit_daily WHERE organization_id = :organization
        UNION ALL SELECT day, form_id, version, origin_id, {_KIND}, -1, -(step >= 2)::int, -(step >= 3)::int
        FROM form_visits WHERE organization_id = :organization
    ) d GROUP BY 1, 2, 3, 4, 5 HAVING sum(a) <> 0 OR sum(b) <> 0 OR sum(c) <> 0
"""


# --- what there is ----------------------------------------------------------------------------------------------------


def were_there(database: Database, organization_id: int) -> bool:
    """Whether a form of the organization was ever seen or sent."""
    with database.as_app(organization_id) as connection:
        found = connection.execute(
            text("SELECT EXISTS (SELECT FROM visit_daily WHERE organization_id = :id)"), {"id": organization_id}
        )
        return bool(found.scalar_one())


def words(database: Database, organization_id: int, column: str, first: date | None, last: date) -> list[str]:
    """The sources or campaigns (column) of the visits of these days that count, the most frequent first."""
    if column not in {"source", "campaign"}:
        raise ValueError(f"visits have no {column}")
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text(
                f"SELECT o.{column} FROM visit_daily d JOIN visit_origins o ON o.organization_id = :id "
                "AND o.origin_id = d.origin_id WHERE d.organization_id = :id AND d.kind = 0 AND d.day <= :last "
                "AND d.day >= :first GROUP BY 1 HAVING sum(d.n_views) > 0 ORDER BY sum(d.n_views) DESC, 1 LIMIT 500"
            ),
            {"id": organization_id, "first": first or date(1970, 1, 1), "last": last},
        )
        return [str(word) for (word,) in rows]
