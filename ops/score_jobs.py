"""The jobs of scores: training and scoring when somebody asks for it, and every night after the day's syncs.

Of one organization and subject one runs at a time, held by the queue's lock. One that a shutdown interrupts is queued
again; one whose worker was killed is taken over, and begins anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final, get_args

import procrastinate

from ops import daily, jobs
from ops.job_book import Done, Slot, booked
from ops.jobs import Transaction
from ops.services import Services
from snapshots import scoring_runs
from snapshots.idempotency import claim
from snapshots.job_runs import Trigger
from snapshots.organizations import list_organizations
from snapshots.scoring_runs import AlreadyRunning, Kind

if TYPE_CHECKING:
    from insights.scoring.training import Subject

QUEUE: Final = "score"
TRAIN_TASK, SCORE_TASK, REFRESH_TASK = "train_model", "score_subject", "refresh_scores"
NIGHTLY: Final = "schedule"
"""By whom a model was trained that nobody asked for."""
LATER: Final = timedelta(minutes=15)
"""After which the night's work is tried again where somebody else is at it."""
_SUBJECTS: Final = ("lead", "deal")  # as `ops.scoring.SUBJECTS`, which costs a second to import


def defer_training(
    connection: Transaction, organization_id: int, subject: Subject, by: str, *, drop: Sequence[str] | None = None
) -> bool:
    """Queue a training, and what follows it: scores by the new model where it is used. False where one is waiting.
    drop: columns that it must not see; None: those of the training before."""
    further = {} if drop is None else {"drop": list(drop)}
    return _defer(connection, TRAIN_TASK, organization_id, subject, by, **further)


def defer_scoring(connection: Transaction, organization_id: int, subject: Subject, by: str) -> bool:
    """Queue the scoring of everything that is open. False where one is waiting."""
    return _defer(connection, SCORE_TASK, organization_id, subject, by)


def defer_refresh(
    connection: Transaction, organization_id: int, subject: Subject, day: date, *, by: str, again: bool = False
) -> bool:
    """Queue what is done every night, because a person asks for it. again: also where the day's is done. False where
    one is waiting."""
    slot = Slot(job=job_of(subject), day=day, trigger="person", by=by, again=again)
    return _defer(connection, REFRESH_TASK, organization_id, subject, by, **_asked_for(slot))


def lock_of(organization_id: int, subject: str) -> str:
    """Of the queue: one at a time of a subject."""
    return f"score:{organization_id}:{subject}"


def job_of(subject: str) -> str:
    """What the nightly work is called in the book of jobs."""
    return f"scores_{subject}"


def defer_due_scores(services: Services) -> list[tuple[int, date]]:
    """Queue the nightly scores of every organization whose syncs of the day are over; once per organization and day."""
    deferred = []
    for organization in list_organizations(services.database):
        day = jobs.refresh_day(services.now(), organization.zone)
        is_late = services.now() - daily.began_at(day, organization) > daily.LATE
        trigger: Trigger = "catch-up" if is_late else "schedule"
        if daily.is_settled(services, organization, day) and _claim(
            services, organization.organization_id, day, trigger
        ):
            deferred.append((organization.organization_id, day))
    return deferred


def register(app: procrastinate.App, services: Services) -> None:
    """Adds the tasks to the job queue."""
    for name in (TRAIN_TASK, SCORE_TASK, REFRESH_TASK):
        _add(app, services, name)

    @app.periodic(cron="*/5 * * * *")
    @app.task(name="defer_due_scores", queueing_lock="defer_due_scores")
    def scores_tick(timestamp: int) -> str:
        return f"{len(defer_due_scores(services))} organizations to be scored"


def run(
    services: Services, task: str, organization_id: int, subject: Subject, *, by: str, was_killed: bool = False,
    should_stop: Callable[[], bool] = lambda: False, drop: Sequence[str] | None = None, slot: Slot | None = None,
) -> str:  # fmt: skip
    """One of the tasks. was_killed: a worker died of it, so its run is over. slot: of the book of jobs; None: it does
    not stand there. Returns what became of it, in words."""
    from ops import scoring

    if was_killed:
        _bury(services, organization_id, subject)
    if organization_id not in {one.organization_id for one in list_organizations(services.database)}:
        return "gone"

    def work() -> Done:
        if task == TRAIN_TASK:
            return _train(services, organization_id, subject, by, should_stop, drop)
        return _WORK[task](services, organization_id, subject, by, should_stop)

    further = ({} if drop is None else {"drop": list(drop)}) | ({} if slot is None else _asked_for(slot))
    try:
        if slot is None:
            return work()
        return booked(services, organization_id, slot, work, broken_off=(AlreadyRunning, scoring.Stopped))
    except AlreadyRunning as busy:
        if by == NIGHTLY:  # the day's wish is claimed, so that nobody else would make it again
            later = services.now() + LATER
            with services.database.as_app(organization_id) as transaction:
                _defer(transaction, task, organization_id, subject, by, not_before=later, **further)
        return str(busy)
    except scoring.Interrupted:
        with services.database.as_app(organization_id) as transaction:
            _defer(transaction, task, organization_id, subject, by, **further)
        return "interrupted"
    except scoring.Stopped as stopped:
        return str(stopped)


