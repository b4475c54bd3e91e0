"""Beacons: taken whatever they are, counted as what they say, kept apart by stated rules, and never in a lead's way."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import made_site
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from world import services_for

from insights import funnel
from lead_endpoint.app import create_app
from lead_endpoint.beacons import ALLOWED, BURST, MOST_BYTES, MOST_LOOK_UPS, NOTED, BeaconBox, Unreadable, read
from lead_endpoint.front import Front
from lead_endpoint.messages import Request
from lead_endpoint.parts import Parts
from snapshots import beacons, intake, visits
from snapshots.beacons import Step
from snapshots.database import Database
from snapshots.form_finder import FormFinder
from snapshots.form_versions import create_form
from snapshots.forms import list_forms
from snapshots.lead_funnel import FunnelReader, VisitFilter
from snapshots.reads import Reader
from snapshots.slices import Role, Slice, Viewer

NOW = datetime(2024, 6, 28, 12, tzinfo=UTC)
LAST = date(2024, 6, 28)
WHOLE = Slice(first_day=None, last_day=LAST, as_of=LAST)


@dataclass
class Desk:
    """A box over the database, at a time of the test's choice."""

    box: BeaconBox
    registry: CollectorRegistry
    at: datetime = NOW

    def send(self, body: object, *, agent: str = made_site.BROWSER, language: str = "de", address: str = "203.0.113.5",
             at: datetime | None = None) -> int:  # fmt: skip
        self.at = at or self.at
        headers = {"user-agent": agent} | ({"accept-language": language} if language else {})
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        return self.box.take(Request("POST", "/public/beacons", headers, raw, address)).status

    def dropped(self, reason: str) -> float:
        return self.registry.get_sample_value("slms_beacons_dropped_total", {"reason": reason}) or 0.0

    def written(self) -> float:
        return self.registry.get_sample_value("slms_beacons_written_total") or 0.0


@pytest.fixture
def desk(database: Database) -> Iterator[Desk]:
    registry, pool = CollectorRegistry(), intake.open_pool(database.url)
    made: list[Desk] = []

    def clock() -> float:
        return made[0].at.timestamp()

    finder = FormFinder(pool, clock)
    box = BeaconBox(
        connect=partial(beacons.connect, database.url),
        find=finder.find,
        is_remembered=lambda key: finder.remembered(key)[0],
        registry=registry,
        now=lambda: made[0].at,
        clock=clock,
    )
    made.append(Desk(box, registry))
    yield made[0]
    box._disconnect()
    pool.close()


def key_of(database: Database, organization_id: int) -> str:
    return list_forms(database, organization_id)[0].key


def beacon(key: str, visit: str = "abcdefghijklmnop", *kinds: str, **more: Any) -> dict[str, Any]:
    events = [{"kind": kind, "ms": 0} for kind in kinds or ("view",)]
    return {"form": key, "version": 1, "visit": visit, "events": events, **more}


def counts(database: Database, organization_id: int, kind: int = 0) -> tuple[int, int, int]:
    reader = FunnelReader(Reader(database, Viewer(organization_id, Role.ADMIN)))
    found = reader.visit_counts(WHOLE, VisitFilter(kind=kind))
    return tuple(int(found[name].sum()) for name in ("n_views", "n_starts", "n_submits"))  # type: ignore[return-value]


NONSENSE = [b"", b"\xff\xfe", b"[]", b"null", b"{}", b'{"form": 7}', b'{"form":"x","visit":"short","events":[]}',
            b'{"form":"1-aaaaaaaa","visit":"abcdefghijklmnop","events":[{"kind":"dance"}]}',
            b'{"form":"1-aaaaaaaa","visit":"abcdefghijklmnop","events":[{"kind":["view"]},{"kind":{}}]}']  # fmt: skip


@pytest.mark.parametrize("body", NONSENSE)
def test_nonsense_is_answered_as_everything_else_and_counted(desk: Desk, body: bytes) -> None:
    assert desk.send(body) == 204
    desk.box.flush()
    assert desk.dropped("unreadable") == 1
    assert desk.written() == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ("form", "version", "visit", "page", "source", "campaign", "touch", "events", "staff")


@given(st.dictionaries(st.sampled_from(FIELDS), JSON | st.just("abcdefghijklmnop")))
def test_any_object_is_read_or_refused_and_nothing_else(said: dict[str, Any]) -> None:
    events = said.get("events")
    if isinstance(events, list):
        said["events"] = [*events, {"kind": said.get("page")}, {"kind": "view", "ms": said.get("version")}]
    try:
        body = orjson.dumps(said, option=orjson.OPT_NON_STR_KEYS, default=str)
    except TypeError:  # a number that is no 64 bits long
        return
    try:
        found = read(body)
    except Unreadable:
        return
    assert found.step in Step
    assert timedelta() <= found.ages[1] <= found.ages[0] <= timedelta(hours=12)


