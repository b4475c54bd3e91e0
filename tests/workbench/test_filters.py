"""Filters and URLs say the same; what a URL says wrongly is left out and never an error."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from conftest import Workbench
from hypothesis import given
from hypothesis import strategies as st
from made_installation import TODAY, House
from streamlit.testing.v1 import AppTest

from insights.metrics import Period
from workbench import formats
from workbench.filter_bar import Choices, known
from workbench.filters import COMPARISONS, PARAMETERS, RANGES, Filters, from_url, to_url

days = st.dates(date(1990, 1, 1), date(2100, 1, 1))
ids = st.sets(st.integers(0, 2**62), max_size=4).map(lambda found: tuple(sorted(found)))
sources = st.sets(st.text(max_size=30), max_size=4).map(lambda found: tuple(sorted(found)))


@st.composite
def some_filters(draw: st.DrawFn) -> Filters:
    range_name = draw(st.sampled_from(sorted(RANGES)))
    is_custom = range_name == "custom"
    return Filters(
        organization_id=draw(st.integers(1, 2**62)),
        range=range_name,
        first=draw(days) if is_custom else None,
        last=draw(days) if is_custom else None,
        comparison=draw(st.sampled_from(sorted(COMPARISONS))),
        team_ids=draw(ids),
        owner_ids=draw(ids),
        sources=draw(sources),
        as_of=draw(st.none() | days),
    )


@given(some_filters())
def test_a_url_brings_back_the_filters_it_was_written_from(filters: Filters) -> None:
    params = to_url(filters)
    assert set(params) <= PARAMETERS
    assert from_url(params, organization_id=-1) == filters


@given(some_filters())
def test_the_organization_always_stands_in_the_url(filters: Filters) -> None:
    assert to_url(filters)["org"] == [str(filters.organization_id)]


anything = st.text(max_size=20) | st.sampled_from(
    ["", "-1", "1e5", "٣", "²", "NaN", "2024-02-30", "2024-13-01", "20240101", "custom", "0x1", "1,2", "9" * 30]
)


@given(st.dictionaries(st.sampled_from(sorted(PARAMETERS)), st.lists(anything, max_size=3)))
def test_no_url_is_an_error_and_what_it_means_is_stable(params: dict[str, list[str]]) -> None:
    read = from_url(params, organization_id=7)
    assert read.range in RANGES
    assert read.comparison in COMPARISONS
    assert all(one >= 0 for one in (*read.team_ids, *read.owner_ids))
    assert from_url(to_url(read), organization_id=7) == read


@given(some_filters(), st.dates(date(2000, 1, 1), date(2090, 1, 1)))
def test_a_period_ends_where_the_data_end_and_compares_like_with_like(filters: Filters, latest: date) -> None:
    period = filters.period(latest=latest)
    assert period.last <= (filters.as_of or latest)
    assert period.first is None or period.first <= period.last
    compared = filters.compared(period)
    if compared is None:
        assert filters.comparison == "none" or period.first is None
        return
    assert compared.days == period.days
    assert compared.first is not None
    assert period.first is not None
    assert compared.first.weekday() == period.first.weekday()
    assert compared.last < period.first or filters.comparison == "year"


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("7d", date(2026, 5, 8)), ("30d", date(2026, 4, 15)), ("90d", date(2026, 2, 14)), ("mtd", date(2026, 5, 1)),
        ("qtd", date(2026, 4, 1)), ("ytd", date(2026, 1, 1)), ("365d", date(2025, 5, 15)), ("all", None),
    ],
)  # fmt: skip
def test_ranges_begin_where_their_names_say(name: str, first: date | None) -> None:
    latest = date(2026, 5, 14)
    assert Filters(organization_id=1, range=name).period(latest=latest) == Period(first, latest)


@pytest.mark.parametrize(
    ("begins", "latest", "quarter", "year"),
    [
        (4, date(2026, 5, 14), date(2026, 4, 1), date(2026, 4, 1)),
        (7, date(2026, 5, 14), date(2026, 4, 1), date(2025, 7, 1)),
        (2, date(2026, 1, 31), date(2025, 11, 1), date(2025, 2, 1)),
        (12, date(2026, 2, 28), date(2025, 12, 1), date(2025, 12, 1)),
    ],
)
def test_quarters_and_years_begin_where_the_organization_says(
    begins: int, latest: date, quarter: date, year: date
) -> None:
    asked = [Filters(organization_id=1, range=name) for name in ("qtd", "ytd")]
    assert [one.period(latest=latest, year_begins=begins).first for one in asked] == [quarter, year]


@given(some_filters())
def test_clearing_keeps_the_organization_and_the_period(filters: Filters) -> None:
    cleared = filters.cleared()
    assert not cleared.is_narrowed
    assert (cleared.organization_id, cleared.range, cleared.first) == (
        filters.organization_id, filters.range, filters.first
    )  # fmt: skip


def test_what_does_not_exist_here_is_left_out_and_said() -> None:
    choices = Choices(
        organizations={1: "A"}, teams={10: "North"}, owners={100: "Ann"}, sources={"Web": "Web"},
        earliest=date(2024, 1, 1), latest=date(2026, 1, 1),
    )  # fmt: skip
    asked = Filters(organization_id=1, team_ids=(10, 11), owner_ids=(100, 999), sources=("Fax", "Web"))
    kept, was_dropped = known(asked, choices)
    assert was_dropped
    assert (kept.team_ids, kept.owner_ids, kept.sources) == ((10,), (100,), ("Web",))
    assert known(kept, choices) == (kept, False)


@pytest.mark.parametrize("day", ["0001-01-01", "1000-06-15", "9999-12-31"])
def test_days_at_the_ends_of_time_are_no_error(workbench: Workbench, demo_house: House, day: str) -> None:
    links = (
        {"asof": day},
        {"range": "custom", "from": day, "to": day},
        {"range": "custom", "from": day, "to": "2024-06-01"},
    )
    for link in links:
        for comparison in COMPARISONS:
            at = workbench.open(demo_house, org=str(demo_house.organization_id), cmp=comparison, **link)
            assert not at.exception
            assert not any(one.label == "Try again" for one in at.button), (link, comparison)


@pytest.mark.parametrize("wrong", [{"team": "987654"}, {"owner": "987654"}, {"source": "Carrier pigeon"}])
def test_a_link_that_names_what_is_not_here_says_so(
    workbench: Workbench, demo_house: House, wrong: dict[str, str]
) -> None:
    at = workbench.open(demo_house, org=str(demo_house.organization_id), **wrong)
    assert not at.exception
    assert any("was left out" in one.value for one in at.caption)
    assert not set(wrong) & set(at.query_params), "the URL says what the page shows"
    assert at.metric


@pytest.mark.parametrize("wrong", [{"range": "nonsense"}, {"asof": "yesterday"}, {"cmp": "x"}, {"owner": "Ann"}])
def test_a_link_with_an_unreadable_value_opens_with_the_default_and_says_so(
    workbench: Workbench, demo_house: House, wrong: dict[str, str]
) -> None:
    at = workbench.open(demo_house, org=str(demo_house.organization_id), **wrong)
    assert not at.exception
    assert at.metric
    assert not set(wrong) & set(at.query_params)
    assert any("left out" in one.value for one in at.caption)


def test_an_as_of_day_after_the_data_is_now(workbench: Workbench, demo_house: House) -> None:
    ahead = (TODAY + timedelta(days=5)).isoformat()
    at = workbench.open(demo_house, org=str(demo_house.organization_id), asof=ahead)
    assert "asof" not in at.query_params
    assert "As it was" not in "".join(one.value for one in at.markdown)


def test_filters_stay_when_the_page_changes_and_go_when_cleared(workbench: Workbench, demo_house: House) -> None:
    back = (TODAY - timedelta(days=30)).isoformat()
    at = workbench.open(demo_house, org=str(demo_house.organization_id), asof=back, range="30d")
    at.query_params.clear()  # the navigation's links carry no filters
    at.switch_page("../../workbench/pages/pipeline.py").run()
    assert (at.query_params["asof"], at.query_params["range"]) == (back, "30d")
    at.button("f_clear").click().run()
    assert "asof" not in at.query_params
    assert at.query_params["range"] == "30d"


def chips(at: AppTest) -> list[str]:
    return [block.proto.popover.label for block in at.get("popover")]


def test_a_chip_says_what_it_holds_and_changes_the_url(workbench: Workbench, demo_house: House) -> None:
    at = workbench.open(demo_house)
    box = at.multiselect("f_team_ids")
    team = box.options[0]
    box.select(team).run()
    assert at.query_params["team"].isdigit()
    assert any(f"Team: {team}" in label for label in chips(at)), "the chip shows its value"


def test_days_of_a_custom_range_are_those_of_the_link(workbench: Workbench, demo_house: House) -> None:
    link = {"range": "custom", "from": "2024-03-01", "to": "2024-04-30"}
    at = workbench.open(demo_house, org=str(demo_house.organization_id), **link)
    assert at.date_input("f_days").value == (date(2024, 3, 1), date(2024, 4, 30))
    assert any(formats.day_range(date(2024, 3, 1), date(2024, 4, 30)) in label for label in chips(at))
