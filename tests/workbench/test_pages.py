"""Every page on the sample organization: the numbers are those of the metrics, and every state has its words."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import made_leads
import pandas as pd
import pytest
from conftest import Workbench, go
from made_installation import NOW, TODAY, House
from measuring import days_to, measured, reader
from reading import as_read
from streamlit.testing.v1 import AppTest

from insights import stages
from insights.metrics import METRICS, Kpi
from ops.importing import Import, import_export
from ops.services import Services
from snapshots import pipeline_moves
from snapshots.form_versions import create_form
from snapshots.organizations import create_organization
from snapshots.rows import DealSet, deal_summary
from snapshots.slices import Role, Viewer
from snapshots.users import save_user
from workbench import formats

OVERVIEW = ("leads", "new_deals", "won_amount", "win_rate", "cycle_length", "weighted_pipeline", "activities")
PERSON = ("won_amount", "win_rate", "cycle_length", "weighted_pipeline", "activities", "new_deals")
MENU = ("overview", "salespeople", "pipeline", "data")


def written(kpi: Kpi) -> str:
    """The value as a card must print it; of several currencies the largest."""
    match kpi.metric.unit:
        case "money":
            if kpi.money:
                return formats.money_short(kpi.money[0].minor, kpi.money[0].currency)
            return "0" if kpi.value == 0 else "–"
        case "rate":
            return formats.rate(kpi.value)
        case "days":
            return formats.days(kpi.value)
        case _:
            return formats.count(kpi.value)


def shown(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def expected(kpis: dict[str, Kpi], keys: tuple[str, ...]) -> dict[str, str]:
    return {METRICS[key].label: written(kpis[key]) for key in keys}


def words(at: AppTest) -> str:
    parts = [*at.title, *at.header, *at.markdown, *at.caption, *at.error]
    return as_read("\n".join(str(part.value) for part in parts))


def labels(at: AppTest) -> list[str]:
    return [button.label for button in at.button]


def is_whole(at: AppTest) -> bool:
    return not at.exception and not any(one.label == "Try again" for one in at.button)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("page", MENU)
def test_a_page_opens_without_an_error(workbench: Workbench, demo_house: House, page: str, theme: str) -> None:
    at = workbench.open(demo_house, page, theme=theme)
    assert is_whole(at), words(at)
    assert at.title[0].value == page.capitalize()


def test_the_overview_shows_what_the_metrics_say(workbench: Workbench, demo_house: House) -> None:
    at = workbench.open(demo_house)
    kpis = measured(demo_house, days_to(TODAY))
    assert all(kpis[key].n for key in OVERVIEW), "the sample has something of everything"
    assert shown(at) == expected(kpis, OVERVIEW)
    noun = {kpi.metric.key: formats.count(kpi.n) for kpi in kpis.values()}
    assert {key: at.button(f"open_{key}").label.split()[0] for key in OVERVIEW} == noun


def test_the_overview_follows_its_filters(workbench: Workbench, demo_house: House) -> None:
    owners = reader(demo_house).owners(TODAY)
    owner_id, team_id = int(owners["owner_id"].iloc[0]), int(owners["team_id"].dropna().iloc[0])
    source = next(one for one in reader(demo_house).filter_options(TODAY).sources if one)
    plain = days_to(TODAY)
    asked = {
        "owner": (str(owner_id), replace(plain, owner_ids=(owner_id,))),
        "team": (str(team_id), replace(plain, team_ids=(team_id,))),
        "source": (source, replace(plain, sources=(source,))),
    }
    seen = [shown(workbench.open(demo_house))]
    for name, (value, slice_) in asked.items():
        at = workbench.open(demo_house, org=str(demo_house.organization_id), **{name: value})
        assert is_whole(at)
        assert shown(at) == expected(measured(demo_house, slice_), OVERVIEW), name
        assert at.query_params[name] == value
        seen.append(shown(at))
    assert len({tuple(one.items()) for one in seen}) == len(seen), "every filter changes something"


def test_a_page_looks_back_to_the_day_asked_for(workbench: Workbench, demo_house: House) -> None:
    day = TODAY - timedelta(days=120)
    at = workbench.open(demo_house, org=str(demo_house.organization_id), asof=day.isoformat())
    assert shown(at) == expected(measured(demo_house, days_to(day)), OVERVIEW)
    assert shown(at) != shown(workbench.open(demo_house))
    assert f"As it was on {formats.day(day)}" in words(at)
    go(at, "pipeline")
    assert f"As it was on {formats.day(day)}" in words(at)
    assert shown(at)["Open pipeline"] == written(open_pipeline(demo_house, day))


def open_pipeline(house: House, day: date) -> Kpi:
    reads, at_end = reader(house), days_to(day)
    currency = house.organization.reporting_currency
    return stages.open_pipeline(
        reads.open_stages(at_end), rates=reads.rates(), day=pd.Timestamp(day), reporting_currency=currency
    )


def test_the_pipeline_shows_what_is_open(workbench: Workbench, demo_house: House) -> None:
    at = workbench.open(demo_house, "pipeline")
    slice_ = days_to(TODAY)
    found, weighted = open_pipeline(demo_house, TODAY), measured(demo_house, slice_)["weighted_pipeline"]
    gaps = {
        label: formats.count(deal_summary(reader(demo_house), slice_, which).n)
        for label, which in (
            ("Close date passed", DealSet.OVERDUE),
            ("Without owner", DealSet.WITHOUT_OWNER),
            ("Without amount", DealSet.UNVALUED),
        )
    }
    kpis = {"Open pipeline": written(found), "Weighted pipeline": written(weighted)}
    assert shown(at) == kpis | gaps
    assert at.button("open_open_pipeline").label == f"{found.n} open deals"


def test_a_link_shows_the_same_pipeline(workbench: Workbench, demo_house: House) -> None:
    at = workbench.open(demo_house, "pipeline")
    first, other, *_ = at.selectbox("pipeline_picked").proto.options
    names = pipeline_moves.pipeline_names(reader(demo_house))
    key = next(one for one, name in names.items() if name == other)
    at.selectbox("pipeline_picked").select_index(1).run()
    assert at.query_params["pipe"] == str(key)
    at = workbench.open(demo_house, "pipeline", pipe=str(key))
    assert at.selectbox("pipeline_picked").value == key
    for gone in ("77777777", "x"):
        at = workbench.open(demo_house, "pipeline", pipe=gone)
        assert (at.selectbox("pipeline_picked").index, "pipe" in at.query_params) == (0, False)
    assert first != other


def test_a_salespersons_page_shows_that_persons_numbers(workbench: Workbench, demo_house: House) -> None:
    owners = reader(demo_house).owners(TODAY)
    first = owners[owners["is_active"]].iloc[0]
    at = workbench.open(demo_house, "salesperson", person=str(first["owner_id"]))
    own = replace(days_to(TODAY), owner_ids=(int(first["owner_id"]),))
    assert is_whole(at), words(at)
    assert at.title[0].value == first["name"]
    assert shown(at) == expected(measured(demo_house, own), PERSON)


@pytest.mark.parametrize("person", ["", "999999", "-1", "1; DROP TABLE deals", "0x10"])
def test_a_link_to_nobody_says_so(workbench: Workbench, demo_house: House, person: str) -> None:
    at = workbench.open(demo_house, "salesperson", person=person)
    assert is_whole(at)
    assert "There is no such salesperson" in words(at)
    assert not at.metric


def test_the_data_page_tells_of_sources_and_runs(workbench: Workbench, demo_house: House) -> None:
    at = workbench.open(demo_house, "data")
    assert [tab.label for tab in at.tabs] == ["Sources", "Import CSV", "Organization"]
    assert "Everything that was fetched is accounted for" in words(at)
    tables = "".join(str(one.value) for one in at.html)
    assert "Demo CRM" in tables
    assert "Reconciliation of the run" in tables


def test_a_view_without_anything_offers_to_show_more(workbench: Workbench, demo_house: House) -> None:
    before = SMALL_BEFORE.isoformat()
    link = {"org": str(demo_house.organization_id), "range": "custom", "from": before, "to": before, "asof": before}
    for page in ("overview", "pipeline"):
        at = workbench.open(demo_house, page, **link)
        assert is_whole(at)
        assert not at.metric
        assert "here" in at.header[0].value
        assert {"Clear filters", "Show all time"} <= set(labels(at))
    at.button("empty_clear").click().run()
    assert "asof" not in at.query_params


SMALL_BEFORE = date(2020, 1, 6)


def test_show_all_time_brings_rows_back(workbench: Workbench, empty_services: Services, tmp_path: Path) -> None:
    deal = "deal_id,stage,create_date,close_date,amount\nA,Won,2024-03-01,2024-03-01,100\n"
    (tmp_path / "deals.csv").write_text(deal)
    wanted = Import(source=tmp_path / "deals.csv", organization="One deal", currency="EUR")
    assert import_export(empty_services, wanted).status == "succeeded"
    at = workbench.open(empty_services, **{"range": "custom", "from": "2020-01-06", "to": "2020-01-06", "org": "1"})
    assert not at.metric
    at.button("empty_all").click().run()
    assert (shown(at)["New deals"], shown(at)["Won amount"]) == ("1", "€100")
    assert at.query_params["range"] == "all"
    assert not {"from", "to"} & set(at.query_params)


@pytest.mark.parametrize("page", MENU)
def test_an_installation_without_organizations_welcomes(
    workbench: Workbench, empty_services: Services, page: str
) -> None:
    at = workbench.open(empty_services, page)
    assert is_whole(at), words(at)
    assert at.title[0].value == "Welcome to SLMS"
    assert "Load sample data" in labels(at)
    assert at.file_uploader, "the first import starts here too"


def test_an_organization_without_data_says_what_to_do(workbench: Workbench, empty_services: Services) -> None:
    create_organization(empty_services.database, "Fresh")
    for page in ("overview", "salespeople", "pipeline"):
        at = workbench.open(empty_services, page)
        assert is_whole(at)
        assert "Fresh has no data yet" in words(at)
        assert "Go to Data" in labels(at)
    at = workbench.open(empty_services, "data")
    assert is_whole(at)
    assert "No source is connected" in words(at)


def test_a_rep_sees_own_numbers_alone(workbench: Workbench, own_house: House) -> None:
    owners = reader(own_house).owners(TODAY)
    rep = owners[owners["is_active"]].iloc[-1]
    save_user(own_house.database, own_house.organization_id, "rep@example.com", role=Role.REP, owner_email=rep["email"])
    viewer = Viewer(own_house.organization_id, Role.REP, int(rep["owner_id"]))
    at = workbench.open(own_house, email="rep@example.com")
    mine = expected(measured(own_house, days_to(TODAY), viewer=viewer), OVERVIEW)
    assert shown(at) == mine
    assert mine != expected(measured(own_house, days_to(TODAY)), OVERVIEW)
    go(at, "data")
    assert [tab.label for tab in at.tabs] == ["Sources"], "settings and imports are for others"
    assert not {"Sync now", "Remove sample data"} & set(labels(at))


def test_sample_data_are_marked_on_every_page_and_removed_by_one_click(workbench: Workbench, own_house: House) -> None:
    for page in MENU:
        at = workbench.open(own_house, page)
        assert "people, companies and deals on this page are made up" in words(at).casefold(), page
    at.button("remove_sample_banner").click().run()
    assert is_whole(at)
    assert at.title[0].value == "Welcome to SLMS"


def test_leads_that_came_in_are_not_removed_with_the_sample_data_unasked(
    workbench: Workbench, own_house: House
) -> None:
    made_leads.put(own_house.database, own_house.organization_id)
    at = workbench.open(own_house, "overview")
    at.button("remove_sample_banner").click().run()
    assert "- 1 lead from outside" in words(at)
    at.button("sample_leads_no").click().run()
    assert is_whole(at)
    assert "lead from outside" not in words(at)
    at.button("remove_sample_banner").click().run()
    at.button("sample_leads_yes").click().run()
    assert at.title[0].value == "Welcome to SLMS"


def test_forms_that_people_made_are_not_removed_with_the_sample_data_unasked(
    workbench: Workbench, own_house: House
) -> None:
    for name in ("Website", "Event"):
        create_form(own_house.database, own_house.organization_id, name, {}, by="Ann")
    at = workbench.open(own_house, "overview")
    at.button("remove_sample_banner").click().run()
    assert "- 2 forms" in words(at)
    assert is_whole(at)


def test_an_old_export_looks_at_its_own_end(workbench: Workbench, demo_house: House) -> None:
    years_later = NOW + timedelta(days=900)
    at = workbench.open(demo_house, now=years_later)
    last = reader(demo_house).filter_options(years_later.date()).last_day
    assert last is not None
    assert shown(at) == expected(measured(demo_house, days_to(last)), OVERVIEW)
    assert f"The data end on {formats.day(last)}, so that day counts as today." in words(at)
    assert "stale, " in "".join(str(one.value) for one in at.html)


def test_the_rows_behind_a_number_open_over_the_page(workbench: Workbench, demo_house: House) -> None:
    at = workbench.open(demo_house)
    at.button("open_won_amount").click().run()
    assert is_whole(at), words(at)
    assert at.query_params["rows"] == "won_amount"
    n = measured(demo_house, days_to(TODAY))["won_amount"].n
    assert f"{n} deals won in " in words(at)


def test_a_link_to_rows_that_do_not_exist_opens_the_page_alone(workbench: Workbench, demo_house: House) -> None:
    at = workbench.open(demo_house, rows="../../etc/passwd")
    assert is_whole(at)
    assert "rows" not in at.query_params


def test_a_page_shows_nothing_but_what_it_draws() -> None:
    """A string under a constant says what that is, to who reads the code; Streamlit's magic would show it to all."""
    at = AppTest.from_string('import streamlit as st\nNAMED = 5\n"""How many are named."""\nNAMED\n').run()
    assert (len(at.markdown), len(at.exception)) == (0, 0)
