"""What needs a look: facts about open deals and sources that ask for a person."""

from __future__ import annotations

from typing import Any, Final

from snapshots import rows, status
from snapshots.rows import DealSet
from snapshots.slices import Slice, Viewer
from workbench import formats, installation, places
from workbench.cards import Stamp
from workbench.content import Look
from workbench.data import cached
from workbench.view import View

LOOKS: Final = (
    (DealSet.OVERDUE, "overdue", "event_busy", True, "close date in the past", "close dates in the past",
     "Still open, in no coming month"),
    (DealSet.WITHOUT_OWNER, "without_owner", "person_off", True, "open deal without an owner",
     "open deals without an owner", "Nobody is working on them"),
    (DealSet.UNVALUED, "unvalued", "money_off", False, "open deal without an amount", "open deals without an amount",
     "They count as deals, not as money"),
    (DealSet.UNDATED, "undated", "calendar_clock", False, "open deal never dated",
     "open deals never dated", "No creation date, so no age"),
    (DealSet.WITHOUT_COMPANY, "without_company", "domain_disabled", False, "open deal without a company",
     "open deals without a company", "Whose they are is not recorded"),
)  # fmt: skip


@cached
def summaries(viewer: Viewer, data_version: int, slice_: Slice) -> dict[DealSet, rows.RowsSummary]:
    reader = installation.reader(viewer)
    return {which: rows.deal_summary(reader, slice_, which) for which, *_ in LOOKS}


def looks(view: View) -> list[Look]:
    """Facts that ask for a person: deals with something missing or overdue, stale sources, rejected rows."""
    known = summaries(view.viewer, view.data_version, view.slice())
    found = [_look(entry, known[entry[0]]) for entry in LOOKS if known[entry[0]].n]
    if view.may_change:
        found += _source_looks(view)
    return found


def _look(entry: tuple[Any, ...], summary: rows.RowsSummary) -> Look:
    _, key, icon, is_bad, one, many, why = entry
    amounts = sorted(summary.amount_minor.items(), key=lambda item: -item[1])
    amount = formats.money_short(amounts[0][1], amounts[0][0]) if amounts else ""
    more = " + …" if len(amounts) > 1 else ""
    return Look(
        key=key, icon=icon, is_bad=is_bad, what=formats.plural(summary.n, one, many), why=why, amount=amount + more,
        rows=key,
    )  # fmt: skip


def _source_looks(view: View) -> list[Look]:
    found = []
    for source in status.freshness(installation.database(), view.organization_id):
        if source.last_status == "failed":
            found.append(_source_look(source, "cloud_off", f"{source.name}: the last sync failed", True))
        elif source.is_stale(view.now):
            found.append(_source_look(source, "schedule", f"{source.name} is stale", False, view=view))
    for run in status.list_runs(installation.database(), view.organization_id, limit=1):
        if run.rejected:
            what = formats.plural(run.rejected, "rejected row")
            found.append(
                Look(key="rejected", icon="rule", is_bad=False, what=what, why=f"In the newest run of {run.connection}",
                     amount="", page=places.DATA)
            )  # fmt: skip
    return found


def _source_look(source: status.Freshness, icon: str, what: str, is_bad: bool, view: View | None = None) -> Look:
    age = formats.age(source.synced_at, now=view.now) if view and source.synced_at else "Never synced"
    why = age if view else "What was known before is shown"
    return Look(
        key=f"source_{source.connection_id}", icon=icon, is_bad=is_bad, what=what, why=why, amount="", page=places.DATA
    )


def stamps(view: View) -> list[Stamp]:
    return [
        Stamp(
            name=source.name,
            refreshed_at=source.synced_at.astimezone(view.zone) if source.synced_at else None,
            is_stale=source.is_stale(view.now),
            note=formats.plural(source.n_deals, "deal"),
        )
        for source in status.freshness(installation.database(), view.organization_id)
    ]
