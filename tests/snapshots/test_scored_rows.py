"""Pages of scored leads and deals: complete, in order, by rights, and their sums are those of their rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import made_leads
import pandas as pd
import pytest
from made_books import ANN, BO, CY, NOW, Books, days, due, issued
from sqlalchemy import text

from snapshots import scored_rows, scores
from snapshots.database import Database
from snapshots.reads import Reader
from snapshots.rows import RowsPage
from snapshots.scored_rows import ScoreFilter, deal_bands, lead_bands, scored_deals, scored_leads
from snapshots.slices import NOBODY, UNKNOWN, Role, Where


@pytest.fixture
def books(database: Database, organization: int) -> Books:
    made = Books(database, organization)
    made.owners()
    return made


LEADS: dict[int, tuple[float, str, dict[str, Any]]] = {
    1: (50.0, "warm", {"name": "Ada Lovelace", "email": "ada@x.example", "source": "Web"}),
    2: (69.6, "hot", {"name": "Bob", "company_name": "Acme 100%", "source": "Fair", "owner_id": BO}),
    3: (50.0, "warm", {"name": "Cem", "owner_id": CY, "created_at": NOW - days(2)}),
    4: (-7.0, "cold", {"name": "Dot", "owner_id": None, "created_at": None}),
    10: (50.0, "warm", {"name": "Eve", "created_at": NOW - days(30)}),
    11: (120.0, "hot", {"name": "Fay", "source": "Web", "created_at": NOW - days(2)}),
}


def _leads(books: Books) -> Books:
    for lead_id, (score, band, values) in LEADS.items():
        books.lead(lead_id, **values)
        books.issue(issued(lead_id, score, band=band))
    return books


def _ids(page: RowsPage) -> list[int]:
    return page.rows.iloc[:, 0].tolist()


def _walk(page_after: Callable[[Any], RowsPage]) -> list[int]:
    page = page_after(None)
    seen = _ids(page)
    while page.after is not None:
        page = page_after(page.after)
        assert not set(seen) & set(_ids(page)), "a row stands on two pages"
        seen += _ids(page)
    return seen


def test_a_row_shows_the_lead_and_the_score_that_holds(books: Books) -> None:
    books.lead(1, name="Ada", email="ada@x.example", company_name="Acme", source="Web", campaign="C", status="new")
    books.issue(issued(1, 40))
    books.issue(issued(1, 61.4), at=NOW + days(1), version=3)
    page = scored_leads(books.database, books.viewer())
    assert {name: str(kind) for name, kind in page.rows.dtypes.items()} == scored_rows.SCORED_LEADS
    (row,) = page.rows.to_dict("records")
    assert row == {
        "lead_id": 1, "name": "Ada", "email": "ada@x.example", "company_name": "Acme", "owner_id": ANN, "owner": "Ann",
        "source": "Web", "campaign": "C", "status": "new", "created_at": pd.Timestamp(NOW - days(10)), "score": 61.4,
        "probability": 0.25, "base_rate": 0.2, "band": "warm", "reasons": [*issued(1).reasons],
        "scored_at": pd.Timestamp(NOW + days(1)), "model_version": 3,
    }  # fmt: skip


def test_a_deal_shows_what_is_expected_of_it(books: Books) -> None:
    books.put("stages", stage_id=5, name="Offer", content_hash=2)
    books.put("companies", company_id=6, name="Acme", content_hash=2)
    books.deal(1, stage_id=5, company_id=6, close_on=due(5))
    said = {"close_early": due(3), "close_likely": due(9), "close_late": due(30), "expected_minor": 250}
    books.issue(issued(1, **said, currency="EUR"), subject="deal")
    page = scored_deals(books.database, books.viewer())
    assert {name: str(kind) for name, kind in page.rows.dtypes.items()} == scored_rows.SCORED_DEALS
    (row,) = page.rows.to_dict("records")
    assert (row["name"], row["stage"], row["company"], row["amount_minor"], row["currency"]) == (
        "Deal 1", "Offer", "Acme", 1000, "EUR"
    )  # fmt: skip
    assert {name: row[name] for name in said} == {
        name: pd.Timestamp(value) if name.startswith("close") else value for name, value in said.items()
    }


def test_an_expected_value_of_another_currency_is_not_shown_beside_the_amount(books: Books) -> None:
    books.deal(1, currency="USD")
    books.deal(2, amount_minor=None, currency=None)
    books.issue(*(issued(n, expected_minor=250, currency="EUR") for n in (1, 2)), subject="deal")
    assert scored_deals(books.database, books.viewer()).rows["expected_minor"].isna().all()


@pytest.mark.parametrize("sort", ["score", "created"])
@pytest.mark.parametrize("limit", [1, 2, 4, 6])
def test_pages_follow_one_another_in_order_without_a_gap_or_a_repetition(
    books: Books, sort: scored_rows.Sort, limit: int
) -> None:
    _leads(books)
    order = {"score": [11, 2, 3, 10, 1, 4], "created": [11, 3, 2, 1, 10, 4]}
    seen = _walk(lambda after: scored_leads(books.database, books.viewer(), sort=sort, after=after, limit=limit))
    assert seen == order[sort]


def test_pages_of_deals_do_too(books: Books) -> None:
    for n in range(1, 6):
        books.deal(n, ("open", NOW - days(n)))
        books.issue(issued(n, 50 + n % 2), subject="deal")
    for sort, order in {"score": [5, 3, 1, 4, 2], "created": [1, 2, 3, 4, 5]}.items():
        pages: Callable[[Any], RowsPage] = lambda after, by=sort: scored_deals(  # noqa: E731
            books.database, books.viewer(), sort=by, after=after, limit=2
        )
        assert _walk(pages) == order


def test_leads_that_are_gone_deals_that_are_not_open_and_what_has_no_score_are_left_out(books: Books) -> None:
    books.lead(1, gone_at=NOW)
    books.lead(2)
    books.lead(3)
    books.deal(4, ("open", NOW - days(3)), ("won", NOW - days(1)))
    books.deal(5)
    received = made_leads.put(books.database, books.organization_id)
    books.issue(issued(1), issued(2), issued(received))
    books.issue(issued(4), issued(5), subject="deal")
    assert _ids(scored_leads(books.database, books.viewer())) == [2]
    assert _ids(scored_deals(books.database, books.viewer())) == [5]
    scores.withdraw(books.database, books.organization_id, "lead", ["2"])
    assert _ids(scored_leads(books.database, books.viewer())) == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (ScoreFilter(bands=("hot",)), {2, 11}), (ScoreFilter(bands=("hot", "cold")), {2, 4, 11}),
        (ScoreFilter(owner_ids=(BO,)), {2}), (ScoreFilter(owner_ids=(NOBODY, CY)), {3, 4}),
        (ScoreFilter(team_ids=(801,)), {1, 2, 10, 11}), (ScoreFilter(sources=("Web",)), {1, 11}),
        (ScoreFilter(sources=(UNKNOWN,)), {3, 4, 10}), (ScoreFilter(least_score=70), {2, 11}),
        (ScoreFilter(least_score=71), {11}), (ScoreFilter(search="lovelace"), {1}),
        (ScoreFilter(search="ADA@x"), {1}), (ScoreFilter(search="acme"), {2}), (ScoreFilter(search="100%"), {2}),
        (ScoreFilter(search="%"), {2}), (ScoreFilter(search="_"), set()), (ScoreFilter(search=" \x00 "), set(LEADS)),
        (ScoreFilter(bands=("hot",), sources=("Web",)), {11}),
    ],
)  # fmt: skip
def test_filters_narrow_rows_and_sums_alike(books: Books, wanted: ScoreFilter, found: set[int]) -> None:
    _leads(books)
    assert set(_ids(scored_leads(books.database, books.viewer(), wanted=wanted))) == found
    assert lead_bands(books.database, books.viewer(), wanted=wanted)["n"].sum() == len(found)


def test_deals_are_found_by_name_company_and_source(books: Books) -> None:
    books.put("companies", company_id=6, name="Acme", content_hash=2)
    books.deal(1, company_id=6)
    books.deal(2, source="Web")
    books.issue(issued(1), issued(2), subject="deal")
    for wanted, found in (
        (ScoreFilter(search="acme"), [1]), (ScoreFilter(search="deal 2"), [2]), (ScoreFilter(sources=("Web",)), [2])
    ):  # fmt: skip
        assert _ids(scored_deals(books.database, books.viewer(), wanted=wanted)) == found
        assert deal_bands(books.database, books.viewer(), wanted=wanted)["n"].sum() == 1


@pytest.mark.parametrize(
    ("role", "owner_id", "sees"),
    [
        (Role.ADMIN, None, set(LEADS)), (Role.MANAGER, ANN, {1, 2, 10, 11}), (Role.MANAGER, CY, {3}),
        (Role.REP, BO, {2}), (Role.REP, None, set()), (Role.MANAGER, None, set()),
    ],
)  # fmt: skip
def test_a_rep_sees_own_rows_and_a_manager_those_of_his_teams(
    books: Books, role: Role, owner_id: int | None, sees: set[int]
) -> None:
    _leads(books)
    for deal_id, (_, _, values) in LEADS.items():
        books.deal(100 + deal_id, owner_id=values.get("owner_id", ANN))
        books.issue(issued(100 + deal_id), subject="deal")
    viewer = books.viewer(role, owner_id)
    assert set(_ids(scored_leads(books.database, viewer))) == sees
    assert {deal_id - 100 for deal_id in _ids(scored_deals(books.database, viewer))} == sees
    assert lead_bands(books.database, viewer)["n"].sum() == len(sees)
    assert deal_bands(books.database, viewer)["n"].sum() == len(sees)
    asked_for_others = ScoreFilter(owner_ids=(ANN, BO, CY, NOBODY))
    assert set(_ids(scored_leads(books.database, viewer, wanted=asked_for_others))) == sees


def test_sums_by_band_are_those_of_the_rows(books: Books) -> None:
    _leads(books)
    found = lead_bands(books.database, books.viewer())
    assert {name: str(kind) for name, kind in found.dtypes.items()} == scored_rows.LEAD_BANDS
    assert found.values.tolist() == [["cold", 1, 1, 0.25], ["hot", 2, 2, 0.5], ["warm", 3, 3, 0.75]]


def test_sums_of_deals_never_mix_currencies_and_tell_how_many_have_none(books: Books) -> None:
    for n, (amount, currency) in enumerate([(1000, "EUR"), (500, "EUR"), (300, "USD"), (None, None)], start=1):
        books.deal(n, amount_minor=amount, currency=currency)
        expected = amount // 4 if amount else None
        books.issue(issued(n, expected_minor=expected, currency=currency), subject="deal")
    found = deal_bands(books.database, books.viewer())
    assert {name: str(kind) for name, kind in found.dtypes.items()} == scored_rows.DEAL_BANDS
    assert found.drop(columns="band").values.tolist() == [
        ["EUR", 2, 2, 1500, 2, 375, 2, 0.5], ["USD", 1, 1, 300, 1, 75, 1, 0.25], [None, 1, 0, 0, 0, 0, 1, 0.25]
    ]  # fmt: skip


def test_points_by_rule_are_expected_to_come_to_nothing_certain(books: Books) -> None:
    books.lead(1)
    books.issue(issued(1, probability=None), version=None)
    assert lead_bands(books.database, books.viewer()).values.tolist() == [["warm", 1, 0, 0.0]]


def test_an_outsider_sees_no_row_and_no_sum(books: Books, other_organization: int) -> None:
    _leads(books)
    books.deal(1)
    books.issue(issued(1), subject="deal")
    outsider = Books(books.database, other_organization).viewer()
    for read in (scored_leads, scored_deals):
        assert _ids(read(books.database, outsider)) == []
    for sums in (lead_bands, deal_bands):
        assert len(sums(books.database, outsider)) == 0


def test_pages_by_score_are_read_from_the_index_in_its_order(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are: no page sorts or scans them all."""
    with books.database.as_owner() as connection:
        known = {"organization": books.organization_id}
        connection.execute(
            text(
                "INSERT INTO leads (organization_id, lead_id, content_hash, converted) "
                "SELECT :organization, n, 2, false FROM generate_series(1, 5000) n"
            ),
            known,
        )
        connection.execute(
            text(
                "INSERT INTO scores (organization_id, subject, entity_key, scored_at, score, log_odds, band, reasons, "
                "due_on, is_current) SELECT :organization, 'lead', n::text, now(), n % 100, 0, 'warm', '[]', "
                "CURRENT_DATE, true FROM generate_series(1, 5000) n"
            ),
            known,
        )
        connection.execute(text("ANALYZE leads, scores"))
    asked: list[tuple[str, dict[str, object]]] = []
    read = Reader.rows

    def note(reader: Reader, query: str, where: Where) -> list[Any]:
        asked.append((query, where.parameters))
        return read(reader, query, where)

    monkeypatch.setattr(Reader, "rows", note)
    first = scored_leads(books.database, books.viewer())
    scored_leads(books.database, books.viewer(), after=first.after)
    with books.database.as_app(books.organization_id) as connection:
        for query, parameters in asked:
            plan = "\n".join(connection.execute(text(f"EXPLAIN {query}"), parameters).scalars())
            assert "Index Scan Backward using ix_scores_current" in plan
            assert "Sort" not in plan
            assert "Seq Scan on scores" not in plan
    assert len(asked) == 2
