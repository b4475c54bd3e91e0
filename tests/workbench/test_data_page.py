"""What the page Data says of a source that is in trouble."""

from __future__ import annotations

from conftest import Workbench, functions_of
from made_installation import NOW
from sqlalchemy import text

from ops.services import Services
from snapshots.organizations import connect_crm, create_organization


def test_what_a_crm_says_of_its_failure_is_shown_as_text_and_nothing_is_fetched_for_it(
    workbench: Workbench, empty_services: Services
) -> None:
    organization = create_organization(empty_services.database, "Acme").organization_id
    link = connect_crm(empty_services.database, organization, provider="csv", name="Exports", settings={})
    with empty_services.database.as_app(organization) as connection:
        connection.execute(
            text(
                "INSERT INTO sync_runs (organization_id, connection_id, trigger, status, started_at, heartbeat_at, "
                "finished_at, error_id, error_message) "
                "VALUES (:o, :c, 'daily', 'failed', :now, :now, :now, 'E-1', :said)"
            ),
            {"o": organization, "c": link.connection_id, "now": NOW, "said": "It said ![x](https://evil.example/x)"},
        )
    at = workbench.open(empty_services, "data")
    [shown] = [one.value for one in at.markdown if "It said" in one.value]
    assert "![x](" not in shown
    assert r"\!\[x\]\(https" in shown


def test_each_of_two_runs_of_one_minute_can_be_picked(workbench: Workbench, empty_services: Services) -> None:
    organization = create_organization(empty_services.database, "Acme").organization_id
    link = connect_crm(empty_services.database, organization, provider="csv", name="Exports", settings={})
    with empty_services.database.as_app(organization) as connection:
        for _ in range(2):
            connection.execute(
                text(
                    "INSERT INTO sync_runs (organization_id, connection_id, trigger, status, started_at, heartbeat_at, "
                    "finished_at) VALUES (:o, :c, 'daily', 'succeeded', :now, :now, :now)"
                ),
                {"o": organization, "c": link.connection_id, "now": NOW},
            )
    picker = workbench.open(empty_services, "data").selectbox(key="run_picked")
    assert len(set(picker.options)) == 2


def test_what_is_gone_stands_between_what_was_new_and_what_we_hold() -> None:
    fields = [column.field for column in functions_of("data").COUNT_COLUMNS]
    assert fields.index("new") < fields.index("deleted") < fields.index("ours")
