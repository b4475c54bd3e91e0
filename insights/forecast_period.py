"""What a stored forecast says of a period such as the quarter: the share of each step that is still to come.

Of a step counts what was not certain when it was issued, by its days that lie in the period and after the last known
day over its days that were left when it was issued. So parts add up to their whole wherever a period is cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
import pandas as pd

from insights.quota import still_coming

MOST_BEYOND: Final = 14
"""Days after the last step up to which it is carried on: thirteen weeks end some days before a quarter does."""
STEP_COLUMNS: Final = ("first_day", "last_day", "value", "low", "high", "won")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Days from `first` to `last`, both inclusive, as they stand at the end of `as_of`."""

    first: date
    last: date
    as_of: date

    @property
    def begins(self) -> date:
        """The first day of it that is not known yet."""
        return max(self.first, self.as_of + timedelta(days=1))

    @property
    def days_left(self) -> int:
        return max(0, (self.last - self.begins).days + 1)


def quarter_of(day: date, *, year_begins: int = 1) -> tuple[date, date]:
    """The first and last day of its quarter. year_begins: the month in which a year begins."""
    months = day.year * 12 + day.month - 1
    first = months - (day.month - year_begins) % 3
    following = date((first + 3) // 12, (first + 3) % 12 + 1, 1)
    return date(first // 12, first % 12 + 1, 1), following - timedelta(days=1)


def still_to_come(rows: pd.DataFrame, span: Span, *, made_on: date) -> pd.DataFrame:
    """rows: STEP_COLUMNS, of one node or of many. made_on: the day whose knowledge the forecast was made from.

    Returns them with `share` in [0, 1] and with `value`, `low` and `high` of what is still to come inside the span,
    never below 0; steps without a share are left out. Where the span ends up to MOST_BEYOND days after the last step,
    that step is carried on.
    """
    rows = _carried_on(rows, span)
    first, last = (rows[name].to_numpy("datetime64[D]") for name in ("first_day", "last_day"))
    day = np.timedelta64(1, "D")
    left = (last - np.maximum(first, np.datetime64(made_on) + day)) // day + 1
    inside = (np.minimum(last, np.datetime64(span.last)) - np.maximum(first, np.datetime64(span.begins))) // day + 1
    share = np.minimum(np.maximum(inside, 0) / np.maximum(left, 1), 1.0)
    value, low, high = (np.maximum(rows[name] - rows["won"], 0.0) for name in ("value", "low", "high"))
    # Of a part of the days the spread is a larger part: what one day brings says little of the next.
    down, up = (value - low) * np.sqrt(share), (high - value) * np.sqrt(share)
    coming = {"value": value * share, "low": np.maximum(value * share - down, 0.0), "high": value * share + up}
    found: pd.DataFrame = rows.assign(share=share, **coming)
    return found[found["share"] > 0].reset_index(drop=True)


def adding_up(
    rows: pd.DataFrame, span: Span, *, made_on: date, came: pd.DataFrame, correlation: float | None
) -> pd.DataFrame:
    """How a period adds up: from zero on the eve of it, what came up to each week's end and up to the as-of day, then
    what is forecast, which ends with the forecast of the whole period.

    rows: STEP_COLUMNS of one node, in order. came: `day`, `value`, of the period. correlation: as of
    `insights.quota.still_coming`. Returns `day`, `actual` (missing in what is to come), `value`, `low`, `high` (missing
    in what is over).
    """
    eve, known = pd.Timestamp(span.first) - pd.Timedelta(days=1), pd.Timestamp(min(span.as_of, span.last))
    ends = [one for one in pd.date_range(span.first, span.last, freq="W-SUN") if one < known]
    days = [eve, *ends, known] if known > eve else [eve]
    over = [float(came.loc[came["day"] <= day, "value"].sum()) for day in days]
    made: list[dict[str, object]] = [{"day": day, "actual": value} for day, value in zip(days, over, strict=True)]
    coming = still_to_come(rows, span, made_on=made_on)
    for n in range(1, len(coming) + 1):
        ahead = coming.head(n)
        whole = still_coming(*(ahead[name].to_list() for name in ("value", "low", "high")), correlation=correlation)
        last = min(pd.Timestamp(ahead["last_day"].iloc[-1]), pd.Timestamp(span.last))
        said = {"value": whole.value, "low": whole.low, "high": whole.high}
        made.append({"day": last, **{name: over[-1] + value for name, value in said.items()}})
    frame = pd.DataFrame(made).reindex(columns=["day", "actual", "value", "low", "high"])
    return frame.astype(dict.fromkeys(("actual", "value", "low", "high"), "float64"))


def _carried_on(rows: pd.DataFrame, span: Span) -> pd.DataFrame:
    if rows.empty:
        return rows
    end = pd.Timestamp(rows["last_day"].max())
    if not 0 < (pd.Timestamp(span.last) - end).days <= MOST_BEYOND:
        return rows
    last = rows[rows["last_day"] == end]
    length: pd.Timedelta = end - pd.Timestamp(last["first_day"].iloc[0]) + pd.Timedelta(days=1)
    more = [
        last.assign(first_day=last["first_day"] + n * length, last_day=last["last_day"] + n * length) for n in (1, 2)
    ]
    return pd.concat([rows, *more], ignore_index=True)


def covers(rows: pd.DataFrame, span: Span) -> bool:
    """Whether the steps of one node, the last one carried on, leave no day of the span out that is not known yet."""
    if not span.days_left:
        return True
    return bool(
        len(rows)
        and rows["first_day"].min() <= pd.Timestamp(span.begins)
        and rows["last_day"].max() + pd.Timedelta(days=MOST_BEYOND) >= pd.Timestamp(span.last)
    )
