"""Made-up neutral records in any number, the same for the same seed, and an adapter that hands them over."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import cast

from adapters.base import ActivityCount, Capabilities, Check, ContactInput, Page, UpsertResult
from adapters.records import (
    ActivityKind,
    Company,
    Deal,
    DealChange,
    DealField,
    DealStatus,
    Kind,
    Owner,
    Pipeline,
    Record,
    Stage,
    Team,
)

BORN = datetime(2024, 1, 1, 9, tzinfo=UTC)
OPEN_STAGES = ("s1", "s2", "s3", "s4")


def frame_of(owners: int, companies: int) -> dict[Kind, list[Record]]:
    """What deals refer to: teams, owners, one pipeline with its stages, companies."""
    stages = [
        Stage(external_id=key, pipeline_id="p", name=key.upper(), position=i, probability=0.1 + 0.2 * i)
        for i, key in enumerate(OPEN_STAGES)
    ]
    closed = [
        Stage(external_id="won", pipeline_id="p", name="Won", position=8, probability=1.0, status=DealStatus.WON),
        Stage(external_id="lost", pipeline_id="p", name="Lost", position=9, probability=0.0, status=DealStatus.LOST),
    ]
    return {
        Kind.TEAM: [Team(external_id=f"t{i}", name=f"Team {i}") for i in range(4)],
        Kind.OWNER: [Owner(external_id=f"o{i}", name=f"Owner {i}", team_id=f"t{i % 4}") for i in range(owners)],
        Kind.PIPELINE: [Pipeline(external_id="p", name="Sales")],
        Kind.STAGE: [*stages, *closed],
        Kind.COMPANY: [Company(external_id=f"c{i}", name=f"Company {i}") for i in range(companies)],
    }


def deals(n: int, *, owners: int, companies: int, seed: int = 7, days: int = 730) -> list[Deal]:
    """`n` deals over `days` days, each with its stage history and a raw record of a CRM's usual size."""
    chance = random.Random(seed)
    return [_deal(i, chance, owners, companies, days) for i in range(n)]


def _deal(i: int, chance: random.Random, owners: int, companies: int, days: int) -> Deal:
    created_at = BORN + timedelta(seconds=chance.randrange(days * 86_400))
    reached = chance.randint(1, len(OPEN_STAGES))
    at, history = created_at, []
    for stage in OPEN_STAGES[:reached]:
        history.append(DealChange(DealField.STAGE, at, stage))
        at += timedelta(seconds=chance.randrange(3_600, 20 * 86_400))
    outcome = chance.choice(("won", "lost", "open"))
    if outcome != "open":
        history.append(DealChange(DealField.STAGE, at, outcome))
    amount_minor = chance.randrange(10_000, 9_000_000)
    owner, company = f"o{chance.randrange(owners)}", f"c{chance.randrange(companies)}"
    source = chance.choice(("Website", "Referral", "Partner", "Event", "Outbound"))
    return Deal(
        external_id=f"d{i}",
        name=f"Deal {i} with {company}",
        pipeline_id="p",
        stage_id=str(history[-1].value),
        status=DealStatus(outcome),
        amount_minor=amount_minor,
        currency="EUR",
        owner_id=owner,
        company_id=company,
        source=source,
        created_at=created_at,
        closed_at=at if outcome != "open" else None,
        close_on=date(2026, 1, 31) if outcome == "open" else None,
        modified_at=at,
        history=tuple(history),
        raw={
            "id": f"d{i}", "dealname": f"Deal {i}", "amount": str(amount_minor / 100), "dealstage": history[-1].value,
            "pipeline": "p", "hubspot_owner_id": owner, "createdate": created_at.isoformat(), "source": source,
        },
    )  # fmt: skip


def long_deals(n: int, *, owners: int, companies: int, seed: int = 7, days: int = 730) -> Iterator[Deal]:
    """The same with five or six versions each, of stage, amount and close date, as a CRM tells that keeps a history;
    each goes its way to the end, so that only those are open whose end lies beyond the days."""
    chance = random.Random(seed)
    last = BORN + timedelta(days=days)
    for i in range(n):
        yield _long_deal(i, chance, owners, companies, last, days)


