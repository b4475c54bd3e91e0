"""From nothing to numbers: what a newcomer sees while they are on their way, and when they do not come."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

from conftest import Workbench
from streamlit.testing.v1 import AppTest
from test_looks import imported, words

from ops.first_run import SAMPLE_NAME
from ops.services import Services
from snapshots.organizations import connect_crm, create_organization, find_organization


def open_while_loading(workbench: Workbench, services: Services, loading: Future[object]) -> AppTest:
    at = workbench.open(services)
    at.session_state["demo_loading"] = loading
    return at.run()


def test_sample_data_show_how_far_they_are_from_the_moment_their_organization_exists(
    workbench: Workbench, empty_services: Services
) -> None:
    create_organization(empty_services.database, SAMPLE_NAME, is_sample=True)
    at = open_while_loading(workbench, empty_services, Future())
    assert at.title[0].value == "Welcome to SLMS"
    assert not at.metric
    assert "Go to Data" not in [button.label for button in at.button]
    assert at.get("progress")


def test_sample_data_that_could_not_be_loaded_say_so_and_are_offered_again(
    workbench: Workbench, empty_services: Services
) -> None:
    loading: Future[object] = Future()
    loading.set_exception(RuntimeError("the secret reason"))
    at = open_while_loading(workbench, empty_services, loading)
    assert "could not be loaded" in at.error[0].value
    assert "secret" not in at.error[0].value
    assert at.button("demo").label == "Load sample data"


def test_a_source_that_was_not_read_to_its_end_makes_the_numbers_not_whole(
    workbench: Workbench, empty_services: Services, tmp_path: Path
) -> None:
    imported(empty_services, tmp_path, "leads.csv", "Lead Id,Lead Name,Source\n1,Ann,Web\n")
    assert "not whole" not in words(workbench.open(empty_services))
    organization = find_organization(empty_services.database, "Made up")
    assert organization is not None
    connect_crm(empty_services.database, organization.organization_id, provider="csv", name="Second", settings={})
    assert "**Second**: not read to its end yet, so these numbers are not whole." in words(
        workbench.open(empty_services)
    )
