"""The way of a posted lead through its stages, on an event loop: look up the form, judge, commit, deliver, answer.

The asynchronous front awaits it on its own loop; Flask hands requests to a loop in a thread (`handle_from_thread`).
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import structlog

from lead_endpoint.at_once import AtOnce
from lead_endpoint.messages import Answer, Request
from lead_endpoint.reception import Reading, Reception, Turned, Wanted
from snapshots.form_finder import FormFinder
from snapshots.group_commit import GroupCommit
from snapshots.intake import Form, Refused, StoreUnavailable

GRACE_S = 1.0
"""A lead that is delivered at once is left to the worker so long after its sender stopped waiting."""
LOG = structlog.get_logger()


@dataclass(slots=True)
class Desk:
    """keep: stores a submission that was refused."""

    reception: Reception
    forms: FormFinder
    committer: GroupCommit
    at_once: AtOnce
    keep: Callable[[Refused], None]
    _loop: asyncio.AbstractEventLoop | None = None
    _thread: threading.Thread | None = None
    _guard: threading.Lock = field(default_factory=threading.Lock)

    async def handle(self, request: Request) -> Answer:
        """The answer to a POST of a lead. Never raises for what the database or the CRM does."""
        began = time.perf_counter()
        found = await self._handle(request)
        self.reception.meter.took(time.perf_counter() - began)
        return found

    async def _handle(self, request: Request) -> Answer:
        reading = self.reception.read(request)
        if isinstance(reading, Answer):
            return self.reception.shared(reading, request, None)
        try:
            form = await self._form(reading)
            if isinstance(form, Answer):
                return self.reception.shared(form, request, None)
            return self.reception.shared(await self._judged(reading, form), request, form)
        except StoreUnavailable as error:
            LOG.warning("lead not stored", reason=str(error))
            return self.reception.shared(self.reception.not_stored(reading), request, None)

    async def _judged(self, reading: Reading, form: Form | None) -> Answer:
        if form is not None:
            is_known, asked = self.forms.earlier(form, reading.version)
            if not is_known:
                refusal = self.reception.may_look_up(reading.request)
                if refusal is not None:
                    return refusal
                asked = await asyncio.to_thread(self.forms.learn, form, reading.version or 0)
            form = asked
        judged = self.reception.judge(reading, form)
        if isinstance(judged, Turned):
            return await self._turned(judged)
        return await self._wanted(judged)

    async def _form(self, reading: Reading) -> Form | Answer | None:
        known, form = self.forms.remembered(reading.form_key)
        if known:
            return form
        return self.reception.may_look_up(reading.request) or await asyncio.to_thread(self.forms.find, reading.form_key)

    async def _turned(self, turned: Turned) -> Answer:
        if turned.kept is not None:
            await asyncio.to_thread(self.keep, turned.kept)
        return turned.answer

    async def _wanted(self, wanted: Wanted) -> Answer:
        waits = wanted.may_wait and self.at_once.reserve()
        if not waits:
            return self.reception.accepted(wanted, await self.committer.commit_async(wanted.lead))
        lead = replace(wanted.lead, due_in_s=self.at_once.wait_s + GRACE_S)
        try:
            receipt = await self.committer.commit_async(lead)
        except BaseException:
            self.at_once.give_back()
            raise
        if receipt.is_same and receipt.state == "pending":
            receipt = await self.at_once.outcome(lead.organization_id, receipt)
        else:
            self.at_once.give_back()
        return self.reception.accepted(wanted, receipt)

    def handle_from_thread(self, request: Request) -> Answer:
        """The same, for callers without an event loop."""
        with self._guard:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="desk", daemon=True)
                self._thread.start()
        return asyncio.run_coroutine_threadsafe(self.handle(request), self._loop).result()

    def close(self) -> None:
        """What was accepted is on disk; what is being delivered ends. Again does nothing."""
        self.at_once.close()
        self.committer.close()
        loop, self._loop = self._loop, None
        if loop is not None and self._thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join()
            loop.close()
