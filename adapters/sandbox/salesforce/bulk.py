"""Bulk queries: jobs that prepare tables, which are fetched by pages."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.sandbox.salesforce.soql import Getter, Query
from adapters.sandbox.salesforce.values import cell, error, id_of, shown
from adapters.sandbox.server import Reply, Request
from adapters.sandbox.world import World

KEPT = timedelta(days=7)
MOST = 50_000


@dataclass(slots=True)
class Job:
    began: datetime
    operation: str
    query: Query
    rows: list[list[str]]


class Jobs:
    """takes_s: how long a job works. is_offered: False in orgs without the Bulk API. fails: jobs end as failed."""

    def __init__(self, world: World, found: Callable[..., tuple[Query, list[Getter]]]) -> None:
        self._world, self._found, self._jobs = world, found, dict[str, Job]()
        self.takes_s, self.is_offered, self.fails = 5.0, True, False

    def start(self, request: Request, match: re.Match[str]) -> Reply:
        body = request.json()
        if not self.is_offered:
            return error(403, "FEATURENOTENABLED", "Bulk API is not enabled for this organization")
        query, rows = self._found(str(body["query"]), with_deleted=body["operation"] == "queryAll")
        job_id = id_of("750", len(self._jobs) + 1)
        table = [[cell(row(name)) for name in query.names] for row in rows]
        self._jobs[job_id] = Job(self._world.clock.now(), str(body["operation"]), query, table)
        return Reply(200, self._told(job_id))

    def _told(self, job_id: str) -> dict[str, object]:
        job = self._jobs[job_id]
        is_done = self._world.clock.now() - job.began >= timedelta(seconds=self.takes_s)
        ended = "Failed" if self.fails else "JobComplete"
        return {
            "id": job_id, "operation": job.operation, "object": job.query.source, "contentType": "CSV",
            "state": ended if is_done else "InProgress", "apiVersion": 62.0, "lineEnding": "LF",
            "columnDelimiter": "COMMA", "concurrencyMode": "Parallel", "createdDate": shown(job.began),
        }  # fmt: skip

    def _job(self, job_id: str) -> Job | None:
        job = self._jobs.get(job_id)
        return job if job is not None and self._world.clock.now() - job.began < KEPT else None

    def state(self, request: Request, match: re.Match[str]) -> Reply:
        if self._job(match["job"]) is None:
            return error(404, "NOT_FOUND", "The requested resource does not exist")
        return Reply(200, self._told(match["job"]))

    def results(self, request: Request, match: re.Match[str]) -> Reply:
        job = self._job(match["job"])
        if job is None:
            return error(404, "NOT_FOUND", "The requested resource does not exist")
        start, size = int(request.query.get("locator") or 0), min(int(request.query.get("maxRecords") or MOST), MOST)
        rows = job.rows[start : start + size]
        table = io.StringIO()
        writer = csv.writer(table, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerows([job.query.names, *rows])
        following = str(start + size) if start + size < len(job.rows) else "null"
        headers = {"content-type": "text/csv", "sforce-locator": following, "sforce-numberofrecords": str(len(rows))}
        return Reply(200, table.getvalue().encode(), headers)
