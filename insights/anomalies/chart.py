"""The chart of one series: its weeks, the band in which ordinary weeks lie, and its alarms, in the style of all
charts."""

from __future__ import annotations

from typing import Any, Final

import altair as alt
import pandas as pd

from insights.charts import Chart, Measure, Palette, as_days, finished, time_axis, value_axis

_NAMES_PX: Final = 62


def series(
    frame: pd.DataFrame, alarms: pd.DataFrame, palette: Palette, *, measure: Measure, picked: pd.Timestamp | None,
    height: int = 270,
) -> Chart:  # fmt: skip
    """frame: `day`, `value`, `expected`, `low`, `high` (the last three missing where nothing was expected), a row per
    week; a week that is not known has no value. alarms: `day`, `value`, `direction`, `what`. picked: the week that is
    looked at. Neither is modified. Raises ValueError on an empty frame."""
    if frame.empty:
        raise ValueError("nothing to draw")
    data = as_days(frame, "day")
    top = float(data[["value", "high"]].max().max()) * 1.12
    x = time_axis(data["day"], "day", room=0.1, names_px=_NAMES_PX)
    y, base = value_axis("value", measure, top), alt.Chart(data)
    layers: list[Any] = [
        base.mark_area(color=palette.ghost, opacity=0.18, interpolate="step").encode(
            x, value_axis("low", measure, top), alt.Y2("high:Q")
        ),
        base.mark_line(color=palette.ghost, strokeDash=[4, 3], strokeWidth=1.2).encode(
            x, value_axis("expected", measure, top)
        ),
        base.mark_line(color=palette.primary, interpolate="linear").encode(x, y),
        *_alarms(as_days(alarms, "day"), palette, x, y),
        *_picked(picked, palette, x),
        *_names(data, palette, measure, x, top),
    ]
    tooltip = [alt.Tooltip("day:T", title="Week of", format="%-d %b %Y"),
               alt.Tooltip("value:Q", title=measure.title, format=measure.tooltip_format),
               alt.Tooltip("expected:Q", title="Expected", format=",.1f"),
               alt.Tooltip("low:Q", title="Usually from", format=",.0f"),
               alt.Tooltip("high:Q", title="to", format=",.0f")]  # fmt: skip
    layers.append(base.mark_rule(opacity=0, strokeWidth=12).encode(x, tooltip=tooltip))
    return finished(alt.layer(*layers), palette, height)


def _alarms(found: pd.DataFrame, palette: Palette, x: alt.X, y: alt.Y) -> list[Any]:
    """Triangles that point where the count went, so that nothing rests on colour alone."""
    layers = []
    for direction, shape, color in (("drop", "triangle-down", palette.lost), ("rise", "triangle-up", palette.risk)):
        own = found[found["direction"] == direction]
        if len(own):
            tooltip = [
                alt.Tooltip("day:T", title="Alarm, week of", format="%-d %b %Y"),
                alt.Tooltip("what:N", title="What"),
            ]
            mark = alt.Chart(own).mark_point(filled=True, size=110, shape=shape, color=color, opacity=1)
            layers.append(mark.encode(x, y, tooltip=tooltip))
    return layers


def _picked(day: pd.Timestamp | None, palette: Palette, x: alt.X) -> list[Any]:
    if day is None:
        return []
    at = alt.Chart(pd.DataFrame({"day": [day]}))
    return [at.mark_rule(color=palette.muted, strokeWidth=1, strokeDash=[2, 2]).encode(x)]


def _names(data: pd.DataFrame, palette: Palette, measure: Measure, x: alt.X, top: float) -> list[Any]:
    last = data.dropna(subset=["value"]).tail(1)
    usual = data.dropna(subset=["expected"]).tail(1)
    layers = []
    is_above = len(last) and len(usual) and float(last["value"].iloc[0]) >= float(usual["expected"].iloc[0])
    for frame, field, name, color, up in ((last, "value", "Weeks", palette.primary, is_above),
                                          (usual, "expected", "Expected", palette.muted, not is_above)):  # fmt: skip
        if len(frame):
            text = alt.Chart(frame).mark_text(align="left", dx=9, dy=-8 if up else 8, text=name, color=color)
            layers.append(text.encode(x, value_axis(field, measure, top)))
    return layers
