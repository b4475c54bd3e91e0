"""The rows that a number opens come to that number, on the pages' own loaders."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest
from conftest import Workbench
from made_installation import NOW, TODAY, House
from measuring import days_to, reader

from insights.metrics import COUNTED_ACTIVITIES, Kpi
from insights.money import converted
from snapshots import organizations
from snapshots.slices import NOBODY, Role, Viewer
from workbench import data, installation, people_data, pipeline_data, row_sets, rows, rows_data
from workbench.filters import Filters
from workbench.view import View

IN_PERIOD = {"new_deals": "created_day", "won_amount": "closed_day", "win_rate": "closed_day"}
BACK = TODAY - timedelta(days=100)


def opened(house: House, **filters: object) -> View:
    """What the administrator looks at."""
    viewers = {house.organization_id: Viewer(house.organization_id, Role.ADMIN)}
    wanted = Filters(organization_id=house.organization_id, **filters)  # type: ignore[arg-type]
    view, was_dropped = installation.make_view(viewers, wanted, now=NOW)
    assert not was_dropped
    return view


@pytest.fixture(params=["reporting", "apart"])
def house(request: pytest.FixtureRequest, own_house: House, workbench: Workbench) -> House:
    """With rates to the reporting currency, and with currencies that stand apart."""
    if request.param == "apart":
        organizations.change_settings(
            own_house.database, own_house.organization_id, time_zone="Europe/Berlin", default_currency="EUR",
            reporting_currency=None,
        )  # fmt: skip
    workbench.use(own_house)
    return own_house


def views(house: House) -> dict[str, View]:
    owners = reader(house).owners(TODAY).dropna(subset=["team_id"])
    source = next(one for one in reader(house).filter_options(TODAY).sources if one)
    busiest = reader(house).deal_events(days_to(TODAY, 365), by_owner=True).groupby("owner_id")["n"].sum().idxmax()
    owner_ids = (NOBODY, int(busiest))
    return {
        "all": opened(house, range="all"),
        "quarter": opened(house),
        "owners": opened(house, range="365d", owner_ids=owner_ids),
        "team": opened(house, range="365d", team_ids=(int(owners["team_id"].iloc[0]),)),
        "source": opened(house, range="365d", sources=(source,)),
        "back": opened(house, as_of=BACK),
    }


def money_of(frame: pd.DataFrame, day: str, view: View) -> dict[str | None, float]:
    """Sums per currency in main units, each row converted by the rate of its own day."""
    valued = frame[frame["amount_minor"].notna()]
    rates = installation.rates(view.viewer, view.data_version)
    held = converted(
        valued[["currency", "amount_minor"]].astype({"amount_minor": "int64"}), rates, view.reporting_currency,
        days=valued[day],
    )  # fmt: skip
    return {one: float(part["amount_minor"].sum()) for one, part in held.groupby("currency")}


def check_money(kpi: Kpi, frame: pd.DataFrame, day: str, view: View, *, case: str) -> None:
    told = {one.currency: float(one.minor) for one in kpi.money}
    summed = money_of(frame, day, view)
    assert told.keys() == summed.keys(), case
    for currency, minor in told.items():
        # Converting row by row rounds each row, the number each day's sum.
        assert minor == pytest.approx(summed[currency], abs=len(frame)), case


def test_rows_behind_each_number_of_the_overview_come_to_it(house: House) -> None:
    for case, view in views(house).items():
        kpis, _ = data.measured(view)
        found = {key: rows.all_rows(view, key) for key in kpis}
        for key in ("leads", "new_deals", "activities"):
            assert kpis[key].value == len(found[key]), (case, key)
        won, closed, cycles = found["won_amount"], found["win_rate"], found["cycle_length"]
        assert kpis["won_amount"].n == len(won), case
        check_money(kpis["won_amount"], won, "closed_day", view, case=case)
        assert kpis["win_rate"].n == len(closed), case
        assert kpis["win_rate"].value == pytest.approx((closed["status"] == "Won").mean()), case
        days = (cycles["closed_day"] - cycles["created_day"]).dt.days
        median = days.median() if len(cycles) else None
        assert (kpis["cycle_length"].n, kpis["cycle_length"].value) == (len(cycles), median), case
        assert kpis["weighted_pipeline"].n == len(found["weighted_pipeline"]), case
        kinds = {one.lower().replace("e-mail", "email") for one in found["activities"]["kind"]}
        assert kinds <= set(COUNTED_ACTIVITIES), case
    assert len(views(house)["all"].choices.owners) > 3


def test_rows_behind_the_pipelines_numbers_come_to_them(house: House) -> None:
    for case, view in views(house).items():
        found = pipeline_data.pipeline(view)
        by_key = {kpi.key: kpi for kpi in found.kpis}
        n = {key: len(rows.all_rows(view, key)) for key in by_key}
        assert found.n_deals == n["open_pipeline"], case
        assert sum(int(table.rows["n"].sum()) for table in found.pipelines) == found.n_deals, case
        for key in ("overdue", "without_owner", "unvalued"):
            assert by_key[key].value == f"{n[key]:,}", (case, key)


def test_each_column_of_salespeople_comes_to_the_overview(house: House) -> None:
    for case in ("all", "quarter", "back"):
        view = views(house)[case]
        people, (kpis, _) = people_data.salespeople(view).frame, data.measured(view)
        assert people["new_deals"].sum() == kpis["new_deals"].value, case
        assert people["won"].sum() == kpis["won_amount"].n, case
        assert people["n_closed"].sum() == kpis["win_rate"].n, case
        assert people[["emails", "calls", "meetings"]].to_numpy().sum() == kpis["activities"].value, case
        summed: Counter[str | None] = Counter()
        for money in people["won_money"]:
            summed.update({one.currency: one.minor for one in money})
        told = {one.currency: one.minor for one in kpis["won_amount"].money}
        assert summed.keys() == told.keys(), case
        assert all(abs(summed[one] - told[one]) <= len(people) * 10 for one in told), case


def test_each_row_of_salespeople_comes_to_that_persons_own_rows(house: House) -> None:
    view = opened(house, range="365d")
    people = people_data.salespeople(view).frame
    assert (people["new_deals"] > 0).sum() >= 3
    for row in people.head(4).itertuples():
        own = replace(view, filters=replace(view.filters, owner_ids=(row.owner_id,)))
        kinds = Counter(rows.all_rows(own, "activities")["kind"].str.lower())
        assert row.emails == kinds["e-mail"]
        assert row.calls == kinds["call"]
        assert row.meetings == kinds["meeting"] + kinds["appointment"]
        assert row.new_deals == len(rows.all_rows(own, "new_deals"))
        assert row.n_open == len(rows.all_rows(own, "open_pipeline"))
        assert row.win_rate == pytest.approx((rows.all_rows(own, "win_rate")["status"] == "Won").mean(), nan_ok=True)


def test_currencies_without_a_rate_are_never_added_up(house: House) -> None:
    view = opened(house, range="all")
    money = data.measured(view)[0]["won_amount"].money
    assert len({one.currency for one in money}) == len(money)
    assert (len(money) > 1) == (view.reporting_currency is None), "the sample has rates for all its currencies"


def test_every_number_on_a_card_has_a_set_of_rows(workbench: Workbench, demo_house: House) -> None:
    workbench.use(demo_house)
    view = opened(demo_house)
    keys = {*data.measured(view)[0], *(kpi.key for kpi in pipeline_data.pipeline(view).kpis)}
    assert keys <= set(row_sets.ROW_SETS)
    for key, row_set in row_sets.ROW_SETS.items():
        page = rows_data.rows_page(view, key)
        assert {column.field for column in row_sets.columns(row_set)} <= set(page.frame.columns), key
        if page.total is not None:
            assert page.total == len(rows.all_rows(view, key)), key
            what = row_set.one if page.total == 1 else row_set.many
            assert page.note.startswith(f"{page.total:,} {what} "), key


def test_a_list_of_several_pages_holds_every_row_once(workbench: Workbench, demo_house: House) -> None:
    workbench.use(demo_house)
    view = opened(demo_house, range="all")
    everything = rows.all_rows(view, "new_deals")
    assert len(everything) > rows_data.PAGE_SIZE
    assert everything["deal_id"].is_unique
    second = rows_data.rows_page(view, "new_deals", after=rows_data.rows_page(view, "new_deals").next_after)
    assert list(second.frame["deal_id"]) == list(everything["deal_id"])[rows_data.PAGE_SIZE :][: len(second.frame)]
