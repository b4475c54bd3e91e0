"""Pipeline flow: every number has its deals, the link says what is shown, and a past day shows what was known then."""

from __future__ import annotations

import re
from datetime import timedelta

import pandas as pd
import pytest
from conftest import Workbench, functions_of
from made_installation import NOW, TODAY, House
from reading import as_read
from streamlit.testing.v1 import AppTest

from insights import flow
from insights.money import Money
from ops.services import Services
from snapshots import tables
from snapshots.organizations import create_organization
from workbench import export, flow_data, flow_filters, installation, rows_data
from workbench.filters import Filters
from workbench.flow_filters import FATES, FlowChoice


def words(at: AppTest) -> str:
    parts = [*at.title, *at.header, *at.markdown, *at.caption, *at.error]
    return as_read("\n".join(str(part.value) for part in parts))


def loaded_of(house: House, choice: FlowChoice = FlowChoice(), **filters: object) -> flow_data.FlowPage:
    asked = Filters(organization_id=house.organization_id, **filters)  # type: ignore[arg-type]
    view, _ = installation.make_view(installation.viewers(), asked, now=NOW)
    return flow_data.load(view, choice)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_says_who_goes_on_and_how_long_it_takes(workbench: Workbench, demo_house: House, theme: str) -> None:
    at = workbench.open(demo_house, "flow", theme=theme)
    assert not at.exception
    said = words(at)
    for question in ("Who goes on from here?", "How long do they stay?", "What becomes of the deals of a week?",
                     "How often is the close date pushed?"):  # fmt: skip
        assert question in said
    assert "could not be read" not in said


def test_every_number_of_a_stage_has_as_many_deals(workbench: Workbench, demo_house: House) -> None:
    workbench.use(demo_house)
    page, plain = functions_of("flow"), loaded_of(demo_house)
    stage_id = max(plain.stages, key=lambda one: plain.flows[one].n_entered)
    counted = plain.flows[stage_id].n
    assert sum(counted.values()) > 50
    for fate in FATES:
        found = page.all_deals(loaded_of(demo_house, FlowChoice(part=f"stage.{stage_id}", fate=fate)))
        wanted = {"": sum(counted.values()), "on": counted.get("on", 0) + counted.get("won", 0)}
        assert len(found) == wanted.get(fate, counted.get(fate, 0)), fate


def test_the_deals_of_a_week_and_of_pushes_are_as_many_as_their_numbers(
    workbench: Workbench, demo_house: House
) -> None:
    workbench.use(demo_house)
    page, plain = functions_of("flow"), loaded_of(demo_house)
    week = plain.cohorts.iloc[3]
    of_week = page.all_deals(loaded_of(demo_house, FlowChoice(part=f"week.{week['day']:%Y-%m-%d}")))
    assert len(of_week) == week["n"] > 0
    for row in flow_data.push_rows(plain).to_dict("records"):
        found = page.all_deals(loaded_of(demo_house, FlowChoice(part=row["key"])))
        assert len(found) == row["n"], row["key"]
    assert plain.pushes["n"].iloc[1:].sum() > 0


def test_each_card_opens_as_many_deals_as_it_says(workbench: Workbench, demo_house: House) -> None:
    workbench.use(demo_house)
    page, narrowed = functions_of("flow"), {"range": "365d"}
    pipelines = list(flow_data.pipelines(loaded_of(demo_house).view))
    assert len(pipelines) > 1
    for pipeline_id in pipelines:
        found = loaded_of(demo_house, FlowChoice(pipeline_id=pipeline_id), **narrowed)
        for kpi in page.kpis(found):
            behind = rows_data.rows_page(flow_data.rows_view(found), page.ROWS[kpi.key])
            assert behind.total is not None
            assert kpi.rows is not None, kpi.key
            assert int(re.sub(r"\D", "", kpi.rows)) == behind.total > 0, kpi.key
    at = workbench.open(demo_house, "flow", **narrowed)
    at.button("open_flow_rate").click().run()
    assert not at.exception
    assert at.query_params["rows"] == "win_rate"


def test_stages_of_a_period_are_told_of_the_whole_of_it(workbench: Workbench, demo_house: House) -> None:
    """Who entered before a day or on it entered in all."""
    workbench.use(demo_house)
    middle = TODAY - timedelta(days=40)
    begin = TODAY - timedelta(days=80)
    spans = [(begin, middle), (middle + timedelta(days=1), TODAY), (begin, TODAY)]
    n = [
        {key: one.n_entered for key, one in loaded_of(demo_house, range="custom", first=first, last=last).flows.items()}
        for first, last in spans
    ]
    assert n[2]
    assert all(n[0][key] + n[1][key] == n[2][key] for key in n[2])


