"""Nutshell's calls: what is asked for and which part of the answer counts. Knows JSON, makes no records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from adapters.errors import FatalError
from adapters.http import Call, HttpClient
from adapters.nutshell.objects import CONTACTS, CUSTOM_FIELDS, EVENTS, STAGES, STAGESETS, USERS, ObjectFacts

Raw = dict[str, Any]
MOST_LISTED, MOST_EVENTS, MOST_IN_PATH = 500, 500, 50
NOT_FOUND = 404


class NutshellClient:
    """Reads, under one limit."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    def close(self) -> None:
        self._http.close()

    # --- objects ---

    def page(
        self,
        facts: ObjectFacts,
        number: int,
        limit: int,
        filters: Mapping[str, str] | None = None,
        *,
        newest_first: bool = False,
    ) -> tuple[list[Raw], int | None]:
        """A page of what is there, the first one being 0; and how many there are in all, where that is told."""
        params = {"page[page]": str(number), "page[limit]": str(limit), **(filters or {})}
        if facts.sort is not None:
            params["sort"] = f"-{facts.sort}" if newest_first else facts.sort
        body = self._get(facts.name, facts.noun, params, facts.right)
        total = (body.get("meta") or {}).get("total") if isinstance(body, dict) else None
        return rows_of(body, facts.name, facts.noun), total if isinstance(total, int) else None

    def is_exposed(self, facts: ObjectFacts) -> bool:
        """Raises MissingScopeError where it is not."""
        self.page(facts, 0, 1)
        return True

    def read(self, facts: ObjectFacts, ids: Sequence[str]) -> list[Raw]:
        """These objects; what is gone is left out, or tells when it was deleted."""
        found: list[Raw] = []
        for start in range(0, len(ids), MOST_IN_PATH):
            found += self._read(facts, ids[start : start + MOST_IN_PATH])
        return found

    def _read(self, facts: ObjectFacts, ids: Sequence[str]) -> list[Raw]:
        call = Call(
            method="GET", path=_path(f"{facts.name}/{','.join(ids)}"), what=facts.noun, idempotent=True,
            scope=facts.right, accept=frozenset({NOT_FOUND}),
        )  # fmt: skip
        answer = self._http.send(call)
        if answer.status != NOT_FOUND:
            return rows_of(answer.json, facts.name, facts.noun)
        if len(ids) == 1:
            return []
        # Whether one that is gone makes the others unreadable is not documented.
        half = len(ids) // 2
        return [*self._read(facts, ids[:half]), *self._read(facts, ids[half:])]

    # --- events ---

    def events(self, facts: ObjectFacts, limit: int, bounds: Mapping[str, str], *, deleted: bool = False) -> list[Raw]:
        """The newest ones within `bounds` (since_time, max_id, entity_id), newest first."""
        named = {"filter[types]": facts.name} if deleted else {"filters[payload][]": facts.name}
        path = f"{EVENTS}/deleted" if deleted else EVENTS
        body = self._get(path, "events", {**named, "limit": str(limit), **bounds}, "to see the timeline")
        return rows_of(body, EVENTS, "events")

    def history(
        self, facts: ObjectFacts, external_id: str | None = None, since: datetime | None = None
    ) -> Iterator[Raw]:
        """All events of one object, or of all of its kind, newest first; since a moment, or as far as they go."""
        only = {"entity_id": external_id} if external_id else {}
        only |= {"since_time": str(int(since.timestamp()))} if since is not None else {}
        after = ""
        while True:
            bounds = only | ({"max_id": after} if after else {})
            rows = older(self.events(facts, MOST_EVENTS, bounds), after)
            if not rows:
                return
            yield from rows
            after = str(rows[-1]["id"])

    # --- the account ---

    def users(self) -> list[Raw]:
        """Everyone, also those who left. Pages may be ignored by Nutshell, which then sends all at each."""
        found: dict[str, Raw] = {}
        number = 0
        while True:
            params = {"page[page]": str(number), "page[limit]": str(MOST_LISTED)}
            rows = rows_of(self._get(USERS, USERS, params, "to see users"), USERS, USERS)
            new = {str(row["id"]): row for row in rows if str(row["id"]) not in found}
            found |= new
            if not new or len(rows) != MOST_LISTED:
                return [found[one] for one in sorted(found, key=number_of)]
            number += 1

    def stagesets(self) -> list[Raw]:
        return self.named(STAGESETS, "pipelines", "to see leads")

    def stages(self) -> list[Raw]:
        return self.named(STAGES, "stages", "to see leads")

    def labels(self, path: str, noun: str) -> dict[str, str]:
        """Names by id of what Nutshell lets be named; empty where it does not tell."""
        body = self._maybe(path, noun)
        found = self._listed(body, path, noun) if body is not None else []
        return {str(row["id"]): str(row["name"]).strip() for row in found if row.get("name")}

    def named(self, path: str, noun: str, right: str) -> list[Raw]:
        return self._listed(self._get(path, noun, {}, right), path, noun)

    def _listed(self, body: object, path: str, noun: str) -> list[Raw]:
        """A short list; keyed by its name in some spelling, or bare."""
        if isinstance(body, dict):
            lists = {name.lower(): rows for name, rows in body.items() if isinstance(rows, list)}
            body = lists.get(path.lower())
        return rows_of(body, path, noun)

    def custom_fields(self) -> frozenset[str] | None:
        """Names of the contacts' custom fields; None where Nutshell does not tell."""
        body = self._maybe(CUSTOM_FIELDS, "custom fields")
        if body is None:
            return None
        rows = body.get("customFields") if isinstance(body, dict) else body
        return frozenset(name for row in rows or [] if isinstance(row, dict) for name in _names(row))

    def custom_values(self, contact_id: str) -> dict[str, str]:
        """A contact's custom fields, by name."""
        body = self._maybe(f"{CONTACTS.name}/{contact_id}/customfields", "a contact's custom fields")
        rows = body.get("customFields") if isinstance(body, dict) else body
        found: dict[str, str] = {}
        for row in rows or []:
            value = row.get("value") if isinstance(row, dict) else None
            if value not in (None, ""):
                found |= dict.fromkeys(_names(row), str(value))
        return found

    def time(self) -> datetime | None:
        """Now, by Nutshell's clock."""
        call = Call(method="GET", path=_path(STAGESETS), what="pipelines", idempotent=True, accept=frozenset({403}))
        return self._http.send(call).at

    def _maybe(self, path: str, what: str) -> Any:
        call = Call(
            method="GET", path=_path(path), what=what, idempotent=True, accept=frozenset({403, NOT_FOUND})
        )  # fmt: skip
        answer = self._http.send(call)
        return answer.json if answer.status == 200 else None

    def _get(self, path: str, what: str, params: Mapping[str, str], right: str) -> Any:
        return self._http.get(_path(path), what=what, params=params, scope=right)


def _path(path: str) -> str:
    return f"/rest/{path}"


def rows_of(body: object, name: str, noun: str) -> list[Raw]:
    """The rows of an answer. Raises FatalError where there is no list of them."""
    rows = body.get(name) if isinstance(body, dict) else body
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "id" in row for row in rows):
        raise FatalError(f"Nutshell: {noun}: the answer has no list of {name}. Update this program.")
    return rows


def older(events: list[Raw], after: str) -> list[Raw]:
    """A page begins with the last event of the page before it (`max_id` is inclusive); what `meta.next` names is newer,
    not older. after: the last event that was taken; "" for none."""
    return [row for row in events if not after or number_of(str(row["id"])) < number_of(after)]


def number_of(api_id: str) -> int:
    """The n of `<n>-<type>`."""
    number = api_id.partition("-")[0]
    return int(number) if number.isdigit() else 0


def _names(row: Raw) -> set[str]:
    return {str(row[name]) for name in ("name", "title") if row.get(name)}
