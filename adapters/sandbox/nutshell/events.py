"""Nutshell's event feed over the world's journal: newest first, older pages by `max_id`, which is inclusive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import quote

from adapters.sandbox.nutshell.entities import ENTITY_OF, api_id, number_of
from adapters.sandbox.world import Entry, Row, World

ACTIONS = {"created": "create", "archived": "delete", "restored": "undelete", "merged": "merge", "purged": "delete"}
GONE = frozenset({"archived", "merged", "purged"})
STEPS = 4
"""Events that one entry of the journal may become."""
Raw = dict[str, Any]


@dataclass(slots=True)
class Feed:
    """Events are made of what the journal tells, each once."""

    world: World
    events: list[Raw] = field(default_factory=list)
    deleted: list[Raw] = field(default_factory=list)
    _read: int = 0
    _stages: dict[int, int] = field(default_factory=dict)
    """The open stage that each deal was in last."""

    def catch_up(self) -> None:
        for entry in self.world.journal[self._read :]:
            if entry.kind in ENTITY_OF:
                made = self._made(entry, self._stages)
                self.events += made
                self.deleted += made[:1] if entry.what in GONE else []
        self._read = len(self.world.journal)

    def _made(self, entry: Entry, stages: dict[int, int]) -> list[Raw]:
        """stages: the open stage that each deal was in last, kept up."""
        return [self._event(entry, place, *what) for place, what in enumerate(self._told(entry, stages))]

    def _told(self, entry: Entry, stages: dict[int, int]) -> Iterable[tuple[str, list[Raw]]]:
        if entry.kind != "deal":
            return [(ACTIONS.get(entry.what, "edit"), [])]
        told: list[tuple[str, list[Raw]]] = [(ACTIONS[entry.what], [])] if entry.what in ACTIONS else []
        told += self._moves(entry, stages)
        if "owner_id" in entry.changes:
            was, became = entry.changes["owner_id"]
            told.append(("edit", [{"attribute": "owner", "oldValue": _user(was), "newValue": _user(became)}]))
        return told or [("edit", [])]

    def _moves(self, entry: Entry, stages: dict[int, int]) -> Iterable[tuple[str, list[Raw]]]:
        if "stage_id" not in entry.changes:
            return
        now = self.world.get("stage", int(str(entry.changes["stage_id"][1])))
        before = stages.get(entry.row_id)
        if now is None:
            return
        if now.fields["outcome"] != "open":
            yield str(now.fields["outcome"]), []
        elif now.row_id != before:
            stages[entry.row_id] = now.row_id
            old = self.world.get("stage", before) if before is not None else None
            yield "stagechange", [{"attribute": "stage", "oldValue": _stage(old), "newValue": _stage(now)}]
        else:
            yield "reopen", []

    def _event(self, entry: Entry, place: int, action: str, changes: list[Raw]) -> Raw:
        entity = ENTITY_OF[entry.kind]
        ids = [entry.row_id] if entry.into is None or entry.what != "merged" else [entry.into, entry.row_id]
        return {
            "id": api_id("events", entry.number * STEPS + place), "type": "events",
            "createdTime": int(entry.at.timestamp()), "actorType": "users", "payloadType": entity, "action": action,
            "changes": changes, "count": None,
            "links": {"comments": [], "actor": None, "payloads": [api_id(entity, one) for one in ids]},
        }  # fmt: skip

    def page(self, query: Mapping[str, str], *, deleted: bool, base_url: str) -> Raw:
        self.catch_up()
        rows = self.deleted if deleted else self.events
        found = (event for event in self._newest_first(rows, query, deleted=deleted) if _matches(event, query))
        page = list(islice(found, int(query.get("limit", 100))))
        return {"meta": _meta(page, query, base_url, deleted=deleted), "links": {}, "events": page, "payloads": []}

    def _newest_first(self, rows: list[Raw], query: Mapping[str, str], *, deleted: bool) -> Iterator[Raw]:
        yield from reversed(rows)
        until = number_of(query["max_id"]) // STEPS if "max_id" in query else None
        deal = number_of(query["entity_id"]) if "entity_id" in query else None
        for entry in self.world.older(until, deal) if not deleted else ():
            if entry.at.timestamp() < int(query.get("since_time", 0)):
                return
            yield from reversed(self._made(entry, self._stages_before(entry)))

    def _stages_before(self, entry: Entry) -> dict[int, int]:
        before, _ = entry.changes.get("stage_id", (None, None))
        return {entry.row_id: int(str(before))} if before is not None else {}


def _matches(event: Raw, query: Mapping[str, str]) -> bool:
    number, at = number_of(event["id"]), event["createdTime"]
    types = query.get("filters[payload][]") or query.get("filter[types]")
    return (
        (types is None or event["payloadType"] in types.split(","))
        and ("entity_id" not in query or query["entity_id"] in event["links"]["payloads"])
        and ("max_id" not in query or number <= number_of(query["max_id"]))
        and ("since_id" not in query or number > number_of(query["since_id"]))
        and ("since_time" not in query or at >= int(query["since_time"]))
        and ("max_time" not in query or at <= int(query["max_time"]))
    )


def _meta(page: list[Raw], query: Mapping[str, str], base_url: str, *, deleted: bool) -> Raw:
    """`previous` leads to what is older; `next` to what will be newer."""
    base = f"{base_url}/events{'/deleted' if deleted else ''}?" + "".join(
        f"{quote(name)}={quote(value)}&"
        for name, value in query.items()
        if name not in {"max_id", "since_id", "max_time", "since_time"}
    )
    if not page:
        return {"previous": None, "next": None, "instanceId": "379104"}
    first, last = page[0], page[-1]
    return {
        "next": f"{base}since_id={first['id']}&since_time={first['createdTime']}",
        "previous": f"{base}max_id={last['id']}&max_time={last['createdTime']}",
        "last": last["id"], "instanceId": "379104",
    }  # fmt: skip


def _stage(row: Row | None) -> Raw | None:
    if row is None:
        return None
    return {
        "id": api_id("stages", row.row_id), "type": "stages", "name": row.text("name"),
        "position": int(str(row.fields["position"])) + 1,
    }  # fmt: skip


def _user(number: object) -> Raw | None:
    return {"id": api_id("users", number), "type": "users"} if number is not None else None
