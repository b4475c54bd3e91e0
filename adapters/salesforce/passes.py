"""Passes over Salesforce's objects: rows by the time of their last change, deleted ones among them.

A cursor names the object of the pass and the last row of the page, so any process goes on with it, at any time: no
continuation that Salesforce forgets is kept. Rows of one instant are told apart by their ids, so none is lost at the
border of a page. A first load of very many rows is prepared by Salesforce as a bulk query.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta

import orjson

from adapters.base import Page
from adapters.errors import FatalError, RetriableError
from adapters.records import Change, Deletion, Kind, Merge
from adapters.salesforce import reading
from adapters.salesforce.access import Exposed
from adapters.salesforce.client import MOST_PER_QUERY, Raw, SalesforceClient, TooManyError, typed
from adapters.salesforce.objects import (
    DEALS,
    EMAILS,
    FIELD_HISTORY,
    HISTORY,
    MASTER,
    ROLES,
    TASKS,
    ObjectFacts,
)
from adapters.salesforce.reading import OrgFacts
from adapters.salesforce.soql import both, moment, quoted, select

OVERLAP = timedelta(minutes=5)
"""A row is committed, and seen, later than the time that it carries; what is read again changes nothing."""
ORDER = "SystemModstamp, Id"
JOB, PLAIN = "job", "plain"
"""In a cursor: a bulk query, with its id and page; a first load without one."""
WORKING = frozenset({"UploadComplete", "InProgress"})
FIRST_WAIT_S, LONGEST_WAIT_S, PATIENCE_S = 1.0, 30.0, 600.0
Step = tuple[list[Change], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A cursor. since: by object and its fields (`Exposed.signature`), up to when (seconds) everything was read; what
    is not in it is read in full. until: where this pass ends; 0: none is under way. part, after: where it stands."""

    since: Mapping[str, int] = field(default_factory=dict)
    until: int = 0
    part: str = ""
    after: str = ""

    def text(self) -> str:
        return orjson.dumps(asdict(self)).decode()


