"""A Pipedrive account: the calls that a connector makes, with Pipedrive's rights, prices, limits and refusals."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from typing import Any
from urllib.parse import unquote

from adapters.sandbox.faults import Fault, Mishap
from adapters.sandbox.pipedrive import bodies, deals, lists, writing
from adapters.sandbox.pipedrive.values import BadRequestError, filtered_by, second
from adapters.sandbox.server import DialectServer, Reply, Request, Window
from adapters.sandbox.world import Row, World

USERS, DEALS, CONTACTS, ACTIVITIES, LEADS, WRITE = (
    "users:read", "deals:read", "contacts:read", "activities:read", "leads:read", "contacts:full",
)  # fmt: skip
ALL_RIGHTS = frozenset({USERS, DEALS, CONTACTS, ACTIVITIES, LEADS, WRITE})
DELETED_FOR = timedelta(days=30)
HEEDED = 20
"""So many refusals within the window, and the network before Pipedrive answers instead of it."""
SHUT_OUT = timedelta(seconds=60)
Shown = Callable[[Row], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """burst, searches: requests in two seconds; daily: tokens."""

    burst: int = 40
    searches: int = 10
    daily: int = 600_000


class Refused(Exception):
    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


class PipedriveServer(DialectServer):
    """rights: what the token's user may. custom: keys of person fields. has_teams: whether the plan has them. cursors:
    those of another number are not known any more. tells_tokens: whether answers tell what is left of the day, which no
    document promises. empty_histories: so many changelogs come with nothing in them. nests_paging: leads tell their
    paging as the rest of v1 does, and not as the description of leads. is_administrator: whether the token's user is.
    skips: rows that lists leave out, as one does that shifts while it is read; asked for by id they are there.
    """

    def __init__(
        self,
        world: World,
        *,
        token: str = "sandbox-token",  # noqa: S107  # opens a made-up account
        plan: Plan | None = None,
        rights: Iterable[str] = ALL_RIGHTS,
        custom: Iterable[str] = ("slms_lead_id", "lead_source"),
        has_teams: bool = True,
    ) -> None:
        super().__init__(world)
        self.token, self.plan, self.rights, self.custom = token, plan or Plan(), set(rights), frozenset(custom)
        self.has_teams, self.cursors, self.tells_tokens, self.empty_histories = has_teams, 0, True, 0
        self.nests_paging, self.is_administrator = False, True
        self.skips: set[int] = set()
        self._burst, self._searches = Window(self.plan.burst, 2.0), Window(self.plan.searches, 2.0)
        self._refusals, self._shut_until = Window(HEEDED, 2.0), world.clock.now()
        self._day, self._used = world.clock.now().date(), 0
        self._prices: list[tuple[str, re.Pattern[str], int]] = []
        self._declare_routes()

    def _declare_routes(self) -> None:
        v1, v2 = "(?:/api)?/v1", "/api/v2"
        for method, pattern, price, handler in (
            ("GET", rf"{v2}/deals", 10, self._deals), ("GET", rf"{v2}/deals/archived", 20, self._archived_deals),
            ("GET", rf"{v2}/persons", 10, self._persons), ("GET", rf"{v2}/persons/search", 20, self._find_persons),
            ("GET", rf"{v2}/persons/(?P<id>[^/]+)", 1, self._person), ("POST", rf"{v2}/persons", 5, self._add_person),
            ("PATCH", rf"{v2}/persons/(?P<id>\d+)", 5, self._edit_person),
            ("DELETE", rf"{v2}/persons/(?P<id>\d+)", 3, self._delete_person),
            ("GET", rf"{v2}/organizations", 10, self._organizations),
            ("GET", rf"{v2}/organizations/search", 20, self._find_organizations),
            ("POST", rf"{v2}/organizations", 5, self._add_organization),
            ("GET", rf"{v2}/activities", 10, self._activities), ("GET", rf"{v2}/pipelines", 5, self._pipelines),
            ("GET", rf"{v2}/stages", 5, self._stages), ("GET", rf"{v1}/users", 20, self._users),
            ("GET", rf"{v1}/users/me", 2, self._me), ("GET", rf"{v1}/legacyTeams", 20, self._teams),
            ("GET", rf"{v1}/activityTypes", 20, self._activity_types),
            ("GET", rf"{v1}/deals/(?P<id>\d+)/changelog", 20, self._changelog),
            ("PUT", rf"{v1}/(?P<name>persons|deals|organizations)/(?P<id>\d+)/merge", 40, self._merge),
            ("GET", rf"{v1}/leads", 20, self._leads), ("GET", rf"{v1}/leads/archived", 40, self._leads),
            ("GET", rf"{v1}/leads/(?P<id>[^/]+)", 2, self._lead),
        ):  # fmt: skip
            self.route(method, pattern, handler)
            self._prices.append((method, re.compile(pattern + "/?$"), price))

    # --- refusals ---

    def not_allowed(self, request: Request) -> Reply | None:
        if self.world.clock.now() < self._shut_until:
            return Reply(403, bodies.CLOUDFLARE, {"content-type": "text/html; charset=UTF-8"})
        if request.headers.get("x-api-token") != self.token:
            reply = bodies.error(401, "unauthorized access")
            reply.headers["x-401-by-gw"] = "1"
            return reply
        return None

    def over_limit(self, request: Request) -> Reply | None:
        now, price = self.world.clock.now(), self.price(request)
        if now.date() != self._day:
            self._day, self._used = now.date(), 0
        if self._used + price > self.plan.daily:
            return self._refused(bodies.throttled(0, self.plan.daily, bodies.until_midnight_s(now), is_daily=True))
        is_search = request.path.endswith("/search")
        if (is_search and not self._searches.take(now)) or not self._burst.take(now):
            return self._refused(bodies.throttled(0, 0, 2, is_daily=False))
        self._used += price
        return None

    def price(self, request: Request) -> int:
        matching = (
            price for method, path, price in self._prices if method == request.method and path.match(request.path)
        )
        return next(matching, 1)

    def _refused(self, reply: Reply) -> Reply:
        if not self._refusals.take(self.world.clock.now()):
            self._shut_until = self.world.clock.now() + SHUT_OUT
        return reply

    def worded(self, fault: Fault, request: Request) -> Reply:
        if fault.mishap is Mishap.THROTTLED:
            return bodies.throttled(0, 0, 2, is_daily=False)
        if fault.mishap is Mishap.OVER_QUOTA:
            reset_s = bodies.until_midnight_s(self.world.clock.now())
            return bodies.throttled(0, self.plan.daily, reset_s, is_daily=True)
        if fault.mishap is Mishap.EXPIRED:
            return bodies.error(401, "unauthorized access")
        if fault.status == 403:
            return Reply(403, bodies.CLOUDFLARE, {"content-type": "text/html; charset=UTF-8"})
        return bodies.error(fault.status, "server error")

    def not_found(self, request: Request) -> Reply:
        return bodies.error(404, f"Unknown method {request.path}")

    def finished(self, reply: Reply, request: Request) -> None:
        window = self._searches if request.path.endswith("/search") else self._burst
        told = {"x-ratelimit-limit": window.most, "x-ratelimit-remaining": window.left, "x-ratelimit-reset": 2}
        if self.tells_tokens:
            told |= {"x-daily-ratelimit-token-limit": self.plan.daily}
            told |= {"x-daily-ratelimit-token-remaining": max(0, self.plan.daily - self._used)}
        reply.headers = {name: str(value) for name, value in told.items()} | reply.headers

    def _routed(self, request: Request) -> Reply:
        try:
            return super()._routed(request)
        except Refused as refusal:
            return refusal.reply
        except (BadRequestError, KeyError, ValueError, TypeError) as error:
            return bodies.error(400, f"Validation failed: {error}", "Please check developers.pipedrive.com")

    def demand(self, right: str) -> None:
        if right not in self.rights:
            raise Refused(bodies.error(403, f"Scope and URL mismatch: {right} is needed"))

    @property
    def user(self) -> int:
        """Whose token it is, and who owns what names no owner."""
        return next((row.row_id for row in self.world.all("owner")), 1)

    # --- lists of v2 ---

    def _listed(self, request: Request, rows_after: lists.RowsAfter, shown: Shown) -> Reply:
        skips = self.skips if "ids" not in request.query else set[int]()
        page, cursor = lists.page(
            request.query,
            lambda after: (row for row in rows_after(after) if row.row_id not in skips),
            owner=self.user,
            cursors=self.cursors,
        )
        data = [shown(row) for row in page]
        return Reply(200, {"success": True, "data": data, "additional_data": {"next_cursor": cursor}})

    def _deals(self, request: Request, match: re.Match[str]) -> Reply:
        self.demand(DEALS)
        status = request.query.get("status")
        shown: Shown = lambda row: deals.shown(self.world, row, self.user)  # noqa: E731
        if status == "deleted":
            return self._listed(request, self._deleted, shown)
        return self._listed(request, lambda after: self._live_deals(after, status, archived=False), shown)

    def _live_deals(self, after: int, status: str | None, *, archived: bool) -> Iterator[Row]:
        for row in self.world.after("deal", after):
            is_wanted = status is None or deals.course(self.world, row).status == status
            if is_wanted and bool(row.fields.get(deals.ARCHIVED)) == archived:
                yield row

    def _deleted(self, after: int) -> Iterator[Row]:
        """For thirty days; what was merged into another deal is not among them."""
        since = self.world.clock.now() - DELETED_FOR
        for row in self.world.all("deal"):
            if row.row_id > after and row.archived_at is not None and row.archived_at > since:
                yield row

    def _archived_deals(self, request: Request, match: re.Match[str]) -> Reply:
        self.demand(DEALS)
        shown: Shown = lambda row: deals.shown(self.world, row, self.user)  # noqa: E731
        return self._listed(request, lambda after: self._live_deals(after, None, archived=True), shown)

    def _live(self, *kinds: str) -> lists.RowsAfter:
        return lambda after: merge(*(self.world.after(kind, after) for kind in kinds), key=lambda row: row.row_id)

    def _persons(self, request: Request, match: re.Match[str]) -> Reply:
        self.demand(CONTACTS)
        return self._listed(request, self._live("contact"), self._shown_person)

    def _shown_person(self, row: Row) -> dict[str, Any]:
        return bodies.person(row, self.user, self.custom)

    def _organizations(self, request: Request, match: re.Match[str]) -> Reply:
        self.demand(CONTACTS)
        return self._listed(request, self._live("company"), lambda row: bodies.organization(row, self.user))

    def _activities(self, request: Request, match: re.Match[str]) -> Reply:
        self.demand(ACTIVITIES)
        there, done = self._live(*bodies.ACTIVITY_TYPES), request.query.get("done")

        def chosen(after: int) -> Iterator[Row]:
            for row in there(after):
                if done is None or (row.fields.get("status") == "done") == (done == "true"):
                    yield row

        return self._listed(request, chosen, lambda row: bodies.activity(row, self.user))

    def _pipelines(self, request: Request, match: re.Match[str]) -> Reply:
        self.demand(DEALS)
        return self._listed(request, self._live("pipeline"), bodies.pipeline)

    def _stages(self, request: Request, match: re.Match[str]) -> Reply:
        self.demand(DEALS)
        there = self._live("stage")
        open_ones: lists.RowsAfter = lambda after: (row for row in there(after) if row.fields["outcome"] == "open")  # noqa: E731
        return self._listed(request, open_ones, bodies.stage)

    # --- one person ---

    def _find_row(self, kind: str, text: str) -> Row:
        row = self.world.get(kind, int(text)) if text.isdigit() else None
        if row is None or not row.is_live:
            raise Refused(bodies.error(404, f"{kind.capitalize()} not found"))
        return row

    def _person(self, request: Request, match: re.Match[str]) -> Reply:
        self.demand(CONTACTS)
        if not match["id"].isdigit():
            raise BadRequestError("id must be a number")
        return Reply(200, {"success": True, "data": self._shown_person(self._find_row("contact", match["id"]))})

    def _find_persons(self, request: Request, match: re.Match[str]) -> Reply:
        self.demand(CONTACTS)
        term = _term(request)
        rows = [
            row for row in self.world.indexed("contact")
            if term in {one.casefold() for one in bodies.held(row, "email", "other_emails")}
        ]  # fmt: skip
        return self._items(request, rows, bodies.found_person)

    def _find_organizations(self, request: Request, match: re.Match[str]) -> Reply:
        self.demand(CONTACTS)
        term = _term(request)
        rows = [row for row in self.world.indexed("company") if row.text("name").casefold() == term]
        return self._items(request, rows, bodies.found_organization)

    def _items(self, request: Request, rows: list[Row], shown: Shown) -> Reply:
        limit = int(request.query.get("limit", 100))
        items = [shown(row) for row in rows[:limit]]
        return Reply(200, {"success": True, "data": {"items": items}, "additional_data": {"next_cursor": None}})

    def _add_person(self, request: Request, match: re.Match[str]) -> Reply:
        self.demand(WRITE)
        fields, links = writing.person(self.world, request.json(), self.custom, None)
        row = self.world.create("contact", {"owner_id": self.user} | fields, links)
        return Reply(201, {"success": True, "data": self._shown_person(row)})

    def _edit_person(self, request: Request, match: re.Match[str]) -> Reply:
        self.demand(WRITE)
        row = self._find_row("contact", match["id"])
        fields, links = writing.person(self.world, request.json(), self.custom, row)
        row.links |= links
        return Reply(200, {"success": True, "data": self._shown_person(self.world.update(row, fields))})

    def _delete_person(self, request: Request, match: re.Match[str]) -> Reply:
        self.demand(WRITE)
        row = self.world.archive(self._find_row("contact", match["id"]))
        return Reply(200, {"success": True, "data": {"id": row.row_id}})

    def _add_organization(self, request: Request, match: re.Match[str]) -> Reply:
        self.demand(WRITE)
        row = self.world.create("company", {"name": writing.text(request.json(), "name"), "owner_id": self.user})
        return Reply(201, {"success": True, "data": bodies.organization(row, self.user)})

    # --- v1 ---

    def _users(self, request: Request, match: re.Match[str]) -> Reply:
        self.demand(USERS)
        return Reply(200, {"success": True, "data": [bodies.user(row, self.user) for row in self.world.all("owner")]})

    def _me(self, request: Request, match: re.Match[str]) -> Reply:
        row = self.world.get("owner", self.user)
        found = bodies.me(row) if row is not None else {"id": 1, "company_name": "Sandbox", "default_currency": "EUR"}
        found["access"] = [{"app": "sales", "admin": self.is_administrator, "permission_set_id": "sandbox"}]
        return Reply(200, {"success": True, "data": found})

    def _teams(self, request: Request, match: re.Match[str]) -> Reply:
        self.demand(USERS)
        if not self.has_teams:
            return bodies.error(402, "Teams are not in this plan")
        found = [bodies.team(self.world, row, self.user) for row in self.world.live("team")]
        return Reply(200, {"success": True, "data": found})

    def _activity_types(self, request: Request, match: re.Match[str]) -> Reply:
        self.demand(ACTIVITIES)
        return Reply(200, {"success": True, "data": bodies.activity_types(datetime(2020, 1, 1))})  # noqa: DTZ001

    def _changelog(self, request: Request, match: re.Match[str]) -> Reply:
        self.demand(DEALS)
        if self.empty_histories > 0:
            self.empty_histories -= 1
            return Reply(200, {"success": True, "data": None})
        rows = deals.changelog(self.world, self._find_row("deal", match["id"]), self.user)
        start, limit = int(request.query.get("cursor") or 0), int(request.query.get("limit", 100))
        following = str(start + limit) if start + limit < len(rows) else None
        page = rows[start : start + limit]
        return Reply(200, {"success": True, "data": page, "additional_data": {"next_cursor": following}})

    def _merge(self, request: Request, match: re.Match[str]) -> Reply:
        self.demand(WRITE)
        kind = {"persons": "contact", "deals": "deal", "organizations": "company"}[match["name"]]
        lost, kept = self._find_row(kind, match["id"]), self._find_row(kind, str(request.json()["merge_with_id"]))
        survivor = self.world.merge(kept, lost)
        return Reply(200, {"success": True, "data": {"id": survivor.row_id, "merge_what_id": lost.row_id}})

    def _leads(self, request: Request, match: re.Match[str]) -> Reply:
        self.demand(LEADS)
        is_archived = request.path.rstrip("/").endswith("/archived")
        listed = (row for row in self._listed_leads() if row.row_id not in self.skips)
        rows = [row for row in listed if (row.fields.get("status") == "unqualified") == is_archived]
        if "updated_since" in request.query and not is_archived:
            since = filtered_by(request.query["updated_since"])
            rows = [row for row in rows if second(row.modified_at) >= since]
        start, limit = int(request.query.get("start", 0)), int(request.query.get("limit", 100))
        page, is_more = rows[start : start + limit], start + limit < len(rows)
        paging: dict[str, Any] = {"start": start, "limit": limit, "more_items_in_collection": is_more}
        if self.nests_paging:
            paging = {"pagination": paging | ({"next_start": start + limit} if is_more else {})}
        shown = [deals.lead_shown(row, self.user) for row in page]
        return Reply(200, {"success": True, "data": shown, "additional_data": paging})

    def _listed_leads(self) -> list[Row]:
        """One that has become a deal is not there any more."""
        return [row for row in self.world.live("lead") if row.fields.get("converted_at") is None]

    def _lead(self, request: Request, match: re.Match[str]) -> Reply:
        self.demand(LEADS)
        row = deals.lead_with(self.world, match["id"])
        if row is None or row not in self._listed_leads():
            raise Refused(bodies.error(404, "Lead not found"))
        return Reply(200, {"success": True, "data": deals.lead_shown(row, self.user)})


def _term(request: Request) -> str:
    term = unquote(request.query["term"]).strip().casefold()
    if request.query.get("exact_match") != "true" and len(term) < 2:
        raise BadRequestError("term must be at least 2 characters")
    return term
