"""What a forecast and what came so far say of a period together, of the node that is looked at and of all its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final, cast

import pandas as pd

from insights import forecast_period
from insights.forecast_period import Span
from insights.quota import reach, still_coming
from snapshots import forecast_calls, forecasts, quotas
from snapshots.forecast_calls import Call
from snapshots.forecasts import NodeKind
from snapshots.quotas import Quota
from snapshots.rows import DealSet
from workbench import forecast_choice, forecast_data, formats, installation, rows_data
from workbench.forecast_choice import ForecastChoice, Node
from workbench.forecast_data import Found, NodeView, Period, Unit
from workbench.view import View

LEDGER: Final = ("made_on", "steps", "n", "value", "actual", "error", "held")
PARTS: Final = ("node_kind", "node_key", "name", "won", "n", "value", "low", "high", "quota", "share", "won_gap", "gap",
         "chance")  # fmt: skip
UNKNOWN: Final = ("low", "high", "quota", "share", "won_gap", "gap", "chance")
"""Of PARTS what may be missing in all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Of one node in one period, in the forecast's unit. value: what came so far (won, of n_came deals) and what is
    still to come. low, high: its 80 % interval. quota, chance: None where none is set, or where none can be told."""

    won: float
    n_came: int
    value: float
    low: float
    high: float
    quota: float | None
    chance: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """deals: the view of the deals behind the node. drawn: the chart's steps, COLUMNS of `insights.forecast_chart`.
    quota_line: where it is drawn. ledger: LEDGER, the newest issue first. parts: PARTS of the chosen division. calls:
    of this node and period, the newest first."""

    view: View
    choice: ForecastChoice
    found: Found
    period: Period
    periods: Mapping[str, Period]
    outlook: Outlook
    deals: NodeView
    n_open: int
    drawn: pd.DataFrame
    quota_line: float | None
    card: Mapping[str, Any] | None
    ledger: pd.DataFrame
    parts: pd.DataFrame
    by: str | None
    calls: Sequence[Call]
    past_calls: Sequence[Call]

    @property
    def unit(self) -> Unit:
        return self.found.unit

    @property
    def call(self) -> Call | None:
        return self.calls[0] if self.calls else None

    @property
    def method(self) -> str:
        return str(self.found.here["method"].iloc[0])


def load(view: View, choice: ForecastChoice, found: Found) -> Loaded:
    periods = forecast_data.periods(view, found)
    period = periods.get(choice.period) or next(iter(periods.values()))
    span, card = period.span, forecast_data.card_of(view, found)
    known = _quotas(view, found, span)
    since = min(span.first, found.here["first_day"].min().date())  # one look for all
    all_own = forecast_data.came_here(view, choice, found, since)
    own = _from(all_own, span)
    together = None if card is None else card.card.get("correlation")
    outlook = of_node(found, found.node, own, span, quota_of(known, found, found.node, span), together)
    deals = forecast_data.of_node(view, found, found.node, span)
    calls, past_calls = _calls(view, found, span)
    by = division(found, choice)
    return Loaded(
        view=view, choice=choice, found=found, period=period, periods=periods, outlook=outlook, deals=deals,
        n_open=_n_open(deals), drawn=_drawn(view, choice, found, period, card, all_own),
        card=None if card is None else card.card,
        quota_line=_quota_line(choice, found, outlook.quota, span), ledger=ledger(view, choice, found),
        parts=parts(view, choice, found, span, known, by, since=since), by=by, calls=calls, past_calls=past_calls,
    )  # fmt: skip


def _from(came: pd.DataFrame, span: Span) -> pd.DataFrame:
    """What came since the span began."""
    return came[came["day"] >= pd.Timestamp(span.first)]


def _n_open(deals: NodeView) -> int:
    return rows_data.summary_of(deals.viewer, deals.data_version, deals.slice(), DealSet.OPEN, None).n


# --- one node --------------------------------------------------------------------------------------------------------


def of_node(
    found: Found, node: Node, came: pd.DataFrame, span: Span, quota: float | None, correlation: float | None
) -> Outlook:
    """came: of the node, from the first day of the span to the as-of day at the most. correlation: as the report card
    tells it."""
    inside = came[came["day"] <= pd.Timestamp(span.last)]
    coming = forecast_period.still_to_come(found.of(node), span, made_on=found.run.made_on)
    return _outlook(float(inside["value"].sum()), int(inside["n"].sum()), coming, quota, correlation)


def _outlook(won: float, n: int, coming: pd.DataFrame, quota: float | None, correlation: float | None) -> Outlook:
    ends = (coming[name].to_list() for name in ("value", "low", "high"))
    whole = still_coming(*ends, correlation=correlation)
    return Outlook(
        won=won, n_came=n, value=won + whole.value, low=won + whole.low, high=won + whole.high, quota=quota,
        chance=reach(quota, won, whole).probability if quota else None,
    )  # fmt: skip


# --- quotas and calls ------------------------------------------------------------------------------------------------


def _quotas(view: View, found: Found, span: Span) -> list[Quota]:
    """Those that hold on the as-of day, in the forecast's currency."""
    if not found.unit.is_money:
        return []
    known = quotas.list_quotas(
        installation.database(), view.viewer, first_day=span.first, last_day=span.last,
        as_of=view.as_of if view.looks_back else None,
    )  # fmt: skip
    return [one for one in known if one.currency == found.unit.currency]


