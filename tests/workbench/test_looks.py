"""What needs a look is found among the open deals, and an empty view says so instead of praising it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from conftest import Workbench
from made_installation import TODAY, House
from reading import as_read
from streamlit.testing.v1 import AppTest
from test_rows_behind import opened

from ops.importing import Import, import_export
from ops.services import Services
from snapshots.organizations import find_organization
from snapshots.rows import DUE_DAYS, LINGERING_DAYS
from workbench import look_data, overview_data, rows

DAYS_AGO = {n: (TODAY - timedelta(days=n)).isoformat() for n in (1, 20)}


def words(at: AppTest) -> str:
    assert not at.exception
    return as_read("\n".join(str(one.value) for one in [*at.title, *at.header, *at.markdown, *at.caption]))


def imported(services: Services, folder: Path, name: str, text: str) -> Services:
    (folder / name).write_text(text)
    wanted = Import(source=folder / name, organization="Made up", currency="EUR")
    assert import_export(services, wanted).status == "succeeded"
    return services


@pytest.fixture
def open_deals(workbench: Workbench, demo_house: House) -> pd.DataFrame:
    workbench.use(demo_house)
    return rows.all_rows(opened(demo_house), "open_pipeline")


def n_looks(house: House) -> dict[str, int]:
    return {look.key: int(look.what.split()[0].replace(",", "")) for look in look_data.looks(opened(house))}


def test_deals_that_stand_still_are_those_long_in_their_stage(demo_house: House, open_deals: pd.DataFrame) -> None:
    still = int((open_deals["stage_age_days"] > LINGERING_DAYS).sum())
    assert 0 < still < len(open_deals)
    assert n_looks(demo_house)["lingering"] == still


def test_deals_due_soon_close_within_a_week_of_the_day_looked_at(demo_house: House, open_deals: pd.DataFrame) -> None:
    day = pd.Timestamp(TODAY)
    due = int(open_deals["close_on"].between(day, day + pd.Timedelta(days=DUE_DAYS)).sum())
    late = int((open_deals["close_on"] < day).sum())
    assert due
    assert (n_looks(demo_house)["due_soon"], n_looks(demo_house)["overdue"]) == (due, late)


def test_each_finding_opens_its_rows(demo_house: House, open_deals: pd.DataFrame) -> None:
    for key, n in n_looks(demo_house).items():
        if key != "rejected":
            assert len(rows.all_rows(opened(demo_house), key)) == n, key


def test_an_organization_without_deals_is_not_told_that_all_of_them_are_well(
    workbench: Workbench, empty_services: Services, tmp_path: Path
) -> None:
    at = workbench.open(imported(empty_services, tmp_path, "leads.csv", "Lead Id,Lead Name,Source\n1,Ann,Web\n"))
    assert "No deal is open in this view" in words(at)
    assert "Nothing stands out" not in words(at)


def test_without_any_date_there_is_no_period_but_all_time(
    workbench: Workbench, empty_services: Services, tmp_path: Path
) -> None:
    at = workbench.open(imported(empty_services, tmp_path, "leads.csv", "Lead Id,Lead Name,Source\n1,Ann,Web\n"))
    assert {metric.label: metric.value for metric in at.metric}["Leads"] == "1"
    assert "1 of them without a date" in words(at)
    assert "range" not in at.query_params, "another organization keeps its own period"
    assert [one.proto.popover.label for one in at.get("popover") if one.proto.popover.disabled] == ["All time"]


def test_undated_deals_are_among_all_time_and_beside_any_other_period(
    workbench: Workbench, empty_services: Services, tmp_path: Path
) -> None:
    deals = f"deal_id,stage,create_date,amount\nA,Open,{DAYS_AGO[1]},1\nB,Open,{DAYS_AGO[20]},2\nC,Open,,3\n"
    imported(empty_services, tmp_path, "deals.csv", deals)
    for period, n, told in (("30d", "2", "+ 1 without a date"), ("all", "3", "1 of them without a date")):
        at = workbench.open(empty_services, org="1", range=period)
        assert {metric.label: metric.value for metric in at.metric}["New deals"] == n
        assert told in words(at)


def test_trends_are_of_what_the_sources_tell(workbench: Workbench, empty_services: Services, tmp_path: Path) -> None:
    workbench.use(imported(empty_services, tmp_path, "leads.csv", "Lead Id,Lead Name,Source\n1,Ann,Web\n"))
    organization = find_organization(empty_services.database, "Made up")
    assert organization is not None
    found = overview_data.overview(opened(House(services=empty_services, organization=organization)))
    assert [trend.key for trend in found.trends] == ["leads"]
    assert found.trends[0].nothing == "None of these leads has a date, so there is no line to draw."