def test_a_beacon_beyond_8_kib_is_refused(desk: Desk) -> None:
    assert desk.send(b" " * MOST_BYTES) == 204
    assert desk.send(b" " * (MOST_BYTES + 1)) == 413


def test_what_finds_no_room_is_dropped_and_counted(desk: Desk) -> None:
    desk.box.most_waiting = 3
    assert {desk.send(b"{}") for _ in range(5)} == {204}
    assert desk.dropped("full") == 2


def test_a_visit_is_one_row_whatever_number_of_beacons_tell_of_it(
    database: Database, organization: int, desk: Desk
) -> None:
    key = key_of(database, organization)
    for kinds in (("view",), ("view", "start"), ("submit",), ("submit",)):
        desk.send(beacon(key, "abcdefghijklmnop", *kinds))
        desk.box.flush()
    assert desk.written() == 4
    assert counts(database, organization) == (1, 1, 1)
    assert visits.differences(database, organization) == []


APART = {
    "a bot by its name": ({"agent": made_site.BOT}, {}, 1),
    "a program without a name": ({"agent": ""}, {}, 1),
    "a program that says so": ({}, {"automated": True}, 1),
    "no browser: it asks for no language": ({"language": ""}, {}, 1),
    "staff by its mark": ({}, {"staff": True}, 2),
    "staff by the id of the visit, as the widget marks it": ({}, {"visit": "abcdefghijklmnop-staff"}, 2),
    "staff by its network": ({"address": made_site.OFFICE}, {}, 2),
}


@pytest.mark.parametrize("how", APART)
def test_who_is_no_visitor_is_kept_apart(database: Database, organization: int, desk: Desk, how: str) -> None:
    visits.save_staff_networks(database, organization, [("198.51.100.0/25", "Office")], by="ann")
    sent, said, kind = APART[how]
    desk.send(beacon(key_of(database, organization), **said), **sent)
    desk.box.flush()
    assert counts(database, organization) == (0, 0, 0)
    assert counts(database, organization, kind) == (1, 0, 0)


def test_so_many_beacons_of_one_network_come_from_a_machine(database: Database, organization: int, desk: Desk) -> None:
    key = key_of(database, organization)
    for number in range(int(BURST) + 5):
        desk.send(beacon(key, f"visit-{number:012d}"))
    desk.box.flush()
    assert counts(database, organization) == (BURST, 0, 0)
    assert counts(database, organization, 1) == (5, 0, 0)


def test_a_beacon_for_a_form_that_is_not_there_leaves_nothing(
    database: Database, organization: int, desk: Desk
) -> None:
    desk.send(beacon(f"{organization}-nosuchform"))
    desk.send(beacon("nothing at all"))
    desk.box.flush()
    assert desk.dropped("form") == 2
    assert counts(database, organization) == (0, 0, 0)


def test_made_up_keys_and_nonsense_take_nothing_from_a_form_that_is_known(
    database: Database, organization: int, desk: Desk
) -> None:
    key = key_of(database, organization)
    desk.send(beacon(key))
    desk.box.flush()
    desk.send(beacon(key, "before-the-nonsense"))
    desk.send({"form": key, "visit": "abcdefghijklmnop", "events": [{"kind": []}]})
    for number in range(MOST_LOOK_UPS + 1):
        desk.send(beacon(f"{organization}-madeup{number:04d}"))
    desk.send(beacon(key, "after-the-nonsense"))
    desk.box.flush()
    assert counts(database, organization) == (3, 0, 0)


def test_a_version_that_there_cannot_be_is_none(database: Database, organization: int, desk: Desk) -> None:
    desk.send(beacon(key_of(database, organization)) | {"version": 2**31 - 1})
    desk.box.flush()
    with database.as_app(organization) as connection:
        assert connection.exec_driver_sql("SELECT version FROM form_visits").scalars().all() == [0]


def test_another_organization_sees_none_of_them(
    database: Database, organization: int, other_organization: int, desk: Desk
) -> None:
    desk.send(beacon(key_of(database, organization)))
    desk.box.flush()
    assert counts(database, other_organization) == (0, 0, 0)
    with pytest.raises(PermissionError):
        FunnelReader(Reader(database, Viewer(organization, Role.REP))).visit_counts(WHOLE)