def quota_of(known: Sequence[Quota], found: Found, node: Node, span: Span) -> float | None:
    """Of the node in exactly these days: its own, else that of its shorter periods where they leave no day out, else
    the sum of its parts' where each of them has one, and of those newcomers who do; None: none is set."""
    own = _own_quota([one for one in known if one.node == node], span)
    if own is not None or node[0] not in {"total", "team"}:
        return own
    each = [quota_of(known, found, one, span) for one in _below(found, node)]
    further = (quota_of(known, found, one, span) for one in _new_below(found, node))
    if any(one is None for one in each):
        return None
    told = [one for one in (*each, *further) if one is not None]
    return sum(told) if told else None


def _below(found: Found, node: Node) -> list[Node]:
    """The parts that quotas are set for; those without a team or owner can have none."""
    if node[0] == "total":
        return [one for one in found.names if one[0] == "team" and (one[1] or _below(found, one))]
    return [("owner", owner) for owner, team in found.teams.items() if team == node[1] and owner]


def _new_below(found: Found, node: Node) -> list[Node]:
    """Its parts that have no forecast yet."""
    if node[0] == "total":
        return [one for one in found.new_names if one[0] == "team"]
    return [("owner", key) for key, one in found.newcomers.items() if one.team == node[1]]


def _own_quota(own: Sequence[Quota], span: Span) -> float | None:
    exact = [one.amount_minor for one in own if (one.first_day, one.last_day) == (span.first, span.last)]
    if exact:
        return float(exact[-1])
    inside = [one for one in own if one.first_day >= span.first and one.last_day <= span.last]
    days = sum((one.last_day - one.first_day).days + 1 for one in inside)
    return float(sum(one.amount_minor for one in inside)) if days == (span.last - span.first).days + 1 else None


def _quota_line(choice: ForecastChoice, found: Found, quota: float | None, span: Span) -> float | None:
    """Where the chart has it: the whole where it adds up, else spread evenly over the steps."""
    if quota is None or choice.chart == "period":
        return quota
    days = (span.last - span.first).days + 1
    step_days = 7.0 if choice.step == "week" else 365.25 / 12
    return quota * step_days / days


def _calls(view: View, found: Found, span: Span) -> tuple[list[Call], list[Call]]:
    """Of this node: for this period, and for those that are over."""
    kind, key = found.node
    if not found.unit.is_money or kind not in {"total", "team", "owner"}:
        return [], []
    until = view.slice().end_of(view.zone) if view.looks_back else None
    known = forecast_calls.calls(
        installation.database(), view.viewer, node_kind=cast("NodeKind", kind), node_key=key, until=until
    )
    same = [one for one in known if one.currency == found.unit.currency]
    here = [one for one in same if (one.first_day, one.last_day) == (span.first, span.last)]
    return here, [one for one in same if one.actual_minor is not None or one.not_gradable]


# --- chart -----------------------------------------------------------------------------------------------------------


