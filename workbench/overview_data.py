"""What the Overview shows: seven numbers and their trends."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pandas as pd

from insights import metrics, series
from insights.charts import Measure
from insights.metrics import Period
from insights.money import converted, totals
from snapshots.tables import decimals
from workbench import data, figures, formats, freshness, look_data
from workbench.content import Overview, Trend
from workbench.view import View


def overview(view: View) -> Overview:
    measured, frames = data.measured(view)
    untold, is_all_time = data.untold(view), view.period.first is None
    now = frames.pipeline[frames.pipeline["day"] == frames.pipeline["day"].max()]
    return Overview(
        kpis=[
            figures.card(kpi, missing=untold.get(kpi.metric.key), is_all_time=is_all_time) for kpi in measured.values()
        ],
        trends=_told(_trends(view, frames), untold),
        n_open=int(now["n"].sum()),
        looks=look_data.looks(view),
        stamps=freshness.stamps(view),
        notes=_notes(view),
        is_empty=all(frame.empty for frame in (frames.events, frames.activities, frames.leads, frames.pipeline)),
    )


def _notes(view: View) -> list[str]:
    notes = []
    if view.filters.sources:
        notes.append("Activities have no source, so the source filter leaves them as they are.")
    return [*notes, *data.told_no_more(view)]


def _told(trends: Sequence[Trend], untold: Collection[str]) -> list[Trend]:
    """The trends of what the sources tell, those with something to see first; all where they tell of nothing."""
    told = [trend for trend in trends if ("leads" if trend.key == "leads" else "new_deals") not in untold]
    return told or list(trends)


def _trends(view: View, frames: metrics.OverviewFrames) -> list[Trend]:
    events = converted(frames.events, frames.rates, view.reporting_currency, days=frames.events["day"])
    of = {name: events[events["event"] == name] for name in ("won", "created", "lost")}
    return [
        _money_trend(view, of["won"], "won", "Won"),
        _count_trend(view, of["created"], "created", "Created", "New deals"),
        _money_trend(view, of["lost"], "lost", "Lost"),
        _count_trend(view, frames.leads, "leads", "Leads", "Leads"),
    ]


def _money_trend(view: View, frame: pd.DataFrame, key: str, label: str) -> Trend:
    """The amount, in the currency with most of it; the number of deals where there is no amount at all."""
    known = totals(view.period.of(frame))
    if not known:
        return _count_trend(view, frame, key, label, f"{label} deals")
    currency = known[0].currency
    mine = frame[frame["currency"].isna() if currency is None else frame["currency"] == currency]
    others = [one.currency or "no currency" for one in known[1:]]
    title = f"{label} amount"
    what = _What(
        key=key,
        label=label,
        title=title,
        measure=figures.measure(title, currency),
        unit=currency or "no currency",
        note=f"In {currency}; {', '.join(others)} stand apart and are not drawn." if others else "",
    )
    return _trend(view, mine.assign(major=mine["amount_minor"] / 10 ** decimals(currency)), "major", what)


def _count_trend(view: View, frame: pd.DataFrame, key: str, label: str, title: str) -> Trend:
    undated = int(frame.loc[frame["day"].isna(), "n"].sum())
    what = _What(
        key=key, label=label, title=title, measure=figures.measure(title, None), unit=title.lower(), n_undated=undated
    )
    return _trend(view, frame, "n", what)


@dataclass(frozen=True, slots=True, kw_only=True)
class _What:
    key: str
    label: str
    title: str
    measure: Measure
    unit: str
    note: str = ""
    n_undated: int = 0


def _trend(view: View, frame: pd.DataFrame, column: str, what: _What) -> Trend:
    dated = frame.loc[frame["day"].notna(), "day"]
    first = view.period.first or (dated.min().date() if len(dated) else view.period.last)
    period = Period(first, view.period.last)
    step = series.step_for((period.last - first).days + 1)
    points = series.over_time(frame, column, period=period, comparison=view.compared, step=step)
    ends_open = step == "month" and (period.last + timedelta(days=1)).day != 1
    return Trend(
        key=what.key,
        label=what.label,
        title=f"{what.title} per {step}",
        frame=points,
        measure=what.measure,
        partial_from=period.last.replace(day=1) if ends_open else None,
        columns=figures.series_columns(step, unit=what.unit, has_comparison=bool(points["comparison"].notna().any())),
        note=" ".join(part for part in (what.note, _uncut(points, period, step)) if part),
        nothing=_nothing(what, len(dated)),
    )


def _nothing(what: _What, n_dated: int) -> str:
    if what.n_undated and not n_dated:
        return f"None of these {what.unit} has a date, so there is no line to draw."
    return "Nothing happened in these days."


def _uncut(points: pd.DataFrame, period: Period, step: series.Step) -> str:
    """Says which days of the period are in no whole step, so that nobody misses them in the line."""
    first = points["day"].iloc[0].date() if len(points) else period.last
    if period.first is None or first <= period.first:
        return ""
    return f"Whole {step}s from {formats.day(first)}"
