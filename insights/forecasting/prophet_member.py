"""Prophet among the members: slow and rarely the best on short pasts, but it knows holidays. Used where asked for."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd

from insights.forecasting.members import Ahead, Past, _Refitted, coming_days

RANDOM_STATE = 0


class ProphetMember(_Refitted):
    """holidays: `holiday` (its name) and `day`, past and coming ones; each counts for the step that holds it."""

    name = "Prophet"

    def __init__(self, holidays: pd.DataFrame | None = None) -> None:
        self.holidays = holidays

    def ahead(self, past: Past, horizon: int) -> Ahead:
        with _quiet():  # it tells of plotting libraries that nobody asked for
            from prophet import Prophet

        coming = coming_days(past.days, horizon)
        holidays = _on_steps(self.holidays, pd.DatetimeIndex(past.days.append(coming)))
        with _quiet(), _seeded():
            model = Prophet(interval_width=0.8, holidays=holidays)
            model.fit(pd.DataFrame({"ds": past.days, "y": past.values}))
            said = model.predict(pd.DataFrame({"ds": coming}))
        return Ahead(*(said[name].to_numpy(np.float64) for name in ("yhat", "yhat_lower", "yhat_upper")))


def holidays_of(country: str, first: int, last: int, *, subdivision: str | None = None) -> pd.DataFrame:
    """Public holidays from the year `first` to the year `last`: `holiday`, `day`. country: two letters, such as
    "DE". subdivision: such as "BY"."""
    import holidays

    found = holidays.country_holidays(country, subdiv=subdivision, years=range(first, last + 1))
    rows = sorted((pd.Timestamp(day), name) for day, name in found.items())
    return pd.DataFrame({"holiday": [name for _, name in rows], "day": [day for day, _ in rows]})


def _on_steps(holidays: pd.DataFrame | None, steps: pd.DatetimeIndex) -> pd.DataFrame | None:
    if holidays is None or holidays.empty:
        return None
    places = np.searchsorted(steps.to_numpy(), holidays["day"].to_numpy("datetime64[ns]"), side="right") - 1
    width = steps[-1] - steps[-2]
    is_inside = (places >= 0) & (holidays["day"] < steps[-1] + width).to_numpy()
    if not is_inside.any():
        return None
    found = pd.DataFrame({"holiday": holidays["holiday"][is_inside], "ds": steps[places[is_inside]]})
    return found.drop_duplicates().reset_index(drop=True)


@contextmanager
def _seeded() -> Iterator[None]:
    """Prophet draws its intervals from numpy's shared source of chance, which is put back afterwards."""
    before = np.random.get_state()
    np.random.seed(RANDOM_STATE)
    try:
        yield
    finally:
        np.random.set_state(before)


@contextmanager
def _quiet() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("cmdstanpy", "prophet", "prophet.plot")]
    levels = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for one, level in zip(loggers, levels, strict=True):
            one.setLevel(level)
