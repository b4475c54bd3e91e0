"""Days of a time zone for many instants at once, the same that PostgreSQL's `AT TIME ZONE` gives.

Instants and days are numbers as `snapshots.wire` counts them: microseconds and days since 2000, with both ends of time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from snapshots.wire import BEGINNING, FOREVER, NO_DAY, micros

LAST_DAY: Final = 2**31 - 1
"""infinity as a day."""
_DAY: Final = 86_400_000_000
_SECOND: Final = 1_000_000
_BEGAN: Final = datetime(2000, 1, 1, tzinfo=UTC)


def local_days(instants: np.ndarray, zone: ZoneInfo) -> np.ndarray:
    """The day of each instant in the zone, int64; NO_DAY and LAST_DAY for the ends of time."""
    is_finite = (instants != BEGINNING) & (instants != FOREVER)
    if not is_finite.any():
        return np.where(instants == FOREVER, LAST_DAY, NO_DAY)
    since, offsets = _offsets(zone, int(instants[is_finite].min()), int(instants[is_finite].max()))
    known = np.where(is_finite, instants, since[0])
    days = (known + offsets[np.searchsorted(since, known, side="right") - 1]) // _DAY
    return np.where(is_finite, days, np.where(instants == FOREVER, LAST_DAY, NO_DAY))


def _offsets(zone: ZoneInfo, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
    """From which instant on which offset from UTC holds."""
    years = range((_BEGAN + timedelta(microseconds=first)).year, (_BEGAN + timedelta(microseconds=last)).year + 1)
    changes = [one for year in years for one in _changes(zone, year)]
    return np.array([at for at, _ in changes], dtype=np.int64), np.array([one for _, one in changes], dtype=np.int64)


@lru_cache(maxsize=4096)
def _changes(zone: ZoneInfo, year: int) -> tuple[tuple[int, int], ...]:
    """Of one year of UTC: when it begins, and when the offset changes; each with the offset from then on."""
    begins = micros(datetime(year, 1, 1, tzinfo=UTC)) if year > 1 else micros(datetime(1, 1, 2, tzinfo=UTC)) - _DAY
    n_days = 366 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 365
    found = [(begins, _offset(zone, begins))]
    for day in range(n_days):
        low, high = begins + day * _DAY, min(begins + (day + 1) * _DAY, begins + n_days * _DAY - _SECOND)
        if _offset(zone, high) != found[-1][1]:
            while high - low > _SECOND:
                middle = (low + high) // (2 * _SECOND) * _SECOND
                low, high = (middle, high) if _offset(zone, middle) == found[-1][1] else (low, middle)
            found.append((high, _offset(zone, high)))
    return tuple(found)


def _offset(zone: ZoneInfo, instant: int) -> int:
    at = _BEGAN + timedelta(microseconds=instant)
    # The first and last day of the calendar have no neighbour to be moved to.
    offset = at.astimezone(zone).utcoffset() if 1 < at.year < 9999 else timedelta()
    assert offset is not None
    return int(offset / timedelta(microseconds=1))
