"""The chart of a forecast: what came, what is to come with its 80 % interval, what of it is won already, the quota.

In the style of `insights/charts.py`: the past a solid line in ink, the forecast dashed in a band, the quota dotted;
each is named at its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import altair as alt
import pandas as pd

from insights.charts import Chart, Measure, Palette, as_days, finished, spread, time_axis, value_axis

COLUMNS: Final = ("day", "actual", "value", "low", "high", "won")
_NAMES_PX: Final = 76
_AXIS_PX: Final = 40
BAND: Final = "80 % interval"
FORECAST: Final = "Forecast"
QUOTA: Final = "Quota"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the steps are read. step: what a row is called in tooltips ("Week of"). quota: per step, or of the whole
    period where the rows add up; None where none is set. quota_days: first and last day that it is for; None: all that
    are drawn. as_of: the day up to which things are known."""

    measure: Measure
    step: str
    as_of: date
    quota: float | None = None
    quota_days: tuple[date, date] | None = None


def fan(frame: pd.DataFrame, palette: Palette, reading: Reading, *, height: int = 300) -> Chart:
    """frame: COLUMNS, a row per step in order; not modified. `actual` is missing in what is to come, `value`, `low` and
    `high` in what is over, `won` (what is won already of a step to come) wherever there is none. Raises ValueError on
    an empty frame."""
    if frame.empty:
        raise ValueError("nothing to draw: use empty()")
    data = as_days(frame, "day")
    top = _top(data, reading)
    x = time_axis(data["day"], "day", room=0.12, names_px=_NAMES_PX)
    layers = [*_won(data, x, top, reading, palette), *_band(data, x, top, reading, palette)]
    layers += _quota(data, x, top, reading, palette)
    layers += _lines(data, x, top, reading, palette)
    layers += _today(data, x, reading, palette)
    layers += _names(data, x, top, reading, palette, height)
    layers.append(_hover(data, x, reading, palette))
    return finished(alt.layer(*layers), palette, height)


def _top(data: pd.DataFrame, reading: Reading) -> float:
    found = float(data[["actual", "value", "high", "won"]].max().max())
    return max(found if pd.notna(found) else 0.0, reading.quota or 0.0) * 1.08


def _joined(data: pd.DataFrame) -> pd.DataFrame:
    """What is to come, from the last step that is over, so that the line is not torn."""
    ahead = data[data["value"].notna()]
    over = data[data["actual"].notna() & data["value"].isna()].tail(1)
    start = over.assign(value=over["actual"], low=over["actual"], high=over["actual"])
    return pd.concat([start, ahead], ignore_index=True) if len(over) and len(ahead) else ahead


def _band(data: pd.DataFrame, x: alt.X, top: float, reading: Reading, palette: Palette) -> list[Any]:
    ahead = _joined(data)
    if len(ahead) < 2:
        return []
    low = value_axis("low", reading.measure, top)
    return [alt.Chart(ahead).mark_area(color=palette.primary, opacity=0.16).encode(x, low, alt.Y2("high:Q"))]


def _lines(data: pd.DataFrame, x: alt.X, top: float, reading: Reading, palette: Palette) -> list[Any]:
    over, ahead = data[data["actual"].notna()], _joined(data)
    layers: list[Any] = []
    if len(ahead):
        base = alt.Chart(ahead)
        y = value_axis("value", reading.measure, top)
        layers.append(base.mark_line(color=palette.primary, strokeDash=[5, 4]).encode(x, y))
    if len(over):
        y = value_axis("actual", reading.measure, top)
        layers.append(alt.Chart(over).mark_line(color=palette.ink).encode(x, y))
        dot = alt.Chart(over.tail(1)).mark_point(filled=True, size=45, color=palette.ink, opacity=1)
        layers.append(dot.encode(x, y))
    return layers


def _won(data: pd.DataFrame, x: alt.X, top: float, reading: Reading, palette: Palette) -> list[Any]:
    """A bar from zero in each coming step of which something is won already."""
    some = data[data["won"].fillna(0) > 0]
    if some.empty:
        return []
    y = value_axis("won", reading.measure, top)
    bars = alt.Chart(some).mark_rule(color=palette.won_bar, strokeWidth=7, strokeCap="butt")
    return [bars.encode(x, y, y2=alt.datum(0))]


