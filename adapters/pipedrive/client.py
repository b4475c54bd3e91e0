"""Pipedrive's calls: what is asked for and which part of the answer counts. Knows JSON, makes no records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from adapters.errors import FatalError
from adapters.http import Call, HttpClient
from adapters.pipedrive.objects import ACTIVITIES_RIGHT, DEALS_RIGHT, LEADS_RIGHT, USERS_RIGHT, V1, V2, Listing

Raw = dict[str, Any]
MOST_LISTED, MOST_IDS = 500, 100
CHANGES_PER_PAGE = 500
LOOKS_FOR_A_BODY = 3
"""v1 now and then answers a history with 200 and nothing in it; the next look brings it."""
NO_SUCH_CURSOR = frozenset({400, 404, 410, 422})
NOT_ON_THIS_PLAN = frozenset({402, 404, 410})


class StaleCursorError(Exception):
    """Pipedrive does not know its cursor any more. How long it does is not documented."""


class PipedriveClient:
    def __init__(self, http: HttpClient) -> None:
        self._http = http

    def close(self) -> None:
        self._http.close()

    # --- objects ---

    def page(
        self, listing: Listing, *, cursor: str | None, limit: int, since: datetime | None = None, **more: str
    ) -> tuple[list[Raw], str | None]:
        """A page of those changed at or after `since`, by id unless `more` says otherwise, and the cursor of the next
        one. Raises StaleCursorError."""
        params = {"sort_by": "id", "sort_direction": "asc", **listing.params, **more, "limit": str(limit)}
        params |= {"updated_since": second(since)} if since is not None else {}
        params |= {"cursor": cursor} if cursor else {}
        call = Call(
            method="GET", path=listing.path, what=listing.noun, idempotent=True, params=params, scope=listing.right,
            accept=NO_SUCH_CURSOR if cursor else frozenset(),
        )  # fmt: skip
        answer = self._http.send(call)
        if answer.status in call.accept:
            raise StaleCursorError
        body = _object(answer.json, listing.noun)
        return _rows(body, listing.noun), _next_cursor(body)

    def every(self, listing: Listing, *, since: datetime | None = None, **more: str) -> Iterator[Raw]:
        cursor: str | None = None
        while True:
            rows, cursor = self.page(listing, cursor=cursor, limit=MOST_LISTED, since=since, **more)
            yield from rows
            if cursor is None:
                return

    def with_ids(self, listing: Listing, ids: Sequence[int]) -> list[Raw]:
        """Those of these that are in this list still."""
        found: list[Raw] = []
        for start in range(0, len(ids), MOST_IDS):
            chunk = ",".join(map(str, ids[start : start + MOST_IDS]))
            found += self.page(listing, cursor=None, limit=MOST_IDS, ids=chunk)[0]
        return found

    def can_list(self, listing: Listing) -> None:
        """Raises MissingScopeError where it may not be read."""
        self.page(listing, cursor=None, limit=1)

    def changelog(self, deal_id: int) -> list[Raw]:
        """What was changed in a deal's fields, all of it, in Pipedrive's order."""
        found: list[Raw] = []
        cursor = ""
        while True:
            params = {"limit": str(CHANGES_PER_PAGE)} | ({"cursor": cursor} if cursor else {})
            body = self._surely(f"{V1}/deals/{deal_id}/changelog", "a deal's history", params)
            rows = body.get("data")
            found += rows if isinstance(rows, list) else []
            following = _next_cursor(body)
            if following is None or following == cursor:
                return found
            cursor = following

    def _surely(self, path: str, what: str, params: Mapping[str, str]) -> Raw:
        for _ in range(LOOKS_FOR_A_BODY):
            call = Call(
                method="GET", path=path, what=what, idempotent=True, params=params, scope=DEALS_RIGHT,
                accept=frozenset({404}),  # deleted since it was listed
            )  # fmt: skip
            answer = self._http.send(call)
            if answer.status == 404:
                return {}
            if isinstance(answer.json, dict) and answer.json.get("data") is not None:
                return answer.json
        return {}

    # --- leads, which are listed by v1 ---

    def leads(self, *, archived: bool, since: datetime | None = None, limit: int = MOST_LISTED) -> Iterator[Raw]:
        """since: of those that are not archived; Pipedrive has no such filter for the others."""
        start = 0
        while True:
            params = {"start": str(start), "limit": str(limit)}
            params |= {"updated_since": second(since)} if since is not None and not archived else {}
            path = f"{V1}/leads/archived" if archived else f"{V1}/leads"
            body = _object(self._http.get(path, what="leads", params=params, scope=LEADS_RIGHT), "leads")
            rows = _rows(body, "leads")
            yield from rows
            # Told as they are by the description, or within `pagination` and with `next_start` as elsewhere in v1.
            told = body.get("additional_data") or {}
            paging = told.get("pagination") or told
            if not paging.get("more_items_in_collection") or not rows:
                return
            following = paging.get("next_start")
            start = following if isinstance(following, int) and following > start else start + len(rows)

    def has_lead(self, lead_id: str) -> bool:
        call = Call(
            method="GET", path=f"{V1}/leads/{lead_id}", what="a lead", idempotent=True, scope=LEADS_RIGHT,
            accept=frozenset({404}),
        )  # fmt: skip
        return self._http.send(call).status != 404

    # --- the account ---

    def me(self) -> tuple[Raw, datetime | None]:
        """The token's user with the company, and the time by Pipedrive's clock."""
        call = Call(method="GET", path=f"{V1}/users/me", what="the token's user", idempotent=True)
        answer = self._http.send(call)
        found = _object(answer.json, "the token's user").get("data")
        return _object(found, "the token's user"), answer.at

    def users(self) -> list[Raw]:
        body = self._http.get(f"{V1}/users", what="users", scope=USERS_RIGHT)
        return _rows(_object(body, "users"), "users")

    def teams(self) -> list[Raw] | None:
        """None where the plan has none."""
        call = Call(
            method="GET", path=f"{V1}/legacyTeams", what="teams", idempotent=True, scope=USERS_RIGHT,
            accept=NOT_ON_THIS_PLAN,
        )  # fmt: skip
        answer = self._http.send(call)
        return None if answer.status in NOT_ON_THIS_PLAN else _rows(_object(answer.json, "teams"), "teams")

    def pipelines(self) -> list[Raw]:
        return list(self.every(Listing(name="", path=f"{V2}/pipelines", noun="pipelines", right=DEALS_RIGHT)))

    def stages(self) -> list[Raw]:
        return list(self.every(Listing(name="", path=f"{V2}/stages", noun="stages", right=DEALS_RIGHT)))

    def activity_types(self) -> list[Raw]:
        body = self._http.get(f"{V1}/activityTypes", what="activity types", scope=ACTIVITIES_RIGHT)
        return _rows(_object(body, "activity types"), "activity types")


def second(at: datetime) -> str:
    """As filters take it: fractions of a second are refused. The second in which `at` lies."""
    return at.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _object(body: object, what: str) -> Raw:
    if not isinstance(body, dict):
        raise FatalError(f"Pipedrive: {what}: expected a JSON object, got {type(body).__name__}. Update this program.")
    return body


def _rows(body: Raw, what: str) -> list[Raw]:
    rows = body.get("data")
    # v1 says null for an empty list. v2 does not, and neither does an answer that failed.
    if rows is None and body.get("success") is True:
        return []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise FatalError(f"Pipedrive: {what}: the answer has no list of data. Update this program.")
    return rows


def _next_cursor(body: Raw) -> str | None:
    cursor = (body.get("additional_data") or {}).get("next_cursor")
    return str(cursor) if cursor else None
