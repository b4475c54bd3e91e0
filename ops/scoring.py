"""Training and scoring of an organization's leads and deals: what is read, where it runs, what is kept.

A model is trained on what is known, graded, and used only if it is better than the one in use on the newest rows.
Scores are issued in pages, each a transaction, so a run that was stopped has issued whole pages and goes on with the
next run; what did not change is not issued again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Any, Final, cast

import numpy as np
import pandas as pd
import structlog

from insights.scoring.close_dates import CloseDates, on_trial
from insights.scoring.known import DAY, NEVER, instants
from insights.scoring.packing import NotAModel, pack, unpack
from insights.scoring.record import Alarm, drift_alarm
from insights.scoring.score_model import ScoreModel
from insights.scoring.scored import Task, score_deals, score_leads
from insights.scoring.training import Previous, Subject, Table, Trained, train
from ops.apart import run_apart
from ops.compute import executor
from ops.job_book import Done
from ops.score_tables import (
    DealWorld,
    LeadWorld,
    Past,
    instant_of,
    open_deals,
    open_leads,
    past_deals,
    past_leads,
    present,
)
from ops.services import Services
from snapshots import model_versions, scores, scoring_runs
from snapshots.model_versions import ModelVersion
from snapshots.scores import Issued

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two threads on two busy cores are ten times slower than one

SUBJECTS: Final[tuple[Subject, ...]] = ("lead", "deal")
RETRAIN_AFTER: Final = timedelta(days=7)
LATELY: Final = timedelta(days=90)
MANY: Final = 50_000
"""Above this many open leads reasons are made when somebody looks, not for all."""
IN_FLIGHT: Final = 4
"""Pages that are read ahead of those being scored."""

ShouldStop = Callable[[], bool]

LOG = structlog.get_logger()


class Stopped(RuntimeError):
    """Somebody asked the run to stop."""


class Interrupted(Stopped):
    """The program is shut down; the run has to begin anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InUse:
    """The version in use with its model, and by how much the rate has moved since."""

    version: ModelVersion
    model: ScoreModel
    packed: bytes
    alarm: Alarm | None

    @property
    def drift(self) -> float:
        return self.alarm.shift if self.alarm is not None and self.alarm.is_raised else 0.0


# --- training --------------------------------------------------------------------------------------------------------


def train_model(
    services: Services, organization_id: int, subject: Subject, *, by: str, should_stop: ShouldStop | None = None,
    drop: Sequence[str] | None = None,
) -> ModelVersion:  # fmt: skip
    """Train, grade and keep a new version; it is used at once where it is better. should_stop: asked all the time, for
    which the model is made in a process of its own. drop: columns that it must not see; None: those of the training
    before. Raises snapshots.scoring_runs.AlreadyRunning, Stopped."""
    with _run(services, organization_id, subject, "train", by=by, should_stop=should_stop) as run:
        run.say("Reading what is known")
        at = present(services.database, organization_id, services.now())
        past = _past(services, organization_id, subject, at)
        past = replace(past, table=replace(past.table, drop=_dropped(services, organization_id, subject, drop)))
        run.say(f"Learning from {past.table.outcomes.size:,} looks at {subject}s")
        used = in_use(services, organization_id, subject)
        proven = used if used is not None and is_shown(used.version) else None
        previous = None if proven is None else Previous(proven.model, proven.version.card)
        trained = _trained(past.table, previous, run)
        run.say("Keeping the model")
        return _kept(services, organization_id, past, trained, by=by, is_first=proven is None)


def _dropped(services: Services, organization_id: int, subject: Subject, drop: Sequence[str] | None) -> Sequence[str]:
    if drop is not None:
        return sorted(set(drop))
    newest = model_versions.list_versions(services.database, organization_id, subject)[:1]
    return list(newest[0].card.get("drop", ())) if newest else []


def _past(services: Services, organization_id: int, subject: Subject, at: datetime) -> Past:
    return (past_leads if subject == "lead" else past_deals)(services.database, organization_id, at=at)


def _trained(table: Table, previous: Previous | None, run: Run) -> Trained:
    if run.should_stop is None:
        return train(table, previous=previous)
    return run_apart(_train, table, previous, on_wait=lambda: run.say(run.message))


def _train(table: Table, previous: Previous | None) -> Trained:
    return train(table, previous=previous)


