"""Which share of its working days a week had for whom: Monday to Friday, without public holidays and absences."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

WORKING_DAYS: Final = 5


@dataclass(frozen=True, slots=True)
class Away:
    """series None: everybody. Both days are inclusive."""

    series: str | None
    first: date
    last: date


def worked_shares(series: Collection[str], weeks: pd.DatetimeIndex, away: Iterable[Away]) -> pd.DataFrame:
    """`series`, `day`, `share` in [0, 1] of the weeks that some working day of is missing. weeks: their Mondays."""
    if not len(weeks):
        return pd.DataFrame({"series": [], "day": [], "share": []})
    first = weeks[0].date()
    place = {name: row for row, name in enumerate(series)}
    is_off = np.zeros((len(place), len(weeks), WORKING_DAYS), np.bool_)
    for one in away:
        rows = slice(None) if one.series is None else place.get(one.series)
        if rows is None:
            continue
        for number in range(max((one.first - first).days, 0), min((one.last - first).days, 7 * len(weeks) - 1) + 1):
            if number % 7 < WORKING_DAYS:
                is_off[rows, number // 7, number % 7] = True
    share = 1 - is_off.mean(axis=2)
    at = np.nonzero(share < 1)
    names = np.array(list(place), dtype=object)
    return pd.DataFrame({"series": names[at[0]], "day": weeks.take(at[1]), "share": share[at]})


class UnknownCountry(ValueError):
    """No holidays are known of it; the message says which are."""


def public_holidays(country: str, subdivision: str | None, first: date, last: date) -> Mapping[date, str]:
    """Days between the two with their names, in English where there is one. country: ISO 3166-1, of two letters. Raises
    UnknownCountry."""
    import holidays

    try:
        found: Any = holidays.country_holidays(
            country, subdiv=subdivision or None, years=range(first.year, last.year + 1), language="en_US"
        )
    except NotImplementedError as why:
        place = f"{country}-{subdivision}" if subdivision else country
        raise UnknownCountry(f"No public holidays of {place!r} are known.") from why
    return {day: name for day, name in sorted(found.items()) if first <= day <= last}


def countries() -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """Those whose holidays are known, by their two letters: name and subdivisions."""
    import holidays
    from holidays.registry import COUNTRIES

    names = {one[1]: re.sub(r"(?<=[a-z])(?=[A-Z])", " ", one[0]) for one in COUNTRIES.values()}
    known = holidays.list_supported_countries()
    return {code: (name, tuple(known[code])) for code, name in sorted(names.items()) if code in known}


def as_away(days: Iterable[date]) -> list[Away]:
    """Days on which nobody works."""
    return [Away(None, day, day) for day in days]


def last_whole_week(day: date) -> date:
    """The Monday of the last week that was over before `day` began."""
    return day - timedelta(days=day.weekday() + 7)
