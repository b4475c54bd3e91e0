"""Ties the CRM's ids to ours. An object that is referred to before it was seen (a former colleague, a deleted stage)
gets a row of its own without a name, so that nothing that points to it is lost."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from threading import RLock

from sqlalchemy import Connection, Table, text

from adapters.records import Kind
from snapshots import bulk, schema

TABLE_OF: Mapping[Kind, Table] = {
    Kind.TEAM: schema.teams,
    Kind.OWNER: schema.owners,
    Kind.PIPELINE: schema.pipelines,
    Kind.STAGE: schema.stages,
    Kind.PRODUCT: schema.products,
    Kind.COMPANY: schema.companies,
    Kind.CONTACT: schema.contacts,
    Kind.LEAD: schema.leads,
    Kind.DEAL: schema.deals,
}

_LINK_COLUMNS = ("organization_id", "connection_id", "kind", "external_id", "entity_id")


def id_column(kind: Kind) -> str:
    """The name of the id of this kind: owner → owner_id."""
    return f"{kind.value}_id"


@dataclass(slots=True)
class Links:
    """The links of one connection. Found ids are remembered for the length of a sync run, by all of its threads."""

    organization_id: int
    connection_id: int
    _known: dict[Kind, dict[str, int]] = field(default_factory=lambda: {kind: {} for kind in Kind})
    _unlinked: dict[Kind, set[str]] = field(default_factory=lambda: {kind: set() for kind in Kind})
    _merged: dict[Kind, set[str]] = field(default_factory=lambda: {kind: set() for kind in Kind})
    _complete: set[Kind] = field(default_factory=set)
    """Kinds of which no link was there before this run, so that all are known."""
    _lock: RLock = field(default_factory=RLock)

    def find(self, connection: Connection, kind: Kind, external_ids: Collection[str]) -> dict[str, int]:
        """Our ids of those external ids that are linked, or numbered and about to be."""
        with self._lock:
            self._look_up(connection, kind, external_ids)
            known = self._known[kind]
            return {external_id: known[external_id] for external_id in external_ids if external_id in known}

    def find_unmerged(self, connection: Connection, kind: Kind, external_ids: Collection[str]) -> dict[str, int]:
        """The same, without those that were merged into another object: what is said of them says nothing of it."""
        found = self.find(connection, kind, external_ids)
        return {external_id: ours for external_id, ours in found.items() if external_id not in self._merged[kind]}

    def is_merged(self, kind: Kind, external_id: str) -> bool:
        """Of an id that was found."""
        return external_id in self._merged[kind]

    def _look_up(self, connection: Connection, kind: Kind, external_ids: Collection[str]) -> None:
        known = self._known[kind]
        if kind is Kind.DEAL and not known and not self._any(connection, kind):
            self._complete.add(kind)  # only a sync makes links of deals, and one sync at a time
        if kind in self._complete:
            return
        asked = [external_id for external_id in external_ids if external_id not in known]
        if asked:
            found = connection.execute(
                text(
                    "SELECT external_id, entity_id, is_merged FROM external_links "
                    "WHERE organization_id = :organization "
                    "AND connection_id = :connection AND kind = :kind AND external_id = ANY(:ids)"
                ),
                {
                    "organization": self.organization_id,
                    "connection": self.connection_id,
                    "kind": kind.value,
                    "ids": asked,
                },
            )
            for row in found:
                known[row.external_id] = row.entity_id
                if row.is_merged:
                    self._merged[kind].add(row.external_id)

    def _any(self, connection: Connection, kind: Kind) -> bool:
        asked = {"organization": self.organization_id, "connection": self.connection_id, "kind": kind.value}
        found: bool = connection.execute(
            text(
                "SELECT EXISTS (SELECT FROM external_links WHERE organization_id = :organization "
                "AND connection_id = :connection AND kind = :kind)"
            ),
            asked,
        ).scalar_one()
        return found

    def number(self, connection: Connection, kind: Kind, external_ids: Iterable[str]) -> dict[str, int]:
        """Give ids of ours to external ids that are known to be new. The caller links them and says `now_linked`."""
        new = list(dict.fromkeys(external_ids))
        if not new:
            return {}
        given = connection.execute(
            text("SELECT array_agg(nextval('entity_id_seq')) FROM generate_series(1, :n)"), {"n": len(new)}
        ).scalar_one()
        ids = dict(zip(new, given, strict=True))
        with self._lock:
            self._known[kind].update(ids)
            self._unlinked[kind].update(ids)
        return ids

    def are_unlinked(self, kind: Kind, ids: Mapping[str, int]) -> bool:
        """Whether all of these numbers still mean what they were given for, and none is linked yet."""
        known, unlinked = self._known[kind], self._unlinked[kind]
        return all(known[external_id] == ours and external_id in unlinked for external_id, ours in ids.items())

    def now_linked(self, kind: Kind, external_ids: Iterable[str]) -> None:
        self._unlinked[kind].difference_update(external_ids)

    def add(self, connection: Connection, kind: Kind, external_ids: Iterable[str]) -> dict[str, int]:
        """Link external ids that are known to be new; returns the ids they were given."""
        ids = self.number(connection, kind, external_ids)
        self._link(connection, kind, ids)
        return ids

    def adopt(self, connection: Connection, kind: Kind, ids: Mapping[str, int]) -> None:
        """From now on these external ids, which are known to be new, mean these objects of ours."""
        with self._lock:
            self._known[kind].update(ids)
            self._link(connection, kind, ids)

    def refer(self, connection: Connection, kind: Kind, external_ids: Iterable[str | None]) -> dict[str, int]:
        """Our ids of all these external ids; those never seen get an unnamed row."""
        wanted = {external_id for external_id in external_ids if external_id is not None}
        with self._lock:
            found = self.find(connection, kind, wanted)
            found |= self.number(connection, kind, sorted(wanted - found.keys()))
            unseen = {external_id: found[external_id] for external_id in sorted(wanted & self._unlinked[kind])}
            self._link(connection, kind, unseen)
        rows = [(self.organization_id, ours) for ours in unseen.values()]
        bulk.insert(connection, TABLE_OF[kind], ("organization_id", id_column(kind)), rows)
        return found

    def _link(self, connection: Connection, kind: Kind, ids: Mapping[str, int]) -> None:
        rows = [(self.organization_id, self.connection_id, kind.value, ext, ours) for ext, ours in ids.items()]
        bulk.insert(connection, schema.external_links, _LINK_COLUMNS, rows)
        self.now_linked(kind, ids)

    def repoint(self, connection: Connection, kind: Kind, loser_ids: Collection[str], winner: int) -> Collection[int]:
        """From now on these external ids mean `winner`, and what is said of them says nothing.

        Returns our ids of the objects that they meant alone, which nothing means any more.
        """
        rows = [(self.organization_id, self.connection_id, kind.value, loser, winner, True) for loser in loser_ids]
        with self._lock:
            gone = {*self.find_unmerged(connection, kind, loser_ids).values()} - {winner}
            self._follow(connection, kind, gone, winner)
            bulk.upsert(connection, schema.external_links, (*_LINK_COLUMNS, "is_merged"), rows)
            self._merged[kind].update(loser_ids)
            self._known[kind].update(dict.fromkeys(loser_ids, winner))
            self.now_linked(kind, loser_ids)
        return gone

    def _follow(self, connection: Connection, kind: Kind, losers: Collection[int], winner: int) -> None:
        """What was merged into one of these before means the winner now, too."""
        if not losers:
            return
        connection.execute(
            text(
                "UPDATE external_links SET entity_id = :winner WHERE organization_id = :organization "
                "AND connection_id = :connection AND kind = :kind AND entity_id = ANY(:losers) AND is_merged"
            ),
            {
                "organization": self.organization_id,
                "connection": self.connection_id,
                "kind": kind.value,
                "losers": list(losers),
                "winner": winner,
            },
        )
        known = self._known[kind]
        known.update({external_id: winner for external_id, ours in known.items() if ours in losers})
