"""Work in a process of its own: it can be ended at any moment, and does not hold up the threads of this one."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Final, TypeVar, cast

Found = TypeVar("Found")

SIGN_EVERY_S: Final = 2.0


class Died(RuntimeError):
    """The process ended without a result, as one does that the system kills for its memory."""


def run_apart(work: Callable[..., Found], *arguments: object, on_wait: Callable[[], None]) -> Found:
    """What `work(*arguments)` gives; both must be picklable.

    on_wait: called every SIGN_EVERY_S seconds; where it raises, the work is ended and that is raised. Raises what the
    work raises, Died.
    """
    # A forked child would share this process's connections and threads' locks.
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_work, args=(there, work, arguments), daemon=True)
    child.start()
    there.close()
    try:
        while not here.poll(SIGN_EVERY_S):
            on_wait()
        return cast(Found, _received(here))
    finally:
        child.terminate()
        child.join()
        here.close()


def _received(here: Connection) -> Any:
    try:
        found, error = here.recv()
    except EOFError as gone:
        raise Died("The process that worked on it ended before its end; perhaps there was too little memory.") from gone
    if error is not None:
        raise error
    return found


def _work(there: Connection, work: Callable[..., object], arguments: tuple[object, ...]) -> None:
    try:
        there.send((work(*arguments), None))
    except Exception as error:  # whatever it is: it is raised where the work is wanted
        there.send((None, error))
