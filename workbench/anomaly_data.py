"""What the page Anomalies loads and does: alarms as they were raised, each series' weeks beside what was to be
expected, the record of past alarms, the rows behind a week; and what people say of an alarm.

What is expected is worked out anew from the weeks before, and by what is known now of leave; the alarms are as issued.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final, cast

import numpy as np
import pandas as pd
import streamlit as st

from insights.anomalies.detection import band_of
from insights.anomalies.expected import expect
from insights.anomalies.thresholds import QUARTER
from ops import daily, detecting, jobs
from snapshots import alarms, leave, rows
from snapshots.alarms import AlarmRun, Measure, Verdict
from snapshots.slices import Role, Slice, Viewer
from workbench import access, formats, installation, rights, row_sets, rows_data
from workbench.anomaly_choice import AnomalyChoice
from workbench.columns import Column, ColumnKind
from workbench.content import RowsPage
from workbench.data import cached
from workbench.rows import every
from workbench.view import View

CHART_WEEKS: Final = 52
RECORD_WEEKS: Final = 52
WORK: Final = "anomalies"
_ASKED: Final = "anomalies_asked"
KINDS: Final[Mapping[tuple[str, str], str]] = {
    ("drop", "lost week"): "Lost week", ("drop", "sustained"): "Fewer for weeks",
    ("rise", "spike"): "Spike", ("rise", "sustained"): "More for weeks",
}  # fmt: skip
OF_PEOPLE: Final[frozenset[Verdict]] = frozenset({"leave", "left"})
"""What an alarm about a source or a form never was."""
VERDICTS: Final[Mapping[Verdict, str]] = {
    "real": "Something happened", "leave": "On leave", "left": "Left the team", "false": "Nothing happened"
}  # fmt: skip
ALARM_COLUMNS: Final = (
    Column(field="name", title="Who", width=1.2),
    Column(field="day", title="Week of", kind=ColumnKind.DATE),
    Column(field="what", title="What", width=1.0),
    Column(field="value", title="Count", kind=ColumnKind.COUNT),
    Column(field="expected", title="Expected", text_field="expected_text", is_right=True),
    Column(field="score", title="Score", text_field="score_text", is_right=True,
           help="How far it is over its threshold: an alarm begins at 1."),
    Column(field="said", title="What it was", width=1.1, missing="Nobody said"),
    Column(field="why", title="Why", width=3),
    Column(field="issued", title="Raised", width=0.9),
)  # fmt: skip
WEEK_COLUMNS: Final = (
    Column(field="day", title="Week of", kind=ColumnKind.DATE),
    Column(field="value", title="Count", kind=ColumnKind.COUNT, missing="Not known"),
    Column(field="expected", title="Expected", kind=ColumnKind.NUMBER),
    Column(field="low", title="Usually from", kind=ColumnKind.COUNT),
    Column(field="high", title="to", kind=ColumnKind.COUNT),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Of the last RECORD_WEEKS weeks. raised: alarms; quarters: of the series that were looked at. said: how many were
    said to be what; replayed: how many were found afterwards."""

    raised: int
    quarters: float
    said: Mapping[str, int]
    replayed: int

    @property
    def rate(self) -> float | None:
        """Alarms per series and quarter, every one counted."""
        return self.raised / self.quarters if self.quarters else None

    @property
    def n_said(self) -> int:
        return sum(self.said.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomalies:
    """run: the newest until the day that is looked at; None: there was none. alarms: of the page's days, as in
    ALARM_COLUMNS and snapshots.alarms.ALARMS; listed: those that the choice asks for. names: of the series that can be
    chosen. series: the chosen one. weeks: its weeks, as in WEEK_COLUMNS. of_series: its alarms in those weeks. picked:
    row of `listed` that is looked at, or None."""

    view: View
    choice: AnomalyChoice
    run: AlarmRun | None
    alarms: pd.DataFrame
    listed: pd.DataFrame
    record: Record
    names: Mapping[str, str]
    series: str | None
    weeks: pd.DataFrame
    of_series: pd.DataFrame
    picked: pd.Series | None


def load(view: View, choice: AnomalyChoice) -> Anomalies:
    run = alarms.latest_run(installation.database(), view.organization_id, choice.measure, as_of=view.as_of)
    found = _told(_listed(view, choice.measure, view.slice()), view)
    every = _weeks(view.organization_id, view.data_version, choice.measure, view.as_of, _away_version(view))
    names = _seen(view, choice.measure, every, found)
    since = view.as_of - timedelta(weeks=RECORD_WEEKS)
    year = replace(view.slice(), first_day=since, last_day=view.as_of)
    past = _told(_listed(view, choice.measure, year), view)
    listed = _shown(found, past, choice)
    picked = _picked(listed, choice)
    series = choice.series if choice.series in names else None
    series = series or (str(picked["subject_key"]) if picked is not None else None) or next(iter(names), None)
    own = _with_band(every[every["series"] == series].tail(CHART_WEEKS))
    here = every[every["series"].isin(names) & (every["day"] >= pd.Timestamp(since))]
    return Anomalies(
        view=view, choice=choice, run=run, alarms=found, listed=listed,
        names=_with_picked(names, picked), series=series, weeks=own,
        record=_record(past, int(here["expected"].notna().sum())), picked=picked,
        of_series=past[past["subject_key"] == series],
    )  # fmt: skip


def _shown(found: pd.DataFrame, past: pd.DataFrame, choice: AnomalyChoice) -> pd.DataFrame:
    """found: of the page's days; past: of the year."""
    if not choice.shown:
        return found
    return past if choice.shown == "year" else past[past["verdict"].notna()].reset_index(drop=True)


def _listed(view: View, measure: Measure, slice_: Slice) -> pd.DataFrame:
    """ALARMS of the slice; of leads those of the sources that the filters leave, as of the series."""
    found = alarms.list_alarms(installation.reader(view.viewer), measure, slice_)
    if measure != "leads" or not view.filters.sources:
        return found
    return found[found["subject_key"].isin(view.filters.sources)].reset_index(drop=True)


def of_person(view: View, owner_id: int) -> pd.DataFrame | None:
    """A salesperson's alarms of the last RECORD_WEEKS weeks, as in ALARM_COLUMNS; None: no week was looked at."""
    if alarms.latest_run(installation.database(), view.organization_id, "activities", as_of=view.as_of) is None:
        return None
    since = view.as_of - timedelta(weeks=RECORD_WEEKS)
    own = replace(view.slice(), first_day=since, last_day=view.as_of, owner_ids=(owner_id,), team_ids=())
    return _told(alarms.list_alarms(installation.reader(view.viewer), "activities", own), view)


def _record(past: pd.DataFrame, n_weeks: int) -> Record:
    return Record(
        raised=len(past), quarters=n_weeks / QUARTER, replayed=int(past["is_replayed"].sum()),
        said={str(key): int(n) for key, n in past["verdict"].value_counts().items()},
    )  # fmt: skip


def _picked(found: pd.DataFrame, choice: AnomalyChoice) -> pd.Series | None:
    own = found if choice.series is None else found[found["subject_key"] == choice.series]
    asked = found[found["alarm_id"] == choice.alarm] if choice.alarm is not None else own.head(1)
    return asked.iloc[0] if len(asked) else None


def _with_picked(names: Mapping[str, str], picked: pd.Series | None) -> Mapping[str, str]:
    """With that of the alarm that is looked at, though it has no weeks any more, as somebody who left or was merged:
    else another one's name would stand over it."""
    if picked is None or picked["subject_key"] in names:
        return names
    return {**names, str(picked["subject_key"]): str(picked["name"])}


def _seen(view: View, measure: Measure, every: pd.DataFrame, found: pd.DataFrame) -> dict[str, str]:
    """Series that this viewer may choose, by name: people that the filters leave, else all."""
    names = dict(zip(every["series"], every["name"], strict=True))
    if measure == "activities":
        people = installation.reader(view.viewer).owners(view.as_of)
        teams, owners = view.filters.team_ids, view.filters.owner_ids
        people = people[people["team_id"].isin(teams)] if teams else people
        people = people[people["owner_id"].isin(owners)] if owners else people
        allowed = {str(one) for one in people["owner_id"]}
        names = {key: name for key, name in names.items() if key in allowed}
    elif not view.sees_everything:
        return {}
    elif view.filters.sources and measure == "leads":
        names = {key: name for key, name in names.items() if key in view.filters.sources}
    return dict(sorted(names.items(), key=lambda one: (one[1].casefold(), one[0])))


def _told(found: pd.DataFrame, view: View) -> pd.DataFrame:
    """With what people read."""
    kinds = [KINDS[key] for key in zip(found["direction"], found["kind"], strict=True)]
    said = [None if formats.is_missing(one) else VERDICTS[cast("Verdict", one)] for one in found["verdict"]]
    issued = [
        "Afterwards" if late else formats.day(day)
        for late, day in zip(found["is_replayed"], found["made_on"], strict=True)
    ]
    return found.assign(
        what=kinds, said=pd.Series(said, index=found.index, dtype=object), issued=issued,
        expected_text=[formats.number(one) for one in found["expected"]],
        score_text=[f"{one:.2f}" for one in found["score"]],
    )  # fmt: skip


def _away_version(view: View) -> int:
    """Changes with the entries of leave and the calendar, which what is expected rests on."""
    everything = installation.reader(Viewer(view.organization_id, Role.ADMIN))
    calendar = leave.calendar_of(installation.database(), view.organization_id)
    return hash((tuple(leave.list_absences(everything)), calendar))


@cached
def _weeks(organization_id: int, data_version: int, measure: Measure, as_of: date, away: int) -> pd.DataFrame:
    """Every series' weeks: `series`, `name`, `day`, `value`, `expected`, and the `spread` of the series. What is usual
    of one is judged beside all others; which of them a page shows is decided where it is made."""
    reader = installation.reader(Viewer(organization_id, Role.ADMIN))
    weeks, names = detecting.weeks_before(reader, measure, as_of + timedelta(days=1))
    columns = ["series", "name", "day", "value", "expected", "spread"]
    if not weeks.series:
        return pd.DataFrame(columns=columns)
    expected, n = expect(weeks), len(weeks.days)
    called = [names.get(key, key) for key in weeks.series]
    return pd.DataFrame({
        "series": np.repeat(np.array(weeks.series, dtype=object), n),
        "name": np.repeat(np.array(called, dtype=object), n),
        "day": np.tile(weeks.days, len(weeks.series)), "value": weeks.counts.ravel(), "expected": expected.mean.ravel(),
        "spread": np.repeat(expected.spread, n),
    })  # fmt: skip


def _with_band(weeks: pd.DataFrame) -> pd.DataFrame:
    """With `low` and `high`, between which four ordinary weeks of five lie."""
    low, high = band_of(weeks["expected"].to_numpy(np.float64), weeks["spread"].to_numpy(np.float64))
    return weeks.assign(low=low, high=high)


# --- rows behind a week ----------------------------------------------------------------------------------------------


def rows_behind(loaded: Anomalies, *, after: Any = None) -> RowsPage | None:
    """The activities or leads of the picked alarm's weeks; None where nobody keeps rows: visits of forms."""
    if loaded.picked is None or loaded.choice.measure == "conversion":
        return None
    view, alarm = loaded.view, loaded.picked
    first, last = alarm["since"].date(), alarm["day"].date() + timedelta(days=6)
    narrowed: dict[str, Any] = {"owner_ids": (), "team_ids": (), "sources": ()}
    key = "leads" if loaded.choice.measure == "leads" else "activities"
    narrowed |= {"sources": (alarm["subject_key"],)} if key == "leads" else {"owner_ids": (int(alarm["owner_id"]),)}
    slice_ = Slice(first_day=first, last_day=last, as_of=view.as_of, **narrowed)
    page = _rows_of(view.viewer, view.data_version, slice_, key, after)
    return RowsPage(
        title="", note=formats.day_range(first, last), columns=row_sets.columns(row_sets.ROW_SETS[key]),
        frame=rows_data.local(page.rows, view), total=None, next_after=page.after,
    )  # fmt: skip


def all_rows(loaded: Anomalies) -> pd.DataFrame:
    """Every row behind the picked alarm, up to the limit of an export. Only where there are rows."""

    def read(after: Any) -> RowsPage:
        page = rows_behind(loaded, after=after)
        assert page is not None
        return page

    return every(read)


@cached
def _rows_of(viewer: Viewer, data_version: int, slice_: Slice, key: str, after: Any) -> rows.RowsPage:
    """Of activities all kinds, as they are counted here: tasks and notes, too."""
    reader = installation.reader(viewer)
    if key == "leads":
        return rows.lead_rows(reader, slice_, after=after)
    return rows.activity_rows(reader, slice_, after=after)


# --- what people do --------------------------------------------------------------------------------------------------

_REFUSAL: Final = "Only administrators and sales ops have weeks looked at."


def say(view: View, alarm_id: int, verdict: Verdict | None) -> None:
    """What an alarm was, in the name of who looks. Raises NoSuchAlarm for who may not see it."""
    viewer = rights.viewer(view)
    alarms.say(installation.reader(viewer), alarm_id, verdict, by=access.who(), now=installation.services().now())


def look_now(view: View) -> None:
    """Has the worker look at the weeks until today. Raises PermissionError for who may not change settings."""
    rights.demand_settings(view.organization_id, _REFUSAL)
    day = jobs.refresh_day(installation.services().now(), view.zone)
    with installation.database().as_app(view.organization_id) as transaction:
        daily.defer_asked(transaction, view.organization_id, WORK, day, by=access.who())
    st.session_state[_ASKED] = view.organization_id


def is_asked(view: View) -> bool:
    """Whether this session asked for it and no run has come yet."""
    return st.session_state.get(_ASKED) == view.organization_id
