"""The chart of the pipeline's change: what `insights/waterfall.py` found as bars, in the style of `insights/charts.py`.

The bars lie, one under the other: their names and amounts have room on a narrow screen, too.
"""

from __future__ import annotations

from typing import Final

import altair as alt
import pandas as pd

from insights.charts import Chart, Palette, finished
from insights.money import Money
from insights.waterfall import DEFINITIONS, END, START, Waterfall

_LETTER_PX: Final = 6.6
_ROW_PX: Final = 31
PICK: Final = "pick"
"""The selection that a click on a bar makes; it names the bar's `key`."""


def steps(found: Waterfall, currency: str | None) -> pd.DataFrame:
    """One row per bar, from the start to the end, in one currency.

    key: "start", "end" or the cause; `step`, `meaning`: in words; `n`: deals, <NA> for the two evenings, of which only
    the deals of all currencies are counted; `amount_minor`: the stock or the signed change; `low`, `high`: where the
    bar lies, in main units.
    """
    first, last = _minor(found.start, currency), _minor(found.end, currency)
    n = found.deals(currency)
    rows: list[tuple[object, ...]] = [("start", START.label, START.meaning, pd.NA, first, 0, first)]
    level = first
    for cause, change in found.sums(currency).items():
        said = DEFINITIONS[cause]
        rows.append((cause.value, said.label, said.meaning, n[cause], change, level, level + change))
        level += change
    rows.append(("end", END.label, END.meaning, pd.NA, last, 0, last))
    frame = pd.DataFrame(rows, columns=["key", "step", "meaning", "n", "amount_minor", "from_minor", "to_minor"])
    unit = [Money(currency, int(one)).major for one in frame["from_minor"]]
    other = [Money(currency, int(one)).major for one in frame["to_minor"]]
    return frame.assign(
        n=frame["n"].astype("Int64"),
        low=[min(pair) for pair in zip(unit, other, strict=True)],
        high=[max(pair) for pair in zip(unit, other, strict=True)],
    )[["key", "step", "meaning", "n", "amount_minor", "low", "high"]]


def _minor(stock: tuple[Money, ...], currency: str | None) -> int:
    return sum(one.minor for one in stock if one.currency == currency)


def bars(frame: pd.DataFrame, palette: Palette, *, picked: str | None) -> Chart:
    """frame: of `steps`, with `label`, what is written behind each bar; not modified. picked: the key of the bar whose
    deals are shown. Raises ValueError on an empty frame."""
    if frame.empty:
        raise ValueError("nothing to draw")
    data = frame.assign(color=[_color(row, palette) for row in frame.itertuples()], is_picked=frame["key"] == picked)
    bottom, top = min(0.0, float(data["low"].min())), float(data["high"].max()) or 1.0
    label_px = float(max(data["label"].str.len())) * _LETTER_PX + 14
    # Room for the labels behind the bars, however narrow the plot is.
    end = alt.ExprRef(expr=f"{bottom} + {top - bottom} / (1 - min(0.75, {label_px:.0f} / max(width, 1)))")
    scale = alt.Scale(domainMin=bottom, domainMax=end, nice=False)
    y = alt.Y("step:N", sort=data["step"].tolist(), title=None,
              axis=alt.Axis(grid=False, labelLimit=130, labelFontSize=12, labelOverlap=False))  # fmt: skip
    x, x2 = alt.X("low:Q", title=None, scale=scale, axis=None), alt.X2("high:Q")
    tooltip = [
        alt.Tooltip("step:N", title="Part"),
        alt.Tooltip("label:N", title="Amount"),
        alt.Tooltip("meaning:N", title="What it is"),
    ]
    pick = alt.selection_point(name=PICK, fields=["key"], on="click", empty=False, toggle=False)
    base = alt.Chart(data)
    # The whole row takes the click, for a bar may be a hair wide.
    row = base.mark_bar(height={"band": 1.0}, cursor="pointer", cornerRadiusEnd=0).encode(
        x=alt.value(0), x2=alt.value("width"), y=y, tooltip=tooltip,
        color=alt.condition("datum.is_picked", alt.value(palette.soft), alt.value("transparent")),
    ).add_params(pick)  # fmt: skip
    bar = base.mark_bar(height={"band": 0.56}, clip=True, cursor="pointer").encode(
        x, x2, y, color=alt.Color("color:N", scale=None), tooltip=tooltip
    )
    names = base.mark_text(align="left", dx=8, fontSize=12, color=palette.ink, clip=False).encode(
        alt.X("high:Q", title=None, scale=scale, axis=None), y, text="label:N", tooltip=tooltip
    )
    return finished(alt.layer(row, bar, names), palette, _ROW_PX * len(data) + 16)


def _color(row: object, palette: Palette) -> str:
    key, change = row.key, row.amount_minor  # type: ignore[attr-defined]
    if key in {"start", "end"}:
        return palette.ghost
    if key == "won":
        return palette.won_bar
    return palette.primary if change > 0 else palette.lost_bar
