"""A whole delivery in one process under a clock of our own: the endpoint's reception, the outbox in a real database, a
worker that is stepped by hand, and the hostile CRM."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from hostile_adapter import DEADLINE_S, capable, make_adapter
from hostile_crm import TOKEN, HostileCrm, serving
from ledger import Heard, Ledger, check
from sqlalchemy import text

from adapters.base import Capabilities, CrmAdapter
from lead_endpoint.messages import Answer, Request
from lead_endpoint.parts import Parts
from ops.delivery import Deliverer
from ops.services import Services
from ops.settings import Settings
from snapshots import intake
from snapshots.database import Database
from snapshots.delivery import Claim, Outbox
from snapshots.delivery_rules import Verdict
from snapshots.organizations import CrmConnection, connect_crm


@dataclass(frozen=True, slots=True, kw_only=True)
class TestServices(Services):
    """Services whose CRM is a made one. adapters: makes it."""

    __test__ = False
    adapters: Callable[[CrmConnection], CrmAdapter]

    def adapter(self, connection: CrmConnection) -> CrmAdapter:
        return self.adapters(connection)


def services_for(database: Database, adapters: Callable[[CrmConnection], CrmAdapter], **settings: Any) -> TestServices:
    """settings: as in the environment, by lower-case name; no limit of rate unless given."""
    given = {"lead_rate_per_minute": 1e6, "lead_rate_burst": 1e6, "secret_key": "s" * 32, **settings}
    return TestServices(
        settings=Settings(_env_file=None, **given), database_url=database.url, database=database, adapters=adapters
    )


def request(body: object, *, key: str | None = None, prefer: str = "respond-async", **headers: str) -> Request:
    """A POST of JSON, or of bytes as they are."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"content-type": "application/json", "prefer": prefer} | ({"idempotency-key": key} if key else {})
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("POST", "/public/leads", given | named, raw, "127.0.0.1", {})


