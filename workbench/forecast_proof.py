"""The proof of the forecast that is shown: of which facts it was made and by which methods, and whether they give the
same number again."""

from __future__ import annotations

import html
from typing import Final

import streamlit as st

from insights.forecasting.organization import METHOD_VERSION
from ops import forecast_replays
from snapshots.forecasts import ForecastRun
from snapshots.job_runs import JobRun
from workbench import access, formats, installation, rights, states
from workbench.forecast_outlook import Loaded
from workbench.lead_words import plain, visible
from workbench.view import View

_SCHEDULE: Final = "schedule"  # as `ops.forecasting.SCHEDULE`, which takes long to import
SHORT: Final = 8
"""Characters of a fingerprint by which people tell it from others."""
_REFUSAL: Final = "Only administrators and sales ops have forecasts replayed."


def draw(loaded: Loaded) -> None:
    """One line, and the proof one click away."""
    view, run = loaded.view, loaded.found.run
    with st.container(key="forecast_proof", horizontal=True, vertical_alignment="center", gap="small"):
        issued = formats.clock(run.issued_at.astimezone(view.zone))
        st.caption(f"Issued {issued} · methods version {plain(run.method_version)} · facts {plain(_short(run))}",
                   width="content")  # fmt: skip
        with (
            st.popover("Proof", icon=":material/verified:", type="tertiary", key="forecast_proof_open"),
            states.guarded("The proof could not be read", key="forecast_proof"),
        ):
            _facts(view, run)
            _again(view, run)


def _short(run: ForecastRun) -> str:
    return run.data_hash[:SHORT]


def _facts(view: View, run: ForecastRun) -> None:
    by = "the schedule" if run.issued_by == _SCHEDULE else run.issued_by
    pairs = [
        ("Issued", f"{formats.clock(run.issued_at.astimezone(view.zone))} by {by}"),
        ("Made of", f"what was known of {formats.day(run.made_on)}"),
        ("Forecast", f"number {run.run_id}, {formats.plural(run.n_series, 'series', 'series')}"),
        ("Methods", f"version {run.method_version}"),
    ]
    rows = "".join(f"<dt>{name}</dt><dd>{html.escape(visible(value))}</dd>" for name, value in pairs)
    st.html(f'<dl class="slms-facts">{rows}</dl>')
    st.caption("Fingerprint of its facts, which are kept with it:")
    st.code(run.data_hash, language=None, wrap_lines=True)


def why_not(run: ForecastRun) -> str | None:
    """Why it cannot be made again, in words; None where it can."""
    if run.method_version == METHOD_VERSION:
        return None
    return (f"It was made by version {run.method_version} of the methods. This program has version {METHOD_VERSION}, "
            "by which the same facts give another number, so it cannot be replayed. What was issued stays as it is, "
            "and is graded.")  # fmt: skip


def _again(view: View, run: ForecastRun) -> None:
    why = why_not(run)
    if why is not None:
        st.markdown(f":gray[{plain(why)}]")
        return
    if forecast_replays.is_waiting(installation.database(), view.organization_id, run.run_id):
        _waiting(view, run)
        return
    last = forecast_replays.newest(installation.database(), view.organization_id, run.run_id)
    if last is not None:
        _outcome(view, last)
    if view.may_change:
        st.button("Replay", icon=":material/replay:", key="forecast_replay", on_click=ask, args=(view, run),
                  help="Makes it again from its facts, whatever was corrected since, and compares them.")  # fmt: skip
    elif last is None:
        st.markdown(":gray[Nobody has replayed it yet; administrators and sales ops can.]")


def ask(view: View, run: ForecastRun) -> None:
    """Queues the replay for the worker. Raises PermissionError for who may not change settings."""
    rights.demand(view, rights.changes_settings, _REFUSAL)
    with installation.database().as_app(view.organization_id) as transaction:
        forecast_replays.defer(transaction, view.organization_id, run.run_id, run.made_on, by=access.who())


def _outcome(view: View, last: JobRun) -> None:
    at = formats.clock((last.ended_at or last.started_at).astimezone(view.zone))
    if last.outcome != "done":
        why = plain(last.error or last.said or "The log has the details.")
        st.markdown(f":orange[:material/warning:] The replay of {at} did not come to its end. {why}")
        return
    icon, color = ("check_circle", "green") if last.n_rows == 0 else ("warning", "orange")
    st.markdown(f":{color}[:material/{icon}:] {plain(last.said or '')}")
    st.caption(f"Replayed {at} by {plain(last.asked_by or 'somebody')}")


@st.fragment(run_every="2s")
def _waiting(view: View, run: ForecastRun) -> None:
    """Until the worker is done with it."""
    with states.guarded("The replay could not be looked for", key="forecast_replayed"):
        if not forecast_replays.is_waiting(installation.database(), view.organization_id, run.run_id):
            st.rerun()
        st.markdown(":gray[:material/hourglass_top: It is being made again by the worker, which `make run` starts.]")
