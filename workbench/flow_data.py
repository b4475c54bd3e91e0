"""What the page Pipeline flow loads: stages with who goes on and how long it takes, velocity, cohorts, pushed dates,
and the deals behind any of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

import pandas as pd

from insights import flow, metrics
from insights.flow import Estimate, StageFlow, Velocity
from insights.funnel import Rate
from insights.metrics import Period as Days
from insights.money import Money, converted, totals
from snapshots import flow_facts, lanes, pipeline_moves
from snapshots.flow_facts import Fate
from snapshots.slices import Slice, Viewer
from workbench import formats, installation, rate_words, rows_data
from workbench.columns import Column, ColumnKind
from workbench.content import RowsPage
from workbench.data import cached
from workbench.flow_filters import FATES, PUSHED, STAGE, WEEK, FlowChoice
from workbench.row_sets import CREATED, DEAL, OWNER
from workbench.view import View

TOO_FEW: Final = rate_words.TOO_FEW
LEAST_WEEKS, MOST_WEEKS = 20, 26
STAGE_COLUMNS: Final = (
    Column(field="stage", title="Stage", width=1.4),
    Column(field="n_entered", title="Entered", kind=ColumnKind.COUNT),
    Column(field="n_on", title="Went on", kind=ColumnKind.COUNT),
    Column(field="n_back", title="Back", kind=ColumnKind.COUNT),
    Column(field="n_lost", title="Lost", kind=ColumnKind.COUNT),
    Column(field="n_gone", title="Gone", kind=ColumnKind.COUNT),
    Column(field="n_there", title="Still there", kind=ColumnKind.COUNT),
    Column(field="goes_on", title="Goes on", kind=ColumnKind.RATE),
    Column(field="goes_on_between", title="95 % interval", is_right=True),
    Column(field="undecided", title="Undecided", kind=ColumnKind.RATE),
)
STAY_COLUMNS: Final = (
    Column(field="stage", title="Stage", width=1.4),
    Column(field="n_watched", title="Deals", kind=ColumnKind.COUNT),
    Column(field="median", title="Median", is_right=True),
    Column(field="median_between", title="95 % interval", is_right=True),
    Column(field="half", title="Middle half", is_right=True),
)
COHORT_COLUMNS: Final = (
    Column(field="day", title="Week from", kind=ColumnKind.DATE),
    Column(field="n", title="Created", kind=ColumnKind.COUNT),
    *(Column(field=f"won_{age}", title=f"Won in {age} w", kind=ColumnKind.RATE) for age in flow.COHORT_WEEKS),
    Column(field="won", title="Won", kind=ColumnKind.COUNT),
    Column(field="lost", title="Lost", kind=ColumnKind.COUNT),
    Column(field="open", title="Open", kind=ColumnKind.COUNT),
)
PUSH_COLUMNS: Final = (
    Column(field="pushed", title="Close date pushed", width=1.2),
    Column(field="n", title="Deals", kind=ColumnKind.COUNT),
    Column(field="won", title="Won", kind=ColumnKind.COUNT),
    Column(field="lost", title="Lost", kind=ColumnKind.COUNT),
    Column(field="open", title="Open", kind=ColumnKind.COUNT),
    Column(field="win_rate", title="Win rate", kind=ColumnKind.RATE),
    Column(field="win_rate_between", title="95 % interval", is_right=True),
    Column(field="days", title="A push moves it by", kind=ColumnKind.DAYS),
)
_AMOUNT: Final = Column(field="amount_minor", title="Amount", kind=ColumnKind.MONEY, missing="No amount")
STAY_DEAL_COLUMNS: Final = (
    DEAL,
    OWNER,
    Column(field="entered_day", title="Entered", kind=ColumnKind.DATE),
    Column(field="left_day", title="Left", kind=ColumnKind.DATE, missing="Still there"),
    Column(field="age", title="Days", kind=ColumnKind.DAYS),
    Column(field="fate", title="What became of it"),
    _AMOUNT,
)
PUSHED_DEAL_COLUMNS: Final = (
    DEAL,
    OWNER,
    Column(field="n_pushes", title="Pushes", kind=ColumnKind.COUNT),
    Column(field="days", title="Pushed by", kind=ColumnKind.DAYS),
    Column(field="close_on", title="Close date", kind=ColumnKind.DATE),
    Column(field="status", title="Status"),
    _AMOUNT,
)
WEEK_DEAL_COLUMNS: Final = (
    DEAL,
    OWNER,
    Column(field="status", title="Status"),
    Column(field="stage", title="Stage", missing="No stage"),
    _AMOUNT,
    CREATED,
    Column(field="closed_day", title="Closed", kind=ColumnKind.DATE, missing=""),
)
FATE_WORDS: Final[Mapping[str, str]] = {
    **{fate: words.capitalize() for fate, words in FATES.items() if fate}, "won": "Won", "gone": "Gone",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowPage:
    """stages: their names by id, in order. flows: of each. n_cycles: won deals of which the cycle is known. weeks: of
    the cohorts."""

    view: View
    choice: FlowChoice
    stages: Mapping[int, str]
    flows: Mapping[int, StageFlow]
    n_undated: int
    velocity: Velocity
    n_cycles: int
    weeks: Slice
    cohorts: pd.DataFrame
    pushes: pd.DataFrame

    @property
    def is_nothing(self) -> bool:
        return not any(one.n_watched for one in self.flows.values()) and self.cohorts.empty

    @property
    def part(self) -> str:
        """Whose deals are listed."""
        weeks = [f"{WEEK}.{day:%Y-%m-%d}" for day in self.cohorts["day"]]
        pushed = [f"{PUSHED}.{n}" for n in self.pushes["n_pushes"]]
        stages = [f"{STAGE}.{key}" for key in self.stages]
        watched = [f"{STAGE}.{key}" for key, one in self.flows.items() if one.n_entered]
        if self.choice.part in (*stages, *pushed, *weeks):
            return self.choice.part
        return next(iter((*watched, *weeks, *stages)), f"{PUSHED}.0")


@dataclass(frozen=True, slots=True)
class _Known:
    stays: pd.DataFrame
    n_undated: int
    pushes: pd.DataFrame
    cohorts: pd.DataFrame
    closed: pd.DataFrame
    cycles: pd.DataFrame
    n_open: int
    rates: pd.DataFrame


@cached
def _known(viewer: Viewer, data_version: int, slice_: Slice) -> _Known:
    reader = installation.reader(viewer)
    cohorts = lanes.begin(lambda: flow_facts.cohorts(reader, _weeks(slice_)))
    closed = lanes.begin(lambda: flow_facts.closed(reader, slice_))
    cycles = lanes.begin(lambda: reader.cycles(slice_))
    n_open = lanes.begin(lambda: pipeline_moves.open_deals(reader, slice_).n)
    found = flow_facts.flow(reader, slice_)
    return _Known(
        found.stays, found.n_undated, found.pushes, cohorts.result(), closed.result(), cycles.result(),
        n_open.result(), reader.rates(),
    )  # fmt: skip


@cached
def _stages(viewer: Viewer, data_version: int) -> pd.DataFrame:
    return flow_facts.stage_names(installation.reader(viewer))


def pipelines(view: View) -> dict[int, str]:
    """Names of the pipelines that have stages."""
    known = _stages(view.viewer, view.data_version).dropna(subset=["pipeline_id"]).drop_duplicates("pipeline_id")
    return _called(known["pipeline_id"], known["pipeline"], "Unnamed pipeline")


def _called(ids: pd.Series, names: pd.Series, missing: str) -> dict[int, str]:
    return {int(key): str(name) if isinstance(name, str) else missing for key, name in zip(ids, names, strict=True)}


def slice_of(view: View, choice: FlowChoice) -> Slice:
    """The period in the pipeline that was chosen; the only one is no condition, so that deals without one count."""
    ids = list(pipelines(view))
    chosen = (choice.pipeline_id or ids[0],) if len(ids) > 1 else ()
    return replace(view.slice(), pipeline_ids=chosen)


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineView(View):
    """The view of one pipeline's deals; none named: of all."""

    pipeline_ids: tuple[int, ...] = ()

    def slice(self, period: Days | None = None) -> Slice:
        return replace(View.slice(self, period), pipeline_ids=self.pipeline_ids)


