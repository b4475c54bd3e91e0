"""A program that has imported everything, and forks endpoints and workers that are ready at once: for tests that kill
them by the hundred. `python zygote.py CONFIG`, a line of JSON on standard input per process, its id on standard output.

A child is what `make run` starts, but for what its test must choose: the CRM, shorter waits, and where it kills itself.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import select
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import structlog
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server
from hostile_adapter import capable, make_adapter
from world import TestServices, services_for

import lead_endpoint.front
import ops.delivery
from adapters.base import CrmAdapter
from lead_endpoint import create_app
from lead_endpoint.front import Front
from lead_endpoint.serving import BUFFER_BYTES, HEADERS_MS
from ops.delivery import Deliverer, DeliveryWorker, make_outbox
from snapshots import delivery_rules, group_commit, intake
from snapshots.database import Database
from snapshots.delivery import Outbox
from snapshots.organizations import CrmConnection
from snapshots.wakeup import Wakeup

RETRY_S = (0.3, 0.6, 1, 2, 3, 4, 5, 6, 8, 8)


@dataclass(frozen=True)
class Config:
    """crms: by organization, the CRM's address, whether it keeps addresses unique, and the lag of its search."""

    database_url: str
    crms: dict[str, tuple[str, bool, float | None]]
    lease_s: float = 60.0
    wait_s: float = 0.0
    deadline_s: float = 1.0
    is_hasty: bool = False

    def services(self) -> TestServices:
        return services_for(Database(self.database_url), self.adapter, lead_wait_s=self.wait_s)

    def adapter(self, connection: CrmConnection) -> CrmAdapter:
        url, upserts, lag_s = self.crms[str(connection.organization_id)]
        return make_adapter(url, capable(upserts=upserts, lag_s=lag_s), deadline_s=self.deadline_s)

    def hasten(self) -> None:
        """Waits of seconds where the program has minutes and hours: the order of things stays the same."""
        from datetime import timedelta

        lease = timedelta(seconds=self.lease_s)

        def make(database: Database, worker: str) -> Outbox:
            return replace(make_outbox(database, worker), lease=lease)

        ops.delivery.make_outbox = make
        if self.is_hasty:
            delivery_rules.RETRY_AFTER = tuple(timedelta(seconds=one) for one in RETRY_S)
            delivery_rules.UNUSABLE_S = (1.0, 2.0, 3.0)
            delivery_rules.UNSAID_WAIT_S = 1.0


def die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before(work: Callable[..., Any]) -> Callable[..., Any]:
    return die


def after(work: Callable[..., Any]) -> Callable[..., Any]:
    """Done, and dead before anybody hears of it; nothing where it did nothing."""

    def wrapped(*given: Any, **named: Any) -> Any:
        if work(*given, **named):
            die()

    return wrapped


async def send_half(send: Any, answer: Any) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": [(b"content-length", b"500")]})
    await send({"type": "http.response.body", "body": answer.body[:10], "more_body": True})
    await asyncio.sleep(0.05)
    die()


CRASHES: dict[str, Callable[[], None]] = {
    "before the insert": lambda: setattr(intake, "_store", before(intake._store)),
    "after the commit": lambda: setattr(group_commit.intake, "store", after(intake.store)),
    "during the reply": lambda: setattr(lead_endpoint.front, "_send", send_half),
    "after the claim": lambda: setattr(Outbox, "claim_due", after(Outbox.claim_due)),
    "before the mark": lambda: setattr(Deliverer, "_settle", before(Deliverer._settle)),
    "after the mark": lambda: setattr(Deliverer, "_settle", after(Deliverer._settle)),
}


def run_endpoint(config: Config, port: int) -> None:
    app = create_app(config.services())
    front = Front(app.extensions["slms"], app)
    from granian.http import HTTP1Settings

    server = Server(
        front,
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        backlog=1024,
        http1_settings=HTTP1Settings(header_read_timeout=HEADERS_MS, max_buffer_size=BUFFER_BYTES),
        log_enabled=False,
    )
    asyncio.run(server.serve())


def run_worker(config: Config, name: str) -> None:
    services = config.services()
    outbox = ops.delivery.make_outbox(services.database, name)
    DeliveryWorker(Deliverer(services, outbox), Wakeup(config.database_url), sweep_s=0.25).run()


def become(order: dict[str, Any], config: Config) -> None:
    config.hasten()
    if order.get("crash"):
        CRASHES[order["crash"]]()
    if order["what"] == "endpoint":
        run_endpoint(config, order["port"])
    else:
        run_worker(config, order["name"])


def main() -> None:
    values = json.loads(sys.argv[1])
    config = Config(**values)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system buries the dead
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while select.select([sys.stdin], [], []) and (line := sys.stdin.readline()):
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            sys.stdin.close()
            try:
                become(json.loads(line), config)
            finally:
                os._exit(1)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
