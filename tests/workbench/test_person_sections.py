"""A salesperson's page tells the own forecast and the own flagged deals as the pages of these tell them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import made_forecasts
import pytest
from conftest import Workbench
from databases import CopyOf
from made_installation import NOW, TODAY, House, demo_house_of
from reading import as_read
from streamlit.testing.v1 import AppTest

from insights.forecast_period import quarter_of
from insights.health.rules import RULES
from ops import health
from snapshots import forecast_calls, health_rows, quotas
from snapshots.organizations import create_organization
from snapshots.slices import Role, Viewer
from workbench import forecast_data, forecast_outlook, health_data, installation, person_flags, person_forecast
from workbench.filters import Filters
from workbench.forecast_choice import ForecastChoice
from workbench.health_filters import HealthChoice
from workbench.person_flags import PersonFlags
from workbench.person_forecast import Standing
from workbench.view import View

FIRST, LAST = quarter_of(TODAY)


@pytest.fixture(scope="module")
def house(copy_of: CopyOf) -> Iterator[House]:
    """Bookings forecast and open deals judged, both as of today."""
    with demo_house_of(copy_of) as made:
        made_forecasts.issue(made, made_on=TODAY)
        health.judge(made.services, made.organization_id, TODAY)
        yield made


def view_of(house: House, viewer: Viewer | None = None, **filters: Any) -> View:
    asked = Filters(organization_id=house.organization_id, **filters)
    who = viewer or Viewer(house.organization_id, Role.ADMIN)
    view, _ = installation.make_view({house.organization_id: who}, asked, now=NOW)
    return view


def own_of(house: House, owner_id: int, viewer: Viewer | None = None) -> View:
    """Narrowed as the page does it, whether or not the viewer may see that person."""
    view = view_of(house, viewer)
    return replace(view, filters=replace(view.filters, owner_ids=(owner_id,)))


def forecast_of(view: View, owner_id: int) -> Standing:
    return person_forecast.standing(view, owner_id, person_forecast.begin(view, owner_id).result())


def flags_of(view: View) -> PersonFlags:
    return person_flags.begin(view).result()


def people(house: House) -> list[int]:
    """Salespeople who have a forecast."""
    found = forecast_data.find(view_of(house), ForecastChoice())
    assert found is not None
    return [int(key) for kind, key in found.names if kind == "owner" and key]


def said(at: AppTest) -> str:
    parts = [*at.header, *at.markdown, *at.caption]
    words = [str(part.value) for part in parts] + [f"{one.label} {one.value}" for one in at.metric]
    return as_read("\n".join(words)).replace("\u00a0", " ")


# --- forecast ---------------------------------------------------------------------------------------------------------


def test_the_forecast_is_that_of_the_page_forecast_with_quota_and_call(workbench: Workbench, own_house: House) -> None:
    workbench.use(own_house)
    made_forecasts.issue(own_house, made_on=TODAY)
    owner_id = people(own_house)[0]
    admin, node = Viewer(own_house.organization_id, Role.ADMIN), ("owner", str(owner_id))
    quotas.put_quota(own_house.database, admin, owner_id=owner_id, first_day=FIRST, last_day=LAST,
                     amount_minor=9_000_00, currency="EUR", by="ann@made.example", now=NOW)  # fmt: skip
    forecast_calls.put_call(own_house.database, admin, node_kind="owner", node_key=str(owner_id), first_day=FIRST,
                            last_day=LAST, amount_minor=12_345_00, currency="EUR", by="ann@made.example", now=NOW,
                            today=TODAY)  # fmt: skip
    view = view_of(own_house)
    own = forecast_of(view, owner_id).own
    found = forecast_data.find(view, ForecastChoice(node=node))
    assert own is not None
    assert found is not None
    whole = forecast_outlook.load(view, ForecastChoice(node=node), found)
    assert own.outlook == whole.outlook
    assert own.call == whole.call
    assert own.outlook.quota == 9_000_00
    at = workbench.open(own_house, "salesperson", person=str(owner_id))
    assert not at.exception
    unit = own.found.unit
    for told in (f"Forecast {unit.short(own.outlook.value)}", f"Won so far {unit.short(own.outlook.won)}",
                 f"80 % between {unit.short(own.outlook.low)} and {unit.short(own.outlook.high)}", "Quota €9k",
                 "Manager’s call €12.3k", "ann@made.example", "Method: open deals and history."):  # fmt: skip
        assert told.replace("\u00a0", " ") in said(at), told


def test_where_there_is_no_forecast_of_a_person_the_page_says_so(
    workbench: Workbench, house: House, demo_house: House
) -> None:
    workbench.use(house)
    somebody = people(house)[0]
    early = view_of(house, as_of=TODAY.replace(year=TODAY.year - 1))
    held = forecast_of(early, somebody)
    assert person_forecast._why_none(early, held, "Ann") == "No forecast was issued by 28 Jun 2023."
    at = workbench.open(demo_house, "salesperson", person=str(somebody))
    assert not at.exception
    assert "There is no forecast yet." in said(at)
    assert "The open deals were not judged by" in said(at)


def test_who_is_not_in_the_forecast_has_none_and_a_quarter_that_it_does_not_reach_is_said(
    workbench: Workbench, house: House
) -> None:
    workbench.use(house)
    held = forecast_of(view_of(house), 2**40)
    assert (held.run is not None, held.own) == (True, None)
    assert person_forecast._why_none(view_of(house), held, "Ann").endswith("has none of Ann.")
    stored = person_forecast.begin(view_of(house), people(house)[0]).result()
    short = person_forecast.standing(view_of(house), people(house)[0], replace(stored, rows=stored.rows.tail(3)))
    assert short.own is not None
    assert short.own.outlook is None
    assert "does not reach to the end of this quarter" in person_forecast._why_none(view_of(house), short, "Ann")


def test_the_quota_of_who_has_no_forecast_is_told_all_the_same(workbench: Workbench, own_house: House) -> None:
    workbench.use(own_house)
    admin, owner_id = Viewer(own_house.organization_id, Role.ADMIN), min(view_of(own_house).choices.owners)
    owner_id = owner_id or sorted(view_of(own_house).choices.owners)[1]
    quotas.put_quota(own_house.database, admin, owner_id=owner_id, first_day=FIRST, last_day=LAST,
                     amount_minor=9_000_00, currency="EUR", by="ann@made.example", now=NOW)  # fmt: skip
    at = workbench.open(own_house, "salesperson", person=str(owner_id))
    assert "There is no forecast yet." in said(at)
    assert "The quota of this quarter is €9,000." in said(at)


def test_a_rep_reads_the_own_forecast_and_no_other_and_an_outsider_none(workbench: Workbench, house: House) -> None:
    workbench.use(house)
    own, other = people(house)[:2]
    rep = view_of(house, Viewer(house.organization_id, Role.REP, own))
    everything = forecast_of(view_of(house), own).own
    seen = forecast_of(rep, own).own
    assert seen is not None
    assert everything is not None
    assert seen.outlook == everything.outlook
    assert forecast_of(rep, other).own is None
    outsider = Viewer(create_organization(house.database, "Outsiders").organization_id, Role.ADMIN)
    assert forecast_of(replace(view_of(house), viewer=outsider), own).run is None


def test_a_link_shows_the_same_cards_as_tables(workbench: Workbench, house: House) -> None:
    workbench.use(house)
    owner_id = str(people(house)[0])
    at = workbench.open(house, "salesperson", person=owner_id, table=["person_won", "quality"])
    keys = ("person_activities_table", "person_won_table", "quality_table")
    assert [at.toggle(key).value for key in keys] == [False, True, True]
    at.toggle("person_won_table").set_value(False).run()
    at.toggle("person_activities_table").set_value(True).run()
    assert list(at.query_params["table"]) == ["person_activities", "quality"]
    assert at.query_params["person"] == owner_id


# --- flagged deals ----------------------------------------------------------------------------------------------------


def test_the_flags_are_those_of_pipeline_health_the_newest_first(workbench: Workbench, house: House) -> None:
    workbench.use(house)
    n_flagged = {}
    for owner_id in people(house):
        view = own_of(house, owner_id)
        found, held = flags_of(view), health_data.standing(view, HealthChoice())
        assert held.run is not None
        listed = health_data.everything(view, held.run, HealthChoice())
        assert found.n_deals == len(listed)
        assert len(found.newest) <= person_flags.SHOWN
        assert set(found.newest["deal_id"]) <= set(listed["deal_id"])
        assert found.newest["first_day"].is_monotonic_decreasing
        assert set(found.newest["rule"]) <= {rule.title for rule in RULES.values()}
        n_flagged[owner_id] = found.n_deals
    owner_id = max(n_flagged, key=lambda one: n_flagged[one])
    assert n_flagged[owner_id] > 1
    at = workbench.open(house, "salesperson", person=str(owner_id))
    assert not at.exception
    assert f"{n_flagged[owner_id]} open deals, as judged on" in said(at)
    tables = [one.proto.body for one in at.get("html") if "Flags that were raised last" in one.proto.body]
    assert len(tables) == 1


def test_newest_flags_count_all_flagged_deals_and_list_no_more_than_asked_for(
    workbench: Workbench, house: House
) -> None:
    workbench.use(house)
    for knows_then in (False, True):
        view = view_of(house, as_of=TODAY, knows_then=knows_then)
        held, reader = health_data.standing(view, HealthChoice()), installation.reader(view.viewer)
        assert held.run is not None
        asked = health_data.asked(view, held.run, HealthChoice())
        found, n = health_rows.newest_flags(reader, view.slice(), asked, limit=3)
        assert n == health_rows.n_flagged(reader, view.slice(), asked)
        assert len(found) == min(3, n)
        assert knows_then or n > 3


def test_a_rep_and_an_outsider_read_no_flags_of_others(workbench: Workbench, house: House) -> None:
    workbench.use(house)
    own, other = people(house)[:2]
    rep = Viewer(house.organization_id, Role.REP, own)
    assert flags_of(own_of(house, other, rep)).n_deals == 0
    assert flags_of(own_of(house, own, rep)).n_deals == flags_of(own_of(house, own)).n_deals
    outsider = Viewer(create_organization(house.database, "Strangers").organization_id, Role.ADMIN)
    assert flags_of(replace(own_of(house, own), viewer=outsider)).run is None
