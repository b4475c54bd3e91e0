"""On a salesperson's page: what the newest forecast says of this quarter, beside quota and call. Read as it is stored;
nothing is forecast here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import pandas as pd
import streamlit as st

from insights import forecast_period
from snapshots import forecast_calls, forecasts, node_events, quotas
from snapshots.forecast_calls import Call
from snapshots.forecasts import ForecastRun
from snapshots.quotas import Quota
from snapshots.slices import Slice, Viewer
from workbench import cards, forecast_data, forecast_outlook, forecast_table, formats, installation, places, states
from workbench.cards import Kpi
from workbench.data import cached
from workbench.forecast_choice import ForecastChoice, Node
from workbench.forecast_data import Found, Period, Unit
from workbench.forecast_outlook import Outlook
from workbench.lead_words import plain
from workbench.view import View

CHOICE: Final = ForecastChoice()
"""Bookings by week, as the page Forecast shows them first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonForecast:
    """found: the newest run, of this person alone, in one currency of `currencies`. call: the newest of this quarter.
    outlook: None where the run does not reach to the quarter's end."""

    found: Found
    period: Period
    outlook: Outlook | None
    call: Call | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """run: the newest that was issued by the as-of day. own: None: it has none of this person, or none that the viewer
    may see. quotas: of this quarter; who has won nothing yet has no forecast and may have one."""

    run: ForecastRun | None
    own: PersonForecast | None
    quotas: Sequence[Quota]


def node_of(owner_id: int) -> Node:
    """As forecasts name a salesperson, and nobody."""
    return "owner", str(owner_id) if owner_id else ""


def load(view: View, owner_id: int) -> Standing:
    run, node = forecast_data.newest_run(view, CHOICE), node_of(owner_id)
    found = None if run is None else _found(view, run, node)
    known = _quotas(view, node)
    return Standing(run=run, own=None if found is None else _told(view, owner_id, found, known), quotas=known)


def _found(view: View, run: ForecastRun, node: Node) -> Found | None:
    rows, known = _rows(view.viewer, view.data_version, run.run_id, node)
    seen = [one for one in known if (rows["currency"] == one).any()]
    codes = sorted(seen, key=lambda one: one != view.reporting_currency)
    if not codes:
        return None
    own = rows[rows["currency"] == codes[0]]
    return Found(run=run, rows=own, names={node: ""}, teams={}, node=node, unit=Unit(True, codes[0] or None),
                 currencies=codes)  # fmt: skip


@cached
def _rows(viewer: Viewer, data_version: int, run_id: int, node: Node) -> tuple[pd.DataFrame, list[str]]:
    """FORECAST_ROWS of the node, and the run's currencies, the one with the most first."""
    database = installation.database()
    rows = forecasts.rows(database, viewer, run_id, node_kind="owner", node_key=node[1])
    return rows, forecasts.currencies(database, viewer, run_id) if len(rows) else []


def _told(view: View, owner_id: int, found: Found, known: Sequence[Quota]) -> PersonForecast:
    period = forecast_data.spans(view)["quarter"]
    span, node = period.span, found.node
    if not forecast_period.covers(found.here, span):
        return PersonForecast(found=found, period=period, outlook=None, call=None)
    card = forecast_data.card_of(view, found)
    same = [one for one in known if one.currency == found.unit.currency]
    outlook = forecast_outlook.of_node(
        found, node, _won(view, owner_id, found, period), span, forecast_outlook.quota_of(same, found, node, span),
        None if card is None else card.card.get("correlation"),
    )  # fmt: skip
    return PersonForecast(found=found, period=period, outlook=outlook, call=_call(view, found, period))


def _won(view: View, owner_id: int, found: Found, period: Period) -> pd.DataFrame:
    """`day`, `n`, `value` of what was won since the quarter began, in the forecast's currency."""
    here = Slice(first_day=period.span.first, last_day=view.as_of, as_of=view.as_of, owner_ids=(owner_id,))
    events = node_events.node_events(installation.reader(view.viewer), here, "owner", "won")
    same = events[events["currency"] == found.unit.currency]
    return same.assign(value=same["amount_minor"])[["day", "n", "value"]]


def _quotas(view: View, node: Node) -> list[Quota]:
    """Of the person, in this quarter or parts of it."""
    span = forecast_data.spans(view)["quarter"].span
    known = quotas.list_quotas(
        installation.database(), view.viewer, first_day=span.first, last_day=span.last,
        as_of=view.as_of if view.looks_back else None,
    )  # fmt: skip
    return [one for one in known if one.node == node]


def _call(view: View, found: Found, period: Period) -> Call | None:
    known = forecast_calls.calls(
        installation.database(), view.viewer, node_kind="owner", node_key=found.node[1], first_day=period.span.first,
        last_day=period.span.last, until=view.slice().end_of(view.zone) if view.looks_back else None,
    )  # fmt: skip
    return next((one for one in known if one.currency == found.unit.currency), None)


