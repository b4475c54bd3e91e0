"""Days that charts mark: a thin line with its name, where the chart has that day."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from insights.charts import LIGHT, Mark, Measure, baseline, shown_marks, trend

WEEKS = pd.DatetimeIndex(pd.date_range("2026-09-07", periods=10, freq="7D"))
FRAME = pd.DataFrame({"day": WEEKS, "value": range(10), "comparison": float("nan")})
BAND = FRAME.assign(low=1.0, middle=2.0, high=3.0)
LAST = WEEKS[-1].date()


def marks_on(*days: date) -> list[Mark]:
    return [Mark(day=day, label=f"Moved on {day}") for day in days]


@pytest.mark.parametrize(
    ("day", "is_shown"),
    [
        (date(2026, 9, 6), False),
        (date(2026, 9, 7), True),
        (date(2026, 10, 1), True),
        (date(LAST.year, LAST.month, LAST.day + 6), True),
        (date(LAST.year, LAST.month, LAST.day + 7), False),
    ],
)
def test_a_mark_is_shown_where_a_step_holds_its_day(day: date, is_shown: bool) -> None:
    assert bool(shown_marks(marks_on(day), FRAME["day"])) == is_shown


def test_trends_and_baselines_draw_a_line_with_the_name_and_the_day() -> None:
    [mark] = marks_on(date(LAST.year, LAST.month, LAST.day + 2))
    for chart in (
        trend(FRAME, LIGHT, measure=Measure(title="Deals"), marks=[mark]),
        baseline(BAND, LIGHT, measure=Measure(title="Deals"), marks=[mark]),
    ):
        drawn = chart.to_json()
        assert mark.label in drawn
        assert f'"on": "{mark.day}' in drawn


def test_without_marks_nothing_is_drawn_for_them() -> None:
    measure = Measure(title="Deals")
    assert trend(FRAME, LIGHT, measure=measure).to_dict() == trend(FRAME, LIGHT, measure=measure, marks=[]).to_dict()
