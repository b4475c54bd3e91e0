"""Signs of visits on their way into the database, a batch at a time. A visit is one row per form and day; what several
signs say of it is put together so that neither their order nor a repetition matters.

Beacons are measurements: a commit that a crash takes away loses a moment of them. This speaks psycopg alone, under
`slms_app`, for the endpoint that writes them.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, IntFlag
from typing import Any, Final
from uuid import UUID

import psycopg

from snapshots.access import APP_ROLE, WRITABLE
from snapshots.intake import StoreUnavailable
from snapshots.origins import Origin, origin_ids

MOST_HOSTS: Final = 200
"""Hosts of one form that are remembered: anybody can name one."""
STATEMENT_S: Final = 15
STAFF_MARK: Final = "-staff"
"""How the id of a visit ends that the site's own people make, as they told the widget (`?slms_staff=1`)."""
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Step(IntEnum):
    """How far a visit went with a form; each implies those before."""

    VIEW = 1
    START = 2
    SUBMIT = 3


class Flag(IntFlag):
    """Why a visit is not counted among the visits."""

    NONE = 0
    BOT = 1
    """It says that it is a program."""
    MACHINE = 2
    """It behaves as no browser of a person does."""
    STAFF = 4
    REPEAT = 8
    """The same contact sent the same form shortly before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What one beacon, or one lead, tells of a visit. version: 0 where it is not said. host: of the page; empty: not
    said."""

    form_id: int
    visit: UUID
    first_at: datetime
    last_at: datetime
    step: Step
    origin: Origin = field(default_factory=Origin)
    version: int = 0
    form_step: int = 0
    flags: Flag = Flag.NONE
    host: str = ""
    has_lead: bool = False


def is_marked(visit: str) -> bool:
    """Whether the visit says itself that it is one of the site's own people."""
    return visit.endswith(STAFF_MARK)


def visit_key(text: str) -> UUID:
    """As visits are kept: 16 bytes instead of up to 40, and nothing that a browser still holds."""
    return UUID(bytes=hashlib.blake2b(text.encode(), digest_size=16).digest())


Connection = psycopg.Connection[Any]


def connect(url: str) -> Connection:
    """A connection for `store`. It does not wait for the disk. Raises StoreUnavailable."""
    options = f"-c role={APP_ROLE} -c timezone=UTC -c synchronous_commit=off -c statement_timeout={STATEMENT_S}s"
    try:
        return psycopg.connect(
            url,
            autocommit=True,
            connect_timeout=5,
            target_session_attrs=WRITABLE,
            application_name="slms beacons",
            options=options,
        )
    except psycopg.Error as error:
        raise StoreUnavailable(type(error).__name__) from error


def store(connection: Connection, organization_id: int, sightings: Sequence[Sighting]) -> None:
    """Store a batch in one transaction. The same again changes nothing but the signs per host. Raises
    StoreUnavailable."""
    with session(connection, organization_id):
        note(connection, organization_id, sightings)


@contextmanager
def session(connection: Connection, organization_id: int) -> Iterator[None]:
    """A transaction that sees one organization. Raises StoreUnavailable."""
    try:
        with connection.transaction():
            connection.execute("SELECT set_config('slms.organization_id', %s, true)", (str(organization_id),))
            yield
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:  # another error would come again for ever
        raise StoreUnavailable(type(error).__name__) from error


def own_networks(connection: Connection, organization_id: int) -> list[Network]:
    """The networks of the organization's staff, as its administrators named them. Raises StoreUnavailable."""
    with session(connection, organization_id):
        return networks_seen(connection, organization_id)


def networks_seen(connection: Connection, organization_id: int) -> list[Network]:
    """The same within a transaction of the caller, which sees the organization."""
    rows = connection.execute("SELECT network FROM staff_networks WHERE organization_id = %s", (organization_id,))
    return [ipaddress.ip_network(network) for (network,) in rows.fetchall()]