def place_of(cursor: str | None) -> Place:
    try:
        return Place(**orjson.loads(cursor)) if cursor is not None else Place()
    except (orjson.JSONDecodeError, TypeError) as error:
        raise FatalError("Salesforce: a sync's cursor is damaged. Sync from the beginning.") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Passes:
    """objects: those of one kind, in the order of the pass. bulk_from: so many rows are loaded by a bulk query. pause:
    lets so many seconds pass."""

    client: SalesforceClient
    objects: Sequence[ObjectFacts]
    exposed: Exposed
    org: OrgFacts
    page_size: int
    bulk_from: int
    pause: Callable[[float], object]

    def pages(self, place: Place, now_s: int) -> Iterator[Page]:
        """now_s: by Salesforce's clock, where a pass that begins ends."""
        parts = [facts.name for facts in self.objects]
        if DEALS in self.objects and ROLES in self.exposed.seen:
            parts.append(ROLES)
        if not place.until:
            place = replace(place, until=now_s, part=parts[0], after="")
        first = parts.index(place.part) if place.part in parts else 0
        for number in range(first, len(parts)):
            after: str | None = place.after if number == first and place.part in parts else ""
            while after is not None:
                changes, after = self._step(parts[number], place, after)
                is_last = after is None and number == len(parts) - 1
                # A page may be empty: so the id of a bulk query is kept before it is waited for.
                if changes or is_last or after is not None:
                    yield Page(changes=tuple(changes), cursor=self._next(place, parts, number, after), done=is_last)

    def _next(self, place: Place, parts: Sequence[str], number: int, after: str | None) -> str:
        if after is None:
            number += 1
        if number == len(parts):
            since = place.until - int(OVERLAP.total_seconds())
            return Place(since={**place.since, **{self._key(name): since for name in parts}}).text()
        return replace(place, part=parts[number], after=after or "").text()

    def _key(self, name: str) -> str:
        return next((self.exposed.signature(facts) for facts in self.objects if facts.name == name), name)

    def _step(self, name: str, place: Place, after: str) -> Step:
        since = place.since.get(self._key(name))
        if name == ROLES:
            # A first load has read the roles of all deals with them.
            whole = place.since.get(self._key(DEALS.name)) is None
            return ([], None) if whole or since is None else self._roles(since, place.until, after)
        facts = next(one for one in self.objects if one.name == name)
        if since is None and after.startswith(JOB):
            return self._of_job(facts, after)
        if since is None and not after and self._is_large(facts):
            job = self._started(facts, place.until)
            return [], f"{JOB} {job}" if job is not None else PLAIN
        return self._rows(facts, since, place.until, after.removeprefix(PLAIN).strip())

    # --- by queries ---

    def _rows(self, facts: ObjectFacts, since: int | None, until: int, after: str) -> Step:
        where = both(self.exposed.only(facts), _window(since, until), _beyond(after))
        fields = self.exposed.fields(facts)
        size = min(self.page_size, MOST_PER_QUERY)
        rows, size = self.client.first_rows(fields, facts.name, where, ORDER, size)
        return self.in_full(facts, rows.records), self._following(rows.records, rows.is_last, size, since)

    def _following(self, rows: Sequence[Raw], is_last: bool, size: int, since: int | None) -> str | None:
        if not rows or (is_last and len(rows) < size):
            return None
        place = f"{rows[-1]['SystemModstamp']} {rows[-1]['Id']}"
        return f"{PLAIN} {place}" if since is None else place

    def _roles(self, since: int, until: int, after: str) -> Step:
        """Deals whose contacts changed: that alone does not change the deal."""
        size = min(self.page_size, MOST_PER_QUERY)
        fields = ("Id", "OpportunityId", "SystemModstamp")
        where = both(_window(since, until), _beyond(after))
        rows, size = self.client.first_rows(fields, ROLES, where, ORDER, size)
        ids = list(dict.fromkeys(str(row["OpportunityId"]) for row in rows.records))
        deals = self.client.of_ids(self.exposed.fields(DEALS), DEALS.name, "Id", ids, "IsDeleted = false")
        return self.in_full(DEALS, deals), self._following(rows.records, rows.is_last, size, since)

    # --- by a bulk query ---

    def _is_large(self, facts: ObjectFacts) -> bool:
        try:
            return self.client.count(facts.name, self.exposed.only(facts)) >= self.bulk_from
        except TooManyError:
            return True

    def _started(self, facts: ObjectFacts, until: int) -> str | None:
        where = both(self.exposed.only(facts), _window(None, until))
        return self.client.start_job(select(self.exposed.fields(facts), facts.name, where), facts.name)

    def _of_job(self, facts: ObjectFacts, after: str) -> Step:
        _, job, *rest = after.split()
        if not rest and not self._finished(job, facts):
            return [], PLAIN
        found = self.client.job_rows(job, rest[0] if rest else "", self.page_size)
        if found is None:
            # Results are kept for a week. What was read of them is read again.
            return [], PLAIN
        rows, following = found
        records = list(typed(rows, self.exposed.seen[facts.name].fields))
        return self.in_full(facts, records), f"{JOB} {job} {following}" if following is not None else None

    def _finished(self, job: str, facts: ObjectFacts) -> bool:
        """Waits for it. False where it will never be."""
        waited_s, wait_s = 0.0, FIRST_WAIT_S
        while (state := self.client.job_state(job)) in WORKING:
            if waited_s >= PATIENCE_S:
                raise RetriableError(
                    f"Salesforce still prepares its bulk query of {facts.noun}. It is looked at again later.",
                    wait_s=LONGEST_WAIT_S,
                )
            self.pause(wait_s)
            waited_s, wait_s = waited_s + wait_s, min(wait_s * 2, LONGEST_WAIT_S)
        return state == "JobComplete"

    # --- records ---

    def in_full(self, facts: ObjectFacts, rows: Sequence[Raw]) -> list[Change]:
        """Rows as records, deletions and merges, completed by what stands in other objects."""
        live = [row for row in rows if row.get("IsDeleted") is not True]
        gone = [row for row in rows if row.get("IsDeleted") is True]
        for name, by, condition in self._beside(facts):
            self._complete(live, name, by, condition)
        if facts is TASKS and EMAILS in self.exposed.seen:
            mails = [row for row in live if str(row.get("TaskSubtype")).endswith("Email")]
            self._complete(mails, EMAILS, "ActivityId", "")
        records = [reading.record(facts, row, self.org) for row in live]
        merged = [row for row in gone if row.get(MASTER)]
        return [*records, *self._merges(facts, merged), *(_deletion(facts, row) for row in gone if not row.get(MASTER))]

    def _beside(self, facts: ObjectFacts) -> Iterator[tuple[str, str, str]]:
        if facts.kind is not Kind.DEAL:
            return
        for name, condition in ((HISTORY, ""), (ROLES, ""), (FIELD_HISTORY, "Field = 'Owner'")):
            if name in self.exposed.seen:
                yield name, "OpportunityId", condition

    def _complete(self, rows: Sequence[Raw], name: str, by: str, condition: str) -> None:
        """Put the rows of another object that name these into these, in an order that is always the same."""
        ids = [str(row["Id"]) for row in rows]
        fields = [one for one in self.exposed.beside(name) if one not in {"IsDeleted", "SystemModstamp"}]
        if by not in fields:
            return
        found: dict[str, list[Raw]] = {}
        for one in sorted(self.client.of_ids(fields, name, by, ids, condition), key=lambda one: str(one["Id"])):
            found.setdefault(str(one[by]), []).append(one)
        for row in rows:
            row[name] = found.get(str(row["Id"]), [])

    def _merges(self, facts: ObjectFacts, rows: Sequence[Raw]) -> Iterator[Merge]:
        """Each names its survivor, which may have become part of another since."""
        masters = {str(row[MASTER]) for row in rows}
        later: dict[str, str] = {}
        while masters:
            condition = both("IsDeleted = true", f"{MASTER} != null")
            found = self.client.of_ids(("Id", MASTER), facts.name, "Id", sorted(masters), condition, deleted=True)
            fresh = {str(row["Id"]): str(row[MASTER]) for row in found}
            later |= fresh
            masters = {one for one in fresh.values() if one not in later}
        for row in rows:
            winner = str(row[MASTER])
            while winner in later:
                winner = later[winner]
            at = reading.instant(row.get("SystemModstamp"))
            yield Merge(kind=facts.kind, winner_id=winner, loser_ids=(str(row["Id"]),), at=at)


def _deletion(facts: ObjectFacts, row: Raw) -> Deletion:
    at = reading.instant(row.get("SystemModstamp"))
    return Deletion(kind=facts.kind, external_id=str(row["Id"]), at=at, reason="deleted")


def _window(since: int | None, until: int) -> str:
    """The second that a pass begins in is part of it: Salesforce's clock tells no less, nor do its rows."""
    ends = f"SystemModstamp < {moment(datetime.fromtimestamp(until + 1, UTC))}"
    return ends if since is None else both(f"SystemModstamp >= {moment(datetime.fromtimestamp(since, UTC))}", ends)


def _beyond(after: str) -> str:
    """What comes after the last row of a page."""
    if not after:
        return ""
    stamp, _, row_id = after.partition(" ")
    at = reading.instant(stamp)
    if at is None:
        raise FatalError("Salesforce: a sync's cursor is damaged. Sync from the beginning.")
    return f"SystemModstamp > {moment(at)} OR (SystemModstamp = {moment(at)} AND Id > {quoted(row_id)})"
