"""The charts of how deals flow: who goes on from a stage, how long deals stay, what becomes of a week's deals."""

from __future__ import annotations

from typing import Final

import altair as alt
import pandas as pd

from insights.charts import Chart, Palette, finished

_ROW_PX: Final = 34
PICK: Final = "pick"
"""The selection that a click makes; it names the row's `key`."""


def _rows(frame: pd.DataFrame) -> alt.Y:
    return alt.Y("stage:N", sort=frame["stage"].tolist(), title=None,
                 axis=alt.Axis(grid=False, labelLimit=150, labelFontSize=12, labelOverlap=False))  # fmt: skip


def _taking_clicks(base: alt.Chart, y: alt.Y, palette: Palette, tooltip: list[alt.Tooltip]) -> Chart:
    """The whole row takes the click, for a mark may be small; the one that was picked stands out."""
    pick = alt.selection_point(name=PICK, fields=["key"], on="click", empty=False, toggle=False)
    return base.mark_bar(height={"band": 1.0}, cursor="pointer", cornerRadiusEnd=0).encode(
        x=alt.value(0), x2=alt.value("width"), y=y, tooltip=tooltip,
        color=alt.condition("datum.is_picked", alt.value(palette.soft), alt.value("transparent")),
    ).add_params(pick)  # fmt: skip


def goes_on(frame: pd.DataFrame, palette: Palette, *, picked: str | None) -> Chart:
    """Per stage the share that goes on as a dot with its interval.

    frame: `key`, `stage`, `value`, `low`, `high` (shares; NaN: not known), `label`, what is written behind it, and
    `is_few`; not modified. Raises ValueError on an empty frame.
    """
    if frame.empty:
        raise ValueError("nothing to draw")
    data = frame.assign(is_picked=frame["key"] == picked)
    base, y = alt.Chart(data), _rows(data)
    tooltip = [alt.Tooltip("stage:N", title="Stage"), alt.Tooltip("label:N", title="Goes on")]
    axis = alt.Axis(format=".0%", values=[0, 0.25, 0.5, 0.75, 1.0], grid=True, gridColor=palette.grid, domain=False)
    scale = alt.Scale(domain=[0, 1], nice=False)
    x = alt.X("low:Q", title=None, scale=scale, axis=axis)
    line = base.mark_rule(strokeWidth=2, color=palette.ghost).encode(x, x2="high:Q", y=y)
    dot = base.mark_point(filled=True, size=70, opacity=1).encode(
        alt.X("value:Q", title=None, scale=scale, axis=axis), y, tooltip=tooltip,
        color=alt.condition("datum.is_few", alt.value(palette.ghost), alt.value(palette.primary)),
    )  # fmt: skip
    # Labels stand over the dots: beside them an interval may lie.
    text = base.mark_text(dy=-11, fontSize=11, color=palette.ink).encode(
        alt.X("value:Q", title=None, scale=scale, axis=axis), y, text="label:N"
    )
    return finished(alt.layer(_taking_clicks(base, y, palette, tooltip), line, dot, text), palette,
                    (_ROW_PX + 6) * len(data) + 30)  # fmt: skip


def stays(frame: pd.DataFrame, palette: Palette) -> Chart:
    """Per stage the days of the middle half as a bar, with a line at the median.

    frame: `stage`, `first`, `middle`, `last` (days; NaN: not reached, drawn open to the end), `longest`, the greatest
    age watched, `label`; not modified. Raises ValueError on an empty frame.
    """
    if frame.empty:
        raise ValueError("nothing to draw")
    data = frame.assign(to=frame["last"].fillna(frame["longest"]), is_open=frame["last"].isna())
    top = max(float(data[["to", "middle"]].max().max()), 1.0) * 1.04
    base, y = alt.Chart(data), _rows(data)
    tooltip = [alt.Tooltip("stage:N", title="Stage"), alt.Tooltip("label:N", title="In the stage")]
    axis = alt.Axis(labelExpr="datum.value + ' d'", tickCount=4, tickMinStep=1, grid=True, gridColor=palette.grid,
                    domain=False)  # fmt: skip
    scale = alt.Scale(domain=[0, top], nice=False)
    bar = base.transform_filter("isValid(datum.first)").mark_bar(height=12, cornerRadius=2).encode(
        alt.X("first:Q", title=None, scale=scale, axis=axis), alt.X2("to:Q"), y, tooltip=tooltip,
        color=alt.condition("datum.is_open", alt.value(palette.soft), alt.value(palette.ghost)),
    )  # fmt: skip
    middle = base.transform_filter("isValid(datum.middle)").mark_tick(thickness=3, size=20, color=palette.primary)
    text = base.transform_filter("isValid(datum.middle)").mark_text(dy=-15, fontSize=11, color=palette.ink)
    at = alt.X("middle:Q", title=None, scale=scale, axis=axis)
    return finished(
        alt.layer(bar, middle.encode(at, y, tooltip=tooltip), text.encode(at, y, text="short:N")), palette,
        (_ROW_PX + 6) * len(data) + 30,
    )  # fmt: skip


def cohorts(frame: pd.DataFrame, palette: Palette, *, picked: str | None) -> Chart:
    """What share of a week's deals was won by which age; a cell per week and age.

    frame: `key`, `week` (as written), `age` (as written), `share` (NaN: not that old yet), `label`, `n`; not modified.
    Raises ValueError on an empty frame.
    """
    if frame.empty:
        raise ValueError("nothing to draw")
    weeks, ages = frame["week"].drop_duplicates().tolist(), frame["age"].drop_duplicates().tolist()
    data = frame.assign(is_picked=frame["key"] == picked)
    base = alt.Chart(data)
    y = alt.Y("week:N", sort=weeks, title=None, axis=alt.Axis(grid=False, labelOverlap=False))
    x = alt.X("age:N", sort=ages, title=None, axis=alt.Axis(orient="top", labelAngle=0, domain=False))
    tooltip = [alt.Tooltip("week:N", title="Created in the week from"), alt.Tooltip("n:Q", title="Deals"),
               alt.Tooltip("age:N", title="Within"), alt.Tooltip("label:N", title="Won")]  # fmt: skip
    top = max(float(data["share"].max()) if data["share"].notna().any() else 0.0, 0.01)
    pick = alt.selection_point(name=PICK, fields=["key"], on="click", empty=False, toggle=False)
    cell = base.mark_rect(color=palette.primary, cursor="pointer", cornerRadius=2).encode(
        x, y, tooltip=tooltip,
        # Never so strong that the number in it could not be read.
        opacity=alt.Opacity("share:Q", scale=alt.Scale(domain=[0, top], range=[0.05, 0.38]), legend=None),
        stroke=alt.condition("datum.is_picked", alt.value(palette.primary), alt.value(palette.bg)),
        strokeWidth=alt.condition("datum.is_picked", alt.value(2), alt.value(1)),
    ).add_params(pick)  # fmt: skip
    text = base.mark_text(fontSize=11, color=palette.ink).encode(x, y, text="label:N", tooltip=tooltip)
    return finished(alt.layer(cell, text), palette, 24 * len(weeks) + 40)