def note(connection: Connection, organization_id: int, sightings: Sequence[Sighting]) -> None:
    """The same within a transaction of the caller, which sees the organization."""
    if not sightings:
        return
    lock(connection, organization_id)
    origins = origin_ids(connection, organization_id, [one.origin for one in sightings])
    arrays = {
        "forms": [one.form_id for one in sightings],
        "visits": [one.visit for one in sightings],
        "first": [one.first_at for one in sightings],
        "last": [one.last_at for one in sightings],
        "versions": [one.version for one in sightings],
        "origins": [origins[one.origin] for one in sightings],
        "steps": [int(one.step) for one in sightings],
        "form_steps": [one.form_step for one in sightings],
        "flags": [int(one.flags) for one in sightings],
        "leads": [one.has_lead for one in sightings],
    }
    connection.execute(_UPSERT, arrays | {"organization": organization_id})
    _note_hosts(connection, organization_id, sightings)


def lock(connection: Connection, organization_id: int) -> None:
    """One writer of an organization's visits at a time, until the end of the transaction: two would wait for each
    other's rows."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('visits', %s))", (organization_id,))


def _note_hosts(connection: Connection, organization_id: int, sightings: Sequence[Sighting]) -> None:
    said = [one for one in sightings if one.host and not one.flags]
    if said:
        connection.execute(
            _HOSTS,
            {
                "organization": organization_id,
                "forms": [one.form_id for one in said],
                "hosts": [one.host for one in said],
                "at": [one.first_at for one in said],
                "most": MOST_HOSTS,
            },
        )


_DAY = "(m.{0} AT TIME ZONE o.time_zone)::date AS day"
_OF = "CROSS JOIN organizations o WHERE o.organization_id = %(organization)s"
_UPSERT = f"""
    WITH seen AS (
        SELECT {_DAY.format("first_at")}, m.* FROM unnest(
            %(forms)s::bigint[], %(visits)s::uuid[], %(first)s::timestamptz[], %(last)s::timestamptz[],
            %(versions)s::int[], %(origins)s::int[], %(steps)s::smallint[], %(form_steps)s::smallint[],
            %(flags)s::smallint[], %(leads)s::boolean[]
        ) AS m (form_id, visit, first_at, last_at, version, origin_id, step, form_step, flags, has_lead) {_OF}
    )
    INSERT INTO form_visits AS v (organization_id, day, form_id, visit, first_at, last_at, version, origin_id, step,
        form_step, flags, has_lead)
    SELECT %(organization)s, day, form_id, visit, min(first_at), max(last_at), max(version),
        (array_agg(origin_id ORDER BY first_at, origin_id))[1], max(step), max(form_step), bit_or(flags),
        bool_or(has_lead)
    FROM seen GROUP BY day, form_id, visit
    ON CONFLICT (organization_id, day, form_id, visit) DO UPDATE SET
        first_at = least(v.first_at, excluded.first_at), last_at = greatest(v.last_at, excluded.last_at),
        version = greatest(v.version, excluded.version),
        origin_id = CASE WHEN (excluded.first_at, excluded.origin_id) < (v.first_at, v.origin_id)
            THEN excluded.origin_id ELSE v.origin_id END,
        step = greatest(v.step, excluded.step), form_step = greatest(v.form_step, excluded.form_step),
        flags = v.flags | excluded.flags, has_lead = v.has_lead OR excluded.has_lead
    WHERE excluded.first_at < v.first_at OR excluded.last_at > v.last_at OR excluded.version > v.version
        OR excluded.step > v.step OR excluded.form_step > v.form_step OR excluded.flags | v.flags <> v.flags
        OR excluded.has_lead > v.has_lead OR (excluded.first_at = v.first_at AND excluded.origin_id < v.origin_id)
"""
_HOSTS = f"""
    INSERT INTO form_hosts AS h (organization_id, form_id, host, first_day, last_day, n)
    SELECT %(organization)s, s.form_id, s.host, min(s.day), max(s.day), count(*) FROM (
        SELECT {_DAY.format("at")}, m.form_id, m.host
        FROM unnest(%(forms)s::bigint[], %(hosts)s::text[], %(at)s::timestamptz[]) AS m (form_id, host, at) {_OF}
    ) s
    WHERE EXISTS (SELECT FROM form_hosts k WHERE k.organization_id = %(organization)s AND k.form_id = s.form_id
            AND k.host = s.host)
        OR (SELECT count(*) FROM form_hosts k WHERE k.organization_id = %(organization)s
            AND k.form_id = s.form_id) < %(most)s
    GROUP BY 2, 3
    ON CONFLICT (organization_id, form_id, host) DO UPDATE SET
        first_day = least(h.first_day, excluded.first_day), last_day = greatest(h.last_day, excluded.last_day),
        n = h.n + excluded.n
"""
