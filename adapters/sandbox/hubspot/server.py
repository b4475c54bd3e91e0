"""A HubSpot account: the calls that a connector makes, with HubSpot's scopes, limits and refusals."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import unquote

from adapters.sandbox.faults import Fault, Mishap
from adapters.sandbox.hubspot import bodies, properties
from adapters.sandbox.hubspot.properties import BY_NAME, OBJECT_TYPES, Getter, ObjectType, stamp, text
from adapters.sandbox.hubspot.search import BadSearchError, search
from adapters.sandbox.server import DialectServer, Reply, Request, Window
from adapters.sandbox.world import Row, Value, World

OWNERS, SCHEMAS = "crm.objects.owners.read", "crm.schemas.deals.read"
ALL_SCOPES = frozenset({OWNERS, SCHEMAS, *(one.read for one in OBJECT_TYPES), *(one.write for one in OBJECT_TYPES)})
LINKS = {"contacts": "contact", "companies": "company", "deals": "deal"}
MOST_LISTED, MOST_WITH_HISTORY, MOST_IN_BATCH, LONGEST_SEARCH = 100, 50, 100, 3_000
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """burst: requests of all kinds but search in ten seconds; searches: in one second; daily: of all kinds."""

    burst: int = 190
    daily: int = 625_000
    searches: int = 5


class Refused(Exception):
    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


class HubSpotServer(DialectServer):
    """scopes: what the token may. custom: further contact properties. resolves_merged:
    whether reading a merged-away id gives the survivor or 404, which no document says."""

    def __init__(
        self,
        world: World,
        *,
        token: str = "pat-sandbox",  # noqa: S107  # opens a made-up account
        plan: Plan | None = None,
        scopes: Iterable[str] = ALL_SCOPES,
        custom: Iterable[str] = ("slms_lead_id", "lead_source"),
        has_appointments: bool = True,
        has_leads: bool = True,
        resolves_merged: bool = True,
    ) -> None:
        super().__init__(world)
        self.token, self.plan, self.scopes, self.custom = token, plan or Plan(), set(scopes), frozenset(custom)
        self.lacks = {kind for kind, has in (("appointment", has_appointments), ("lead", has_leads)) if not has}
        self.resolves_merged = resolves_merged
        self.expired = False
        self._burst, self._searches = Window(self.plan.burst, 10.0), Window(self.plan.searches, 1.0)
        self._day, self._used = world.clock.now().date(), 0
        self._declare_routes()

    def _declare_routes(self) -> None:
        version = r"(?:v3|20\d\d-\d\d)"
        for objects in (r"/crm/v3/objects/(?P<type>[^/]+)", r"/crm/objects/(?:v3|20\d\d-\d\d)/(?P<type>[^/]+)"):
            self.route("GET", objects, self._list)
            self.route("POST", objects, self._create)
            self.route("POST", objects + "/search", self._search)
            self.route("POST", objects + "/batch/read", self._batch_read)
            self.route("POST", objects + "/merge", self._merge)
            self.route("GET", objects + "/(?P<id>[^/]+)", self._read)
            self.route("PATCH", objects + "/(?P<id>[^/]+)", self._update)
            self.route("DELETE", objects + "/(?P<id>[^/]+)", self._archive)
        self.route("GET", rf"/crm/(?:v3/owners|owners/{version})", self._owners)
        self.route("GET", rf"/crm/(?:v3/pipelines|pipelines/{version})/deals", self._pipelines)
        self.route("GET", rf"/crm/(?:v3/pipelines|pipelines/{version})/(?:leads|0-136)", self._lead_pipelines)
        links = rf"/crm/(?:v4/associations|associations/{version})/(?P<from>[^/]+)/(?P<to>[^/]+)/batch/read"
        self.route("POST", links, self._associations)
        self.route("GET", "/account-info/v3/details", self._details)
        self.route("GET", "/account-info/v3/api-usage/daily/private-apps", self._usage)
        self.route("POST", "/oauth/v2/private-apps/get/access-token-info", self._token_info)

    # --- refusals ---

    def not_allowed(self, request: Request) -> Reply | None:
        if self.expired:
            return bodies.error(401, "The access token expired.", "EXPIRED_AUTHENTICATION")
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return bodies.error(401, "Authentication credentials not found.", "INVALID_AUTHENTICATION")
        return None

    def over_limit(self, request: Request) -> Reply | None:
        now = self.world.clock.now()
        if now.date() != self._day:
            self._day, self._used = now.date(), 0
        if self._used >= self.plan.daily:
            return bodies.throttled("DAILY")
        is_search = request.path.endswith("/search")
        if not (self._searches if is_search else self._burst).take(now):
            return bodies.throttled("SECONDLY" if is_search else "TEN_SECONDLY_ROLLING")
        self._used += 1
        return None

    def worded(self, fault: Fault, request: Request) -> Reply:
        if fault.mishap is Mishap.THROTTLED:
            return bodies.throttled("SECONDLY" if request.path.endswith("/search") else "TEN_SECONDLY_ROLLING")
        if fault.mishap is Mishap.OVER_QUOTA:
            return bodies.throttled("DAILY")
        if fault.mishap is Mishap.EXPIRED:
            return bodies.error(401, "The access token expired.", "EXPIRED_AUTHENTICATION")
        return bodies.error(fault.status, "internal error", "INTERNAL_ERROR")

    def not_found(self, request: Request) -> Reply:
        return bodies.error(404, f"Unable to find {request.path}", "OBJECT_NOT_FOUND")

    def finished(self, reply: Reply, request: Request) -> None:
        if request.path.endswith("/search"):
            return
        limits = {"max": self.plan.burst, "remaining": self._burst.left, "interval-milliseconds": 10_000}
        daily = {"daily": self.plan.daily, "daily-remaining": max(0, self.plan.daily - self._used)}
        reply.headers |= {f"x-hubspot-ratelimit-{name}": str(value) for name, value in {**limits, **daily}.items()}

    def _routed(self, request: Request) -> Reply:
        try:
            return super()._routed(request)
        except Refused as refusal:
            return refusal.reply
        except BadSearchError as error:
            return bodies.error(400, str(error), "VALIDATION_ERROR")
        except (KeyError, ValueError, TypeError) as error:
            return bodies.error(400, f"Invalid input JSON: {error}", "VALIDATION_ERROR")

    def _demand(self, *scopes: str) -> None:
        if not self.scopes & set(scopes):
            named = [{"message": "One or more of the following scopes are required.", "context": {
                "requiredGranularScopes": list(scopes)}}]  # fmt: skip
            message = "This app hasn't been granted all required scopes to make this call."
            raise Refused(bodies.error(403, message, "MISSING_SCOPES", errors=named))

    def _objects(self, match: re.Match[str], *, writes: bool = False) -> ObjectType:
        objects = BY_NAME.get(match["type"])
        if objects is None or objects.kind in self.lacks:
            raise Refused(bodies.error(400, f"Unable to infer object type from: {match['type']}", "VALIDATION_ERROR"))
        self._demand(objects.write if writes else objects.read)
        return objects

    # --- objects ---

    def _getter(self, objects: ObjectType, name: str) -> Getter | None:
        found = objects.getter(name)
        if found is None and objects.kind == "contact" and name in self.custom:
            return lambda _, row: row.fields.get(name)
        return found

    def _shown(self, objects: ObjectType, row: Row, names: Iterable[str], *, with_history: Iterable[str] = ()) -> Any:
        always = (objects.created, objects.modified, "hs_object_id")
        getters = {name: getter for name in (*names, *always) if (getter := self._getter(objects, name)) is not None}
        shown = {
            "id": str(row.row_id), "properties": {name: text(get(self.world, row)) for name, get in getters.items()},
            "createdAt": stamp(row.created_at), "updatedAt": stamp(row.modified_at),
            "archived": row.archived_at is not None,
        }  # fmt: skip
        if row.archived_at is not None:
            shown["archivedAt"] = stamp(row.archived_at)
        asked = {name: objects.history[name] for name in with_history if name in objects.history}
        if asked:
            past = {name: properties.past(row.history, neutral) for name, neutral in asked.items()}
            shown["propertiesWithHistory"] = past
        return shown

    def _list(self, request: Request, match: re.Match[str]) -> Reply:
        objects, query = self._objects(match), request.query
        history, limit = bodies.names(query.get("propertiesWithHistory")), int(query.get("limit", 10))
        if not 0 < limit <= (MOST_WITH_HISTORY if history else MOST_LISTED):
            return bodies.error(400, f"limit must be between 1 and {MOST_LISTED}, {MOST_WITH_HISTORY} with history")
        rows, after = self._page(
            self.world.after(objects.kind, int(query.get("after", 0)), archived=_is_true(query.get("archived"))), limit
        )
        results = [
            self._shown(objects, row, bodies.names(query.get("properties")), with_history=history)
            | self._linked(row, bodies.names(query.get("associations")))
            for row in rows
        ]
        return Reply(200, {"results": results} | bodies.paging(after))

    def _page(self, rows: Iterable[Row], limit: int) -> tuple[list[Row], str | None]:
        found = list(islice(rows, limit + 1))
        return found[:limit], str(found[limit - 1].row_id) if len(found) > limit else None

    def _linked(self, row: Row, names: Iterable[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in names:
            end = LINKS.get(name, "")
            rows = [
                told
                for place, one in enumerate(row.links.get(end, []))
                for told in bodies.listed_link(row.kind, end, one, is_primary=place == 0)
            ]
            found |= {name: {"results": rows}} if rows else {}
        return {"associations": found} if found else {}

    def _find(self, objects: ObjectType, reference: str, id_property: str | None) -> Row:
        if id_property == "email" and objects.kind == "contact":
            row = self._with_email(reference)
        else:
            row = self.world.get(objects.kind, int(reference)) if reference.isdigit() else None
            while row is not None and row.merged_into is not None and self.resolves_merged:
                row = self.world.get(objects.kind, row.merged_into)
        if row is None or not row.is_live:
            raise Refused(bodies.error(404, "resource not found", "OBJECT_NOT_FOUND"))
        return row

    def _with_email(self, email: str) -> Row | None:
        wanted = email.strip().lower()
        for row in self.world.rows.get("contact", {}).values():
            if row.is_live and wanted in {row.text("email").lower(), *row.text("other_emails").lower().split(";")}:
                return row
        return None

    def _read(self, request: Request, match: re.Match[str]) -> Reply:
        objects = self._objects(match)
        row = self._find(objects, unquote(match["id"]), request.query.get("idProperty"))
        history = bodies.names(request.query.get("propertiesWithHistory"))
        shown = self._shown(objects, row, bodies.names(request.query.get("properties")), with_history=history)
        return Reply(200, shown | self._linked(row, bodies.names(request.query.get("associations"))))

    def _create(self, request: Request, match: re.Match[str]) -> Reply:
        objects = self._objects(match, writes=True)
        fields = self._written(objects, request.json()["properties"])
        self._refuse_double(fields.get("email"))
        row = self.world.create(objects.kind, fields)
        return Reply(201, self._shown(objects, row, request.json()["properties"]))

    def _update(self, request: Request, match: re.Match[str]) -> Reply:
        objects = self._objects(match, writes=True)
        row = self._find(objects, unquote(match["id"]), request.query.get("idProperty"))
        fields = self._written(objects, request.json()["properties"])
        self._refuse_double(fields.get("email"), but=row)
        self.world.update(row, fields)
        return Reply(200, self._shown(objects, row, request.json()["properties"]))

    def _written(self, objects: ObjectType, given: Mapping[str, Any]) -> dict[str, Value]:
        fields: dict[str, Value] = {}
        for name, value in given.items():
            is_custom = objects.kind == "contact" and name in self.custom
            if name not in objects.writes and not is_custom:
                what = f'Property "{name}" does not exist'
                fault = {"message": what, "code": "PROPERTY_DOESNT_EXIST", "context": {"propertyName": [name]}}
                raise Refused(bodies.error(400, f"Property values were not valid: {what}", errors=[fault]))
            neutral, read = objects.writes.get(name, (name, str))
            said = str(value) if value is not None else ""
            if name == "email" and said and not EMAIL.match(said):
                fault = {"message": f"Email address {said} is invalid", "code": "INVALID_EMAIL"}
                raise Refused(bodies.error(400, "Property values were not valid", errors=[fault]))
            fields[neutral] = read(said.lower() if name == "email" else said) if said else None
        return fields

    def _refuse_double(self, email: Value, but: Row | None = None) -> None:
        held = self._with_email(str(email)) if email else None
        if held is not None and held is not but:
            raise Refused(bodies.error(409, f"Contact already exists. Existing ID: {held.row_id}", "CONFLICT"))

    def _archive(self, request: Request, match: re.Match[str]) -> Reply:
        objects = self._objects(match, writes=True)
        row = self.world.get(objects.kind, int(match["id"]))
        if row is not None and row.is_live:
            self.world.archive(row)
        return Reply(204)

    def _merge(self, request: Request, match: re.Match[str]) -> Reply:
        objects, body = self._objects(match, writes=True), request.json()
        kept, lost = (self._find(objects, str(body[name]), None) for name in ("primaryObjectId", "objectIdToMerge"))
        return Reply(200, self._shown(objects, self.world.merge(kept, lost), ()))

    def _search(self, request: Request, match: re.Match[str]) -> Reply:
        objects, body = self._objects(match), request.json()
        if len(request.body) > LONGEST_SEARCH:
            return bodies.error(400, f"The request body is longer than {LONGEST_SEARCH} characters")
        found = search(self.world, objects, lambda name: self._getter(objects, name), body)
        results = [self._shown(objects, row, body.get("properties", ())) for row in found.rows]
        return Reply(200, {"total": found.total, "results": results} | bodies.paging(found.after))

    def _batch_read(self, request: Request, match: re.Match[str]) -> Reply:
        objects, body = self._objects(match), request.json()
        ids, history = [str(one["id"]) for one in body["inputs"]], body.get("propertiesWithHistory", [])
        if len(ids) > (MOST_WITH_HISTORY if history else MOST_IN_BATCH):
            return bodies.error(400, "There are too many inputs")
        rows = {one: self.world.get(objects.kind, int(one)) for one in dict.fromkeys(ids) if one.isdigit()}
        live = [row for row in rows.values() if row is not None and row.is_live]
        results = [self._shown(objects, row, body.get("properties", ()), with_history=history) for row in live]
        return self._several(results, [one for one in ids if (row := rows.get(one)) is None or not row.is_live])

    def _several(self, results: list[Any], lost: list[str]) -> Reply:
        at = stamp(self.world.clock.now())
        body = {"status": "COMPLETE", "results": results, "startedAt": at, "completedAt": at}
        if not lost:
            return Reply(200, body)
        errors = [{
            "status": "error", "category": "OBJECT_NOT_FOUND", "message": "Could not get some of the objects",
            "context": {"ids": lost}, "id": "not-found", "links": {}, "errors": [],
        }]  # fmt: skip
        return Reply(207, body | {"numErrors": len(errors), "errors": errors})

    def _associations(self, request: Request, match: re.Match[str]) -> Reply:
        start, end = BY_NAME[match["from"]], BY_NAME[match["to"]]
        self._demand(start.read)
        self._demand(end.read)
        results = []
        for one in request.json()["inputs"]:
            row = self.world.get(start.kind, int(one["id"]))
            ids = row.links.get(end.kind, []) if row is not None else []
            to = [bodies.batch_link(end.kind, n, is_primary=place == 0) for place, n in enumerate(ids)]
            if to:
                results.append({"from": {"id": str(one["id"])}, "to": to})
        return self._several(results, [])

    # --- the account ---

    def _owners(self, request: Request, match: re.Match[str]) -> Reply:
        self._demand(OWNERS)
        is_archived = _is_true(request.query.get("archived"))
        rows = self.world.after("owner", int(request.query.get("after", 0)), archived=is_archived)
        page, after = self._page(rows, int(request.query.get("limit", 100)))
        return Reply(200, {"results": [bodies.owner(self.world, row) for row in page]} | bodies.paging(after))

    def _pipelines(self, request: Request, match: re.Match[str]) -> Reply:
        self._demand(BY_NAME["deals"].read, SCHEMAS)
        stages = self.world.live("stage")
        results = [
            bodies.step(row) | {"stages": [
                bodies.step(one) | {"metadata": {
                    "isClosed": text(one.fields["outcome"] != "open"), "probability": text(one.fields["probability"]),
                }, "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT"}
                for one in stages if one.fields["pipeline_id"] == row.row_id
            ]}
            for row in self.world.live("pipeline")
        ]  # fmt: skip
        return Reply(200, {"results": results})

    def _lead_pipelines(self, request: Request, match: re.Match[str]) -> Reply:
        self._demand(BY_NAME["leads"].read)
        return Reply(200, {"results": [bodies.lead_pipeline(self.world.clock.now())]})

    def _details(self, request: Request, match: re.Match[str]) -> Reply:
        return Reply(200, {
            "portalId": 1_234_567, "accountType": "STANDARD", "timeZone": "Europe/Berlin", "companyCurrency": "EUR",
            "additionalCurrencies": ["USD", "JPY"], "utcOffset": "+01:00", "utcOffsetMilliseconds": 3_600_000,
            "uiDomain": "app-eu1.hubspot.com", "dataHostingLocation": "eu1",
        })  # fmt: skip

    def _usage(self, request: Request, match: re.Match[str]) -> Reply:
        now = self.world.clock.now()
        midnight = datetime(now.year, now.month, now.day, tzinfo=now.tzinfo) + timedelta(days=1)
        return Reply(200, {"results": [{
            "name": "private-apps-api-calls-daily", "usageLimit": self.plan.daily, "currentUsage": self._used,
            "collectedAt": stamp(now), "resetsAt": stamp(midnight), "fetchStatus": "SUCCESS",
        }]})  # fmt: skip

    def _token_info(self, request: Request, match: re.Match[str]) -> Reply:
        if request.json().get("tokenKey") != self.token:
            return bodies.error(404, "There is no such token", "OBJECT_NOT_FOUND")
        return Reply(200, {"userId": 7_000, "hubId": 1_234_567, "appId": 8_000, "scopes": sorted(self.scopes)})


def _is_true(text: str | None) -> bool:
    return (text or "").lower() == "true"