def _drawn(
    view: View, choice: ForecastChoice, found: Found, period: Period, card: forecasts.Card | None, own: pd.DataFrame
) -> pd.DataFrame:
    """own: what came of the node since the first step, or the period, began."""
    if choice.chart == "period":
        together = None if card is None else card.card.get("correlation")
        return _adding_up(found, period, together, _from(own, period.span))
    rows = found.here
    won = [
        float(own.loc[(own["day"] >= row.first_day) & (own["day"] <= row.last_day), "value"].sum())
        for row in rows.itertuples()
    ]
    is_over = rows["last_day"] <= pd.Timestamp(view.as_of)
    came = pd.Series(won, index=rows.index, dtype="float64")
    ahead = rows.rename(columns={"first_day": "day"})[["day", "value", "low", "high"]].assign(
        actual=came.where(is_over), won=came.mask(is_over | (came == 0))
    )
    past = forecast_data.past_steps(found, card, choice.step)
    return _columns(pd.concat([past, ahead], ignore_index=True))


def _adding_up(found: Found, period: Period, correlation: float | None, came: pd.DataFrame) -> pd.DataFrame:
    """As weekly reports draw it, too."""
    return _columns(
        forecast_period.adding_up(
            found.here, period.span, made_on=found.run.made_on, came=came, correlation=correlation
        )
    )


def _columns(frame: pd.DataFrame) -> pd.DataFrame:
    from insights.forecast_chart import COLUMNS

    return frame.reindex(columns=list(COLUMNS)).astype({name: "float64" for name in COLUMNS if name != "day"})


# --- ledger ----------------------------------------------------------------------------------------------------------


def ledger(view: View, choice: ForecastChoice, found: Found) -> pd.DataFrame:
    """LEDGER: of each issue what it said of the steps that are over, what came of them, and how many held."""
    kind, key = found.node
    graded = forecasts.graded(
        installation.database(), view.viewer, step=choice.step, measure=choice.measure,
        node_kind=cast("NodeKind", kind), node_key=key, currency=found.unit.currency or "",
    )  # fmt: skip
    seen = graded[(graded["made_on"] <= pd.Timestamp(view.as_of)) & (graded["last_day"] <= pd.Timestamp(view.as_of))]
    rows = [_issue(made_on, one) for made_on, one in seen.groupby("made_on", sort=False)]
    return pd.DataFrame(rows[::-1], columns=list(LEDGER))


def n_not_gradable(loaded: Loaded) -> int:
    """Steps of the node that are over, and of which what came will never be known."""
    kind, key = loaded.found.node
    return forecasts.n_not_gradable(
        installation.database(), loaded.view.viewer, step=loaded.choice.step, measure=loaded.choice.measure,
        node_kind=cast("NodeKind", kind), node_key=key, currency=loaded.found.unit.currency or "",
        until=loaded.view.as_of,
    )  # fmt: skip


def _issue(made_on: Any, one: pd.DataFrame) -> dict[str, Any]:
    value, actual = float(one["value"].sum()), float(one["actual"].sum())
    held = (one["low"] <= one["actual"]) & (one["actual"] <= one["high"])
    return {
        "made_on": made_on, "steps": str(len(one)), "n": len(one), "value": value, "actual": actual,
        "error": (value - actual) / actual if actual else None, "held": int(held.sum()),
    }  # fmt: skip


# --- parts -----------------------------------------------------------------------------------------------------------


def division(found: Found, choice: ForecastChoice) -> str | None:
    """Into what the table divides the node: a team into its salespeople; the total, or all that the viewer sees, into
    what was chosen; None where it has no parts."""
    kinds = {kind for kind, _ in found.names}
    if found.node[0] == "team":
        return "owner" if "owner" in kinds else None
    if found.node[0] != "total":
        return None
    return choice.by if choice.by in kinds else next((one for one in forecast_choice.KINDS if one in kinds), None)


def parts(
    view: View, choice: ForecastChoice, found: Found, span: Span, known: Sequence[Quota], by: str | None, *, since: date
) -> pd.DataFrame:
    """PARTS, the largest first; `value` adds up to that of the node."""
    if by is None:
        return pd.DataFrame(columns=list(PARTS))
    team = found.node[1] if found.node[0] == "team" else None
    nodes = [one for one in found.names if one[0] == by and (team is None or found.teams.get(one[1]) == team)]
    came = _from(forecast_data.came(view, choice, found, by, since), span)
    first = forecast_data.card_of(view, replace(found, node=nodes[0])) if nodes else None
    together = None if first is None else first.card.get("correlation")  # of all nodes of a kind
    rows = [_part(found, node, came[came["node_key"] == node[1]], span, known, together) for node in nodes]
    new = _new_parts(found, by, team, came, span, known)
    found_parts = pd.DataFrame([*rows, *new.values()], columns=list(PARTS)).sort_values("value", ascending=False)
    rest = came[~came["node_key"].isin([key for _, key in (*nodes, *new)])]
    if team is None and len(rest):
        found_parts = pd.concat([found_parts, pd.DataFrame([_rest(by, rest)])], ignore_index=True)
    return found_parts[list(PARTS)].astype(dict.fromkeys(UNKNOWN, "float64")).reset_index(drop=True)


