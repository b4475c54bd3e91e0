"""Salesforce's objects and fields over the neutral rows: what each shows, what may be written, what is derived."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from adapters.sandbox.salesforce.values import id_of, number_of, second
from adapters.sandbox.world import Past, Row, World

BIN_DAYS, ARCHIVED_DAYS = 15, 365
"""How long deleted rows are kept; after how many days activities are only in queryAll."""
ZONE = ZoneInfo("Europe/Berlin")
CURRENCY = "EUR"
PREFIX = {
    "owner": "005", "team": "00E", "pipeline": "012", "stage": "01J", "company": "001", "contact": "003", "lead": "00Q",
    "deal": "006", "call": "00T", "email": "00T", "task": "00T", "meeting": "00U", "note": "002", "appointment": "08p",
}  # fmt: skip
KIND_OF = {"001": "company", "003": "contact", "00Q": "lead", "006": "deal", "005": "owner"}
ADMIN, ADMIN_SET = id_of("005", 7), id_of("0PS", 7)
SUBTYPES = {"call": "Call", "email": "Email", "task": "Task"}
Derived = dict[str, Any]
Get = Callable[[World, Any], Any]


@dataclass(frozen=True, slots=True)
class Field:
    """kind: Salesforce's type. writes: the neutral field that it sets; None: it may not be written. longest: text
    beyond is refused. unique: an external id."""

    kind: str
    get: Get
    writes: str | None = None
    longest: int = 255
    unique: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SObject:
    """rows: neutral rows, or derived ones, gone ones included. required: to create one. named_by: the field that names
    the neutral row which a row is, or is made of."""

    name: str
    prefix: str
    rows: Callable[[World], Iterable[Any]]
    fields: Mapping[str, Field] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    kind: str | None = None
    named_by: str = "Id"


@dataclass(slots=True)
class Narrowed(World):
    """A world of which no more is gone through than the chosen rows of a kind."""

    whole: World | None = None
    chosen: Mapping[str, frozenset[int]] = field(default_factory=dict)

    def get(self, kind: str, row_id: int) -> Row | None:
        return self.whole.get(kind, row_id) if self.whole is not None else None

    def all(self, kind: str) -> Iterator[Row]:
        if kind in self.chosen:
            yield from (row for one in sorted(self.chosen[kind]) if (row := self.get(kind, one)) is not None)
        elif self.whole is not None:
            yield from self.whole.all(kind)


def narrowed(world: World, source: SObject, among: Mapping[str, frozenset[Any]]) -> World:
    """The world, as far as rows of this object can have one of these values in each field."""
    ids = {str(one) for one in among.get(source.named_by, ()) if one is not None}
    kinds = [kind for kind, prefix in PREFIX.items() if any(one.startswith(prefix) for one in ids)]
    if source.named_by not in among:
        return world
    numbers = frozenset(number for one in ids if (number := number_of(one)) is not None)
    return Narrowed(world.clock, whole=world, chosen=dict.fromkeys(kinds, numbers))


def is_gone(row: Row) -> bool:
    return not row.is_live


def in_bin(world: World, row: Row) -> bool:
    return row.modified_at > world.clock.now() - timedelta(days=BIN_DAYS)


def is_there(world: World, row: Row | None) -> bool:
    """Whether its id leads anywhere: what was emptied from the bin is named by nobody any more."""
    return row is not None and (row.is_live or in_bin(world, row))


# --- getters ---


def text(name: str) -> Get:
    def get(world: World, row: Row) -> Any:
        value = row.fields.get(name)
        return value if value is None else str(value)

    return get


def plain(name: str) -> Get:
    return lambda world, row: row.fields.get(name)


def own_id(world: World, row: Row) -> str:
    return id_of(PREFIX[row.kind], row.row_id)


def created(world: World, row: Row) -> datetime:
    return second(row.created_at)


def modified(world: World, row: Row) -> datetime:
    return second(row.modified_at)


def linked(*kinds: str) -> Get:
    """The first linked row of the first kind that has one."""

    def get(world: World, row: Row) -> Any:
        for kind in kinds:
            for one in row.links.get(kind, []):
                if is_there(world, world.get(kind, one)):
                    return id_of(PREFIX[kind], one)
        return None

    return get


def referred(name: str, kind: str) -> Get:
    def get(world: World, row: Row) -> Any:
        value = row.fields.get(name)
        return id_of(PREFIX[kind], int(str(value))) if value is not None else None

    return get


def owner(world: World, row: Row) -> str:
    """Everything is owned by somebody."""
    value = row.fields.get("owner_id")
    return id_of("005", int(str(value))) if value is not None else ADMIN


def master(world: World, row: Row) -> Any:
    return id_of(PREFIX[row.kind], row.merged_into) if row.merged_into is not None else None


def stage_of(world: World, row: Row) -> Row | None:
    value = row.text("stage_id")
    return world.get("stage", int(value)) if value.isdigit() else None


def of_stage(name: str) -> Get:
    def get(world: World, row: Row) -> Any:
        stage = stage_of(world, row)
        return stage.fields[name] if stage is not None else None

    return get


def closed(*outcomes: str) -> Get:
    def get(world: World, row: Row) -> bool:
        stage = stage_of(world, row)
        return stage is not None and stage.fields["outcome"] in outcomes

    return get


def percent(get: Get) -> Get:
    def shown(world: World, row: Row) -> Any:
        value = get(world, row)
        return Decimal(str(value)) * 100 if value is not None else None

    return shown


def on_day(name: str) -> Get:
    def get(world: World, row: Row) -> Any:
        value = row.fields.get(name)
        return value.astimezone(ZONE).date() if isinstance(value, datetime) else None

    return get


def at_second(name: str) -> Get:
    def get(world: World, row: Row) -> Any:
        value = row.fields.get(name)
        return second(value) if isinstance(value, datetime) else None

    return get


def worded(name: str, words: Mapping[str, str]) -> Get:
    return lambda world, row: words.get(row.text(name), row.fields.get(name))


def name_of(world: World, row: Row) -> str:
    return " ".join(one for one in (row.text("first_name"), row.text("last_name")) if one)


def last_stage_change(world: World, row: Row) -> Any:
    moves = [past.at for past in row.history if past.name == "stage_id"]
    return second(moves[-1]) if len(moves) > 1 else None


def completed(world: World, row: Row) -> Any:
    return at_second("at")(world, row) if row.fields.get("status") == "done" else None


def ends(world: World, row: Row) -> Any:
    at, seconds = row.fields.get("at"), row.fields.get("duration_s")
    if not isinstance(at, datetime) or not isinstance(seconds, int):
        return None
    return second(at + timedelta(seconds=seconds))


def website(world: World, row: Row) -> Any:
    return f"https://www.{row.fields['domain']}/" if row.fields.get("domain") else None


# --- derived rows ---


def states(world: World) -> Iterator[Derived]:
    """A row for each moment at which a deal's stage, amount or close date changed, with the whole state."""
    for deal in world.all("deal"):
        state: dict[str, Any] = {}
        by_moment: dict[datetime, list[Past]] = {}
        for past in deal.history:
            if past.name != "owner_id":
                by_moment.setdefault(past.at, []).append(past)
        for number, (at, changes) in enumerate(by_moment.items(), start=1):
            state |= {past.name: past.value for past in changes}
            stage = world.get("stage", int(str(state.get("stage_id") or 0)))
            close = state.get("close_at")
            yield {
                "Id": id_of("008", deal.row_id * 10_000 + number), "OpportunityId": own_id(world, deal),
                "StageName": stage.text("name") if stage is not None else None, "Amount": state.get("amount"),
                "CloseDate": close.astimezone(ZONE).date() if isinstance(close, datetime) else None,
                "CreatedDate": second(at), "SystemModstamp": second(at), "IsDeleted": is_gone(deal), "of": deal,
            }  # fmt: skip


