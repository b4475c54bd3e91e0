"""Every page shows a past day as it was, as known now or then, or says plainly that it has no past."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from conftest import Workbench
from made_installation import NOW, TODAY, House
from reading import as_read
from streamlit.testing.v1 import AppTest

from insights.metrics import Period
from snapshots.reads import Reader
from snapshots.slices import Role, Slice, Viewer
from workbench import funnel_filters, installation, lead_filters, overview_data, pipeline_data
from workbench.filters import Filters, from_url, to_url, unreadable
from workbench.view import View

DAY = TODAY - timedelta(days=60)
LOOKS_BACK = (
    "overview",
    "salespeople",
    "pipeline",
    "waterfall",
    "flow",
    "forecast",
    "leads",
    "lead_analytics",
    "widgets",
)
NO_PAST = ("model_lab", "data", "admin", "forms")


def words(at: AppTest) -> str:
    return as_read("\n".join(str(part.value) for part in [*at.title, *at.header, *at.markdown, *at.caption, *at.error]))


def view_of(house: House, **filters: object) -> View:
    asked = Filters(organization_id=house.organization_id, **filters)  # type: ignore[arg-type]
    return installation.make_view(installation.viewers(), asked, now=NOW)[0]


@pytest.mark.parametrize("name", LOOKS_BACK)
def test_a_page_with_a_past_says_which_day_it_shows(workbench: Workbench, demo_house: House, name: str) -> None:
    at = workbench.open(demo_house, name, org=str(demo_house.organization_id), asof=DAY.isoformat())
    assert not at.exception
    assert "As it was on" in words(at)
    assert "has no past" not in words(at)


@pytest.mark.parametrize("name", NO_PAST)
def test_a_page_without_a_past_says_so_where_a_day_is_chosen(
    workbench: Workbench, demo_house: House, name: str
) -> None:
    here = {"org": str(demo_house.organization_id)}
    assert "This page has no past" in words(workbench.open(demo_house, name, **here, asof=DAY.isoformat()))
    assert "This page has no past" not in words(workbench.open(demo_house, name, **here))


def test_the_switch_stands_in_the_link_and_is_cleared_with_the_day() -> None:
    then = Filters(organization_id=1, as_of=DAY, knows_then=True)
    assert to_url(then)["known"] == ["then"]
    assert from_url(to_url(then), organization_id=1) == then
    assert (then.cleared().knows_then, then.is_narrowed) == (False, True)
    assert from_url({"known": ["?"]}, organization_id=1).knows_then is False
    assert unreadable({"known": ["?"]}) == {"known"}
    assert "known" not in to_url(Filters(organization_id=1))


def test_before_the_first_sync_nothing_was_known_and_the_page_says_so(workbench: Workbench, demo_house: House) -> None:
    here = {"org": str(demo_house.organization_id), "asof": DAY.isoformat()}
    then = words(workbench.open(demo_house, "pipeline", **here, known="then"))
    assert "Nothing was known of deals" in then
    assert "Nothing was known of deals" not in words(workbench.open(demo_house, "pipeline", **here))


def test_what_is_known_then_is_asked_of_every_number_of_deals(workbench: Workbench, demo_house: House) -> None:
    """Of a day before the first sync not one is left; at the end of the last day they are those that are known now."""
    workbench.use(demo_house)
    past = view_of(demo_house, as_of=DAY, knows_then=True)
    assert pipeline_data.pipeline(past).n_deals == 0
    values = {one.key: one.value for one in overview_data.overview(past).kpis}
    assert {values[name] for name in ("new_deals", "won_amount")} == {"0"}
    assert values["activities"] != "0"
    now, then = (overview_data.overview(view_of(demo_house, knows_then=which)) for which in (False, True))
    assert [(one.key, one.value, one.trend) for one in now.kpis] == [
        (one.key, one.value, one.trend) for one in then.kpis
    ]


def test_deal_events_as_known_then_are_those_of_the_rollup_where_nothing_was_learnt_since(demo_house: House) -> None:
    reader = Reader(demo_house.database, Viewer(demo_house.organization_id, Role.ADMIN))
    now = Slice(first_day=TODAY - timedelta(days=90), last_day=TODAY, as_of=TODAY)
    then = replace(now, known_on=TODAY)
    for by_owner in (False, True):
        one, other = (reader.deal_events(asked, by_owner=by_owner) for asked in (now, then))
        assert one.equals(other)
    assert reader.won_weeks(now).equals(reader.won_weeks(then))


def test_pages_on_leads_end_with_the_day_that_was_chosen(workbench: Workbench, demo_house: House) -> None:
    workbench.use(demo_house)
    past, now = view_of(demo_house, as_of=DAY, range="7d"), view_of(demo_house, range="7d")
    assert lead_filters.period(past) == Period(DAY - timedelta(days=6), DAY)
    assert funnel_filters.slice_of(past).as_of == DAY
    assert funnel_filters.slice_of(now).as_of == NOW.astimezone(now.zone).date()
    wanted = lead_filters.wanted(view_of(demo_house, as_of=DAY, range="all"), lead_filters.LeadChoice())
    assert (wanted.since, wanted.before is None) == (None, False)
