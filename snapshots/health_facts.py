"""What pipeline health is judged by: versions of deals, what happened on them, who takes part; as narrow frames of
numbers (`tables.HEALTH_SPANS` and its neighbours). Here nobody looks: rules judge, and who may see a flag is decided
where flags are read.

Versions are those that we believe now, by when they were true. Asked on the day itself that is what was known then;
asked later it knows better, which is why such days are marked as replayed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import pandas as pd
from sqlalchemy import text

from snapshots import tables
from snapshots.database import Database
from snapshots.organizations import get_organization

PAGE: Final = 5_000
"""Deals that are read at once."""
SECOND_DAYS: Final = 10
"""So soon after the first record of the same business somebody types in a second one."""
_DAY = "({0} - date '1970-01-01')::float8"


def spans(database: Database, organization_id: int, ids: Sequence[int]) -> pd.DataFrame:
    """HEALTH_SPANS of these deals, by deal, the oldest first."""
    zone = get_organization(database, organization_id).time_zone
    return _frame(
        database, organization_id, tables.HEALTH_SPANS,
        "SELECT v.deal_id, date_part('epoch', v.valid_from), date_part('epoch', v.valid_to), "
        f"CASE WHEN isfinite(v.valid_from) THEN {_DAY.format('(v.valid_from AT TIME ZONE :zone)::date')} END, "
        "v.status, coalesce(v.pipeline_id, -1), coalesce(v.stage_id, -1), date_part('epoch', v.stage_entered_at), "
        "coalesce(v.owner_id, -1), coalesce(v.product_id, -1), v.amount_minor::float8, v.currency, "
        f"CASE WHEN isfinite(v.close_on) THEN {_DAY.format('v.close_on')} END, date_part('epoch', v.created_at) "
        "FROM deal_versions v WHERE v.organization_id = :organization AND v.deal_id = ANY(:ids) "
        "AND v.valid_to > v.valid_from ORDER BY v.deal_id, v.valid_from",
        {"ids": list(ids), "zone": zone},
    )  # fmt: skip


def touches(database: Database, organization_id: int, ids: Sequence[int]) -> pd.DataFrame:
    """HEALTH_TOUCHES of these deals, by deal, the oldest first: dated activities that were not cancelled, also those
    to come."""
    return _frame(
        database, organization_id, tables.HEALTH_TOUCHES,
        "SELECT a.deal_id, date_part('epoch', a.occurred_at), "
        "coalesce(a.direction = 'in' AND a.kind IN ('email', 'call'), false), coalesce(a.contact_id, -1) "
        "FROM activities a WHERE a.organization_id = :organization AND a.deal_id = ANY(:ids) "
        "AND a.occurred_at IS NOT NULL AND a.gone_at IS NULL AND coalesce(lower(a.outcome), '') <> 'cancelled' "
        "ORDER BY a.deal_id, a.occurred_at",
        {"ids": list(ids)},
    )  # fmt: skip


def contacts(database: Database, organization_id: int, ids: Sequence[int]) -> pd.DataFrame:
    """HEALTH_CONTACTS of these deals as the CRM lists them now; since when is not told."""
    return _frame(
        database, organization_id, tables.HEALTH_CONTACTS,
        "SELECT c.deal_id, c.contact_id FROM deal_contacts c "
        "WHERE c.organization_id = :organization AND c.deal_id = ANY(:ids)",
        {"ids": list(ids)},
    )  # fmt: skip


def second_records(database: Database, organization_id: int) -> pd.DataFrame:
    """HEALTH_FIRSTS of all deals: which look like second records, each with the deal of the same company, product,
    pipeline and, at some time, amount that was created up to SECOND_DAYS before, as the CRM has them now."""
    return _frame(
        database, organization_id, tables.HEALTH_FIRSTS,
        "SELECT d.deal_id, d.first_id FROM (SELECT v.deal_id, v.created_at, v.amount_minor, v.currency, "
        "lag(v.deal_id) OVER w AS first_id, lag(v.created_at) OVER w AS first_at FROM deal_versions v "
        "WHERE v.organization_id = :organization AND v.valid_to = 'infinity' AND v.valid_from < 'infinity' "
        "AND v.status IN ('open', 'won', 'lost') AND v.company_id IS NOT NULL AND v.product_id IS NOT NULL "
        "AND v.created_at IS NOT NULL "
        "WINDOW w AS (PARTITION BY v.company_id, v.product_id, v.pipeline_id ORDER BY v.created_at, v.deal_id)) d "
        f"WHERE d.first_at >= d.created_at - interval '{SECOND_DAYS} days' AND EXISTS (SELECT FROM deal_versions o "
        "WHERE o.organization_id = :organization AND o.deal_id = d.first_id "
        "AND (o.amount_minor, o.currency) = (d.amount_minor, d.currency)) ORDER BY d.deal_id",
        {},
    )  # fmt: skip


def open_between(
    database: Database, organization_id: int, since: datetime, until: datetime, *, after: int = 0, limit: int = PAGE
) -> list[int]:
    """Ids of the next `limit` deals after the id `after` that were open at some time from `since` to before `until`."""
    return _ids(
        database, organization_id,
        "SELECT v.deal_id FROM deal_versions v WHERE v.organization_id = :organization AND v.status = 'open' "
        "AND v.valid_to >= :since AND v.valid_from < :until AND v.valid_to > v.valid_from AND v.deal_id > :after "
        "GROUP BY v.deal_id ORDER BY v.deal_id LIMIT :limit",
        {"since": since, "until": until, "after": after, "limit": limit},
    )  # fmt: skip


def won_before(database: Database, organization_id: int, since: datetime, until: datetime, *, most: int) -> list[int]:
    """Ids of the deals that were won from `since` to before `until`, the newest `most` of them."""
    return _ids(
        database, organization_id,
        "SELECT w.deal_id FROM (SELECT v.deal_id, max(v.valid_from) AS won_at FROM deal_versions v "
        "WHERE v.organization_id = :organization AND v.status = 'won' AND v.valid_from >= :since "
        "AND v.valid_from < :until AND v.valid_to > v.valid_from GROUP BY v.deal_id) w "
        "ORDER BY w.won_at DESC, w.deal_id LIMIT :limit",
        {"since": since, "until": until, "limit": most},
    )  # fmt: skip


def first_moment(database: Database, organization_id: int) -> datetime | None:
    """When the first deal of the organization was created, as far as is known."""
    with database.as_app(organization_id) as connection:
        found: datetime | None = connection.execute(
            text(
                "SELECT min(v.valid_from) FROM deal_versions v WHERE v.organization_id = :organization "
                "AND isfinite(v.valid_from)"
            ),
            {"organization": organization_id},
        ).scalar_one()
    return found


def _ids(database: Database, organization_id: int, query: str, known: Mapping[str, object]) -> list[int]:
    with database.as_app(organization_id) as connection:
        rows = connection.execute(text(query), {"organization": organization_id, **known})
        return [int(row[0]) for row in rows]


def _frame(
    database: Database, organization_id: int, columns: dict[str, str], query: str, known: Mapping[str, object]
) -> pd.DataFrame:
    with database.as_app(organization_id) as connection:
        rows = connection.execute(text(query), {"organization": organization_id, **known}).all()
    held = zip(*rows, strict=True) if rows else [()] * len(columns)
    return pd.DataFrame(
        {
            name: pd.Series(list(values), dtype=dtype)
            for (name, dtype), values in zip(columns.items(), held, strict=True)
        }
    )
