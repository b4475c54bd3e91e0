"""Charts of scores: frames of `insights/report_card.py` in, Altair charts out, in the style of `insights/charts.py`."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from insights import formats
from insights.charts import Chart, Measure, Palette, as_days, finished

_RATE = Measure(title="Rate", is_rate=True)
_SAID, _HAPPENED = "Said", "Happened"


def _rate_axis(top: float, **more: Any) -> dict[str, Any]:
    axis = alt.Axis(labelExpr=_RATE.axis_label, tickCount=4, **more)
    return {"axis": axis, "scale": alt.Scale(domain=[0, top], nice=False)}


def reliability(frame: pd.DataFrame, palette: Palette, *, happened: str, height: int = 260) -> Chart:
    """What was said beside what happened, with the interval of each point and a dashed line where both are the same.

    frame: columns of `report_card.reliability`; not modified. happened: title of the axis. Raises ValueError on an
    empty frame.
    """
    if frame.empty:
        raise ValueError("nothing to draw: use empty()")
    top = min(1.0, float(frame[["predicted", "high"]].max().max()) * 1.05)
    x = alt.X("predicted:Q", title="Chance that was said", **_rate_axis(top))
    y = alt.Y("happened:Q", title=happened, **_rate_axis(top))
    # The word stands where two thirds of the line are, below it and away from the points' intervals.
    ends = pd.DataFrame({"predicted": [0.0, top * 0.68, top], "happened": [0.0, top * 0.68, top],
                         "label": ["", "as said", ""]})  # fmt: skip
    same = alt.Chart(ends).mark_line(color=palette.ghost, strokeDash=[4, 3], strokeWidth=1.5).encode(x, y)
    word = alt.Chart(ends).mark_text(align="left", dx=6, dy=16, color=palette.muted).encode(x, y, text="label:N")
    tooltip = [
        alt.Tooltip("predicted:Q", title=_SAID, format=".1%"), alt.Tooltip("happened:Q", title=_HAPPENED, format=".1%"),
        alt.Tooltip("low:Q", title="at least", format=".1%"), alt.Tooltip("high:Q", title="at most", format=".1%"),
        alt.Tooltip("n:Q", title="n (looks)", format=",.0f"),
    ]  # fmt: skip
    base = alt.Chart(frame)
    span = base.mark_rule(color=palette.primary, opacity=0.45, strokeWidth=1.5).encode(
        x, alt.Y("low:Q", title=happened, **_rate_axis(top)), alt.Y2("high:Q"), tooltip=tooltip
    )
    line = base.mark_line(color=palette.primary).encode(x, y)
    dots = base.mark_point(filled=True, size=60, color=palette.primary, opacity=1).encode(x, y, tooltip=tooltip)
    return finished(alt.layer(same, word, span, line, dots), palette, height)


def tenths(frame: pd.DataFrame, palette: Palette, *, base_rate: float, rate: str, height: int = 260) -> Chart:
    """The rate in each tenth by score, the highest first, those above the base rate solid; it is the dashed line.

    frame: `tenth`, `happened`, `n`; not modified. rate: title of the axis. Raises ValueError on an empty frame.
    """
    if frame.empty:
        raise ValueError("nothing to draw: use empty()")
    data = frame.sort_values("tenth").assign(
        label=[formats.share(value) for value in frame.sort_values("tenth")["happened"]],
        is_above=frame.sort_values("tenth")["happened"] >= base_rate,
    )
    top = max(float(data["happened"].max()), base_rate) * 1.15 or 1.0
    x = alt.X("tenth:O", title="Tenth by score (1: highest)", axis=alt.Axis(labelAngle=0))
    y = alt.Y("happened:Q", title=rate, **_rate_axis(top))
    tooltip = [
        alt.Tooltip("tenth:O", title="Tenth"), alt.Tooltip("happened:Q", title=rate, format=".1%"),
        alt.Tooltip("n:Q", title="n (looks)", format=",.0f"),
    ]  # fmt: skip
    base = alt.Chart(data)
    opacity = alt.condition("datum.is_above", alt.value(0.95), alt.value(0.4))
    bars = base.mark_bar(color=palette.primary, width={"band": 0.62}).encode(x, y, opacity=opacity, tooltip=tooltip)
    names = base.mark_text(dy=-8, color=palette.ink).encode(x, y, text="label:N")
    mean = alt.Chart(pd.DataFrame({"happened": [base_rate], "label": [f"base rate {formats.share(base_rate)}"]}))
    rule = mean.mark_rule(color=palette.ghost, strokeDash=[4, 3], strokeWidth=1.5).encode(y)
    word = mean.mark_text(align="right", dy=-7, dx=-2, color=palette.muted).encode(
        y, x=alt.value("width"), text="label:N"
    )
    return finished(alt.layer(bars, names, rule, word), palette, height)


def track(frame: pd.DataFrame, palette: Palette, *, height: int = 220) -> Chart:
    """By month of issue, the mean chance that was said (dashed, hollow) and the share that happened (solid, filled).

    frame: `month`, `predicted`, `happened`, `n`; a month each, not modified. Raises ValueError on an empty frame.
    """
    if frame.empty:
        raise ValueError("nothing to draw: use empty()")
    data = as_days(frame, "month").sort_values("month").assign(when=lambda one: one["month"].dt.strftime("%b %y"))
    top = min(1.0, float(data[["predicted", "happened"]].max().max()) * 1.25 or 1.0)
    x = alt.X("when:O", sort=None, title=None, axis=alt.Axis(labelAngle=0), scale=alt.Scale(paddingOuter=0.6))
    tooltip = [
        alt.Tooltip("when:N", title="Issued in"), alt.Tooltip("predicted:Q", title=_SAID, format=".1%"),
        alt.Tooltip("happened:Q", title=_HAPPENED, format=".1%"), alt.Tooltip("n:Q", title="n", format=",.0f"),
    ]  # fmt: skip
    base, layers = alt.Chart(data), []
    for field, name, color, dash in (
        ("predicted", _SAID, palette.muted, [4, 3]), ("happened", _HAPPENED, palette.primary, [1, 0]),
    ):  # fmt: skip
        y = alt.Y(f"{field}:Q", title=None, **_rate_axis(top))
        layers.append(base.mark_line(color=color, strokeDash=dash).encode(x, y))
        dot = base.mark_point(size=60, opacity=1, color=color, fill=color if field == "happened" else palette.bg)
        layers.append(dot.encode(x, y, tooltip=tooltip))
        is_above = bool(data[field].iloc[-1] >= data[["predicted", "happened"]].iloc[-1].mean())
        text = alt.Chart(data.tail(1)).mark_text(align="center", dy=-13 if is_above else 15, color=color, text=name)
        layers.append(text.encode(x, y))
    return finished(alt.layer(*layers), palette, height)
