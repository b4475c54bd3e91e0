"""What the page Forecast reads: the newest forecast that was issued by the as-of day, its report card, and what came
since. Nothing is forecast here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from insights import forecast_period
from insights.charts import Measure as ChartMeasure
from insights.forecast_period import Span, quarter_of
from insights.metrics import Period as Days
from snapshots import forecasts, node_events
from snapshots.forecasts import Card, ForecastRun
from snapshots.slices import NOBODY, Slice, Viewer
from snapshots.tables import decimals
from workbench import figures, forecast_choice, formats, installation
from workbench.data import cached
from workbench.forecast_choice import ForecastChoice, Node
from workbench.view import View

PAST_STEPS: Final = {"week": 39, "month": 24}
NAMELESS: Final = {"total": "Total", "team": "No team", "owner": "Nobody", "product": "No product",
                   "source": "Unknown source"}  # fmt: skip
_ORDER: Final = {kind: place for place, kind in enumerate(NAMELESS)}


@dataclass(frozen=True, slots=True)
class Unit:
    """What values are: minor units of a currency, or deals."""

    is_money: bool
    currency: str | None

    def short(self, value: float | None) -> str:
        if value is None or formats.is_missing(value):
            return formats.MISSING
        return formats.money_short(value, self.currency) if self.is_money else formats.count(round(value))

    def drawn(self, value: Any) -> Any:
        """In main units, as charts draw it: a number or a column."""
        return value / 10.0 ** decimals(self.currency) if self.is_money else value

    def measure(self, title: str) -> ChartMeasure:
        return figures.measure(title, self.currency if self.is_money else None)


@dataclass(frozen=True, slots=True)
class Newcomer:
    """team, team_name: "" where in none."""

    name: str
    team: str
    team_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """rows: of the run and the unit, every node that the viewer sees. names: of these nodes, the widest first. teams:
    of each salesperson who has a forecast, by key; "" for none. node: the one that is looked at. currencies: that there
    is a forecast in; [""] for counts. newcomers: active salespeople who have none yet, for nothing of theirs was won in
    this currency, by key; quotas may be set for them, too."""

    run: ForecastRun
    rows: pd.DataFrame
    names: Mapping[Node, str]
    teams: Mapping[str, str]
    node: Node
    unit: Unit
    currencies: list[str]
    newcomers: Mapping[str, Newcomer] = field(default_factory=dict)

    def of(self, node: Node) -> pd.DataFrame:
        """Its steps in order."""
        own = (self.rows["node_kind"] == node[0]) & (self.rows["node_key"] == node[1])
        return self.rows[own].sort_values("step_no").reset_index(drop=True)

    @property
    def new_names(self) -> dict[Node, str]:
        """Of newcomers and of teams that have nobody else: nodes without a forecast."""
        teams = {("team", one.team): one.team_name or NAMELESS["team"] for one in self.newcomers.values()}
        people = {("owner", key): one.name for key, one in self.newcomers.items()}
        return {node: name for node, name in {**teams, **people}.items() if node not in self.names}

    @property
    def here(self) -> pd.DataFrame:
        """The steps of the node that is looked at."""
        return self.of(self.node)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A calendar period as it stands on the as-of day. noun: "this quarter"."""

    key: str
    noun: str
    span: Span


def newest_run(view: View, choice: ForecastChoice) -> ForecastRun | None:
    """Never cached: another may have been issued a moment ago."""
    database = installation.database()
    return forecasts.latest(database, view.viewer, step=choice.step, measure=choice.measure, as_of=view.as_of)


def find(view: View, choice: ForecastChoice) -> Found | None:
    """None where nothing was issued by the as-of day that the viewer may see."""
    run = newest_run(view, choice)
    rows = None if run is None else _rows(view.viewer, view.data_version, run.run_id)
    if run is None or rows is None or rows.empty:
        return None
    currencies = _currencies(view, run, rows)
    currency = choice.currency if choice.currency in currencies else currencies[0]
    own = rows[rows["currency"] == currency]
    names = _names(own)
    chosen = choice.node
    node = chosen if chosen in names else forecast_choice.suggested(view.filters, list(names))
    unit = Unit(choice.measure == "bookings", currency or None)
    owners = own[own["node_kind"] == "owner"].drop_duplicates("node_key")
    teams = dict(zip(owners["node_key"], owners["parent_key"].fillna(""), strict=True))
    return Found(run=run, rows=own, names=names, teams=teams, node=node, unit=unit, currencies=currencies,
                 newcomers=_newcomers(view, teams) if unit.is_money else {})  # fmt: skip


