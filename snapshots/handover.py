"""The hand-over from one CRM to another: what confirming a change writes, the way back, and what the first sync begins
with.

Confirming ties the new CRM's ids to what is known and retires the old CRM; nothing else of ours is touched, so until
the new CRM's first sync it can be taken back without a trace. That sync begins by ending the deals that were not moved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import orjson
from sqlalchemy import Connection, text

from adapters.records import Kind
from adapters.registry import TAKES_LEADS
from snapshots import activities, audit, bulk, crm_changes, deals, schema
from snapshots.batch import Batch
from snapshots.change_reading import LISTED
from snapshots.crm_changes import ChangeRefused, CrmChange, Sheet, read_sheet
from snapshots.database import Database
from snapshots.links import TABLE_OF, id_column
from snapshots.rollups import NOT_MOVED

SYNC_LOCK = 7401
"""As in `snapshots.sync`: held while a connection is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a person confirmed. items: by kind, what each id of the new CRM means; None: something new.

    deals: the same of deals; those left out are new. ended: open deals of ours that end on the day of the change.
    """

    items: Mapping[Kind, Mapping[str, int | None]] = field(default_factory=dict)
    deals: Mapping[str, int] = field(default_factory=dict)
    ended: frozenset[int] = frozenset()


def confirm(database: Database, change: CrmChange, choices: Choices, *, by: str, now: datetime) -> None:
    """From `now` on the new CRM counts. Raises ChangeRefused, and then nothing has happened."""
    with database.as_app(change.organization_id) as connection:
        _lock(connection, change, "ready")
        _demand_idle(connection, change)
        sheet = read_sheet(connection, change)
        _check(sheet, choices)
        linked = _link(connection, change, sheet, choices)
        connection.execute(
            text(
                "UPDATE crm_changes SET state = 'confirmed', switched_at = :at, confirmed_by = :by, "
                "ended_deals = :ended, catalog = catalog || jsonb_build_object('linked', cast(:linked AS jsonb)) "
                "WHERE organization_id = :organization AND change_id = :change"
            ),
            _own(change) | {
                "at": now, "by": by, "ended": sorted(choices.ended), "linked": orjson.dumps(linked).decode(),
            },
        )  # fmt: skip
        _activate(connection, change, active=change.to_connection_id, retired=change.from_connection_id, at=now)
        _move_forms(connection, change, to=change.to_connection_id, was=change.from_connection_id)
        after = {"state": "confirmed", "switched_at": now, "linked": {k: len(ids) for k, ids in linked.items()}}
        crm_changes.note(connection, change, "confirmed", by=by, before={"state": change.state}, after=after)


def undo(database: Database, change: CrmChange, *, by: str = audit.PROGRAM) -> None:
    """The way back: as before confirming, ready to be confirmed otherwise. Raises ChangeRefused after the first sync
    has begun."""
    with database.as_app(change.organization_id) as connection:
        _lock(connection, change, "confirmed")
        _demand_idle(connection, change)
        catalog = connection.execute(_CATALOG, _own(change)).scalar_one()
        for kind, external_ids in catalog["linked"].items():
            connection.execute(_UNLINK, _own(change) | {"kind": kind, "ids": external_ids})
        connection.execute(_UNLINK_DEALS, _own(change))
        connection.execute(
            text(
                "UPDATE crm_changes SET state = 'ready', switched_at = NULL, confirmed_by = NULL, ended_deals = '{}', "
                "catalog = catalog - 'linked' WHERE organization_id = :organization AND change_id = :change"
            ),
            _own(change),
        )
        was_retired_at = connection.execute(_LAST_RETIRED, _own(change)).scalar_one()
        _activate(
            connection, change, active=change.from_connection_id, retired=change.to_connection_id, at=was_retired_at
        )
        _move_forms(connection, change, to=change.from_connection_id, was=change.to_connection_id)
        before, after = {"state": "confirmed", "switched_at": change.switched_at}, {"state": "ready"}
        crm_changes.note(connection, change, "undone", by=by, before=before, after=after)


def took_over_at(connection: Connection, organization_id: int, connection_id: int) -> datetime | None:
    """When this CRM took over from another one, the last time; None: it never did."""
    found: datetime | None = connection.execute(
        text(
            "SELECT max(switched_at) FROM crm_changes WHERE organization_id = :organization "
            "AND to_connection_id = :to AND state IN ('confirmed', 'done')"
        ),
        {"organization": organization_id, "to": connection_id},
    ).scalar_one()
    return found


def begin(connection: Connection, batch: Batch) -> bool:
    """What the first sync of a CRM that takes over begins with, in one transaction. False: there is nothing to do."""
    row = connection.execute(
        _CONFIRMED, {"organization": batch.organization_id, "to": batch.connection_id}
    ).one_or_none()
    if row is None:
        return False
    deals.end(connection, batch, dict.fromkeys(row.ended_deals, row.switched_at), NOT_MOVED)
    _uncount_plans(connection, batch, row.from_connection_id, row.switched_at)
    _keep_as_known(connection, batch, row.catalog)
    batch.deltas.write(connection, batch.organization_id)
    own = {"organization": batch.organization_id, "connection": batch.connection_id}
    connection.execute(
        text("DELETE FROM sync_cursors WHERE organization_id = :organization AND connection_id = :connection"), own
    )
    connection.execute(
        text(
            "UPDATE crm_changes SET state = 'done', finished_at = :at "
            "WHERE organization_id = :organization AND change_id = :change"
        ),
        own | {"change": row.change_id, "at": batch.recorded_at},
    )
    connection.execute(
        text("UPDATE organizations SET data_version = data_version + 1 WHERE organization_id = :organization"), own
    )
    return True


def _uncount_plans(connection: Connection, batch: Batch, old_id: int, since: datetime) -> None:
    """What the old CRM had planned for later is told by the new one."""
    planned = connection.execute(
        text(
            "SELECT external_id FROM activities WHERE organization_id = :organization AND connection_id = :old "
            "AND occurred_at >= :since AND gone_at IS NULL"
        ),
        {"organization": batch.organization_id, "old": old_id, "since": since},
    )
    activities.retire(connection, replace(batch, connection_id=old_id), [row.external_id for row in planned])


def _keep_as_known(connection: Connection, batch: Batch, catalog: Mapping[str, Mapping[str, object]]) -> None:
    """A pipeline or stage that goes on keeps name, place and probability until the new CRM changes it: the weighted
    pipeline of days before would change else."""
    linked: Mapping[str, list[str]] = catalog.get("linked", {})  # type: ignore[assignment]
    for kind in (Kind.PIPELINE, Kind.STAGE):
        hashes: Mapping[str, int] = catalog["hashes"][kind.value]  # type: ignore[assignment]
        known = [one for one in linked.get(kind.value, ()) if one in hashes]
        connection.execute(
            text(
                f"UPDATE {TABLE_OF[kind].name} t SET content_hash = m.hash FROM external_links l, "
                "unnest(cast(:ids AS text[]), cast(:hashes AS bigint[])) AS m (external_id, hash) "
                "WHERE l.organization_id = :organization AND l.connection_id = :connection AND l.kind = :kind "
                f"AND l.external_id = m.external_id AND t.organization_id = :organization "
                f"AND t.{id_column(kind)} = l.entity_id"
            ),
            {
                "organization": batch.organization_id, "connection": batch.connection_id, "kind": kind.value,
                "ids": known, "hashes": [hashes[one] for one in known],
            },
        )  # fmt: skip


# --- what may be confirmed -------------------------------------------------------------------------------------------


def _check(sheet: Sheet, choices: Choices) -> None:
    for kind in LISTED:
        chosen = _settled(sheet, choices, kind)
        known = {one.key for one in sheet.ours[kind]} | set(sheet.fixed[kind].values())
        _demand_single(kind, chosen.values())
        if any(ours is not None and ours not in known for ours in chosen.values()):
            raise ChangeRefused(f"One {kind.value} that was chosen is not there any more. Load the page again.")
    _check_stages(sheet, choices)
    _check_deals(sheet, choices)


def _settled(sheet: Sheet, choices: Choices, kind: Kind) -> dict[str, int | None]:
    """What each of theirs means: what it meant before, else what was chosen, else something new."""
    given = choices.items.get(kind, {})
    fixed = sheet.fixed[kind]
    return {str(one.key): fixed.get(str(one.key), given.get(str(one.key))) for one in sheet.theirs[kind]}


def _demand_single(kind: Kind, chosen: object) -> None:
    counts = Counter(one for one in chosen if one is not None)  # type: ignore[attr-defined]
    if any(n > 1 for n in counts.values()):
        raise ChangeRefused(
            f"Two {kind.value}s of the new CRM cannot be the same {kind.value} here. Change one of them."
        )


def _check_stages(sheet: Sheet, choices: Choices) -> None:
    ours = {one.key: one for one in sheet.ours[Kind.STAGE]}
    theirs = {str(one.key): one for one in sheet.theirs[Kind.STAGE]}
    pipelines = _settled(sheet, choices, Kind.PIPELINE)
    for key, chosen in _settled(sheet, choices, Kind.STAGE).items():
        if chosen is None or chosen not in ours or key in sheet.fixed[Kind.STAGE]:
            continue
        one, other = theirs[key], ours[chosen]
        if one.status != other.status:
            raise ChangeRefused(
                f"The stage {one.name} holds {one.status} deals, {other.name} holds {other.status} ones."
            )
        if pipelines.get(str(one.pipeline)) != other.pipeline:
            raise ChangeRefused(f"The stages {one.name} and {other.name} are in pipelines that are not the same.")


def _check_deals(sheet: Sheet, choices: Choices) -> None:
    _demand_single(Kind.DEAL, [*choices.deals.values(), *sheet.fixed[Kind.DEAL].values()])
    for external_id, deal_id in choices.deals.items():
        theirs, ours = sheet.their_deals.get(external_id), sheet.our_deals.get(deal_id)
        if theirs is None or ours is None or external_id in sheet.fixed[Kind.DEAL]:
            raise ChangeRefused("A deal that was chosen is not there any more. Load the page again.")
        if theirs.status == "open" and ours.status != "open":
            raise ChangeRefused(f"{ours.name or 'A deal'} is {ours.status} here, so it is not the open deal there.")
    unmoved = {one.key for one in sheet.unmoved(frozenset(choices.deals.values()))}
    if not choices.ended <= unmoved:
        raise ChangeRefused("A deal that goes on, or is closed, cannot end on the day of the change.")


# --- what is written -------------------------------------------------------------------------------------------------


def _link(connection: Connection, change: CrmChange, sheet: Sheet, choices: Choices) -> dict[str, list[str]]:
    """Returns the external ids that were linked now, by kind; of deals, their rows say so."""
    linked: dict[str, list[str]] = {}
    rows: list[tuple[object, ...]] = []
    for kind in LISTED:
        new = {k: v for k, v in _settled(sheet, choices, kind).items() if v is not None and k not in sheet.fixed[kind]}
        linked[kind.value] = list(new)
        rows += [(change.organization_id, change.to_connection_id, kind.value, key, ours) for key, ours in new.items()]
    for key, ours in choices.deals.items():
        rows.append((change.organization_id, change.to_connection_id, Kind.DEAL.value, key, ours))
    columns = ("organization_id", "connection_id", "kind", "external_id", "entity_id")
    bulk.insert(connection, schema.external_links, columns, rows)
    connection.execute(
        text(
            "UPDATE crm_change_deals SET is_linked = external_id = ANY(:ids) "
            "WHERE organization_id = :organization AND change_id = :change"
        ),
        _own(change) | {"ids": list(choices.deals)},
    )
    return linked


_CATALOG = text("SELECT catalog FROM crm_changes WHERE organization_id = :organization AND change_id = :change")
_CONFIRMED = text(
    "SELECT change_id, from_connection_id, switched_at, ended_deals, catalog FROM crm_changes "
    "WHERE organization_id = :organization AND to_connection_id = :to AND state = 'confirmed' FOR UPDATE"
)
_UNLINK = text(
    "DELETE FROM external_links WHERE organization_id = :organization AND connection_id = :to AND kind = :kind "
    "AND external_id = ANY(:ids)"
)
_UNLINK_DEALS = text(
    "DELETE FROM external_links WHERE organization_id = :organization AND connection_id = :to AND kind = 'deal' "
    "AND external_id IN (SELECT external_id FROM crm_change_deals WHERE organization_id = :organization "
    "AND change_id = :change AND is_linked)"
)
_LAST_RETIRED = text(
    "SELECT max(switched_at) FROM crm_changes WHERE organization_id = :organization AND from_connection_id = :to "
    "AND state = 'done'"
)


def _own(change: CrmChange) -> dict[str, object]:
    return {
        "organization": change.organization_id, "change": change.change_id, "to": change.to_connection_id,
    }  # fmt: skip


def _lock(connection: Connection, change: CrmChange, state: str) -> None:
    """Nobody else takes a step of this change meanwhile."""
    found = connection.execute(
        text("SELECT state FROM crm_changes WHERE organization_id = :organization AND change_id = :change FOR UPDATE"),
        _own(change),
    ).scalar_one_or_none()
    if found != state:
        raise ChangeRefused(
            "The first sync of the new CRM has begun, so there is no way back. Change back as you changed: by mapping."
            if found == "done" and state == "confirmed"
            else "Somebody else went on with this change meanwhile. Load the page again."
        )


def _demand_idle(connection: Connection, change: CrmChange) -> None:
    """Until this transaction ends neither CRM is read."""
    for connection_id in (change.from_connection_id, change.to_connection_id):
        is_free = connection.execute(
            text("SELECT pg_try_advisory_xact_lock(:lock, :id)"), {"lock": SYNC_LOCK, "id": connection_id % 2**31}
        ).scalar_one()
        if not is_free:
            raise ChangeRefused("A sync is running. Wait for its end, or stop it, then try again.")


def _activate(connection: Connection, change: CrmChange, *, active: int, retired: int, at: datetime | None) -> None:
    connection.execute(
        text(
            "UPDATE crm_connections SET is_active = connection_id = :active, "
            "retired_at = CASE WHEN connection_id = :retired THEN cast(:at AS timestamptz) END "
            "WHERE organization_id = :organization AND connection_id IN (:active, :retired)"
        ),
        _own(change) | {"active": active, "retired": retired, "at": at},
    )
    connection.execute(
        text("UPDATE organizations SET data_version = data_version + 1 WHERE organization_id = :organization"),
        _own(change),
    )


def _move_forms(connection: Connection, change: CrmChange, *, to: int, was: int) -> None:
    """Forms that name the old CRM name the new one, where that takes leads."""
    connection.execute(
        text(
            "UPDATE forms SET connection_id = :new WHERE organization_id = :organization AND connection_id = :was "
            "AND EXISTS (SELECT FROM crm_connections c WHERE c.organization_id = :organization "
            "AND c.connection_id = :new AND c.provider = ANY(:takers))"
        ),
        _own(change) | {"new": to, "was": was, "takers": list(TAKES_LEADS)},
    )
