"""Contacts and companies of a CRM that took over, recognised as those that are known: contacts by e-mail, companies
by domain. Only what is the same beyond doubt: one of ours, which the new CRM does not mean by another id already."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, text

from adapters.records import Kind
from snapshots.batch import Batch
from snapshots.links import TABLE_OF, id_column

_KNOWN_BY: Mapping[Kind, tuple[str, Callable[[Any], str | None]]] = {
    Kind.CONTACT: ("email", lambda record: record.email),
    Kind.COMPANY: ("domain", lambda record: domain_of(record.domain)),
}
_DOMAIN = "regexp_replace(lower(t.domain), '^(https?://)?(www\\.)?([^/]*).*$', '\\3')"


def domain_of(address: str | None) -> str | None:
    """The bare domain of what a CRM keeps as a company's domain or address; None where there is none."""
    if not address:
        return None
    bare = address.strip().casefold().removeprefix("https://").removeprefix("http://").removeprefix("www.")
    return bare.partition("/")[0] or None


def adopt(connection: Connection, batch: Batch, kind: Kind, records: Mapping[str, Any]) -> dict[str, int]:
    """Links those of these records that are known; returns their ids of ours, by external id."""
    if kind not in _KNOWN_BY:
        return {}
    _, word_of = _KNOWN_BY[kind]
    by_word: dict[str, str] = {}
    for external_id, record in records.items():
        if word := word_of(record):
            by_word.setdefault(word.casefold(), external_id)
    ids = {by_word[word]: ours for word, ours in _known(connection, batch, kind, list(by_word)).items()}
    batch.links.adopt(connection, kind, ids)
    return ids


def _known(connection: Connection, batch: Batch, kind: Kind, words: list[str]) -> dict[str, int]:
    if not words:
        return {}
    column = _DOMAIN if kind is Kind.COMPANY else "lower(t.email)"
    own = id_column(kind)
    rows = connection.execute(
        text(
            f"SELECT {column} AS word, min(t.{own}) AS ours FROM {TABLE_OF[kind].name} t "
            f"WHERE t.organization_id = :organization AND {column} = ANY(:words) AND t.gone_at IS NULL "
            "AND NOT EXISTS (SELECT FROM external_links l WHERE l.organization_id = :organization "
            f"AND l.kind = :kind AND l.entity_id = t.{own} AND l.connection_id = :connection) "
            "GROUP BY 1 HAVING count(*) = 1"
        ),
        {
            "organization": batch.organization_id, "connection": batch.connection_id, "kind": kind.value,
            "words": words,
        },
    )  # fmt: skip
    return {row.word: row.ours for row in rows}
