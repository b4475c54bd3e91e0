"""Salesforce's calls: what is asked for and which part of the answer counts. Knows JSON and CSV, makes no records."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from adapters.errors import FatalError, RetriableError
from adapters.http import CSV, Answer, Call, HttpClient
from adapters.salesforce.limits import TIMED_OUT, errors_in
from adapters.salesforce.soql import among, both, select
from adapters.salesforce.tokens import Tokens

Raw = dict[str, Any]
MOST_PER_QUERY = 2_000
FEWEST = 50
"""A query that takes too long is asked for fewer rows, down to so many."""
MOST_IDS = 300
"""In one condition: the address of a call may be 16 kB long."""
NO_LOCATOR = "INVALID_QUERY_LOCATOR"
MASTER_TYPE = "012000000000000AAA"
"""Names the record type of an org that has none."""


class TooManyError(RetriableError):
    """Counting takes longer than Salesforce allows."""


class Instance:
    """The org's own host, which the log-in names. open_client: makes the client of a host."""

    def __init__(self, tokens: Tokens, open_client: Callable[[str], HttpClient]) -> None:
        self._tokens, self._open, self._guard = tokens, open_client, threading.Lock()
        self._clients: dict[str, HttpClient] = {}

    def send(self, call: Call) -> Answer:
        url = self._tokens.get().instance_url
        with self._guard:
            client = self._clients.get(url) or self._clients.setdefault(url, self._open(url))
        return client.send(call)

    def user_id(self) -> str:
        return self._tokens.get().user_id

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


@dataclass(frozen=True, slots=True)
class Rows:
    """records: without the attributes that Salesforce adds. is_last: nothing follows."""

    records: list[Raw]
    total: int
    is_last: bool
    next_path: str | None


