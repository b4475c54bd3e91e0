"""Amounts in several currencies: converted where the organization entered a rate, standing apart where it did not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from snapshots.tables import decimals


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the smallest unit of its currency; currency None: the CRM gives none."""

    currency: str | None
    minor: int

    @property
    def major(self) -> float:
        return self.minor / float(10 ** decimals(self.currency))


def converted(
    frame: pd.DataFrame, rates: pd.DataFrame, to_currency: str | None, *, days: pd.Series | date
) -> pd.DataFrame:
    """The frame with `amount_minor` in `to_currency` wherever a rate is known; other rows keep their own currency.

    frame: columns currency and amount_minor (integers); not modified. rates: columns of `tables.RATES`.
    days: the day whose rate counts, per row (aligned with `frame`) or one for all; the rate used is the newest one
    entered for that day or before. Undated rows keep their currency. `to_currency` None converts nothing.
    """
    if to_currency is None or frame.empty:
        return frame.copy()
    out = frame.copy()
    when = pd.Series(pd.Timestamp(days), index=out.index) if isinstance(days, date) else _as_days(days)
    for currency, of_currency in rates[rates.to_currency == to_currency].groupby("currency"):
        rows = out.index[(out.currency == currency) & when.notna()]
        known = of_currency.sort_values("day")
        place = known.day.searchsorted(when[rows], side="right") - 1
        has_rate = place >= 0
        rows = rows[has_rate]
        scale = 10.0 ** (decimals(to_currency) - decimals(str(currency)))
        factors = known.rate.to_numpy()[place[has_rate]] * scale
        out.loc[rows, "amount_minor"] = (
            (out.loc[rows, "amount_minor"].astype("float64") * factors).round().astype("int64")
        )
        out.loc[rows, "currency"] = to_currency
    return out


def _as_days(days: pd.Series) -> pd.Series:
    # Days as they are need no parsing, which looks at each of a million.
    return days if pd.api.types.is_datetime64_any_dtype(days) else pd.to_datetime(days)


def totals(frame: pd.DataFrame) -> tuple[Money, ...]:
    """The sum per currency, the largest first; rows without a currency that add up to nothing are left out."""
    # Pages ask for dozens of sums of a few rows each, for which a groupby of pandas takes five times as long.
    place, currencies = pd.factorize(frame["currency"], use_na_sentinel=False)
    sums = np.zeros(len(currencies), dtype=np.int64)
    np.add.at(sums, place, frame["amount_minor"].fillna(0).to_numpy(dtype=np.int64))
    found = [Money(currency if isinstance(currency, str) else None, int(minor))
             for currency, minor in zip(currencies, sums, strict=True)]  # fmt: skip
    return tuple(
        sorted((one for one in found if one.currency or one.minor), key=lambda one: (-one.minor, one.currency or ""))
    )
