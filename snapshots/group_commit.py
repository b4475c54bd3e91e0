"""Commits leads in groups. While one group is on its way to disk, the leads that come in meanwhile make the next: who
comes alone waits for nobody, and a busy moment costs few commits.

A lead that the database does not confirm in time is not accepted; if it still waits for its turn then, it is dropped,
so that it is not stored behind the back of a sender who was told to come again.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from time import monotonic, sleep
from typing import Any
from uuid import UUID

import psycopg

from snapshots import intake
from snapshots.intake import Receipt, Received, StoreUnavailable

MOST = 200
"""Leads in a group."""
MOST_WAITING = 10_000
PATIENCE_S = 2.0
COMPANY_S = 0.0003
"""So long a group waits for more after one of several leads: small groups cost more time than they save."""
_LOOK_EVERY_S = 0.1


@dataclass(slots=True)
class _Waiting:
    lead: Received
    future: Future[Receipt] | asyncio.Future[Receipt]
    loop: asyncio.AbstractEventLoop | None
    until: float


@dataclass(slots=True)
class GroupCommit:
    """connect: opens the writer's connection. clock: monotonic seconds. Start it before use, close it after.

    There is one writer: groups grow by themselves to what comes in during a commit, and two writers would only make
    them half as large.
    """

    connect: Callable[[], psycopg.Connection[Any]]
    clock: Callable[[], float] = monotonic
    patience_s: float = PATIENCE_S
    _queue: SimpleQueue[_Waiting | None] = field(default_factory=SimpleQueue)
    _group: Sequence[_Waiting] = ()
    _is_busy: bool = False
    _connection: psycopg.Connection[Any] | None = None
    _threads: list[threading.Thread] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _is_closed: bool = False
    _ended: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        for name, target in (("commit", self._write), ("commit-watch", self._watch)):
            thread = threading.Thread(target=target, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """What is waiting is still committed, or told in time that it is not."""
        with self._guard:
            self._is_closed = True
            self._queue.put(None)
        for thread in self._threads:
            thread.join(self.patience_s + 2 * _LOOK_EVERY_S)

    def commit(self, lead: Received) -> Receipt:
        """From a thread: returns when the lead is on disk. Raises StoreUnavailable."""
        future: Future[Receipt] = Future()
        self._enqueue(lead, future, None)
        return future.result()

    async def commit_async(self, lead: Received) -> Receipt:
        """From an event loop: the same."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Receipt] = loop.create_future()
        self._enqueue(lead, future, loop)
        return await future

    def _enqueue(
        self,
        lead: Received,
        future: Future[Receipt] | asyncio.Future[Receipt],
        loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        with self._guard:  # behind the end a lead would wait for ever
            if self._is_closed:
                raise StoreUnavailable("the endpoint is stopping")
            if self._queue.qsize() >= MOST_WAITING:
                raise StoreUnavailable("too many leads wait to be written")
            self._queue.put(_Waiting(lead, future, loop, self.clock() + self.patience_s))

    # --- the writer's thread ---

    def _write(self) -> None:
        while (group := self._next_group()) is not None:
            self._group = group
            result = self._store(group)
            self._group = ()
            _tell(group, result)
        self._drop_connection()
        self._ended.set()

    def _next_group(self) -> list[_Waiting] | None:
        """Everything that waits; None at the end."""
        group: list[_Waiting] = []
        one = self._queue.get()
        if self._is_busy:
            sleep(COMPANY_S)
        with suppress(Empty):
            while one is not None:
                group.append(one)
                if len(group) == MOST:
                    break
                one = self._queue.get_nowait()
            else:
                self._queue.put(None)  # the end is found again, by itself
        self._is_busy = len(group) > 1
        return group or None

    def _store(self, group: Sequence[_Waiting]) -> dict[UUID, Receipt] | StoreUnavailable:
        """By the ids that were asked for; leads that waited too long are not among them."""
        try:
            if self._wanted(group) and (self._connection is None or self._connection.closed):
                self._connection = self.connect()
            leads = self._wanted(group)  # connecting takes its time, too
            receipts = intake.store(self._connection, leads) if leads and self._connection else []
        except Exception as error:  # whoever waits must be told, and the writer must go on
            self._drop_connection()
            return error if isinstance(error, StoreUnavailable) else StoreUnavailable(type(error).__name__)
        return {lead.lead_id: receipt for lead, receipt in zip(leads, receipts, strict=True)}

    def _wanted(self, group: Sequence[_Waiting]) -> list[Received]:
        return [one.lead for one in group if one.until > self.clock() and not one.future.done()]

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                connection.close()

    # --- the watch's thread ---

    def _watch(self) -> None:
        """Ends the wait for a server that does not answer, or cannot be connected to."""
        while not self._ended.wait(_LOOK_EVERY_S):
            group, connection = self._group, self._connection
            if group and group[0].until <= self.clock():
                _tell(group, StoreUnavailable("the database does not answer"))
                if connection is not None:
                    intake.cut(connection)


def _tell(group: Sequence[_Waiting], result: Mapping[UUID, Receipt] | StoreUnavailable) -> None:
    """Wake everybody, each event loop once."""
    by_loop: dict[asyncio.AbstractEventLoop | None, list[tuple[_Waiting, Receipt | StoreUnavailable]]] = {}
    for one in group:
        its = result if isinstance(result, StoreUnavailable) else result.get(one.lead.lead_id)
        # A new error each time: one for all would hold on to every request that it ever ended.
        its = its or StoreUnavailable("the database did not answer in time")
        by_loop.setdefault(one.loop, []).append((one, its))
    for loop, told in by_loop.items():
        if loop is None:
            _set(told)
        else:
            with suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(_set, told)


def _set(told: Sequence[tuple[_Waiting, Receipt | StoreUnavailable]]) -> None:
    for one, result in told:
        if one.future.done():
            continue
        with suppress(InvalidStateError):  # the writer and the watch tell a thread at the same moment
            if isinstance(result, StoreUnavailable):
                one.future.set_exception(result)
            else:
                one.future.set_result(result)