def _newcomers(view: View, known: Mapping[str, str]) -> dict[str, Newcomer]:
    """Of those whom the viewer sees, by name. known: by key, who has a forecast."""
    owners = _owners(view.viewer, view.data_version, view.as_of)
    active = owners[owners["is_active"]]
    columns = (active[name] for name in ("owner_id", "name", "team_id", "team"))
    found = {}
    for owner_id, name, team_id, team in zip(*columns, strict=True):
        is_alone = formats.is_missing(team_id)
        found[str(int(owner_id))] = Newcomer(
            str(name or NAMELESS["owner"]), "" if is_alone else str(int(team_id)), "" if is_alone else str(team or "")
        )
    return {key: one for key, one in found.items() if key not in known}


@cached
def _rows(viewer: Viewer, data_version: int, run_id: int) -> pd.DataFrame:
    return forecasts.rows(installation.database(), viewer, run_id)


def _currencies(view: View, run: ForecastRun, rows: pd.DataFrame) -> list[str]:
    """Those of the rows: that of reports first, then by size."""
    seen = set(rows["currency"])
    ordered = [one for one in forecasts.currencies(installation.database(), view.viewer, run.run_id) if one in seen]
    return sorted([*ordered, *sorted(seen - set(ordered))], key=lambda one: one != view.reporting_currency)


def _names(rows: pd.DataFrame) -> dict[Node, str]:
    once = rows.drop_duplicates(["node_kind", "node_key"])
    named: dict[Node, str] = {(str(row.node_kind), str(row.node_key)): _name(row) for row in once.itertuples()}
    return dict(sorted(named.items(), key=lambda one: (_ORDER[one[0][0]], one[0][1] == "", one[1].casefold())))


def _name(row: Any) -> str:
    if row.node_kind == "source" and row.node_key:
        return str(row.node_key)
    return str(row.node_name) if row.node_name and row.node_key else NAMELESS[row.node_kind]


def card_of(view: View, found: Found) -> Card | None:
    return _card(view.viewer, view.data_version, found.run.run_id, found.node, found.unit.currency or "")


@cached
def _card(viewer: Viewer, data_version: int, run_id: int, node: Node, currency: str) -> Card | None:
    kind, key = node
    return forecasts.card(installation.database(), viewer, run_id, kind, key, currency=currency)  # type: ignore[arg-type]


# --- periods ---------------------------------------------------------------------------------------------------------


def periods(view: View, found: Found) -> dict[str, Period]:
    """This quarter, the next and this month, as far as the forecast covers them to the end; never empty, for where it
    covers none it is this quarter as far as it goes."""
    known = spans(view)
    covered = {key: one for key, one in known.items() if forecast_period.covers(found.here, one.span)}
    return covered or {"quarter": known["quarter"]}


