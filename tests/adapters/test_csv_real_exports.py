"""The two real exports, from their raw files, against totals that DuckDB computes from the same files."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
import pytest

from adapters.csv_export import CsvExport, guess_mapping, inspect_export
from adapters.records import Company, Deal, DealStatus, Kind, Lead, Product, Stage, Team
from snapshots.database import Database
from snapshots.organizations import connect_crm
from snapshots.reads import Reader
from snapshots.slices import NOBODY, Role, Slice, Viewer
from snapshots.sync import RunReport, Sync

DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="module", autouse=True)
def _they_are_here(shared_data: Path) -> None:
    assert shared_data == DATA


def opened(name: str) -> CsvExport:
    return CsvExport(DATA / name, guess_mapping(inspect_export(DATA / name)))


def records(adapter: CsvExport, kind: Kind) -> list:
    return [change for page in adapter.changes(kind, None) for change in page.changes]


def asked(name: str, file: str, sql: str) -> list[tuple]:
    return duckdb.sql(sql.format(f"read_csv('{DATA / name / file}', all_varchar=true)")).fetchall()


@pytest.fixture(scope="module")
def opportunities() -> CsvExport:
    return opened("crm_opportunities")


@pytest.fixture(scope="module")
def deals(opportunities: CsvExport) -> list[Deal]:
    return records(opportunities, Kind.DEAL)


def pipeline(sql: str) -> list[tuple]:
    return asked("crm_opportunities", "sales_pipeline.csv", sql)


def test_deals_by_stage_equal_the_file(deals: list[Deal]) -> None:
    assert Counter(deal.stage_id for deal in deals) == dict(pipeline("select deal_stage, count(*) from {} group by 1"))


def test_won_amount_of_each_agent_equals_the_file(deals: list[Deal]) -> None:
    found: Counter[str | None] = Counter()
    for deal in deals:
        if deal.status is DealStatus.WON:
            found[deal.owner_id] += deal.amount_minor or 0
    sql = "select sales_agent, sum(close_value::bigint) * 100 from {} where deal_stage = 'Won' group by 1"
    assert found == dict(pipeline(sql))


def test_deals_by_product_have_one_spelling(deals: list[Deal]) -> None:
    sql = "select replace(product, 'GTXPro', 'GTX Pro'), count(*) from {} group by 1"
    assert Counter(deal.product_id for deal in deals) == dict(pipeline(sql))


def test_gaps_stay_gaps(deals: list[Deal]) -> None:
    [(undated, no_account, no_amount)] = pipeline(
        "select count(*) - count(engage_date), count(*) - count(account), count(*) - count(close_value) from {}"
    )
    assert sum(deal.created_at is None for deal in deals) == undated == 500
    assert sum(deal.company_id is None for deal in deals) == no_account == 1425
    assert sum(deal.amount_minor is None for deal in deals) == no_amount == 2089


def test_the_close_value_is_known_at_close_only(deals: list[Deal]) -> None:
    assert all(deal.amount_known_at_close for deal in deals)
    assert all(deal.amount_minor == 0 for deal in deals if deal.status is DealStatus.LOST)


def test_days_of_creation_and_close_equal_the_file(deals: list[Deal]) -> None:
    found = {deal.external_id: (str(deal.created_at or "")[:10], str(deal.closed_at or "")[:10]) for deal in deals}
    sql = "select opportunity_id, coalesce(engage_date, ''), coalesce(close_date, '') from {}"
    assert found == {at: (created, closed) for at, created, closed in pipeline(sql)}


def test_a_deal_is_named_by_account_and_product_or_its_id(deals: list[Deal]) -> None:
    named = {deal.external_id: deal.name for deal in deals}
    assert named["Z063OYW0"] == "Isdom - GTX Pro"
    [(bare,)] = pipeline("select opportunity_id from {} where account is null and product = 'MG Special' limit 1")
    assert named[bare] == "MG Special"


def test_agents_have_their_managers_team_and_its_region(opportunities: CsvExport) -> None:
    teams: dict[str, Team] = {team.external_id: team for team in records(opportunities, Kind.TEAM)}
    found = {
        (o.name, teams[o.team_id or ""].manager_name, teams[o.team_id or ""].region)
        for o in opportunities.list_owners()
    }
    told = asked("crm_opportunities", "sales_teams.csv", "select sales_agent, manager, regional_office from {}")
    assert found == set(told)
    assert len(told) == 35


def test_accounts_and_products_equal_the_files(opportunities: CsvExport) -> None:
    companies: list[Company] = records(opportunities, Kind.COMPANY)
    products: list[Product] = records(opportunities, Kind.PRODUCT)
    accounts = asked("crm_opportunities", "accounts.csv", "select account, sector, employees::int from {}")
    assert {(c.name, c.industry, c.employees) for c in companies} == set(accounts)
    prices = asked("crm_opportunities", "products.csv", "select product, series, sales_price::int * 100 from {}")
    assert {(p.name, p.family, p.price_minor) for p in products} == set(prices)


def test_the_unit_of_revenue_is_taken_from_the_data_dictionary(opportunities: CsvExport) -> None:
    acme = next(c for c in records(opportunities, Kind.COMPANY) if c.name == "Acme Corporation")
    assert (acme.revenue_minor, acme.currency) == (1_100_040_000 * 100, "USD")


def test_stages_stand_in_the_order_of_a_sale(opportunities: CsvExport) -> None:
    stages: list[Stage] = records(opportunities, Kind.STAGE)
    assert [stage.name for stage in stages] == ["Prospecting", "Engaging", "Won", "Lost"]
    assert [stage.status for stage in stages] == ["open", "open", "won", "lost"]
    assert all(stage.probability is None for stage in stages)


def test_all_rows_are_taken_and_the_dictionary_is_left_out(opportunities: CsvExport) -> None:
    reports = {report.file: report for report in opportunities.take_stock()}
    assert {name: report.taken for name, report in reports.items() if report.kind} == {
        "accounts.csv": 85, "products.csv": 7, "sales_pipeline.csv": 8800, "sales_teams.csv": 35
    }  # fmt: skip
    assert reports["data_dictionary.csv"].left_out == "a data dictionary"
    assert reports["README.md"].left_out
    assert not any(report.rejected for report in reports.values())


@pytest.fixture(scope="module")
def leads() -> list[Lead]:
    return records(opened("xeducation"), Kind.LEAD)


def test_leads_and_conversions_equal_the_file(leads: list[Lead]) -> None:
    told = asked("xeducation", "Leads.csv", "select \"Prospect ID\", Converted = '1' from {}")
    assert {lead.external_id: lead.converted for lead in leads} == dict(told)
    assert len(leads) == 9240


def test_sources_differ_by_more_than_case(leads: list[Lead]) -> None:
    sql = 'select lower("Lead Source"), count(*) from {} group by 1'
    found = Counter(lead.source for lead in leads)
    assert {name and name.lower(): number for name, number in found.items()} == dict(
        asked("xeducation", "Leads.csv", sql)
    )
    assert "Google" in found
    assert "google" not in found


def test_select_means_missing(leads: list[Lead]) -> None:
    [(told,)] = asked("xeducation", "Leads.csv", "select count(*) from {} where Specialization <> 'Select'")
    assert sum(lead.fields["Specialization"] is not None for lead in leads if lead.fields) == told


def test_behaviour_is_kept_as_numbers(leads: list[Lead]) -> None:
    [(visits, time)] = asked(
        "xeducation", "Leads.csv", 'select sum(TotalVisits::int), sum("Total Time Spent on Website"::int) from {}'
    )
    assert sum(lead.fields["TotalVisits"] or 0 for lead in leads if lead.fields) == visits
    assert sum(lead.fields["Total Time Spent on Website"] or 0 for lead in leads if lead.fields) == time


def test_what_the_leads_do_not_say_is_missing(leads: list[Lead]) -> None:
    assert {(lead.name, lead.email, lead.created_at, lead.deal_id) for lead in leads} == {(None, None, None, None)}
    assert not any(name.startswith(("column", "Unnamed")) for lead in leads for name in (*lead.fields, *lead.raw))
    assert len(leads[0].fields) == 34


# --- through a sync, as pages read them ----------------------------------------------------------------------------

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
EVERYTHING = Slice(first_day=None, last_day=date(2026, 3, 2), as_of=date(2026, 3, 2))


def synced(name: str, database: Database, organization: int) -> tuple[Reader, RunReport]:
    export = opened(name)
    adapter = CsvExport(export.source, export.mapping, zone=ZoneInfo("Europe/Berlin"), default_currency="EUR")
    connection = connect_crm(database, organization, provider="csv", name=name, settings={})
    sync = Sync(
        database=database,
        organization_id=organization,
        connection_id=connection.connection_id,
        adapter=adapter,
        now=lambda: NOW,
    )
    report = sync.run(trigger="test")
    assert report.status == "succeeded", report.error_message
    return Reader(database, Viewer(organization, Role.SALES_OPS)), report


def totals(frame: pd.DataFrame, by: list[str], values: list[str]) -> dict[object, tuple[int, ...]]:
    sums = frame.groupby(by, dropna=False)[values].sum()
    return {key: tuple(int(value) for value in row) for key, row in zip(sums.index, sums.to_numpy(), strict=True)}


def test_synced_deals_have_the_files_counts_and_amounts_in_all_and_per_agent(
    database: Database, organization: int
) -> None:
    reader, report = synced("crm_opportunities", database, organization)
    assert report.ours[Kind.DEAL] == report.expected[Kind.DEAL] == 8800
    events = reader.deal_events(EVERYTHING)
    [told] = pipeline(
        "select count(*), count(*) filter (deal_stage = 'Won'), count(*) filter (deal_stage = 'Lost'), "
        "sum(close_value::bigint) filter (deal_stage = 'Won') * 100 from {}"
    )
    found = totals(events, ["event"], ["n", "amount_minor"])
    assert (found["created"][0], found["won"][0], found["lost"][0], found["won"][1]) == told
    people = reader.owners(EVERYTHING.as_of).set_index("owner_id").name
    per_agent = reader.deal_events(EVERYTHING, by_owner=True)
    won = totals(per_agent[per_agent.event == "won"], ["owner_id"], ["n", "amount_minor"])
    sql = "select sales_agent, count(*), sum(close_value::bigint) * 100 from {} where deal_stage = 'Won' group by 1"
    assert {people[key]: sums for key, sums in won.items()} == {agent: (n, sum_) for agent, n, sum_ in pipeline(sql)}
    created = totals(per_agent[per_agent.event == "created"], ["owner_id"], ["n"])
    assert {people[key]: n for key, (n,) in created.items()} == dict(
        pipeline("select sales_agent, count(*) from {} group by 1")
    )


def test_synced_deals_of_each_day_and_the_undated_ones_equal_the_file(database: Database, organization: int) -> None:
    reader, _ = synced("crm_opportunities", database, organization)
    events = reader.deal_events(EVERYTHING)
    events["on"] = events.day.dt.strftime("%Y-%m-%d").where(events.day.notna(), "")
    for event, column in (("created", "engage_date"), ("won", "close_date"), ("lost", "close_date")):
        stage = {"won": "where deal_stage = 'Won'", "lost": "where deal_stage = 'Lost'"}.get(event, "")
        told = pipeline(f"select coalesce({column}, ''), count(*) from {{}} {stage} group by 1")
        found = totals(events[events.event == event], ["on"], ["n"])
        assert {day: n for day, (n,) in found.items()} == dict(told), event


def test_synced_open_deals_stand_in_the_files_stages_without_amounts(database: Database, organization: int) -> None:
    reader, _ = synced("crm_opportunities", database, organization)
    stages = reader.open_stages(EVERYTHING)
    told = pipeline(
        "select deal_stage, count(*), count(close_value), count(*) - count(engage_date) from {} "
        "where deal_stage not in ('Won', 'Lost') group by 1"
    )
    assert totals(stages, ["stage"], ["n", "n_valued", "n_undated"]) == {stage: tuple(sums) for stage, *sums in told}


def test_synced_leads_by_source_and_conversion_equal_the_file(database: Database, organization: int) -> None:
    reader, report = synced("xeducation", database, organization)
    assert report.ours[Kind.LEAD] == report.expected[Kind.LEAD] == 9240
    found = totals(reader.lead_counts(EVERYTHING, by_source=True), ["source"], ["n", "n_converted", "n_known"])
    sql = (
        """select lower(coalesce("Lead Source", '')), count(*), count(*) filter (Converted = '1'), count(Converted) """
        "from {} group by 1"
    )
    told = {source: (n, converted, known) for source, n, converted, known in asked("xeducation", "Leads.csv", sql)}
    assert {str(source).lower(): sums for source, sums in found.items()} == told
    assert set(reader.lead_counts(EVERYTHING)["owner_id"].dropna()) <= {NOBODY}
