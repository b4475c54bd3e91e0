"""Tells people and programs of new leads: claims what is due, sends it, writes down what became of it.

The outbox stands in `snapshots.notifications`, mail in `ops.mail`, webhooks in `ops.webhooks`; here are the threads.
Any number of these may run.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from ops import mail
from ops.mail import MailServer
from ops.services import Services
from ops.settings import Settings
from ops.webhooks import WebhookSender
from snapshots.notifications import Notification, NotificationOutbox, Outcome
from snapshots.webhook_trial import note_trial, trial_call

AT_ONCE = 4
SWEEP_S = 1.0
LOG = structlog.get_logger()


@dataclass(slots=True)
class Notifier:
    """now: the clock, for dates and signatures."""

    outbox: NotificationOutbox
    settings: Settings
    now: Callable[[], datetime]
    webhooks: WebhookSender
    at_once: int = AT_ONCE
    sweep_s: float = SWEEP_S
    _stop: threading.Event = field(default_factory=threading.Event)
    _running: set[Future[None]] = field(default_factory=set)

    def run(self) -> None:
        """Until `stop`."""
        with ThreadPoolExecutor(self.at_once, thread_name_prefix="notify") as pool:
            while not self._stop.is_set():
                if not self._fill(pool):
                    self._stop.wait(self.sweep_s)
        self.webhooks.close()

    def stop(self) -> None:
        """Claim nothing more; what is under way ends."""
        self._stop.set()

    def send_due(self, most: int = AT_ONCE) -> int:
        """Send what is due, in this thread. How many that were."""
        claims = self.outbox.claim_due(most)
        for claim in claims:
            self.outbox.settle(claim, self.send(claim))
        return len(claims)

    def _fill(self, pool: ThreadPoolExecutor) -> bool:
        """Claim for the places that are free, so that nobody waits for whoever answers slowly. True where there may be
        more to claim."""
        if len(self._running) >= self.at_once:
            wait(self._running, timeout=self.sweep_s, return_when=FIRST_COMPLETED)
        self._running = {one for one in self._running if not one.done()}
        free = self.at_once - len(self._running)
        if not free:
            return True
        try:
            claims = self.outbox.claim_due(free)
        except Exception as error:  # whatever the database says: the next sweep asks again
            LOG.warning("cannot claim notifications", error=type(error).__name__)
            return False
        self._running |= {pool.submit(self._attempt, claim) for claim in claims}
        return bool(claims)

    def _attempt(self, claim: Notification) -> None:
        try:
            self.outbox.settle(claim, self.send(claim))
        except Exception as error:  # the lease runs out, and it is sent again under the same id
            LOG.warning("outcome of a notification not written", id=claim.message_id, error=type(error).__name__)

    def send(self, claim: Notification) -> Outcome:
        """One attempt."""
        try:
            return self.webhooks.send(claim, now=self.now()) if claim.channel == "webhook" else self._mail(claim)
        except Exception as error:
            LOG.exception("notification failed unexpectedly", id=claim.message_id)
            return Outcome(state="pending", detail=f"Unexpected {type(error).__name__}; the log has the details.")

    def _mail(self, claim: Notification) -> Outcome:
        url, sender = self.settings.smtp_url, self.settings.smtp_from
        if url is None or sender is None:
            missing = "SMTP_URL" if url is None else "SMTP_FROM"
            return Outcome(state="parked", reason="config", detail=f"{missing} is not set. Set it, then send again.")
        try:
            message = mail.about(claim, sender=sender, public_url=self.settings.public_url, now=self.now())
        except ValueError:
            return Outcome(state="parked", reason="rejected", detail="This is no e-mail address.")
        return mail.hand_over(MailServer.at(url.get_secret_value(), sender), message)


def make_notifier(services: Services) -> Notifier:
    """On the installation's database, not started yet."""
    outbox = NotificationOutbox(database=services.database)
    return Notifier(outbox, services.settings, services.now, WebhookSender(services.settings))


def send_test(services: Services, organization_id: int, webhook_id: int) -> Outcome | None:
    """Call a webhook with a made-up lead, once, and keep what it answers. None: there is no such webhook."""
    now = services.now()
    call = trial_call(services.database, organization_id, webhook_id, at=now)
    if call is None:
        return None
    sender = WebhookSender(services.settings)
    try:
        outcome = sender.send(call, now=now)
    finally:
        sender.close()
    note_trial(services.database, call, outcome)
    return outcome


@contextmanager
def notifying(services: Services) -> Iterator[None]:
    """Tell of new leads in a thread beside whatever this process does."""
    notifier = make_notifier(services)
    thread = threading.Thread(target=notifier.run, name="notify")
    thread.start()
    try:
        yield
    finally:
        notifier.stop()
        thread.join()
