"""HubSpot's calls: what is asked for and which part of the answer counts. Knows JSON, makes no records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from adapters.errors import FatalError
from adapters.http import Call, HttpClient
from adapters.hubspot.objects import DEALS_SCOPE, LEADS, OWNERS_SCOPE, ObjectFacts, Paths

Raw = dict[str, Any]
Filters = Sequence[Mapping[str, object]]
MOST_LISTED, MOST_WITH_HISTORY, MOST_FOUND, MOST_IN_BATCH = 100, 50, 200, 100
MOST_PER_QUERY = 10_000
"""HubSpot's search ends here, whatever there is: https://developers.hubspot.com/docs/api-reference/search/guide"""
PRIMARY = "Primary"
FORBIDDEN_FOR_OPTIONAL = frozenset({400, 404})


class HubSpotClient:
    """reading, searching: under the limit of each."""

    def __init__(self, reading: HttpClient, searching: HttpClient, paths: Paths) -> None:
        self._reading, self._searching, self.paths = reading, searching, paths

    def close(self) -> None:
        self._reading.close()
        self._searching.close()

    # --- objects ---

    def list_page(
        self, facts: ObjectFacts, after: str | None, limit: int, *, archived: bool, links: Iterable[str] = ()
    ) -> tuple[list[Raw], str | None]:
        """A page of all there is, in no promised order; the cursor of the next one."""
        params = {"limit": str(limit), "properties": ",".join(facts.asked), "archived": str(archived).lower()}
        named = ",".join(links)
        more = {"after": after, "associations": named, "propertiesWithHistory": ",".join(facts.history)}
        if archived:
            more = {"after": after}
        params |= {name: value for name, value in more.items() if value}
        body = self._get(self.paths.objects(facts), facts.noun, params, facts.scope)
        return _results(body, facts.noun), _next(body)

    def is_exposed(self, facts: ObjectFacts) -> bool:
        """False where the account does not have this object. Raises MissingScopeError."""
        accept = FORBIDDEN_FOR_OPTIONAL if facts.is_optional else frozenset()
        call = Call(
            method="GET", path=self.paths.objects(facts), what=facts.noun, idempotent=True, params={"limit": "1"},
            scope=facts.scope, accept=accept,
        )  # fmt: skip
        return self._reading.send(call).status not in accept

    def found(
        self, facts: ObjectFacts, filters: Filters, *, limit: int, properties: Sequence[str] = (), after_id: str = "0"
    ) -> tuple[list[Raw], str | None]:
        """Those with ids greater than `after_id`, by id, so that neither a query's cap nor equal times lose any."""
        beyond = {"propertyName": "hs_object_id", "operator": "GT", "value": after_id}
        body = self._search(facts, [*filters, beyond], limit, properties)
        rows = _results(body, facts.noun)
        ends = len(rows) >= _total(body, facts) or not rows
        return rows, None if ends else str(max(int(row["id"]) for row in rows))

    def count(self, facts: ObjectFacts, filters: Filters) -> int:
        """How many there are. Whether HubSpot counts beyond the cap of a query is not documented, so a total of
        exactly the cap is counted on from its last row."""
        counted, after_id = 0, "0"
        while True:
            beyond = {"propertyName": "hs_object_id", "operator": "GT", "value": after_id}
            conditions = [*filters, beyond] if counted else list(filters)
            total = _total(self._search(facts, conditions, 1, ()), facts)
            if total != MOST_PER_QUERY:
                return counted + total
            last = self._search(facts, conditions, 1, (), after=str(MOST_PER_QUERY - 1))
            rows = _results(last, facts.noun)
            if not rows:
                return counted + total
            counted, after_id = counted + MOST_PER_QUERY, str(rows[0]["id"])

    def _search(
        self, facts: ObjectFacts, filters: Filters, limit: int, properties: Sequence[str], after: str | None = None
    ) -> Raw:
        body = {
            "filterGroups": [{"filters": filters}] if filters else [], "properties": list(properties), "limit": limit,
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        } | ({"after": after} if after else {})  # fmt: skip
        call = Call(
            method="POST", path=self.paths.objects(facts, "search"), what=facts.noun, idempotent=True, body=body,
            scope=facts.scope,
        )  # fmt: skip
        return _object(self._searching.send(call).json, facts.noun)

    def read(self, facts: ObjectFacts, ids: Sequence[str]) -> list[Raw]:
        """These objects in full, with their history; what is gone is left out."""
        size = MOST_WITH_HISTORY if facts.history else MOST_IN_BATCH
        rows: list[Raw] = []
        for chunk in _chunks(ids, size):
            body: Raw = {"inputs": [{"id": one} for one in chunk], "properties": list(facts.asked)}
            body["propertiesWithHistory"] = list(facts.history)
            rows += self._batch(self.paths.objects(facts, "batch", "read"), facts, body)
        return rows

    def linked(self, facts: ObjectFacts, ids: Sequence[str], end: str) -> dict[str, list[str]]:
        """Ids of the associated objects of another type, by id; the primary one first, then by number."""
        found: dict[str, list[str]] = {}
        for chunk in _chunks(ids, MOST_IN_BATCH):
            path = self.paths.associations(facts.name, end)
            for row in self._batch(path, facts, {"inputs": [{"id": one} for one in chunk]}):
                found[str(row["from"]["id"])] = in_order(
                    (str(to["toObjectId"]), any(one.get("label") == PRIMARY for one in to.get("associationTypes", [])))
                    for to in row["to"]
                )
        return found

    def _batch(self, path: str, facts: ObjectFacts, body: Raw) -> list[Raw]:
        call = Call(method="POST", path=path, what=facts.noun, idempotent=True, body=body, scope=facts.scope)
        return _results(_object(self._reading.send(call).json, facts.noun), facts.noun)

    # --- the account ---

    def owners(self, after: str | None, limit: int, *, archived: bool) -> tuple[list[Raw], str | None]:
        params = {"limit": str(limit), "archived": str(archived).lower()} | ({"after": after} if after else {})
        body = self._get(self.paths.owners(), "owners", params, OWNERS_SCOPE)
        return _results(body, "owners"), _next(body)

    def pipelines(self) -> list[Raw]:
        return _results(self._get(self.paths.pipelines(), "pipelines", {}, DEALS_SCOPE), "pipelines")

    def lead_pipelines(self) -> list[Raw]:
        return _results(self._get(self.paths.pipelines("leads"), "pipelines of leads", {}, LEADS.scope), "pipelines")

    def account(self) -> tuple[Raw, datetime | None]:
        """The account's details, none where the token may not see them; and the time by HubSpot's clock."""
        call = Call(
            method="GET", path="/account-info/v3/details", what="account details", idempotent=True,
            accept=frozenset({403, 404}),
        )  # fmt: skip
        answer = self._reading.send(call)
        return _object(answer.json, "account details") if answer.status == 200 else {}, answer.at

    def usage(self) -> Raw | None:
        """Today's use of the quota; None where HubSpot does not tell."""
        path = "/account-info/v3/api-usage/daily/private-apps"
        call = Call(method="GET", path=path, what="API usage", idempotent=True, accept=frozenset({400, 403, 404}))
        answer = self._reading.send(call)
        rows = _results(_object(answer.json, "API usage"), "API usage") if answer.status == 200 else []
        return rows[0] if rows else None

    def scopes(self, token: str) -> frozenset[str] | None:
        """The scopes of a private app's token; None where HubSpot does not tell, as for other kinds of token."""
        path = "/oauth/v2/private-apps/get/access-token-info"
        call = Call(
            method="POST", path=path, what="scopes", idempotent=True, body={"tokenKey": token},
            accept=frozenset({400, 403, 404, 405}),
        )  # fmt: skip
        answer = self._reading.send(call)
        told = answer.json.get("scopes") if isinstance(answer.json, dict) else None
        return frozenset(map(str, told)) if answer.status == 200 and isinstance(told, list) else None

    def _get(self, path: str, what: str, params: Mapping[str, str], scope: str) -> Raw:
        return _object(self._reading.get(path, what=what, params=params, scope=scope), what)


def in_order(linked: Iterable[tuple[str, bool]]) -> list[str]:
    """Ids once each: the primary one first, then by number, so that the order does not depend on who is asked. linked:
    (id, whether it is the primary one)."""
    primary: dict[str, bool] = {}
    for one, is_primary in linked:
        primary[one] = primary.get(one, False) or is_primary
    return sorted(primary, key=lambda one: (not primary[one], int(one)))


def _object(body: object, what: str) -> Raw:
    if not isinstance(body, dict):
        raise FatalError(f"HubSpot: {what}: expected a JSON object, got {type(body).__name__}. Update this program.")
    return body


def _results(body: Raw, what: str) -> list[Raw]:
    rows = body.get("results")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise FatalError(f"HubSpot: {what}: the answer has no list of results. Update this program.")
    return rows


def _next(body: Raw) -> str | None:
    paging = body.get("paging") or {}
    after = (paging.get("next") or {}).get("after")
    return str(after) if after else None


def _total(body: Raw, facts: ObjectFacts) -> int:
    total = body.get("total")
    if not isinstance(total, int):
        raise FatalError(f"HubSpot: {facts.noun}: a search tells no total. Update this program.")
    return total


def _chunks(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))
