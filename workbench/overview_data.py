"""What the Overview shows: seven numbers and their trends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pandas as pd

from insights import metrics, series
from insights.charts import Measure
from insights.metrics import Period
from insights.money import converted, totals
from workbench import data, figures, formats, look_data
from workbench.content import Overview, Trend
from workbench.view import View


def overview(view: View) -> Overview:
    measured, frames = data.measured(view)
    return Overview(
        kpis=[figures.card(kpi, missing=data.untold(view).get(kpi.metric.key)) for kpi in measured.values()],
        trends=_trends(view, frames),
        looks=look_data.looks(view),
        stamps=look_data.stamps(view),
        notes=_notes(view),
        is_empty=all(frame.empty for frame in (frames.events, frames.activities, frames.leads, frames.pipeline)),
    )


def _notes(view: View) -> list[str]:
    notes = []
    if view.filters.sources:
        notes.append("Activities have no source, so the source filter leaves them as they are.")
    return notes


def _trends(view: View, frames: metrics.OverviewFrames) -> list[Trend]:
    events = converted(frames.events, frames.rates, view.reporting_currency, days=frames.events["day"])
    found = []
    for key, label, event in (("won", "Won", "won"), ("lost", "Lost", "lost")):
        found += _money_trend(view, events[events["event"] == event], key, label)
    created = events[events["event"] == "created"]
    counts = (("created", "Created", "New deals", created), ("leads", "Leads", "Leads", frames.leads))
    found[1:1] = [_count_trend(view, frame, key, label, title) for key, label, title, frame in counts[:1]]
    found.append(_count_trend(view, frames.leads, *counts[1][:3]))
    return found


def _money_trend(view: View, frame: pd.DataFrame, key: str, label: str) -> list[Trend]:
    """The amount, in the currency with most of it; the number of deals where there is no amount at all."""
    known = totals(view.period.of(frame))
    if not known:
        return [_count_trend(view, frame, key, label, f"{label} deals")]
    currency = known[0].currency
    mine = frame[frame["currency"].isna() if currency is None else frame["currency"] == currency]
    others = [one.currency or "no currency" for one in known[1:]]
    note = f"In {currency}; {', '.join(others)} stand apart and are not drawn." if others else ""

    def amount(rows: pd.DataFrame) -> float:
        return formats.major(int(rows["amount_minor"].sum()), currency)

    what = _What(key, label, f"{label} amount", figures.measure(f"{label} amount", currency), note)
    return [_trend(view, mine, amount, what)]


def _count_trend(view: View, frame: pd.DataFrame, key: str, label: str, title: str) -> Trend:
    what = _What(key, label, title, figures.measure(title, None))
    return _trend(view, frame, lambda rows: float(rows["n"].sum()), what)


@dataclass(frozen=True, slots=True)
class _What:
    key: str
    label: str
    title: str
    measure: Measure
    note: str = ""


def _trend(view: View, frame: pd.DataFrame, value: series.Value, what: _What) -> Trend:
    dated = frame.loc[frame["day"].notna(), "day"]
    first = view.period.first or (dated.min().date() if len(dated) else view.period.last)
    period = Period(first, view.period.last)
    step = series.step_for((period.last - first).days + 1)
    points = series.over_time(frame, value, period=period, comparison=view.compared, step=step)
    ends_open = step == "month" and (period.last + timedelta(days=1)).day != 1
    return Trend(
        key=what.key,
        label=what.label,
        title=f"{what.title} per {step}",
        frame=points,
        measure=what.measure,
        partial_from=period.last.replace(day=1) if ends_open else None,
        columns=figures.series_columns(step, has_comparison=bool(points["comparison"].notna().any())),
        note=what.note,
    )
