"""What the columns of a table are: numbers, days, choices, free text, or nothing that a score may use.

Types come from the values alone, never from the outcome, so they may be read from the whole table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import pandas as pd

MISSING: Final = frozenset({"", "select", "n/a", "na", "none", "null", "nan", "nat", "-", "--", "?", "#n/a", "not set"})
"""Words that stand for "nothing was entered", without case."""
IS_NUMBER: Final = 0.95
IS_DAY: Final = 0.9
ALL_DIFFERENT: Final = 0.98
FREE_TEXT_LETTERS: Final = 40
_ID_NAME: Final = re.compile(r"(^|[^a-z])(id|ids|uuid|guid|key|number|no|nr|num|code|index)$")
_NUMBER: Final = re.compile(r"^[-+]?[\d.,' \u00a0\u202f]*\d[\d.,' \u00a0\u202f]*%?$")
_DAY: Final = re.compile(r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T]\d{1,2}:\d{2}.*)?$")


class Sort(StrEnum):
    NUMBER = "number"
    DAY = "day"
    CHOICE = "choice"
    TEXT = "text"
    ID = "id"
    EMPTY = "empty"
    CONSTANT = "constant"


USED: Final = frozenset({Sort.NUMBER, Sort.DAY, Sort.CHOICE, Sort.TEXT})


@dataclass(frozen=True, slots=True)
class Column:
    """values: floats (numbers), timestamps in UTC without a zone (days), or text (the rest); NaN where missing."""

    name: str
    sort: Sort
    values: pd.Series


def read_columns(frame: pd.DataFrame, *, leave_out: Iterable[str] = ()) -> dict[str, Column]:
    """Every column of the table, understood. frame: text as it stands in a file, or typed values; not modified.

    leave_out: columns that are none of the score's business, such as the outcome.
    """
    skipped = set(leave_out)
    return {str(name): _read(str(name), frame[name]) for name in frame.columns if name not in skipped}


def _read(name: str, given: pd.Series) -> Column:
    series = given.reset_index(drop=True)
    if pd.api.types.is_bool_dtype(series):
        series = series.map({True: "yes", False: "no"})
    if pd.api.types.is_numeric_dtype(series):
        return _number(name, series.astype(float), is_whole=bool((series.dropna() % 1 == 0).all()))
    if pd.api.types.is_datetime64_any_dtype(series):
        return _sorted(name, Sort.DAY, series.dt.tz_convert("UTC").dt.tz_localize(None) if series.dt.tz else series)
    text = series.map(_present, na_action="ignore").astype(object)
    known = text.dropna()
    if known.empty:
        return Column(name, Sort.EMPTY, text)
    numbers = as_numbers(known)
    if numbers.notna().mean() >= IS_NUMBER:
        is_whole = bool((numbers.dropna() % 1 == 0).all())
        widths = known.str.len()
        return _number(name, numbers.reindex(text.index), is_whole=is_whole, width=_one_width(widths))
    days = as_days(known)
    if days is not None:
        return _sorted(name, Sort.DAY, days.reindex(text.index))
    return _words(name, text, known)


def as_sort(given: pd.Series, sort: Sort) -> pd.Series:
    """Values as a column of this sort has them, whatever stands around them; NaN where one cannot be read so."""
    series = given.reset_index(drop=True)
    if sort is Sort.NUMBER:
        return _as_number(series)
    if sort is Sort.DAY:
        if pd.api.types.is_datetime64_any_dtype(series):
            return series.dt.tz_convert("UTC").dt.tz_localize(None) if series.dt.tz else series
        found = as_days(series.map(_present, na_action="ignore").astype(object).dropna())
        gone = pd.Series(pd.NaT, index=series.index, dtype="datetime64[ns]")
        return gone if found is None else found.reindex(series.index)
    if pd.api.types.is_bool_dtype(series):
        series = series.map({True: "yes", False: "no"})
    return series.map(_present, na_action="ignore").astype(object)


def _as_number(series: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(series):
        return series.astype(float)
    text = series.map(_present, na_action="ignore").astype(object)
    found = pd.to_numeric(text, errors="coerce").astype(float)
    known = text.notna() & found.isna()
    if known.any():
        found[known] = as_numbers(text[known])
    return found.replace([np.inf, -np.inf], np.nan)


def _present(value: object) -> str | None:
    text = str(value).strip()
    return None if text.casefold() in MISSING else text


def _one_width(widths: pd.Series) -> bool:
    return len(widths) > 0 and widths.nunique() == 1 and int(widths.iloc[0]) >= 4


def _number(name: str, values: pd.Series, *, is_whole: bool, width: bool = False) -> Column:
    """A number that is different in each row and counts them, or is written with one width, names the row."""
    known = values.dropna()
    is_different = len(known) > 50 and known.nunique() >= ALL_DIFFERENT * len(known)
    if is_whole and is_different and (_names_rows(name) or width or _counts(known)):
        return Column(name, Sort.ID, values)
    return _sorted(name, Sort.NUMBER, values)


def _names_rows(name: str) -> bool:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).casefold()
    return _ID_NAME.search(words) is not None


def _counts(known: pd.Series) -> bool:
    steps = np.diff(known.to_numpy())
    return bool((steps > 0).all() or (steps < 0).all())


def _words(name: str, text: pd.Series, known: pd.Series) -> Column:
    if len(known) > 50 and known.nunique() >= 0.9 * len(known):
        is_free = known.str.len().mean() >= FREE_TEXT_LETTERS or known.str.contains(" ").mean() > 0.8
        return Column(name, Sort.TEXT if is_free else Sort.ID, text)
    if known.str.len().mean() >= 2 * FREE_TEXT_LETTERS and known.nunique() > 0.5 * len(known):
        return Column(name, Sort.TEXT, text)
    return _sorted(name, Sort.CHOICE, text)


def _sorted(name: str, sort: Sort, values: pd.Series) -> Column:
    n_levels = values.nunique(dropna=True)
    if n_levels == 0:
        return Column(name, Sort.EMPTY, values)
    if n_levels == 1 and not values.isna().any():
        return Column(name, Sort.CONSTANT, values)
    return Column(name, sort, values)


def as_numbers(text: pd.Series) -> pd.Series:
    """Numbers as people write them: thousands marks, decimal commas, percent, currency signs; NaN where it is none."""
    plain = text.astype(str).str.replace(r"^[$€£¥]\s*|\s*[$€£¥]$", "", regex=True)
    fast = pd.to_numeric(plain, errors="coerce")
    if fast.notna().mean() >= IS_NUMBER:
        return fast.replace([np.inf, -np.inf], np.nan)
    shaped = plain.where(plain.str.match(_NUMBER))
    if shaped.notna().mean() < IS_NUMBER:
        return fast
    bare = shaped.str.replace(r"['\s%]", "", regex=True)
    has_comma_decimals = (
        bare.str.contains(r",\d{1,2}$", regex=True).sum() > bare.str.contains(r"\.\d{1,2}$", regex=True).sum()
    )
    bare = (
        bare.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
        if has_comma_decimals
        else bare.str.replace(",", "", regex=False)
    )
    return pd.to_numeric(bare, errors="coerce")


def as_days(text: pd.Series) -> pd.Series | None:
    """Timestamps where nearly all are some; None otherwise. Days before months unless that cannot be."""
    shaped = text.astype(str).str.match(_DAY)
    if shaped.mean() < IS_DAY:
        return None
    first = text[shaped].astype(str).str.extract(r"^(\d{1,4})[-/.](\d{1,2})")
    is_year_first = first[0].str.len().median() == 4
    is_month_first = not is_year_first and pd.to_numeric(first[1]).max() > 12
    found = pd.to_datetime(
        text, errors="coerce", format="mixed", dayfirst=not is_year_first and not is_month_first, utc=True
    )
    return found.dt.tz_localize(None) if found.notna().mean() >= IS_DAY else None


def frame_of(columns: Mapping[str, Column]) -> pd.DataFrame:
    """What a model may look at, in the order of the table: numbers as they are, days as parts of the calendar, free
    text as its length, choices as text."""
    parts: dict[str, pd.Series] = {}
    for name, column in columns.items():
        if column.sort in {Sort.NUMBER, Sort.CHOICE}:
            parts[name] = column.values
        elif column.sort is Sort.DAY:
            days = column.values.dt
            parts[f"{name} (month)"] = days.month.astype(float)
            parts[f"{name} (weekday)"] = days.weekday.astype(float)
            if (days.hour.fillna(0) != 0).any():
                parts[f"{name} (hour)"] = days.hour.astype(float)
        elif column.sort is Sort.TEXT:
            parts[f"{name} (length)"] = column.values.str.len().astype(float).fillna(0.0)
    return pd.DataFrame(parts)