def rows_view(page: FlowPage) -> PipelineView:
    """Of the deals behind the page's numbers."""
    held = {name: getattr(page.view, name) for name in View.__dataclass_fields__}
    return PipelineView(**held, pipeline_ids=slice_of(page.view, page.choice).pipeline_ids)


def load(view: View, choice: FlowChoice) -> FlowPage:
    slice_ = slice_of(view, choice)
    known = _known(view.viewer, view.data_version, slice_)
    names = _stages(view.viewer, view.data_version)
    if slice_.pipeline_ids:
        names = names[names["pipeline_id"].isin(slice_.pipeline_ids)]
    stages = _called(names["stage_id"], names["stage"], "Unnamed stage")
    by_stage = dict(iter(known.stays.groupby("stage_id")))
    return FlowPage(
        view=view, choice=choice, stages=stages, n_undated=known.n_undated, weeks=_weeks(slice_),
        flows={key: flow.stage_flow(by_stage.get(key, known.stays.head(0))) for key in stages},
        velocity=_velocity(known, view), n_cycles=int(known.cycles["n"].sum()),
        cohorts=flow.cohorts(known.cohorts, until=slice_.until),
        pushes=flow.pushes(known.pushes),
    )  # fmt: skip


def _weeks(slice_: Slice) -> Slice:
    """The period in whole weeks, of which there are at least LEAST_WEEKS and at most MOST_WEEKS."""
    until = slice_.until
    monday = until - timedelta(days=until.weekday())
    asked = MOST_WEEKS if slice_.first_day is None else (monday - slice_.first_day).days // 7 + 1
    n = min(max(asked, LEAST_WEEKS), MOST_WEEKS)
    return replace(slice_, first_day=monday - timedelta(weeks=n - 1), last_day=until)