def spans(view: View) -> dict[str, Period]:
    first, last = quarter_of(view.as_of, year_begins=view.choices.year_begins)
    following = quarter_of(last + timedelta(days=1), year_begins=view.choices.year_begins)
    month = view.as_of.replace(day=1)
    month_end = (month + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    told = (("quarter", "this quarter", first, last), ("next", "next quarter", *following),
            ("month", "this month", month, month_end))  # fmt: skip
    return {
        key: Period(key=key, noun=noun, span=Span(first=begin, last=end, as_of=view.as_of))
        for key, noun, begin, end in told
    }


# --- what came -------------------------------------------------------------------------------------------------------


@cached
def _events(  # all of them are the cache's key
    viewer: Viewer, data_version: int, slice_: Slice, part: node_events.Part, event: node_events.Event,
    currency: str | None,
) -> pd.DataFrame:  # fmt: skip
    """`key`, `day`, `n`, `value`: amounts of deals in the forecast's own currency, or deals."""
    reader = installation.reader(viewer)
    found = node_events.node_events(reader, slice_, part, event).rename(columns={"part_key": "key"})
    found = found.assign(key=found["key"].where(found["key"] != str(NOBODY), ""))
    if event == "created":
        return found.assign(value=found["n"])[["key", "day", "n", "value"]]
    same = found[found["currency"] == currency]
    return same.assign(value=same["amount_minor"])[["key", "day", "n", "value"]]


def event_days(view: View, choice: ForecastChoice) -> pd.Series:
    """The days on which something of what is forecast happened, each as often as deals; of deals won with an amount,
    those in the currency that most of them have."""
    slice_ = Slice(first_day=view.choices.earliest, last_day=view.as_of, as_of=view.as_of)
    event: node_events.Event = "won" if choice.measure == "bookings" else "created"
    found = node_events.node_events(installation.reader(view.viewer), slice_, "owner", event)
    counted = "n"
    if event == "won":
        counted, by_currency = "n_valued", found.groupby("currency")["n_valued"].sum()
        found = found[found["currency"] == by_currency.idxmax()] if len(by_currency) else found.head(0)
    return pd.Series(np.repeat(found["day"].to_numpy(), np.maximum(found[counted].to_numpy(), 0)))


def came(view: View, choice: ForecastChoice, found: Found, kind: str, first: date) -> pd.DataFrame:
    """What came from `first` to the as-of day, by node of this kind: `node_key`, `day`, `n` (deals), `value`."""
    part: node_events.Part = "source" if kind == "source" else "product" if kind == "product" else "owner"
    event: node_events.Event = "won" if choice.measure == "bookings" else "created"
    slice_ = Slice(first_day=first, last_day=view.as_of, as_of=view.as_of)
    frame = _events(view.viewer, view.data_version, slice_, part, event, found.unit.currency)
    keys = frame["key"]
    if kind == "total":
        keys = pd.Series("", index=frame.index, dtype="object")
    elif kind == "team":
        keys = keys.map({**_teams_now(view), **found.teams}).fillna("")
    return frame.assign(node_key=keys)[["node_key", "day", "n", "value"]]


def _teams_now(view: View) -> dict[str, str]:
    """Of those who have no forecast of their own any more."""
    owners = _owners(view.viewer, view.data_version, view.as_of).dropna(subset=["team_id"])
    return {str(int(one)): str(int(team)) for one, team in zip(owners["owner_id"], owners["team_id"], strict=True)}


@cached
def _owners(viewer: Viewer, data_version: int, as_of: date) -> pd.DataFrame:
    return installation.reader(viewer).owners(as_of)


def came_here(view: View, choice: ForecastChoice, found: Found, first: date) -> pd.DataFrame:
    """Of the node that is looked at."""
    kind, key = found.node
    frame = came(view, choice, found, kind, first)
    return frame[frame["node_key"] == key]


def past_steps(found: Found, card: Card | None, step: str) -> pd.DataFrame:
    """`day` (first of the step) and `actual` of the steps before the forecast, as known when it was issued."""
    if card is None or not card.past.get("values"):
        return pd.DataFrame({"day": pd.Series(dtype="datetime64[ns]"), "actual": pd.Series(dtype="float64")})
    values = np.asarray(card.past["values"], dtype=np.float64)
    freq = "7D" if step == "week" else "MS"
    days = pd.date_range(pd.Timestamp(card.past["first_day"]), periods=len(values), freq=freq)
    return pd.DataFrame({"day": days, "actual": values}).tail(PAST_STEPS[step]).reset_index(drop=True)


# --- the deals behind it ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeView(View):
    """The view of the deals behind one node. product_ids: 0 for those without one. currency: of the forecast; None:
    whatever they have."""

    product_ids: tuple[int, ...] = ()
    currency: str | None = None

    def slice(self, period: Days | None = None) -> Slice:
        return replace(View.slice(self, period), product_ids=self.product_ids, currency=self.currency)


def of_node(view: View, found: Found, node: Node, span: Span) -> NodeView:
    """Its deals in this period, whatever the other pages are narrowed to."""
    kind, key = node
    narrowed: dict[str, Any] = {}
    if kind == "owner":
        narrowed = {"owner_ids": (int(key or NOBODY),)}
    elif kind == "team":
        narrowed = {"owner_ids": _members(view, found, key)}
    elif kind == "source":
        narrowed = {"sources": (key,)}
    filters = replace(view.filters.cleared(), as_of=view.filters.as_of, **narrowed)
    last = min(span.last, view.as_of)
    held = {name: getattr(view, name) for name in View.__dataclass_fields__}
    held |= {"filters": filters, "period": Days(min(span.first, last), last), "compared": None}
    product_ids = (int(key or NOBODY),) if kind == "product" else ()
    return NodeView(**held, product_ids=product_ids, currency=found.unit.currency)


def _members(view: View, found: Found, team: str) -> tuple[int, ...]:
    teams = {**_teams_now(view), **found.teams}
    mine = {int(owner or NOBODY) for owner, one in teams.items() if one == team}
    return tuple(sorted(mine)) or (-1,)
