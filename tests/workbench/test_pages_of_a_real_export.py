"""Every page on a real export with its gaps, against totals that DuckDB computes from the raw files."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from conftest import Workbench, go
from made_installation import House
from reading import as_read
from streamlit.testing.v1 import AppTest

from workbench import formats


@pytest.fixture(scope="session")
def told(shared_data: Path):
    """One row of SQL over the raw deals."""
    deals = f"read_csv('{shared_data / 'crm_opportunities' / 'sales_pipeline.csv'}')"

    def ask(columns: str, condition: str = "true") -> tuple:
        return duckdb.sql(f"SELECT {columns} FROM {deals} WHERE {condition}").fetchall()[0]

    return ask


def values(at: AppTest) -> dict[str, str]:
    assert not at.exception
    assert not any(one.label == "Try again" for one in at.button)
    return {metric.label: metric.value for metric in at.metric}


def text(at: AppTest) -> str:
    return as_read("\n".join(str(one.value) for one in [*at.markdown, *at.caption]))


def test_all_time_totals_are_those_of_the_file(workbench: Workbench, real_house: House, told) -> None:
    at = workbench.open(real_house, org=str(real_house.organization_id), range="all")
    n, won, closed, amount = told(
        "count(*), count(*) FILTER (deal_stage = 'Won'), count(*) FILTER (deal_stage IN ('Won', 'Lost')), "
        "sum(close_value) FILTER (deal_stage = 'Won')"
    )
    [cycle] = told("median(close_date - engage_date)", "deal_stage = 'Won'")
    assert values(at) == {
        "Leads": "–",
        "New deals": formats.count(n),
        "Won amount": formats.money_short(amount * 100, "USD"),
        "Win rate": formats.rate(won / closed),
        "Cycle length": formats.days(cycle),
        "Weighted pipeline": "–",
        "Activities": "–",
    }
    assert at.button("open_won_amount").label == f"{formats.count(won)} won deals"
    for nothing in ("leads", "activities"):
        assert f"No source tells of {nothing}" in text(at)


def test_the_last_quarter_of_the_data_is_that_of_the_file(workbench: Workbench, real_house: House, told) -> None:
    at = workbench.open(real_house)
    last = told("max(close_date)")[0]
    inside = f"BETWEEN DATE '{last}' - 89 AND DATE '{last}'"
    new, undated = told(f"count(*) FILTER (engage_date {inside}), count(*) FILTER (engage_date IS NULL)")
    won, amount = told("count(*), sum(close_value)", f"deal_stage = 'Won' AND close_date {inside}")
    assert values(at)["New deals"] == formats.count(new)
    assert values(at)["Won amount"] == formats.money_short(amount * 100, "USD")
    assert at.button("open_won_amount").label == f"{formats.count(won)} won deals"
    assert f"+ {undated} without a date" in text(at), "undated deals are told of, not dropped"


def test_open_deals_without_an_amount_are_no_zero(workbench: Workbench, real_house: House, told) -> None:
    at = workbench.open(real_house, "pipeline")
    n = told("count(*)", "deal_stage NOT IN ('Won', 'Lost')")[0]
    assert values(at)["Open pipeline"] == "–"
    assert values(at)["Without amount"] == formats.count(n)
    assert f"None of the {formats.count(n)} has an amount." in text(at)


def test_open_deals_by_stage_are_those_of_the_file(workbench: Workbench, real_house: House, told) -> None:
    at = workbench.open(real_house, "pipeline")
    table = next(str(one.value) for one in at.html if "Stages with number" in str(one.value))
    for stage in ("Prospecting", "Engaging"):
        [n] = told("count(*)", f"deal_stage = '{stage}'")
        assert f'<td class="slms-text">{stage}</td><td class="slms-number">{formats.count(n)}</td>' in table


def test_every_agent_of_the_file_has_a_page(workbench: Workbench, real_house: House, told) -> None:
    at = workbench.open(real_house, "salespeople", org=str(real_house.organization_id), range="all")
    box = at.selectbox("people_open_0")
    assert len(box.options) == 35, "those without a deal too"
    name, amount = told("sales_agent, sum(close_value)", "deal_stage = 'Won' GROUP BY 1 ORDER BY 2 DESC LIMIT 1")
    assert box.options[0].startswith(name), "the one who won most comes first"
    from_there = reader_id(real_house, name)
    go(at, "salesperson", person=str(from_there))
    assert at.title[0].value == name
    assert values(at)["Won amount"] == formats.money_short(amount * 100, "USD")


def reader_id(house: House, name: str) -> int:
    from measuring import days_to, reader

    owners = reader(house).owners(days_to(house.services.now().date()).as_of)
    return int(owners.loc[owners["name"] == name, "owner_id"].iloc[0])


def test_an_agent_without_a_deal_is_no_error(workbench: Workbench, real_house: House, told, shared_data: Path) -> None:
    teams, deals = (shared_data / "crm_opportunities" / f"{name}.csv" for name in ("sales_teams", "sales_pipeline"))
    idle = duckdb.sql(
        f"SELECT sales_agent FROM '{teams}' WHERE sales_agent NOT IN (SELECT sales_agent FROM '{deals}')"
    ).fetchall()
    assert len(idle) == 5
    at = workbench.open(real_house, "salesperson", person=str(reader_id(real_house, idle[0][0])), range="all")
    assert as_read(at.title[0].value) == idle[0][0]
    assert values(at)["New deals"] == "0"
    assert "No open deals on this day" in text(at)


def test_the_middle_of_the_data_is_shown_as_it_was(workbench: Workbench, real_house: House, told) -> None:
    at = workbench.open(real_house, "pipeline", org=str(real_house.organization_id), asof="2017-06-30")
    day = "DATE '2017-06-30'"
    [engaging] = told("count(*)", f"engage_date <= {day} AND (close_date IS NULL OR close_date > {day})")
    [undated] = told("count(*)", "engage_date IS NULL")  # open now, and nobody knows since when
    assert at.button("open_open_pipeline").label == f"{formats.count(engaging + undated)} open deals"
