"""What is handed to AgGrid: numbers right, names pinned, and never a record's text inside code."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from conftest import Workbench, functions_of
from made_installation import House
from st_aggrid import JsCode

from insights.charts import DARK, LIGHT, Palette
from workbench import grid, people_data, row_sets, tables
from workbench.columns import Column, ColumnKind
from workbench.row_sets import ROW_SETS

EVIL = "</script><img src=x onerror=alert(1)>${1+1}'\"`;alert(1)//"
PEOPLE = people_data._PEOPLE_COLUMNS
salespeople = functions_of("salespeople")


def code_in(value: Any) -> list[str]:
    if isinstance(value, JsCode):
        return [value.js_code]
    if isinstance(value, dict):
        return [code for one in value.values() for code in code_in(one)]
    return [code for one in value for code in code_in(one)] if isinstance(value, list | tuple) else []


def people() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "owner_id": [1, 2], "name": [EVIL, "Zoë"], "note": [EVIL, ""], "emails": [3, None], "calls": [0, None],
            "meetings": [1, None], "new_deals": [5, 1], "won_major": [12.5, None],
            "won_major_text": [EVIL, "no amount"],
            "win_rate": [0.5, None], "pipeline_major": [1.0, 2.0], "pipeline_major_text": ["€1 + $2", "€2"],
            "n_closed": [10, 0], "few": [True, False], "trend": [[1.0, 2.0], None],
        }
    )  # fmt: skip


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_numbers_stand_right_and_text_left_on_salespeople(palette: Palette) -> None:
    made = {one["field"]: one for one in salespeople.definitions(list(PEOPLE), palette)}
    numbers = {"emails", "calls", "meetings", "new_deals", "won_major", "win_rate", "pipeline_major"}
    assert {field for field, one in made.items() if one.get("type") == "rightAligned"} == numbers
    assert [field for field, one in made.items() if one.get("pinned")] == ["name"]
    assert made["name"]["pinned"] == "left"
    assert made["won_major"]["sort"] == "desc"


@pytest.mark.parametrize("key", ROW_SETS)
def test_numbers_stand_right_in_every_list(key: str) -> None:
    for column in row_sets.columns(ROW_SETS[key]):
        definition = grid.column_definition(column)
        is_number = column.kind in {ColumnKind.MONEY, ColumnKind.COUNT, ColumnKind.DAYS, ColumnKind.RATE}
        assert (definition.get("type") == "rightAligned") == is_number, column.title
        assert definition["headerName"] == column.title


def test_no_text_of_a_record_is_ever_in_code() -> None:
    columns = list(PEOPLE)
    clean = salespeople.definitions(columns, LIGHT)
    rows = salespeople.grid_rows(people(), columns)
    chosen = grid.options(salespeople.definitions(columns, LIGHT), opens=True)
    code = code_in(chosen)
    assert code, "the renderers are code"
    assert not any(EVIL[:20] in one for one in code)
    assert code_in(grid.options(clean, opens=True)) == code, "code does not depend on rows"
    assert not any(isinstance(value, JsCode) for value in rows.to_numpy().ravel())
    assert rows["name"].tolist()[0] == EVIL, "as data it stays what it is"


def test_renderers_write_text_as_text() -> None:
    makers = (grid.name_renderer, grid.rate_renderer, grid.money_renderer, grid.sparkline_renderer)
    for code in [maker(palette).js_code for maker in makers for palette in (LIGHT, DARK)]:
        assert not any(
            word in code for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "document.write")
        )
        assert "textContent" in code


def test_a_cell_sorts_by_its_value_and_shows_its_text() -> None:
    columns = (
        Column(field="amount_minor", title="Amount", kind=ColumnKind.MONEY, missing="No amount"),
        Column(field="day", title="Day", kind=ColumnKind.DATE),
    )
    frame = pd.DataFrame(
        {
            "amount_minor": pd.Series([1_000_00, None], dtype="Int64"),
            "currency": ["EUR", None],
            "day": pd.to_datetime(["2026-03-01", None]),
        }
    )
    rows = grid.rows_for(frame, columns)
    assert rows["amount_minor"].tolist() == [100_000, None]
    assert rows["amount_minor__text"].tolist() == ["€1,000", "No amount"]
    assert rows["day"].tolist() == ["2026-03-01T00:00:00", None]
    assert rows["day__text"].tolist() == ["1 Mar 2026", "–"]


def test_a_rate_of_few_cases_is_marked_and_carries_its_n() -> None:
    rows = salespeople.grid_rows(people(), list(PEOPLE))
    assert rows["win_rate__note"].tolist() == ["n 10", "n 0"]
    assert rows["win_rate__few"].tolist() == [True, False]
    assert rows["win_rate__text"].tolist() == ["50.0\u00a0%", "–"]


def test_rows_open_by_key_too() -> None:
    chosen = grid.options([], opens=True)
    assert chosen["rowSelection"]["enableClickSelection"]
    assert "Enter" in chosen["onCellKeyDown"].js_code
    assert "rowSelection" not in grid.options([], opens=False)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("zoe", [2]), ("ZOË", [2]), ("", [1, 2]), ("  ", [1, 2]), ("nobody", []), ("(", [1]), (".*", []), ("script", [1])],
)
def test_people_are_found_whatever_accents_and_case(wanted: str, found: list[int]) -> None:
    frame = people().assign(name=["Ann (north) <script>", "Zoë"], note="")
    assert salespeople.matching(frame, wanted)["owner_id"].tolist() == found


def test_an_export_has_the_order_of_the_grid() -> None:
    frame = people()
    assert salespeople._sorted(frame, [2, 1])["owner_id"].tolist() == [2, 1]
    assert salespeople._sorted(frame, [])["owner_id"].tolist() == [1, 2]


def test_plain_tables_escape_every_text() -> None:
    column = Column(field="a", title=EVIL)
    markup = tables.markup(pd.DataFrame({"a": [EVIL]}), [column], caption=EVIL)
    assert "<img" not in markup
    assert "<script" not in markup.replace("</script>", "")
    assert "</script>" not in markup
    assert markup.count("&lt;img") >= 3


def test_a_marked_cell_has_a_sign_beside_its_colour() -> None:
    tones = pd.DataFrame({"n": ["bad", ""]})
    column = Column(field="n", title="Gap", kind=ColumnKind.COUNT)
    markup = tables.markup(pd.DataFrame({"n": [3, 0]}), [column], caption="Gaps", tones=tones)
    assert markup.count("◆") == 1


def test_a_list_that_is_wider_than_the_page_stands_above_its_scroll_bar() -> None:
    narrow = [{"minWidth": 100}, {"width": 270, "minWidth": 120}]
    wide = [*narrow, {"minWidth": 700}]
    assert grid.height_of(6, wide) - grid.height_of(6, narrow) == grid.SCROLLBAR_HEIGHT
    assert grid.height_of(6, narrow) - grid.height_of(5, narrow) == grid.ROW_HEIGHT
    assert grid.height_of(0, narrow) == grid.height_of(1, narrow)


def test_the_grid_of_salespeople_is_drawn_from_the_page(workbench: Workbench, demo_house: House) -> None:
    at = workbench.open(demo_house, "salespeople")
    assert len(at.get("component_instance")) + len(at.get("bidi_component")) >= 1