def _quota(data: pd.DataFrame, x: alt.X, top: float, reading: Reading, palette: Palette) -> list[Any]:
    """Over the days that it is for. Where these end before the picture its name stands at their end, below the line
    unless the forecast is there."""
    between = _quota_ends(data, reading)
    if between is None:
        return []
    first, last = between
    ends = pd.DataFrame({"day": [first, last], "quota": [reading.quota] * 2})
    y = value_axis("quota", reading.measure, top)
    line = alt.Chart(ends).mark_line(color=palette.risk, strokeDash=[2, 3], strokeWidth=1.5).encode(x, y)
    if last == data["day"].max():
        return [line]
    ahead = data["value"].dropna()
    is_above = len(ahead) > 0 and float(ahead.mean()) < (reading.quota or 0.0)
    name = alt.Chart(ends.tail(1)).mark_text(
        align="right", dy=-8 if is_above else 9, text=QUOTA, color=palette.risk, fontWeight=600
    )
    return [line, name.encode(x, y)]


def _quota_ends(data: pd.DataFrame, reading: Reading) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """None: there is none in the picture."""
    first, last = data["day"].min(), data["day"].max()
    if reading.quota_days is not None:
        since, until = (pd.Timestamp(day) for day in reading.quota_days)
        first, last = max(first, since), min(last, until)
    return None if reading.quota is None or first > last else (first, last)


def _today(data: pd.DataFrame, x: alt.X, reading: Reading, palette: Palette) -> list[Any]:
    """A thin line at the day up to which things are known, with its date on the side of the past."""
    first, last = data["day"].min(), data["day"].max()
    day = pd.Timestamp(reading.as_of)
    if not first < day < last:
        return []
    told = f"{day.day} {day:%b}"
    at = alt.Chart(pd.DataFrame({"day": [day], "label": [f"as of {told}"]}))
    is_early = day < first + (last - first) * 0.2
    rule = at.mark_rule(color=palette.muted, strokeWidth=1)
    text = at.mark_text(align="left" if is_early else "right", dx=5 if is_early else -5, baseline="top",
                        color=palette.muted)  # fmt: skip
    return [rule.encode(x), text.encode(x, y=alt.value(0), text="label:N")]


def _names(data: pd.DataFrame, x: alt.X, top: float, reading: Reading, palette: Palette, height: int) -> list[Any]:
    between = _quota_ends(data, reading)
    ends_here = between is not None and between[1] == data["day"].max()
    last = data.tail(1).assign(quota=reading.quota if ends_here else None)
    rows: Sequence[tuple[str, str, str, Any]] = (
        ("high", BAND, palette.muted, 400),
        ("value", FORECAST, palette.primary, 600),
        ("quota", QUOTA, palette.risk, 600),
    )
    shown = [row for row in rows if pd.notna(last[row[0]].iloc[0])]
    heights = [(height - _AXIS_PX) * (1 - float(last[field].iloc[0]) / (top or 1)) for field, *_ in shown]
    offsets = spread(heights)
    return [
        alt.Chart(last)
        .mark_text(align="left", dx=8, dy=offset, text=name, color=color, fontWeight=weight)
        .encode(x, value_axis(field, reading.measure, top))
        for (field, name, color, weight), offset in zip(shown, offsets, strict=True)
    ]


def _hover(data: pd.DataFrame, x: alt.X, reading: Reading, palette: Palette) -> Any:
    near = alt.selection_point(fields=["day"], nearest=True, on="pointerover", empty=False, clear="pointerout")
    tooltip = [alt.Tooltip("day:T", title=reading.step, format="%-d %b %Y")]
    titles = {"actual": "Came", "value": FORECAST, "low": "At least (80 %)", "high": "At most (80 %)"}
    for field, title in {**titles, "won": "Won already"}.items():
        if data[field].notna().any():
            tooltip.append(alt.Tooltip(f"{field}:Q", title=title, format=reading.measure.tooltip_format))
    shown = alt.condition(near, alt.value(0.7), alt.value(0))
    return alt.Chart(data).mark_rule(color=palette.ghost).encode(x, opacity=shown, tooltip=tooltip).add_params(near)