@dataclass
class World:
    """offset_s: how much more time has passed than really has, for all. skew_s: by how much the clock of the database
    was set on besides."""

    database: Database
    organization_id: int
    capabilities: Capabilities
    crm: HostileCrm
    deadline_s: float = DEADLINE_S
    offset_s: float = 0.0
    skew_s: float = 0.0
    heard: list[Heard] = field(default_factory=list)
    replayed: set[str] = field(default_factory=set)
    token: str = TOKEN
    parts: Parts = field(init=False)
    worker: Deliverer = field(init=False)
    connection_id: int = field(init=False)

    def __post_init__(self) -> None:
        made = connect_crm(self.database, self.organization_id, provider="demo", name="Hostile", settings={})
        self.connection_id = made.connection_id
        self.crm.clock = self.clock
        self.parts = Parts(lambda: services_for(self.database, self.adapter))
        self.worker = self.new_worker("one")

    def adapter(self, _: object = None) -> CrmAdapter:
        url, token = self.crm.url, lambda: self.token
        return make_adapter(url, self.capabilities, deadline_s=self.deadline_s, token=token, clock=self.clock)

    def new_worker(self, name: str) -> Deliverer:
        outbox = Outbox(database=self.database, providers=("demo",), worker=name, clock=self.sql)
        services = services_for(self.database, self.adapter)
        return Deliverer(services, outbox, chance=lambda: 0.5, clock=self.clock, pause=lambda _: None)

    def close(self) -> None:
        if self.parts._beacons is not None:
            self.parts._beacons.close()
        if self.parts._desk is not None:
            self.parts.desk.close()
        if self.parts._pool is not None:
            self.parts.pool.close()

    # --- time ---

    def clock(self) -> float:
        return time.monotonic() + self.offset_s

    @property
    def sql(self) -> str:
        return f"(clock_timestamp() + interval '{self.offset_s + self.skew_s} seconds')"

    def advance(self, seconds: float) -> None:
        self.offset_s += seconds
        self.retime(self.worker)

    def retime(self, worker: Deliverer) -> None:
        worker.outbox = replace(worker.outbox, clock=self.sql)

    # --- what people and machines do ---

    def post(self, body: object, *, key: str | None = None, prefer: str = "respond-async", **headers: str) -> Answer:
        answer = self.parts.desk.handle_from_thread(request(body, key=key, prefer=prefer, **headers))
        if key is not None:
            said = json.loads(answer.body) if answer.content_type == "application/json" else {}
            self.heard.append(Heard(key, json.dumps(body, sort_keys=True), answer.status, said.get("lead_id")))
        return answer

    def accept(self, email: str | None = None, *, key: str | None = None, **fields: str) -> str:
        """A lead that is accepted; its id."""
        body = fields | ({"email": email} if email else {})
        answer = self.post(body, key=key or f"key {len(self.heard)}".replace(" ", "-"))
        assert answer.status == 202, answer
        return str(json.loads(answer.body)["lead_id"])

    def step(self, most: int = 8) -> list[Verdict]:
        """The worker claims what is due, and delivers it."""
        self.retime(self.worker)
        return [self.worker.deliver(claim) for claim in self.worker.claim_due(most)]

    def claim(self, worker: Deliverer | None = None) -> list[Claim]:
        worker = worker or self.worker
        self.retime(worker)
        return worker.claim_due(8)

    def drain(self, *, most_days: float = 3.0) -> None:
        """Until nothing is pending, going from one due moment to the next."""
        ends = self.offset_s + most_days * 86_400
        while self.pending():
            if not self.step():
                self.advance(self._until_next())
            assert self.offset_s < ends, f"still pending after {most_days} days: {self.rows()}"

    def _until_next(self) -> float:
        with self.database.as_worker() as connection:
            waits = connection.execute(
                text(
                    f"SELECT min(extract(epoch FROM greatest(l.next_attempt_at, l.lease_until, a.paused_until) - "
                    f"{self.sql})) FROM received_leads l LEFT JOIN delivery_accounts a "
                    "ON a.organization_id = l.organization_id "
                    "WHERE l.state = 'pending' AND l.organization_id = :organization AND NOT EXISTS (SELECT FROM "
                    "received_leads e WHERE e.organization_id = l.organization_id AND e.contact_key = l.contact_key "
                    "AND e.state = 'pending' AND e.lead_id < l.lead_id)"
                ),
                {"organization": self.organization_id},
            ).scalar_one()
        return max(float(waits), 0.0) + 0.05

    def pending(self) -> int:
        return sum(row["state"] == "pending" for row in self.rows())

    def rows(self) -> list[dict[str, Any]]:
        with self.database.as_worker() as connection:
            found = connection.execute(
                text(
                    "SELECT lead_id::text, state, reason, detail, attempts, outcome, external_id, fence, email, flags, "
                    "idempotency_key, body, extra, first_name, last_name, phone, company "
                    "FROM received_leads WHERE organization_id = :organization ORDER BY lead_id"
                ),
                {"organization": self.organization_id},
            ).mappings()
            return [dict(row) for row in found]

    def row(self, lead_id: str) -> dict[str, Any]:
        return next(row for row in self.rows() if row["lead_id"] == lead_id)

    def attempts(self, lead_id: str) -> list[str | None]:
        with self.database.as_worker() as connection:
            asked = {"lead": lead_id}
            return list(
                connection.execute(
                    text("SELECT outcome FROM delivery_attempts WHERE lead_id = :lead ORDER BY fence"), asked
                ).scalars()
            )

    def check(self, *, is_drained: bool = False) -> Ledger:
        """The ledger; raises where an invariant is broken."""
        return check(
            self.database.url,
            self.heard,
            self.crm.ledger,
            is_drained=is_drained,
            replayed=self.replayed,
            present=self.sql,
            organization_id=self.organization_id,
        ).require()

    def finish(self) -> Ledger:
        self.drain()
        return self.check(is_drained=True)

    def connection_for_rows(self) -> Any:
        return intake.connect(self.database.url)

    def lease(self) -> timedelta:
        return self.worker.outbox.lease


@contextmanager
def world_of(
    database: Database,
    organization_id: int,
    capabilities: Capabilities | None = None,
    *,
    crm: HostileCrm | None = None,
    deadline_s: float = DEADLINE_S,
) -> Iterator[World]:
    """Its search lags as much as the adapter declares."""
    capabilities = capabilities or capable()
    crm = crm or HostileCrm(lag_s=capabilities.lookup_lag_s or 0.0)
    with serving(crm):
        world = World(database, organization_id, capabilities, crm, deadline_s)
        try:
            yield world
        finally:
            world.close()