def _new_parts(
    found: Found, by: str, team: str | None, came: pd.DataFrame, span: Span, known: Sequence[Quota]
) -> dict[Node, dict[str, Any]]:
    """Those without a forecast who have a quota all the same; they have no deals to open here."""
    rows = {}
    for node, name in found.new_names.items():
        quota = quota_of(known, found, node, span)
        is_here = node[0] == by and (team is None or (by == "owner" and found.newcomers[node[1]].team == team))
        if not is_here or quota is None:
            continue
        inside = came[(came["node_key"] == node[1]) & (came["day"] <= pd.Timestamp(span.last))]
        won = float(inside["value"].sum())
        rows[node] = {
            "node_kind": by, "node_key": None, "name": name, "won": won, "n": int(inside["n"].sum()), "value": won,
            "quota": quota, "share": won / quota, "gap": won - quota, "won_gap": won - quota,
        }  # fmt: skip
    return rows


def _rest(by: str, came: pd.DataFrame) -> dict[str, Any]:
    """What came of those of whom nothing more is expected, such as somebody who left."""
    won = float(came["value"].sum())
    return {"node_kind": by, "node_key": None, "name": "Others", "won": won, "n": int(came["n"].sum()), "value": won}


def _part(
    found: Found, node: Node, came: pd.DataFrame, span: Span, known: Sequence[Quota], correlation: float | None
) -> dict[str, Any]:
    quota = quota_of(known, found, node, span)
    one = of_node(found, node, came, span, quota, correlation)
    return {
        "node_kind": node[0], "node_key": node[1], "name": found.names[node], "won": one.won, "n": one.n_came,
        "value": one.value, "low": one.low, "high": one.high, "quota": quota,
        "share": one.won / quota if quota else None, "won_gap": one.won - quota if quota else None,
        "gap": one.value - quota if quota else None, "chance": one.chance,
    }  # fmt: skip


# --- calls -----------------------------------------------------------------------------------------------------------

CALLS: Final = ("made_on", "made_by", "days", "call", "model", "actual", "call_off", "model_off", "currency")
MOST_CALLS: Final = 12


def graded_calls(loaded: Loaded, *, most: int | None = MOST_CALLS) -> pd.DataFrame:
    """CALLS: the newest of this node (None: all), of periods that are over, with what the model said of the same period
    on the day of the call; missing where no forecast was there yet, or where it did not reach so far."""
    rows = [_graded_call(loaded, one) for one in loaded.past_calls[:most]]
    return pd.DataFrame(rows, columns=list(CALLS))


def _graded_call(loaded: Loaded, call: Call) -> dict[str, Any]:
    made_on = call.made_at.astimezone(loaded.view.zone).date()
    came = None if call.actual_minor is None else float(call.actual_minor)
    model = _model_then(loaded, call, made_on)
    return {
        "made_on": made_on, "made_by": call.made_by, "days": formats.day_range(call.first_day, call.last_day),
        "call": call.amount_minor, "model": model, "actual": came, "currency": call.currency,
        "call_off": (call.amount_minor - came) / came if came else None,
        "model_off": (model - came) / came if came and model is not None else None,
    }  # fmt: skip


def _model_then(loaded: Loaded, call: Call, made_on: date) -> float | None:
    view = replace(loaded.view, filters=replace(loaded.view.filters, as_of=made_on), as_of=made_on)
    choice = replace(loaded.choice, node=loaded.found.node, currency=call.currency)
    span = Span(first=call.first_day, last=call.last_day, as_of=made_on)
    found = forecast_data.find(view, choice)
    if found is None or found.node != loaded.found.node or not forecast_period.covers(found.here, span):
        return None
    came = forecast_data.came_here(view, choice, found, span.first)
    return of_node(found, found.node, came, span, None, None).value