class SalesforceClient:
    def __init__(self, instance: Instance, version: str) -> None:
        self._instance, self.base = instance, f"/services/data/v{version}"

    # --- what there is ---

    def describe(self, names: Sequence[str]) -> dict[str, Raw]:
        """Objects with their fields, by name, in one call; those that the org does not have, or the user may not see,
        are left out. At most 25."""
        version = self.base.rpartition("/")[2]
        asked = [{"method": "GET", "url": f"{version}/sobjects/{name}/describe"} for name in names]
        call = Call(
            method="POST", path=f"{self.base}/composite/batch", what="objects", idempotent=True,
            body={"batchRequests": asked},
        )  # fmt: skip
        told = _object(self._instance.send(call).json, "objects").get("results") or []
        if any(one.get("statusCode", 500) >= 500 for one in told) or len(told) != len(names):
            raise RetriableError("Salesforce cannot describe its objects just now. It is tried again later.")
        return {name: one["result"] for name, one in zip(names, told, strict=True) if one["statusCode"] == 200}

    def organization(self) -> tuple[Raw, datetime | None]:
        """The org's name and zone; and the time by Salesforce's clock."""
        soql = select(("Id", "Name", "TimeZoneSidKey", "OrganizationType", "IsSandbox"), "Organization")
        answer = self._get("query", "Organization", {"q": soql}, scope="Organization")
        rows = _rows(answer.json, "Organization").records
        return rows[0] if rows else {}, answer.at

    def user_id(self) -> str:
        """Who we are."""
        return self._instance.user_id()

    def versions(self) -> list[str]:
        """The versions of the API that the org serves."""
        answer = self._instance.send(
            Call(method="GET", path="/services/data/", what="versions of the API", idempotent=True)
        )
        return [str(one.get("version")) for one in answer.json or []] if isinstance(answer.json, list) else []

    def stage_names(self, record_type: str) -> list[str] | None:
        """The stages that deals of this record type may have; None where that is not told."""
        path = f"ui-api/object-info/Opportunity/picklist-values/{record_type}/StageName"
        answer = self._get(path, "stages of a record type", accept=frozenset({400, 403, 404}))
        values = answer.json.get("values") if isinstance(answer.json, dict) and answer.status == 200 else None
        return [str(one["value"]) for one in values if isinstance(one, dict)] if isinstance(values, list) else None

    # --- queries ---

    def first_rows(self, fields: Sequence[str], name: str, where: str, order: str, limit: int) -> tuple[Rows, int]:
        """The first rows, deleted ones included, and how many were asked for: fewer where more took too long."""
        while True:
            soql = select(fields, name, where, f"ORDER BY {order} LIMIT {limit}")
            answer = self._get("queryAll", name, {"q": soql}, scope=name, accept=frozenset({400}))
            if answer.status == 200:
                return _rows(answer.json, name), limit
            codes = {code for code, _ in errors_in(answer.json)}
            if not codes & TIMED_OUT or limit <= FEWEST:
                return _rows(self._get("queryAll", name, {"q": soql}, scope=name).json, name), limit
            limit = max(limit // 4, FEWEST)

    def all_rows(self, soql: str, name: str, *, with_deleted: bool = False) -> list[Raw]:
        """Every row. A list whose continuation Salesforce has forgotten is asked for once more from its beginning."""
        verb = "queryAll" if with_deleted else "query"
        for _ in range(2):
            rows = _rows(self._get(verb, name, {"q": soql}, scope=name).json, name)
            records = list(rows.records)
            while rows.next_path is not None:
                call = Call(
                    method="GET", path=rows.next_path, what=name, idempotent=True, scope=name, accept=frozenset({400})
                )
                answer = self._instance.send(call)
                if answer.status == 400:
                    break
                rows = _rows(answer.json, name)
                records += rows.records
            else:
                return records
        raise RetriableError(f"Salesforce: {name}: a list ends in the middle ({NO_LOCATOR}). It is tried again later.")

    def of_ids(
        self, fields: Sequence[str], name: str, by: str, ids: Sequence[str], where: str = "", *, deleted: bool = False
    ) -> list[Raw]:
        """Rows whose field `by` is among the ids."""
        rows: list[Raw] = []
        for start in range(0, len(ids), MOST_IDS):
            condition = both(among(by, ids[start : start + MOST_IDS]), where)
            rows += self.all_rows(select(fields, name, condition), name, with_deleted=deleted)
        return rows

    def count(self, name: str, where: str) -> int:
        """How many there are, archived activities included, which a plain query does not see. Raises TooManyError."""
        soql = select(("COUNT()",), name, both("IsDeleted = false", where))
        answer = self._get("queryAll", name, {"q": soql}, scope=name, accept=frozenset({400}))
        if answer.status == 400 and {code for code, _ in errors_in(answer.json)} & TIMED_OUT:
            raise TooManyError(f"Salesforce: {name}: there are too many to be counted in time.")
        if answer.status == 400:
            answer = self._get("queryAll", name, {"q": soql}, scope=name)
        return _rows(answer.json, name).total

    # --- bulk queries ---

    def start_job(self, soql: str, name: str) -> str | None:
        """The id of a job that prepares these rows, deleted ones included; None where the org takes none for them."""
        body = {"operation": "queryAll", "query": soql, "contentType": "CSV", "lineEnding": "LF"}
        call = Call(
            method="POST", path=f"{self.base}/jobs/query", what=f"a bulk query of {name}", idempotent=True, body=body,
            accept=frozenset({400, 403, 404}),
        )  # fmt: skip
        answer = self._instance.send(call)
        return str(_object(answer.json, "a bulk query")["id"]) if answer.status == 200 else None

    def job_state(self, job: str) -> str:
        """Salesforce's word for how far a job is; "Gone" where there is no such job any more."""
        answer = self._get(f"jobs/query/{job}", "a bulk query", accept=frozenset({400, 404}))
        return str(_object(answer.json, "a bulk query").get("state")) if answer.status == 200 else "Gone"

    def job_rows(self, job: str, locator: str, limit: int) -> tuple[list[dict[str, str]], str | None] | None:
        """A page of a job's rows and where the next one begins; None where the result is kept no more."""
        params = {"maxRecords": str(limit)} | ({"locator": locator} if locator else {})
        call = Call(
            method="GET", path=f"{self.base}/jobs/query/{job}/results", what="results of a bulk query",
            idempotent=True, params=params, wants=CSV, accept=frozenset({400, 404}),
        )  # fmt: skip
        answer = self._instance.send(call)
        if answer.status != 200:
            return None
        following = answer.headers.get("sforce-locator", "")
        rows = list(csv.DictReader(io.StringIO(answer.body.decode("utf-8"), newline="")))
        return rows, following if following not in {"", "null"} else None

    def _get(
        self,
        path: str,
        what: str,
        params: Mapping[str, str] | None = None,
        *,
        scope: str | None = None,
        accept: frozenset[int] = frozenset(),
    ) -> Answer:
        call = Call(
            method="GET", path=f"{self.base}/{path}", what=what, idempotent=True, params=params or {}, scope=scope,
            accept=accept,
        )  # fmt: skip
        return self._instance.send(call)


def record_path(base: str, name: str, *parts: str) -> str:
    return "/".join((base, "sobjects", name, *(quote(part, safe="") for part in parts)))


def without_attributes(row: Mapping[str, Any]) -> Raw:
    return {name: value for name, value in row.items() if name != "attributes"}


def typed(rows: Sequence[Mapping[str, str]], types: Mapping[str, str]) -> Iterator[Raw]:
    """Rows of a table as queries tell them. types: of the fields, as their describe names them."""
    for row in rows:
        yield {name: _typed(value, types.get(name, "string")) for name, value in row.items()}


def _typed(value: str, kind: str) -> object:
    if value == "":
        return None
    if kind == "boolean":
        return value == "true"
    if kind in {"int", "long"}:
        return int(float(value))
    if kind in {"double", "currency", "percent"}:
        return float(value)
    # Tables may write the zone of times in another way than queries.
    return value.removesuffix("Z") + "+0000" if kind == "datetime" and value.endswith("Z") else value


def _rows(body: object, what: str) -> Rows:
    found = _object(body, what)
    records, total = found.get("records"), found.get("totalSize")
    if not isinstance(records, list) or not isinstance(total, int):
        raise FatalError(f"Salesforce: {what}: the answer has no records. Update this program.")
    following = found.get("nextRecordsUrl")
    return Rows(
        [without_attributes(row) for row in records if isinstance(row, dict)], total, bool(found.get("done")),
        str(following) if following and not found.get("done") else None,
    )  # fmt: skip


def _object(body: object, what: str) -> Raw:
    if not isinstance(body, dict):
        kind = type(body).__name__
        raise FatalError(f"Salesforce: {what}: expected a JSON object, got {kind}. Update this program.")
    return body
