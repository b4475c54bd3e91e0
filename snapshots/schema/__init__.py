"""The tables. Every one carries `organization_id`, first in its primary key and its indexes; row-level security stands
on top (`snapshots/access.py`). The migrations follow this module; a test compares the two.

Days are in the organization's time zone, instants are aware UTC. Money is integer minor units plus a currency.
Versions (`deal_versions`, `owner_versions`) are append-only statements with two intervals:

- `[valid_from, valid_to)`: when it was true in the CRM, as we know it now. A statement that turned out wrong keeps an
  empty interval (`valid_to = valid_from`), so "true at t" is always `valid_from <= t and valid_to > t`.
- `[recorded_at, superseded_at)`: when we believed it to be the present. "As it was known at t" is the same filter
  over this interval.

After a change of CRM a deal may also be "not moved" (ended that day) or "earlier" (closed in the new CRM before it).

`infinity` stands for "until further notice", `-infinity` for "since before the data begin".
"""

from __future__ import annotations

from snapshots.schema import (  # noqa: F401  # their tables are part of the metadata
    activity_weeks,
    anomalies,
    coaching,
    forecasts,
    forms,
    health,
    jobs,
    reports,
    routing,
    scoring,
    tracking,
)
from snapshots.schema.base import metadata
from snapshots.schema.crm import (
    activities,
    companies,
    contacts,
    deals,
    external_links,
    leads,
    owner_versions,
    owners,
    pipelines,
    products,
    raw_records,
    stages,
    teams,
)
from snapshots.schema.received import received_leads
from snapshots.schema.rollups import activity_daily, deal_daily, lead_daily
from snapshots.schema.sync import rejected_rows

__all__ = [
    "activities",
    "activity_daily",
    "companies",
    "contacts",
    "deal_daily",
    "deals",
    "external_links",
    "lead_daily",
    "leads",
    "metadata",
    "owner_versions",
    "owners",
    "pipelines",
    "products",
    "raw_records",
    "received_leads",
    "rejected_rows",
    "stages",
    "teams",
]  # fmt: skip
