"""What a measured value, its change and its earlier value look like in text, on cards and in reports alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from insights import formats
from insights.metrics import Change, Kpi
from insights.money import Money

FROM_0: Final = "from 0"
"""The change of what was nothing before: it has no share."""


def values(kpi: Kpi) -> list[str]:
    """Its value; of money one text per currency, the largest first. Never empty: what is not known is "–"."""
    match kpi.metric.unit:
        case "money":
            return money_parts(kpi.money) or ["0" if kpi.value == 0 else formats.MISSING]
        case "count":
            return [_count(kpi.value)]
        case "rate":
            return [formats.rate(kpi.value)]
        case _:
            return [formats.days(kpi.value)]


def money_parts(money: Sequence[Money]) -> list[str]:
    """One text per currency, as they were ordered."""
    return [formats.money_short(one.minor, one.currency) for one in money]


def plain(kpi: Kpi, value: float) -> str:
    """Another value of the same metric, such as the earlier one, in the same unit."""
    match kpi.metric.unit:
        case "rate":
            return formats.rate(value)
        case "days":
            return formats.days(value)
        case "money":
            return f"{formats.symbol(kpi.money[0].currency if kpi.money else None)}{formats.short(value)}"
        case _:
            return _count(value)


def change(found: Change | None, unit: str) -> str | None:
    """How much it changed, without a sign; None where nothing can be said."""
    if found is None:
        return None
    if unit == "rate":
        return f"{abs(found.absolute) * 100:.1f} pt"
    if unit == "days":
        return f"{abs(found.absolute):.0f} d"
    if found.relative is None:
        return None if found.absolute == 0 else FROM_0
    share = abs(found.relative) * 100
    return f"{share:.1f} %" if share < 100 else f"{share:,.0f} %"


def _count(value: float | None) -> str:
    is_small = value is not None and abs(value) < 100_000
    return formats.count(value) if is_small else formats.short(value)
