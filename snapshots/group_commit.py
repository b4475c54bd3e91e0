"""Commits leads in groups. While one group is on its way to disk, the leads that come in meanwhile make the next:
nobody waits for company, and a busy moment costs few commits.

A lead that the database does not confirm in time is not accepted; if it still waits for its turn then, it is dropped,
so that it is not stored behind the back of a sender who was told to come again.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

import psycopg

from snapshots import intake
from snapshots.intake import Receipt, Received, StoreUnavailable

WRITERS = 2
"""One group is put together and sent while the one before is written to disk."""
MOST = 200
"""Leads in a group."""
MOST_WAITING = 10_000
PATIENCE_S = 2.0


@dataclass(slots=True)
class _Waiting:
    lead: Received
    future: Future[Receipt] | asyncio.Future[Receipt]
    loop: asyncio.AbstractEventLoop | None
    is_given_up: bool = False


@dataclass(slots=True)
class _Writer:
    connection: psycopg.Connection[Any] | None = None
    group: Sequence[_Waiting] = ()


@dataclass(slots=True)
class GroupCommit:
    """connect: opens a connection for a writer. Start it before use, close it after."""

    connect: Callable[[], psycopg.Connection[Any]]
    patience_s: float = PATIENCE_S
    _queue: SimpleQueue[_Waiting | None] = field(default_factory=SimpleQueue)
    _writers: list[_Writer] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        for number in range(WRITERS):
            writer = _Writer()
            thread = threading.Thread(target=self._write, args=(writer,), name=f"commit-{number}", daemon=True)
            self._writers.append(writer)
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """What is waiting is still committed."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(self.patience_s)

    def commit(self, lead: Received) -> Receipt:
        """From a thread: returns when the lead is on disk. Raises StoreUnavailable."""
        future: Future[Receipt] = Future()
        waiting = self._enqueue(_Waiting(lead, future, None))
        try:
            return future.result(self.patience_s)
        except TimeoutError:
            self._give_up(waiting)
            raise StoreUnavailable("the database does not answer") from None

    async def commit_async(self, lead: Received) -> Receipt:
        """From an event loop: the same."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Receipt] = loop.create_future()
        waiting = self._enqueue(_Waiting(lead, future, loop))
        try:
            async with asyncio.timeout(self.patience_s):
                return await future
        except TimeoutError:
            self._give_up(waiting)
            raise StoreUnavailable("the database does not answer") from None

    def _enqueue(self, waiting: _Waiting) -> _Waiting:
        if self._queue.qsize() >= MOST_WAITING:
            raise StoreUnavailable("too many leads wait to be written")
        self._queue.put(waiting)
        return waiting

    def _give_up(self, waiting: _Waiting) -> None:
        waiting.is_given_up = True
        for writer in self._writers:
            if waiting in writer.group and writer.connection is not None:
                intake.cut(writer.connection)

    # --- a writer's thread ---

    def _write(self, writer: _Writer) -> None:
        while (group := self._next_group()) is not None:
            writer.group = group
            result: Sequence[Receipt] | StoreUnavailable
            try:
                result = self._store(writer, group)
            except StoreUnavailable as error:
                result = error
            except Exception as error:  # whoever waits must be told, and the writer must go on
                result = StoreUnavailable(type(error).__name__)
            if isinstance(result, StoreUnavailable):
                self._drop_connection(writer)
            writer.group = ()
            _tell(group, result)
        self._drop_connection(writer)

    def _next_group(self) -> list[_Waiting] | None:
        """Everything that waits; None at the end."""
        first = self._queue.get()
        group = [first]
        with suppress(Empty):
            while group[-1] is not None and len(group) < MOST:
                group.append(self._queue.get_nowait())
        if group[-1] is None and len(group) > 1:
            self._queue.put(None)
        wanted = [one for one in group if one is not None]
        return None if first is None else [one for one in wanted if not one.is_given_up]

    def _store(self, writer: _Writer, group: Sequence[_Waiting]) -> list[Receipt]:
        if not group:
            return []
        if writer.connection is None or writer.connection.closed:
            try:
                writer.connection = self.connect()
            except psycopg.Error as error:
                raise StoreUnavailable(type(error).__name__) from error
        return intake.store(writer.connection, [one.lead for one in group])

    def _drop_connection(self, writer: _Writer) -> None:
        connection, writer.connection = writer.connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                connection.close()


def _tell(group: Sequence[_Waiting], result: Sequence[Receipt] | StoreUnavailable) -> None:
    """Wake everybody, each event loop once."""
    results: Sequence[Receipt | StoreUnavailable]
    results = [result] * len(group) if isinstance(result, StoreUnavailable) else result
    by_loop: dict[asyncio.AbstractEventLoop | None, list[tuple[_Waiting, Receipt | StoreUnavailable]]] = {}
    for one, its in zip(group, results, strict=True):
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
        if isinstance(result, StoreUnavailable):
            one.future.set_exception(result)
        else:
            one.future.set_result(result)
