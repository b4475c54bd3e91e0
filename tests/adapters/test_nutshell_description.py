"""What the adapter asks and the sandbox answers is what a description of Nutshell's REST API says, which stands outside
the project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import stamina
from described import DescribedTransport, Description
from made_nutshell import API_KEY, EMAIL, FREE, made_adapter, made_server, made_world

from adapters.base import ContactInput, FieldPolicy, MemoryBudget
from adapters.records import ActivityKind
from adapters.sandbox import Fault, Mishap, SandboxTransport, live_on
from adapters.sandbox.nutshell import NutshellServer

FILE = Path(__file__).parents[3] / "shared" / "crm" / "specs" / "nutshell" / "nutshell-rest-subset.yaml"
UNDESCRIBED = {
    "/accounts", "/accounts/{accounts}", "/activities/{activities}", "/activitytypes", "/sources", "/industries",
    "/events/deleted", "/contacts/customfields/attributes", "/contacts/{contacts}/customfields",
}  # fmt: skip
"""Paths that the description leaves out; they stand in `adapters/sandbox/ASSUMPTIONS.md`."""
ADA = ContactInput(email="ada@new.example", first_name="Ada", last_name="King", phone="+44 1", key="lead-1")


@pytest.fixture
def description(shared_data: Path) -> Description:
    """Missing, with all that is shared, its tests are skipped, and fail in CI."""
    assert FILE.is_file(), f"{FILE} is missing beside {shared_data}"
    return Description.read(FILE, "/rest")


@pytest.fixture(autouse=True)
def _retries_do_not_sleep() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
def server() -> NutshellServer:
    return made_server(made_world(), plan=FREE)


def test_all_that_the_adapter_does_fits_and_uses_every_operation(
    server: NutshellServer, description: Description
) -> None:
    transport = DescribedTransport(SandboxTransport(server), description)
    adapter = made_adapter(server, transport=transport, page_size=7, budget=MemoryBudget(10**9, 10**9))
    assert adapter.check()
    assert adapter.list_owners()
    for kind in sorted(adapter.capabilities.kinds):
        cursor = None
        for _ in range(2):
            cursor = list(adapter.changes(kind, cursor))[-1].cursor
            live_on(server.world, seed=3, deeds=40)
        assert list(adapter.changes(kind, cursor))[-1].done
        assert adapter.expected_count(kind)
    since = server.world.clock.now().replace(day=1)
    assert list(adapter.search_deals(created_since=since)) or list(adapter.search_deals(modified_since=since))
    assert adapter.count_activity(kind=ActivityKind.CALL, since=since).count is not None
    assert adapter.upsert_contact(ADA, dry_run=True).outcome == "created"
    assert adapter.upsert_contact(ADA).outcome == "created"
    more = {"first_name": "A.", "phone": "+44 2", "policies": {"phone": FieldPolicy.APPEND}, "key": "lead-2"}
    updated = adapter.upsert_contact(ContactInput(email=ADA.email, fields={"Company": "Analytical"}, **more))
    assert updated.changed == ("Company", "SLMS lead", "first_name", "phone")
    assert description.used == {one.name for one in description.operations}
    assert {(path, status) for _, path, status in description.undescribed} <= {(path, 200) for path in UNDESCRIBED}
    assert {path for _, path, _ in description.undescribed} == UNDESCRIBED


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("GET", "/contacts?page[page]=-1", {}, 400), ("GET", "/leads?page[limit]=10001", {}, 400),
        ("GET", "/contacts/99999-contacts", {}, 404), ("GET", "/leads/99999-leads", {}, 404),
        ("PATCH", "/contacts/9-contacts", {"json": [{"op": "replace", "path": "/contacts/0/x", "value": "A"}]}, 404),
        ("POST", "/contacts", {"json": {"contacts": [{"name": "A", "emails": [{"value": "no"}]}]}}, 400),
    ],
)  # fmt: skip
def test_refusals_fit(
    server: NutshellServer, description: Description, method: str, path: str, more: dict[str, object], status: int
) -> None:
    headers = {"content-type": "application/json-patch+json" if method == "PATCH" else "application/json"}
    with httpx.Client(transport=SandboxTransport(server), auth=(EMAIL, API_KEY)) as api:
        answer = api.request(method, f"https://app.nutshell.com/rest{path}", headers=headers, **more)  # type: ignore[arg-type]
    assert answer.status_code == status
    if "page" not in path:  # which is a request that does not fit
        description.check(answer.request, answer)
        assert description.used


def test_a_refused_key_and_a_wrong_media_type_fit(server: NutshellServer, description: Description) -> None:
    row = server.world.live("contact")[0]
    with httpx.Client(transport=SandboxTransport(server), auth=(EMAIL, API_KEY)) as api:
        url = f"https://app.nutshell.com/rest/contacts/{row.row_id}-contacts"
        wrong = api.patch(url, json=[{"op": "replace", "path": "/contacts/0/name", "value": "A"}])
        server.expired = True
        refused = api.get(url)
    assert (wrong.status_code, refused.status_code) == (415, 401)
    description.check(refused.request, refused)
    with pytest.raises(AssertionError, match="application/json instead of application/json-patch"):
        description.check(wrong.request, wrong)


@pytest.mark.parametrize(
    ("field", "value"),
    [("id", 7), ("value", {"amount": 5}), ("createdTime", [1]), ("confidence", "high"), ("links", [])],
)
def test_an_answer_that_does_not_fit_is_noticed(
    server: NutshellServer, description: Description, field: str, value: object
) -> None:
    body = server._envelope("leads", server.world.live("deal")[:1]).body
    body["leads"][0][field] = value
    request = httpx.Request("GET", "https://app.nutshell.com/rest/leads")
    with pytest.raises(AssertionError, match="GET /leads"):
        description.check(request, httpx.Response(200, json=body))


def test_a_request_that_does_not_fit_is_noticed(description: Description) -> None:
    for path in ("/leads?filter=1", "/leads?modified=1", "/contacts?page[size]=1", "/users?page[limit]=0"):
        request = httpx.Request("GET", f"https://app.nutshell.com/rest{path}")
        with pytest.raises(AssertionError):
            description.check(request, httpx.Response(200, json={"leads": [], "contacts": [], "users": []}))


def test_what_no_description_covers_is_named_where_it_is_assumed() -> None:
    told = (Path(__file__).parents[2] / "adapters" / "sandbox" / "ASSUMPTIONS.md").read_text()
    for path in ("/rest/accounts", "/rest/events/deleted", "/rest/activitytypes", "/rest/sources", "customfields"):
        assert path in told


def test_faults_are_worded_as_described_or_assumed(server: NutshellServer, description: Description) -> None:
    for mishap, status in ((Mishap.THROTTLED, 429), (Mishap.STATUS, 503), (Mishap.EXPIRED, 401)):
        server.faults.plan(Fault(mishap=mishap))
        with httpx.Client(transport=SandboxTransport(server), auth=(EMAIL, API_KEY)) as api:
            answer = api.get("https://app.nutshell.com/rest/users")
        assert answer.status_code == status
        description.check(answer.request, answer)
    assert {status for *_, status in description.undescribed} == {429, 503}
