"""The chart of somebody's quality of activity over the weeks, against a hundred, which is what is usual."""

from __future__ import annotations

import altair as alt
import pandas as pd

from insights.charts import Chart, Palette, as_days, finished, time_axis

_NAME_PX = 44


def trend(frame: pd.DataFrame, palette: Palette, *, height: int = 190) -> Chart:
    """frame: `day`, `value`, `low`, `high` of `insights.activity_quality.trend`, in which something is known; not
    modified. Raises ValueError where nothing is."""
    data = as_days(frame.dropna(subset=["value"]), "day")
    if data.empty:
        raise ValueError("nothing to draw: use charts.empty()")
    ends = [min(float(data["low"].min()) - 5, 70.0), max(float(data["high"].max()) + 5, 130.0)]

    def y(field: str) -> alt.Y:
        # About a hundred, and not from zero: what matters is how far from what is usual.
        return alt.Y(f"{field}:Q", title=None, scale=alt.Scale(domain=ends, zero=False, nice=False))

    x, base = time_axis(data["day"], "day", room=0.1, names_px=_NAME_PX), alt.Chart(data)
    band = base.mark_area(color=palette.primary, opacity=0.12).encode(x, y("low"),
                                                                      alt.Y2("high:Q"))  # fmt: skip
    usual = alt.Chart(pd.DataFrame({"usual": [100.0], "day": [data["day"].max()]}))
    rule = usual.mark_rule(color=palette.ghost, strokeDash=[4, 3], strokeWidth=1.5).encode(y("usual"))
    name = usual.mark_text(align="left", dx=8, dy=-8, text="usual", color=palette.muted).encode(x, y("usual"))
    tooltip = [alt.Tooltip("day:T", title="13 weeks to the one of", format="%-d %b %Y"),
               *(alt.Tooltip(f"{field}:Q", title=title, format=".0f")
                 for field, title in (("value", "Quality"), ("low", "From"), ("high", "To")))]  # fmt: skip
    line = base.mark_line(color=palette.primary, point=alt.OverlayMarkDef(size=28, color=palette.primary))
    hover = base.mark_rule(opacity=0, strokeWidth=14).encode(x, tooltip=tooltip)
    return finished(alt.layer(band, rule, line.encode(x, y("value")), name, hover), palette, height)
