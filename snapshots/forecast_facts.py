"""What forecasts are made from: all deals as they were at the end of a day, as far as we knew at an instant.

Reads the append-only versions by both their times, so that a day that was read once reads the same ever after, but for
merges, whose ids follow. Nobody looks here: a forecast is made for all, and who sees which node is said elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import numpy as np
import pandas as pd
from sqlalchemy import text

from snapshots.database import Database
from snapshots.organizations import Organization, get_organization
from snapshots.reads import Reader
from snapshots.rollups import NOT_MOVED, WAS_CREATED
from snapshots.slices import Role, Viewer, end_of_day

DEALS: Final = (
    "deal_id", "opened_on", "closed_on", "status", "owner", "product", "source", "amount", "currency",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationFacts:
    """deals: one row each, by id: `opened_on` and `closed_on` (organization's days, NaT: not known, or open), `status`
    (open, won or lost), `owner`, `product` (our ids as text, "": none), `source`, `amount` (minor units, NaN: not
    given), `currency` ("": not given). teams: by owner, as of the day. names: by kind and key. active: owners who may
    win something."""

    day: date
    known_at: datetime
    deals: pd.DataFrame
    teams: Mapping[str, str]
    names: Mapping[str, Mapping[str, str | None]]
    active: frozenset[str]


def organization_facts(database: Database, organization_id: int, *, day: date, known_at: datetime) -> OrganizationFacts:
    """As at the end of `day`, by what was known before `known_at`. A deal that ended with a change of CRM counts as
    lost."""
    organization = get_organization(database, organization_id)
    reader = Reader(database, Viewer(organization_id, Role.ADMIN))
    people = reader.owners(day)
    members = people.dropna(subset=["team_id"])
    teams = dict(zip(_keys(members["owner_id"]), _keys(members["team_id"]), strict=True))
    names = {
        "owner": dict(zip(_keys(people["owner_id"]), _names(people["name"]), strict=True)),
        "team": dict(zip(_keys(members["team_id"]), _names(members["team"]), strict=True)),
        "product": _products(database, organization_id),
    }
    return OrganizationFacts(
        day=day, known_at=known_at, deals=_deals(database, organization, day, known_at), teams=teams, names=names,
        active=frozenset(_keys(people.loc[people["is_active"], "owner_id"])),
    )  # fmt: skip


def _keys(ids: pd.Series) -> list[str]:
    return [str(int(one)) for one in ids]


def _names(names: pd.Series) -> list[str | None]:
    return [None if one is None or pd.isna(one) else str(one) for one in names]


def _products(database: Database, organization_id: int) -> dict[str, str | None]:
    with database.as_app(organization_id) as connection:
        rows = connection.execute(
            text("SELECT product_id, name FROM products WHERE organization_id = :organization"),
            {"organization": organization_id},
        )
        return {str(key): name for key, name in rows}


_DEALS: Final = text(
    "SELECT v.deal_id, v.created_day - date '1970-01-01', "
    "CASE WHEN v.status = 'open' THEN NULL ELSE v.closed_day END - date '1970-01-01', "
    f"CASE v.status WHEN '{NOT_MOVED}' THEN 'lost' ELSE v.status END, coalesce(v.owner_id::text, ''), "
    "coalesce(v.product_id::text, ''), coalesce(v.source, ''), v.amount_minor, coalesce(v.currency, '') "
    "FROM deal_versions v WHERE v.organization_id = :organization AND v.status = ANY(:statuses) "
    "AND v.valid_from < :end AND v.recorded_at < :known "
    "AND (v.valid_to >= :end OR v.superseded_at >= :known) ORDER BY v.deal_id"
)


def _deals(database: Database, organization: Organization, day: date, known_at: datetime) -> pd.DataFrame:
    end = end_of_day(day, organization.zone)
    known = {
        "organization": organization.organization_id, "end": end, "known": known_at, "statuses": list(WAS_CREATED),
    }  # fmt: skip
    with database.as_app(organization.organization_id) as connection:
        rows = connection.execute(_DEALS, known).all()
    columns: list[Any] = list(zip(*rows, strict=True)) or [()] * len(DEALS)
    opened, closed = (_days(columns[place]) for place in (1, 2))
    found = pd.DataFrame(
        {
            "deal_id": np.array(columns[0], dtype=np.int64), "opened_on": opened, "closed_on": closed,
            **{name: np.array(columns[place], dtype=object) for name, place in _TEXTS.items()},
            "amount": np.array([np.nan if one is None else float(one) for one in columns[7]], dtype=np.float64),
        }
    )[list(DEALS)]  # fmt: skip
    # Of two versions that hold until further notice the later statement is the belief.
    return found.drop_duplicates("deal_id", keep="last").reset_index(drop=True)


_TEXTS: Final = {"status": 3, "owner": 4, "product": 5, "source": 6, "currency": 8}
_NAT: Final = np.iinfo(np.int64).min


def _days(numbers: Any) -> pd.DatetimeIndex:
    days = np.array([_NAT if one is None else one for one in numbers], dtype=np.int64)
    return pd.DatetimeIndex(days.view("datetime64[D]").astype("datetime64[ns]"))
