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
from ops.jobs import Transaction
from ops.services import Services
from snapshots import scoring_runs
from snapshots.idempotency import claim
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


def defer_due_scores(services: Services) -> list[tuple[int, date]]:
    """Queue the nightly scores of every organization whose syncs of the day are over; once per organization and day."""
    deferred = []
    for organization in list_organizations(services.database):
        day = jobs.refresh_day(services.now(), organization.zone)
        if daily.is_settled(services, organization, day) and _claim(services, organization.organization_id, day):
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
    should_stop: Callable[[], bool] = lambda: False, drop: Sequence[str] | None = None,
) -> str:  # fmt: skip
    """One of the tasks. was_killed: a worker died of it, so its run is over. Returns what became of it, in words."""
    from ops import scoring

    if was_killed:
        _bury(services, organization_id, subject)
    if organization_id not in {one.organization_id for one in list_organizations(services.database)}:
        return "gone"
    try:
        if task == TRAIN_TASK:
            return _train(services, organization_id, subject, by, should_stop, drop)
        return _WORK[task](services, organization_id, subject, by, should_stop)
    except AlreadyRunning as busy:
        if by == NIGHTLY:  # the day's wish is claimed, so that nobody else would make it again
            later = services.now() + LATER
            with services.database.as_app(organization_id) as transaction:
                _defer(transaction, task, organization_id, subject, by, not_before=later)
        return str(busy)
    except scoring.Interrupted:
        with services.database.as_app(organization_id) as transaction:
            _defer(transaction, task, organization_id, subject, by, **({} if drop is None else {"drop": list(drop)}))
        return "interrupted"
    except scoring.Stopped as stopped:
        return str(stopped)


# --- how --------------------------------------------------------------------------------------------------------------


def _train(
    services: Services, organization_id: int, subject: Subject, by: str, should_stop: Callable[[], bool],
    drop: Sequence[str] | None,
) -> str:  # fmt: skip
    from ops import scoring

    version = scoring.train_model(services, organization_id, subject, by=by, should_stop=should_stop, drop=drop)
    said = f"version {version.version}, {version.state}"
    if version.is_active:
        said += f"; {_score(services, organization_id, subject, by, should_stop)}"
    return said


def _score(services: Services, organization_id: int, subject: Subject, by: str, should_stop: Callable[[], bool]) -> str:
    from ops import scoring

    return f"{scoring.score_all(services, organization_id, subject, by=by, should_stop=should_stop):,} scores issued"


def _refresh(
    services: Services, organization_id: int, subject: Subject, by: str, should_stop: Callable[[], bool]
) -> str:
    from ops import scoring

    return "; ".join(scoring.refresh(services, organization_id, by=by, subjects=(subject,), should_stop=should_stop))


_WORK: Final[dict[str, Callable[[Services, int, Any, str, Callable[[], bool]], str]]] = {
    SCORE_TASK: _score, REFRESH_TASK: _refresh,
}  # fmt: skip


def _add(app: procrastinate.App, services: Services, name: str) -> None:
    @app.task(name=name, queue=QUEUE, pass_context=True)
    def task(
        context: procrastinate.JobContext, *, organization_id: int, subject: Subject, by: str,
        drop: Sequence[str] | None = None,
    ) -> str:  # fmt: skip
        return run(
            services, name, organization_id, subject, by=by, was_killed=context.job.attempts > 0,
            should_stop=context.should_abort, drop=drop,
        )  # fmt: skip


def _defer(connection: Transaction, task: str, organization_id: int, subject: str, by: str, **further: Any) -> bool:
    return jobs.put(
        connection, task, queue=QUEUE, lock=f"score:{organization_id}:{subject}",
        waiting=f"{task}:{organization_id}:{subject}", organization_id=organization_id, subject=subject, by=by,
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


def _claim(services: Services, organization_id: int, day: date) -> bool:
    with services.database.as_app(organization_id) as transaction:
        if not claim(transaction, organization_id, scope="daily_scores", key=day.isoformat()):
            return False
        for subject in _SUBJECTS:
            _defer(transaction, REFRESH_TASK, organization_id, subject, NIGHTLY)
    return True
