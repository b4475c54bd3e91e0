"""One salesperson's page."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pandas as pd

from insights import series
from insights.charts import Measure
from insights.money import converted, totals
from snapshots import lanes
from snapshots.slices import NOBODY, Slice, Viewer
from workbench import data, figures, formats, installation, rows_data
from workbench.columns import Column, ColumnKind
from workbench.content import PersonPage, Trend
from workbench.data import cached
from workbench.view import View


def narrowed(view: View, owner_id: int) -> View:
    """The view of one salesperson's rows alone."""
    return replace(view, filters=replace(view.filters, owner_ids=(owner_id,), team_ids=()))


def person(view: View, owner_id: int) -> PersonPage | None:
    """One salesperson's page; None where there is no such person for this viewer."""
    owners = installation.reader(view.viewer).owners(view.as_of)
    row = owners[owners["owner_id"] == owner_id]
    if row.empty and owner_id != NOBODY:
        return None
    own = narrowed(view, owner_id)
    measured, _ = data.measured(own)
    keys = ("won_amount", "win_rate", "cycle_length", "weighted_pipeline", "activities", "new_deals")
    untold = data.untold(own)
    about = "Deals and activities without an owner in the CRM" if row.empty else _about_person(row.iloc[0])
    deals = rows_data.rows_of(own.viewer, own.data_version, own.slice(), "open_pipeline", None, None)
    recent = rows_data.rows_of(own.viewer, own.data_version, own.slice(), "activities", None, None)
    return PersonPage(
        view=own,
        name="Nobody" if row.empty else row.iloc[0]["name"] or "Unnamed",
        about=about,
        is_active=True if row.empty else bool(row.iloc[0]["is_active"]),
        kpis=[
            figures.card(measured[key], missing=untold.get(key), is_all_time=own.period.first is None) for key in keys
        ],
        baselines=[one for one in _baselines(own) if one.key not in untold],
        has_activities="activities" not in untold,
        deals=deals.rows,
        has_more_deals=deals.after is not None,
        activities=rows_data.local(recent.rows.head(12), view),
    )


def _about_person(row: pd.Series) -> str:
    # Exports that know no teams but managers have teams that are called as these are.
    has_other = isinstance(row["manager"], str) and row["manager"] != row["team"]
    manager = f"manager {row['manager']}" if has_other else None
    parts = [row["team"], row["region"], manager]
    return " · ".join(str(part) for part in parts if isinstance(part, str) and part)


@cached
def _weeks(viewer: Viewer, data_version: int, slice_: Slice) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    reader = installation.reader(viewer)
    won = lanes.begin(lambda: reader.won_weeks(slice_))
    return reader.activity_weeks(slice_), won.result(), reader.rates()


def _baselines(view: View) -> list[Trend]:
    until = min(view.period.last, view.as_of)
    year = replace(view.slice(), first_day=until - timedelta(weeks=53), last_day=until)
    activities, won, rates = _weeks(view.viewer, view.data_version, year)
    won = converted(won, rates, view.reporting_currency, days=won["day"])
    known = totals(won)
    currency = known[0].currency if known else None
    mine = won[won["currency"] == currency] if currency else won
    mine = mine.assign(major=[formats.major(int(minor), currency) for minor in mine["amount_minor"]])
    return [
        _baseline(series.baseline(activities, until, column="n"), "activities", figures.measure("Activities", None)),
        _baseline(series.baseline(mine, until, column="major"), "won", figures.measure("Won", currency)),
    ]


def _baseline(frame: pd.DataFrame, key: str, measure: Measure) -> Trend:
    names = (("value", measure.title), ("low", "Usually from"), ("high", "Usually to"))
    columns = [Column(field=field, title=title, kind=ColumnKind.NUMBER) for field, title in names]
    return Trend(
        key=key,
        label=measure.title,
        title=f"{measure.title} per week against own usual range",
        frame=frame,
        measure=measure,
        columns=(Column(field="day", title="Week from", kind=ColumnKind.DATE), *columns),
    )
