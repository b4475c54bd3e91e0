"""On a salesperson's page: what the newest forecast says of this quarter, beside quota and call. Read as it is stored;
nothing is forecast here."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Final

import pandas as pd
import streamlit as st

from insights import forecast_period
from snapshots import forecast_calls, forecasts, lanes, node_events, quotas, tables
from snapshots.forecast_calls import Call
from snapshots.forecasts import Card, ForecastRun
from snapshots.quotas import Quota
from snapshots.reads import Reader
from snapshots.slices import Slice
from workbench import cards, forecast_data, forecast_outlook, forecast_table, formats, installation, places, states
from workbench.cards import Kpi
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What is kept of a person. rows: FORECAST_ROWS of the run. codes: their currencies, the one with the most in the
    whole run first. won: NODE_EVENTS since the quarter began. quotas, calls: of the quarter, the newest call first."""

    run: ForecastRun | None
    rows: pd.DataFrame
    codes: Sequence[str]
    cards: Sequence[Card]
    won: pd.DataFrame
    quotas: Sequence[Quota]
    calls: Sequence[Call]


def node_of(owner_id: int) -> Node:
    """As forecasts name a salesperson, and nobody."""
    return "owner", str(owner_id) if owner_id else ""


# --- reading ----------------------------------------------------------------------------------------------------------


def begin(view: View, owner_id: int) -> Future[Stored]:
    """Begins to read what is kept, side by side with what else the page reads."""
    reader = installation.reader(view.viewer)
    return lanes.begin(lambda: _stored(reader, view, owner_id))


def _stored(reader: Reader, view: View, owner_id: int) -> Stored:
    run = forecasts.latest(reader.database, view.viewer, step=CHOICE.step, measure=CHOICE.measure, as_of=view.as_of)
    rows, codes, cards = _of_run(reader, None if run is None else run.run_id, node_of(owner_id))
    span = forecast_data.spans(view)["quarter"].span
    since = Slice(first_day=span.first, last_day=view.as_of, as_of=view.as_of, owner_ids=(owner_id,))
    return Stored(
        run=run, rows=rows, codes=codes, cards=cards, quotas=_quotas(reader, view, owner_id),
        won=node_events.node_events(reader, since, "owner", "won"), calls=_calls(reader, view, owner_id),
    )  # fmt: skip


def _of_run(reader: Reader, run_id: int | None, node: Node) -> tuple[pd.DataFrame, Sequence[str], Sequence[Card]]:
    """Rows, currencies and report cards of the node."""
    if run_id is None:
        return tables.empty(forecasts.FORECAST_ROWS), [], []
    key = node[1]
    rows = forecasts.rows(reader.database, reader.viewer, run_id, node_kind="owner", node_key=key)
    codes = [str(one) for one in rows["currency"].unique()]
    if len(codes) > 1:
        known = forecasts.currencies(reader.database, reader.viewer, run_id)
        codes.sort(key=lambda one: known.index(one) if one in known else len(known))
    cards = forecasts.cards(reader.database, reader.viewer, run_id, node_kind="owner", node_key=key) if codes else []
    return rows, codes, cards


def _quotas(reader: Reader, view: View, owner_id: int) -> list[Quota]:
    """Of the quarter or parts of it."""
    span = forecast_data.spans(view)["quarter"].span
    known = quotas.list_quotas(
        reader.database, view.viewer, first_day=span.first, last_day=span.last,
        as_of=view.as_of if view.looks_back else None,
    )  # fmt: skip
    return [one for one in known if one.node == node_of(owner_id)]


def _calls(reader: Reader, view: View, owner_id: int) -> list[Call]:
    span = forecast_data.spans(view)["quarter"].span
    return forecast_calls.calls(
        reader.database, view.viewer, node_kind="owner", node_key=node_of(owner_id)[1], first_day=span.first,
        last_day=span.last, until=view.slice().end_of(view.zone) if view.looks_back else None,
    )  # fmt: skip


# --- what it says -----------------------------------------------------------------------------------------------------


def standing(view: View, owner_id: int, stored: Stored) -> Standing:
    found = None if stored.run is None else _found(view, stored.run, owner_id, stored)
    return Standing(run=stored.run, own=None if found is None else _own(view, found, stored), quotas=stored.quotas)


def _found(view: View, run: ForecastRun, owner_id: int, stored: Stored) -> Found | None:
    if not stored.codes:
        return None
    node, codes = node_of(owner_id), sorted(stored.codes, key=lambda one: one != view.reporting_currency)
    own = stored.rows[stored.rows["currency"] == codes[0]]
    return Found(run=run, rows=own, names={node: ""}, teams={}, node=node, unit=Unit(True, codes[0] or None),
                 currencies=codes)  # fmt: skip


def _own(view: View, found: Found, stored: Stored) -> PersonForecast:
    period, currency = forecast_data.spans(view)["quarter"], found.unit.currency
    if not forecast_period.covers(found.here, period.span):
        return PersonForecast(found=found, period=period, outlook=None, call=None)
    won = stored.won[stored.won["currency"] == currency]
    same = [one for one in stored.quotas if one.currency == currency]
    together = next((one.card.get("correlation") for one in stored.cards if one.currency == (currency or "")), None)
    outlook = forecast_outlook.of_node(
        found, found.node, won.assign(value=won["amount_minor"])[["day", "n", "value"]], period.span,
        forecast_outlook.quota_of(same, found, found.node, period.span), together,
    )  # fmt: skip
    call = next((one for one in stored.calls if one.currency == currency), None)
    return PersonForecast(found=found, period=period, outlook=outlook, call=call)


# --- drawing ----------------------------------------------------------------------------------------------------------


def draw(view: View, owner_id: int, begun: Future[Stored], *, name: str) -> None:
    """view: of the page, as the filters have it. begun: of `begin`."""
    with states.guarded("The forecast could not be read", key="person_forecast"):
        held = standing(view, owner_id, begun.result())
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
            "There is no forecast yet. The worker makes one a week where there is enough to go on."
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
