"""Who gets the credit for a conversion: first touch, last touch, linear, position-based, side by side.

Pure arithmetic: the credits of a conversion are fractions that add up to one, and its amount is split to the smallest
unit of its currency, so that every model's totals are the number of conversions and the amounts themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Final

import pandas as pd

ENDS: Final = Fraction(40, 100)
"""What the first and the last touch get each in the position-based model; those between share the rest."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """touches: what led to it, oldest first, at least one. amount_minor: None where it has none. name: of the deal."""

    touches: tuple[Hashable, ...]
    amount_minor: int | None = None
    currency: str | None = None
    name: str | None = None


@dataclass(slots=True)
class Credit:
    """What one origin gets. amounts: minor units per currency."""

    conversions: Fraction = Fraction(0)
    amounts: dict[str | None, int] = field(default_factory=lambda: defaultdict(int))


def first_touch(n: int) -> list[Fraction]:
    """All to the first of n touches."""
    return [Fraction(int(place == 0)) for place in range(n)]


def last_touch(n: int) -> list[Fraction]:
    """All to the last of n touches."""
    return [Fraction(int(place == n - 1)) for place in range(n)]


def linear(n: int) -> list[Fraction]:
    """The same to each of n touches."""
    return [Fraction(1, n)] * n


def position_based(n: int) -> list[Fraction]:
    """40 % to the first, 40 % to the last, the rest to those between; two share half and half."""
    if n <= 2:
        return linear(n)
    between = (1 - 2 * ENDS) / (n - 2)
    return [ENDS, *[between] * (n - 2), ENDS]


MODELS: Final[Mapping[str, tuple[str, Callable[[int], list[Fraction]]]]] = {
    "first": ("First touch", first_touch),
    "last": ("Last touch", last_touch),
    "linear": ("Linear", linear),
    "position": ("Position-based", position_based),
}
"""By key: its name, and the shares of n touches."""


def attribute(conversions: Sequence[Conversion], model: str) -> dict[Hashable, Credit]:
    """The credit of each origin. Raises ValueError for a conversion without a touch."""
    shares_of = MODELS[model][1]
    found: dict[Hashable, Credit] = defaultdict(Credit)
    for conversion in conversions:
        if not conversion.touches:
            raise ValueError("a conversion without a touch belongs to nobody")
        shares = shares_of(len(conversion.touches))
        for touch, share in zip(conversion.touches, shares, strict=True):
            found[touch].conversions += share
        if conversion.amount_minor is not None:
            for touch, part in zip(conversion.touches, split(conversion.amount_minor, shares), strict=True):
                found[touch].amounts[conversion.currency] += part
    return {touch: credit for touch, credit in found.items() if credit.conversions}


def split(amount_minor: int, shares: Sequence[Fraction]) -> list[int]:
    """The amount in whole units by these shares, which add up to one; the parts add up to the amount.

    The units that rounding down leaves go to the largest remainders, the earliest first (Hamilton's method).
    """
    exact = [amount_minor * share for share in shares]
    parts = [one.numerator // one.denominator for one in exact]
    left = amount_minor - sum(parts)
    by_remainder = sorted(range(len(parts)), key=lambda place: (parts[place] - exact[place], place))
    for place in by_remainder[:left]:
        parts[place] += 1
    return parts


def conversions(
    leads: pd.DataFrame, deals: pd.DataFrame, *, first: date | None, last: date, by: int
) -> list[Conversion]:
    """Deals that were won from `first` to `last` and came of leads, each with the touches that led to it.

    leads: JOURNEYS that count, with a column `path`: what the visitor came by, oldest first, as (Unix seconds or None,
    source, campaign). deals: LEAD_DEALS. by: the place in such a touch that gets the credit. A deal's touches are those
    of all leads of its contact that were received before it was created; one that several leads tell of counts once.
    """
    by_contact = dict(tuple(leads.dropna(subset=["contact_id"]).sort_values("received_at").groupby("contact_id")))
    won = deals[(deals["status"] == "won") & (deals["closed_day"] <= pd.Timestamp(last))]
    if first is not None:
        won = won[won["closed_day"] >= pd.Timestamp(first)]
    found = []
    for deal in won.to_dict("records"):
        known = by_contact.get(deal["contact_id"])
        before = known[known["received_at"] <= deal["created_at"]] if known is not None else leads.head(0)
        touches: dict[Hashable, tuple[Hashable, ...]] = {}
        for touch in (touch for path in before["path"] for touch in path):  # the same moment is the same touch
            touches.setdefault(touch if touch[0] is None else touch[0], touch)
        if touches:
            amount = None if pd.isna(deal["amount_minor"]) else int(deal["amount_minor"])
            found.append(
                Conversion(tuple(touch[by] for touch in touches.values()), amount, deal["currency"], deal["name"])
            )
    return found
