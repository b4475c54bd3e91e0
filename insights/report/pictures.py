"""Charts as pictures: PNG, drawn in this process from the charts of the pages, without a browser and a network."""

from __future__ import annotations

from collections import deque

import vl_convert

from insights.charts import Chart

WIDTH_PX = 660
SCALE = 2.0
"""Pixels per pixel, for sharp paper and screens."""


_DRAWN: deque[tuple[Chart, bytes]] = deque(maxlen=4)
"""The last ones: a report's picture stands in its HTML and in its PDF, and drawing takes most of the time of either."""


def png(chart: Chart) -> bytes:
    """A PNG, WIDTH_PX wide before SCALE. The chart itself is not modified, and must not be afterwards."""
    for known, picture in list(_DRAWN):
        if known is chart:
            return picture
    picture = _draw(chart)
    _DRAWN.append((chart, picture))
    return picture


def _draw(chart: Chart) -> bytes:
    drawn = chart.properties(width=WIDTH_PX, background="#FFFFFF").to_dict(validate=False)
    # Data stand in the chart itself: nothing may be fetched while it is drawn.
    return vl_convert.vegalite_to_png(drawn, scale=SCALE, allowed_base_urls=[])
