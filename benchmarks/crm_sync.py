"""A first load of a HubSpot account, against dlt's REST source doing the same; and how near the limit of rate we go.
Then first loads of the other CRMs, smaller ones: of Pipedrive each deal's history is a request.

Three processes on this machine: the account, which is made up and answers without limits; the loader; PostgreSQL. Two
cores serve all three, so what the account itself costs bounds the comparison: its CPU per record stands beside ours.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.accept import cpu_s, free_port, wait_for
from benchmarks.crm_load.paced import share_of_allowed_rate
from benchmarks.report import Report
from snapshots import embedded
from snapshots.database import migrate

DEALS = int(os.environ.get("BENCH_DEALS", "250000"))
ACTIVITIES = int(os.environ.get("BENCH_ACTIVITIES", "1000000"))
RECORDS = DEALS + ACTIVITIES
OTHERS, SMALLER = ("pipedrive", "nutshell", "salesforce"), 10
"""The other CRMs, and by how much their accounts are smaller."""


def run() -> bool:
    report = Report("crm_sync", packages=("dlt", "httpx", "psycopg"))
    report.add("deals", DEALS)
    report.add("activities", ACTIVITIES)
    with tempfile.TemporaryDirectory() as folder:
        url = embedded.start(Path(folder) / "pg")
        migrate(url)
        try:
            ours = _loaded(report, "ours", url, "hubspot")
            theirs = _loaded(report, "theirs", url, str(Path(folder) / "dlt"))
            for crm in OTHERS:
                _load_other(report, crm, url)
        finally:
            embedded.release(Path(folder) / "pg")
    report.add("what the account counts otherwise than we do", str(ours["gaps"]), "nothing", not ours["gaps"])
    report.at_least("speed relative to dlt's REST source", theirs["seconds"] / ours["seconds"], 5.0)
    report.at_most("peak MB of our process", ours["peak_mb"], 400.0)
    report.add("peak MB of dlt's process", theirs["peak_mb"])
    share, refused, requests = share_of_allowed_rate()
    report.add("requests of a load with the limit on, in the account's time", requests)
    report.at_least("share of the allowed rate that is used", share, 0.95)
    report.add("requests refused by the limit", refused, "0", refused == 0)
    report.write()
    return report.holds


def _loaded(report: Report, who: str, *arguments: str) -> dict[str, Any]:
    """What `benchmarks.crm_load.<who>` says of its load, with the CPU of all three processes per record reported."""
    names = {"ours": "we", "theirs": "dlt"}
    with _account("hubspot", DEALS, ACTIVITIES) as (process, address):
        before = cpu_s(process.pid)
        said = _said(who, arguments[0], address, *arguments[1:])
        account_s = cpu_s(process.pid) - before
    report.add(f"seconds, {names[who]}", said["seconds"])
    report.add(f"CPU µs per record, {names[who]}", 1e6 * said["cpu_s"] / RECORDS)
    report.add(f"CPU µs per record, the account for {names[who]}", 1e6 * account_s / RECORDS)
    return said


def _load_other(report: Report, crm: str, url: str) -> None:
    with _account(crm, DEALS // SMALLER, ACTIVITIES // SMALLER) as (_, address):
        said = _said("ours", url, address, crm)
    report.add(f"{crm}: records", said["records"])
    report.add(f"{crm}: seconds", said["seconds"])
    report.add(f"{crm}: CPU µs per record", 1e6 * said["cpu_s"] / said["records"])
    report.add(f"{crm}: what the account counts otherwise", str(said["gaps"]), "nothing", not said["gaps"])
    report.at_most(f"{crm}: peak MB of our process", said["peak_mb"], 400.0)


def _said(who: str, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", f"benchmarks.crm_load.{who}", *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert said.get("status", "succeeded") == "succeeded", said
    return said


@contextmanager
def _account(crm: str, deals: int, activities: int) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.crm_load.volume", str(port), str(deals), str(activities), crm]
    process = subprocess.Popen(command, start_new_session=True)
    try:
        wait_for(port, process)
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)
