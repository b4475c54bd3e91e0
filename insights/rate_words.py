"""How a rate is said, the same on every page and in reports: with its interval, and of few not at all."""

from __future__ import annotations

from typing import Final

from insights import formats
from insights.funnel import Rate

TOO_FEW: Final = "too few to judge"


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
