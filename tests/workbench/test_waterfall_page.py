"""Pipeline changes: the bars add up, their deals are listed, and the link says what is shown."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from conftest import Workbench, functions_of
from made_installation import NOW, TODAY, House
from measuring import days_to, reader
from reading import as_read
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from insights.forecast_period import quarter_of
from insights.money import converted, totals
from insights.waterfall import DEFINITIONS, END, START, Cause
from ops.services import Services
from snapshots.organizations import create_organization
from snapshots.rows import DealSet, deal_rows, deal_summary
from snapshots.slices import NOBODY
from workbench import export, formats, installation, waterfall_data, waterfall_filters
from workbench.filters import Filters, from_url
from workbench.waterfall_filters import WaterfallChoice

ROOT = Path(__file__).parents[2]


def words(at: AppTest) -> str:
    parts = [*at.title, *at.header, *at.markdown, *at.caption, *at.error]
    return as_read("\n".join(str(part.value) for part in parts))


def table(at: AppTest) -> list[list[str]]:
    """The table view's rows: part, deals, amount, meaning."""
    found = next(one.proto.body for one in at.get("html") if "Parts of the change" in one.proto.body)
    rows = re.findall(r"<tr>(.*?)</tr>", found)
    return [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in rows if "<td" in row]


def as_table(at: AppTest) -> AppTest:
    return at.toggle("waterfall_table").set_value(True).run()


def minor(text: str) -> int:
    """ "−€1,240.50" in cents."""
    digits = re.sub(r"[^\d.]", "", text)
    return round(float(digits) * 100) * (-1 if text.startswith(formats.MINUS) else 1)


def worth(house: House, deals: pd.DataFrame, day: date) -> int:
    """What these deals come to in euro, by the rates of that day."""
    valued = deals[deals["amount_minor"].notna()].astype({"amount_minor": "int64"})
    (found,) = totals(converted(valued, reader(house).rates(), "EUR", days=day))
    return found.minor


def test_the_bars_lead_from_the_start_to_the_end(workbench: Workbench, demo_house: House) -> None:
    at = as_table(workbench.open(demo_house, "waterfall"))
    assert not at.exception
    rows = table(at)
    assert (rows[0][0], rows[-1][0]) == (START.label, END.label)
    amounts = [minor(row[2]) for row in rows]
    assert sum(amounts[:-1]) == amounts[-1]
    for place, day in ((0, TODAY - timedelta(days=90)), (-1, TODAY)):
        assert rows[place][1] == formats.count(deal_summary(reader(demo_house), days_to(day), DealSet.OPEN).n)
        assert amounts[place] == worth(demo_house, deal_rows(reader(demo_house), days_to(day), DealSet.OPEN).rows, day)
    assert {"Created", "Won", "Lost"} <= {row[0] for row in rows}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_chart_says_in_words_what_it_shows(workbench: Workbench, demo_house: House, theme: str) -> None:
    at = workbench.open(demo_house, "waterfall", theme=theme)
    assert not at.exception
    assert "What changed the pipeline?" in words(at)
    assert not any(one.label == "Try again" for one in at.button)


def test_the_deals_of_a_bar_come_to_it(workbench: Workbench, demo_house: House) -> None:
    workbench.use(demo_house)
    loaded = loaded_of(demo_house)
    page = functions_of("waterfall")
    sums = loaded.found.sums("EUR")
    assert len(sums) >= 4
    for cause, change in sums.items():
        rows = page.all_deals(loaded, cause.value, "EUR")
        assert rows["amount_minor"].sum() == change, cause
        assert rows["name"].notna().all()
        size = rows["amount_minor"].abs()
        assert size.is_monotonic_decreasing
    for part, stock, day in (("start", loaded.found.start, loaded.start), ("end", loaded.found.end, loaded.end)):
        assert worth(demo_house, page.all_deals(loaded, part, "EUR"), day) == stock[0].minor


def loaded_of(house: House, choice: WaterfallChoice = WaterfallChoice(), **filters: object) -> waterfall_data.Changes:
    asked = Filters(organization_id=house.organization_id, **filters)  # type: ignore[arg-type]
    view, _ = installation.make_view(installation.viewers(), asked, now=NOW)
    return waterfall_data.changes(view, choice)


def test_a_link_says_what_is_shown(workbench: Workbench, demo_house: House) -> None:
    first, last = TODAY - timedelta(days=60), TODAY
    here = {"org": str(demo_house.organization_id), "range": "custom", "from": str(first), "to": str(last)}
    at = workbench.open(demo_house, "waterfall", **here, closes="quarter", known="then", swings="0", part="won")
    assert not at.exception
    said = words(at)
    evenings = (formats.day(first - timedelta(days=1)), formats.day(last))
    assert "From the evening of {} to that of {}".format(*evenings) in said
    assert "Swings inside the period are left out" in said
    assert "Each day as it was known on its evening" in said
    assert {name: at.query_params[name] for name in ("closes", "known", "swings")} == {
        "closes": "quarter", "known": "then", "swings": "0"
    }  # fmt: skip


