"""A rate of the funnel on a page and in a file, as `insights.rate_words` says it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from insights import funnel
from insights.funnel import Rate
from insights.rate_words import TOO_FEW, interval, said, short
from workbench.columns import Column, ColumnKind

__all__ = ["RULE", "TOO_FEW", "exported", "fields", "interval", "said", "short"]

RULE: Final = (
    f"A rate is told of at least {funnel.ENOUGH}; of fewer it says “{TOO_FEW}”, and charts draw it hollow. In brackets "
    "is the interval that holds the true rate 19 times of 20 (Wilson)."
)


def fields(name: str, rates: Sequence[Rate]) -> dict[str, list[float] | list[str]]:
    """Columns of a frame: the rate, its `_low` and `_high` (NaN: of few or of nothing), and `_said`, as of `short`."""
    nan = float("nan")
    told = [one if one.n and not one.is_few else None for one in rates]
    return {
        name: [nan if one is None or one.value is None else one.value for one in told],
        f"{name}_low": [nan if one is None or one.interval is None else one.interval[0] for one in told],
        f"{name}_high": [nan if one is None or one.interval is None else one.interval[1] for one in told],
        f"{name}_said": [short(one) for one in rates],
    }


def exported(name: str, title: str) -> tuple[Column, ...]:
    """The columns of `fields` in a file: the rate and its interval; empty where a page says that they are too few."""
    return tuple(
        Column(field=f"{name}{end}", title=f"{title}{more}", kind=ColumnKind.RATE)
        for end, more in (("", ""), ("_low", ", at least"), ("_high", ", at most"))
    )
