"""Pages on their way to be stored: small ones are put together, and the next is made on a thread of its own while the
caller works on the one before."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, Full, Queue
from typing import TypeVar

from adapters.base import Page

T = TypeVar("T")

SWITCH_INTERVAL_S = 0.0005
"""Python's own 5 ms are what a thread that comes back from the database waits until the busy other one lets go of the
interpreter; a page of a sync comes back a hundred times."""


@contextmanager
def made_ahead(items: Iterator[T], ahead: int = 2) -> Iterator[Iterator[T]]:
    """The same items, at most `ahead` of them before they are asked for. What the iteration raises is raised here."""
    sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_INTERVAL_S))
    queue: Queue[T | BaseException | None] = Queue(maxsize=ahead)
    stop = threading.Event()

    def put(item: T | BaseException | None) -> None:
        while not stop.is_set():
            try:
                queue.put(item, timeout=0.2)
            except Full:
                continue
            return

    def fetch() -> None:
        try:
            for item in items:
                put(item)
                if stop.is_set():
                    return
            put(None)
        except BaseException as error:  # carried over to the storing thread
            put(error)

    def drain() -> Iterator[T]:
        while True:
            item = queue.get()
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    thread = threading.Thread(target=fetch, name="fetch pages", daemon=True)
    thread.start()
    try:
        yield drain()
    finally:
        stop.set()
        while thread.is_alive():
            try:
                queue.get_nowait()
            except Empty:
                thread.join(0.05)


GATHERED = 2_000
"""Changes that are stored together at least where a CRM's pages are small: a transaction costs as much as a hundred."""


MOST_GATHERED = 50
"""Pages that are put together at most, however little they hold: between two of them a run is told to stop."""


def gathered(pages: Iterator[Page], least: int = GATHERED) -> Iterator[Page]:
    """The same changes in pages of at least `least`, the last apart. What came before an error is handed on first."""
    held: list[Page] = []
    size, most = 0, min(least, MOST_GATHERED)
    try:
        for page in pages:
            held.append(page)
            size += len(page.changes) + len(page.rejections)
            if size >= least or len(held) >= most:
                yield _joined(held)
                held, size = [], 0
    except Exception:
        if held:
            yield _joined(held)
        raise
    if held:
        yield _joined(held)


def _joined(pages: list[Page]) -> Page:
    last = pages[-1]
    return Page(
        changes=tuple(change for page in pages for change in page.changes),
        rejections=tuple(one for page in pages for one in page.rejections),
        cursor=last.cursor,
        done=last.done,
        total=last.total,
    )
