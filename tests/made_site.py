"""A made-up website of thirty days: visitors, bots, machines, staff and repeats of whom everything is known, what their
browsers send, and what must be counted of it.

Beacons come out of order, twice, or not at all where a lead tells of the visit anyway.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import made_leads
import orjson
from sqlalchemy import text

from snapshots.database import Database

DAYS: Final = 30
FIRST: Final = date(2024, 5, 29)
ZONE: Final = ZoneInfo("Europe/Berlin")
BROWSER: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
BOT: Final = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
OFFICE: Final = "198.51.100.7"
SOURCES: Final[tuple[tuple[dict[str, str], str, str], ...]] = (
    ({"utm_source": "newsletter", "utm_campaign": "June"}, "newsletter", "June"),
    ({"utm_source": "google", "utm_medium": "cpc", "utm_campaign": "Brand"}, "google", "Brand"),
    ({"click": "gclid"}, "google", ""),
    ({"referrer": "www.example.org"}, "example.org", ""),
    ({}, "direct", ""),
)
"""A touch, and the source and campaign that follow from it without any rule of the organization."""
STATES: Final = ("delivered", "delivered", "delivered", "pending", "parked", "quarantined")
NAMES: Final = ("views", "starts", "submits", "valid", "contacts")
KINDS: Final = {"bot": 1, "machine": 1, "staff": 2, "repeat": 3}
Cell = tuple[int, int, str, str]
"""Number of the form, version, source, campaign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A beacon on its way."""

    at: datetime
    body: bytes
    agent: str = BROWSER
    language: str = "de"
    address: str = "203.0.113.5"


@dataclass(frozen=True, slots=True, kw_only=True)
class SentLead:
    """A lead that was accepted, and what became of it. visit: None where the form says nothing of it."""

    at: datetime
    form: int
    version: int
    visit: str | None
    touch: Mapping[str, str]
    email: str
    state: str
    network: str = "203.0.113.0/24"


@dataclass(slots=True)
class Truth:
    """counts: per cell and step; apart: visits that must not count, by kind."""

    counts: dict[Cell, Counter[str]] = field(default_factory=dict)
    apart: Counter[int] = field(default_factory=Counter)

    def add(self, cell: Cell, steps: tuple[str, ...]) -> None:
        self.counts.setdefault(cell, Counter()).update(steps)


@dataclass(slots=True)
class Site:
    """beacons in the order in which they arrive; leads in the order of their receipt."""

    beacons: list[Sent]
    leads: list[SentLead]
    truth: Truth


def make_site(form_keys: tuple[str, ...], *, seed: int = 1, visits_a_day: int = 40) -> Site:
    """form_keys: of the forms that stand on it. A second version of each is published in the middle of the month."""
    return _Maker(form_keys, random.Random(seed), visits_a_day).make()


@dataclass(slots=True)
class _Maker:
    keys: tuple[str, ...]
    chance: random.Random
    visits_a_day: int
    beacons: list[Sent] = field(default_factory=list)
    leads: list[SentLead] = field(default_factory=list)
    truth: Truth = field(default_factory=Truth)
    n: int = 0

    def make(self) -> Site:
        for number in range(DAYS):
            day = FIRST + timedelta(days=number)
            for _ in range(self.visits_a_day):
                # Between six and eighteen o'clock, so that no visit goes over midnight.
                at = datetime(day.year, day.month, day.day, 6, tzinfo=ZONE).astimezone(UTC)
                self._visit(at + timedelta(seconds=self.chance.randrange(12 * 3600)), 1 if number < DAYS // 2 else 2)
        self.leads.sort(key=lambda one: one.at)
        # A network that is slow now and then: some arrive up to two minutes late.
        self.beacons.sort(key=lambda one: one.at + timedelta(seconds=self.chance.randrange(120)))
        return Site(self.beacons, self.leads, self.truth)

    def _visit(self, at: datetime, version: int) -> None:
        form = self.chance.randrange(len(self.keys))
        touch, source, campaign = self.chance.choice(SOURCES)
        cell = (form, version, source, campaign)
        who = self.chance.choices(("person", "bot", "machine", "staff"), (80, 8, 4, 8))[0]
        furthest = self.chance.choices((1, 2, 3, 4), (50, 25, 5, 20))[0]
        visit = self._new_visit()
        if who != "person":
            self._apart(visit, at, form, version, touch, who, furthest)
            return
        sends_lead = furthest == 4
        if not (sends_lead and self.chance.random() < 0.2):  # its beacons are lost
            self._send(visit, at, form, version, touch, min(furthest, 3))
        if not sends_lead:
            self.truth.add(cell, NAMES[:furthest])
            return
        state = self.chance.choice(STATES)
        email = f"person{self.n}@example.com"
        knows = self.chance.random() < 0.9
        if not knows:  # a plain form, which says nothing of the visit: its beacons are of another one
            self.beacons = [one for one in self.beacons if visit.encode() not in one.body]
        lead = SentLead(at=at + timedelta(seconds=90), form=form, version=version, visit=visit if knows else None,
                        touch=touch, email=email, state=state)  # fmt: skip
        self.leads.append(lead)
        states = {state}
        if self.chance.random() < 0.15:
            states.add(self._again(lead, at))
        reached = 5 if "delivered" in states else 4 if states - {"quarantined"} else 3
        self.truth.add(cell, NAMES[:reached])

    def _again(self, lead: SentLead, at: datetime) -> str:
        """The same person sends it once more soon after: in the same visit, or in another one, which is apart."""
        state, later = self.chance.choice(STATES), at + timedelta(minutes=self.chance.randrange(2, 28))
        is_same = lead.visit is not None and self.chance.random() < 0.5
        visit = lead.visit if is_same else self._new_visit()
        if not is_same:
            assert visit is not None
            self._send(visit, later - timedelta(seconds=30), lead.form, lead.version, lead.touch, 3)
            self.truth.apart[KINDS["repeat"]] += 1
        self.leads.append(
            SentLead(at=later, form=lead.form, version=lead.version, visit=visit, touch=lead.touch, email=lead.email,
                     state=state)
        )  # fmt: skip
        return state

    def _apart(
        self, visit: str, at: datetime, form: int, version: int, touch: Mapping[str, str], who: str, furthest: int
    ) -> None:
        self.truth.apart[KINDS[who]] += 1
        is_marked = who == "staff" and self.chance.random() < 0.5
        how: dict[str, str] = {"bot": {"agent": BOT}, "machine": {"language": ""}}.get(who, {})
        if who == "staff" and not is_marked:
            how = {"address": OFFICE}
        self._send(visit, at, form, version, touch, min(furthest, 3), staff=is_marked, **how)
        if furthest == 4:
            self.leads.append(
                SentLead(at=at + timedelta(seconds=90), form=form, version=version, visit=visit, touch=touch,
                         email=f"{who}{self.n}@example.com", state="delivered")
            )  # fmt: skip

    def _new_visit(self) -> str:
        self.n += 1
        return f"visit-{self.n:06d}-{self.chance.getrandbits(48):012x}"

    def _send(
        self, visit: str, at: datetime, form: int, version: int, touch: Mapping[str, str], furthest: int, *,
        staff: bool = False, **how: str,
    ) -> None:  # fmt: skip
        """The beacons of a visit, in one to three batches, each perhaps twice."""
        events = [("view", 0), ("start", 20), ("submit", 80)][:furthest]
        while events:
            batch = [events.pop(0) for _ in range(self.chance.randrange(1, len(events) + 1))]
            sent_at = at + timedelta(seconds=batch[-1][1] + 1)
            said: dict[str, Any] = {
                "form": self.keys[form], "version": version, "visit": visit, "page": "https://www.example.com/contact",
                "touch": touch,
                "events": [
                    {"kind": kind, "ms": 1000 * (batch[-1][1] + 1 - second), "step": 1} for kind, second in batch
                ],
            }  # fmt: skip
            one = Sent(at=sent_at, body=orjson.dumps(said | ({"staff": True} if staff else {})), **how)
            self.beacons += [one] * (2 if self.chance.random() < 0.1 else 1)


# --- into the database ------------------------------------------------------------------------------------------------


def put_leads(database: Database, organization_id: int, site: Site, form_ids: tuple[int, ...]) -> list[UUID]:
    """The site's leads as the endpoint would have stored them, at their own times. form_ids: as the site's keys."""
    return [_put(database, organization_id, lead, form_ids[lead.form]) for lead in site.leads]


def _put(database: Database, organization_id: int, lead: SentLead, form_id: int) -> UUID:
    touches = [lead.touch | {"at": int(lead.at.timestamp()) - 90}] if lead.touch else []
    said = {"email": lead.email, "_visit": lead.visit, "_touches": touches}
    lead_id = made_leads.put(
        database, organization_id, state=lead.state, at=lead.at, email=lead.email, form_id=form_id,
        body=orjson.dumps(said),
    )  # fmt: skip
    with database.as_app(organization_id) as connection:
        connection.execute(
            text("UPDATE received_leads SET form_version = :version, visit = :visit WHERE organization_id = :o "
                 "AND lead_id = :lead"),
            {"version": lead.version, "visit": lead.visit, "o": organization_id, "lead": lead_id},
        )  # fmt: skip
    return lead_id


def days_of(site: Site) -> Iterator[list[Sent]]:
    """Its beacons, a day's worth at a time, in the order in which they arrive."""
    batch: list[Sent] = []
    for one in site.beacons:
        if batch and one.at.astimezone(ZONE).date() != batch[-1].at.astimezone(ZONE).date():
            yield batch
            batch = []
        batch.append(one)
    yield batch
