"""What a CRM merges goes on as one: the losers end, and whatever named them names the survivor.

Links of the losers mean the survivor from then on (`snapshots.links`), so that what is said of them later finds it.
Here their own rows are retired, and what was stored before and names them is turned over. The versions of merged
deals, leads and owners stay as what was true of those; their scores are the survivor's. What was issued, promised or
said of them is for `snapshots.merged_ledgers`. No CRM merges stages or pipelines: what stood in them stays there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

from adapters.records import Kind, Merge
from snapshots import current, deals, merged_ledgers, rollups
from snapshots.batch import Batch

_NAMED_IN: Mapping[Kind, Sequence[tuple[str, str]]] = {
    Kind.TEAM: (("owners", "team_id"), ("owner_versions", "team_id")),
    Kind.OWNER: (
        ("teams", "manager_id"),
        ("companies", "owner_id"),
        ("contacts", "owner_id"),
        ("leads", "owner_id"),
        ("lead_versions", "owner_id"),  # after the leads, whose trigger writes what they were
        ("activities", "owner_id"),
        ("deal_versions", "owner_id"),
        ("stage_events", "owner_id"),
        ("users", "owner_id"),
        ("alarms", "owner_id"),
        ("leave_entries", "owner_id"),
        ("coaching_notes", "owner_id"),
        ("llm_requests", "owner_id"),
        ("report_recipients", "owner_id"),
    ),
    Kind.PRODUCT: (("deal_versions", "product_id"),),
    Kind.COMPANY: (("contacts", "company_id"), ("activities", "company_id"), ("deal_versions", "company_id")),
    Kind.CONTACT: (("activities", "contact_id"),),
    Kind.LEAD: (("activities", "lead_id"),),
    Kind.DEAL: (("leads", "deal_id"), ("activities", "deal_id")),
}
"""Tables and columns that hold ids of a kind."""
_SCORED: Mapping[Kind, str] = {Kind.LEAD: "lead", Kind.DEAL: "deal"}


def apply(connection: Connection, batch: Batch, merges: Sequence[Merge]) -> None:
    """Merges in the order in which the CRM made them. One that is told again changes nothing."""
    for kind in dict.fromkeys(merge.kind for merge in merges):
        if kind is not Kind.ACTIVITY:
            survivors: dict[int, int] = {}
            for merge in merges:
                if merge.kind is kind:
                    _merge(connection, batch, merge, survivors)
            if survivors:
                _turn_over(connection, batch, kind, survivors)


def _merge(connection: Connection, batch: Batch, merge: Merge, survivors: dict[int, int]) -> None:
    """survivors: by the losers' ids, ours; this merge's are added."""
    kind, links = merge.kind, batch.links
    winner = links.refer(connection, kind, [merge.winner_id])[merge.winner_id]
    found = links.find(connection, kind, merge.loser_ids)
    losers = [loser for loser in merge.loser_ids if found.get(loser) != winner]
    if kind is Kind.DEAL:
        deals.retire(connection, batch, dict.fromkeys(losers, merge.at), "merged")
    else:
        current.retire(connection, batch, kind, losers, "merged")
    gone = links.repoint(connection, kind, losers, winner)
    survivors.update({loser: winner for loser, earlier in survivors.items() if earlier in gone})
    survivors.update(dict.fromkeys(gone, winner))


def _turn_over(connection: Connection, batch: Batch, kind: Kind, survivors: Mapping[int, int]) -> None:
    known = {
        "organization": batch.organization_id,
        "losers": list(survivors),
        "winners": list(survivors.values()),
    }
    for table, column in _NAMED_IN.get(kind, ()):
        connection.execute(
            text(
                f"UPDATE {table} t SET {column} = m.winner FROM {rollups.MERGED} "
                f"WHERE t.organization_id = :organization AND t.{column} = m.loser"
            ),
            known,
        )
    if kind is Kind.CONTACT:
        connection.execute(_CONTACTS_OF_DEALS, known)
    if kind in _SCORED:
        for statement in (_NOT_CURRENT, _SCORES):
            connection.execute(statement, known | {"subject": _SCORED[kind]})
    if kind is Kind.OWNER:
        batch.deltas.write(connection, batch.organization_id)
        batch.deltas = rollups.Deltas()
        rollups.merge_owners(connection, known)
    merged_ledgers.follow(connection, kind, known | {"now": batch.recorded_at})


# A deal may have had both: then one of them is enough.
_CONTACTS_OF_DEALS = text(
    f"WITH gone AS (DELETE FROM deal_contacts t USING {rollups.MERGED} WHERE t.organization_id = :organization "
    "AND t.contact_id = m.loser RETURNING t.deal_id, m.winner) "
    "INSERT INTO deal_contacts (organization_id, deal_id, contact_id) "
    "SELECT DISTINCT cast(:organization AS bigint), deal_id, winner FROM gone ON CONFLICT DO NOTHING"
)
_OF_LOSERS = "s.organization_id = :organization AND s.subject = :subject AND s.entity_key = m.loser::text"
_NOT_CURRENT = text(f"UPDATE scores s SET is_current = false FROM {rollups.MERGED} WHERE {_OF_LOSERS} AND s.is_current")
# What was said of a loser is graded by what becomes of the survivor. Of several that were scored at one instant one
# counts: the others stay with the losers, which are never graded.
_SCORES = text(
    "UPDATE scores s SET entity_key = o.winner FROM ("
    "SELECT DISTINCT ON (m.winner, s.scored_at) s.entity_key, s.scored_at, m.winner::text AS winner "
    f"FROM scores s JOIN {rollups.MERGED} ON {_OF_LOSERS} WHERE NOT EXISTS (SELECT FROM scores w "
    "WHERE w.organization_id = :organization AND w.subject = :subject AND w.entity_key = m.winner::text "
    "AND w.scored_at = s.scored_at) ORDER BY m.winner, s.scored_at, m.loser) o "
    "WHERE s.organization_id = :organization AND s.subject = :subject AND s.entity_key = o.entity_key "
    "AND s.scored_at = o.scored_at"
)
