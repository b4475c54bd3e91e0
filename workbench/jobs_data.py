"""What the page Jobs loads and does: how each job stands, its history, running it now, doing a slot again.

All of it is for who may change settings: errors say how the installation is set up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from statistics import median
from typing import Any, Final

import pandas as pd

from insights.report.document import Week
from ops import job_list
from ops.job_list import Job, Standing
from ops.services import Services
from snapshots import job_queue, report_archive
from snapshots.job_queue import Worker
from snapshots.job_runs import JobRun
from snapshots.organizations import get_organization
from workbench import access, formats, installation, rights
from workbench.columns import Column, ColumnKind
from workbench.job_choice import OUTCOMES
from workbench.view import View

REFUSAL: Final = "Only administrators and sales ops see and start jobs."
_TRIGGERS: Final = {"schedule": "Schedule", "catch-up": "Made up for", "person": "A person"}
HISTORY_COLUMNS: Final = (
    Column(field="slot", title="For", kind=ColumnKind.DATE),
    Column(field="outcome", title="Outcome"),
    Column(field="started_at", title="Began", kind=ColumnKind.TIME),
    Column(field="seconds", title="Took", kind=ColumnKind.DURATION),
    Column(field="attempt", title="Attempt", kind=ColumnKind.COUNT, width=0.6),
    Column(field="n_rows", title="Rows", kind=ColumnKind.COUNT, width=0.7),
    Column(field="told", title="What became of it", width=2),
    Column(field="why", title="Asked for by"),
)


def history_columns(job: Job) -> tuple[Column, ...]:
    """HISTORY_COLUMNS, in which the number of rows is called what the job counts."""
    counted = job.counts[1]
    title = counted[:1].upper() + counted[1:]
    return tuple(replace(one, title=title) if one.field == "n_rows" else one for one in HISTORY_COLUMNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Of one job. rows: the newest slot first, with `key` of the outcome. n_slots, n_done: slots that have begun since
    the first run that is shown, and those that were done. usual_s: median of runs that were done; None: there is none.
    open_slots: that are still to be done, the newest first: failed or missed, and made up for by no other one."""

    rows: pd.DataFrame
    n_slots: int
    n_done: int
    n_failed: int
    usual_s: float | None
    open_slots: Sequence[date]


def worker() -> Worker:
    """Of the installation."""
    return job_queue.worker(installation.database())


def standings(view: View) -> list[Standing]:
    """How each job stands. Raises PermissionError."""
    _demand(view)
    return job_list.standings(_services(view), view.organization_id)


def n_parked_messages(view: View) -> int:
    """With reports; people look at them on the page Reports."""
    _demand(view)
    return sum(one.parked for one in report_archive.list_entries(installation.database(), view.organization_id))


def history(view: View, job: Job) -> History:
    """The last 90 days. Raises PermissionError."""
    _demand(view)
    runs = job_list.history(_services(view), get_organization(installation.database(), view.organization_id), job)
    missed = job_list.missed(job, runs)
    done = {one.slot for one in runs if one.outcome == "done"}
    slots = {one.slot for one in runs} | set(missed)
    rows = [_row(one, view) for one in runs]
    rows += [_missed_row(one, covered_by(job, one, done)) for one in missed]
    rows.sort(key=_newest_first, reverse=True)
    fields = [*(one.field for one in HISTORY_COLUMNS), "key"]
    took = [(one.ended_at - one.started_at).total_seconds() for one in runs if one.outcome == "done" and one.ended_at]
    undone = [one for one in sorted(slots - done, reverse=True) if covered_by(job, one, done) is None]
    return History(
        rows=pd.DataFrame(rows, columns=fields), n_slots=len(slots), n_done=len(done),
        n_failed=sum(one.outcome == "failed" for one in runs), usual_s=median(took) if took else None,
        open_slots=_once_a_week(undone) if job.makes_its_own else [one for one in undone if one == job.slot],
    )  # fmt: skip


def covered_by(job: Job, slot: date, done: set[date]) -> date | None:
    """The slot that was done and did what this one left: the first later one; of notes and reports, which are made once
    a week, the first of its week. None: there is none."""
    if not job.makes_its_own:
        return min((one for one in done if one > slot), default=None)
    return min((one for one in done if Week.of(one) == Week.of(slot)), default=None)


def _once_a_week(slots: Sequence[date]) -> list[date]:
    """The first of each week in the order given: what has something of its own to make makes it once a week."""
    return list({Week.of(one): one for one in reversed(slots)}.values())[::-1]


def _row(run: JobRun, view: View) -> dict[str, Any]:
    ended = run.ended_at or view.now
    error = f"{run.error} [{run.error_id}]" if run.error and run.error_id else run.error
    asked = f"{_TRIGGERS[run.trigger]}: {run.asked_by}" if run.asked_by else _TRIGGERS[run.trigger]
    return {
        "slot": run.slot, "outcome": OUTCOMES[run.outcome], "started_at": run.started_at.astimezone(view.zone),
        "seconds": (ended - run.started_at).total_seconds(), "attempt": run.attempt, "n_rows": run.n_rows,
        "told": error or run.said or "", "why": asked, "key": run.outcome,
    }  # fmt: skip


def _newest_first(row: Mapping[str, Any]) -> tuple[date, float]:
    began = row.get("started_at")
    return row["slot"], began.timestamp() if began is not None else 0.0


def _missed_row(slot: date, covered: date | None) -> dict[str, Any]:
    told = f"Nothing ran. Made up for by the run for {formats.day(covered)}" if covered else "Nothing ran"
    return {"slot": slot, "outcome": OUTCOMES["missed"], "told": told, "key": "missed", "attempt": None}


# --- what people do ---------------------------------------------------------------------------------------------------


def run(view: View, job: Job, slot: date, *, again: bool = False) -> bool:
    """Queue the job for one of its slots. again: also where the slot is done. False where it runs or waits already.
    Raises PermissionError."""
    _demand(view)
    services = _services(view)
    standing = next((one for one in job_list.standings(services, view.organization_id) if one.job.key == job.key), None)
    if standing is None or standing.is_busy:
        return False
    return job_list.defer(services, view.organization_id, job, slot, by=access.who(), again=again)


def remedy(standing: Standing) -> str:
    """What to do about a run that failed, in a sentence."""
    if standing.job.connection_id is not None:
        return "The page Data says what the source needs; correct it there, then run it again."
    if standing.why:
        return f"{standing.why}. If it fails again, look for its id in the worker’s log."
    return "Look for its id in the worker’s log, remove the cause, then run it again."


def silence(found: Worker) -> str:
    """Since when no worker has given a sign of life."""
    if found.silent_for is None:
        return "No worker has given a sign of life yet"
    return f"No worker has given a sign of life for {_long(found.silent_for)}"


def _long(span: timedelta) -> str:
    return formats.plural(span.days, "day") if span.days else formats.duration(span.total_seconds())


def _services(view: View) -> Services:
    return replace(installation.services(), now=lambda: view.now)


def _demand(view: View) -> None:
    rights.demand(view, rights.changes_settings, REFUSAL)
