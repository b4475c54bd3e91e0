"""The page Forecast before there is a forecast: why there is none, and the way to the first one."""

from __future__ import annotations

from datetime import date
from typing import Final

import streamlit as st

from insights.forecasting.nodes import LEAST_STEPS, TooLittlePast, grid_of
from insights.forecasting.organization import LEAST_WON
from ops import daily
from snapshots import forecasts, job_queue
from workbench import access, filter_bar, forecast_data, formats, installation, rights, states
from workbench.forecast_choice import ForecastChoice
from workbench.view import View

WORK: Final = "forecasts"
_ASKED: Final = "forecast_asked"
_REFUSAL: Final = "Only administrators and sales ops have forecasts made."


def draw(view: View, choice: ForecastChoice) -> None:
    if is_asked(view):
        _waiting(view, choice)
        return
    if _is_being_made(view, choice):
        _made_now(view, choice)
        return
    first = _first_issue(view, choice)
    if view.looks_back and first is not None:
        _too_early(view, first)
    elif forecast_data.newest_run(view, choice) is not None:
        reason = "A salesperson sees the own one, a manager those of the own teams."
        states.empty("No forecast that you may see", reason, key="forecast_rights", icon="lock")
    elif (why := too_little(view, choice)) is not None:
        states.empty("Too little past for a forecast", f"{why} It appears here by itself as soon as there is enough.",
                     key="forecast_short", icon="hourglass_empty")  # fmt: skip
    else:
        _none_yet(view)


def _first_issue(view: View, choice: ForecastChoice) -> date | None:
    known = forecasts.runs(installation.database(), view.viewer, step=choice.step, measure=choice.measure)
    return known[-1].made_on if known else None


def _too_early(view: View, first: date) -> None:
    states.empty(
        "Nothing had been issued by then",
        f"The first forecast was issued on {formats.day(first)}. What was not said at the time is not made up later.",
        key="forecast_early", icon="history",
        actions=lambda: st.button("Back to the latest day", type="primary", key="forecast_now",
                                  on_click=filter_bar.drop, kwargs={"as_of": None}),
    )  # fmt: skip


def too_little(view: View, choice: ForecastChoice) -> str | None:
    """How much past is missing, in words; None where there is enough."""
    days = forecast_data.event_days(view, choice)
    if choice.measure == "bookings" and len(days) < LEAST_WON:
        n = formats.plural(len(days), "deal was", "deals were")
        return f"{n} won with an amount, in one currency; {LEAST_WON} are needed."
    if days.empty:
        return f"No deal has a date of creation yet; {LEAST_STEPS[choice.step]} whole {choice.step}s are needed."
    try:
        grid_of(days, view.as_of, choice.step)
    except TooLittlePast as short:
        return str(short)
    return None


def _is_being_made(view: View, choice: ForecastChoice) -> bool:
    """Whether there is none, and a worker is at it, or takes it as soon as it is free."""
    if view.looks_back or forecast_data.newest_run(view, choice) is not None:
        return False
    lock = daily.lock_of(view.organization_id, WORK)
    queue = job_queue.waiting(installation.database(), view.organization_id)
    return any(one.lock == lock and not one.rests(view.now) for one in queue)


@st.fragment(run_every="2s")
def _made_now(view: View, choice: ForecastChoice) -> None:
    """Until it is there, or no worker is at it any more."""
    with states.guarded("The forecast could not be looked for", key="forecast_made"):
        from workbench.data import at_now

        if not _is_being_made(at_now(view), choice):
            st.rerun()
        states.empty(
            "The first forecast is being made", "It takes a minute or two, and appears here by itself.",
            key="forecast_made", icon="hourglass_top",
        )  # fmt: skip


def _none_yet(view: View) -> None:
    then = "Forecasts are issued every week, after the day’s syncs."
    if view.may_change and not view.looks_back:
        states.empty(
            "No forecast yet", f"{then} The first one takes a minute or two.", key="forecast_none", icon="trending_up",
            actions=lambda: st.button("Make the first forecast", type="primary", key="forecast_first", on_click=ask,
                                      args=(view,)),
        )  # fmt: skip
    else:
        states.empty("No forecast yet", then, key="forecast_none", icon="trending_up")


def ask(view: View) -> None:
    """Queues the forecasts of the latest day for the worker. Raises PermissionError for who may not change settings."""
    rights.demand_settings(view.organization_id, _REFUSAL)
    with installation.database().as_app(view.organization_id) as transaction:
        daily.defer_asked(transaction, view.organization_id, WORK, view.choices.latest, by=access.who())
    st.session_state[_ASKED] = (view.organization_id, view.now)


def is_asked(view: View) -> bool:
    return bool(st.session_state.get(_ASKED, (None,))[0] == view.organization_id)


@st.fragment(run_every="2s")
def _waiting(view: View, choice: ForecastChoice) -> None:
    with states.guarded("The forecast could not be looked for", key="forecast_wait"):
        from workbench.data import at_now

        if forecast_data.newest_run(view, choice) is not None:
            st.session_state.pop(_ASKED, None)
            st.rerun()
        now = at_now(view)
        waited = (now.now - st.session_state[_ASKED][1]).total_seconds()
        st.progress(min(0.95, waited / 120), text=f"The first forecast is being made · {formats.duration(waited)}. The "
                    "worker does it, which `make run` starts.")  # fmt: skip
        st.button("Stop waiting", type="tertiary", key="forecast_stop_waiting", on_click=_forget)


def _forget() -> None:
    st.session_state.pop(_ASKED, None)
