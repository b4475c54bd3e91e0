"""A CRM in memory and what we keep of it, in one hand: change it, bring it up to date, read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pandas as pd
from made_crm import Clock, MadeCrm, connect, sync
from sqlalchemy import text

from adapters.records import Kind
from snapshots import rollups
from snapshots.database import Database
from snapshots.reads import Reader
from snapshots.slices import Role, Slice, Viewer
from snapshots.sync import RunReport

FIRST = date(2026, 1, 5)
"""A Monday."""


def noon(n: int) -> datetime:
    """Of day `n`, counted from `FIRST`."""
    return datetime(FIRST.year, FIRST.month, FIRST.day, 12, tzinfo=UTC) + timedelta(days=n)


def day(n: int) -> date:
    return FIRST + timedelta(days=n)


def until(n: int, **filters: object) -> Slice:
    """Everything since the beginning, as of the end of day `n`."""
    return Slice(first_day=None, last_day=day(n), as_of=day(n), **filters)  # type: ignore[arg-type]


@dataclass
class Stored:
    database: Database
    organization_id: int
    crm: MadeCrm = field(default_factory=MadeCrm)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.connection_id = connect(self.database, self.organization_id)
        self.crm.kinds |= {Kind.COMPANY, Kind.CONTACT}

    def sync(self, n: int, **further: object) -> RunReport:
        """At noon of day `n`."""
        self.clock.at = max(noon(n), self.clock.at)
        report = sync(self.database, self.organization_id, self.connection_id, self.crm, self.clock, **further)
        assert report.status == "succeeded", report.error_message
        with self.database.as_app(self.organization_id) as connection:
            assert set(rollups.differences(connection, self.organization_id).values()) == {0}
        return report

    def reader(self, role: Role = Role.ADMIN, owner: str | None = None) -> Reader:
        owner_id = self.id_of(Kind.OWNER, owner) if owner else None
        return Reader(self.database, Viewer(self.organization_id, role, owner_id))

    def id_of(self, kind: Kind, external_id: str) -> int:
        return int(
            self.ask(
                "SELECT entity_id FROM external_links WHERE kind = :kind AND external_id = :id",
                kind=kind.value,
                id=external_id,
            )[0][0]
        )

    def ask(self, query: str, **parameters: object) -> list[tuple]:
        with self.database.as_app(self.organization_id) as connection:
            return [tuple(row) for row in connection.execute(text(query), parameters)]

    # --- numbers ---

    def events(self, slice_: Slice) -> dict[str, int]:
        """How many deals were created, won, lost."""
        return _sums(self.reader().deal_events(slice_), "event")

    def n_open(self, slice_: Slice) -> int:
        return int(self.reader().open_stages(slice_)["n"].sum())

    def activities(self, slice_: Slice) -> int:
        return int(self.reader().activity_counts(slice_)["n"].sum())

    def leads(self, slice_: Slice) -> int:
        return int(self.reader().lead_counts(slice_)["n"].sum())


def _sums(frame: pd.DataFrame, column: str) -> dict[str, int]:
    return {str(key): int(n) for key, n in frame.groupby(column)["n"].sum().items() if n}
