"""The notebooks' door: one organization's data, read only, as they were at the end of a day.

Every read is a transaction that PostgreSQL itself keeps from writing, under the role that sees one organization, with
the rights of the role `analyst` (all rows, no settings). Frames are those of `snapshots/tables.py`. What the pages show
comes from `Analyst.reader`, the same queries that the pages run, so a notebook reaches the same numbers. Owns the
read-only connection and the frames that only notebooks ask for; computes no metric and asks for no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import NoReturn

import pandas as pd
from sqlalchemy import Connection, text

from snapshots import rows, tables
from snapshots.database import Database
from snapshots.organizations import Organization, list_organizations
from snapshots.reads import Reader
from snapshots.rows import DealSet, Order, RowsPage
from snapshots.slices import Role, Slice, Viewer, period_filter
from snapshots.status import freshness

_ROWS_AT_ONCE = 50_000


class NothingToReadError(LookupError):
    """There is no such organization, or nothing was read into it yet. The message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Analyst:
    """One organization at the end of the day `as_of`. Made by `open_analyst`.

    reader: the queries that the pages run; each takes a `slice`.
    """

    reader: Reader
    as_of: date

    @property
    def organization(self) -> Organization:
        """Its name, time zone and currencies."""
        return self.reader.organization

    def at(self, as_of: date) -> Analyst:
        """The same organization at the end of another day."""
        return replace(self, as_of=as_of)

    def slice(self, first: date | None = None, last: date | None = None) -> Slice:
        """The days from `first` (None: since the beginning, undated rows included) to `last` (None: `as_of`)."""
        return Slice(first_day=first, last_day=last or self.as_of, as_of=self.as_of)

    def deals(self) -> pd.DataFrame:
        """DEALS: every deal that the CRM held at the end of `as_of`, open, won or lost, as it was then."""
        everything = self.slice()
        return _all(
            lambda after: rows.deal_rows(
                self.reader,
                everything,
                DealSet.CREATED,
                order=Order("deal_id", descending=False),
                after=after,
                limit=_ROWS_AT_ONCE,
            )
        )

    def stage_events(self, first: date | None = None, last: date | None = None) -> pd.DataFrame:
        """STAGE_EVENTS: when deals entered which stage, oldest first; of deals that the CRM deleted since, too."""
        reader, days = self.reader, self.slice(first, last)
        where = reader.where(days, owner="e.owner_id", day="(e.entered_at AT TIME ZONE :zone)::date")
        period_filter(where, days, "(e.entered_at AT TIME ZONE :zone)::date")
        found = reader.rows(
            "SELECT e.deal_id, e.entered_at, (e.entered_at AT TIME ZONE :zone)::date, e.stage_id, s.name, "
            "e.from_stage_id, f.name, e.pipeline_id, p.name, e.owner_id, e.is_observed FROM stage_events e "
            "LEFT JOIN stages s ON s.organization_id = :organization AND s.stage_id = e.stage_id "
            "LEFT JOIN stages f ON f.organization_id = :organization AND f.stage_id = e.from_stage_id "
            "LEFT JOIN pipelines p ON p.organization_id = :organization AND p.pipeline_id = e.pipeline_id "
            f"WHERE {where} ORDER BY e.entered_at, e.deal_id, e.stage_id",
            where,
        )
        return tables.shaped(found, tables.STAGE_EVENTS)

    def activities_per_day(self, first: date | None = None, last: date | None = None) -> pd.DataFrame:
        """ACTIVITY_COUNTS per day, owner (0: nobody) and kind. Cancelled ones and ones after `as_of` don't count."""
        days = self.slice(first, last)
        where = self.reader.where(days, owner="d.owner_id", day="d.day")
        period_filter(where, days, "d.day").add("d.n <> 0")
        found = self.reader.rows(
            f"SELECT nullif(d.day, '-infinity'), d.owner_id, d.kind, d.n FROM activity_daily d WHERE {where} "
            "ORDER BY d.day, d.owner_id, d.kind",
            where,
        )
        return tables.shaped(found, tables.ACTIVITY_COUNTS)

    def leads(self, first: date | None = None, last: date | None = None) -> pd.DataFrame:
        """LEADS created in these days, as they are now (leads have no versions), the newest first."""
        days = self.slice(first, last)
        return _all(lambda after: rows.lead_rows(self.reader, days, after=after, limit=_ROWS_AT_ONCE))

    def owners(self) -> pd.DataFrame:
        """OWNERS with the name and the team that they had at the end of `as_of`."""
        return self.reader.owners(self.as_of)

    def rates(self) -> pd.DataFrame:
        """RATES as the organization entered them."""
        return self.reader.rates()

    def close(self) -> None:
        """Give the connections back; the notebook's end does it too."""
        self.reader.database.close()


def open_analyst(url: str, *, organization: str | None = None, as_of: date | None = None) -> Analyst:
    """The read-only door to one organization of the database at `url`.

    organization: its name; None takes the one that the pages open with: filled before empty, own before sample data.
    as_of: None is the day of the newest sync, or the last day of data that ended more than a month before it.
    Raises NothingToReadError.
    """
    organization_id = _choose(url, organization).organization_id
    reader = Reader(_ReadOnlyDatabase(url), Viewer(organization_id, Role.ANALYST))
    return Analyst(reader=reader, as_of=as_of or _latest_day(reader))


class _ReadOnlyDatabase(Database):
    """Each transaction is kept from writing by PostgreSQL, and there is no way to another role."""

    @contextmanager
    def as_app(self, organization_id: int) -> Iterator[Connection]:
        with super().as_app(organization_id) as connection:
            # Once a query has run, as it has here, PostgreSQL lets nobody turn this back.
            connection.execute(text("SET TRANSACTION READ ONLY"))
            yield connection

    def as_worker(self) -> NoReturn:
        raise PermissionError("An analyst sees one organization; lists of organizations are not read through it.")

    def as_owner(self) -> NoReturn:
        raise PermissionError("An analyst reads; migrations and checks do not run through it.")


def _choose(url: str, name: str | None) -> Organization:
    database = Database(url)
    try:
        known = list_organizations(database)
    finally:
        database.close()
    if not known:
        raise NothingToReadError("The database holds no organization yet. Start `make run` once, or import an export.")
    if name is None:
        return min(known, key=lambda one: (one.data_version == 0, one.is_sample, one.name))
    found = next((one for one in known if one.name == name), None)
    if found is None:
        raise NothingToReadError(f"There is no organization {name!r}; there are: {', '.join(o.name for o in known)}.")
    return found


def _latest_day(reader: Reader) -> date:
    """The day that counts as now, told by the data."""
    organization = reader.organization
    synced = [one.synced_at for one in freshness(reader.database, organization.organization_id) if one.synced_at]
    if not synced:
        raise NothingToReadError(f"{organization.name} was never read to the end. Run `slms sync`, or name a day.")
    read_on = max(synced).astimezone(organization.zone).date()
    return reader.filter_options(read_on).latest(read_on)


def _all(page_after: Callable[[tuple[object, int | str] | None], RowsPage]) -> pd.DataFrame:
    """All pages as one frame."""
    pages = [page_after(None)]
    while pages[-1].after is not None:
        pages.append(page_after(pages[-1].after))
    return pd.concat([page.rows for page in pages], ignore_index=True) if len(pages) > 1 else pages[0].rows
