"""A small CRM in memory that really pages, forgets nothing, and can fail or be stopped at any page.

It keeps a log of changes per kind; a cursor is a place in the log. Without one it lists what is live, then all
deletions and merges there ever were, then goes on in the log. Deals carry their stage history, as most CRMs do; other
fields are known as they are now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from adapters.base import ActivityCount, Capabilities, Check, ContactInput, Missing, Page, UpsertResult
from adapters.errors import FatalError
from adapters.records import (
    KIND_OF,
    Activity,
    ActivityKind,
    Change,
    Deal,
    DealChange,
    DealField,
    DealStatus,
    Deletion,
    Kind,
    Lead,
    Merge,
    Owner,
    Pipeline,
    Rejection,
    Stage,
    Team,
)
from snapshots.database import Database
from snapshots.organizations import connect_crm
from snapshots.sync import RunReport, Sync

BORN = datetime(2026, 1, 5, 9, tzinfo=UTC)
STAGES = ("s1", "s2", "s3")
CLOSED = {"won": DealStatus.WON, "lost": DealStatus.LOST}


@dataclass
class Clock:
    at: datetime = BORN

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **span: float) -> datetime:
        self.at += timedelta(**span)
        return self.at


def nothing_fails(kind: Kind, number: int) -> None:
    pass


@dataclass
class MadeCrm:
    """page_size: records per page. fail: called before each page with (kind, number); may raise."""

    page_size: int = 3
    missing: tuple[Missing, ...] = ()
    kinds: frozenset[Kind] = frozenset(
        {Kind.TEAM, Kind.OWNER, Kind.PIPELINE, Kind.STAGE, Kind.LEAD, Kind.DEAL, Kind.ACTIVITY}
    )
    fail: Callable[[Kind, int], None] = nothing_fails
    provider: str = "made"
    log: dict[Kind, list[Change]] = field(default_factory=lambda: {kind: [] for kind in Kind})
    rejections: dict[Kind, list[Rejection]] = field(default_factory=dict)
    deals: dict[str, Deal] = field(default_factory=dict)
    undercount: int = 0

    def __post_init__(self) -> None:
        self.log[Kind.TEAM] += [Team(external_id=f"t{i}", name=f"Team {i}") for i in (1, 2)]
        self.log[Kind.OWNER] += [
            Owner(external_id=f"o{i}", name=f"Owner {i}", email=f"o{i}@made.example", team_id=f"t{1 + i % 2}")
            for i in (1, 2, 3)
        ]
        self.log[Kind.PIPELINE] += [Pipeline(external_id="p", name="Sales")]
        self.log[Kind.STAGE] += [
            *(
                Stage(external_id=key, pipeline_id="p", name=key.upper(), position=i, probability=0.2 + 0.2 * i)
                for i, key in enumerate(STAGES)
            ),
            *(
                Stage(
                    external_id=key,
                    pipeline_id="p",
                    name=key.title(),
                    position=8,
                    probability=float(key == "won"),
                    status=status,
                )
                for key, status in CLOSED.items()
            ),
        ]

    # --- what happens in it ---

    def create(
        self, key: str, at: datetime, *, stage: str = "s1", amount_minor: int | None = 100_00, owner: str | None = "o1"
    ) -> Deal:
        deal = Deal(
            external_id=key,
            name=f"Deal {key}",
            pipeline_id="p",
            stage_id=stage,
            status=CLOSED.get(stage, DealStatus.OPEN),
            amount_minor=amount_minor,
            currency="EUR" if amount_minor is not None else None,
            owner_id=owner,
            created_at=at,
            closed_at=at if stage in CLOSED else None,
            modified_at=at,
            source="Web",
            history=(DealChange(DealField.STAGE, at, stage),),
        )
        return self.say(deal)

    def move(self, key: str, at: datetime, stage: str) -> Deal:
        """Into another stage, which may close or reopen it."""
        deal = self.deals[key]
        return self.say(
            replace(
                deal,
                stage_id=stage,
                status=CLOSED.get(stage, DealStatus.OPEN),
                closed_at=at if stage in CLOSED else None,
                modified_at=at,
                history=(*deal.history, DealChange(DealField.STAGE, at, stage)),
            )
        )

    def change(self, key: str, at: datetime, **values: object) -> Deal:
        return self.say(replace(self.deals[key], modified_at=at, **values))  # type: ignore[arg-type]

    def remove(self, key: str, at: datetime | None, reason: str = "deleted") -> None:
        del self.deals[key]
        self.log[Kind.DEAL].append(Deletion(kind=Kind.DEAL, external_id=key, at=at, reason=reason))

    def merge(self, winner: str, loser: str, at: datetime | None) -> None:
        self.deals.pop(loser, None)
        self.log[Kind.DEAL].append(Merge(kind=Kind.DEAL, winner_id=winner, loser_ids=(loser,), at=at))

    def repeat(self, key: str) -> None:
        """Say the same once more, as a CRM does that touched a record without changing it."""
        self.log[Kind.DEAL].append(self.deals[key])

    def add(self, *records: Change) -> None:
        for record in records:
            self.log[KIND_OF[type(record)]].append(record)

    def say(self, deal: Deal) -> Deal:
        """The CRM's word on a deal from now on."""
        self.deals[deal.external_id] = deal
        self.log[Kind.DEAL].append(deal)
        return deal

    # --- the protocol ---

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(kinds=self.kinds, has_stage_history=True, counts_are_exact=True, missing=self.missing)

    def changes(self, kind: Kind, cursor: str | None) -> Iterator[Page]:
        number = 0
        while True:
            self.fail(kind, number)
            page, cursor = self._page(kind, cursor)
            done = cursor == str(len(self.log[kind]))
            rejections = tuple(self.rejections.get(kind, ())) if number == 0 else ()
            yield Page(changes=tuple(page), cursor=cursor, done=done, rejections=rejections)
            number += 1
            if done:
                return

    def _page(self, kind: Kind, cursor: str | None) -> tuple[list[Change], str]:
        """What follows after the cursor: "17" is a place in the log, "17:d3" one in a listing begun at that place."""
        place, _, after = (cursor if cursor is not None else f"{len(self.log[kind])}:").partition(":")
        if cursor is not None and ":" not in cursor:
            page = self.log[kind][int(place) : int(place) + self.page_size]
            return page, str(int(place) + len(page))
        listing = {key: item for key, item in self._listing(kind).items() if key > after}
        keys = sorted(listing)[: self.page_size]
        is_over = len(keys) == len(listing)
        return [listing[key] for key in keys], place if is_over else f"{place}:{keys[-1]}"

    def _listing(self, kind: Kind) -> dict[str, Change]:
        live: dict[str, Change] = {
            f"live {item.external_id}": item for item in self.log[kind] if not isinstance(item, Deletion | Merge)
        }
        if kind is Kind.DEAL:
            live = {f"live {key}": deal for key, deal in self.deals.items()}
        gone = {f"past {n:06}": item for n, item in enumerate(self.log[kind]) if isinstance(item, Deletion | Merge)}
        return live | gone

    def expected_count(self, kind: Kind) -> int | None:
        if kind is Kind.DEAL:
            return len(self.deals) + self.undercount
        return len({item.external_id for item in self.log[kind] if not isinstance(item, Deletion | Merge)})

    def list_owners(self) -> list[Owner]:
        return [record for record in self.log[Kind.OWNER] if isinstance(record, Owner)]

    def search_deals(
        self, *, created_since: datetime | None = None, modified_since: datetime | None = None, owner: str | None = None
    ) -> Iterator[Deal]:
        yield from self.deals.values()

    def upsert_contact(self, contact: ContactInput, *, dry_run: bool = False) -> UpsertResult:
        raise FatalError("this CRM is read-only")

    def count_activity(
        self, *, kind: ActivityKind, owner: str | None = None, since: datetime | None = None
    ) -> ActivityCount:
        found = [item for item in self.log[Kind.ACTIVITY] if isinstance(item, Activity) and item.kind is kind]
        return ActivityCount(kind=kind, count=len(found))

    def check(self) -> list[Check]:
        return []

    def close(self) -> None: ...


def connect(database: Database, organization_id: int, name: str = "made") -> int:
    """A connection of the organization to a CRM in memory; returns its id."""
    return connect_crm(database, organization_id, provider="made", name=name, settings={}).connection_id


def sync(
    database: Database,
    organization_id: int,
    connection_id: int,
    crm: MadeCrm,
    now: Callable[[], datetime],
    **further: object,
) -> RunReport:
    """A run that stores each page by itself, unless told otherwise (`together`)."""
    from_start = bool(further.pop("from_start", False))
    return Sync(
        database=database,
        organization_id=organization_id,
        connection_id=connection_id,
        adapter=crm,
        now=now,
        **{"together": 1, **further},  # type: ignore[arg-type]
    ).run(trigger="test", from_start=from_start)


def activity(key: str, at: datetime, *, kind: ActivityKind = ActivityKind.CALL, owner: str = "o1") -> Activity:
    return Activity(external_id=key, kind=kind, occurred_at=at, owner_id=owner)


def lead(key: str, at: datetime | None, *, source: str | None = "Web", converted: bool | None = None) -> Lead:
    return Lead(external_id=key, name=f"Lead {key}", created_at=at, source=source, converted=converted, owner_id="o1")
