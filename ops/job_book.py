"""Keeps the book of jobs: each attempt at a slot is written down as it begins and as it ends, whatever ends it.

The work comes first and its entry after it. A crash between the two leaves an attempt without an end: the queue hands
the job to another worker, which does the work again (it may be repeated without harm) and writes the one outcome.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Self

import structlog

from adapters.errors import CrmError
from ops import logs
from ops.services import Services
from snapshots import job_runs
from snapshots.job_runs import Ending, Trigger

LONGEST: Final = 300
"""Letters of a sentence or an error that people are shown."""
ALREADY: Final = "done already"
LOG = structlog.get_logger()
_IN_ADDRESSES: Final = re.compile(r"(?<=://)[^\s/?#]+@")
_IN_QUERIES: Final = re.compile(
    r"(?i)\b([\w-]*(?:key|token|secret|password|authorization))([\"']?\s*[=:]\s*[\"']?(?:(?:bearer|basic)\s+)?)"
    r"[^\s&,;\"']+"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """What is to be done, for which day of the organization. again: also where that was done already."""

    job: str
    day: date
    trigger: Trigger = "schedule"
    by: str | None = None
    again: bool = False

    @property
    def waiting_as(self) -> str:
        """What tells it from others in the queue: what a person asks for does not wait for a retry's time."""
        return f"{self.day.isoformat()}:asked" if self.trigger == "person" else self.day.isoformat()

    @property
    def arguments(self) -> dict[str, Any]:
        """What a queued job is handed beside its day; nothing where the schedule queued it in time, so that a program
        of the version before can do it, too."""
        told = {"trigger": self.trigger, "by": self.by, "again": self.again}
        return {name: value for name, value in told.items() if value not in ("schedule", None, False)}


class Done(str):
    """What became of a work, in words. n_rows: of how many rows, such as `ops.job_list.Job.counts` names them; None: it
    does not count any."""

    __slots__ = ("n_rows",)
    n_rows: int | None

    def __new__(cls, said: str, n_rows: int | None = None) -> Self:
        made = super().__new__(cls, said)
        made.n_rows = n_rows
        return made


def booked(
    services: Services, organization_id: int, slot: Slot, work: Callable[[], str], *,
    broken_off: tuple[type[Exception], ...] = (),
) -> str:  # fmt: skip
    """Do the work of a slot and write down what became of it. Returns that in words. What the work raises is written
    down and raised; broken_off: what is no fault of it, but says why it is begun anew."""
    database = services.database
    run_id = job_runs.begin(
        database, organization_id, slot.job, slot.day, trigger=slot.trigger, by=slot.by, again=slot.again,
        now=services.now(),
    )  # fmt: skip
    if run_id is None:
        return ALREADY
    try:
        done = work()
    except broken_off as why:
        _end(services, organization_id, run_id, Ending(outcome="interrupted", said=str(why)[:LONGEST]))
        raise
    except Exception as error:
        identifier = logs.error_id(error)
        LOG.exception("job failed", job=slot.job, organization_id=organization_id, error_id=identifier)
        told = Ending(outcome="failed", error=sentence(services, error), error_id=identifier)
        _end(services, organization_id, run_id, told)
        raise
    n_rows = done.n_rows if isinstance(done, Done) else None
    _end(services, organization_id, run_id, Ending(outcome="done", said=str(done)[:LONGEST], n_rows=n_rows))
    return str(done)


def _end(services: Services, organization_id: int, run_id: int, ending: Ending) -> None:
    if not job_runs.end(services.database, organization_id, run_id, ending, now=services.now()):
        LOG.warning("a job ended after another one took its place", organization_id=organization_id, run_id=run_id)


# --- errors -----------------------------------------------------------------------------------------------------------


def sentence(services: Services, error: Exception) -> str:
    """What people are shown of an error: its first line without secrets and at most `LONGEST` letters; the kind of
    error where it was not meant for people."""
    lines = str(error).strip().splitlines()
    first = lines[0] if lines else ""
    told = first if isinstance(error, CrmError) else f"{type(error).__name__}: {first}".removesuffix(": ")
    told = logs.redacted(told, logs.secrets_of(services.settings))
    told = _IN_QUERIES.sub(rf"\1\2{logs.HIDDEN}", _IN_ADDRESSES.sub(f"{logs.HIDDEN}@", told))
    return told if len(told) <= LONGEST else f"{told[: LONGEST - 1]}…"