def _long_deal(i: int, chance: random.Random, owners: int, companies: int, last: datetime, days: int) -> Deal:
    plain = _deal(i, chance, owners, companies, days)
    at = plain.created_at or BORN
    outcome = chance.choice(("won", "lost", "lost"))
    amount_minor, close_on = plain.amount_minor or 0, (at + timedelta(days=60)).date()
    history = [DealChange(DealField.AMOUNT, at, amount_minor), DealChange(DealField.CLOSE_DATE, at, close_on)]
    for stage in OPEN_STAGES[: 1 if outcome == "lost" and chance.random() < 0.3 else 4]:
        history.append(DealChange(DealField.STAGE, at, stage))
        at += timedelta(seconds=chance.randrange(3_600, 12 * 86_400))
        close_on += timedelta(days=chance.choice((-7, 14)))
        if chance.random() < 0.3:
            amount_minor += 5_000
            history.append(DealChange(DealField.AMOUNT, at, amount_minor))
        at += timedelta(seconds=chance.randrange(3_600, 12 * 86_400))
        history.append(DealChange(DealField.CLOSE_DATE, at, close_on))
    history = [one for one in (*history, DealChange(DealField.STAGE, at, outcome)) if one.at < last]
    values = {one.field: one.value for one in history}
    stage = str(values[DealField.STAGE])
    is_open = stage not in ("won", "lost")
    return replace(
        plain, stage_id=stage, status=DealStatus.OPEN if is_open else DealStatus(stage),
        amount_minor=cast("int", values[DealField.AMOUNT]), close_on=cast("date", values[DealField.CLOSE_DATE]),
        closed_at=None if is_open else at, modified_at=history[-1].at,
        history=tuple(sorted(history, key=lambda one: one.at)),
    )  # fmt: skip


def touched(records: Sequence[Deal], share: float, *, seed: int = 11) -> list[Deal]:
    """The same deals, of which a share got another amount a day later."""
    chance = random.Random(seed)
    return [
        replace(deal, amount_minor=(deal.amount_minor or 0) + 100, modified_at=deal.modified_at + timedelta(days=1))
        if deal.modified_at is not None and chance.random() < share
        else deal
        for deal in records
    ]


class Materialised:
    """An adapter over records that are in memory already."""

    provider = "memory"

    def __init__(self, records: Mapping[Kind, Sequence[Record]], *, page_size: int = 10_000) -> None:
        self.records, self.page_size = records, page_size
        self.capabilities = Capabilities(kinds=frozenset(records), has_stage_history=True, counts_are_exact=True)

    def changes(self, kind: Kind, cursor: str | None) -> Iterator[Page]:
        rows = self.records[kind]
        start = int(cursor) if cursor is not None else 0
        while True:
            page = tuple(rows[start : start + self.page_size])
            start += len(page)
            yield Page(changes=page, cursor=str(start), done=start >= len(rows), total=len(rows))
            if start >= len(rows):
                return

    def expected_count(self, kind: Kind) -> int | None:
        return len(self.records[kind])

    def list_owners(self) -> list[Owner]:
        return [record for record in self.records[Kind.OWNER] if isinstance(record, Owner)]

    def search_deals(
        self, *, created_since: datetime | None = None, modified_since: datetime | None = None, owner: str | None = None
    ) -> Iterator[Deal]:
        raise NotImplementedError

    def upsert_contact(self, contact: ContactInput, *, dry_run: bool = False) -> UpsertResult:
        raise NotImplementedError

    def count_activity(
        self, *, kind: ActivityKind, owner: str | None = None, since: datetime | None = None
    ) -> ActivityCount:
        return ActivityCount(kind=kind, count=None, unavailable="made-up records have no activities")

    def check(self) -> list[Check]:
        return []

    def close(self) -> None: ...
