"""How old what the pages show is, per source, and which sources are in trouble: an outage is never a quiet week."""

from __future__ import annotations

from datetime import date

from snapshots.organizations import CrmConnection, list_connections
from snapshots.status import Freshness, first_read_at
from snapshots.status import freshness as fresh_of
from workbench import formats, installation
from workbench.cards import Stamp
from workbench.lead_words import plain
from workbench.view import View

_TROUBLES = {
    "failed": "last sync failed",
    "cancelled": "last sync stopped before its end",
    "interrupted": "last sync broke off",
}


def _first_day(view: View) -> date | None:
    at = first_read_at(installation.database(), view.organization_id)
    return None if at is None else at.astimezone(view.zone).date()


def stamps(view: View) -> list[Stamp]:
    """One per source of the organization, in the order of their names."""
    database = installation.database()
    connections = {one.connection_id: one for one in list_connections(database, view.organization_id)}
    return [
        stamp(source, connections[source.connection_id], view)
        for source in fresh_of(database, view.organization_id)
        if source.connection_id in connections
    ]


def stamp(source: Freshness, connection: CrmConnection, view: View) -> Stamp:
    is_import = source.provider == "csv" and not connection.settings.get("refresh")
    return Stamp(
        name=source.name,
        refreshed_at=source.synced_at.astimezone(view.zone) if source.synced_at else None,
        is_stale=not is_import and source.is_stale(view.now),
        note=formats.plural(source.n_deals, "deal") if source.n_deals else "",
        trouble=_TROUBLES.get(source.last_status or "", ""),
        is_import=is_import,
    )


def troubles(view: View) -> list[str]:
    """A sentence per source whose data are older than they should be, or not all there yet; and one where the page asks
    for what was known before there was anything to know."""
    found = []
    if view.filters.knows_then and (first := _first_day(view)) is not None and view.as_of < first:
        found.append(
            f"Nothing was known of deals at the end of {formats.day(view.as_of)}: the first sync was on "
            f"{formats.day(first)}. What is zero here was not known then."
        )
    for one in stamps(view):
        if one.refreshed_at is None:
            found.append(
                f"**{plain(one.name)}**: {one.trouble or 'not read to its end yet'}, so these numbers are not whole."
            )
        elif one.trouble or one.is_stale:
            found.append(
                f"**{plain(one.name)}**: {one.words(view.now)}. What changed there since is not in these numbers."
            )
    return found
