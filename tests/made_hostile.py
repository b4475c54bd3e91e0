"""An organization in which every word that somebody else chose is one of `hostile_texts`.

What a CRM calls people, companies, deals and stages came by an import of files, leads and visits by the endpoint's own
address, and the rest as the pages of the workbench store it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from itertools import cycle
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import made_forms
import made_leads
from hostile_texts import EVERY, MARKDOWN, TEXTS
from made_installation import House

from adapters.csv_export import ExportMapping
from ops import webhooks
from ops.importing import Import, import_export
from ops.services import Services
from snapshots import (
    api_keys,
    form_versions,
    notifications,
    routing,
    routing_rules,
    users,
)
from snapshots.database import Database
from snapshots.marketing import Marketing
from snapshots.organizations import Organization, create_organization, find_organization
from snapshots.routing import Router
from snapshots.routing_rules import Absence, Condition, Rule
from snapshots.slices import Role

LAST: Final = datetime(2024, 6, 28, 12, tzinfo=UTC)
NAME: Final = "<img src=x onerror=alert(1)> [x](http://planted.invalid) :material/home:"
FOLDER: Final = "[x](javascript:alert(1)) <img src=x onerror=alert(1)> :streamlit:"
"""It names the connection."""
BROWSER: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
TWICE: Final = "twice@example.com"
"""Who sent several leads, each with other words."""
EMAILS: Final = (
    "=cmd|'!a0@example.com", "+1+1@example.com", "-1@example.com", "**b**_i_~s~`c`@example.com", "${alert}@example.com",
    "#{x}'onfocus=alert'@example.com", "$x$@example.com", "/*x*/@example.com",
)  # fmt: skip
BY: Final = MARKDOWN[1]
"""Who changed things, in the audit log."""


def words(start: int = 0) -> Iterator[str]:
    """All of them in turn, from one on, without end."""
    turning = cycle(EVERY)
    for _ in range(start):
        next(turning)
    return turning


# --- a CRM -----------------------------------------------------------------------------------------------------------

STAGES: Final = ("New", "Talking", TEXTS[5], TEXTS[24], MARKDOWN[0], MARKDOWN[7], MARKDOWN[9], TEXTS[110])
PIPELINES: Final = ("image", TEXTS[0], MARKDOWN[1])
"""The first is the name under which a chart's tooltip would show a picture."""
_COLUMNS: Final[Mapping[str, Sequence[str]]] = {
    "owner": ("id", "name", "email", "team_name", "manager_name", "region"),
    "company": ("id", "name", "domain", "industry", "country"),
    "product": ("id", "name", "family"),
    "contact": ("id", "name", "email", "company_id", "owner_id"),
    "lead": ("id", "name", "email", "company_name", "owner_id", "source", "campaign", "status", "created_at"),
    "deal": ("id", "name", "stage", "status", "pipeline", "amount", "currency", "owner_id", "company_id", "product_id",
             "contact_id", "source", "campaign", "created_at", "closed_at", "expected_close_on"),
    "activity": ("id", "kind", "subject", "owner_id", "occurred_at", "outcome", "deal_id"),
}  # fmt: skip


def _rows() -> dict[str, list[list[str]]]:
    found: dict[str, list[list[str]]] = {kind: [] for kind in _COLUMNS}
    turn = [words(17 * number) for number in range(12)]
    for number, text in enumerate(EVERY):
        day = (LAST - timedelta(days=number % 60)).date().isoformat()
        said = [next(one) for one in turn]
        is_won = number % 5 == 0
        stage = "Won" if is_won else STAGES[number % len(STAGES)]
        own = f"o{number % 40 if number % 3 else number}"
        found["owner"].append(
            [f"o{number}", text, f"o{number}@example.com", EVERY[7 * (number % 30)], said[0], said[1]]
        )
        found["company"].append([f"c{number}", text, said[2], said[3], said[4]])
        found["product"].append([f"p{number}", text, said[5]])
        found["contact"].append([f"k{number}", text, f"k{number}@example.com", f"c{number}", own])
        found["lead"].append(
            [f"l{number}", text, f"l{number}@example.com", said[6], own, said[7], said[8], said[9], day]
        )
        found["deal"].append([
            f"d{number}", text, stage, "won" if is_won else "open", PIPELINES[number % 3], str(1000 + number), "EUR",
            own, f"c{number}", f"p{number}", f"k{number}", said[7], said[8], day, day if is_won else "",
            "" if is_won else (LAST + timedelta(days=30)).date().isoformat(),
        ])  # fmt: skip
        found["activity"].append([f"a{number}", ("call", "meeting", "email")[number % 3], text, own, f"{day} 10:00",
                                  said[10], f"d{number}"])  # fmt: skip
    return found


