"""The roll-up of salespeople."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pandas as pd

from insights import metrics, people, series
from snapshots.slices import NOBODY, Slice, Viewer
from workbench import data, figures, formats, installation, quality_data
from workbench.columns import Column, ColumnKind
from workbench.content import People
from workbench.data import cached
from workbench.view import View


@cached
def _people(viewer: Viewer, data_version: int, slice_: Slice, reporting: str | None) -> pd.DataFrame:
    reader = installation.reader(viewer)
    frame = people.roll_up(
        reader.owners(slice_.as_of),
        events=reader.deal_events(slice_, by_owner=True),
        activities=reader.activity_counts(slice_, by_owner=True),
        stages=reader.open_stages(slice_, by_owner=True),
        rates=reader.rates(),
        day=pd.Timestamp(slice_.until),
        reporting_currency=reporting,
    )
    weeks = metrics.TREND_WEEKS
    recent = replace(slice_, first_day=slice_.until - timedelta(weeks=weeks + 1), last_day=slice_.until)
    trends = series.weekly_lists(reader.activity_weeks(recent), slice_.until, weeks=weeks, by="owner_id", column="n")
    frame["trend"] = pd.Series([trends.get(one, [0.0] * weeks) for one in frame["owner_id"]], dtype="object")
    return frame


_PEOPLE_COLUMNS: Final = (
    Column(field="name", title="Salesperson", width=1.7),
    Column(field="emails", title="E-mails", kind=ColumnKind.COUNT, width=0.75),
    Column(field="calls", title="Calls", kind=ColumnKind.COUNT, width=0.7),
    Column(field="meetings", title="Meetings", kind=ColumnKind.COUNT, width=0.85, help="Meetings and appointments"),
    Column(field="new_deals", title="New deals", kind=ColumnKind.COUNT, width=0.9),
    Column(field="won_major", title="Won", kind=ColumnKind.NUMBER, text_field="won_major_text", width=0.95),
    Column(field="win_rate", title="Win rate", kind=ColumnKind.RATE, width=1.1,
           help="Won / (won + lost) of the deals closed in the period"),
    Column(field="pipeline_major", title="Pipeline", kind=ColumnKind.NUMBER, text_field="pipeline_major_text",
           width=0.95, help="Amount of the deals open at the end of the as-of day"),
)  # fmt: skip


_QUALITY: Final = Column(
    field="quality", title="Quality", kind=ColumnKind.NUMBER, text_field="quality_text", width=1.4,
    help="Quality of activity in the last 13 whole weeks, with its 80 % interval; 100 is usual here. The formula "
    "stands on each person’s page. No rank is made of it.",
)  # fmt: skip


def salespeople(view: View) -> People:
    """Who does what, busiest first; nobody's rows and inactive people stand in it as what they are."""
    found = _people(view.viewer, view.data_version, view.slice(), view.reporting_currency)
    found = _asked_for(found, view)
    untold = data.untold(view)
    columns: Sequence[Column] = _PEOPLE_COLUMNS
    if "activities" in untold:
        found = found.assign(emails=None, calls=None, meetings=None, trend=None)
        columns = tuple(column for column in columns if column.field not in {"emails", "calls", "meetings"})
    found, columns = _with_quality(found, columns, view)
    found = figures.money_column(found, "won_money", "won_major", n_field="won")
    found = figures.money_column(found, "pipeline_money", "pipeline_major", n_field="n_open")
    found = found.assign(
        note=[_about(row) for row in found.itertuples()],
        name=["Nobody" if row.owner_id == NOBODY else row.name or "Unnamed" for row in found.itertuples()],
    )
    found = found.sort_values(["won_major", "n_closed", "new_deals"], ascending=False, kind="stable").reset_index(
        drop=True
    )
    n = int((found["owner_id"] != NOBODY).sum())
    few = int(found["few"].sum())
    note = f"{formats.plural(n, 'person', 'people')} · {view.days}"
    note += f" · a pale win rate rests on fewer than {metrics.TOO_FEW} closed deals" if few else ""
    note += " · no source tells of activities" if "activities" in untold else ""
    return People(frame=found, columns=columns, note=note)


def _with_quality(found: pd.DataFrame, columns: Sequence[Column], view: View) -> tuple[pd.DataFrame, Sequence[Column]]:
    """With the quality of activity, where the weeks were counted."""
    known = quality_data.of_all(view) if any(column.field == "emails" for column in columns) else {}
    if not known:
        return found, columns
    each = [known.get(int(owner)) for owner in found["owner_id"]]
    index = pd.Series([None if one is None else one.index for one in each], index=found.index, dtype="float64")
    return found.assign(quality=index, quality_text=[quality_data.text(one) for one in each]), (*columns, _QUALITY)


def _asked_for(found: pd.DataFrame, view: View) -> pd.DataFrame:
    if view.filters.owner_ids:
        found = found[found["owner_id"].isin(view.filters.owner_ids)]
    if view.filters.team_ids:
        names = {view.choices.teams[team_id] for team_id in view.filters.team_ids}
        found = found[found["team"].isin(names)]
    return found


def _about(row: Any) -> str:
    if row.owner_id == NOBODY:
        return "no owner in the CRM"
    parts = [None if row.is_active else "inactive", row.team if isinstance(row.team, str) else None]
    return " · ".join(part for part in parts if part)
