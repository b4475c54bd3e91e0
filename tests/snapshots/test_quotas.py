"""Quotas and calls: set by whom it is for, never changed, seen by whom they concern."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from made_books import ANN, BO, CY, NOW, Books, days
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from snapshots import audit, forecast_calls, quotas
from snapshots.database import Database
from snapshots.slices import Role, Viewer

QUARTER = {"first_day": date(2026, 10, 1), "last_day": date(2026, 12, 31)}


@pytest.fixture
def books(database: Database, organization: int) -> Books:
    made = Books(database, organization)
    made.owners()
    made.deal(1)
    return made


def put(books: Books, amount_minor: int = 500_00, *, at: Any = NOW, viewer: Viewer | None = None, **node: Any) -> int:
    return quotas.put_quota(
        books.database, viewer or books.viewer(), amount_minor=amount_minor, currency="EUR", by="Ops", now=at,
        **QUARTER, **node,
    )  # fmt: skip


def held(books: Books, viewer: Viewer | None = None, **asked: Any) -> list[tuple[tuple[str, str], int]]:
    return [
        (one.node, one.amount_minor) for one in quotas.list_quotas(books.database, viewer or books.viewer(), **asked)
    ]


def test_another_quota_of_the_same_node_and_period_takes_the_place_of_the_first(books: Books) -> None:
    put(books, 400_00, at=NOW - days(3), team_id=801)
    put(books, 450_00, at=NOW, team_id=801)
    put(books, 100_00, team_id=802)
    assert held(books) == [(("team", "801"), 450_00), (("team", "802"), 100_00)]
    assert held(books, as_of=(NOW - days(1)).date()) == [(("team", "801"), 400_00)]


def test_a_quota_that_was_removed_holds_no_more_and_both_stand_in_the_audit_log(books: Books) -> None:
    quota_id = put(books, owner_id=BO)
    quotas.remove_quota(books.database, books.viewer(), quota_id, by="Ops", now=NOW + days(1))
    assert held(books) == []
    assert held(books, as_of=NOW.date()) == [(("owner", str(BO)), 500_00)]
    entries = audit.list_entries(books.database, books.organization_id, subject="quota")
    assert [(one.before, (one.after or {}).get("amount_minor")) for one in entries] == [
        ({"amount_minor": 500_00}, None), (None, 500_00),
    ]  # fmt: skip
    with pytest.raises(LookupError):
        quotas.remove_quota(books.database, books.viewer(), quota_id, by="Ops", now=NOW)


def test_quotas_of_other_days_are_left_out(books: Books) -> None:
    put(books)
    assert held(books, first_day=date(2027, 1, 1)) == []
    assert held(books, last_day=date(2026, 9, 30)) == []
    assert len(held(books, first_day=date(2026, 12, 31), last_day=date(2027, 3, 31))) == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"amount_minor": 0}, "more than nothing"),
        ({"owner_id": BO, "team_id": 801}, "not of both"),
        ({"owner_id": 999}, "no such owner"),
    ],
)
def test_a_quota_that_makes_no_sense_is_refused(books: Books, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        put(books, **wrong)


def test_who_may_not_change_settings_sets_no_quota(books: Books) -> None:
    quota_id = put(books)
    for viewer in (books.viewer(Role.MANAGER, ANN), books.viewer(Role.REP, BO), books.viewer(Role.ANALYST)):
        with pytest.raises(PermissionError):
            put(books, viewer=viewer)
        with pytest.raises(PermissionError):
            quotas.remove_quota(books.database, viewer, quota_id, by="X", now=NOW)


def test_each_role_sees_its_own_quotas(books: Books, other_organization: int) -> None:
    for node in ({}, {"team_id": 801}, {"team_id": 802}, {"owner_id": BO}, {"owner_id": CY}):
        put(books, **node)
    assert len(held(books, books.viewer(Role.ANALYST))) == 5
    assert [node for node, _ in held(books, books.viewer(Role.MANAGER, ANN))] == [("team", "801"), ("owner", str(BO))]
    assert [node for node, _ in held(books, books.viewer(Role.REP, BO))] == [("owner", str(BO))]
    assert held(books, books.viewer(Role.REP)) == []
    assert held(books, Viewer(other_organization, Role.ADMIN)) == []


# --- calls ------------------------------------------------------------------------------------------------------------


def call(books: Books, viewer: Viewer, amount_minor: int = 300_00, **node: Any) -> int:
    plain = {"node_kind": "team", "node_key": "801", "today": NOW.date(), "currency": "EUR"}
    return forecast_calls.put_call(
        books.database, viewer, amount_minor=amount_minor, by="Ann", now=NOW,
        **(QUARTER | plain | node),  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_manager_calls_his_teams_and_their_owners_alone(books: Books) -> None:
    ann = books.viewer(Role.MANAGER, ANN)
    call(books, ann)
    call(books, ann, node_kind="owner", node_key=str(BO))
    for kind, key in (("team", "802"), ("owner", str(CY)), ("total", "")):
        assert not forecast_calls.may_call(books.database, ann, kind, key)
        with pytest.raises(PermissionError):
            call(books, ann, node_kind=kind, node_key=key)
    with pytest.raises(PermissionError):
        call(books, books.viewer(Role.REP, BO), node_kind="owner", node_key=str(BO))
    call(books, books.viewer(), node_kind="total", node_key="")


def test_a_later_call_stands_beside_the_earlier_one(books: Books) -> None:
    ann = books.viewer(Role.MANAGER, ANN)
    call(books, ann, 300_00)
    call(books, ann, 350_00)
    made = forecast_calls.calls(books.database, ann, node_kind="team", node_key="801", **QUARTER)
    assert [one.amount_minor for one in made] == [350_00, 300_00]


def test_a_call_is_about_what_is_to_come(books: Books) -> None:
    with pytest.raises(ValueError, match="over"):
        call(books, books.viewer(), today=date(2027, 1, 1))
    with pytest.raises(ValueError, match="less than nothing"):
        call(books, books.viewer(), -1)


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("team", "803"),
        ("team", "x"),
        ("team", ""),
        ("owner", "801"),
        ("owner", "9" * 20),
        ("owner", "²"),
        ("total", "1"),
    ],
)
def test_a_call_is_of_a_node_that_is_there(books: Books, kind: str, key: str) -> None:
    with pytest.raises(ValueError, match=r"no such|no key"):
        call(books, books.viewer(), node_kind=kind, node_key=key)


def test_a_call_about_somebody_of_another_organization_is_refused(books: Books, other_organization: int) -> None:
    Books(books.database, other_organization).put("owners", owner_id=790, name="Dee", content_hash=2)
    with pytest.raises(ValueError, match="no such owner"):
        call(books, books.viewer(), node_kind="owner", node_key="790")


def test_whoever_was_merged_into_another_gets_no_call_and_no_quota(books: Books) -> None:
    with books.database.as_app(books.organization_id) as connection:
        connection.execute(
            text("UPDATE owners SET gone_at = :at, gone_reason = 'merged' WHERE owner_id = :bo"), {"at": NOW, "bo": BO}
        )
    with pytest.raises(ValueError, match="no such owner"):
        call(books, books.viewer(), node_kind="owner", node_key=str(BO))
    with pytest.raises(ValueError, match="no such owner"):
        put(books, owner_id=BO)


def test_a_call_is_in_a_currency_that_the_organization_has(books: Books) -> None:
    for currency in ("ZZZ", "", "USD"):
        with pytest.raises(ValueError, match="not among"):
            call(books, books.viewer(), currency=currency)
    books.put("currency_rates", currency="USD", to_currency="EUR", day=NOW.date(), rate=0.9)
    call(books, books.viewer(), currency="USD")


def test_calls_are_seen_by_whom_they_concern(books: Books, other_organization: int) -> None:
    for kind, key in (("total", ""), ("team", "801"), ("owner", str(BO)), ("owner", str(CY))):
        call(books, books.viewer(), node_kind=kind, node_key=key)

    def seen(viewer: Viewer) -> set[str]:
        return {one.node_key for one in forecast_calls.calls(books.database, viewer)}

    assert seen(books.viewer(Role.ANALYST)) == {"", "801", str(BO), str(CY)}
    assert seen(books.viewer(Role.MANAGER, ANN)) == {"801", str(BO)}
    assert seen(books.viewer(Role.REP, CY)) == {str(CY)}
    assert seen(Viewer(other_organization, Role.ADMIN)) == set()


def test_calls_are_graded_once_and_never_changed(books: Books) -> None:
    call_id = call(books, books.viewer())
    over = forecast_calls.ungraded_calls(books.database, books.organization_id, over_by=date(2027, 1, 1))
    assert [one.call_id for one in over] == [call_id]
    assert forecast_calls.ungraded_calls(books.database, books.organization_id, over_by=date(2026, 12, 31)) == []
    assert forecast_calls.fill_in(books.database, books.organization_id, {call_id: 280_00}, now=NOW) == 1
    assert forecast_calls.fill_in(books.database, books.organization_id, {call_id: 1}, now=NOW) == 0
    (kept,) = forecast_calls.calls(books.database, books.viewer())
    assert kept.actual_minor == 280_00
    for table, column in (("forecast_calls", "amount_minor"), ("quotas", "amount_minor")):
        with (
            pytest.raises(DBAPIError, match="permission denied"),
            books.database.as_app(books.organization_id) as connection,
        ):
            connection.execute(text(f"UPDATE {table} SET {column} = 1"))
