"""Amounts are whole minor units, converted by the rate of their day or left in their own currency, never lost."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_frames import frame

from insights.money import Money, converted, totals
from snapshots import tables

DAY = date(2026, 3, 2)
CURRENCIES = ("EUR", "USD", "JPY", "KWD", None)
"""With two, two, none and three decimals, and amounts without a currency."""
AMOUNTS = st.integers(-(10**12), 10**12)
DAYS = st.one_of(st.none(), st.integers(0, 40).map(lambda n: DAY + timedelta(days=n)))
ROWS = st.lists(st.tuples(st.sampled_from(CURRENCIES), AMOUNTS, DAYS), max_size=12)
RATES = st.dictionaries(
    st.tuples(st.sampled_from(["USD", "JPY", "KWD"]), st.sampled_from(["EUR", "USD", "JPY"]), st.integers(0, 40)),
    st.decimals("0.0001", "500", places=4),
    max_size=8,
)


def rates(*given: tuple[str, str, date, float]) -> pd.DataFrame:
    return frame(tables.RATES, [dict(zip(tables.RATES, one, strict=True)) for one in given])


def amounts(*given: tuple[str | None, int]) -> pd.DataFrame:
    rows = pd.DataFrame.from_records(given, columns=["currency", "amount_minor"])
    return rows.astype({"currency": "object", "amount_minor": "int64"})


def pairs(rows: pd.DataFrame) -> list[tuple[str | None, int]]:
    return [
        (one if isinstance(one, str) else None, int(minor))
        for one, minor in zip(rows.currency, rows.amount_minor, strict=True)
    ]


@pytest.mark.parametrize(
    ("currency", "minor", "to", "rate", "expected"),
    [
        ("USD", 10_00, "EUR", 0.92, 9_20),
        ("JPY", 10_000, "EUR", 0.0061, 61_00),
        ("EUR", 61_00, "JPY", 163.93, 10_000),
        ("KWD", 10_000, "EUR", 3.0, 30_00),
        ("EUR", 30_00, "KWD", 0.333, 9_990),
        ("KWD", 1_500, "JPY", 500.0, 750),
    ],
)
def test_currencies_with_none_two_or_three_decimals_are_converted_as_their_main_units(
    currency: str, minor: int, to: str, rate: float, expected: int
) -> None:
    found = converted(amounts((currency, minor)), rates((currency, to, DAY, rate)), to, days=DAY)
    assert pairs(found) == [(to, expected)]


@pytest.mark.parametrize(
    ("currency", "minor", "major"), [("EUR", 12_34, 12.34), ("JPY", 12, 12.0), ("KWD", 1_234, 1.234)]
)
def test_an_amount_is_shown_with_the_decimals_of_its_currency(currency: str, minor: int, major: float) -> None:
    assert Money(currency, minor).major == major


def test_without_a_rate_an_amount_keeps_its_own_currency() -> None:
    found = converted(amounts(("USD", 10_00), ("GBP", 5_00)), rates(("USD", "EUR", DAY, 0.5)), "EUR", days=DAY)
    assert pairs(found) == [("EUR", 5_00), ("GBP", 5_00)]


def test_the_newest_rate_entered_for_that_day_or_before_counts() -> None:
    known = rates(("USD", "EUR", DAY + timedelta(days=10), 0.5), ("USD", "EUR", DAY, 0.9))
    days = pd.Series([DAY - timedelta(days=1), DAY, DAY + timedelta(days=9), DAY + timedelta(days=10), None])
    found = converted(amounts(*[("USD", 10_00)] * 5), known, "EUR", days=days)
    assert pairs(found) == [("USD", 10_00), ("EUR", 9_00), ("EUR", 9_00), ("EUR", 5_00), ("USD", 10_00)]


def test_a_rate_to_another_currency_converts_nothing() -> None:
    assert pairs(converted(amounts(("USD", 10_00)), rates(("USD", "GBP", DAY, 0.8)), "EUR", days=DAY)) == [
        ("USD", 10_00)
    ]


def test_without_a_reporting_currency_nothing_is_converted() -> None:
    assert pairs(converted(amounts(("USD", 10_00)), rates(("USD", "EUR", DAY, 0.8)), None, days=DAY)) == [
        ("USD", 10_00)
    ]


def test_an_amount_without_a_currency_is_never_taken_for_another() -> None:
    known = rates(("USD", "EUR", DAY, 0.5))
    assert pairs(converted(amounts((None, 7_00)), known, "EUR", days=DAY)) == [(None, 7_00)]


def test_no_rows_give_no_rows_and_no_totals() -> None:
    nothing = converted(amounts(), rates(("USD", "EUR", DAY, 0.5)), "EUR", days=pd.Series([], dtype="datetime64[ns]"))
    assert list(nothing.columns) == ["currency", "amount_minor"]
    assert totals(nothing) == ()


def test_totals_stand_per_currency_the_largest_first() -> None:
    given = amounts(("USD", 10), ("EUR", 5), ("USD", 3), ("EUR", 90), (None, 2))
    assert totals(given) == (Money("EUR", 95), Money("USD", 13), Money(None, 2))


def test_rows_without_a_currency_that_add_up_to_nothing_are_no_total_of_their_own() -> None:
    assert totals(amounts((None, 0), ("EUR", 1))) == (Money("EUR", 1),)


def test_a_currency_whose_amounts_add_up_to_nothing_still_stands_there() -> None:
    assert totals(amounts(("EUR", 0))) == (Money("EUR", 0),)


@given(ROWS)
def test_the_sum_of_the_parts_is_the_total_of_each_currency(rows: list[tuple[str | None, int, date | None]]) -> None:
    expected: dict[str | None, int] = defaultdict(int)
    for currency, minor, _ in rows:
        expected[currency] += minor
    found = {one.currency: one.minor for one in totals(amounts(*[row[:2] for row in rows]))}
    assert found == {key: sum_ for key, sum_ in expected.items() if key or sum_}


@given(ROWS, RATES, st.sampled_from(["EUR", "USD", "JPY", None]))
def test_each_amount_is_converted_by_the_rate_of_its_day_or_left_alone(
    rows: list[tuple[str | None, int, date | None]],
    entered: dict[tuple[str, str, int], Decimal],
    to_currency: str | None,
) -> None:
    known = rates(*[(a, b, DAY + timedelta(days=n), float(rate)) for (a, b, n), rate in entered.items() if a != b])
    given = amounts(*[row[:2] for row in rows])
    days = pd.Series([row[2] for row in rows], dtype="datetime64[ns]")
    before = given.copy(deep=True)
    found = converted(given, known, to_currency, days=days)
    assert found.amount_minor.dtype == "int64"
    pd.testing.assert_frame_equal(given, before)
    for (currency, minor, day), (shown, shown_minor) in zip(rows, pairs(found), strict=True):
        rate = _rate(entered, currency, to_currency, day)
        if rate is None:
            assert (shown, shown_minor) == (currency, minor)
        else:
            exact = _exact(minor, currency, to_currency, rate)
            assert shown == to_currency
            assert abs(shown_minor - exact) <= 1 + abs(exact) * Decimal("1e-14")


@given(st.lists(st.tuples(st.sampled_from(["EUR", "USD", "KWD"]), AMOUNTS), min_size=1, max_size=12))
def test_converted_parts_add_up_to_the_converted_total_but_for_rounding(rows: list[tuple[str, int]]) -> None:
    known = rates(("USD", "EUR", DAY, 0.9137), ("KWD", "EUR", DAY, 3.0211))
    parts = totals(converted(amounts(*rows), known, "EUR", days=DAY))
    whole = totals(
        converted(amounts(*[(one.currency, one.minor) for one in totals(amounts(*rows))]), known, "EUR", days=DAY)
    )
    assert [one.currency for one in parts] == [one.currency for one in whole] == ["EUR"]
    assert abs(parts[0].minor - whole[0].minor) <= len(rows)


def test_a_rate_there_and_back_returns_the_amount_but_for_rounding() -> None:
    known = rates(("USD", "EUR", DAY, 0.8), ("EUR", "USD", DAY, 1.25))
    there = converted(amounts(("USD", 123_45)), known, "EUR", days=DAY)
    assert pairs(converted(there, known, "USD", days=DAY)) == [("USD", 123_45)]


def _rate(
    entered: dict[tuple[str, str, int], Decimal], currency: str | None, to_currency: str | None, day: date | None
) -> Decimal | None:
    if day is None or currency is None or to_currency is None or currency == to_currency:
        return None
    days = [n for a, b, n in entered if (a, b) == (currency, to_currency) and DAY + timedelta(days=n) <= day]
    return entered[currency, to_currency, max(days)] if days else None


def _exact(minor: int, currency: str | None, to_currency: str | None, rate: Decimal) -> Decimal:
    major = Decimal(minor).scaleb(-tables.decimals(currency)) * rate
    return major.scaleb(tables.decimals(to_currency)).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