def _kept(
    services: Services, organization_id: int, past: Past, trained: Trained, *, by: str, is_first: bool
) -> ModelVersion:
    model, card = trained.model, dict(trained.card)
    if model is not None and past.table.subject == "deal":
        dates = CloseDates(decided_=past.decided).fit(past.won_rows, past.won_days)
        model = replace(model, close_dates=dates)
        card["decided"] = [{"age_days": age, "share": share} for age, share in past.decided]
        card["close_dates"] = on_trial(past.won_rows, past.won_days, past.won_created)
    # While nothing is proven the newest is in use: it says how far proof is away, and gives points by rule.
    is_used = trained.is_better or (is_first and model is not None)
    state = "active" if is_used else "candidate" if trained.is_shown else "refused"
    return model_versions.add(
        services.database, organization_id, past.table.subject, card=card,
        model=pack(model) if model is not None else None,
        cut_off=pd.Timestamp(past.table.cut_off, tz="UTC").to_pydatetime(), n=int(card["n"]),
        n_positive=int(card["n_positive"]), data_hash=trained.data_hash, by=by, now=services.now(), state=state,
    )  # fmt: skip


def in_use(services: Services, organization_id: int, subject: Subject) -> InUse | None:
    """None where there is none, or where it was stored by another version of this program."""
    version = model_versions.active(services.database, organization_id, subject)
    if version is None:
        return None
    packed = model_versions.load(services.database, organization_id, subject, version.version)
    try:
        model = unpack(packed) if packed is not None else None
    except NotAModel as why:
        LOG.warning("a model cannot be read", organization_id=organization_id, subject=subject, error=str(why))
        return None
    if model is None or packed is None:
        return None
    now = services.now()
    graded = scores.graded(services.database, organization_id, subject, since=now - LATELY, now=now)
    own = graded[graded["model_version"] == version.version]
    return InUse(version=version, model=model, packed=packed, alarm=drift_alarm(own))


def is_shown(version: ModelVersion) -> bool:
    """Whether its percentages may be shown; else its points by rule alone, or nothing."""
    return bool(version.card["gate"]["open"])


# --- scoring ---------------------------------------------------------------------------------------------------------


def score_all(
    services: Services, organization_id: int, subject: Subject, *, by: str, should_stop: ShouldStop | None = None
) -> int:
    """Score everything that is open, grade what is due. Returns how many scores were issued. Raises AlreadyRunning,
    Stopped."""
    with _run(services, organization_id, subject, "score", by=by, should_stop=should_stop) as run:
        scores.grade_due(services.database, organization_id, subject, now=services.now())
        used = in_use(services, organization_id, subject)
        if used is None or not (is_shown(used.version) or used.model.kind == "points"):
            scores.withdraw_settled(services.database, organization_id, subject)
            run.say("There is no model to score by")
            return 0
        return _issue_all(services, organization_id, subject, used, run)


def _issue_all(services: Services, organization_id: int, subject: Subject, used: InUse, run: Run) -> int:
    at = present(services.database, organization_id, services.now())
    task = Task(model=used.packed, at=instant_of(at), drift=used.drift)
    issued, seen = 0, 0
    for facts, found in _in_order(services, _work(services, organization_id, subject, used, task, at)):
        made = to_issue(found, facts, subject, used, at)
        issued += scores.issue(
            services.database, organization_id, subject, made, model_version=used.version.version, now=services.now()
        )
        seen += len(made)
        run.say(f"{seen:,} {subject}s scored", n_done=seen)
    settled = at - timedelta(days=int(used.version.card["horizon_days"])) if subject == "lead" else None
    scores.withdraw_settled(services.database, organization_id, subject, created_before=settled)
    return issued


Work = tuple[Callable[..., pd.DataFrame], Task, Any]


def _work(
    services: Services, organization_id: int, subject: Subject, used: InUse, task: Task, at: datetime
) -> Iterator[Work]:
    horizon = int(used.version.card["horizon_days"])
    if subject == "deal":
        deals = DealWorld.read(services.database, organization_id)
        for page in open_deals(services.database, organization_id, at=at):
            yield score_deals, task, deals.facts(services.database, organization_id, page)
        return
    leads, n = LeadWorld.read(services.database, organization_id), 0
    for page in open_leads(services.database, organization_id, at=at, horizon=horizon):
        n += len(page)
        some = task if n <= MANY else replace(task, with_reasons=False)
        yield score_leads, some, leads.facts(services.database, organization_id, page)


def _in_order(services: Services, work: Iterator[Work]) -> Iterator[tuple[Any, pd.DataFrame]]:
    """Results in the order of the work. A single page is scored here: other processes would take longer to start."""
    first, second = next(work, None), next(work, None)
    if first is not None and second is None:
        function, task, facts = first
        yield facts, function(task, facts)
    elif first is not None and second is not None:
        with executor(services.settings) as pool:
            yield from _in_pool(pool, chain((first, second), work))


def _in_pool(pool: Executor, work: Iterator[Work]) -> Iterator[tuple[Any, pd.DataFrame]]:
    waiting: list[tuple[Any, Future[pd.DataFrame]]] = []
    for function, task, facts in work:
        waiting.append((facts, pool.submit(function, task, facts)))
        if len(waiting) >= IN_FLIGHT:
            known, done = waiting.pop(0)
            yield known, done.result()
    for known, done in waiting:
        yield known, done.result()