def test_what_a_link_cannot_mean_is_left_out() -> None:
    params = {"closes": ["never"], "pipe": ["x", "7"], "product": ["-1", "0"], "part": ["<b>"]}
    assert waterfall_filters.from_url(params) == WaterfallChoice(pipeline_ids=(7,), product_ids=(NOBODY,))
    for wrong in ({"due_from": "2024-05-01"}, {"due_from": "2024-05-01", "due_to": "soon"},
                  {"due_from": "1200-01-01", "due_to": "2024-05-01"}):  # fmt: skip
        asked = {"closes": ["days"], **{name: [value] for name, value in wrong.items()}}
        assert waterfall_filters.from_url(asked) == WaterfallChoice()
    for full in (
        WaterfallChoice(
            closes="both", pipeline_ids=(3, 9), product_ids=(0, 4), has_swings=False, part="won", currency="USD"
        ),
        WaterfallChoice(closes="days", due=(date(2024, 5, 1), date(2024, 5, 1))),
    ):
        assert waterfall_filters.from_url(waterfall_filters.to_url(full)) == full
    assert waterfall_filters.to_url(WaterfallChoice()) == {}


def test_a_link_shows_the_same_currency_and_the_table(workbench: Workbench, own_house: House) -> None:
    with own_house.database.as_owner() as connection:
        connection.execute(text("UPDATE organizations SET reporting_currency = NULL"))
    at = workbench.open(own_house, "waterfall", money="GBP", table="changes")
    assert not at.exception
    assert (at.selectbox("waterfall_currency").value, at.toggle("waterfall_table").value) == ("GBP", True)
    assert "£" in table(at)[0][2]
    at.selectbox("waterfall_currency").set_value("EUR").run()
    assert (at.query_params["money"], at.query_params["table"]) == ("EUR", "changes")
    assert "€" in table(at)[0][2]
    at.toggle("waterfall_table").set_value(False).run()
    assert "table" not in at.query_params


def test_a_currency_that_is_not_there_is_the_first_and_amounts_without_one_can_be_asked_for() -> None:
    assert WaterfallChoice(currency="ZZZ").shown(["EUR", None]) == "EUR"
    assert WaterfallChoice(currency=waterfall_filters.NO_CURRENCY).shown(["EUR", None]) is None
    assert WaterfallChoice(currency="EUR").shown([None, "EUR"]) == "EUR"
    assert WaterfallChoice().shown(["EUR", None]) == "EUR"
    assert waterfall_filters.from_url({"money": ["much too long"]}) == WaterfallChoice()


def test_two_days_in_a_link_are_taken_in_their_order_and_only_where_days_are_asked_for() -> None:
    days = {"due_from": ["2024-06-30"], "due_to": ["2024-05-01"]}
    assert waterfall_filters.from_url({"closes": ["days"], **days}).due == (date(2024, 5, 1), date(2024, 6, 30))
    assert waterfall_filters.from_url({"closes": ["next"], **days}) == WaterfallChoice(closes="next")
    assert waterfall_filters.from_url(days) == WaterfallChoice()


def test_a_quarter_to_close_in_tells_what_was_pulled_in_and_pushed_out(workbench: Workbench, demo_house: House) -> None:
    workbench.use(demo_house)
    plain, window = loaded_of(demo_house), loaded_of(demo_house, WaterfallChoice(closes="both"))
    moves = {Cause.PULLED_IN, Cause.PUSHED_OUT}
    assert not moves & set(plain.found.sums("EUR"))
    assert moves & set(window.found.sums("EUR"))
    assert 0 < window.found.end[0].minor < plain.found.end[0].minor


def test_any_two_days_to_close_between_tell_the_same_as_the_quarter_that_they_are(
    workbench: Workbench, demo_house: House
) -> None:
    workbench.use(demo_house)
    quarter = loaded_of(demo_house, WaterfallChoice(closes="quarter"))
    days = loaded_of(demo_house, WaterfallChoice(closes="days", due=quarter_of(TODAY)))
    assert (days.found.start, days.found.end, days.found.sums("EUR")) == (
        quarter.found.start, quarter.found.end, quarter.found.sums("EUR")
    )  # fmt: skip
    month = loaded_of(demo_house, WaterfallChoice(closes="days", due=(TODAY.replace(day=1), TODAY)))
    assert 0 < month.found.n_end < days.found.n_end


def test_the_changes_of_each_product_and_of_none_come_to_those_of_all(workbench: Workbench, demo_house: House) -> None:
    workbench.use(demo_house)
    whole = loaded_of(demo_house)
    products = waterfall_data.known(whole.view.viewer, whole.view.data_version).products
    assert products[NOBODY] == "No product"
    each = [loaded_of(demo_house, WaterfallChoice(product_ids=(one,))).found for one in products]
    assert sum(one.n_end for one in each) == whole.found.n_end
    assert max(one.n_end for one in each) < whole.found.n_end
    for cause, change in whole.found.sums("EUR").items():
        assert sum(one.sums("EUR").get(cause, 0) for one in each) == change, cause
    some = next(iter(products))
    narrowed = loaded_of(demo_house, WaterfallChoice(product_ids=(some,)))
    listed = functions_of("waterfall").all_deals(narrowed, "end", "EUR")
    assert len(listed) == narrowed.found.n_end == narrowed.closed.n


