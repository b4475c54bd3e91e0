"""Scores of leads from websites for whoever gives them away: computed by a thread of their own, many at once, and never
waited for longer than a moment. A lead whose score is late or fails goes on without one.

A score of one lead costs nearly as much as those of sixty, so that leads which will be asked about next are scored
along.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue
from time import monotonic
from typing import Final, Protocol
from uuid import UUID

import structlog

from ops.services import Services
from snapshots.arrivals import Arrival, InUse, organizations_that_score

WAIT_S: Final = 2.0
"""So long a lead waits for its score. Later ones wait for nothing while one is late."""
AT_ONCE: Final = 64
AHEAD_FOR_S: Final = 30.0
"""So long a score that was made along is as good as one that is made when it is asked for."""
LOG = structlog.get_logger()


class Model(Protocol):
    """`ops.score_arrivals.ArrivalModel`, which is loaded by the thread alone."""

    def scores(self, organization_id: int, version: int, lead_ids: Sequence[UUID]) -> Mapping[UUID, Arrival]: ...

    def due_next(self, organization_id: int, most: int) -> Sequence[UUID]:
        """Leads that will be asked about."""
        ...


@dataclass(frozen=True, slots=True)
class _Asked:
    organization_id: int
    lead_id: UUID
    answer: Future[Arrival | None] = field(default_factory=Future)


@dataclass(frozen=True, slots=True)
class _Ahead:
    version: int | None
    until: float
    found: Arrival | None


@dataclass(slots=True)
class ArrivalScores:
    """A `snapshots.arrivals.Scorer` for any number of threads. clock: monotonic seconds."""

    in_use: InUse
    make_model: Callable[[], Model]
    wait_s: float = WAIT_S
    clock: Callable[[], float] = monotonic
    _asked: SimpleQueue[_Asked | None] = field(default_factory=SimpleQueue)
    _since: float | None = None
    """When what is computed now was begun."""
    _thread: threading.Thread | None = None
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _model: Model | None = None
    _ahead: dict[UUID, _Ahead] = field(default_factory=dict)

    def is_wanted(self, organization_id: int) -> bool:
        try:
            return self.in_use.version(organization_id) is not None
        except Exception as error:  # whatever the database says: who gives leads away asks it next, and tells
            LOG.warning("cannot tell whether leads are scored", error=type(error).__name__)
            return False

    def score(self, organization_id: int, lead_id: UUID) -> Arrival | None:
        made = self._ahead.pop(lead_id, None)
        if made is not None and self._counts(organization_id, made):
            return made.found
        if self._is_late():
            return None
        self._start()
        asked = _Asked(organization_id, lead_id)
        self._asked.put(asked)
        try:
            return asked.answer.result(self.wait_s)
        except TimeoutError:
            asked.answer.cancel()
            LOG.warning("a score is late, the lead goes on without it", lead_id=str(lead_id))
        except Exception as error:  # of the model or the database
            LOG.warning("a lead has no score", lead_id=str(lead_id), error=repr(error))
        return None

    def warm_up(self) -> None:
        """Load what models need, before the first lead waits for it."""
        self._start()
        self._asked.put(_Asked(0, UUID(int=0)))

    def close(self) -> None:
        """What is computed now is not waited for."""
        self._asked.put(None)

    def _counts(self, organization_id: int, made: _Ahead) -> bool:
        try:
            return self.clock() < made.until and made.version == self.in_use.version(organization_id)
        except Exception as error:  # whatever the database says: then it is made anew, and whoever makes it tells
            LOG.warning("cannot tell whether a score still counts", error=type(error).__name__)
            return False

    def _is_late(self) -> bool:
        since = self._since
        return since is not None and self.clock() - since > self.wait_s

    def _start(self) -> None:
        with self._guard:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="scores", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while (first := self._asked.get()) is not None:
            batch, is_last = [first], False
            while not self._asked.empty() and len(batch) < AT_ONCE and not is_last:
                more = self._asked.get()
                if more is None:
                    is_last = True
                else:
                    batch.append(more)
            self._since = self.clock()
            self._answer([one for one in batch if one.answer.set_running_or_notify_cancel()])
            self._since = None
            if is_last:
                return

    def _answer(self, batch: Sequence[_Asked]) -> None:
        for organization_id in dict.fromkeys(one.organization_id for one in batch):
            own = [one for one in batch if one.organization_id == organization_id and not self._was_made(one)]
            try:
                found = self._found(organization_id, [one.lead_id for one in own]) if own else {}
            except Exception as error:  # is told to whom it is about
                for one in own:
                    one.answer.set_exception(error)
                continue
            for one in own:
                one.answer.set_result(found.get(one.lead_id))

    def _was_made(self, asked: _Asked) -> bool:
        """Whether it was answered by a score that was made along while it waited."""
        made = self._ahead.pop(asked.lead_id, None)
        if made is None or not self._counts(asked.organization_id, made):
            return False
        asked.answer.set_result(made.found)
        return True

    def _found(self, organization_id: int, lead_ids: Sequence[UUID]) -> Mapping[UUID, Arrival]:
        if self._model is None:
            self._model = self.make_model()
        version = self.in_use.version(organization_id) if organization_id else None
        if version is None:
            return {}
        along = self._along(self._model, organization_id, lead_ids)
        found = self._model.scores(organization_id, version, [*lead_ids, *along])
        until = self.clock() + AHEAD_FOR_S
        self._ahead |= {one: _Ahead(version, until, found.get(one)) for one in along}
        return found

    def _along(self, model: Model, organization_id: int, lead_ids: Sequence[UUID]) -> list[UUID]:
        """Further leads of the organization; where some were scored along already, those are used up first."""
        now = self.clock()
        self._ahead = {one: made for one, made in list(self._ahead.items()) if now < made.until}
        due = model.due_next(organization_id, AT_ONCE)
        return [one for one in due if one not in lead_ids and one not in self._ahead][: AT_ONCE - len(lead_ids)]


def make_scores(services: Services) -> ArrivalScores:
    def make_model() -> Model:
        from ops.score_arrivals import ArrivalModel

        return ArrivalModel(services)

    return ArrivalScores(InUse(services.database, monotonic), make_model)


@contextmanager
def scoring_arrivals(services: Services) -> Iterator[ArrivalScores]:
    """For deliveries and givers of this process."""
    scores = make_scores(services)
    if organizations_that_score(services.database):
        scores.warm_up()
    try:
        yield scores
    finally:
        scores.close()
