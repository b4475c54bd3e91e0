"""Syncs and imports as the Data page sees them: what runs, what ran, and the buttons behind.

A sync that is started here runs on a thread of this process, one at a time, and tells its progress through the
database, so that every open page sees it and a restart of the workbench loses nothing: it goes on at its cursor.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import pandas as pd
import streamlit as st

from adapters.errors import CrmError
from ops.first_run import load_demo
from ops.jobs import sync_now
from snapshots import status
from snapshots.organizations import CrmConnection, list_connections
from snapshots.status import Freshness, Run
from snapshots.sync import SyncBusy, request_cancel
from workbench import installation, rights
from workbench.view import View

log = logging.getLogger(__name__)

STEPS: Final = ("team", "owner", "pipeline", "stage", "product", "company", "contact", "lead", "deal", "activity")
KIND_NAMES: Final[Mapping[str, str]] = {
    kind: {"company": "companies", "activity": "activities"}.get(kind, f"{kind}s").capitalize() for kind in STEPS
}
"""What the objects of a CRM are called, in plural."""
_TRIGGERS: Final = {"demo": "Sample data", "daily": "Daily refresh", "first": "First sync"}
_NO_SIGN: Final = timedelta(minutes=2)
"""A run without a sign of life for this long was killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A CRM connection with its newest run. is_running: a run that gave a sign of life lately."""

    connection: CrmConnection
    freshness: Freshness
    run: Run | None
    is_running: bool

    @property
    def was_cut_off(self) -> bool:
        """The newest run ended before its end; the next one goes on where it stopped."""
        return self.run is not None and not self.is_running and self.run.status in {
            "interrupted", "cancelled", "failed", "running"
        }  # fmt: skip


@st.cache_resource(show_spinner=False)
def _executor() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="sync")


@st.cache_resource(show_spinner=False)
def _started() -> dict[tuple[int, int], Future[str]]:
    return {}


def sources(view: View) -> list[Source]:
    """Every connection with how fresh it is and what it does now."""
    database = installation.database()
    newest = status.newest_runs(database, view.organization_id)
    fresh = {one.connection_id: one for one in status.freshness(database, view.organization_id)}
    return [
        Source(
            connection=connection,
            freshness=fresh[connection.connection_id],
            run=newest.get(connection.connection_id),
            is_running=_is_running(newest.get(connection.connection_id), view.now) or is_queued(connection),
        )
        for connection in list_connections(database, view.organization_id)
        if connection.connection_id in fresh
    ]


def _is_running(run: Run | None, now: datetime) -> bool:
    return run is not None and run.status == "running" and now - run.heartbeat_at < _NO_SIGN


def is_queued(connection: CrmConnection) -> bool:
    """Started on this process and not over yet."""
    future = _started().get((connection.organization_id, connection.connection_id))
    return future is not None and not future.done()


_REFUSAL = "Only administrators and sales ops start and stop syncs."


def start(connection: CrmConnection) -> None:
    """Starts a sync, or goes on with one that was cut off. Does nothing where one is running here already. Raises
    PermissionError for who may not change settings."""
    rights.demand_settings(connection.organization_id, _REFUSAL)
    if not is_queued(connection):
        key = (connection.organization_id, connection.connection_id)
        _started()[key] = _executor().submit(_run, connection)


def _run(connection: CrmConnection) -> str:
    try:
        return sync_now(installation.services(), connection, trigger="workbench").status
    except SyncBusy:
        return "busy"
    except CrmError as error:
        log.warning("%s cannot be synchronised: %s", connection.name, error)
        return f"failed: {error}"
    except Exception:
        log.exception("The sync of %s ended unexpectedly", connection.name)
        return "failed: the log of the workbench has the details"


def outcome(connection: CrmConnection) -> str | None:
    """What became of the sync that was started here last; None while it runs or where there was none."""
    future = _started().get((connection.organization_id, connection.connection_id))
    return future.result() if future is not None and future.done() else None


def start_demo() -> Future[object]:
    """Loads the sample organization on a thread of this process."""
    return _executor().submit(load_demo, installation.services())


def cancel(run: Run, view: View) -> None:
    """Asks a running sync to end after its current page. Raises PermissionError for who may not change settings."""
    rights.demand_settings(view.organization_id, _REFUSAL)
    request_cancel(installation.database(), view.organization_id, run.run_id, now=view.now)


def runs(view: View, limit: int = 12) -> pd.DataFrame:
    """The newest runs as a frame: connection, trigger, status, started_at, duration, fetched, rejected, error."""
    found = status.list_runs(installation.database(), view.organization_id, limit=limit)
    rows = [
        {
            "run_id": run.run_id,
            "connection": run.connection,
            "trigger": _TRIGGERS.get(run.trigger, run.trigger.capitalize()),
            "status": run.status.capitalize(),
            "started_at": run.started_at.astimezone(view.zone),
            "duration_s": ((run.finished_at or run.heartbeat_at) - run.started_at).total_seconds(),
            "fetched": run.fetched,
            "rejected": run.rejected,
            "error": " ".join(part for part in (run.error_message, run.error_id and f"[{run.error_id}]") if part),
        }
        for run in found
    ]
    columns = ["run_id", "connection", "trigger", "status", "started_at", "duration_s", "fetched", "rejected", "error"]
    return pd.DataFrame(rows, columns=columns)


def run_counts(view: View, run_id: int) -> pd.DataFrame:
    """RECONCILIATION of a run in the order of its steps."""
    frame = status.reconciliation(installation.database(), view.organization_id, run_id)
    return frame.sort_values("kind", key=lambda kinds: kinds.map(STEPS.index)).reset_index(drop=True)


def reconciled(counts: pd.DataFrame) -> pd.DataFrame:
    """The counts with `sum_gap` (fetched that is in no other column) and `count_gap` (ours minus the CRM's count)."""
    parts = counts["new"] + counts["changed"] + counts["unchanged"] + counts["rejected"]
    return counts.assign(sum_gap=counts["fetched"] - parts, count_gap=counts["ours"] - counts["expected"])


def rejected_rows(view: View, run_id: int, *, after: int = 0) -> tuple[pd.DataFrame, int]:
    return status.rejected(installation.database(), view.organization_id, run_id, after=after)


def all_rejected(view: View, run_id: int) -> pd.DataFrame:
    """Every rejected row of a run; the row's own columns stand beside file, line and reason."""
    pages: list[pd.DataFrame] = []
    after = 0
    while True:
        page, _ = rejected_rows(view, run_id, after=after)
        if page.empty:
            break
        pages.append(page)
        after = int(page["rejected_id"].iloc[-1])
    if not pages:
        return pd.DataFrame()
    whole = pd.concat(pages, ignore_index=True)
    return pd.concat([whole.drop(columns=["row", "rejected_id"]), pd.DataFrame(whole["row"].tolist())], axis=1)


def missing(view: View) -> pd.DataFrame:
    """MISSING of the sources that are read."""
    found = status.missing_objects(installation.database(), view.organization_id)
    read = {one.name for one in list_connections(installation.database(), view.organization_id) if one.is_active}
    return found[found["connection"].isin(read)].reset_index(drop=True)


def step_name(step: str | None) -> str:
    """What a run is reading now."""
    return KIND_NAMES.get(step or "", "Reading")


def done_of(counts: pd.DataFrame) -> Sequence[str]:
    """The kinds of objects that a run has finished."""
    return [str(kind) for kind in counts.loc[counts["is_done"], "kind"]]


def demo_share() -> float:
    """How much of the sample data is loaded, by kinds of objects."""
    from ops.first_run import SAMPLE_NAME
    from snapshots.organizations import find_organization

    organization = find_organization(installation.database(), SAMPLE_NAME)
    if organization is None:
        return 0.02
    newest = status.list_runs(installation.database(), organization.organization_id, limit=1)
    if not newest:
        return 0.04
    counts = status.reconciliation(installation.database(), organization.organization_id, newest[0].run_id)
    return min(0.98, 0.05 + len(done_of(counts)) / len(STEPS))


def share(connection: CrmConnection) -> float:
    """How far the running sync of this connection is, by kinds of objects."""
    run = _newest(connection)
    if run is None or run.status != "running":
        return 0.02
    counts = status.reconciliation(installation.database(), connection.organization_id, run.run_id)
    return min(0.98, 0.05 + len(done_of(counts)) / len(STEPS))


def words(connection: CrmConnection) -> str:
    """The same in words."""
    run = _newest(connection)
    if run is None or run.status != "running":
        return "Starting …"
    return f"{step_name(run.step)}: {run.fetched:,} rows so far"


def _newest(connection: CrmConnection) -> Run | None:
    found = status.list_runs(installation.database(), connection.organization_id, limit=5)
    return next((run for run in found if run.connection_id == connection.connection_id), None)
