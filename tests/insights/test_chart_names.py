"""Names at the ends of lines: seen whole on a narrow screen too."""

from __future__ import annotations

from typing import Any

import pandas as pd

from insights.charts import LIGHT, Measure, baseline, trend

FRAME = pd.DataFrame({"day": pd.date_range("2026-09-07", periods=10, freq="7D"), "value": range(10)})
DEALS = Measure(title="Deals")


def ends_of_the_axis(chart: Any) -> set[str]:
    scales = [layer["encoding"]["x"]["scale"] for layer in chart.to_dict()["layer"] if "x" in layer["encoding"]]
    return {str(scale.get("domainMax")) for scale in scales}


def test_the_room_for_names_grows_as_the_chart_narrows_and_all_lines_share_it() -> None:
    for chart in (
        trend(FRAME.assign(comparison=1.0), LIGHT, measure=DEALS),
        baseline(FRAME.assign(low=1.0, middle=2.0, high=3.0), LIGHT, measure=DEALS),
    ):
        [end] = ends_of_the_axis(chart)
        assert "width -" in end


def test_where_no_line_is_named_the_line_has_the_room() -> None:
    assert ends_of_the_axis(trend(FRAME.assign(comparison=float("nan")), LIGHT, measure=DEALS)) == {"None"}
