"""Charts as pictures: PNG, drawn in this process from the charts of the pages, without a browser and a network."""

from __future__ import annotations

import vl_convert

from insights.charts import Chart

WIDTH_PX = 660
SCALE = 2.0
"""Pixels per pixel, for sharp paper and screens."""


def png(chart: Chart) -> bytes:
    """A PNG, WIDTH_PX wide before SCALE. The chart itself is not modified."""
    drawn = chart.properties(width=WIDTH_PX, background="#FFFFFF").to_dict()
    # Data stand in the chart itself: nothing may be fetched while it is drawn.
    return vl_convert.vegalite_to_png(drawn, scale=SCALE, allowed_base_urls=[])
