"""The internal routes say what the workbench's pages say, under the CRM's own ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl

import pandas as pd
import pytest
from databases import CopyOf
from made_api import LONG, SALES_ROUTES, SHORT, Api, api, failing, with_crm
from made_installation import NOW, SMALL, TODAY, House, demo_house_of

from adapters.base import CrmAdapter
from adapters.demo import DemoCrm
from adapters.errors import FatalError, RetriableError
from adapters.records import ActivityKind, Kind
from insights import people
from ops.first_run import SAMPLE_NAME, load_demo
from ops.services import Services
from ops.settings import Settings
from snapshots.database import Database
from snapshots.organizations import (
    CrmConnection,
    connect_crm,
    create_organization,
    find_organization,
    list_connections,
)
from snapshots.reads import Reader
from snapshots.slices import Role, Slice, Viewer

COUNTS = ("emails", "calls", "meetings", "new_deals")


@pytest.fixture(scope="module")
def house(copy_of: CopyOf) -> Iterator[House]:
    """Read only."""
    with demo_house_of(copy_of) as made:
        yield made


@pytest.fixture(scope="module")
def asked(house: House) -> Api:
    return api(house.services, house.organization_id)


@pytest.fixture
def own_services(database: Database, tmp_path: Path) -> Services:
    """An installation that a test may change."""
    settings = Settings(_env_file=None, slms_home=tmp_path)
    return Services(settings=settings, database_url=database.url, database=database, now=lambda: NOW)


def of_the_pages(house: House, days: int) -> pd.DataFrame:
    """The roll-up of the page Salespeople, by name."""
    slice_ = Slice(first_day=TODAY - timedelta(days=days - 1), last_day=TODAY, as_of=TODAY)
    reader = Reader(house.database, Viewer(house.organization_id, Role.ADMIN))
    found = people.roll_up(
        reader.owners(TODAY),
        events=reader.deal_events(slice_, by_owner=True),
        activities=reader.activity_counts(slice_, by_owner=True),
        stages=reader.open_stages(slice_, by_owner=True),
        rates=reader.rates(),
        day=pd.Timestamp(TODAY),
        reporting_currency=None,
    )
    return found[found["owner_id"] != people.NOBODY].set_index("name")


# --- the counts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [1, 7, 30, 366])
def test_counts_are_those_of_the_page(house: House, asked: Api, days: int) -> None:
    expected = of_the_pages(house, days)
    found = asked.ask(f"{LONG}/stats", days=days)
    assert found["days"] == days
    assert {row["owner_name"] for row in found["results"]} == set(expected.index)
    for row in found["results"]:
        told = [row[f"{name}_last_n_days"] for name in COUNTS]
        assert told == [expected.loc[row["owner_name"], name] for name in COUNTS], row
    assert days < 30 or all(sum(row[f"{name}_last_n_days"] for row in found["results"]) for name in COUNTS)


def test_seven_days_are_asked_for_where_none_are_named(asked: Api) -> None:
    assert asked.ask(f"{LONG}/stats") == asked.ask(f"{LONG}/stats", days=7)


def test_owners_have_the_ids_and_addresses_of_the_crm(house: House, asked: Api) -> None:
    crm = house.services.adapter(connection(house))
    expected = {one.external_id: (one.name, one.email) for one in crm.list_owners()}
    results = asked.ask(f"{LONG}/stats", days=366)["results"]
    assert {row["owner_id"]: (row["owner_name"], row["owner_email"]) for row in results} == expected
    owners = asked.ask(f"{LONG}/owners")
    assert {row["id"]: (row["name"], row["email"]) for row in owners} == expected


def connection(house: House) -> CrmConnection:
    return list_connections(house.database, house.organization_id)[0]


def test_meetings_are_meetings_and_appointments_and_raw_shows_both(asked: Api) -> None:
    rows = asked.ask(f"{LONG}/raw", days=90)
    for row in rows:
        parts = row["parts"]
        assert row["meetings_last_n_days"] == parts["meeting"] + parts["appointment"]
        told = (row["emails_last_n_days"], row["calls_last_n_days"], row["new_deals_last_n_days"])
        assert told == (parts["email"], parts["call"], parts["deal_created"])
    assert sum(row["parts"]["meeting"] for row in rows) > 0
    assert sum(row["parts"]["appointment"] for row in rows) > 0


def test_the_deals_shown_are_those_that_are_counted(asked: Api) -> None:
    counts = {row["owner_id"]: row["new_deals_last_n_days"] for row in asked.ask(f"{LONG}/stats", days=366)["results"]}
    deals = asked.ask(f"{LONG}/debug/deals", days=366)
    assert Counter(row["owner_id"] for row in deals) == Counter({key: n for key, n in counts.items() if n})
    assert len({row["deal_id"] for row in deals}) == len(deals) > 100
    first = (TODAY - timedelta(days=365)).isoformat()
    assert all(first <= row["created_on"] <= TODAY.isoformat() for row in deals)


@pytest.mark.parametrize("live", ["0", "1"])
def test_pages_of_deals_lead_through_all_of_them_once(asked: Api, live: str) -> None:
    whole = asked.ask(f"{LONG}/debug/deals", days=60, live=live)
    assert len(whole) > 14
    rows: list[dict[str, object]] = []
    following: str | None = f"{LONG}/debug/deals?days=60&live={live}&limit=7"
    while following is not None:
        path, _, query = following.partition("?")
        page = asked.get(path, dict(parse_qsl(query)))
        assert 1 <= len(page.json) <= 7
        rows += page.json
        link = page.headers.get("Link")
        assert link is None or link.endswith('; rel="next"')
        following = None if link is None else link[link.index("<") + 1 : link.index(">")]
    assert rows == whole
    assert [row["created_on"] for row in rows] == sorted((row["created_on"] for row in rows), reverse=True)


@pytest.mark.parametrize("after", ["yesterday", "7", "739000.", "739000.D7", "0.0", "9999999.1"])
def test_a_page_after_what_is_no_place_is_refused(asked: Api, after: str) -> None:
    found = asked.get(f"{LONG}/debug/deals", {"after": after})
    assert (found.status_code, found.json["field"]) == (422, "after")


@pytest.mark.parametrize("live", ["0", "1"])
def test_after_a_place_where_no_deal_stands_come_the_older_ones(asked: Api, live: str) -> None:
    whole = asked.ask(f"{LONG}/debug/deals", days=60, live=live)
    day = date.fromisoformat(whole[len(whole) // 2]["created_on"])
    rest = asked.ask(f"{LONG}/debug/deals", days=60, live=live, after=f"{day.toordinal()}.{300 * '9'}")
    assert rest == [row for row in whole if row["created_on"] < day.isoformat()] != []
    assert asked.ask(f"{LONG}/debug/deals", days=60, live=live, after="100000.0") == []


def test_a_deal_has_the_crm_s_own_id(house: House, asked: Api) -> None:
    crm = house.services.adapter(connection(house))
    ids = {deal.external_id: deal.name for deal in crm.search_deals()}
    for row in asked.ask(f"{LONG}/debug/deals", days=60):
        assert ids[row["deal_id"]] == row["name"]


# --- which owners, which days ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", ["stats", "raw", "owners", "debug/deals"])
def test_an_owner_is_chosen_by_id_or_address(asked: Api, route: str) -> None:
    everyone = rows_of(asked.ask(f"{LONG}/{route}", **({} if route == "owners" else {"days": 366})))
    key = "id" if route == "owners" else "owner_id"
    one = asked.ask(f"{LONG}/owners")[2]
    expected = [row for row in everyone if row[key] == one["id"]]
    days = {} if route == "owners" else {"days": 366}
    assert expected
    assert rows_of(asked.ask(f"{LONG}/{route}", owner_id=one["id"], **days)) == expected
    assert rows_of(asked.ask(f"{LONG}/{route}", owner_email=one["email"].upper(), **days)) == expected
    assert rows_of(asked.ask(f"{LONG}/{route}", owner_id="", owner_email="", **days)) == everyone
    assert rows_of(asked.ask(f"{LONG}/{route}", owner_id="nobody", **days)) == []
    assert rows_of(asked.ask(f"{LONG}/{route}", owner_id=one["id"], owner_email="other@example.com", **days)) == []


def rows_of(found: object) -> list[dict[str, object]]:
    return found["results"] if isinstance(found, dict) else found  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("now", "last"),
    [
        (datetime(2024, 6, 27, 21, 59, tzinfo=UTC), date(2024, 6, 27)),
        (datetime(2024, 6, 27, 22, 0, tzinfo=UTC), date(2024, 6, 28)),
    ],
)
def test_today_is_the_organization_s(own_services: Services, now: datetime, last: date) -> None:
    berlin = create_organization(own_services.database, "Acme", time_zone="Europe/Berlin").organization_id
    connect_crm(own_services.database, berlin, provider="demo", name="CRM", settings={})
    found = api(replace(own_services, now=lambda: now), berlin).ask(f"{LONG}/stats", days=2)
    assert (found["first_day"], found["last_day"]) == ((last - timedelta(days=1)).isoformat(), last.isoformat())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("days", value) for value in ("0", "367", "-1", "1.0", "1_0", " 7", "seven", "", "٧", "1e1")),
        *(("org_id", value) for value in ("0", "x", "1000000000000000000")),
        *(("live", value) for value in ("2", "yes", "")),
    ],
)
def test_a_wrong_parameter_is_named(asked: Api, name: str, value: str) -> None:
    found = asked.get(f"{LONG}/stats", {name: value})
    assert (found.status_code, found.json["field"]) == (422, name)
    assert found.json["detail"].startswith(f"{name}: ")
    assert found.content_type == "application/problem+json"


@pytest.mark.parametrize("route", SALES_ROUTES)
def test_both_addresses_give_the_same(asked: Api, route: str) -> None:
    assert asked.ask(route) == asked.ask(route.replace(f"{SHORT}/", f"{LONG}/") if LONG not in route else route)


@pytest.mark.parametrize("route", SALES_ROUTES)
def test_another_provider_is_not_found_and_named(asked: Api, route: str) -> None:
    found = asked.get(route.replace("/demo/", "/hubspot/"))
    assert (found.status_code, found.json["field"]) == (404, "provider")
    assert "hubspot" in found.json["detail"]
    assert "connected: demo" in found.json["detail"]


# --- what the CRM does not tell --------------------------------------------------------------------------------------


def mute(*kinds: Kind | ActivityKind):
    """A CRM that does not show these."""

    def change(crm: CrmAdapter) -> CrmAdapter:
        assert isinstance(crm, DemoCrm)
        return DemoCrm(crm.settings, now=crm._now, store=crm._store, missing=dict.fromkeys(kinds, "no such right"))

    return change


@pytest.mark.parametrize(
    ("kinds", "counts", "parts"),
    [
        ((ActivityKind.CALL,), ["calls"], ["call"]),
        ((ActivityKind.APPOINTMENT,), [], ["appointment"]),
        ((ActivityKind.MEETING, ActivityKind.APPOINTMENT), ["meetings"], ["meeting", "appointment"]),
        ((Kind.ACTIVITY,), ["emails", "calls", "meetings"], ["email", "call", "meeting", "appointment"]),
        ((Kind.DEAL,), ["new_deals"], ["deal_created"]),
    ],
)
def test_what_the_crm_does_not_expose_is_zero_and_named(
    own_services: Services, kinds: tuple[Kind, ...], counts: list[str], parts: list[str]
) -> None:
    services = with_crm(own_services, mute(*kinds))
    assert load_demo(services, SMALL).status == "succeeded"
    asked = api(services, sample_id(services))
    fields = [f"{name}_last_n_days" for name in counts]
    for query in ({"days": 366}, {"days": 7, "live": 1}):
        for row in asked.ask(f"{LONG}/stats", **query)["results"]:
            assert row["unavailable"] == fields
            assert [row[name] for name in fields] == [0] * len(fields)
        for row in asked.ask(f"{LONG}/raw", **query):
            assert row["unavailable"] == [*fields, *parts]
            assert [row["parts"][name] for name in parts] == [0] * len(parts)
    health = asked.ask(f"{LONG}/health")
    reasons = {row["name"]: row["reason"] for row in health["unavailable"]}
    assert reasons == {kind.value: "no such right" for kind in kinds}
    assert {name for row in health["unavailable"] for name in row["counts"]} >= set(fields)
    refused = {row["name"] for row in health["scopes"] if not row["is_granted"]}
    assert refused >= {kind.value for kind in kinds}


def sample_id(services: Services) -> int:
    found = find_organization(services.database, SAMPLE_NAME)
    assert found is not None
    return found.organization_id


def test_nothing_is_unavailable_where_the_crm_tells_all(asked: Api) -> None:
    assert {tuple(row["unavailable"]) for row in asked.ask(f"{LONG}/raw")} == {()}
    assert asked.ask(f"{LONG}/health")["unavailable"] == []


# --- the CRM itself --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", ["stats", "raw"])
def test_the_crm_itself_says_the_same(asked: Api, route: str) -> None:
    stored, live = (rows_of(asked.ask(f"{LONG}/{route}", days=30, live=live)) for live in ("0", "1"))
    without_team = [{**row, "team": None} for row in stored]
    assert by_id(live) == by_id(without_team)
    assert asked.ask(f"{LONG}/stats", live="1", owner_id="nobody")["source"] == "crm"


def by_id(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    return sorted(rows, key=lambda row: str(row["owner_id"]))


def test_the_deals_of_the_crm_itself_are_the_same(asked: Api) -> None:
    same = ("deal_id", "owner_id", "name", "status", "amount_minor", "created_on", "source")
    stored, live = (
        sorted(tuple(str(row[name]) for name in same) for row in asked.ask(f"{LONG}/debug/deals", days=30, live=live))
        for live in ("0", "1")
    )
    assert live == stored
    assert live


def test_what_is_planned_for_tomorrow_is_no_work_of_these_days(house: House) -> None:
    """The count since the first day holds what stands in the calendar; it is taken off."""

    class Planning(DemoCrm):
        def count_activity(self, *, kind, owner=None, since=None):
            found = DemoCrm.count_activity(self, kind=kind, owner=owner, since=since)
            return replace(found, count=found.count + 1000)

    def plan(crm: CrmAdapter) -> CrmAdapter:
        assert isinstance(crm, DemoCrm)
        return Planning(crm.settings, now=crm._now, store=crm._store)

    usual = api(house.services, house.organization_id)
    planned = api(with_crm(house.services, plan), house.organization_id)
    owner = usual.ask(f"{LONG}/owners")[0]["id"]
    found = [one.ask(f"{LONG}/stats", live="1", owner_id=owner)["results"][0] for one in (usual, planned)]
    assert found[0]["meetings_last_n_days"] == found[1]["meetings_last_n_days"]
    assert found[0]["calls_last_n_days"] == found[1]["calls_last_n_days"]


@pytest.mark.parametrize("route", SALES_ROUTES)
@pytest.mark.parametrize(
    ("error", "status", "wait"),
    [
        (RetriableError("The demo CRM is busy.", wait_s=12), 503, "13"),
        (RetriableError("The demo CRM is busy."), 503, "31"),
        (FatalError("The demo CRM refuses the token."), 502, None),
    ],
)
def test_a_failing_crm_is_an_error_and_never_a_zero(
    house: House, route: str, error: Exception, status: int, wait: str | None
) -> None:
    found = api(with_crm(house.services, failing(error)), house.organization_id).get(route, {"live": "1"})
    assert (found.status_code, found.content_type) == (status, "application/problem+json")
    assert str(error) in found.json["detail"]
    assert found.headers.get("Retry-After") == wait


def test_a_crm_that_fails_half_way_is_an_error_too(house: House) -> None:
    class HalfWay(DemoCrm):
        asked = 0

        def count_activity(self, *, kind, owner=None, since=None):
            self.asked += 1
            if self.asked > 5:
                raise RetriableError("The demo CRM is busy.")
            return DemoCrm.count_activity(self, kind=kind, owner=owner, since=since)

    def change(crm: CrmAdapter) -> CrmAdapter:
        assert isinstance(crm, DemoCrm)
        return HalfWay(crm.settings, now=crm._now, store=crm._store)

    found = api(with_crm(house.services, change), house.organization_id).get(f"{LONG}/stats", {"live": "1"})
    assert (found.status_code, found.json["status"]) == (503, 503)


# --- health ----------------------------------------------------------------------------------------------------------


def test_health_tells_connection_scopes_and_last_sync(house: House, asked: Api) -> None:
    found = asked.ask(f"{LONG}/health")
    assert found["provider"] == "demo"
    assert found["connection"]["status"] == "ok"
    assert found["connection"]["deals"] > 0
    assert found["last_sync"]["status"] == "succeeded"
    assert found["last_sync"]["succeeded_at"] == found["last_sync"]["finished_at"]
    assert {row["name"] for row in found["scopes"]} >= {"owner", "deal", "activity", "email", "meeting"}
    assert all(row["is_granted"] for row in found["scopes"])
    assert found["checks"] == []


def test_health_asks_the_crm_where_that_is_wanted(asked: Api) -> None:
    found = asked.ask(f"{LONG}/health", live="1")
    assert [row["name"] for row in found["checks"]] == ["demo world", "demo store"]
    assert all(row["is_ok"] for row in found["checks"])


def test_health_is_stale_a_day_and_a_half_after_the_last_sync(house: House) -> None:
    late = replace(house.services, now=lambda: NOW + timedelta(hours=40))
    assert api(late, house.organization_id).ask(f"{LONG}/health")["connection"]["status"] == "stale"


def test_health_and_stats_say_that_nothing_was_read_yet(own_services: Services) -> None:
    organization_id = create_organization(own_services.database, "Acme").organization_id
    connect_crm(own_services.database, organization_id, provider="demo", name="CRM", settings={})
    asked = api(own_services, organization_id)
    found = asked.ask(f"{LONG}/health")
    assert (found["connection"]["status"], found["last_sync"]) == ("never_synced", None)
    stats = asked.ask(f"{LONG}/stats")
    assert (stats["synced_at"], stats["results"]) == (None, [])


def test_health_shows_the_connection_that_failed(own_services: Services) -> None:
    services = with_crm(own_services, failing(FatalError("The demo CRM refuses the token.")))
    load_demo(services, SMALL)
    found = api(services, sample_id(services)).ask(f"{LONG}/health")
    assert found["connection"]["status"] == "failing"
    assert found["last_sync"]["status"] == "failed"
