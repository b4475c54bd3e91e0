"""What visitors do with forms, as the widget tells it: taken at once, understood and written in batches by a thread.

A beacon is a measurement and a lead is not: nothing waits for a beacon, and what finds no room is dropped and counted.
Whatever is sent is answered the same, so that nobody learns what is counted and what is not.
"""

from __future__ import annotations

import ipaddress
import re
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import orjson
import structlog
from prometheus_client import CollectorRegistry, Counter

from lead_endpoint.blocked import BlockedPages
from lead_endpoint.messages import Answer, Request, problem
from lead_endpoint.networks import client_address, client_network
from lead_endpoint.rate import RateLimit
from snapshots.beacons import Connection, Flag, Network, Sighting, Step, is_marked, own_networks, store, visit_key
from snapshots.form_finder import MOST_AHEAD
from snapshots.intake import Form, StoreUnavailable
from snapshots.origins import Origin

BEACONS_PATH: Final = "/public/beacons"
MOST_BYTES: Final = 8 * 1024
MOST_WAITING: Final = 20_000
BATCH: Final = 1_000
FLUSH_S: Final = 0.5
SLICE: Final = 20
"""So many are understood before those who take leads get their turn."""
MOST_LOOK_UPS: Final = 20
"""Forms that a batch asks the database for: anybody can make up keys. Those that are remembered cost nothing."""
MOST_AGE: Final = timedelta(hours=12)
PER_MINUTE, BURST = 120.0, 240.0
"""Beacons of one network on one form; what is beyond comes from a machine, far beyond it is dropped."""
MOST_AGENT: Final = 400
KEEP_S: Final = 30.0
"""So long the networks of an organization's staff are remembered."""
REASONS: Final = ("full", "unreadable", "form", "rate", "unavailable")
LOG = structlog.get_logger()

_VISIT = re.compile(r"[A-Za-z0-9_-]{16,40}")
_HOST = re.compile(r"[a-z0-9.-]{1,253}")
_STEPS: Final[Mapping[str, Step]] = {
    "view": Step.VIEW, "start": Step.START, "step": Step.START, "error": Step.START, "submit": Step.SUBMIT,
}  # fmt: skip
_CORS = (("access-control-allow-origin", "*"),)
NOTED: Final = Answer(204, b"", "text/plain", _CORS)
ALLOWED: Final = Answer(
    204, b"", "text/plain",
    (*_CORS, ("access-control-allow-methods", "POST"), ("access-control-allow-headers", "content-type"),
     ("access-control-max-age", "86400")),
)  # fmt: skip


class Unreadable(ValueError):
    """No beacon."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A beacon as it came."""

    body: bytes
    agent: str
    has_language: bool
    peer: str
    forwarded: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Beacon:
    """A beacon that was understood. ages: of its first and last event."""

    form_key: str
    visit: UUID
    version: int
    step: Step
    form_step: int
    ages: tuple[timedelta, timedelta]
    origin: Origin
    host: str
    flags: Flag


