"""Bulk queries: jobs that prepare tables, which are fetched by pages."""

from __future__ import annotations

import csv
import io
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

import orjson

from adapters.sandbox.salesforce.soql import Getter, Query
from adapters.sandbox.salesforce.values import cell, error, id_of, shown
from adapters.sandbox.server import Reply, Request
from adapters.sandbox.world import World

KEPT = timedelta(days=7)
MOST, CHUNK = 50_000, 1_000


@dataclass(slots=True)
class Job:
    """rows: those that are not prepared yet. chunks: the others, packed, CHUNK in each."""

    began: datetime
    operation: str
    query: Query
    rows: Iterator[list[str]]
    chunks: list[bytes] = field(default_factory=list)

    def prepare(self, number: int) -> None:
        """At least so many, or all there are."""
        while len(self.chunks) * CHUNK < number and (chunk := list(islice(self.rows, CHUNK))):
            self.chunks.append(zlib.compress(orjson.dumps(chunk), 1))

    def page(self, start: int, size: int) -> tuple[list[list[str]], bool]:
        """Rows, and whether more follow."""
        self.prepare(start + size + 1)
        first, last = start // CHUNK, (start + size) // CHUNK
        rows = [row for chunk in self.chunks[first : last + 1] for row in orjson.loads(zlib.decompress(chunk))]
        here = start - first * CHUNK
        return rows[here : here + size], len(rows) > here + size


class Jobs:
    """takes_s: how long a job works. is_offered: False in orgs without the Bulk API. fails: jobs end as failed."""

    def __init__(self, world: World, found: Callable[..., tuple[Query, Iterable[Getter]]]) -> None:
        self._world, self._found, self._jobs = world, found, dict[str, Job]()
        self.takes_s, self.is_offered, self.fails = 5.0, True, False

    def start(self, request: Request, match: re.Match[str]) -> Reply:
        body = request.json()
        if not self.is_offered:
            return error(403, "FEATURENOTENABLED", "Bulk API is not enabled for this organization")
        query, rows = self._found(str(body["query"]), with_deleted=body["operation"] == "queryAll")
        job_id = id_of("750", len(self._jobs) + 1)
        table = ([cell(row(name)) for name in query.names] for row in rows)
        job = Job(self._world.clock.now(), str(body["operation"]), query, table)
        # The beginning stands as it was now; what is beyond is so much that only a world has it which never changes.
        job.prepare(MOST)
        self._jobs[job_id] = job
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
        rows, is_more = job.page(start, size)
        table = io.StringIO()
        writer = csv.writer(table, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerows([job.query.names, *rows])
        following = str(start + size) if is_more else "null"
        headers = {"content-type": "text/csv", "sforce-locator": following, "sforce-numberofrecords": str(len(rows))}
        return Reply(200, table.getvalue().encode(), headers)
