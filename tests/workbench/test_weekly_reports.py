"""The weekly report: its numbers are those of the pages, everybody gets own rows, and all of it is text."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from io import BytesIO

import made_forecasts
import pandas as pd
import pypdf
import pytest
from conftest import Workbench
from databases import CopyOf
from made_installation import NOW, House, demo_house_of

from insights.report import html, pdf, plain, writing
from insights.report.document import Document, Section, Week
from ops import health, reports
from ops.reports import Whose
from snapshots import alarms
from snapshots.reads import Reader
from snapshots.rows import DealSet, deal_rows
from snapshots.slices import Role, Slice, Viewer
from workbench import data, figures, forecast_data, forecast_outlook, formats, health_data, installation, waterfall_data
from workbench.filters import Filters
from workbench.forecast_choice import ForecastChoice
from workbench.health_filters import HealthChoice
from workbench.view import View
from workbench.waterfall_filters import WaterfallChoice

WEEK = Week(date(2024, 6, 17))
ALL = Whose("organization")


@pytest.fixture(scope="module")
def house(copy_of: CopyOf) -> Iterator[House]:
    """Judged and forecast as at the end of the week."""
    with demo_house_of(copy_of) as house:
        health.judge(house.services, house.organization_id, WEEK.last)
        made_forecasts.issue(house, made_on=WEEK.last)
        yield house


@pytest.fixture(scope="module")
def made(house: House) -> Document:
    return reports.weekly(house.services, house.organization_id, ALL, WEEK)


def somebody(house: House, audience: str) -> Whose:
    """The one with the most flagged deals of this audience."""
    found = reports.readers_of(house.services, house.organization_id, WEEK)
    own = [one for one in found if one.audience == audience]
    return max(own, key=lambda one: reports.facts_of(house.services, house.organization_id, one, WEEK).flags.n)


def view_of(house: House, viewer: Viewer) -> View:
    asked = Filters(
        organization_id=house.organization_id, first=WEEK.first, last=WEEK.last, range="custom", comparison="previous",
        as_of=WEEK.last,
    )  # fmt: skip
    view, _ = installation.make_view({house.organization_id: viewer}, asked, now=NOW)
    return view


def section(made: Document, key: str) -> Section:
    return next(one for one in made.sections if one.key == key)


def rows(made: Document, key: str) -> tuple[tuple[str, ...], ...]:
    table = section(made, key).table
    assert table is not None, section(made, key).lines
    return table.rows


@pytest.mark.parametrize("audience", ["organization", "manager", "rep"])
def test_the_numbers_are_those_of_the_pages_for_the_same_viewer(
    workbench: Workbench, house: House, audience: str
) -> None:
    workbench.use(house)
    whose = somebody(house, audience)
    made = reports.weekly(house.services, house.organization_id, whose, WEEK)
    view = view_of(house, whose.viewer(house.organization_id))
    assert (view.period.first, view.period.last, view.as_of) == (WEEK.first, WEEK.last, WEEK.last)

    shown = [figures.card(one) for one in data.measured(view)[0].values()]
    assert [(row[0], row[1].split(" + ")[0], row[2].strip("▲▼ "), row[3]) for row in rows(made, "kpis")] == [
        (one.label, one.value, one.change or "", one.note.removeprefix("was ")) for one in shown
    ]
    steps = waterfall_data.changes(view, WaterfallChoice(has_swings=True)).steps("EUR")
    assert [row[0] for row in rows(made, "waterfall")] == steps["step"].tolist()
    assert [row[2] for row in rows(made, "waterfall")] == [
        formats.money_full(one, "EUR") for one in steps["amount_minor"]
    ]
    run = health_data.standing(view, HealthChoice()).run
    assert run is not None
    listed = health_data.page(view, run, HealthChoice())
    listed_names = {str(one) for one in listed.frame["name"]}
    assert {row[0] for row in rows(made, "actions")} <= listed_names
    assert len(rows(made, "actions")) == min(10, listed.total)

    found = forecast_data.find(view, ForecastChoice())
    assert found is not None
    outlook = forecast_outlook.load(view, ForecastChoice(), found).outlook
    told = {row[0]: row[1:] for row in rows(made, "forecast")}
    one = found.unit.short
    name = "Whole organization" if audience == "organization" else found.names[found.node]
    assert told[name] == (one(outlook.won), one(outlook.value), f"{one(outlook.low)} and {one(outlook.high)}")

    counts = {card.label: card.value for card in health_data.kpis(health_data.standing(view, HealthChoice()))}
    flags = dict(rows(made, "flags"))
    assert flags == {label: n for label, n in counts.items() if label in flags}
    assert {label for label, n in counts.items() if n not in {"0", formats.MISSING}} == set(flags)


def test_the_forecast_is_drawn_as_the_page_adds_it_up_and_ends_with_the_numbers_of_the_table(
    workbench: Workbench, house: House
) -> None:
    workbench.use(house)
    view, choice = view_of(house, ALL.viewer(house.organization_id)), ForecastChoice(chart="period")
    found = forecast_data.find(view, choice)
    assert found is not None
    page = forecast_outlook.load(view, choice, found).drawn
    one = reports.facts_of(house.services, house.organization_id, ALL, WEEK).forecasts[0]
    drawn = ["day", "actual", "value", "low", "high"]
    pd.testing.assert_frame_equal(one.steps[drawn], page[drawn], check_dtype=False)
    assert tuple(one.steps[["value", "low", "high"]].iloc[-1]) == pytest.approx((one.value, one.low, one.high))
    assert one.steps["actual"].max() == one.won
    chart = writing.fan(one, WEEK.last).to_dict(validate=False)
    [data] = [rows for rows in chart["datasets"].values() if len(rows) == len(one.steps)]
    assert data[-1]["high"] == pytest.approx(one.high / 100)


def test_every_picture_says_the_numbers_of_its_table(made: Document) -> None:
    for key, column in (("forecast", 2), ("sources", 1), ("waterfall", 2)):
        shown = section(made, key).picture
        assert shown is not None, key
        assert all(row[column] in shown.alt for row in rows(made, key)), key
    chart = section(made, "sources").picture
    assert chart is not None
    [data] = chart.chart.to_dict(validate=False)["datasets"].values()
    assert [(one["step"], one["label"]) for one in data] == [row[:2] for row in rows(made, "sources")]


def test_pictures_stand_in_html_and_pdf_with_their_words(made: Document) -> None:
    file = unescape(html.html(made))
    told = [one.picture.alt for one in made.sections if one.picture is not None]
    assert len(told) == 3
    assert all(f'alt="{one}"' in file for one in told)
    printed = pypdf.PdfReader(BytesIO(pdf.pdf(made)))
    assert sum(len(page.images) for page in printed.pages) == 3


def test_a_report_is_small_enough_to_be_mailed(made: Document) -> None:
    assert len(pdf.pdf(made)) < 500_000
    assert len(html.html(made)) < 500_000


def test_forms_go_on_to_won_and_the_capture_rate_has_its_interval_or_is_too_few(house: House) -> None:
    forms = pd.DataFrame({
        "form": ["Contact", "Offer", "Unseen"], "views": [420, 12, 0], "starts": [200, 6, 0], "submits": [190, 5, 0],
        "valid": [181, 5, 1], "contacts": [170, 4, 1], "deals": [30, 1, 0], "won": [4, 0, 0],
    })  # fmt: skip
    facts = reports.facts_of(house.services, house.organization_id, ALL, WEEK)
    told = rows(writing.write(replace(facts, forms=forms)), "forms")
    assert told[0] == ("Contact", "420", "200", "190", "181", "170", "30", "4", "43.1\u00a0% (38–48\u00a0%)")
    assert told[1][-1] == "too few to judge"
    assert told[2][-1] == formats.MISSING


def test_outliers_of_a_week_are_told_once_a_look_was_taken_after_it(house: House) -> None:
    def told(*looks: date) -> str:
        for one in looks:
            alarms.issue(
                house.database, house.organization_id, "conversion", [], made_on=one, card={}, budget=0.25, now=NOW
            )
        made = reports.weekly(house.services, house.organization_id, ALL, WEEK)
        return " ".join(section(made, "outliers").lines)

    assert "not looked at" in told(WEEK.last)
    assert "not looked at" not in told(WEEK.last + timedelta(days=1))


def test_sources_add_up_to_the_leads_of_the_week(made: Document) -> None:
    n = sum(int(row[1].replace(",", "")) for row in rows(made, "sources"))
    assert formats.count(n) == next(row[1] for row in rows(made, "kpis") if row[0] == "Leads")


def test_a_rep_gets_own_rows_alone(house: House) -> None:
    every = [one for one in reports.readers_of(house.services, house.organization_id, WEEK) if one.audience == "rep"]
    asked = Slice(first_day=None, last_day=WEEK.last, as_of=WEEK.last)
    held = {}
    for whose in every:
        reader = Reader(house.database, whose.viewer(house.organization_id))
        held[whose] = set(deal_rows(reader, asked, DealSet.OPEN).rows["name"])
    n_flagged = 0
    for whose in every:
        own = reports.weekly(house.services, house.organization_id, whose, WEEK)
        flagged = section(own, "actions").table
        names = {row[0] for row in flagged.rows} if flagged else set()
        assert names <= held[whose]
        n_flagged += len(names)
        assert [one.key for one in own.sections if one.key == "forms"] == []
    assert n_flagged > 3


def test_a_manager_sees_more_than_a_rep_and_less_than_the_organization(house: House, made: Document) -> None:
    def activities(document: Document) -> int:
        return int(next(row[1] for row in rows(document, "kpis") if row[0] == "Activities").replace(",", ""))

    manager, rep = (
        reports.weekly(house.services, house.organization_id, somebody(house, one), WEEK) for one in ("manager", "rep")
    )
    assert activities(rep) < activities(manager) < activities(made)


def test_html_pdf_and_text_say_the_same(made: Document) -> None:
    file = html.html(made)
    shown = " ".join(unescape(re.sub(r"<[^>]+>", " ", file.partition("<body>")[2])).split())
    printed = "".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(pdf.pdf(made))).pages)
    packed = "".join(printed.split())
    words = plain.text(made)
    for one in made.sections:
        cells = [cell for row in (one.table.rows if one.table else ()) for cell in row]
        for text in (one.title, *one.lines, *cells, one.note):
            assert " ".join(text.split()) in shown
            assert "".join(text.split()) in packed
            assert " ".join(text.split()) in words


def test_the_html_is_one_file_without_scripts_under_a_policy_that_allows_its_own_style_alone(made: Document) -> None:
    file = html.html(made)
    assert "<script" not in file
    assert "javascript:" not in file
    assert not re.findall(r"""(?: src=| href=|url\()["']?(?!data:image/png)[a-z]+:""", file)
    assert "default-src &#x27;none&#x27;" in file
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', file)
    assert [b64decode(one)[:8] for one in pictures] == [b"\x89PNG\r\n\x1a\n"] * 3


HOSTILE = '<img src=x onerror=alert(1)>"\'#eval("1")$x$ @ref \\ *b* </script>\u202e\x00'


def test_what_was_typed_into_the_crm_is_text_everywhere(made: Document) -> None:
    table = section(made, "sources").table
    assert table is not None
    odd = replace(table, rows=((HOSTILE, "1", "2"),))
    document = replace(
        made, organization=HOSTILE,
        sections=(Section(key="sources", title=HOSTILE, lines=(HOSTILE,), table=odd, note=HOSTILE),),
    )  # fmt: skip
    file = html.html(document)
    assert "<img" not in file
    assert "onerror=alert(1)&gt;" in file
    printed = "".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(pdf.pdf(document))).pages)
    assert printed.replace("\n", "").count('#eval("1")$x$') >= 4
    assert all(one.isprintable() for one in plain.text(document).splitlines())


def test_the_time_of_making_may_have_microseconds(made: Document) -> None:
    odd = replace(made, made_at=made.made_at.replace(microsecond=123_456), sections=())
    assert pdf.pdf(odd).startswith(b"%PDF-")


def test_a_week_that_is_not_over_is_refused(house: House) -> None:
    week = Week.of(NOW.date())
    with pytest.raises(ValueError, match="not over"):
        reports.weekly(house.services, house.organization_id, ALL, week)
    assert reports.newest_week(house.services, house.organization) == Week(week.first - timedelta(days=7))


def test_there_is_no_report_for_somebody_of_another_organization(house: House) -> None:
    with pytest.raises(reports.NoSuchReader):
        reports.weekly(house.services, house.organization_id, Whose("rep", 999_999), WEEK)
    assert Role.REP is Whose("rep", 1).viewer(1).role
