"""What leads cost: paid amounts spread over their days, per lead, per deal, and what came back."""

from __future__ import annotations

from datetime import date

import pandas as pd

from insights.money import Money, converted, totals


def spent(
    costs: pd.DataFrame, *, kind: str, first: date | None, last: date, rates: pd.DataFrame, to_currency: str | None
) -> dict[str, tuple[Money, ...]]:
    """What was paid for each source or campaign in these days, per currency.

    costs: COSTS. An amount belongs to its days in equal parts; of one that reaches beyond the days asked for, the share
    of the days inside counts, rounded to the smallest unit. Converted by the rate of its first day, where there is one.
    """
    mine = costs[costs["kind"] == kind]
    begin, end = mine["first_day"], mine["last_day"].mask(mine["last_day"] > pd.Timestamp(last), pd.Timestamp(last))
    if first is not None:
        begin = begin.mask(begin < pd.Timestamp(first), pd.Timestamp(first))
    inside = (end - begin).dt.days + 1
    whole = (mine["last_day"] - mine["first_day"]).dt.days + 1
    share = (inside.clip(lower=0) / whole).astype("float64")
    counted = mine.assign(amount_minor=(mine["amount_minor"] * share).round().astype("int64"))[inside > 0]
    held = converted(counted, rates, to_currency, days=counted["first_day"])
    return {str(name): totals(group) for name, group in held.groupby("name")}


def each(paid: tuple[Money, ...], n: int) -> tuple[Money, ...]:
    """The cost of one of n, per currency; nothing where there are none."""
    return tuple(Money(one.currency, round(one.minor / n)) for one in paid) if n else ()


def returned(paid: tuple[Money, ...], won: tuple[Money, ...]) -> float | None:
    """What was won for one that was paid; None where they are not in one and the same currency, or nothing was paid."""
    if len(paid) != 1 or paid[0].minor == 0 or any(one.currency != paid[0].currency for one in won):
        return None
    return sum(one.minor for one in won) / paid[0].minor
