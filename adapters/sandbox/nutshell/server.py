"""A Nutshell account: the REST calls that a connector makes, with Nutshell's refusals, which are web pages."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import orjson

from adapters.sandbox.faults import Fault, Mishap
from adapters.sandbox.nutshell import entities
from adapters.sandbox.nutshell.entities import ACTIVITY_TYPES, INDUSTRIES, SOURCES, TYPES, Entities, api_id, number_of
from adapters.sandbox.nutshell.events import Feed
from adapters.sandbox.nutshell.lists import Lists, cut
from adapters.sandbox.nutshell.patches import BadPatchError, contact_fields, patched
from adapters.sandbox.server import DialectServer, Reply, Request, Window
from adapters.sandbox.world import Row, Value, World

MOST_LISTED, USUALLY_LISTED = 10_000, 50
PATCH_TYPE = "application/json-patch+json"
Match = re.Match[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """per_minute: requests. Nutshell documents no limit; here is one that a modest client keeps to."""

    per_minute: int = 120


class NutshellServer(DialectServer):
    """email, api_key: the credentials. hidden: entities that their user may not see. custom: names of the contacts'
    custom fields. returns_deleted: whether reading an id in the trash gives it, or 404, which no document says."""

    def __init__(
        self,
        world: World,
        *,
        email: str = "owner0@sandbox.example",
        api_key: str = "nutshell-sandbox",  # opens a made-up account
        plan: Plan | None = None,
        hidden: Iterable[str] = (),
        custom: Iterable[str] = ("SLMS lead", "Lead source", "Company"),
        returns_deleted: bool = True,
        base_url: str = "https://app.nutshell.com/rest",
    ) -> None:
        super().__init__(world)
        self.email, self.api_key, self.plan = email, api_key, plan or Plan()
        self.hidden, self.custom, self.returns_deleted = set(hidden), frozenset(custom), returns_deleted
        self.expired = False
        self.base_url, self.feed, self.show = base_url, Feed(world), Entities(world, base_url)
        self.lists = Lists(world)
        self._window = Window(self.plan.per_minute, 60.0)
        self._declare_routes()

    def _declare_routes(self) -> None:
        self.route("GET", "/rest/(?P<type>stagesets|stages|activitytypes|sources|industries)", self._few)
        self.route("GET", "/rest/events(?P<deleted>/deleted)?", self._events)
        self.route("GET", "/rest/contacts/customfields/attributes", self._custom_names)
        self.route("GET", "/rest/contacts/(?P<id>[^/]+)/customfields", self._custom_values)
        self.route("GET", "/rest/(?P<type>users|accounts|contacts|leads|activities)", self._list)
        self.route("GET", "/rest/(?P<type>accounts|contacts|leads|activities)/(?P<id>[^/]+)", self._read)
        self.route("POST", "/rest/contacts", self._create)
        self.route("PATCH", "/rest/contacts/(?P<id>[^/]+)", self._patch)
        self.route("DELETE", "/rest/(?P<type>accounts|contacts|leads)/(?P<id>[^/]+)", self._delete)

    # --- refusals ---

    def not_allowed(self, request: Request) -> Reply | None:
        wanted = base64.b64encode(f"{self.email}:{self.api_key}".encode()).decode()
        if self.expired or request.headers.get("authorization") != f"Basic {wanted}":
            return page(401, "Unauthorized")
        entity = (request.path.removeprefix("/rest/").split("/") or [""])[0]
        return page(403, "Forbidden") if entity in self.hidden else None

    def over_limit(self, request: Request) -> Reply | None:
        return None if self._window.take(self.world.clock.now()) else failure(429, "Too Many Requests")

    def worded(self, fault: Fault, request: Request) -> Reply:
        if fault.mishap in {Mishap.THROTTLED, Mishap.OVER_QUOTA}:
            return failure(429, "Too Many Requests")
        if fault.mishap is Mishap.EXPIRED:
            return page(401, "Unauthorized")
        return failure(fault.status, "Internal Server Error") if fault.status >= 500 else page(fault.status, "Refused")

    def not_found(self, request: Request) -> Reply:
        return page(404, "Not Found")

    def finished(self, reply: Reply, request: Request) -> None:
        reply.headers["x-nutshell-request-id"] = f"sandbox-{len(self.log)}"

    def _routed(self, request: Request) -> Reply:
        try:
            return super()._routed(request)
        except BadPatchError as error:
            return invalid("Invalid patch", str(error))
        except (KeyError, ValueError, TypeError, orjson.JSONDecodeError) as error:
            return invalid("Invalid request", str(error))

    # --- reading ---

    def _list(self, request: Request, match: Match) -> Reply:
        entity, query = match["type"], request.query
        number, limit = int(query.get("page[page]", 0)), int(query.get("page[limit]", USUALLY_LISTED))
        if number < 0:
            return invalid("Invalid filter", f"Invalid page number: {number}")
        if not 0 < limit <= MOST_LISTED:
            return invalid("Invalid filter", f"Invalid page limit: {limit}")
        falls, chosen = query.get("sort", "").startswith("-"), self._chosen(entity, query)
        if chosen is None:
            shown = self.lists.page(entity, number, limit, newest_first=falls)
            return self._envelope(entity, shown, total=self.lists.size(entity))
        return self._envelope(entity, cut(chosen, number, limit, newest_first=falls), total=len(chosen))

    def _chosen(self, entity: str, query: Mapping[str, str]) -> list[Row] | None:
        """Where a filter chooses; None: all of the list."""
        if entity == "users":
            return list(self.world.all("owner"))
        if entity == "contacts" and "email" in query:
            return [row for row in self.world.indexed("contact") if query["email"].strip().lower() in addresses(row)]
        if entity == "activities" and "filter[dateMin]" in query:
            least = datetime.fromisoformat(query["filter[dateMin]"]).replace(tzinfo=UTC)
            rows = self.lists.page(entity, 0, self.lists.size(entity), newest_first=False)
            return [row for row in rows if isinstance(at := row.fields.get("at"), datetime) and at >= least]
        return None

    def _envelope(self, entity: str, rows: list[Row], total: int | None = None) -> Reply:
        meta = {"count": len(rows), "instanceId": "379104"} | ({"total": total} if total is not None else {})
        return Reply(200, {"meta": meta, "links": {}, entity: [self.show.of(row) for row in rows]})

    def _read(self, request: Request, match: Match) -> Reply:
        entity = match["type"]
        rows = [row for one in unquote(match["id"]).split(",") if (row := self._one(entity, one)) is not None]
        if not rows:
            return page(404, "Not Found")
        return self._envelope(entity, list({row.row_id: row for row in rows}.values()))

    def _one(self, entity: str, text: str) -> Row | None:
        for kind in TYPES[entity] if text.endswith(f"-{entity}") else ():
            row = self.world.get(kind, number_of(text))
            if row is not None and row.merged_into is None and (row.is_live or self.returns_deleted):
                return row
        return None

    def _few(self, request: Request, match: Match) -> Reply:
        name = match["type"]
        if name == "stagesets":
            return Reply(200, {name: [entities.stageset(row) for row in self.world.live("pipeline")]})
        if name == "stages":
            open_ones = [row for row in self.world.live("stage") if row.fields["outcome"] == "open"]
            return Reply(200, [entities.stage(row) for row in open_ones])  # keyed or not: clients see both
        labels = SOURCES if name == "sources" else INDUSTRIES
        named = {number: text for text, number in labels.items()}
        key = "activityTypes" if name == "activitytypes" else name
        if key == "activityTypes":
            named = dict(ACTIVITY_TYPES.values())
        rows = [{"id": api_id(key, number), "type": key, "name": text} for number, text in named.items()]
        return Reply(200, {"meta": {}, key: rows})

    def _events(self, request: Request, match: Match) -> Reply:
        return Reply(200, self.feed.page(request.query, deleted=match["deleted"] is not None, base_url=self.base_url))

    # --- custom fields ---

    def _custom_names(self, request: Request, match: Match) -> Reply:
        names = sorted(self.custom)
        return Reply(200, {"customFields": [
            {"id": api_id("customFields", place), "name": name, "title": name} for place, name in enumerate(names)
        ]})  # fmt: skip

    def _custom_values(self, request: Request, match: Match) -> Reply:
        row = self._one("contacts", match["id"])
        if row is None:
            return page(404, "Not Found")
        return Reply(200, {"customFields": [
            {"id": api_id("customFields", place), "name": name, "value": row.fields.get(name)}
            for place, name in enumerate(sorted(self.custom))
        ]})  # fmt: skip

    # --- writing ---

    def _create(self, request: Request, match: Match) -> Reply:
        given = request.json()["contacts"]
        if len(given) != 1:
            return invalid("You may only create one contacts resource per request.", None)
        row = self.world.create("contact", contact_fields(given[0], self.custom))
        return self._envelope("contacts", [row])

    def _patch(self, request: Request, match: Match) -> Reply:
        if request.headers.get("content-type") != PATCH_TYPE:
            text = f'"{PATCH_TYPE} is required, see http://jsonapi.org"'.encode()
            return Reply(415, text, {"content-type": "text/plain; charset=utf-8"})
        row = self._one("contacts", match["id"])
        if row is None or not row.is_live:
            return page(404, "Not Found")
        operations: list[dict[str, Any]] = orjson.loads(request.body)
        fields: dict[str, Value] = {}
        for operation in operations:
            fields |= patched(operation, self.custom)
        self.world.update(row, fields)
        return Reply(204)

    def _delete(self, request: Request, match: Match) -> Reply:
        row = self._one(match["type"], match["id"])
        if row is None or not row.is_live:
            return page(404, "Not Found")
        self.world.archive(row)
        return Reply(204)


def addresses(row: Row) -> set[str]:
    return {one.lower() for name in ("email", "other_emails") for one in row.text(name).split(";") if one}


def page(status: int, title: str) -> Reply:
    html = (
        f'<!DOCTYPE html>\n<html>\n<head><meta charset="UTF-8" /><title>An Error Occurred: {title}</title></head>\n'
        f'<body>\n<h1>Oops!</h1>\n<h2>The server returned a "{status} {title}".</h2>\n</body>\n</html>'
    )
    return Reply(status, html.encode(), {"content-type": "text/html; charset=UTF-8"})


def invalid(title: str, detail: str | None) -> Reply:
    fault = {"type": "errors", "status": "400", "title": title, "detail": detail, "code": None, "field": None}
    return Reply(400, {"meta": {}, "links": {}, "errors": [fault]})


def failure(status: int, message: str) -> Reply:
    return Reply(status, {"code": status, "message": message})
