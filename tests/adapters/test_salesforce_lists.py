"""What is few and listed in full: owners with queues, roles, record types as pipelines, and their stages."""

from __future__ import annotations

from made_salesforce import made_adapter, made_server, made_world

from adapters.records import Change, Deal, DealStatus, Kind, Owner, Pipeline, Stage
from adapters.salesforce.reading import NO_PIPELINE
from adapters.sandbox.salesforce import SalesforceServer
from adapters.sandbox.salesforce.values import id_of


def listed(server: SalesforceServer, kind: Kind) -> list[Change]:
    return [one for page in made_adapter(server).changes(kind, None) for one in page.changes]


def test_people_and_queues_own_and_visitors_and_processes_do_not() -> None:
    server = made_server(made_world())
    owners = {one.external_id: one for one in listed(server, Kind.OWNER) if isinstance(one, Owner)}
    assert owners[id_of("00G", 1)].name == "Inbound leads"
    assert {"Automated Process", "Everybody"}.isdisjoint({one.name for one in owners.values()})
    left = next(row for row in server.world.all("owner") if row.archived_at is not None)
    assert not owners[id_of("005", left.row_id)].is_active


def test_each_record_type_is_a_pipeline_with_its_own_stages() -> None:
    server = made_server(made_world())
    pipelines = [one for one in listed(server, Kind.PIPELINE) if isinstance(one, Pipeline)]
    assert [one.name for one in pipelines] == ["Sales", "Renewals"]
    stages = [one for one in listed(server, Kind.STAGE) if isinstance(one, Stage)]
    first = [one for one in stages if one.pipeline_id == pipelines[0].external_id]
    assert [(one.name, one.status) for one in first] == [
        ("New", DealStatus.OPEN), ("Qualified", DealStatus.OPEN), ("Offer", DealStatus.OPEN), ("Won", DealStatus.WON),
        ("Lost", DealStatus.LOST),
    ]  # fmt: skip
    assert [one.probability for one in first] == [0.1, 0.3, 0.6, 1.0, 0.0]


def test_deals_without_a_record_type_have_a_pipeline_too() -> None:
    server = made_server(made_world())
    deal = server.world.live("deal")[0]
    server.world.update(deal, {"pipeline_id": None})
    names = {one.external_id: one.name for one in listed(server, Kind.PIPELINE) if isinstance(one, Pipeline)}
    assert names[NO_PIPELINE] == "Opportunities"
    found = {one.external_id: one for one in made_adapter(server).search_deals()}
    told = found[id_of("006", deal.row_id)]
    assert isinstance(told, Deal)
    assert told.pipeline_id == NO_PIPELINE
    assert told.stage_id in {one.external_id for one in listed(server, Kind.STAGE) if isinstance(one, Stage)}


def test_where_the_stages_of_a_record_type_are_not_told_it_has_all_of_them() -> None:
    server = made_server(made_world())
    server.routes = [one for one in server.routes if "picklist-values" not in one[1].pattern]
    pipelines, stages = listed(server, Kind.PIPELINE), listed(server, Kind.STAGE)
    assert len(stages) == len(pipelines) * len(server.world.live("stage"))


def test_without_the_right_on_roles_owners_have_no_team() -> None:
    server = made_server(made_world(), hidden=frozenset({"UserRole"}))
    assert {one.team_id for one in listed(server, Kind.OWNER) if isinstance(one, Owner)} == {None}
