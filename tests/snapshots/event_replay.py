"""The brute-force answer to what was open on an evening and what changed until another: the log of versions, replayed.

Every version that was ever stored is an event. Nothing here asks the database a second time, nothing is computed for
more than one deal at once; what pages show has to come to the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from sqlalchemy import text

from adapters.currencies import decimals
from snapshots.database import Database
from snapshots.rollups import WAS_CREATED
from snapshots.slices import NOBODY, Role, Slice, Viewer

EARLY, LATE = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
Sums = Counter[str | None]
"""Amounts in minor units by currency."""
_VERSIONS = (
    "SELECT deal_id, nullif(valid_from, '-infinity'), nullif(valid_to, 'infinity'), recorded_at, "
    "nullif(superseded_at, 'infinity'), status, stage_id, pipeline_id, product_id, owner_id, source, amount_minor, "
    "currency, close_on, created_day, closed_day FROM deal_versions WHERE organization_id = :id"
)
_MEMBERS = (
    "SELECT owner_id, nullif(valid_from, '-infinity'), nullif(valid_to, 'infinity'), team_id FROM owner_versions "
    "WHERE organization_id = :id"
)
_RATES = "SELECT currency, to_currency, day, rate FROM currency_rates WHERE organization_id = :id"


@dataclass(frozen=True)
class Version:
    deal_id: int
    valid_from: datetime
    valid_to: datetime
    recorded_at: datetime
    superseded_at: datetime
    status: str
    stage_id: int | None
    pipeline_id: int | None
    product_id: int | None
    owner_id: int | None
    source: str | None
    amount_minor: int | None
    currency: str | None
    close_on: date | None
    created_day: date | None
    closed_day: date | None


@dataclass(frozen=True)
class Seen:
    """A version as it stands in the question on a day: whether each condition of the slice holds."""

    version: Version
    day: date
    is_start: bool
    is_seen: bool
    is_owners: bool
    is_sources: bool
    is_pipelines: bool
    is_products: bool
    is_window: bool

    @property
    def is_open(self) -> bool:
        return self.version.status == "open"

    @property
    def said(self) -> tuple[object, ...]:
        """All that bears on its worth; an event that changes nothing of it (another stage) is no change."""
        one = self.version
        return (one.status, one.owner_id, one.amount_minor, one.currency, self.is_seen, *self.flags)

    @property
    def flags(self) -> tuple[bool, ...]:
        return (self.is_owners, self.is_sources, self.is_pipelines, self.is_products, self.is_window)

    @property
    def counts(self) -> bool:
        return self.is_open and all(self.flags)


@dataclass(frozen=True)
class Replay:
    """versions: all that were ever stored, by deal in order of their beginning."""

    zone: ZoneInfo
    versions: dict[int, list[Version]]
    members: list[tuple[int, datetime, datetime, int | None]]
    rates: list[tuple[str, str, date, float]]

    @classmethod
    def of(cls, database: Database, organization_id: int, zone: ZoneInfo) -> Replay:
        with database.as_app(organization_id) as connection:
            rows, members, rates = (
                [tuple(row) for row in connection.execute(text(query), {"id": organization_id})]
                for query in (_VERSIONS, _MEMBERS, _RATES)
            )
        deals: dict[int, list[Version]] = defaultdict(list)
        for key, since, to, recorded_at, superseded_at, *rest in rows:
            deals[key].append(Version(key, since or EARLY, to or LATE, recorded_at, superseded_at or LATE, *rest))
        for log in deals.values():
            log.sort(key=lambda one: (one.valid_from, one.recorded_at))
        teams = [(owner, since or EARLY, to or LATE, team) for owner, since, to, team in members]
        return cls(zone, dict(deals), teams, [(*one[:3], float(one[3])) for one in rates])

    # --- one evening ---

    def end(self, day: date) -> datetime:
        after = day + timedelta(days=1)
        return datetime(after.year, after.month, after.day, tzinfo=self.zone)

    def evening(self, day: date, known_on: date | None) -> Iterator[Version]:
        """What held at the end of `day`, as known now or at the end of `known_on`."""
        end = self.end(day)
        for log in self.versions.values():
            for one in self.known(log, known_on):
                if one.valid_from < end <= one.valid_to:
                    yield one

    def known(self, log: Sequence[Version], known_on: date | None) -> list[Version]:
        """The log as it stood then: what was recorded later is not there, what ended by it has not ended."""
        if known_on is None:
            return [one for one in log if one.valid_to > one.valid_from]
        known = self.end(known_on)
        then = [
            replace(one, valid_to=LATE) if one.superseded_at >= known else one for one in log if one.recorded_at < known
        ]
        return [one for one in then if one.valid_to > one.valid_from]

    def team_on(self, owner_id: int | None, day: date | None) -> int | None:
        """The owner's team at the end of a day; None stands for the time before any."""
        for owner, since, to, team in self.members:
            if owner == owner_id and to > since:
                first = None if since == EARLY else since.astimezone(self.zone).date()
                last = None if to == LATE else to.astimezone(self.zone).date()
                begun = first is None or (day is not None and first <= day)
                if begun and (last is None or day is None or day < last):
                    return team
        return None

    def asks_for(self, version: Version, slice_: Slice, viewer: Viewer, managed: Sequence[int], day: date | None,
                 *, is_start: bool = False) -> Seen:  # fmt: skip
        owner, team = version.owner_id, self.team_on(version.owner_id, day)
        is_seen = {
            Role.REP: owner is not None and owner == viewer.owner_id,
            Role.MANAGER: team is not None and team in managed,
        }.get(viewer.role, True)
        return Seen(
            version, day or date.min, is_start, is_seen,
            is_owners=is_seen and (not slice_.team_ids or team in slice_.team_ids)
            and (not slice_.owner_ids or (owner or NOBODY) in slice_.owner_ids),
            is_sources=not slice_.sources or (version.source or "") in slice_.sources,
            is_pipelines=not slice_.pipeline_ids or (version.pipeline_id or NOBODY) in slice_.pipeline_ids,
            is_products=not slice_.product_ids or (version.product_id or NOBODY) in slice_.product_ids,
            is_window=slice_.closes is None
            or (version.close_on is not None and slice_.closes[0] <= version.close_on <= slice_.closes[1]),
        )  # fmt: skip

    def worth(self, amount: int | None, code: str | None, day: date, currency: str | None) -> Sums:
        """By the newest rate of that day or before; what no rate concerns keeps its own currency."""
        rates = [(on, rate) for one, to, on, rate in self.rates if one == code and to == currency and on <= day]
        if amount is None:
            return Counter()
        if not rates or currency is None:
            return Counter({code: amount})
        scale = 10.0 ** (decimals(currency) - decimals(code))
        return Counter({currency: round(float(amount) * (max(rates)[1] * scale))})

    # --- from one evening to another ---

    def spans(self, log: Sequence[Version], slice_: Slice, viewer: Viewer, managed: Sequence[int],
              start: date) -> list[Seen]:  # fmt: skip
        """The deal from the end of `start` on, each time anything about it or its owner's team changed."""
        first, last = self.end(start), self.end(slice_.as_of)
        found: list[tuple[datetime, Version]] = []
        for one in self.known(log, slice_.known_on):
            if one.valid_from < last and one.valid_to >= first:
                moves = [since for owner, since, to, _ in self.members if owner == one.owner_id and to > since]
                inside = [at for at in moves if max(one.valid_from, first) <= at < min(one.valid_to, last)]
                is_by_team = bool(slice_.team_ids) or viewer.role is Role.MANAGER
                cuts = {one.valid_from, *inside} if is_by_team else {one.valid_from}
                found += [(at, one) for at in cuts]
        told = []
        for at, one in sorted(found, key=lambda two: two[0]):
            day = start if at < first else at.astimezone(self.zone).date()
            told.append(self.asks_for(one, slice_, viewer, managed, day, is_start=at < first))
        changes = [
            one for before, one in zip([None, *told], told, strict=False) if before is None or one.said != before.said
        ]
        return _veiled(changes)

    def parts(self, spans: Sequence[Seen], end: date, currency: str | None) -> Counter[tuple[str, str | None]]:
        """What each cause comes to, by cause and currency."""
        found: Counter[tuple[str, str | None]] = Counter()
        if not spans:
            return found
        if not spans[0].is_start:
            self._change(found, None, spans[0], spans[0].day, currency)
        for was, now in pairwise(spans):
            self._change(found, was, now, now.day, currency)
        self._change(found, spans[-1], spans[-1], end, currency)
        return Counter({key: minor for key, minor in found.items() if minor})

    def _change(self, found: Counter[tuple[str, str | None]], was: Seen | None, now: Seen, day: date,
                currency: str | None) -> None:  # fmt: skip
        """One change, its causes one after the other in the order in which they are said to count."""
        before = was or now
        was_open, is_open = was is not None and was.is_open, now.is_open
        money = [(one.version.amount_minor, one.version.currency) for one in (before, now)]
        is_valued = None not in (money[0][0], money[1][0])
        if not is_valued and is_open and not was_open:
            money[0] = money[1]
        if not is_valued and was_open and not is_open:
            money[1] = money[0]
        old, new = (self.worth(*one, day, currency) for one in money)
        flags = {"open": was_open, "owner": before.is_owners, "source": before.is_sources,
                 "pipeline": before.is_pipelines, "product": before.is_products,
                 "window": before.is_window}  # fmt: skip
        worth = self.worth(before.version.amount_minor, before.version.currency, before.day, currency)
        is_other = is_valued and before.version.currency != now.version.currency

        def step(cause: str, amount: Sums | None = None, **changed: bool) -> None:
            nonlocal worth
            had = worth if all(flags.values()) else Counter()
            flags.update(changed)
            worth = worth if amount is None else amount
            has = worth if all(flags.values()) else Counter()
            for code in {*had, *has}:
                found[cause, code] += has[code] - had[code]

        step("rate", old)
        step("created" if was is None else "reopened", open=was_open or is_open)
        step("owner", owner=now.is_owners)
        step("source", source=now.is_sources)
        step("pipeline", pipeline=now.is_pipelines)
        step("product", product=now.is_products)
        step("pulled_in" if now.is_window else "pushed_out", window=now.is_window)
        if is_other:
            step("currency", new)
        step("raised" if _grew(old, new, now, is_valued=is_valued) else "cut", new)
        step({"won": "won", "lost": "lost"}.get(now.version.status, "deleted"), open=is_open)

    # --- what pages count ---

    def events(self, slice_: Slice, viewer: Viewer, managed: Sequence[int]) -> Counter[tuple[str, str | None]]:
        """How many deals were created, won and lost in the period, by currency of the last two."""
        found: Counter[tuple[str, str | None]] = Counter()
        for one in self.evening(slice_.as_of, slice_.known_on):
            happened = [("created", one.created_day, None)] if one.status in WAS_CREATED else []
            happened += [(one.status, one.closed_day, one.currency)] if one.status in ("won", "lost") else []
            for event, day, currency in happened:
                if _is_in(day, slice_) and self.asks_for(one, slice_, viewer, managed, day).is_owners and (
                    not slice_.sources or (one.source or "") in slice_.sources
                ):  # fmt: skip
                    found[event, currency] += 1
        return found


def _grew(old: Sums, new: Sums, now: Seen, *, is_valued: bool) -> bool:
    if not is_valued:
        return now.version.amount_minor is not None
    return sum(new.values()) > sum(old.values())


def _is_in(day: date | None, slice_: Slice) -> bool:
    if day is None:
        return slice_.first_day is None
    return (slice_.first_day is None or slice_.first_day <= day) and day <= slice_.until


def _veiled(spans: Sequence[Seen]) -> list[Seen]:
    """To who may not see a version it is what he last saw of the deal, else what he sees of it first, and not his."""
    last: Seen | None = None
    ahead = next((one for one in spans if one.is_seen), None)
    told = []
    for one in spans:
        last = one if one.is_seen else last
        known = last or ahead
        if known is not None:
            told.append(replace(known, day=one.day, is_start=one.is_start, is_owners=known.is_owners and one.is_seen))
    return told
