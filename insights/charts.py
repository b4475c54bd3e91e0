"""The charts that pages and reports share: frames in, Altair charts out. Knows colours and scales, nothing of a screen.

Style: horizontal grid lines only, about four ticks, no legends (lines are named at their ends, with the room for the
names inside the plot), the present solid, what it is compared with dashed, so that nothing rests on colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any, Final

import altair as alt
import pandas as pd

Chart = Any
"""An Altair chart; which of its classes says nothing to those who draw it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """The colours of one theme; contrasts are checked by a test."""

    bg: str
    surface: str
    header: str
    ink: str
    muted: str
    faint: str
    border: str
    grid: str
    primary: str
    soft: str
    hover: str
    ghost: str
    won: str
    lost: str
    risk: str
    won_bar: str
    lost_bar: str
    won_bg: str
    lost_bg: str
    risk_bg: str


LIGHT: Final = Palette(
    bg="#FFFFFF", surface="#F5F6F8", header="#FAFBFC", ink="#1B2130", muted="#566072", faint="#6B7585",
    border="#E3E6EB", grid="#EDEFF3", primary="#3F57D6", soft="#ECEFFC", hover="#F5F7FF", ghost="#8D96A6",
    won="#0B7A6B", lost="#9F2F16", risk="#9A6B00", won_bar="#2C9C8B", lost_bar="#C2583A",
    won_bg="#E6F4F1", lost_bg="#FBECE7", risk_bg="#FBF3DF",
)  # fmt: skip
DARK: Final = Palette(
    bg="#101317", surface="#191D24", header="#14181D", ink="#E7EAEF", muted="#A3ACBA", faint="#8A94A3",
    border="#2A303A", grid="#20252D", primary="#8095F5", soft="#1D2440", hover="#171C2B", ghost="#78828F",
    won="#4CC2AE", lost="#F0846A", risk="#E8C15A", won_bar="#37A894", lost_bar="#D4694D",
    won_bg="#12302C", lost_bg="#3A1F19", risk_bg="#33290F",
)  # fmt: skip

FONT: Final = "Inter, system-ui, sans-serif"
_LABEL_GAP_PX: Final = 15
_LETTER_PX: Final = 6.4
"""About how wide a letter of a bar's label is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What a value axis measures. `prefix` stands before a number ("€"); `title` is said in tooltips."""

    title: str
    prefix: str = ""
    is_rate: bool = False

    @property
    def axis_label(self) -> str:
        """A Vega expression that writes 1240000 as "€1.2M"."""
        if self.is_rate:
            return "format(datum.value, '.0%')"
        sign, size = "(datum.value < 0 ? '\u2212' : '')", "abs(datum.value)"
        prefix = self.prefix.replace("\\", "").replace("'", "\\'")
        steps = (
            f"{size} >= {step} ? format({size} / {step}, ',.3~r') + '{letter}'"
            for step, letter in (("1e12", "T"), ("1e9", "B"), ("1e6", "M"), ("1e3", "k"))
        )
        text = f"({' : '.join(steps)} : format({size}, '.3~r'))"
        return f"{sign} + '{prefix}' + {text}"

    @property
    def tooltip_format(self) -> str:
        return ".1%" if self.is_rate else ",.0f"

    def written(self, value: float) -> str:
        """A value in words of a sentence: "€12,400", "29.4 %"."""
        return f"{value:.1%}" if self.is_rate else f"{self.prefix}{value:,.0f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A day on which something happened to the data as a whole, in words: "Moved to HubSpot"."""

    day: date
    label: str


