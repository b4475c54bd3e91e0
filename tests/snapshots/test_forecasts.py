"""Forecasts as they were issued: whole, never changed, graded once, and seen by whom they are for."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest
from made_books import ANN, BO, CY, NOW, Books
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from snapshots import forecasts
from snapshots.database import Database
from snapshots.forecasts import Card, NewRun, NodeKind
from snapshots.slices import Role, Viewer

MONDAY = date(2026, 11, 23)
NODES: list[tuple[NodeKind, str, str | None]] = [
    ("total", "", None), ("team", "801", None), ("team", "802", None), ("owner", str(ANN), "801"),
    ("owner", str(BO), "801"), ("owner", str(CY), "802"), ("product", "", None), ("source", "Web", None),
]  # fmt: skip


@pytest.fixture
def books(database: Database, organization: int) -> Books:
    made = Books(database, organization)
    made.owners()
    return made


def made_run(made_on: date = MONDAY, **further: Any) -> NewRun:
    rows = [
        {
            "node_kind": kind, "node_key": key, "node_name": None, "parent_key": parent, "currency": "EUR",
            "step_no": step, "first_day": pd.Timestamp(made_on) + pd.Timedelta(weeks=step - 1),
            "last_day": pd.Timestamp(made_on) + pd.Timedelta(days=7 * step - 1), "value": 900.0, "low": 400.0,
            "high": 1500.0, "won": 100.0 if step == 1 else 0.0, "method": "naive",
        }
        for kind, key, parent in NODES
        for step in (1, 2)
    ]  # fmt: skip
    cards = [
        (Card(node_kind=kind, node_key=key, currency="EUR", card={"wape": 0.2}, past={"values": [1.0]}), parent)
        for kind, key, parent in NODES
    ]
    plain: dict[str, Any] = {
        "made_on": made_on, "step": "week", "measure": "bookings", "method_version": "1", "data_hash": "ab",
        "packed": b"facts", "known_at": NOW, "inputs": {"left_out": {}}, "seconds": 1.5, "rows": pd.DataFrame(rows),
        "cards": cards,
    }  # fmt: skip
    return NewRun(**(plain | further))


def keep(books: Books, **further: Any) -> int:
    return forecasts.keep(books.database, books.organization_id, made_run(**further), by="Ann", now=NOW)


def test_a_run_is_read_as_it_was_issued(books: Books) -> None:
    run_id = keep(books)
    run = forecasts.latest(books.database, books.viewer(), step="week", measure="bookings")
    assert run is not None
    assert (run.run_id, run.made_on, run.issued_at, run.issued_by, run.n_series) == (run_id, MONDAY, NOW, "Ann", 8)
    rows = forecasts.rows(books.database, books.viewer(), run_id, node_kind="team", node_key="802")
    assert rows[["value", "low", "high", "won"]].to_numpy().tolist() == [[900, 400, 1500, 100], [900, 400, 1500, 0]]
    assert rows["actual"].isna().all()
    card = forecasts.card(books.database, books.viewer(), run_id, "total", "", currency="EUR")
    assert card is not None
    assert (card.card, card.past) == ({"wape": 0.2}, {"values": [1.0]})
    assert forecasts.currencies(books.database, books.viewer(), run_id) == ["EUR"]
    assert forecasts.facts_of(books.database, books.organization_id, "ab") == (NOW, b"facts")


def test_of_a_day_step_and_measure_there_is_one_run(books: Books) -> None:
    keep(books)
    with pytest.raises(forecasts.IssuedAlready, match="2026-11-23"):
        keep(books)
    assert len(forecasts.runs(books.database, books.viewer())) == 1
    keep(books, measure="new_deals")


def test_a_past_day_shows_the_run_that_was_the_newest_by_then(books: Books) -> None:
    first, second = keep(books, made_on=MONDAY - timedelta(days=7)), keep(books)
    on = {"step": "week", "measure": "bookings"}
    found = [
        forecasts.latest(books.database, books.viewer(), as_of=day, **on)  # type: ignore[arg-type]
        for day in (MONDAY, MONDAY - timedelta(days=1), MONDAY - timedelta(days=8))
    ]
    assert [one.run_id if one else None for one in found] == [second, first, None]
    assert [one.run_id for one in forecasts.runs(books.database, books.viewer(), until=MONDAY)] == [second, first]


def test_each_role_sees_its_own_nodes(books: Books) -> None:
    run_id = keep(books)

    def seen(viewer: Viewer) -> set[tuple[str, str]]:
        rows = forecasts.rows(books.database, viewer, run_id)
        cards = forecasts.cards(books.database, viewer, run_id)
        found = {(kind, key) for kind, key in zip(rows["node_kind"], rows["node_key"], strict=True)}
        assert found == {(one.node_kind, one.node_key) for one in cards}
        return found

    everything = {(kind, key) for kind, key, _ in NODES}
    for role in (Role.ADMIN, Role.SALES_OPS, Role.ANALYST):
        assert seen(books.viewer(role)) == everything
    assert seen(books.viewer(Role.REP, BO)) == {("owner", str(BO))}
    assert seen(books.viewer(Role.REP)) == set()
    assert seen(books.viewer(Role.MANAGER, ANN)) == {("team", "801"), ("owner", str(ANN)), ("owner", str(BO))}
    assert seen(books.viewer(Role.MANAGER)) == set()


def test_outsiders_see_nothing(books: Books, other_organization: int) -> None:
    run_id = keep(books)
    outsider = Viewer(other_organization, Role.ADMIN)
    assert forecasts.runs(books.database, outsider) == []
    assert forecasts.get_run(books.database, outsider, run_id) is None
    assert forecasts.rows(books.database, outsider, run_id).empty
    assert forecasts.cards(books.database, outsider, run_id) == []
    with pytest.raises(LookupError):
        forecasts.facts_of(books.database, other_organization, "ab")


def test_what_came_is_filled_in_once(books: Books) -> None:
    run_id = keep(books)
    due = forecasts.ungraded(books.database, books.organization_id, over_by=MONDAY + timedelta(days=7))
    assert set(due["step_no"]) == {1}
    assert len(due) == len(NODES)
    assert forecasts.fill_in(books.database, books.organization_id, due.assign(actual=700.0), now=NOW) == len(NODES)
    assert forecasts.fill_in(books.database, books.organization_id, due.assign(actual=800.0), now=NOW) == 0
    record = forecasts.graded(
        books.database, books.viewer(), step="week", measure="bookings", node_kind="total", node_key="", currency="EUR"
    )
    assert record[["run_id", "step_no", "value", "actual"]].to_numpy().tolist() == [[run_id, 1, 900.0, 700.0]]
    assert forecasts.teams_of_owners(books.database, books.organization_id, [run_id]) == {
        run_id: {str(ANN): "801", str(BO): "801", str(CY): "802"}
    }


@pytest.mark.parametrize(
    ("table", "column"),
    [("forecasts", "value"), ("forecast_runs", "made_on"), ("forecast_cards", "card"), ("forecast_facts", "packed")],
)
def test_nobody_changes_what_was_issued(books: Books, table: str, column: str) -> None:
    keep(books)
    for door in (books.database.as_app(books.organization_id), books.database.as_worker()):
        with pytest.raises(DBAPIError, match="permission denied"), door as connection:
            connection.execute(text(f"UPDATE {table} SET {column} = {column}"))