# --- how --------------------------------------------------------------------------------------------------------------


def _train(
    services: Services, organization_id: int, subject: Subject, by: str, should_stop: Callable[[], bool],
    drop: Sequence[str] | None,
) -> Done:  # fmt: skip
    from ops import scoring

    version = scoring.train_model(services, organization_id, subject, by=by, should_stop=should_stop, drop=drop)
    said = f"version {version.version}, {version.state}"
    if not version.is_active:
        return Done(said, 0)
    scored = _score(services, organization_id, subject, by, should_stop)
    return Done(f"{said}; {scored}", scored.n_rows)


def _score(
    services: Services, organization_id: int, subject: Subject, by: str, should_stop: Callable[[], bool]
) -> Done:
    from ops import scoring

    n = scoring.score_all(services, organization_id, subject, by=by, should_stop=should_stop)
    return Done(f"{n:,} scores issued", n)


def _refresh(
    services: Services, organization_id: int, subject: Subject, by: str, should_stop: Callable[[], bool]
) -> Done:
    from ops import scoring

    done = scoring.refresh(services, organization_id, by=by, subjects=(subject,), should_stop=should_stop)
    return Done("; ".join(done), sum(one.n_rows or 0 for one in done))


_WORK: Final[dict[str, Callable[[Services, int, Any, str, Callable[[], bool]], Done]]] = {
    SCORE_TASK: _score, REFRESH_TASK: _refresh,
}  # fmt: skip


def _add(app: procrastinate.App, services: Services, name: str) -> None:
    @app.task(name=name, queue=QUEUE, pass_context=True)
    def task(
        context: procrastinate.JobContext, *, organization_id: int, subject: Subject, by: str,
        drop: Sequence[str] | None = None, day: str | None = None, trigger: Trigger = "schedule", again: bool = False,
    ) -> str:  # fmt: skip
        slot = None
        if day is not None:
            slot = Slot(job=job_of(subject), day=date.fromisoformat(day), trigger=trigger,
                        by=by if trigger == "person" else None, again=again)  # fmt: skip
        return run(
            services, name, organization_id, subject, by=by, was_killed=context.job.attempts > 0,
            should_stop=context.should_abort, drop=drop, slot=slot,
        )  # fmt: skip


def _defer(connection: Transaction, task: str, organization_id: int, subject: str, by: str, **further: Any) -> bool:
    # What a person asks for does not wait for the time at which the night's work is tried again.
    asked = ":asked" if further.get("trigger") == "person" else ""
    return jobs.put(
        connection, task, queue=QUEUE, lock=lock_of(organization_id, subject),
        waiting=f"{task}:{organization_id}:{subject}{asked}", organization_id=organization_id, subject=subject, by=by,
        **further,
    )  # fmt: skip


def _bury(services: Services, organization_id: int, subject: str) -> None:
    """The lock of the queue is ours, so whatever is said to run died with its worker."""
    for kind in get_args(Kind):
        last = scoring_runs.latest(services.database, organization_id, subject, kind)
        if last is not None and last.state == "running":
            scoring_runs.finish(
                services.database, organization_id, last.run_id, state="failed", now=services.now(),
                message=scoring_runs.KILLED,
            )  # fmt: skip


def _asked_for(slot: Slot) -> dict[str, Any]:
    """What the queued job is handed; who asked, it knows already."""
    return {"day": slot.day.isoformat()} | {name: one for name, one in slot.arguments.items() if name != "by"}


def _claim(services: Services, organization_id: int, day: date, trigger: Trigger) -> bool:
    with services.database.as_app(organization_id) as transaction:
        if not claim(transaction, organization_id, scope="daily_scores", key=day.isoformat()):
            return False
        for subject in _SUBJECTS:
            slot = Slot(job=job_of(subject), day=day, trigger=trigger)
            _defer(transaction, REFRESH_TASK, organization_id, subject, NIGHTLY, **_asked_for(slot))
    return True