def _velocity(known: _Known, view: View) -> Velocity:
    closed = converted(known.closed, known.rates, view.reporting_currency, days=known.closed["day"])
    won = closed[closed["event"] == "won"]
    sums = [one for one in totals(won[won["n_valued"] > 0]) if one.minor]
    main = sums[0] if sums else None
    currency = main.currency if main is not None else None
    own = won[won["currency"].isna() if currency is None else won["currency"] == currency]
    return flow.velocity(
        n_open=known.n_open, n_won=int(won["n"].sum()), n_closed=int(closed["n"].sum()), won=main,
        n_valued=int(own["n_valued"].sum()),
        cycle_days=metrics.median_of_counts(known.cycles["days"], known.cycles["n"]) if len(known.cycles) else None,
    )  # fmt: skip


# --- as tables and for charts -----------------------------------------------------------------------------------------


def stage_rows(page: FlowPage) -> pd.DataFrame:
    """One row per stage: STAGE_COLUMNS and STAY_COLUMNS, with what the charts want beside."""
    return pd.DataFrame([_stage_row(key, name, page) for key, name in page.stages.items()])


def _stage_row(key: int, name: str, page: FlowPage) -> dict[str, object]:
    one, few = page.flows[key], page.flows[key].is_few
    n_on = sum(one.n.get(fate, 0) for fate in flow.GOES_ON)
    return {
        "key": f"{STAGE}.{key}", "stage": name, "n_entered": one.n_entered, "n_on": n_on,
        "n_back": one.n.get("back", 0), "n_lost": one.n.get("lost", 0),
        "n_gone": one.n.get("gone", 0) + one.n.get("left", 0), "n_there": one.n.get("there", 0),
        "goes_on": one.goes_on.value, "undecided": one.undecided if one.n_watched else None,
        "goes_on_between": TOO_FEW if few else shares_between(one.goes_on),
        "n_watched": one.n_watched, "median": days_text(one.median.value),
        "median_between": TOO_FEW if few else days_between(one.median),
        "half": _half(one), "is_few": few, "value": one.goes_on.value, "low": one.goes_on.low,
        "high": one.goes_on.high, "first": one.first_quarter.value, "middle": one.median.value,
        "last": one.last_quarter.value, "longest": float(len(one.curve) - 1) if one.n_watched else None,
    }  # fmt: skip


def _half(one: StageFlow) -> str:
    if one.first_quarter.value is None:
        return formats.MISSING
    last = one.last_quarter.value
    return (
        f"{one.first_quarter.value:.0f}–{last:.0f} d" if last is not None else f"from {one.first_quarter.value:.0f} d"
    )


def shares_between(one: Estimate) -> str:
    """ "38–48 %"."""
    if one.low is None or one.high is None:
        return ""
    return f"{100 * one.low:.0f}–{100 * one.high:.0f}{formats.SPACE}%"


def days_text(value: float | None) -> str:
    return formats.MISSING if value is None else f"{value:.0f} d"


def days_between(one: Estimate) -> str:
    """ "9–15 d"; open where the interval does not end."""
    if one.low is None:
        return ""
    return f"{one.low:.0f}–{one.high:.0f} d" if one.high is not None else f"over {one.low:.0f} d"


def cohort_cells(page: FlowPage) -> pd.DataFrame:
    """`flow_chart.cohorts`: one row per week and age."""
    rows = []
    reached = [age for age in flow.COHORT_WEEKS if page.cohorts[f"won_{age}"].notna().any()]
    for row in page.cohorts.to_dict("records"):
        for age in reached or flow.COHORT_WEEKS[:1]:
            share = row[f"won_{age}"]
            rows.append({
                "key": f"{WEEK}.{row['day']:%Y-%m-%d}", "week": f"{row['day']:%-d %b} · {formats.count(row['n'])}",
                "age": f"{age} w", "share": share, "n": row["n"],
                "label": "" if pd.isna(share) else f"{100 * share:.0f} %",
            })  # fmt: skip
    return pd.DataFrame(rows)


