"""Charts of leads: frames of `insights/funnel.py` in, Altair charts out, in the style of `insights/charts.py`."""

from __future__ import annotations

from typing import Final

import altair as alt
import pandas as pd

from insights.charts import Chart, Measure, Palette, as_days, finished, time_axis, value_axis

_LETTER_PX: Final = 6.4
RATE: Final = Measure(title="Rate", is_rate=True)


def bars(frame: pd.DataFrame, palette: Palette, *, title: str, height: int | None = None) -> Chart:
    """Steps one under the other, in the order of the rows, each as long as its number.

    frame: columns `step`, `n`, `label` (written behind the bar) and, where some are parts of the step before and pale,
    `is_part`; not modified. Raises ValueError on an empty frame.
    """
    if frame.empty:
        raise ValueError("nothing to draw: use empty()")
    top = float(frame["n"].max()) or 1.0
    label_px = float(max(frame["label"].str.len())) * _LETTER_PX + 12
    end = alt.ExprRef(expr=f"{top} / (1 - min(0.75, {label_px:.0f} / max(width, 1)))")
    x = alt.X("n:Q", title=None, axis=None, scale=alt.Scale(domainMin=0, domainMax=end, nice=False))
    axis = alt.Axis(grid=False, labelLimit=150, labelFontSize=12)
    y = alt.Y("step:N", sort=frame["step"].tolist(), title=None, axis=axis)
    tooltip = [alt.Tooltip("step:N", title=title), alt.Tooltip("label:N", title="Number")]
    base = alt.Chart(frame if "is_part" in frame else frame.assign(is_part=False))
    strength = alt.condition("datum.is_part", alt.value(0.4), alt.value(0.85))
    bar = base.mark_bar(color=palette.primary, height={"band": 0.52}).encode(x, y, opacity=strength, tooltip=tooltip)
    names = base.mark_text(align="left", dx=8, fontSize=12, color=palette.ink).encode(x, y, text="label:N")
    return finished(alt.layer(bar, names), palette, height or 34 * len(frame) + 14)


def capture(frame: pd.DataFrame, palette: Palette, *, height: int = 240) -> Chart:
    """A rate per week with its interval as a band.

    frame: columns `day`, `value`, `low`, `high`, `views`, `valid`, `is_few`; weeks without views have no value and
    leave a gap, the points of weeks with few are pale and hollow. Raises ValueError where no week has a value.
    """
    if not frame["value"].notna().any():
        raise ValueError("nothing to draw: use empty()")
    data = as_days(frame, "day")
    top = min(float(data["high"].max()) * 1.08, 1.0)
    x, y = time_axis(data["day"], "day", room=0.02), value_axis("value", RATE, top)
    base = alt.Chart(data)
    band = base.mark_area(color=palette.primary, opacity=0.13).encode(x, value_axis("low", RATE, top), alt.Y2("high:Q"))
    line = base.mark_line(color=palette.primary).encode(x, y)
    color = alt.condition("datum.is_few", alt.value(palette.ghost), alt.value(palette.primary))
    fill = alt.condition("datum.is_few", alt.value(palette.bg), alt.value(palette.primary))
    known = base.transform_filter("isValid(datum.value)")
    dots = known.mark_point(size=30, opacity=1, strokeWidth=1.5).encode(x, y, color=color, fill=fill)
    tooltip = [
        alt.Tooltip("day:T", title="Week from", format="%-d %b %Y"),
        alt.Tooltip("value:Q", title="Capture rate", format=".1%"),
        alt.Tooltip("low:Q", title="at least", format=".1%"),
        alt.Tooltip("high:Q", title="at most", format=".1%"),
        alt.Tooltip("valid:Q", title="Valid leads", format=",.0f"),
        alt.Tooltip("views:Q", title="Views", format=",.0f"),
    ]
    rule = base.mark_rule(opacity=0, strokeWidth=14).encode(x, tooltip=tooltip)
    return finished(alt.layer(band, line, dots, rule), palette, height)


def shares(frame: pd.DataFrame, palette: Palette, *, title: str, height: int | None = None) -> Chart:
    """Rates with their intervals, one under the other; those of few are pale and hollow.

    frame: columns `group`, `value`, `low`, `high` (missing where there is nothing), `label`, `is_few`; not modified.
    Raises ValueError on an empty frame.
    """
    if frame.empty:
        raise ValueError("nothing to draw: use empty()")
    top = min(max(float(frame["high"].max(skipna=True) or 0) * 1.05, 0.05), 1.0)
    scale = alt.Scale(domain=[0, top], nice=False)
    axis = alt.Axis(labelExpr=RATE.axis_label, tickCount=4, grid=True, gridColor=palette.grid)
    x = alt.X("value:Q", title=None, scale=scale, axis=axis)
    y = alt.Y(
        "group:N", sort=frame["group"].tolist(), title=None, axis=alt.Axis(grid=False, labelLimit=150, labelFontSize=12)
    )
    tooltip = [alt.Tooltip("group:N", title=title), alt.Tooltip("label:N", title="Rate")]
    base = alt.Chart(frame).transform_filter("isValid(datum.value)")
    color = alt.condition("datum.is_few", alt.value(palette.ghost), alt.value(palette.primary))
    span = base.mark_rule(strokeWidth=2).encode(
        alt.X("low:Q", title=None, scale=scale, axis=axis), y, alt.X2("high:Q"), color=color, tooltip=tooltip
    )
    fill = alt.condition("datum.is_few", alt.value(palette.bg), alt.value(palette.primary))
    dot = base.mark_point(size=70, opacity=1, strokeWidth=2).encode(x, y, color=color, fill=fill, tooltip=tooltip)
    return finished(alt.layer(span, dot), palette, height or 34 * len(frame) + 40)
