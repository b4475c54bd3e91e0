"""What the endpoint is made of, put together from settings. Nothing connects before its first use, and what only
deliveries and the internal routes need is loaded when they ask for it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from os import getpid
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lead_endpoint.at_once import AtOnce, Deliver
from lead_endpoint.beacons import BeaconBox
from lead_endpoint.desk import Desk
from lead_endpoint.hosted import Window
from lead_endpoint.lead_ids import LeadIds
from lead_endpoint.messages import Request
from lead_endpoint.meter import Meter
from lead_endpoint.protection import Guard, Suspects
from lead_endpoint.rate import RateLimit
from lead_endpoint.reception import Reception, Rules
from lead_endpoint.seals import Seals
from snapshots import beacons, intake
from snapshots.form_finder import FormFinder
from snapshots.group_commit import GroupCommit

if TYPE_CHECKING:
    from ops.services import Services

PURPOSE = b"slms forms"
"""What the signing key of forms is derived for."""


@dataclass(slots=True)
class Parts:
    """services: made by `make_services` at their first use. Whoever comes first makes a part, the others wait for it:
    two desks would be two limits, two writers and connections that nobody closes."""

    make_services: Callable[[], Services]
    meter: Meter = field(default_factory=Meter)
    _services: Services | None = None
    _pool: intake.Pool | None = None
    _desk: Desk | None = None
    _beacons: BeaconBox | None = None
    _making: threading.RLock = field(default_factory=threading.RLock)

    @property
    def services(self) -> Services:
        with self._making:
            if self._services is None:
                self._services = self.make_services()
            return self._services

    @property
    def pool(self) -> intake.Pool:
        with self._making:
            if self._pool is None:
                self._pool = intake.open_pool(self.services.database_url)
            return self._pool

    @property
    def desk(self) -> Desk:
        if self._desk is not None:  # each request comes by here
            return self._desk
        with self._making:
            if self._desk is None:
                self._desk = self._make_desk()
            return self._desk

    @property
    def window(self) -> Window:
        """Forms as visitors see them."""
        desk, public_url = self.desk, self.services.settings.public_url
        base = urlsplit(public_url or "").path.rstrip("/")
        return Window(desk.reception, desk.forms, base, self._note_blocked)

    def _note_blocked(self, form: intake.Form, request: Request) -> None:
        self.beacons.blocked.take(form, request)  # whose thread starts with the first one

    @property
    def beacons(self) -> BeaconBox:
        if self._beacons is not None:
            return self._beacons
        with self._making:
            if self._beacons is None:
                self._beacons = self._make_beacons()
            return self._beacons

    def close(self) -> None:
        if self._beacons is not None:
            self._beacons.close()
        if self._desk is not None:
            self._desk.close()
        if self._pool is not None:
            self._pool.close()
        if self._services is not None:
            self._services.close()

    def _make_desk(self) -> Desk:
        settings, pool = self.services.settings, self.pool
        committer = GroupCommit(partial(intake.connect, self.services.database_url))
        committer.start()
        now = self.services.now
        ids = LeadIds(lambda: int(now().timestamp() * 1000))
        limit = RateLimit(settings.lead_rate_per_minute, settings.lead_rate_burst, time.monotonic)
        return Desk(
            reception=Reception(
                Rules(settings.trusted_proxies, settings.lead_wait_s), limit, self.meter, ids, self._make_guard(limit)
            ),
            forms=FormFinder(pool, time.monotonic, settings.default_organization),
            committer=committer,
            at_once=AtOnce(self._make_deliver, partial(intake.current, pool), settings.lead_wait_s),
            keep=partial(intake.keep_refused, pool),
        )

    def _make_beacons(self) -> BeaconBox:
        forms, services = self.desk.forms, self.services
        made = BeaconBox(
            connect=partial(beacons.connect, services.database_url),
            find=forms.find,
            is_remembered=lambda key: forms.remembered(key)[0],
            registry=self.meter.registry,
            now=services.now,
            clock=time.monotonic,
            proxies=services.settings.trusted_proxies,
        )
        made.start()
        return made

    def _make_guard(self, limit: RateLimit) -> Guard:
        def key() -> bytes:
            from ops.settings import secret_key
            from snapshots.sealing import derived_key

            return derived_key(secret_key(self.services.settings).get_secret_value(), PURPOSE)

        host = urlsplit(self.services.settings.public_url or "").netloc
        return Guard(Seals(key), Suspects(time.monotonic), limit, self.services.now, host)

    def _make_deliver(self) -> Deliver:
        from ops.delivery import Deliverer, make_outbox
        from ops.handing_over import HandingOver
        from snapshots.arrivals import InUse
        from snapshots.routing import Router

        outbox = make_outbox(self.services.database, f"endpoint {socket.gethostname()} {getpid()}")
        deliverer = Deliverer(self.services, outbox, router=Router(database=self.services.database))
        in_use = InUse(self.services.database, time.monotonic)
        return HandingOver(deliverer, in_use, self.services.settings.lead_wait_s).deliver


def from_settings() -> Services:
    """The services that the environment describes; the database is asked at the first request, not before."""
    from ops.services import Services, database_url
    from ops.settings import load
    from snapshots.database import Database

    settings = load()
    url = database_url(settings)
    return Services(settings=settings, database_url=url, database=Database(url))
