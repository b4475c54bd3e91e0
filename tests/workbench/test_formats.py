"""How numbers, money and dates are written."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import formats

NOW = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NaT, pd.NA])
@pytest.mark.parametrize(
    "write",
    [
        formats.short, formats.count, formats.number, formats.rate, formats.days, formats.day, formats.clock,
        formats.duration,
        lambda value: formats.money_short(value, "EUR"), lambda value: formats.money_full(value, "EUR"),
    ],
)  # fmt: skip
def test_missing_is_a_dash_and_never_zero(write, missing: object) -> None:
    assert write(missing) == "–"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (940, "940"), (999.4, "999"), (999.6, "1k"), (1_000, "1k"), (5_800, "5.8k"), (412_300, "412k"),
        (999_499, "999k"), (999_500, "1M"), (1_240_000, "1.24M"), (12_345_678, "12.3M"), (2_500_000_000, "2.5B"),
        (999_600_000_000, "1T"), (34_277_000_000_000, "34.3T"), (4_300_000_000_000_000, "4,300T"),
        (-5_800, "−5.8k"), (7.5, "7.5"), (0.004, "0"),
    ],
)  # fmt: skip
def test_large_numbers_have_three_digits(value: float, text: str) -> None:
    assert formats.short(value) == text


@given(st.floats(-1e11, 1e11).filter(lambda value: abs(value) >= 1))
def test_a_short_number_is_within_half_a_percent_and_short(value: float) -> None:
    text = formats.short(value)
    steps = {"k": 1e3, "M": 1e6, "B": 1e9}
    size = float(text.replace("−", "-").rstrip("kMB")) * steps.get(text[-1], 1)
    assert size == pytest.approx(value, rel=0.0051)
    assert len(text.lstrip("−")) <= 5
    assert not text.lstrip("−").startswith("1000")


@given(st.integers(-(10**13), 10**13), st.sampled_from(["EUR", "USD", "JPY", "KWD", None]))
def test_money_in_full_loses_no_unit(minor: int, currency: str | None) -> None:
    text = formats.money_full(minor, currency)
    digits = text.replace("−", "-").replace(formats.symbol(currency), "").replace(",", "")
    assert float(digits) == pytest.approx(formats.major(minor, currency), abs=1e-6, rel=1e-12)


def test_money_has_its_currencys_own_decimals_and_sign() -> None:
    assert formats.money_full(124_050_050, "EUR") == "€1,240,500.50"
    assert formats.money_full(124_050_000, "EUR") == "€1,240,500"
    assert formats.money_full(1_240, "JPY") == "¥1,240"
    assert formats.money_full(1_500, "KWD") == "KWD\u202f1.500"
    assert formats.money_full(-940_00, "EUR") == "−€940"
    assert formats.money_short(124_000_000, None) == "1.24M"
    assert formats.money_short(-124_000_000, "USD") == "−$1.24M"


def test_currencies_stand_apart_the_largest_first() -> None:
    amounts = [("EUR", 100_00), ("USD", None), ("JPY", 50_000), (None, 1_00)]
    assert formats.money_parts(amounts) == ["¥50k", "€100", "1"]
    assert formats.money_line(amounts) == "¥50k + €100 + 1"
    assert formats.money_line([]) == "–"


def test_rates_days_and_counts() -> None:
    assert formats.rate(0.2941) == "29.4\u00a0%"
    assert formats.rate(651_426.667) == "65,142,666.7\u00a0%"
    assert formats.rate(-0.001) == "−0.1\u00a0%"
    assert formats.days(3.5) == "3.5\u00a0d"
    assert formats.days(41.4) == "41\u00a0d"
    assert formats.count(12_431) == "12,431"
    assert formats.count(-3) == "−3"
    assert formats.number(12.34) == "12.3"
    assert formats.plural(1, "person", "people") == "1 person"
    assert formats.plural(1_200, "deal") == "1,200 deals"


def test_days_and_ranges_are_in_words() -> None:
    assert formats.day(date(2026, 11, 23)) == "23 Nov 2026"
    assert formats.day_range(date(2026, 10, 1), date(2026, 11, 23)) == "1 Oct – 23 Nov 2026"
    assert formats.day_range(date(2025, 12, 30), date(2026, 1, 2)) == "30 Dec 2025 – 2 Jan 2026"
    assert formats.day_range(date(2026, 1, 2), date(2026, 1, 2)) == "2 Jan 2026"
    assert formats.clock(NOW) == "23 Nov 2026, 14:02"


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=3), "just now"), (timedelta(minutes=12), "12 min ago"), (timedelta(hours=5), "5 h ago"),
        (timedelta(hours=47), "47 h ago"), (timedelta(days=9), "9 days old"),
    ],
)  # fmt: skip
def test_ages_turn_from_minutes_to_days(ago: timedelta, text: str) -> None:
    assert formats.age(NOW - ago, now=NOW) == text


def test_what_never_happened_has_no_age() -> None:
    assert formats.age(None, now=NOW) == "never"
    assert formats.duration(3 * 3600 + 65) == "3 h 1 min"
    assert formats.duration(190) == "3 min 10 s"