def theme(palette: Palette) -> dict[str, Any]:
    """The Vega-Lite configuration of every chart."""
    axis = {
        "labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": 400, "labelColor": palette.muted,
        "titleColor": palette.muted, "grid": False, "domain": False, "ticks": False, "labelPadding": 8,
        "labelOverlap": True,
    }  # fmt: skip
    value_axis = {
        "grid": True, "gridColor": palette.grid, "tickCount": 4, "titleAngle": 0, "titleAnchor": "start",
        "titleAlign": "left", "titleX": 0, "titleY": -12,
    }  # fmt: skip
    return {
        "font": FONT,
        "background": "transparent",
        "view": {"stroke": None},
        "axis": axis,
        "axisY": value_axis,
        "axisX": {"domain": True, "domainColor": palette.border},
        "text": {"fontSize": 11, "color": palette.muted},
        "legend": {"disable": True},
        "line": {"strokeWidth": 2, "strokeCap": "round", "strokeJoin": "round"},
        "bar": {"cornerRadiusEnd": 2},
        "rule": {"color": palette.border},
    }


def finished(chart: Chart, palette: Palette, height: int) -> Chart:
    """The chart at its size, in the style of all."""
    # The padding stands here and not in the configuration, else Streamlit adds 20 px below.
    sized = chart.properties(
        height=height,
        width="container",
        autosize={"type": "fit", "contains": "padding"},
        padding={"left": 2, "right": 6, "top": 6, "bottom": 4},
    )
    return sized.configure(**theme(palette))


def spread(positions: Sequence[float], *, gap: float = _LABEL_GAP_PX) -> list[float]:
    """Offsets that keep labels at these pixel positions at least `gap` apart, moving them as little as possible."""
    if not positions:
        return []
    order = sorted(range(len(positions)), key=positions.__getitem__)
    placed = list(positions)
    for upper, lower in pairwise(order):
        placed[lower] = max(placed[lower], placed[upper] + gap)
    drift = (sum(placed) - sum(positions)) / len(positions)
    return [new - old - drift for new, old in zip(placed, positions, strict=True)]


_DAY_MS: Final = 86_400_000
_PERIODS_PX: Final = 84
_USUAL_PX: Final = 52
"""The longest name of a line beside its end, and its distance from it."""


def _vega_day(day: date) -> alt.DateTime:
    return alt.DateTime(year=day.year, month=day.month, date=day.day)


