"""A page's changes in runs of one sort: prepared ahead of the page's transaction, applied in it, in the CRM's order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection

from adapters.records import KIND_OF, Activity, Change, Deal, DealStatus, Deletion, Kind, Merge
from snapshots import activities, current, deals, merging
from snapshots.batch import Batch
from snapshots.fingerprints import Said, said
from snapshots.storable import storable


class ChangeRun:
    """Neighbouring changes of one sort. stage_status: what a deal in a stage is, for deals."""

    def __init__(
        self, connection: Connection, batch: Batch, changes: Sequence[Change], stage_status: Mapping[str, DealStatus]
    ) -> None:
        self.sort = type(changes[0])
        self.changes: list[Change] = []
        self.said: Said[Any] | None = None
        self.deals: deals.Prepared | None = None
        if self.sort is Deletion or self.sort is Merge:
            self.changes = [storable(change) for change in changes]
        elif self.sort is Deal:
            found = [change for change in changes if isinstance(change, Deal)]
            self.deals = deals.prepare(connection, batch, found, stage_status)
        else:
            self.said = said(changes)

    def apply(self, connection: Connection, batch: Batch) -> None:
        if self.deals is not None:
            deals.apply(connection, batch, self.deals)
        elif self.said is not None and self.sort is Activity:
            activities.apply(connection, batch, self.said)
        elif self.said is not None:
            current.apply(connection, batch, KIND_OF[self.sort], self.said)
        elif self.sort is Deletion:
            _delete(connection, batch, [change for change in self.changes if isinstance(change, Deletion)])
        else:
            merging.apply(connection, batch, [change for change in self.changes if isinstance(change, Merge)])


def runs_of_one_sort(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """Neighbouring changes that can be applied together, in their order."""
    for _, run in groupby(changes, key=type):
        yield list(run)


def _delete(connection: Connection, batch: Batch, deletions: Sequence[Deletion]) -> None:
    for kind in {deletion.kind for deletion in deletions}:
        for reason in {deletion.reason for deletion in deletions if deletion.kind is kind}:
            gone = {item.external_id: item.at for item in deletions if item.kind is kind and item.reason == reason}
            if kind is Kind.DEAL:
                deals.retire(connection, batch, gone, reason)
            elif kind is Kind.ACTIVITY:
                activities.retire(connection, batch, list(gone))
            else:
                current.retire(connection, batch, kind, list(gone), reason)