def test_what_the_database_could_not_take_is_written_later(database: Database, organization: int, desk: Desk) -> None:
    desk.send(beacon(key_of(database, organization)))
    connect, desk.box.connect = desk.box.connect, _broken
    desk.box.flush()
    assert desk.written() == 0
    desk.box.connect = connect
    desk.box.flush()
    assert desk.written() == 1
    assert counts(database, organization) == (1, 0, 0)


def test_a_batch_that_can_never_be_stored_does_not_hold_up_the_next(
    database: Database, organization: int, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = key_of(database, organization)
    desk.send(beacon(key))
    with monkeypatch.context() as patch:
        patch.setattr(beacons, "_UPSERT", "SELECT 1/0")
        desk.box.flush()
    assert (desk.dropped("unavailable"), desk.written()) == (1, 0)
    desk.send(beacon(key, "another-visit-here"))
    desk.box.flush()
    assert counts(database, organization) == (1, 0, 0)


def _broken() -> beacons.Connection:
    raise intake.StoreUnavailable("the server is down")


def test_the_front_answers_a_beacon_at_once_and_its_thread_writes_it(database: Database, organization: int) -> None:
    services = services_for(database, lambda _: None)  # type: ignore[arg-type,return-value]
    parts = Parts(lambda: services)
    body = orjson.dumps(beacon(key_of(database, organization)))
    status, headers = _asked(Front(parts, create_app(services)), "POST", body)
    assert (status, headers["access-control-allow-origin"]) == (204, "*")
    parts.close()
    with database.as_app(organization) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM form_visits").scalar_one() == 1


def test_the_front_lets_a_browser_ask_whether_it_may_send_json(database: Database) -> None:
    services = services_for(database, lambda _: None)  # type: ignore[arg-type,return-value]
    status, headers = _asked(Front(Parts(lambda: services), create_app(services)), "OPTIONS", b"")
    assert status == ALLOWED.status == NOTED.status
    assert headers["access-control-allow-methods"] == "POST"


def _asked(front: Front, method: str, body: bytes) -> tuple[int, dict[str, str]]:
    headers = {"user-agent": made_site.BROWSER, "accept-language": "de", "content-type": "text/plain"}
    scope = {
        "type": "http", "method": method, "path": "/public/beacons", "query_string": b"", "client": ("127.0.0.1", 1),
        "headers": [(name.encode(), text.encode()) for name, text in headers.items()],
    }  # fmt: skip
    sent: list[Any] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(front(scope, receive, send))
    return sent[0]["status"], {name.decode(): text.decode() for name, text in sent[0]["headers"]}


# --- a whole month ----------------------------------------------------------------------------------------------------


def test_what_is_tracked_on_a_site_of_thirty_days_is_what_happened_there(
    database: Database, organization: int, desk: Desk
) -> None:
    second = create_form(database, organization, "Second", {}, by="ann")
    default = list_forms(database, organization)[0]
    forms = ((default.form_id, default.key), (second.form_id, second.key))
    ids, keys = tuple(one for one, _ in forms), tuple(one for _, one in forms)
    visits.save_staff_networks(database, organization, [(made_site.OFFICE, "Office")], by="ann")
    site = made_site.make_site(keys)
    for batch in made_site.days_of(site):
        for one in batch:
            desk.send(one.body, agent=one.agent, language=one.language, address=one.address, at=one.at)
        desk.box.flush()
    made_site.put_leads(database, organization, site, ids)
    assert visits.fold_leads(database, organization) == len(site.leads)
    assert visits.fold_leads(database, organization) == 0

    reader = FunnelReader(Reader(database, Viewer(organization, Role.ADMIN)))
    seen, leads = reader.visit_counts(WHOLE), reader.journeys(WHOLE)
    found = {
        (ids.index(int(row["form_id"])), int(row["version"]), str(row["source"]), str(row["campaign"])): Counter(
            {name: int(row[name]) for name in made_site.NAMES if row[name]}
        )
        for row in funnel.by_group(seen, leads, ["form_id", "version", "source", "campaign"]).to_dict("records")
    }
    assert found == site.truth.counts
    assert {kind: n for kind, n in seen.groupby("kind")["n_views"].sum().items() if kind} == site.truth.apart
    assert visits.differences(database, organization) == []
    for step, whole in enumerate(("n_views", "n_starts", "n_submits"), start=1):
        rows, more = reader.visits(WHOLE, VisitFilter(), step=step, limit=100_000)
        assert (len(rows), more) == (seen.loc[seen["kind"] == 0, whole].sum(), None)