def test_a_link_names_a_product_and_two_days(workbench: Workbench, demo_house: House) -> None:
    workbench.use(demo_house)
    whole = loaded_of(demo_house)
    product_id, name = next(iter(waterfall_data.known(whole.view.viewer, whole.view.data_version).products.items()))
    here = {"closes": "days", "due_from": "2024-05-01", "due_to": "2024-07-15", "product": str(product_id)}
    at = workbench.open(demo_house, "waterfall", **here)
    assert not at.exception
    assert at.multiselect("wf_product").value == [product_id]
    assert at.date_input("wf_due").value == (date(2024, 5, 1), date(2024, 7, 15))
    assert {one: at.query_params[one] for one in here} == here
    at.radio("wf_closes").set_value("").run()
    assert not {"closes", "due_from", "due_to"} & set(at.query_params)
    at.radio("wf_closes").set_value("days").run()
    first, last = quarter_of(TODAY)
    assert (at.query_params["due_from"], at.query_params["due_to"]) == (str(first), str(last))
    at.date_input("wf_due").set_value((date(2024, 6, 1), date(2024, 6, 9))).run()
    assert (at.query_params["due_from"], at.query_params["due_to"]) == ("2024-06-01", "2024-06-09")
    page, loaded = functions_of("waterfall"), loaded_of(demo_house, waterfall_filters.from_url(
        {one: [value] for one, value in here.items()}
    ))  # fmt: skip
    assert page.exported("pipeline-changes", loaded) == f"pipeline-changes-{TODAY}-closing-2024-05-01-2024-07-15"
    assert as_read(page.narrowed(loaded)) == f"Close dates of 1 May – 15 Jul 2024; product {name}."
    assert page.narrowed(whole) == ""


def test_a_week_begins_on_monday_and_a_quarter_with_the_organizations_year() -> None:
    week = from_url({"range": ["wtd"]}, organization_id=1).period(latest=date(2026, 11, 28))
    assert (week.first, week.last) == (date(2026, 11, 23), date(2026, 11, 28))
    assert quarter_of(date(2026, 11, 28)) == (date(2026, 10, 1), date(2026, 12, 31))
    assert quarter_of(date(2026, 11, 28), year_begins=2) == (date(2026, 11, 1), date(2027, 1, 31))


def test_nothing_open_says_so_and_offers_the_way_out(workbench: Workbench, demo_house: House) -> None:
    long_ago = {"org": str(demo_house.organization_id), "range": "custom", "from": "2001-01-01", "to": "2001-02-01"}
    at = workbench.open(demo_house, "waterfall", **long_ago)
    assert "No open deals here" in words(at)
    at = workbench.open(demo_house, "waterfall", **long_ago, known="then")
    at.button("waterfall_widen").click().run()
    assert "known" not in at.query_params


def test_an_organization_without_data_is_told_how_to_begin(workbench: Workbench, empty_services: Services) -> None:
    create_organization(empty_services.database, "New", default_currency="EUR")
    at = workbench.open(empty_services, "waterfall")
    assert not at.exception


def test_a_failure_is_said_and_the_page_stays(
    workbench: Workbench, demo_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no connection")

    monkeypatch.setattr(waterfall_data, "changes", broken)
    at = workbench.open(demo_house, "waterfall")
    assert "could not be read" in words(at)
    assert any(one.label == "Try again" for one in at.button)


def test_the_export_is_the_table(workbench: Workbench, demo_house: House) -> None:
    workbench.use(demo_house)
    steps = loaded_of(demo_house).steps("EUR")
    out = export.for_export(steps, waterfall_data.STEP_COLUMNS)
    assert list(out["Part"]) == list(steps["step"])
    amounts = pd.Series(out["Amount"], dtype="float64")
    assert amounts.iloc[:-1].sum() == pytest.approx(amounts.iloc[-1])


def test_every_part_is_defined_in_the_documents_word_for_word() -> None:
    text = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    for said in (START, END, *DEFINITIONS.values()):
        assert f"| {said.label} | {said.meaning} |" in text
    assert set(DEFINITIONS) == set(Cause)


def test_an_owners_changes_are_his_alone(workbench: Workbench, demo_house: House) -> None:
    workbench.use(demo_house)
    owner_id = int(reader(demo_house).owners(TODAY)["owner_id"].iloc[0])
    own = loaded_of(demo_house, owner_ids=(owner_id,))
    here = replace(days_to(TODAY), owner_ids=(owner_id,))
    assert own.found.n_end == deal_summary(reader(demo_house), here, DealSet.OPEN).n
    assert set(own.found.parts["owner_id"].dropna()) <= {owner_id}