@pytest.mark.parametrize(("main", "other"), [("EUR", "USD"), (None, "USD"), ("EUR", None)])
def test_the_average_won_is_of_the_deals_in_the_main_currency_alone(
    workbench: Workbench, demo_house: House, main: str | None, other: str | None
) -> None:
    workbench.use(demo_house)
    rows = [("won", TODAY, None, main, 3, 2, 50_000), ("won", TODAY, None, other, 9, 7, 700),
            ("lost", TODAY, None, main, 4, 4, 90_000)]  # fmt: skip
    known = flow_data._Known(
        stays=pd.DataFrame(), n_undated=0, pushes=pd.DataFrame(), cohorts=pd.DataFrame(), n_open=8,
        rates=tables.empty(tables.RATES),
        closed=tables.shaped(rows, tables.DEAL_EVENTS), cycles=pd.DataFrame({"days": [10], "n": [12]}),
    )  # fmt: skip
    found = flow_data._velocity(known, loaded_of(demo_house).view)
    assert found.average == Money(main, 25_000)
    assert (found.n_won, found.n_closed) == (12, 16)


def test_a_link_says_what_is_shown(workbench: Workbench, demo_house: House) -> None:
    here = {"org": str(demo_house.organization_id), "of": "pushed.2", "known": "then"}
    at = workbench.open(demo_house, "flow", **here)
    assert not at.exception
    assert at.selectbox("flow_part").value == "pushed.2"
    assert {name: at.query_params[name] for name in ("of", "known")} == {"of": "pushed.2", "known": "then"}


def test_a_link_shows_the_same_cards_as_tables(workbench: Workbench, demo_house: House) -> None:
    at = workbench.open(demo_house, "flow", table=["cohort", "on", "x"])
    assert not at.exception
    assert [at.toggle(f"flow_{one}_table").value for one in ("on", "stay", "cohort")] == [True, False, True]
    at.toggle("flow_on_table").set_value(False).run()
    assert at.query_params["table"] == "cohort"
    at.toggle("flow_stay_table").set_value(True).run()
    assert list(at.query_params["table"]) == ["stay", "cohort"]


def test_what_a_link_cannot_mean_is_left_out() -> None:
    assert flow_filters.from_url({"pipe": ["x"], "of": ["week.2026-11-24"], "fate": ["?"]}) == FlowChoice()
    for part in ("stage.x", "stage.", "pushed.-1", "<b>", "week.1"):
        assert flow_filters.from_url({"of": [part]}) == FlowChoice()
    full = FlowChoice(pipeline_id=3, part="week.2026-11-23", fate="on")
    assert flow_filters.from_url(flow_filters.to_url(full)) == full
    assert flow_filters.to_url(FlowChoice()) == {}


def test_a_stage_that_is_not_there_shows_the_first(workbench: Workbench, demo_house: House) -> None:
    at = workbench.open(demo_house, "flow", org=str(demo_house.organization_id), of="stage.999999")
    assert not at.exception
    assert at.selectbox("flow_part").value.startswith("stage.")


def test_a_past_day_knows_nothing_of_what_came_later(workbench: Workbench, demo_house: House) -> None:
    workbench.use(demo_house)
    day = TODAY - timedelta(days=120)
    then = loaded_of(demo_house, as_of=day)
    assert then.cohorts["day"].max() <= pd.Timestamp(day)
    rows = functions_of("flow").all_deals(then)
    assert rows["entered_day"].max() <= pd.Timestamp(day)
    assert rows["left_day"].dropna().max() <= pd.Timestamp(day)


def test_the_export_is_the_table(workbench: Workbench, demo_house: House) -> None:
    workbench.use(demo_house)
    stages = flow_data.stage_rows(loaded_of(demo_house))
    out = export.for_export(stages, flow_data.STAGE_COLUMNS)
    assert list(out["Stage"]) == list(stages["stage"])
    parts = out[["Went on", "Back", "Lost", "Gone", "Still there"]].sum(axis=1)
    assert list(parts) == list(out["Entered"])


def test_an_organization_without_data_is_told_how_to_begin(workbench: Workbench, empty_services: Services) -> None:
    create_organization(empty_services.database, "New", default_currency="EUR")
    assert not workbench.open(empty_services, "flow").exception


def test_nothing_in_the_days_says_so(workbench: Workbench, demo_house: House) -> None:
    at = workbench.open(demo_house, "flow", org=str(demo_house.organization_id), range="custom",
                        **{"from": "2001-01-01", "to": "2001-02-01"})  # fmt: skip
    assert "No deals here" in words(at)


def test_a_failure_is_said_and_the_page_stays(
    workbench: Workbench, demo_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no connection")

    monkeypatch.setattr(flow_data, "load", broken)
    at = workbench.open(demo_house, "flow")
    assert "could not be read" in words(at)
    assert any(one.label == "Try again" for one in at.button)


def test_ages_of_cohorts_are_columns_of_the_table() -> None:
    fields = {column.field for column in flow_data.COHORT_COLUMNS}
    assert {f"won_{age}" for age in flow.COHORT_WEEKS} <= fields