def push_rows(page: FlowPage) -> pd.DataFrame:
    """PUSH_COLUMNS, with `key`."""
    found = page.pushes
    rates = [Rate(int(won), int(won + lost)) for won, lost in zip(found["won"], found["lost"], strict=True)]
    return found.assign(
        key=[f"{PUSHED}.{n}" for n in found["n_pushes"]],
        pushed=[pushed_words(int(n)) for n in found["n_pushes"]],
        win_rate=pd.Series([one.value for one in rates], index=found.index, dtype="float64"),
        win_rate_between=[rate_words.interval(one) for one in rates],
    )


def pushed_words(n: int) -> str:
    if n == 0:
        return "Not pushed"
    return f"{n} times or more" if n == flow.MOST_PUSHES else "Once" if n == 1 else "Twice"


def money_text(money: Money | None) -> str:
    return formats.MISSING if money is None else formats.money_short(money.minor, money.currency)


# --- the deals behind -------------------------------------------------------------------------------------------------


def deals(page: FlowPage, *, after: Any = None) -> RowsPage:
    """A page of the deals of the part that was chosen."""
    kind, _, what = page.part.partition(".")
    if kind == WEEK:
        return _of_week(page, date.fromisoformat(what), after)
    return _of_pushes(page, int(what), after) if kind == PUSHED else _of_stage(page, int(what), after)


@cached
def _stay_deals(  # all of them are the cache's key
    viewer: Viewer, data_version: int, slice_: Slice, stage_id: int, fates: tuple[Fate, ...], after: Any
) -> tuple[pd.DataFrame, Any]:
    return flow_facts.stay_deals(installation.reader(viewer), slice_, stage_id=stage_id, fates=fates, after=after)


def _of_stage(page: FlowPage, stage_id: int, after: Any) -> RowsPage:
    fate = page.choice.fate
    fates = tuple(Fate) if not fate else (Fate.ON, Fate.WON) if fate == "on" else (Fate(fate),)
    view, slice_ = page.view, slice_of(page.view, page.choice)
    frame, next_after = _stay_deals(view.viewer, view.data_version, slice_, stage_id, fates, after)
    counted = page.flows[stage_id].n if stage_id in page.flows else {}
    n = sum(n_deals for one, n_deals in counted.items() if one in fates)
    note = f"{formats.plural(n, 'deal')} that entered it in {view.days}, the longest there first."
    shown = frame.assign(fate=frame["fate"].map(FATE_WORDS))
    return RowsPage(title="", note=note, columns=STAY_DEAL_COLUMNS, frame=shown, total=n, next_after=next_after)


@cached
def _pushed_deals(
    viewer: Viewer, data_version: int, slice_: Slice, least: int, most: int | None, after: Any
) -> tuple[pd.DataFrame, Any]:
    return flow_facts.pushed_deals(installation.reader(viewer), slice_, least=least, most=most, after=after)


def _of_pushes(page: FlowPage, n_pushes: int, after: Any) -> RowsPage:
    view, least = page.view, min(n_pushes, flow.MOST_PUSHES)
    most = least if least < flow.MOST_PUSHES else None
    slice_ = slice_of(view, page.choice)
    frame, next_after = _pushed_deals(view.viewer, view.data_version, slice_, least, most, after)
    n = int(page.pushes.loc[page.pushes["n_pushes"] == least, "n"].sum())
    note = f"{formats.plural(n, 'deal')} with a close date that were open in {view.days}."
    return RowsPage(title="", note=note, columns=PUSHED_DEAL_COLUMNS, frame=rows_data.local(frame, view), total=n,
                    next_after=next_after)  # fmt: skip


def _of_week(page: FlowPage, monday: date, after: Any) -> RowsPage:
    view = page.view
    week = replace(page.weeks, first_day=monday, last_day=min(monday + timedelta(days=6), page.weeks.until))
    found = rows_data.rows_of(view.viewer, view.data_version, week, "new_deals", after, None)
    n = int(page.cohorts.loc[page.cohorts["day"] == pd.Timestamp(monday), "n"].sum())
    note = f"{formats.plural(n, 'deal')} created, as of the end of {formats.day(view.as_of)}."
    return RowsPage(title="", note=note, columns=WEEK_DEAL_COLUMNS, frame=rows_data.local(found.rows, view), total=n,
                    next_after=found.after)  # fmt: skip