def read(body: bytes) -> Beacon:
    """Raises Unreadable."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Unreadable("it is no JSON") from error
    if not isinstance(said, dict):
        raise Unreadable("it is no object")
    form, visit = said.get("form"), said.get("visit")
    if not isinstance(form, str) or not isinstance(visit, str) or not _VISIT.fullmatch(visit):
        raise Unreadable("it names no form or no visit")
    events = [one for one in _list(said.get("events")) if isinstance(one, dict)]
    known = [one for one in events if isinstance(one.get("kind"), str) and one["kind"] in _STEPS]
    if not known:
        raise Unreadable("nothing happened in it")
    ages = [min(timedelta(milliseconds=_number(one.get("ms"))), MOST_AGE) for one in known]
    return Beacon(
        form_key=form,
        visit=visit_key(visit),
        version=_number(said.get("version")),
        step=max(_STEPS[one["kind"]] for one in known),
        form_step=min(max(_number(one.get("step")) for one in known), 100),
        ages=(max(ages), min(ages)),
        origin=Origin.read(said.get("touch"), source=said.get("source"), campaign=said.get("campaign")),
        host=_host(said.get("page")),
        flags=(Flag.STAFF if said.get("staff") or is_marked(visit) else Flag.NONE)
        | (Flag.BOT if said.get("automated") else Flag.NONE),
    )


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | float) and 0 <= value < 2**31 else 0


def _host(page: object) -> str:
    try:
        host = (urlsplit(page).hostname or "") if isinstance(page, str) else ""
    except ValueError:
        return ""
    return host if _HOST.fullmatch(host) else ""


@lru_cache(maxsize=4096)
def is_bot(agent: str) -> bool:
    """Whether a user agent says that it is a program; one that says nothing is."""
    # Its patterns are of use to this thread alone.
    from crawleruseragents import is_crawler  # type: ignore[import-untyped]

    return not agent or bool(is_crawler(agent))


@dataclass(slots=True)
class BeaconBox:
    """connect: opens the writer's connection. find: the form of a key; raises StoreUnavailable. is_remembered: whether
    that needs no look into the database. now: the time; clock: monotonic seconds. Start it before use, close it after.
    """

    connect: Callable[[], Connection]
    find: Callable[[str], Form | None]
    is_remembered: Callable[[str], bool]
    registry: CollectorRegistry
    now: Callable[[], datetime]
    clock: Callable[[], float]
    proxies: int = 0
    most_waiting: int = MOST_WAITING
    blocked: BlockedPages = field(init=False)
    """Written by the same thread."""
    _waiting: deque[Taken] = field(default_factory=deque)
    _unsent: dict[int, list[Sighting]] = field(default_factory=lambda: defaultdict(list))
    _limit: RateLimit = field(init=False)
    _taken: Counter = field(init=False)
    _dropped: Counter = field(init=False)
    _networks: dict[int, tuple[float, list[Network]]] = field(default_factory=dict)
    _connection: Connection | None = None
    _thread: threading.Thread | None = None
    _ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._limit = RateLimit(PER_MINUTE, BURST, self.clock)
        self.blocked = BlockedPages(is_bot, self.now, self.clock, self.proxies)
        self._taken = Counter("slms_beacons_written", "Beacons in the database.", registry=self.registry)
        self._dropped = Counter(
            "slms_beacons_dropped", "Beacons that were not kept, by reason.", ["reason"], registry=self.registry
        )
        for reason in REASONS:
            self._dropped.labels(reason)

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="beacons", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """What is waiting is still written, where the database takes it."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(5)

    def take(self, request: Request) -> Answer:
        """The answer to a POST, at once."""
        if len(request.body) > MOST_BYTES:
            return problem(413, f"The body is larger than {MOST_BYTES // 1024} KiB.")
        if len(self._waiting) >= self.most_waiting:
            self._drop("full")
            return NOTED
        agent, has_language = request.header("user-agent")[:MOST_AGENT], bool(request.header("accept-language"))
        forwarded = request.header("x-forwarded-for")
        self._waiting.append(Taken(request.body, agent, has_language, request.peer, forwarded, self.now()))
        return NOTED

    def _drop(self, reason: str, n: int = 1) -> None:
        self._dropped.labels(reason).inc(n)

    # --- the writer's thread ---

    def _run(self) -> None:
        while not self._ended.wait(FLUSH_S):
            self.flush()
        self.flush()
        if self._connection is not None:
            self._connection.close()

    def flush(self) -> None:
        """Write what waits, as long as the database takes it."""
        try:
            self._send()
            while self._waiting:
                for organization_id, sighting in self._understood():
                    self._unsent[organization_id].append(sighting)
                self._send()
            self.blocked.flush(self._connected, at_once=self._ended.is_set())
        except StoreUnavailable as error:
            LOG.warning("beacons not written", reason=type(error).__name__, n=sum(map(len, self._unsent.values())))
            self._disconnect()
        except Exception as error:  # a defect of ours: this batch is lost, the thread goes on
            LOG.error("beacons lost", exc_info=error)
            self._drop("unavailable", sum(map(len, self._unsent.values())))
            self._unsent.clear()

    def _send(self) -> None:
        for organization_id in list(self._unsent):
            batch = self._unsent[organization_id]
            store(self._connected(), organization_id, batch)
            self._taken.inc(len(batch))
            del self._unsent[organization_id]

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = self.connect()
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _understood(self) -> Iterator[tuple[int, Sighting]]:
        look_ups = 0
        for number in range(min(len(self._waiting), BATCH)):
            if number % SLICE == SLICE - 1:
                time.sleep(0)  # gives up the interpreter, which those who take leads may want
            taken = self._waiting.popleft()
            try:
                beacon = read(taken.body)
                is_remembered = self.is_remembered(beacon.form_key)
                look_ups += not is_remembered
                form = self.find(beacon.form_key) if is_remembered or look_ups <= MOST_LOOK_UPS else None
                flags = None if form is None else self._flags(taken, beacon, form)
            except Unreadable:
                self._drop("unreadable")
                continue
            except StoreUnavailable:
                self._waiting.appendleft(taken)
                raise
            if form is None or flags is None:
                self._drop("form" if form is None else "rate")
                continue
            yield form.organization_id, _sighting(taken, beacon, form, flags)

    def _flags(self, taken: Taken, beacon: Beacon, form: Form) -> Flag | None:
        """None: it is one of so many that it is not kept."""
        headers = {"x-forwarded-for": taken.forwarded}
        network = client_network(taken.peer, headers, proxies=self.proxies)
        standing = self._limit.count(form.form_id, network)
        if standing.wait_s is not None:
            return None
        flags = beacon.flags
        if is_bot(taken.agent):
            flags |= Flag.BOT
        if standing.is_over or not taken.has_language:
            flags |= Flag.MACHINE
        if self._is_own(form.organization_id, client_address(taken.peer, headers, proxies=self.proxies)):
            flags |= Flag.STAFF
        return flags

    def _is_own(self, organization_id: int, address: str) -> bool:
        """Whether it is of a network that the organization's administrators named."""
        until, networks = self._networks.get(organization_id, (0.0, []))
        if self.clock() >= until:
            networks = own_networks(self._connected(), organization_id)
            self._networks[organization_id] = (self.clock() + KEEP_S, networks)
        return bool(networks) and _is_in(address, networks)


def _is_in(address: str, networks: list[Network]) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in networks)


def _sighting(taken: Taken, beacon: Beacon, form: Form, flags: Flag) -> Sighting:
    first, last = beacon.ages
    own = form.definition
    origin = beacon.origin
    if own is not None:  # as with leads: what the form itself says counts where its place on the page says nothing
        origin = replace(
            origin, said_source=origin.said_source or own.source, said_campaign=origin.said_campaign or own.campaign
        )
    return Sighting(
        form_id=form.form_id,
        visit=beacon.visit,
        first_at=taken.at - first,
        last_at=taken.at - last,
        step=beacon.step,
        origin=origin,
        version=beacon.version if beacon.version <= (form.version or 0) + MOST_AHEAD else 0,
        form_step=beacon.form_step,
        flags=flags,
        host=beacon.host,
    )
