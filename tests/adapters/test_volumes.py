"""An account of any size is read whole, past all limits of its CRM, and counts the same: 250,000 deals where there is
time for it (SLMS_TEST_FULL=1), else a few. With `-s` each load tells its figures.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from time import process_time

import made_hubspot
import made_nutshell
import made_pipedrive
import made_salesforce
import pytest

from adapters.base import CrmAdapter, Page
from adapters.errors import ThrottledError
from adapters.records import Activity, Change, Company, Contact, Deal, DealField, Deletion, Kind, Merge, Owner
from adapters.sandbox import DialectServer, Row, Size, World
from benchmarks.crm_load.volume import FIRST_ID, KINDS, OFFICE, Volume, made_volume
from benchmarks.report import peak_mb, seconds

IS_FULL = os.environ.get("SLMS_TEST_FULL") == "1"
DEALS, ACTIVITIES = (250_000, 1_000_000) if IS_FULL else (700, 1_500)
STAFF = OFFICE if IS_FULL else Size(owners=20, companies=90, contacts=150, deals=0, activities=0, days=700)
MORE_MB = 250.0
"""What a load may take beyond what the process has: the made-up account is in it too."""
REFUSED = frozenset({403, 429})
ORDER = (
    Kind.OWNER,
    Kind.TEAM,
    Kind.PIPELINE,
    Kind.STAGE,
    Kind.COMPANY,
    Kind.CONTACT,
    Kind.LEAD,
    Kind.DEAL,
    Kind.ACTIVITY,
)
Taken = Owner | Company | Contact | Deal | Activity


@dataclass(frozen=True, slots=True, kw_only=True)
class Crm:
    """open: an account on that world, with its limits on, and the adapter. activities: the world's that it has.
    closing: whether won and lost are stages there. number: of the row that an id names. stage: how a stage's id tells
    the stage, and the same of its row."""

    open: Callable[[World], tuple[DialectServer, CrmAdapter]]
    activities: tuple[str, ...] = KINDS
    closing: bool = True
    number: Callable[[str], int] = lambda text: int(re.findall(r"\d+", text)[0])
    stage: tuple[Callable[[str], str], Callable[[Row], str]] = (
        lambda text: re.findall(r"\d+", text)[0], lambda row: str(row.row_id),
    )  # fmt: skip


def _hubspot(world: World) -> tuple[DialectServer, CrmAdapter]:
    server = made_hubspot.made_server(world)
    return server, made_hubspot.made_adapter(server, page_size=200)


def _pipedrive(world: World) -> tuple[DialectServer, CrmAdapter]:
    # Small accounts have small days, so that these loads take several too.
    plan = made_pipedrive.Plan() if IS_FULL else made_pipedrive.Plan(daily=9_000)
    server = made_pipedrive.made_server(world, plan=plan)
    return server, made_pipedrive.made_adapter(server, page_size=500)


def _nutshell(world: World) -> tuple[DialectServer, CrmAdapter]:
    server = made_nutshell.made_server(world)
    return server, made_nutshell.made_adapter(server, page_size=500)


def _salesforce(world: World) -> tuple[DialectServer, CrmAdapter]:
    server = made_salesforce.made_server(world)
    page_size, bulk_from = (2_000, 100_000) if IS_FULL else (300, 450)
    return server, made_salesforce.made_adapter(server, page_size=page_size, bulk_from=bulk_from)


CRMS: Mapping[str, Crm] = {
    "hubspot": Crm(open=_hubspot),
    "pipedrive": Crm(open=_pipedrive, activities=("call", "meeting"), closing=False),
    "nutshell": Crm(open=_nutshell, activities=("call", "meeting"), closing=False),
    "salesforce": Crm(
        open=_salesforce, number=lambda text: int(text[3:15]),
        stage=(lambda text: text.partition("/")[2], lambda row: row.text("name")),
    ),
}  # fmt: skip


@dataclass(slots=True)
class Load:
    """A first load, which goes on where it stood when a limit of the day had stopped it."""

    server: DialectServer
    adapter: CrmAdapter
    requests: int = 0
    refused: int = 0
    stops: int = 0
    cursors: dict[Kind, str] = field(default_factory=dict)

    def pages(self, kind: Kind) -> Iterator[Page]:
        is_done = False
        while not is_done:
            try:
                for page in self.adapter.changes(kind, self.cursors.get(kind)):
                    yield page
                    self.cursors[kind], is_done = page.cursor, page.done
                    self._look_at_log()
            except ThrottledError as error:
                self.stops += 1
                self.server.world.clock.advance(error.wait_s or 0.0)
        self._look_at_log()

    def _look_at_log(self) -> None:
        self.requests += len(self.server.log)
        self.refused += sum(one.status in REFUSED for one in self.server.log)
        self.server.log.clear()


@dataclass(slots=True)
class Held:
    """What a load brought, held against the world row by row."""

    crm: Crm
    world: Volume
    counts: dict[Kind, int] = field(default_factory=dict)
    _seen: bytearray = field(default_factory=lambda: bytearray(FIRST_ID * 5))
    """By the row's number: text of a million ids would take more than a load may."""

    def take(self, kind: Kind, change: Change) -> None:
        if isinstance(change, Deletion | Merge):
            return
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if not isinstance(change, Taken):
            return
        number = self.crm.number(change.external_id)
        assert not self._seen[number], "it came twice"
        self._seen[number] = 1
        if isinstance(change, Deal):
            assert self._told(change) == self._is(number)
        elif isinstance(change, Activity):
            row = self._row(self.crm.activities, number)
            assert (change.kind, change.subject) == (row.kind, row.fields["subject"])
            assert self._seen[self.crm.number(change.deal_id or "")], "its deal is not there"
            assert (self._number(change.owner_id), self._number(change.contact_id)) == (
                row.fields["owner_id"], row.links["contact"][0]
            )  # fmt: skip

    def _told(self, deal: Deal) -> tuple[object, ...]:
        stages = [(_second(one.at), self.crm.stage[0](str(one.value))) for one in deal.history if _is_stage(one.field)]
        ends = [self._number(one) for one in (deal.owner_id, deal.company_id, *deal.contact_ids)]
        assert all(one is not None and self._seen[one] for one in ends), "its owner, company or contact is not there"
        return deal.amount_minor, deal.currency, deal.status, ends, stages

    def _is(self, number: int) -> tuple[object, ...]:
        row = self._row(("deal",), number)
        past = [(one.at, self._row(("stage",), int(str(one.value)))) for one in row.history if one.name == "stage_id"]
        outcome = past[-1][1].fields["outcome"]
        stages = [
            (_second(at), self.crm.stage[1](stage))
            for at, stage in past
            if self.crm.closing or stage.fields["outcome"] == "open"
        ]
        ends = [row.fields["owner_id"], row.links["company"][0], *row.links["contact"]]
        return int(str(row.fields["amount"])) * 100, row.fields["currency"], outcome, ends, stages

    def _row(self, kinds: tuple[str, ...], number: int) -> Row:
        return next(row for kind in kinds if (row := self.world.get(kind, number)) is not None)

    def _number(self, external_id: str | None) -> int | None:
        return self.crm.number(external_id) if external_id is not None else None