def to_issue(found: pd.DataFrame, facts: Any, subject: Subject, used: InUse, at: datetime) -> list[Issued]:
    """What is issued of scores that were found, in their order."""
    records = facts.leads if subject == "lead" else facts.deals
    created, horizon = instants(records["created_at"]), int(used.version.card["horizon_days"])
    now = instant_of(at)
    end = np.where(created == NEVER, now, created) + horizon * DAY
    # A deal that takes longer than most is given as long again.
    due = pd.to_datetime(np.where(end <= now, now + horizon * DAY, end), utc=True)
    due_on, today = due.tz_convert(facts.zone).date, at.astimezone(facts.zone).date()  # days are the organization's
    amounts = _amounts(facts, instant_of(at)) if subject == "deal" else {}
    return [
        _one(row, due_on[place], used.model, today, amounts) for place, row in enumerate(found.itertuples(index=False))
    ]


def _one(row: Any, due_on: date, model: ScoreModel, today: date, amounts: dict[int, tuple[int, str]]) -> Issued:
    chance = None if np.isnan(row.probability) else float(row.probability)
    amount, currency = amounts.get(row.key, (None, None))
    reasons = [*row.reasons, *([{"group": "next", **row.action}] if row.action else [])]
    days = [row.close_early, row.close_likely, row.close_late]
    early, likely, late = (None if np.isnan(one) else today + timedelta(days=round(one)) for one in days)
    expected = None if amount is None or chance is None else round(amount * chance * float(row.decides))
    return Issued(
        entity_key=str(row.key), score=float(row.score), log_odds=float(row.log_odds), probability=chance,
        base_rate=model.base_rate, band=row.band, reasons=reasons, due_on=due_on, close_early=early,
        close_likely=likely, close_late=late, expected_minor=expected, currency=currency,
    )  # fmt: skip


def _amounts(facts: Any, at: int) -> dict[int, tuple[int, str]]:
    """Of deals with an amount and a currency at the instant."""
    states = facts.states
    is_now = (instants(states["valid_from"].fillna(pd.Timestamp(0, tz="UTC"))) <= at) & (
        instants(states["valid_to"]) > at
    )
    known = states[is_now].dropna(subset=["amount_minor", "currency"])
    return {
        int(deal): (int(amount), str(currency))
        for deal, amount, currency in zip(known["deal_id"], known["amount_minor"], known["currency"], strict=True)
    }


# --- runs ------------------------------------------------------------------------------------------------------------


class Run:
    """A run that people can watch and stop."""

    def __init__(
        self, services: Services, organization_id: int, subject: Subject, kind: Any, *, by: str,
        should_stop: ShouldStop | None = None,
    ) -> None:  # fmt: skip
        self._services, self._organization_id, self.message = services, organization_id, ""
        self.should_stop = should_stop
        self._run = scoring_runs.begin(services.database, organization_id, subject, kind, by=by, now=services.now())

    def say(self, message: str, *, n_done: int | None = None) -> None:
        """A sign of life. Raises Stopped."""
        self.message = message
        if scoring_runs.advance(
            self._services.database, self._organization_id, self._run.run_id, now=self._services.now(),
            n_done=n_done, message=message,
        ):  # fmt: skip
            raise Stopped("Somebody asked it to stop.")
        if self.should_stop is not None and self.should_stop():
            raise Interrupted("The program was shut down; it begins anew with the next start.")

    def __enter__(self) -> Run:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        state = "done" if error is None else "stopped" if isinstance(error, Stopped) else "failed"
        message = self.message if error is None else str(error) or type(error).__name__
        scoring_runs.finish(
            self._services.database, self._organization_id, self._run.run_id, state=cast("Any", state),
            now=self._services.now(), message=message,
        )  # fmt: skip


_run = Run


def _is_due(services: Services, organization_id: int, subject: Subject) -> bool:
    versions = model_versions.list_versions(services.database, organization_id, subject)
    if not versions or services.now() - versions[0].trained_at >= RETRAIN_AFTER:
        return True
    return any(one.is_active for one in versions) and in_use(services, organization_id, subject) is None


def refresh(
    services: Services, organization_id: int, *, by: str = "schedule", subjects: Sequence[Subject] = SUBJECTS,
    should_stop: ShouldStop | None = None,
) -> Sequence[Done]:  # fmt: skip
    """The nightly work: train where the newest model is a week old, there is none, or it cannot be read any more, then
    score. Returns what was done, in words, with the scores that were issued."""
    done: list[Done] = []
    for subject in subjects:
        if _is_due(services, organization_id, subject):
            version = train_model(services, organization_id, subject, by=by, should_stop=should_stop)
            done.append(Done(f"{subject} model {version.version} trained, {version.state}"))
        n = score_all(services, organization_id, subject, by=by, should_stop=should_stop)
        done.append(Done(f"{n:,} scores of {subject}s issued", n))
    return done