def exported(folder: Path) -> Path:
    """Files of a CRM, and beside them the mapping of their columns."""
    files: dict[str, Any] = {}
    (folder / FOLDER).mkdir()
    for kind, rows in _rows().items():
        with (folder / FOLDER / f"{kind}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerows([_COLUMNS[kind], *rows])
        files[f"{kind}.csv"] = {"kind": kind, "columns": {name: name for name in _COLUMNS[kind]}, "delimiter": ","}
    mapping = ExportMapping.model_validate({"version": 1, "files": files})
    mapping.write(folder / "mapping.json")
    return folder / FOLDER


# --- what people set up ----------------------------------------------------------------------------------------------


def _set_up(database: Database, organization: int, services: Services) -> None:
    said = words()
    staff = list(routing.staff(database, organization).values())
    for number in range(RULES):
        name, *told = (next(said) for _ in range(10))
        condition = Condition(what="field", name=told[0], values=tuple(told[1:]))
        person = staff[number % len(staff)].owner_id
        routing_rules.save_rule(
            database, organization, Rule(name=name, conditions=(condition,), owner_id=person), by=BY
        )
    team = next(one.team_id for one in staff if one.team_id is not None)
    routing_rules.save_rule(database, organization, Rule(name="Default", is_default=True, team_id=team), by=BY)
    for number in range(THINGS):
        _some(database, organization, services, number, said)
    for kind in ("source", "campaign"):
        marketing = Marketing(database, organization, by=BY)
        for number in range(THINGS):
            marketing.add(kind, f"{next(said)[:90]} {kind}", aliases=(f"{next(said)[:90]} {number}",))  # type: ignore[arg-type]


def _some(database: Database, organization: int, services: Services, number: int, said: Iterator[str]) -> None:
    api_keys.create_api_key(database, organization, name=next(said)[:120], scopes=("read",), expires_at=None, by=BY)
    sealed = webhooks.seal(services.settings, "whsec_0123456789")
    address = f"https://planted.invalid/{number}?<script>alert(1)</script>"
    hook = notifications.add_webhook(database, organization, name=next(said)[:120], url=address, sealed=sealed, by=BY)
    notifications.switch_webhook(database, organization, hook, is_active=False, by=BY)
    users.save_user(database, organization, f"u{number}@example.com", role=Role.ANALYST, name=next(said), by=BY)
    form = form_versions.create_form(
        database,
        organization,
        next(said)[:110].strip() + f" {number}",
        made_forms.definition(title=next(said)[:190]),
        by=BY,
    )
    form_versions.publish(database, organization, form.form_id, expected_revision=form.draft_revision, by=BY, now=LAST)
    staff = list(routing.staff(database, organization))
    today = datetime.now(UTC).date()
    absence = Absence(
        absence_id=0,
        owner_id=staff[number],
        first_day=today,
        last_day=today + timedelta(days=9),
        stand_in_id=staff[number + 1],
    )
    routing_rules.add_absence(database, organization, absence, by=BY)


# --- what strangers send ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Sender:
    """Posts to the endpoint at this address."""

    address: str
    key: str

    def send(self, path: str, body: bytes, kind: str = "application/json") -> int:
        connection = HTTPConnection(urlsplit(self.address).netloc, timeout=30)
        headers = {"Content-Type": kind, "Prefer": "respond-async", "User-Agent": BROWSER, "Accept-Language": "de"}
        connection.request("POST", path, body, headers)
        status = connection.getresponse().status
        connection.close()
        return status

    def leads(self) -> None:
        """As many as there are words; each word is in each place once."""
        turn = [words(13 * number) for number in range(16)]
        for number, text in enumerate(EVERY):
            said = [next(one) for one in turn]
            email = EMAILS[number] if number < len(EMAILS) else TWICE if number < 24 else f"n{number}@example.com"
            lead = {
                "form": self.key, "email": email, "name": text, "company": said[0], "message": said[1],
                f"more {said[2]}"[:90]: said[3], "_source": said[4], "_campaign": said[5], "_language": said[6],
                "page": said[7], "referrer": said[8], "_visit": said[9],
                "_touches": [{"utm_source": said[10], "utm_medium": said[11], "utm_campaign": said[12],
                              "referrer": said[13], "landing": said[14], "click": said[15]}],
            }  # fmt: skip
            assert self.send("/public/leads", json.dumps(lead).encode()) == 202, text

    def nonsense(self) -> None:
        """What is refused, and stands on the page Leads for that."""
        for number, text in enumerate(EVERY[:: len(EVERY) // 24]):
            lead = {"form": self.key, "email": text, "name": text, f"x{number}": text}
            assert self.send("/public/leads", json.dumps(lead).encode()) == 422, text

    def visits(self) -> None:
        """Of the page with the form, each with words of its own."""
        turn = [words(19 * number) for number in range(6)]
        for number, _ in enumerate(EVERY):
            said = [next(one) for one in turn]
            beacon = {
                "form": self.key, "version": 1, "visit": f"visit-{number:016d}", "page": "https://www.example.com/x",
                "source": said[0] if number % 2 else "", "campaign": said[1],
                "touch": {"utm_source": said[2], "utm_medium": said[3], "utm_campaign": said[4], "referrer": said[5]},
                "events": [{"kind": "view", "ms": 9}, {"kind": "start", "ms": 5}, {"kind": "submit", "ms": 1}],
            }  # fmt: skip
            assert self.send("/public/beacons", json.dumps(beacon).encode()) == 204


@dataclass(frozen=True, slots=True, kw_only=True)
class Hostile:
    """house: of the organization. lead: one that has duplicates. person: a salesperson with deals. parked: a lead with
    words of a CRM. leads, people: some of all kinds. files: an export to be imported.
    endpoint: its address. api_key: opens all of its routes."""

    house: House
    lead: UUID
    person: int
    parked: UUID
    leads: Sequence[UUID]
    people: Sequence[int]
    files: Path
    endpoint: str
    api_key: str


RULES: Final = -(-len(EVERY) // 10)
"""As many as hold all the words: a page draws them all."""
THINGS: Final = 12
"""Of everything else that people name."""


def crm_and_settings(services: Services, folder: Path) -> Organization:
    """The organization, before anybody sends anything to it."""
    wanted = Import(source=exported(folder), organization=NAME, mapping_file=folder / "mapping.json",
                    time_zone="Europe/Berlin", currency="EUR")  # fmt: skip
    done = import_export(services, wanted)
    assert done.status == "succeeded", done.error
    made = find_organization(services.database, NAME)
    assert made is not None
    create_organization(services.database, MARKDOWN[9])  # to choose from
    _set_up(services.database, made.organization_id, services)
    return made


def received(services: Services, made: Organization, address: str, folder: Path) -> Hostile:
    """With what strangers sent to the endpoint at this address."""
    database, own = services.database, made.organization_id
    key = made_forms.default_form(database, own).key
    sender = Sender(address, key)
    sender.visits()
    sender.leads()
    sender.nonsense()
    detail = f"{MARKDOWN[0]} {TEXTS[0]} {MARKDOWN[7]}"
    parked = made_leads.put(
        database, own, state="parked", detail=detail, at=datetime.now(UTC), email="parked@example.com"
    )
    house = House(services=services, organization=made)
    twice = _leads_of(house)
    for lead in twice[:12]:
        Router(database=database).route(own, lead, None)
    people = {one.name: one.owner_id for one in routing.staff(database, own).values()}
    some = [people[name] for name in (*MARKDOWN, *TEXTS[::20]) if name in people]
    return Hostile(
        house=house, lead=twice[0], person=people[MARKDOWN[0]], parked=parked, leads=twice, people=some,
        files=_oddly_named(folder), endpoint=address,
        api_key=api_keys.create_api_key(database, own, name=NAME, scopes=api_keys.SCOPES, expires_at=None, by=BY),
    )  # fmt: skip


def _leads_of(house: House) -> list[UUID]:
    from sqlalchemy import text

    with house.database.as_app(house.organization_id) as connection:
        query = text(
            "SELECT lead_id FROM received_leads WHERE organization_id = :o AND email = :email ORDER BY lead_id"
        )
        return list(connection.execute(query, {"o": house.organization_id, "email": TWICE}).scalars())


def _oddly_named(folder: Path) -> Path:
    """Files and columns whose names are hostile."""
    made = folder / "odd"
    made.mkdir()
    for number, text in enumerate((TEXTS[10], MARKDOWN[7], "[x](javascript:alert(1))")):
        odd = text.replace("/", "\u2044")
        heads = ["Deal ID", "Deal Name", "Stage", "Amount", MARKDOWN[0], TEXTS[20], f"Close date {MARKDOWN[9]}"]
        rows = [heads, *[[f"{number}-{row}", text, TEXTS[3 * row], "3", text, text, "2024-05-01"] for row in range(9)]]
        with (made / f"{odd} deals {number}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
    return made
