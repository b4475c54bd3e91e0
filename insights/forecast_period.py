"""What a stored forecast says of a period such as the quarter: the share of each step that is still to come.

Of a step counts what was not certain when it was issued, by its days that lie in the period and after the last known
day over its days that were left when it was issued. So parts add up to their whole wherever a period is cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import pandas as pd

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


def still_to_come(rows: pd.DataFrame, span: Span, *, made_on: date) -> pd.DataFrame:
    """rows: STEP_COLUMNS, of one node or of many. made_on: the day whose knowledge the forecast was made from.

    Returns them with `share` in [0, 1] and with `value`, `low` and `high` of what is still to come inside the span,
    never below 0; steps without a share are left out.
    """
    first = rows["first_day"].clip(lower=pd.Timestamp(made_on) + pd.Timedelta(days=1))
    begin = rows["first_day"].clip(lower=pd.Timestamp(span.begins))
    left = (rows["last_day"] - first).dt.days + 1
    inside = (rows["last_day"].clip(upper=pd.Timestamp(span.last)) - begin).dt.days + 1
    share = (inside.clip(lower=0) / left.clip(lower=1)).clip(upper=1.0)
    open_ = {name: (rows[name] - rows["won"]).clip(lower=0) * share for name in ("value", "low", "high")}
    return rows.assign(share=share, **open_)[share > 0].reset_index(drop=True)


def covers(rows: pd.DataFrame, span: Span) -> bool:
    """Whether the steps of one node leave no day of the span out that is not known yet."""
    if not span.days_left:
        return True
    return bool(
        len(rows)
        and rows["first_day"].min() <= pd.Timestamp(span.begins)
        and rows["last_day"].max() >= pd.Timestamp(span.last)
    )