def _ticks(first: date, last: date) -> tuple[list[date], str]:
    """Days to label and their format: weeks for a quarter, months for two years, else years."""
    months = (last.year - first.year) * 12 + last.month - first.month
    if months <= 3:
        every = max(1, round((last - first).days / 7 / 6))
        days = pd.date_range(first, last, freq=f"{7 * every}D")
        return [stamp.date() for stamp in days], "%-d %b"
    step = max(1, -(-months // 9))
    starts = pd.date_range(first, last, freq="MS")[:: 12 if months > 60 else step]
    return [stamp.date() for stamp in starts], ("%Y" if months > 60 else "%b" if months <= 11 else "%b %y")


def time_axis(days: pd.Series, field: str, *, room: float, names_px: int = 0) -> alt.X:
    """A day axis with room for names at the right end: a share of the days, and never less than `names_px` pixels,
    for on a narrow screen a share is too little. Ticks stay inside the data.
    """
    first, last = pd.Timestamp(days.min()).date(), pd.Timestamp(days.max()).date()
    span = max((last - first).days, 1)
    free = max(1, round(span * room))
    end = (pd.Timestamp(last) + pd.Timedelta(days=free)).date()
    ticks, pattern = _ticks(first, last)
    axis = alt.Axis(format=pattern, values=[_vega_day(tick) for tick in ticks])
    scale = alt.Scale(domain=[_vega_day(first), _vega_day(end)])
    if names_px:
        beyond = f"max({free}, {span} * {names_px} / max(width - {names_px}, 1)) * {_DAY_MS}"
        scale.domainMax = alt.ExprRef(f"time(datetime({last.year}, {last.month - 1}, {last.day})) + {beyond}")
    return alt.X(f"{field}:T", title=None, axis=axis, scale=scale)


def value_axis(field: str, measure: Measure, top: float) -> alt.Y:
    """From zero to `top`."""
    domain = alt.Scale(zero=True, nice=True, domain=[0, top]) if top > 0 else alt.Scale(domain=[0, 1])
    # Half a deal is none: what is counted has no ticks between whole numbers.
    least = alt.Undefined if measure.prefix or measure.is_rate else 1
    axis = alt.Axis(labelExpr=measure.axis_label, tickMinStep=least)
    return alt.Y(f"{field}:Q", title=None, scale=domain, axis=axis)


def as_days(frame: pd.DataFrame, field: str) -> pd.DataFrame:
    """The frame with this column as days, as Altair wants them."""
    return frame.assign(**{field: pd.to_datetime(frame[field])})


def empty(palette: Palette, *, reason: str, height: int = 260) -> Chart:
    """The frame of a chart without data: an axis and one sentence that says why."""
    note = pd.DataFrame({"x": [0.5], "y": [0.5], "reason": [reason]})
    blank = alt.Axis(labels=False, tickCount=4)
    y = alt.Y("y:Q", title=None, axis=blank, scale=alt.Scale(domain=[0, 1]))
    x = alt.X("x:Q", title=None, axis=alt.Axis(labels=False), scale=alt.Scale(domain=[0, 1]))
    text = alt.Chart(note).mark_text(color=palette.muted, fontSize=12, lineBreak="\n").encode(x, y, text="reason:N")
    return finished(alt.layer(text), palette, height)


def trend(
    frame: pd.DataFrame, palette: Palette, *, measure: Measure, names: tuple[str, str] = ("This period", "Previous"),
    partial_from: date | None = None, marks: Sequence[Mark] = (), height: int = 260,
) -> Chart:  # fmt: skip
    """A measure over time against its comparison.

    frame: columns `day` (first day of each step), `value`, and `comparison` (already laid over the same days, may be
    all missing); not modified. partial_from: from this step on the period is not over yet, drawn dashed. marks: days
    with a thin line and its name; those outside the chart are left out.
    Raises ValueError on an empty frame; draw `empty` instead.
    """
    if frame.empty:
        raise ValueError("nothing to draw: use empty()")
    data = as_days(frame, "day")
    has_comparison = bool(data["comparison"].notna().any())
    top = float(data[["value", "comparison"]].max().max()) * 1.08
    x = time_axis(data["day"], "day", room=0.14 if has_comparison else 0.02,
                   names_px=_PERIODS_PX if has_comparison else 0)  # fmt: skip
    y = value_axis("value", measure, top)
    base = alt.Chart(data)
    layers: list[Any] = []
    if len(data) > 1:
        layers.append(base.mark_area(color=palette.primary, opacity=0.07).encode(x, y))
    if has_comparison:
        dashed = base.mark_line(color=palette.ghost, strokeDash=[4, 3], strokeWidth=1.5)
        layers.append(dashed.encode(x, value_axis("comparison", measure, top)))
    layers += _present(data, x, y, palette, partial_from)
    layers += (
        _end_names(data, palette, measure=measure, x=x, top=top, names=names, height=height) if has_comparison else []
    )
    layers += _marked(marks, data["day"], x, palette)
    layers.append(_hover(base, x, palette, measure, names if has_comparison else names[:1]))
    return finished(alt.layer(*layers), palette, height)


def shown_marks(marks: Sequence[Mark], days: pd.Series) -> list[Mark]:
    """Those that lie in a chart of steps that begin on these days."""
    first, last = pd.Timestamp(days.min()).date(), pd.Timestamp(days.max()).date()
    longest = int(pd.to_datetime(days).diff().dt.days.max()) if len(days) > 1 else 1
    return [mark for mark in marks if first <= mark.day and (mark.day - last).days < longest]


def _marked(marks: Sequence[Mark], days: pd.Series, x: alt.X, palette: Palette) -> list[Any]:
    """Thin lines from top to bottom, each with its name beside its top, on the side where there is room."""
    layers: list[Any] = []
    first, last = pd.Timestamp(days.min()), pd.Timestamp(days.max())
    for mark in shown_marks(marks, days):
        # One in the last step, which has no room of its own, stands at that step's beginning.
        place, on = min(pd.Timestamp(mark.day), last), pd.Timestamp(mark.day)
        at = alt.Chart(pd.DataFrame({"day": [place], "on": [on], "label": [mark.label]}))
        tooltip = [alt.Tooltip("label:N", title="Change of CRM"), alt.Tooltip("on:T", title="On", format="%-d %b %Y")]
        layers.append(at.mark_rule(color=palette.muted, strokeWidth=1, strokeDash=[2, 2]).encode(x, tooltip=tooltip))
        is_late = place > first + (last - first) * 0.6
        text = at.mark_text(align="right" if is_late else "left", dx=-5 if is_late else 5, baseline="top", fontSize=11,
                            color=palette.muted)  # fmt: skip
        layers.append(text.encode(x, y=alt.value(0), text="label:N"))
    return layers


def _present(data: pd.DataFrame, x: alt.X, y: alt.Y, palette: Palette, partial_from: date | None) -> list[Any]:
    """The solid line, dashed where the last step is not over yet, and a dot at its end."""
    days = data["day"]
    is_partial = days >= pd.Timestamp(partial_from) if partial_from else pd.Series(False, index=data.index)
    whole, rest = data[~is_partial], data[is_partial | is_partial.shift(-1, fill_value=False)]
    layers: list[Any] = [alt.Chart(whole).mark_line(color=palette.primary).encode(x, y)]
    if is_partial.any():
        layers.append(alt.Chart(rest).mark_line(color=palette.primary, strokeDash=[2, 3]).encode(x, y))
    last = data.dropna(subset=["value"]).tail(1)
    dot = alt.Chart(last).mark_point(filled=True, size=45, color=palette.primary, opacity=1)
    return [*layers, dot.encode(x, y)]


def _end_names(
    data: pd.DataFrame,
    palette: Palette,
    *,
    measure: Measure,
    x: alt.X,
    top: float,
    names: tuple[str, str],
    height: int,
) -> list[Any]:
    plot_height = height - 40
    ends = [data.dropna(subset=[field]).tail(1) for field in ("value", "comparison")]
    heights = [plot_height * (1 - float(end[field].iloc[0]) / (top or 1)) if len(end) else 0.0
               for end, field in zip(ends, ("value", "comparison"), strict=True)]  # fmt: skip
    offsets = spread(heights)
    styles: tuple[tuple[str, Any], ...] = ((palette.primary, 600), (palette.muted, 400))
    layers = []
    for end, field, name, offset, (color, weight) in zip(
        ends, ("value", "comparison"), names, offsets, styles, strict=True
    ):
        text = alt.Chart(end).mark_text(align="left", dx=9, dy=offset, text=name, color=color, fontWeight=weight)
        layers.append(text.encode(x, value_axis(field, measure, top)))
    return layers


def _hover(base: alt.Chart, x: alt.X, palette: Palette, measure: Measure, names: Sequence[str]) -> Any:
    near = alt.selection_point(fields=["day"], nearest=True, on="pointerover", empty=False, clear="pointerout")
    tooltip = [alt.Tooltip("day:T", title="From", format="%-d %b %Y")]
    for field, name in zip(("value", "comparison"), names, strict=False):
        tooltip.append(alt.Tooltip(f"{field}:Q", title=name, format=measure.tooltip_format))
    shown = alt.condition(near, alt.value(0.7), alt.value(0))
    return base.mark_rule(color=palette.ghost).encode(x, opacity=shown, tooltip=tooltip).add_params(near)


def baseline(
    frame: pd.DataFrame, palette: Palette, *, measure: Measure, marks: Sequence[Mark] = (), height: int = 240
) -> Chart:
    """A person's own weeks against the band in which most of them usually lie; weeks outside it are diamonds.

    frame: columns `day`, `value`, `low`, `middle`, `high` (the last three may be missing together, then no band is
    drawn); not modified. marks: as of `trend`. Raises ValueError on an empty frame.
    """
    if frame.empty:
        raise ValueError("nothing to draw: use empty()")
    data = as_days(frame, "day")
    top = float(data[["value", "high"]].max().max()) * 1.08
    x, base = time_axis(data["day"], "day", room=0.17, names_px=_USUAL_PX), alt.Chart(data)
    y = value_axis("value", measure, top)
    layers: list[Any] = []
    if data["high"].notna().any():
        layers += _band(base, x, value_axis("low", measure, top), value_axis("middle", measure, top), palette)
    layers.append(base.mark_line(color=palette.primary).encode(x, y))
    outside = base.transform_filter("isValid(datum.high) && (datum.value < datum.low || datum.value > datum.high)")
    layers.append(outside.mark_point(filled=True, size=70, color=palette.lost, shape="diamond", opacity=1).encode(x, y))
    layers += _marked(marks, data["day"], x, palette)
    layers += _baseline_names(data, palette, measure=measure, x=x, top=top, height=height)
    tooltip = [alt.Tooltip("day:T", title="Week of", format="%-d %b %Y")]
    for field, title in (("value", measure.title), ("low", "Usually from"), ("high", "to")):
        tooltip.append(alt.Tooltip(f"{field}:Q", title=title, format=measure.tooltip_format))
    layers.append(base.mark_rule(opacity=0, strokeWidth=14).encode(x, tooltip=tooltip))
    return finished(alt.layer(*layers), palette, height)


def _band(base: alt.Chart, x: alt.X, low: alt.Y, middle: alt.Y, palette: Palette) -> list[Any]:
    area = base.mark_area(color=palette.ghost, opacity=0.18).encode(x, low, alt.Y2("high:Q"))
    line = base.mark_line(color=palette.ghost, strokeDash=[4, 3], strokeWidth=1.2).encode(x, middle)
    return [area, line]


def _baseline_names(
    data: pd.DataFrame, palette: Palette, *, measure: Measure, x: alt.X, top: float, height: int
) -> list[Any]:
    last = data.tail(1)
    rows: list[tuple[str, str, str, Any]] = [("value", "Actual", palette.primary, 600)]
    if bool(last["middle"].notna().iloc[0]):
        rows.append(("middle", "Usual", palette.muted, 400))
    offsets = spread([(height - 40) * (1 - float(last[field].iloc[0]) / (top or 1)) for field, *_ in rows])
    return [
        alt.Chart(last)
        .mark_text(align="left", dx=9, dy=offset, text=name, color=color, fontWeight=weight)
        .encode(x, value_axis(field, measure, top))
        for (field, name, color, weight), offset in zip(rows, offsets, strict=True)
    ]


def stage_bars(frame: pd.DataFrame, palette: Palette, *, measure: Measure, height: int | None = None) -> Chart:
    """Open deals by stage, in the order of the rows: a pale bar for the whole, a solid one for the weighted part.

    frame: columns `stage`, `value`, `weighted` (missing where the stage has no probability), `label` (what is written
    at the bar); not modified. Raises ValueError on an empty frame.
    """
    if frame.empty:
        raise ValueError("nothing to draw: use empty()")
    order = frame["stage"].tolist()
    top = float(frame["value"].max()) or 1.0
    label_px = float(max(frame["label"].str.len())) * _LETTER_PX + 12
    # Room for the labels behind the bars, however narrow the plot is.
    end = alt.ExprRef(expr=f"{top} / (1 - min(0.75, {label_px:.0f} / max(width, 1)))")
    scale = alt.Scale(domainMin=0, domainMax=end, nice=False)
    y = alt.Y("stage:N", sort=order, title=None, axis=alt.Axis(grid=False, labelLimit=170, labelFontSize=12))
    x = alt.X("value:Q", title=None, scale=scale, axis=None)
    base = alt.Chart(frame)
    tooltip = [alt.Tooltip("stage:N", title="Stage"), alt.Tooltip("label:N", title=measure.title)]
    whole = base.mark_bar(color=palette.primary, opacity=0.22, height={"band": 0.5}).encode(x, y, tooltip=tooltip)
    part = base.mark_bar(color=palette.primary, height={"band": 0.5})
    weighted = part.encode(alt.X("weighted:Q", title=None, scale=scale, axis=None), y, tooltip=tooltip)
    names = base.mark_text(align="left", dx=8, fontSize=12, color=palette.ink).encode(x, y, text="label:N")
    return finished(alt.layer(whole, weighted, names), palette, height or 43 * len(frame) + 16)
