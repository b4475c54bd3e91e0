"""A table of counts per series and week, read as it is written: whatever its encoding, separator and dates, and whether
weeks without anything have a row of 0, no row, or are unknown.

Missing is not zero: where the table writes 0 somewhere, a week without a row is unknown. Where it never does, it counts
what happened, and a week between a series' first and last row in which nothing happened is 0. A week in which nobody
has a row is unknown in any case: an outage is no quiet week.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pandas as pd

from adapters.csv_export.amounts import parse_number
from adapters.csv_export.bad_value import BadValue
from adapters.csv_export.moments import DateOrder, order_votes, parse_moment
from adapters.errors import FatalError
from ops.evaluating import NotScorable, read_table

Missing = Literal["auto", "zero", "unknown"]

NOTHING: Final = frozenset({"", "-", "–", "na", "n/a", "nan", "null", "none", "?", "#n/a"})
SILENT_AT_END: Final = 4
"""Where nothing is written of nothing: a series whose rows stop so many weeks before the table's end has gone silent,
one that stops earlier has left."""
WEEK_0: Final = date(2001, 1, 1)
"""A Monday, from which weeks that only have numbers are counted."""
_YEAR_AND_WEEK: Final = re.compile(r"^(\d{4})[-\s/_]?[WwKk]{1,2}[-\s_]?(\d{1,2})$")
_SHOWN: Final = 8


class NotCounts(FatalError):
    """The table cannot be read as counts per series and week; the message names the column or row and the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountQuestion:
    """id, time, value: the names of the columns; case does not matter. missing: what a week without a row is."""

    file: Path
    id: str = "rep"
    time: str = "week"
    value: str = "count"
    missing: Missing = "auto"


@dataclass(slots=True)
class CountTable:
    """table: `series`, `day` (first day of the week), `value` (whole, NaN: unknown); a row per series and week that is
    known. notes: what was made of the table, in sentences. has_dates: False where weeks are numbers."""

    table: pd.DataFrame
    has_dates: bool
    notes: list[str] = field(default_factory=list)

    def week(self, day: pd.Timestamp) -> str | int:
        """As the table names it: its date, or its number."""
        return day.date().isoformat() if self.has_dates else (day.date() - WEEK_0).days // 7


def read_counts(question: CountQuestion) -> CountTable:
    """Raises NotCounts."""
    try:
        cells = read_table(question.file)
    except NotScorable as why:
        raise NotCounts(str(why)) from why
    names = {option: _column(cells, getattr(question, option), option) for option in ("id", "time", "value")}
    if len(set(names.values())) < 3:
        raise NotCounts("--id, --time and --value name three different columns.")
    if cells.empty:
        raise NotCounts(f"{question.file} has no rows.")
    read = CountTable(pd.DataFrame(), has_dates=True)
    series = cells[names["id"]].astype(str).str.strip()
    days, read.has_dates = _days(cells[names["time"]].astype(str).str.strip(), names["time"])
    values = _values(cells[names["value"]].astype(str).str.strip(), names["value"])
    table = pd.DataFrame({"series": series, "day": days, "value": values})
    is_whole = (table["series"] != "") & table["day"].notna()
    if not is_whole.all():
        read.notes.append(f"{int((~is_whole).sum())} rows without a {names['id']} or {names['time']} were left out.")
    read.table = _weekly(table[is_whole], read)
    if read.table.empty:
        raise NotCounts(f"{question.file} has no whole week.")
    read.table = _filled(read, question.missing)
    return read


def _column(cells: pd.DataFrame, wanted: str, option: str) -> str:
    plain = {str(name).strip().casefold(): str(name) for name in cells.columns}
    if wanted.strip().casefold() in plain:
        return plain[wanted.strip().casefold()]
    raise NotCounts(f"--{option}: there is no column {wanted!r}. There are: {', '.join(map(str, cells.columns))}.")


# --- cells -----------------------------------------------------------------------------------------------------------


def _values(cells: pd.Series, name: str) -> pd.Series:
    """Whole numbers, NaN where a cell says nothing."""
    known = {text: _count(text, name) for text in cells.unique()}
    return cells.map(known).astype(np.float64)


def _count(text: str, name: str) -> float:
    if text.casefold() in NOTHING:
        return float("nan")
    try:
        number = parse_number(text, "," if re.search(r",\d{1,2}$|,0+$", text) and "." not in text else ".")
    except BadValue:
        raise NotCounts(f"--value: {name!r} has {text!r}, which is not a number.") from None
    if number < 0 or number != int(number):
        raise NotCounts(f"--value: {name!r} has {text!r}; counts are whole numbers, zero or more.")
    if number > 10**9:
        raise NotCounts(f"--value: {name!r} has {text!r}; that is more than anybody does in a week.")
    return float(number)


def _days(cells: pd.Series, name: str) -> tuple[pd.Series, bool]:
    """The day of each cell, NaT where it is empty; whether the column holds dates and not numbers of weeks."""
    texts = [text for text in cells.unique() if text.casefold() not in NOTHING]
    if not texts:
        raise NotCounts(f"--time: {name!r} is empty.")
    numbers = [_whole(text) for text in texts]
    if all(one is not None and one < 10_000 for one in numbers):
        days = {
            text: WEEK_0 + timedelta(weeks=one) for text, one in zip(texts, numbers, strict=True) if one is not None
        }
        return pd.to_datetime(cells.map(days)), False
    order = _order(texts)
    weeks = [_year_and_week(text, texts) for text in texts]
    days = {text: week or _moment(text, name, order).date() for text, week in zip(texts, weeks, strict=True)}
    return pd.to_datetime(cells.map(days)), True


