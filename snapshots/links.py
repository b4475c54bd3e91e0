"""Ties the CRM's ids to ours. An object that is referred to before it was seen (a former colleague, a deleted stage)
gets a row of its own without a name, so that nothing that points to it is lost."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

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
    """The links of one connection. Found ids are remembered for the length of a sync run."""

    organization_id: int
    connection_id: int
    _known: dict[Kind, dict[str, int]] = field(default_factory=dict)

    def find(self, connection: Connection, kind: Kind, external_ids: Collection[str]) -> dict[str, int]:
        """Our ids of those external ids that are linked."""
        known = self._known.setdefault(kind, {})
        asked = [external_id for external_id in external_ids if external_id not in known]
        if asked:
            found = connection.execute(
                text(
                    "SELECT external_id, entity_id FROM external_links WHERE organization_id = :organization "
                    "AND connection_id = :connection AND kind = :kind AND external_id = ANY(:ids)"
                ),
                {
                    "organization": self.organization_id,
                    "connection": self.connection_id,
                    "kind": kind.value,
                    "ids": asked,
                },
            )
            known.update({row.external_id: row.entity_id for row in found})
        return {external_id: known[external_id] for external_id in external_ids if external_id in known}

    def number(self, connection: Connection, kind: Kind, external_ids: Iterable[str]) -> dict[str, int]:
        """Give ids of ours to external ids that are known to be new. The caller links them."""
        new = list(dict.fromkeys(external_ids))
        if not new:
            return {}
        given = connection.execute(
            text("SELECT nextval('entity_id_seq') FROM generate_series(1, :n)"), {"n": len(new)}
        ).scalars()
        ids = dict(zip(new, given, strict=True))
        self._known.setdefault(kind, {}).update(ids)
        return ids

    def add(self, connection: Connection, kind: Kind, external_ids: Iterable[str]) -> dict[str, int]:
        """Link external ids that are known to be new; returns the ids they were given."""
        ids = self.number(connection, kind, external_ids)
        rows = [(self.organization_id, self.connection_id, kind.value, ext, ours) for ext, ours in ids.items()]
        bulk.insert(connection, schema.external_links, _LINK_COLUMNS, rows)
        return ids

    def refer(self, connection: Connection, kind: Kind, external_ids: Iterable[str | None]) -> dict[str, int]:
        """Our ids of all these external ids; those never seen get an unnamed row."""
        wanted = {external_id for external_id in external_ids if external_id is not None}
        found = self.find(connection, kind, wanted)
        unseen = sorted(wanted - found.keys())
        if not unseen:
            return found
        made = self.add(connection, kind, unseen)
        rows = [(self.organization_id, ours) for ours in made.values()]
        bulk.insert(connection, TABLE_OF[kind], ("organization_id", id_column(kind)), rows)
        return found | made

    def repoint(self, connection: Connection, kind: Kind, loser_ids: Collection[str], winner: int) -> None:
        """From now on these external ids mean `winner`."""
        connection.execute(
            text(
                "UPDATE external_links SET entity_id = :winner WHERE organization_id = :organization "
                "AND connection_id = :connection AND kind = :kind AND external_id = ANY(:ids)"
            ),
            {
                "winner": winner,
                "organization": self.organization_id,
                "connection": self.connection_id,
                "kind": kind.value,
                "ids": list(loser_ids),
            },
        )
        self._known.setdefault(kind, {}).update(dict.fromkeys(loser_ids, winner))
