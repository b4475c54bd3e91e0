"""The quality of activity on a salesperson's page and in the list: its parts, its formula, and where too little is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import Workbench
from databases import CopyOf
from made_installation import NOW, TODAY, House, demo_house_of
from reading import as_read
from streamlit.testing.v1 import AppTest

from insights.activity_quality import COMPONENTS
from ops.activity_weeks import count_daily
from snapshots.reads import Reader
from snapshots.slices import NOBODY, Role, Slice, Viewer
from workbench import export, installation, people_data, quality_data
from workbench.filters import Filters
from workbench.quality_data import SHARE_COLUMNS
from workbench.view import View

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def counted_house(copy_of: CopyOf, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with demo_house_of(copy_of, slms_home=tmp_path_factory.mktemp("quality")) as house:
        count_daily(house.services, house.organization_id, TODAY)
        yield house


def view_of(house: House, **filters: object) -> View:
    asked = Filters(organization_id=house.organization_id, **filters)  # type: ignore[arg-type]
    return installation.make_view(installation.viewers(), asked, now=NOW)[0]


def busiest(house: House) -> int:
    reader = Reader(house.database, Viewer(house.organization_id, Role.ADMIN))
    here = Slice(first_day=TODAY - timedelta(days=90), last_day=TODAY, as_of=TODAY)
    counts = reader.activity_counts(here, by_owner=True)
    counts = counts[counts["owner_id"] != NOBODY]
    return int(counts.groupby("owner_id")["n"].sum().idxmax())


def words(at: AppTest) -> str:
    parts = [*at.title, *at.header, *at.markdown, *at.caption, *at.error]
    tables = [one.proto.body for one in at.get("html")]
    return as_read("\n".join([*(str(part.value) for part in parts), *tables]))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_persons_page_shows_the_parts_and_the_formula(workbench: Workbench, counted_house: House, theme: str) -> None:
    at = workbench.open(counted_house, "salesperson", person=str(busiest(counted_house)), theme=theme)
    assert not at.exception
    said = words(at)
    assert "Activity quality" in said
    for one in COMPONENTS:
        assert one.label in said
        assert one.definition in said
    assert "100 is usual here" in said
    assert "no ranks are made of it" in said


def test_before_the_weeks_are_counted_the_page_says_when_they_are(workbench: Workbench, demo_house: House) -> None:
    at = workbench.open(demo_house, "salesperson", person=str(busiest(demo_house)))
    assert not at.exception
    assert "Not counted yet" in words(at)


def test_the_list_has_the_same_value_and_says_where_there_is_too_little(
    workbench: Workbench, counted_house: House
) -> None:
    workbench.use(counted_house)
    found = people_data.salespeople(view_of(counted_house))
    assert "quality" in {column.field for column in found.columns}
    owner = busiest(counted_house)
    row = found.frame[found.frame["owner_id"] == owner].iloc[0]
    alone = quality_data.of_person(view_of(counted_house), owner).quality
    assert row["quality"] == alone.index
    assert row["quality_text"] == quality_data.text(alone)
    few = found.frame[found.frame["quality"].isna()]
    assert set(few["quality_text"]) <= {quality_data.TOO_FEW}


def test_without_counted_weeks_the_list_has_no_such_column(workbench: Workbench, demo_house: House) -> None:
    workbench.use(demo_house)
    assert "quality" not in {column.field for column in people_data.salespeople(view_of(demo_house)).columns}


def test_it_looks_back_from_the_last_week_that_was_over_on_the_day(workbench: Workbench, counted_house: House) -> None:
    workbench.use(counted_house)
    owner = busiest(counted_house)
    sunday = TODAY - timedelta(days=TODAY.weekday() + 15)
    for later in (0, 1, 6):
        found = quality_data.of_person(view_of(counted_house, as_of=sunday + timedelta(days=later)), owner)
        assert found.last == sunday
        assert found.last - found.first == timedelta(days=13 * 7 - 1)
    saturday = view_of(counted_house, as_of=sunday - timedelta(days=1))
    assert quality_data.of_person(saturday, owner).last == sunday - timedelta(days=7)


def test_the_export_is_the_table(workbench: Workbench, counted_house: House) -> None:
    workbench.use(counted_house)
    rows = quality_data.rows(quality_data.of_person(view_of(counted_house), busiest(counted_house)).quality)
    out = export.for_export(rows, SHARE_COLUMNS)
    assert list(out["Part"]) == [one.label for one in COMPONENTS]
    assert out["Own"].notna().all()


def test_every_part_is_defined_in_the_documents_word_for_word() -> None:
    text = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    for one in COMPONENTS:
        assert f"| {one.label} | {one.definition} |" in text