def owner_changes(world: World) -> Iterator[Derived]:
    """Two rows for each: one with names, one with ids."""
    for deal in world.all("deal"):
        owners = [past for past in deal.history if past.name == "owner_id"]
        for number, (before, after) in enumerate(pairwise(owners)):
            for place, is_id in enumerate((False, True)):
                values = [_owner_value(world, past, is_id=is_id) for past in (before, after)]
                yield {
                    "Id": id_of("017", (deal.row_id * 1_000 + number) * 10 + place),
                    "OpportunityId": own_id(world, deal), "Field": "Owner", "OldValue": values[0],
                    "NewValue": values[1], "CreatedDate": second(after.at), "IsDeleted": is_gone(deal), "of": deal,
                }  # fmt: skip


def _owner_value(world: World, past: Past, *, is_id: bool) -> str:
    row = world.get("owner", int(str(past.value))) if past.value is not None else None
    if is_id:
        return id_of("005", row.row_id) if row is not None else ADMIN
    return name_of(world, row) if row is not None else "Integration"


def roles(world: World) -> Iterator[Derived]:
    for deal in world.all("deal"):
        for place, one in enumerate(deal.links.get("contact", [])):
            if is_there(world, world.get("contact", one)):
                yield {
                    "Id": id_of("00K", deal.row_id * 100 + place), "OpportunityId": own_id(world, deal),
                    "ContactId": id_of("003", one), "IsPrimary": place == 0, "IsDeleted": is_gone(deal),
                    "SystemModstamp": second(deal.modified_at), "CreatedDate": second(deal.created_at), "of": deal,
                }  # fmt: skip


def mails(world: World) -> Iterator[Derived]:
    """Each mail has a task besides, which it names."""
    for row in world.all("email"):
        yield {
            "Id": id_of("02s", row.row_id), "ActivityId": own_id(world, row),
            "Incoming": row.fields.get("direction") == "in", "MessageDate": at_second("at")(world, row),
            "CreatedDate": created(world, row), "SystemModstamp": modified(world, row), "IsDeleted": is_gone(row),
            "of": row,
        }  # fmt: skip


def key(name: str) -> Get:
    return lambda world, row: row.get(name)


def derived(**kinds: str) -> dict[str, Field]:
    return {name: Field(kind, key(name)) for name, kind in kinds.items()}


def rows_of(*kinds: str) -> Callable[[World], Iterable[Row]]:
    return lambda world: (row for kind in kinds for row in world.all(kind))


def system(*, deletes: bool = True) -> dict[str, Field]:
    own = {
        "Id": Field("id", own_id), "CreatedDate": Field("datetime", created),
        "SystemModstamp": Field("datetime", modified),
    }  # fmt: skip
    return own | ({"IsDeleted": Field("boolean", lambda world, row: is_gone(row))} if deletes else {})