def _second(at: datetime) -> datetime:
    return at.replace(microsecond=0)


def _is_stage(name: DealField) -> bool:
    return name is DealField.STAGE


@pytest.mark.timeout(3600 if IS_FULL else 300)
@pytest.mark.parametrize("name", CRMS)
def test_an_account_of_any_size_is_read_whole_and_counts_the_same(name: str) -> None:
    crm, world, before_mb = CRMS[name], made_volume(DEALS, ACTIVITIES, STAFF), peak_mb()
    load, held = Load(*crm.open(world)), Held(crm, world)
    kinds = [kind for kind in ORDER if kind in load.adapter.capabilities.kinds]

    def read() -> None:
        for kind in kinds:
            for page in load.pages(kind):
                assert not page.rejections
                for change in page.changes:
                    held.take(kind, change)

    began_at, began_s, took_s = world.clock.now(), process_time(), seconds(read)
    more_mb, days = peak_mb() - before_mb, (world.clock.now() - began_at).total_seconds() / 86_400
    print(
        f"{name}: {sum(held.counts.values())} records in {took_s:.0f} s ({process_time() - began_s:.0f} s of CPU), "
        f"{load.requests} requests, {more_mb:.0f} MB more than {before_mb:.0f}; {days:.2f} days in the account's time, "
        f"{load.stops} stops"
    )
    assert {kind: held.counts[kind] for kind in (Kind.COMPANY, Kind.CONTACT, Kind.DEAL, Kind.ACTIVITY)} == {
        Kind.COMPANY: len(world.live("company")), Kind.CONTACT: len(world.live("contact")), Kind.DEAL: DEALS,
        Kind.ACTIVITY: sum(world.sizes[kind] for kind in crm.activities),
    }  # fmt: skip
    for kind in kinds:
        assert load.adapter.expected_count(kind) in {None, held.counts.get(kind, 0)}
    assert load.refused == 0
    assert more_mb < MORE_MB
    again = [change for kind in (Kind.DEAL, Kind.ACTIVITY) for page in load.pages(kind) for change in page.changes]
    assert len(again) < 10, "more than those of the overlap came again"
