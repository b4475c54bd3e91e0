"""How a rate of the funnel is said, the same on every page: with its n and its interval, and of few not at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from insights import funnel
from insights.funnel import Rate
from workbench import formats
from workbench.columns import Column, ColumnKind

TOO_FEW: Final = "too few to judge"
RULE: Final = (
    f"A rate is told of at least {funnel.ENOUGH}; of fewer it says “{TOO_FEW}”, and charts draw it hollow. In brackets "
    "is the interval that holds the true rate 19 times of 20 (Wilson)."
)


def interval(rate: Rate) -> str:
    """ "38–48 %", "too few to judge", or nothing where there is no rate."""
    if rate.interval is None:
        return ""
    if rate.is_few:
        return TOO_FEW
    low, high = rate.interval
    digits = 0 if high >= 0.1 else 1
    return f"{100 * low:.{digits}f}–{100 * high:.{digits}f}{formats.SPACE}%"


def short(rate: Rate) -> str:
    """Where the n stands beside it: "43.1 % (38–48 %)", "too few to judge", "–"."""
    if rate.value is None:
        return formats.MISSING
    return TOO_FEW if rate.is_few else f"{formats.rate(rate.value)} ({interval(rate)})"


def said(rate: Rate, of: str = "") -> str:
    """With its n: "43.1 % of 420 starts (38–48 %)", "1 of 2 starts, too few to judge", "no starts yet"."""
    if rate.value is None:
        return f"no {of} yet" if of else formats.MISSING
    n = f"{formats.count(rate.n)} {of}".rstrip()
    if rate.is_few:
        return f"{formats.count(rate.part)} of {n}, {TOO_FEW}"
    return f"{formats.rate(rate.value)} of {n} ({interval(rate)})"


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
