"""Credits of every model add up to the conversions and, to the smallest unit, to the amounts."""

from __future__ import annotations

from collections import Counter
from datetime import date
from fractions import Fraction

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insights.attribution import MODELS, Conversion, attribute, conversions, split

TOUCHES = st.lists(st.sampled_from(("google", "news", "direct", "")), min_size=1, max_size=8).map(tuple)
CONVERSIONS = st.lists(
    st.builds(
        Conversion,
        touches=TOUCHES,
        amount_minor=st.none() | st.integers(-(10**9), 10**12),
        currency=st.sampled_from(("EUR", "USD", "JPY", None)),
    ),
    max_size=12,
)


@pytest.mark.parametrize("model", MODELS)
@given(found=CONVERSIONS)
def test_the_credits_add_up_to_the_conversions_and_the_amounts(model: str, found: list[Conversion]) -> None:
    credits_ = attribute(found, model)
    assert sum((one.conversions for one in credits_.values()), Fraction(0)) == len(found)
    given_, got = Counter[str | None](), Counter[str | None]()
    for one in found:
        if one.amount_minor is not None:
            given_[one.currency] += one.amount_minor
    for credit in credits_.values():
        got.update(credit.amounts)
    assert {key: n for key, n in got.items() if n} == {key: n for key, n in given_.items() if n}


@given(st.integers(-(10**9), 10**12), st.integers(1, 8), st.sampled_from(sorted(MODELS)))
def test_a_part_is_less_than_a_unit_away_from_its_share(amount: int, n: int, model: str) -> None:
    shares = MODELS[model][1](n)
    parts = split(amount, shares)
    assert sum(parts) == amount
    assert all(abs(part - amount * share) < 1 for part, share in zip(parts, shares, strict=True))


SHARES = {
    "first": [1, 0, 0, 0],
    "last": [0, 0, 0, 1],
    "linear": [Fraction(1, 4)] * 4,
    "position": [Fraction(2, 5), Fraction(1, 10), Fraction(1, 10), Fraction(2, 5)],
}


@pytest.mark.parametrize("model", SHARES)
def test_four_touches_share_as_the_model_says(model: str) -> None:
    assert MODELS[model][1](4) == SHARES[model]


def test_a_touch_that_comes_twice_gets_both_shares() -> None:
    credits_ = attribute([Conversion(("google", "news", "google"), 100, "EUR")], "position")
    assert credits_["google"].conversions == Fraction(4, 5)
    assert credits_["google"].amounts == {"EUR": 80}


def test_a_conversion_without_a_touch_is_refused() -> None:
    with pytest.raises(ValueError, match="belongs to nobody"):
        attribute([Conversion(())], "first")


def test_what_led_to_a_deal_is_what_came_before_it_once() -> None:
    at = pd.to_datetime(["2024-06-01", "2024-06-03", "2024-06-09"], utc=True)
    google, news = (1, "google", "Brand"), (2, "news", "")
    leads = pd.DataFrame(
        {"contact_id": pd.array([7, 7, 7], dtype="Int64"), "received_at": at,
         "path": [(google,), ((1, "the same, said otherwise", ""), news), ((3, "late", ""),)]}
    )  # fmt: skip
    deals = pd.DataFrame(
        {"deal_id": [1, 2], "name": ["Big", "Small"], "contact_id": [7, 7], "status": ["won", "lost"],
         "created_at": pd.to_datetime(["2024-06-05", "2024-06-05"], utc=True),
         "closed_day": pd.to_datetime(["2024-06-20", "2024-06-20"]),
         "amount_minor": pd.array([500, 700], dtype="Int64"), "currency": ["EUR", "EUR"]}
    )  # fmt: skip
    found = conversions(leads, deals, first=date(2024, 6, 1), last=date(2024, 6, 30), by=1)
    assert found == [Conversion(("google", "news"), 500, "EUR", "Big")]
    assert conversions(leads, deals, first=date(2024, 6, 21), last=date(2024, 6, 30), by=1) == []
