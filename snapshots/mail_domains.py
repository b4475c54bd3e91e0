"""Which domains of e-mail addresses are to be asked whether they take mail, and the note where one does not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from snapshots.database import Database

FLAG: Final = "no_mail"
MOST_DOMAINS: Final = 20

_ASKED = """
    l.organization_id = :organization AND l.lead_id >= :first AND l.email IS NOT NULL AND NOT l.flags && :flag
    AND EXISTS (
        SELECT FROM form_versions v WHERE v.organization_id = l.organization_id AND v.form_id = l.form_id
        AND v.version = l.form_version AND v.definition->'protection' @> '{"check_mx": true}')
"""
_DOMAIN = "lower(substring(l.email FROM '[^@]*$'))"


def to_ask(database: Database, organization_id: int, *, since: datetime) -> list[str]:
    """Domains of leads that came in since, through forms that want to know."""
    with database.as_app(organization_id) as connection:
        if not connection.execute(
            text(
                "SELECT EXISTS (SELECT FROM form_versions WHERE organization_id = :organization "
                "AND definition->'protection' @> '{\"check_mx\": true}')"
            ),
            {"organization": organization_id},
        ).scalar_one():
            return []
        rows = connection.execute(
            text(
                f"SELECT {_DOMAIN} FROM received_leads l WHERE {_ASKED} "
                "GROUP BY 1 ORDER BY max(l.received_at) DESC LIMIT :n"
            ),
            _since(organization_id, since) | {"n": MOST_DOMAINS},
        )
        return list(rows.scalars())


def note(database: Database, organization_id: int, domains: Sequence[str], *, since: datetime) -> int:
    """Note at leads of these domains that no mail reaches them; nothing else changes. Returns how many that are."""
    with database.as_app(organization_id) as connection:
        done = connection.execute(
            text(
                "UPDATE received_leads l SET flags = array_append(l.flags, :one) "
                f"WHERE {_ASKED} AND {_DOMAIN} = ANY(:domains)"
            ),
            _since(organization_id, since) | {"one": FLAG, "domains": list(domains)},
        )
        return int(done.rowcount)


def _since(organization_id: int, since: datetime) -> dict[str, object]:
    """Ids of leads begin with the time of their receipt."""
    first = UUID(int=int(since.timestamp() * 1000) << 80)
    return {"organization": organization_id, "first": first, "flag": [FLAG]}
