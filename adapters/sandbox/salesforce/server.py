"""A Salesforce org: the calls that a connector makes, with Salesforce's log-in, limits and refusals."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, unquote

from adapters.sandbox.faults import Fault, Mishap
from adapters.sandbox.salesforce import bulk, soql
from adapters.sandbox.salesforce.objects import (
    ADMIN,
    ARCHIVED_DAYS,
    PREFIX,
    Derived,
    Field,
    SObject,
    in_bin,
    narrowed,
    text,
)
from adapters.sandbox.salesforce.org import SHARED, objects
from adapters.sandbox.salesforce.records import Records
from adapters.sandbox.salesforce.values import Refused, error, id_of, number_of, refuse, shown
from adapters.sandbox.server import DialectServer, Reply, Request, Window
from adapters.sandbox.world import Row, World

MOST_PER_BATCH, MOST_IN_BATCH, LOCATOR_LASTS, OPEN_LOCATORS = 2_000, 25, timedelta(minutes=15), 10
DAY_S = 24 * 3600.0
LONGEST_ADDRESS = 16_384
OPEN = re.compile(r"/services/(?:oauth2/token|data/?$)")
BASE = r"/services/data/v(?P<version>\d+\.0)"
STATUS_CODES = {503: "SERVER_UNAVAILABLE", 500: "UNKNOWN_EXCEPTION"}
ACTIVITIES = frozenset({"Task", "Event"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Org:
    """daily: calls within 24 rolling hours. batch: rows per answer. hidden: objects and fields ("Opportunity.Amount")
    that the user may not see, and "Contact:create". view_all: objects of which the user sees all records.
    has_duplicate_rule: contacts like others are stopped. lead_id_is_external: the custom field is an external id."""

    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-secret"  # noqa: S105  # opens a made-up org
    username: str = "integration@sandbox.example"
    refresh_token: str = "sandbox-refresh"  # noqa: S105
    daily: int = 100_000
    batch: int = MOST_PER_BATCH
    is_multi_currency: bool = True
    has_record_types: bool = True
    hidden: frozenset[str] = frozenset()
    view_all: frozenset[str] = frozenset(SHARED)
    has_duplicate_rule: bool = False
    lead_id_is_external: bool = True


class SalesforceServer(DialectServer):
    """instance_url: where the log-in says the org is; None: where it was asked. logins: how many there were."""

    def __init__(self, world: World, org: Org | None = None, *, instance_url: str | None = None) -> None:
        super().__init__(world)
        self.org, self.instance_url = org or Org(), instance_url
        self.hidden = set(self.org.hidden)
        self.logins, self.assertions = 0, list[str]()
        self.tokens: set[str] = set()
        self.refresh_token = self.org.refresh_token
        self.rotates_refresh = False
        self._calls = Window(self.org.daily, DAY_S)
        self._asked = 0
        self._locators: dict[str, tuple[datetime, list[Derived], int]] = {}
        self.jobs = bulk.Jobs(world, self._found)
        custom = {
            "SLMS_Lead_Id__c": Field(
                "string", text("slms_lead_id"), "slms_lead_id", 64, unique=self.org.lead_id_is_external
            ),
            "Topic__c": Field("string", text("topic"), "topic"),
        }  # fmt: skip
        self.objects = objects(
            is_multi_currency=self.org.is_multi_currency, has_record_types=self.org.has_record_types, custom=custom,
            granted=self.org.view_all,
        )  # fmt: skip
        self.records = Records(self)
        self._declare_routes()

    def _declare_routes(self) -> None:
        self.route("POST", "/services/oauth2/token", self._token)
        self.route("GET", "/services/oauth2/userinfo", self._user)
        self.route("GET", "/services/data", self._versions)
        self.route("GET", BASE + "/(?P<verb>query|queryAll)", self._query)
        self.route("GET", BASE + "/query/(?P<locator>[^/]+)", self._more)
        self.route("GET", BASE + "/limits", self._limits)
        self.route("GET", BASE + "/sobjects", self._global)
        self.route("GET", BASE + "/sobjects/(?P<name>[^/]+)/describe", self._describe)
        self.route("POST", BASE + "/composite/batch", self._several)
        self.route("POST", BASE + "/sobjects/(?P<name>[^/]+)", self.records.create)
        self.route("GET", BASE + "/sobjects/(?P<name>[^/]+)/(?P<id>[^/]+)", self.records.read)
        self.route("PATCH", BASE + "/sobjects/(?P<name>[^/]+)/(?P<id>[^/]+)", self.records.update)
        self.route("DELETE", BASE + "/sobjects/(?P<name>[^/]+)/(?P<id>[^/]+)", self.records.delete)
        self.route("PATCH", BASE + "/sobjects/(?P<name>[^/]+)/(?P<field>[^/]+)/(?P<value>[^/]+)", self.records.upsert)
        picklist = r"/ui-api/object-info/Opportunity/picklist-values/(?P<type>[^/]+)/StageName"
        self.route("GET", BASE + picklist, self._picklist)
        self.route("POST", BASE + "/jobs/query", self.jobs.start)
        self.route("GET", BASE + "/jobs/query/(?P<job>[^/]+)", self.jobs.state)
        self.route("GET", BASE + "/jobs/query/(?P<job>[^/]+)/results", self.jobs.results)

    # --- refusals ---

    def not_allowed(self, request: Request) -> Reply | None:
        if OPEN.match(request.path):
            return None
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            return error(401, "INVALID_SESSION_ID", "Session expired or invalid")
        return None

    def over_limit(self, request: Request) -> Reply | None:
        if OPEN.match(request.path) or self._calls.take(self.world.clock.now()):
            return None
        return over_quota()

    def worded(self, fault: Fault, request: Request) -> Reply:
        if fault.mishap is Mishap.THROTTLED:
            return error(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded.")
        if fault.mishap is Mishap.OVER_QUOTA:
            return over_quota()
        if fault.mishap is Mishap.EXPIRED:
            self.tokens.clear()
            return error(401, "INVALID_SESSION_ID", "Session expired or invalid")
        code = STATUS_CODES.get(fault.status, "UNKNOWN_EXCEPTION")
        return error(fault.status, code, "An unexpected error occurred")

    def not_found(self, request: Request) -> Reply:
        return error(404, "NOT_FOUND", "The requested resource does not exist")

    def finished(self, reply: Reply, request: Request) -> None:
        if not OPEN.match(request.path):
            used = self.org.daily - self._calls.left
            reply.headers["sforce-limit-info"] = f"api-usage={used}/{self.org.daily}"

    def _routed(self, request: Request) -> Reply:
        try:
            if len(request.path) + sum(map(len, request.query.values())) > LONGEST_ADDRESS:
                raise refuse(414, "URI_TOO_LONG", "The address is too long")
            return super()._routed(request)
        except Refused as refusal:
            return refusal.reply

    # --- log-in ---

    def _token(self, request: Request, match: re.Match[str]) -> Reply:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()} | _basic(request)
        refusal = self._log_in_refusal(form)
        if refusal is not None:
            code, said = refusal
            return Reply(400 if code != "invalid_client" else 401, {"error": code, "error_description": said})
        self.logins += 1
        token = f"00D000000000001!sandbox-{self.logins}"
        self.tokens.add(token)
        scheme = "https" if request.headers.get("host", "").endswith(".com") else "http"
        at = int(self.world.clock.now().timestamp() * 1000)
        body = {
            "access_token": token, "instance_url": self.instance_url or f"{scheme}://{request.headers.get('host')}",
            "id": f"https://login.salesforce.com/id/{id_of('00D', 1)}/{ADMIN}", "token_type": "Bearer",
            "issued_at": str(at), "signature": "c2lnbmF0dXJl", "scope": "api",
        }  # fmt: skip
        if form["grant_type"] == "refresh_token" and self.rotates_refresh:
            self.refresh_token = f"{self.org.refresh_token}-{self.logins}"
            body["refresh_token"] = self.refresh_token
        return Reply(200, body)

    def _log_in_refusal(self, form: Mapping[str, str]) -> tuple[str, str] | None:
        grant = form.get("grant_type", "")
        if grant == "client_credentials":
            if form.get("client_id") != self.org.client_id:
                return "invalid_client_id", "client identifier invalid"
            return None if form.get("client_secret") == self.org.client_secret else (
                "invalid_client", "invalid client credentials"
            )  # fmt: skip
        if grant == "refresh_token":
            return None if form.get("refresh_token") == self.refresh_token else (
                "invalid_grant", "expired access/refresh token"
            )  # fmt: skip
        if grant == "urn:ietf:params:oauth:grant-type:jwt-bearer":
            self.assertions.append(form.get("assertion", ""))
            return None if form.get("assertion", "").count(".") == 2 else ("invalid_grant", "invalid assertion")
        return "unsupported_grant_type", "grant type not supported"

    def _user(self, request: Request, match: re.Match[str]) -> Reply:
        return Reply(200, {
            "sub": f"https://login.salesforce.com/id/{id_of('00D', 1)}/{ADMIN}", "user_id": ADMIN,
            "organization_id": id_of("00D", 1), "preferred_username": self.org.username,
        })  # fmt: skip

    # --- what there is ---

    def _versions(self, request: Request, match: re.Match[str]) -> Reply:
        return Reply(200, [
            {"label": f"v{number}", "url": f"/services/data/v{number}.0", "version": f"{number}.0"}
            for number in range(31, 68)
        ])  # fmt: skip

    def _limits(self, request: Request, match: re.Match[str]) -> Reply:
        left = self._calls.left
        return Reply(200, {"DailyApiRequests": {"Max": self.org.daily, "Remaining": left}})

    def object(self, name: str) -> SObject:
        """Raises Refused where there is none, or the user may not see it."""
        found = next((one for key, one in self.objects.items() if key.lower() == name.lower()), None)
        if found is None or found.name in self.hidden:
            raise refuse(404, "NOT_FOUND", "The requested resource does not exist")
        return found

    def fields(self, objects: SObject) -> dict[str, Field]:
        return {name: one for name, one in objects.fields.items() if f"{objects.name}.{name}" not in self.hidden}

    def _global(self, request: Request, match: re.Match[str]) -> Reply:
        shown_ = [name for name in self.objects if name not in self.hidden]
        return Reply(200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": [
            {"name": name, "label": name, "keyPrefix": self.objects[name].prefix, "queryable": True} for name in shown_
        ]})  # fmt: skip

    def _describe(self, request: Request, match: re.Match[str]) -> Reply:
        found = self.object(match["name"])
        may_write = bool(found.required) and f"{found.name}:create" not in self.hidden
        return Reply(200, {
            "name": found.name, "label": found.name, "keyPrefix": found.prefix, "queryable": True,
            "createable": may_write, "updateable": may_write, "custom": False,
            "fields": [
                {
                    "name": name, "label": name, "type": one.kind, "length": one.longest, "filterable": True,
                    "createable": one.writes is not None, "updateable": one.writes is not None, "nillable": True,
                    "externalId": one.unique, "unique": one.unique, "custom": name.endswith("__c"),
                }
                for name, one in self.fields(found).items()
            ],
        })  # fmt: skip

    def _several(self, request: Request, match: re.Match[str]) -> Reply:
        """Each request within counts."""
        results = []
        asked = request.json().get("batchRequests") or []
        if not 0 < len(asked) <= MOST_IN_BATCH:
            return error(400, "INVALID_BATCH", f"A batch has 1 to {MOST_IN_BATCH} requests")
        for one in asked:
            self._calls.take(self.world.clock.now())
            inner = Request(one["method"], f"/services/data/{one['url']}", {}, request.headers)
            reply = self._routed(inner)
            results.append({"statusCode": reply.status, "result": reply.body})
        return Reply(200, {"hasErrors": any(one["statusCode"] >= 400 for one in results), "results": results})

    def _picklist(self, request: Request, match: re.Match[str]) -> Reply:
        self.object("OpportunityStage")
        number = number_of(match["type"])
        values = [
            {"label": row.text("name"), "value": row.text("name"), "validFor": [], "attributes": {
                "closed": row.fields["outcome"] != "open", "won": row.fields["outcome"] == "won",
                "picklistAtrributesValueType": "OpportunityStage",
            }}
            for row in self.world.live("stage")
            if row.fields["pipeline_id"] == number or not number
        ]  # fmt: skip
        return Reply(200, {"controllerValues": {}, "defaultValue": None, "url": request.path, "values": values})

    # --- queries ---

    def _types(self, name: str) -> Mapping[str, str]:
        found = next((one for key, one in self.objects.items() if key.lower() == name.lower()), None)
        if found is None or found.name in self.hidden:
            raise refuse(400, "INVALID_TYPE", f"sObject type '{name}' is not supported.")
        return {field: one.kind for field, one in self.fields(found).items()}

    def _found(self, text_: str, *, with_deleted: bool) -> tuple[soql.Query, Iterable[soql.Getter]]:
        query = soql.parse(text_, self._types)
        source = self.object(query.source)
        world = narrowed(self.world, source, query.where.among if query.where is not None else {})
        rows = (self.getter(source, row) for row in self._visible(source, world, with_deleted=with_deleted))
        return query, soql.run(query, rows)

    def _visible(self, source: SObject, world: World, *, with_deleted: bool) -> Iterator[Any]:
        old = self.world.clock.now() - timedelta(days=ARCHIVED_DAYS)
        for row in source.rows(world):
            under = row if isinstance(row, Row) else row.get("of")
            is_gone = isinstance(under, Row) and not under.is_live and "IsDeleted" in source.fields
            if is_gone and not (with_deleted and in_bin(self.world, under)):
                continue
            if not with_deleted and source.name in ACTIVITIES and isinstance(under, Row):
                at = under.fields.get("at")
                if isinstance(at, datetime) and at < old:
                    continue
            yield row

    def getter(self, source: SObject, row: Any) -> soql.Getter:
        return lambda name: source.fields[name].get(self.world, row)

    def _query(self, request: Request, match: re.Match[str]) -> Reply:
        query, rows = self._found(request.query.get("q", ""), with_deleted=match["verb"] == "queryAll")
        if not query.names:
            return Reply(200, {"totalSize": sum(1 for _ in rows), "done": True, "records": []})
        stop = query.offset + query.limit if query.limit is not None else None
        records = [self._record(query, row) for row in islice(rows, query.offset, stop)]
        self._asked += 1
        locator = f"01g{self._asked:012d}AAA"
        self._locators[locator] = (self.world.clock.now(), records, len(records))
        reply = Reply(200, self._batch(locator, 0))
        if len(records) <= self.org.batch:
            del self._locators[locator]
        elif len(self._locators) > OPEN_LOCATORS:
            del self._locators[next(iter(self._locators))]
        return reply

    def _record(self, query: soql.Query, row: soql.Getter) -> Derived:
        name = self.object(query.source).name
        own_id = row("Id")
        attributes = {"type": name, "url": f"/services/data/v62.0/sobjects/{name}/{own_id}"}
        return {"attributes": attributes, **{field: shown(row(field)) for field in query.names}}

    def _batch(self, locator: str, start: int) -> Derived:
        _, records, total = self._locators[locator]
        stop = start + self.org.batch
        body = {"totalSize": total, "done": stop >= total, "records": records[start:stop]}
        if stop < total:
            body["nextRecordsUrl"] = f"/services/data/v62.0/query/{locator}-{stop}"
        return body

    def _more(self, request: Request, match: re.Match[str]) -> Reply:
        locator, _, start = unquote(match["locator"]).partition("-")
        made = self._locators.get(locator)
        if made is None or self.world.clock.now() - made[0] > LOCATOR_LASTS:
            return error(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return Reply(200, self._batch(locator, int(start)))

    def forget_locators(self) -> None:
        """As when too many queries are open."""
        self._locators.clear()

    # --- the world by Salesforce's ids ---

    def row(self, source: SObject, row_id: str) -> Row | None:
        number = number_of(row_id)
        kinds = [kind for kind, prefix in PREFIX.items() if prefix == source.prefix]
        if number is None or row_id[:3] != source.prefix:
            return None
        return next((row for kind in kinds if (row := self.world.get(kind, number)) is not None), None)


def _basic(request: Request) -> dict[str, str]:
    """The app's credentials, where they come as a header instead of in the form."""
    scheme, _, text_ = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return {}
    client_id, _, secret = base64.b64decode(text_).decode().partition(":")
    return {"client_id": client_id, "client_secret": secret}


def over_quota() -> Reply:
    return error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