# --- drawing ----------------------------------------------------------------------------------------------------------


def draw(view: View, owner_id: int, *, name: str) -> None:
    """view: of the page, as the filters have it."""
    with states.guarded("The forecast could not be read", key="person_forecast"):
        held = load(view, owner_id)
        with cards.titled("Forecast of this quarter", _issued(view, held)):
            st.page_link(places.FORECAST, label="The whole forecast", icon=":material/trending_up:",
                         query_params=_link(view, owner_id, held))  # fmt: skip
        own = held.own
        if own is None or own.outlook is None:
            st.markdown(f":gray[{plain(_why_none(view, held, name))}]")
            return
        cards.kpi_band(kpis(view, own, own.outlook), open_rows=lambda _: None)
        st.caption(plain(_below(own)))


def _issued(view: View, held: Standing) -> str:
    if held.run is None:
        return ""
    later = ", made later" if held.run.was_made_later(view.zone) else ""
    return f"Bookings, as forecast for {formats.day(held.run.made_on)}{later}"


def _why_none(view: View, held: Standing, name: str) -> str:
    if held.run is None:
        said = f"No forecast was issued by {formats.day(view.as_of)}." if view.looks_back else (
            "There is no forecast yet. The worker makes one a day where there is enough to go on."
        )  # fmt: skip
    elif held.own is None:
        said = f"The forecast of {formats.day(held.run.made_on)} has none of {name}."
    else:
        said = f"The forecast of {formats.day(held.run.made_on)} does not reach to the end of this quarter."
    return " ".join([said, *_quota_words(view, held.quotas)])


def _quota_words(view: View, known: Sequence[Quota]) -> list[str]:
    span = forecast_data.spans(view)["quarter"].span
    whole = [one for one in known if (one.first_day, one.last_day) == (span.first, span.last)]
    each = [formats.money_full(one.amount_minor, one.currency) for one in whole]
    return [f"The quota of this quarter is {' + '.join(each)}."] if each else []


def _link(view: View, owner_id: int, held: Standing) -> dict[str, list[str]]:
    if held.own is None:
        return places.link(view.filters)
    kind, key = node_of(owner_id)
    return places.link(view.filters, of=f"{kind}:{key}", money=held.own.found.unit.currency or "")


def kpis(view: View, own: PersonForecast, one: Outlook) -> list[Kpi]:
    """What is won, what the quarter will bring, and what both are held against."""
    unit, span = own.found.unit, own.period.span
    days = formats.day_range(span.first, span.last)
    return [
        Kpi(key="pf_won", label="Won so far", value=unit.short(one.won), note=formats.plural(one.n_came, "deal"),
            definition=f"Won from {days}, up to {formats.day(view.as_of)}, in the forecast’s currency."),
        Kpi(key="pf_value", label="Forecast", value=unit.short(one.value),
            why=f"80{formats.SPACE}% between {unit.short(one.low)} and {unit.short(one.high)}",
            definition=f"What {days} will bring: what is won, and what is forecast of the days that are left, in its "
            "80 % interval."),
        *_quota_kpis(unit, one),
        _call_kpi(view, own),
    ]  # fmt: skip


def _quota_kpis(unit: Unit, one: Outlook) -> tuple[Kpi, Kpi]:
    quota = Kpi(key="pf_quota", label="Quota", value=formats.MISSING, why="None is set for this quarter",
                definition="The own quota of this quarter.")  # fmt: skip
    chance = Kpi(key="pf_chance", label="Chance of quota", value=formats.MISSING, why="Needs a quota",
                 definition="How likely the quota is reached, by the spread of the forecast. An estimate.")  # fmt: skip
    if one.quota is None:
        return quota, chance
    share = f"{formats.rate(one.won / one.quota)} won" if one.quota else ""
    return (
        replace(quota, value=unit.short(one.quota), note=share, why=""),
        replace(chance, value=forecast_table.chance_text(one.chance), why=""),
    )


def _call_kpi(view: View, own: PersonForecast) -> Kpi:
    call = own.call
    none = Kpi(key="pf_call", label="Manager’s call", value=formats.MISSING, why="None was made",
               definition="What the manager says will be won in this quarter.")  # fmt: skip
    if call is None:
        return none
    said = f"{call.made_by}, {formats.day(call.made_at.astimezone(view.zone))}"
    return replace(none, value=own.found.unit.short(call.amount_minor), why=said)


def _below(own: PersonForecast) -> str:
    found = own.found
    said = f"Method: {found.here['method'].iloc[0]}."
    if len(found.currencies) > 1:
        said += f" In {found.unit.currency or 'no currency'}; {', '.join(found.currencies[1:])} on the page Forecast."
    return said