def _whole(text: str) -> int | None:
    plain = re.fullmatch(r"(?:week|wk|w)?\s*(\d+)(?:\.0*)?", text, re.IGNORECASE)
    return int(plain[1]) if plain else None


def _year_and_week(text: str, texts: list[str]) -> date | None:
    """The Monday of "2024-W05"; of 202405 only where no month would do."""
    found = _YEAR_AND_WEEK.match(text)
    if found is None and re.fullmatch(r"(?:19|20)\d{4}", text) and any(_is_week_only(one) for one in texts):
        found = re.match(r"(\d{4})(\d{2})", text)
    try:
        return date.fromisocalendar(int(found[1]), int(found[2]), 1) if found else None
    except ValueError as error:
        raise NotCounts(f"--time: {text!r} is no week of that year.") from error


def _is_week_only(text: str) -> bool:
    return re.fullmatch(r"(?:19|20)\d{4}", text) is not None and int(text[4:]) > 12


def _order(texts: list[str]) -> DateOrder:
    votes = order_votes(texts)
    return "mdy" if votes["mdy"] > votes["dmy"] + votes["dmy?"] else "dmy"


def _moment(text: str, name: str, order: DateOrder) -> datetime:
    # A range such as 2024-01-01/2024-01-07 is named by its first day.
    begun = re.split(r"\s+(?:-|–|to|bis)\s+|/(?=\d{4}-)", text, maxsplit=1)[0]
    try:
        return parse_moment(begun, order)
    except BadValue:
        raise NotCounts(
            f"--time: {name!r} has {text!r}, which is neither a date, nor a week such as 2024-W05, nor a whole number."
        ) from None


# --- weeks -----------------------------------------------------------------------------------------------------------


def _weekly(table: pd.DataFrame, read: CountTable) -> pd.DataFrame:
    """One row per series and week. Weeks are as they are written, where all are a multiple of seven days apart."""
    days = pd.DatetimeIndex(np.sort(table["day"].unique()))
    apart = (days[1:] - days[:-1]).days.to_numpy() if len(days) > 1 else np.array([7])
    if not read.has_dates or (apart % 7 == 0).all():
        if len(apart) and apart.min() > 7 and read.has_dates:
            raise NotCounts(f"--time: all dates are {apart.min()} days apart or more; what is looked at are weeks.")
        return _added(table, read, "A series has several rows for one week in places; they were added up.")
    if np.median(apart) >= 28:
        raise NotCounts("--time: the days are about a month apart; what is looked at are weeks.")
    read.notes.append("Days were added up to weeks from Monday on; weeks that are not whole were left out.")
    monday = days - pd.to_timedelta(days.weekday, unit="D")
    last_weekday = int(days.weekday.max())
    first_whole = monday[0] if days[0].weekday() <= int(days.weekday.min()) else monday[0] + pd.Timedelta(days=7)
    last_whole = monday[-1] if days[-1].weekday() >= last_weekday else monday[-1] - pd.Timedelta(days=7)
    moved = table.assign(day=table["day"] - pd.to_timedelta(table["day"].dt.weekday, unit="D"))
    return _added(moved[(moved["day"] >= first_whole) & (moved["day"] <= last_whole)], read, "")


def _added(table: pd.DataFrame, read: CountTable, note: str) -> pd.DataFrame:
    if note and table.duplicated(["series", "day"]).any():
        read.notes.append(note)
    return table.groupby(["series", "day"])["value"].sum(min_count=1).reset_index()


def _filled(read: CountTable, missing: Missing) -> pd.DataFrame:
    table = read.table
    has_zeros = bool((table["value"] == 0).any() or table["value"].isna().any())
    as_zero = missing == "zero" or (missing == "auto" and not has_zeros)
    wide = table.pivot(index="series", columns="day", values="value")
    days = pd.date_range(wide.columns.min(), wide.columns.max(), freq="7D")
    n_nobody = len(days) - int(wide.notna().any().sum())
    if n_nobody:
        read.notes.append(f"{n_nobody} weeks of which no series has a count are taken for unknown, not for 0.")
    if as_zero:
        wide = _with_zeros(wide.reindex(columns=days), read, is_said=missing == "zero")
    elif wide.reindex(columns=days).isna().any(axis=None):
        read.notes.append("Weeks without a row are taken for unknown (--missing zero: for 0).")
    long = wide.rename_axis(index="series", columns="day").melt(ignore_index=False, value_name="value").reset_index()
    return long[long["value"].notna()].reset_index(drop=True)


def _with_zeros(wide: pd.DataFrame, read: CountTable, *, is_said: bool) -> pd.DataFrame:
    """0 from each series' first to its last row; to the end of the table where it fell silent lately."""
    known = wide.notna().to_numpy()
    n_weeks = known.shape[1]
    place = np.arange(n_weeks)
    first = known.argmax(axis=1)
    last = n_weeks - 1 - known[:, ::-1].argmax(axis=1)
    last = np.where(last >= n_weeks - 1 - SILENT_AT_END, n_weeks - 1, last)
    is_inside = (place >= first[:, None]) & (place <= last[:, None]) & known.any(axis=0)
    filled = is_inside & ~known
    if filled.any() and not is_said:
        read.notes.append(
            f"The table never says 0, so {int(filled.sum())} weeks without a row are taken for 0 (--missing unknown: "
            "for unknown)."
        )
    return wide.where(~filled, 0.0)
