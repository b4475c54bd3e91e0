"""Data: where the numbers come from, how fresh and how whole they are, imports, and the organization's settings."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from workbench import (
    cards,
    change_data,
    crm_cards,
    data,
    export,
    formats,
    freshness,
    import_wizard,
    lead_words,
    organization_settings,
    shell,
    states,
    syncs,
    tables,
)
from workbench.columns import Column, ColumnKind
from workbench.syncs import Source
from workbench.view import View

PROVIDERS = {
    "csv": "CSV export", "demo": "Made-up CRM", "hubspot": "HubSpot", "nutshell": "Nutshell", "pipedrive": "Pipedrive",
}  # fmt: skip
RUN_COLUMNS = (
    Column(field="started_at", title="Started", kind=ColumnKind.TIME),
    Column(field="connection", title="Source"),
    Column(field="trigger", title="Started by"),
    Column(field="status", title="Status"),
    Column(field="duration_s", title="Took", kind=ColumnKind.DURATION),
    Column(field="fetched", title="Fetched", kind=ColumnKind.COUNT),
    Column(field="rejected", title="Rejected", kind=ColumnKind.COUNT),
    Column(field="error", title="What happened", width=2),
)
COUNT_COLUMNS = (
    Column(field="kind", title="Object"),
    Column(field="fetched", title="Fetched", kind=ColumnKind.COUNT),
    Column(field="new", title="New", kind=ColumnKind.COUNT),
    Column(field="changed", title="Changed", kind=ColumnKind.COUNT),
    Column(field="unchanged", title="Unchanged", kind=ColumnKind.COUNT),
    Column(field="rejected", title="Rejected", kind=ColumnKind.COUNT),
    Column(field="sum_gap", title="Unaccounted", kind=ColumnKind.COUNT),
    Column(field="deleted", title="Deleted or merged", kind=ColumnKind.COUNT),
    Column(field="ours", title="We hold", kind=ColumnKind.COUNT),
    Column(field="expected", title="CRM’s own count", kind=ColumnKind.COUNT, missing="not told"),
    Column(field="count_gap", title="Gap", kind=ColumnKind.COUNT),
)
REJECTED_COLUMNS = (
    Column(field="source", title="From"),
    Column(field="line", title="Line", kind=ColumnKind.COUNT),
    Column(field="kind", title="Object"),
    Column(field="reason", title="Why it was rejected", width=2),
)
MISSING_COLUMNS = (
    Column(field="connection", title="Source"),
    Column(field="kind", title="Object"),
    Column(field="reason", title="Why it is missing", width=2),
    Column(field="since", title="Since", kind=ColumnKind.TIME),
)


def source_card(source: Source, view: View) -> None:
    """One connection: how fresh, what it does now, and its buttons."""
    fresh = source.freshness
    key = f"source_{fresh.connection_id}"
    with st.container(border=True, key=key, gap="xsmall"):
        what = PROVIDERS.get(fresh.provider, fresh.provider.capitalize())
        with cards.titled(fresh.name, f"{what} · {formats.plural(fresh.n_deals, 'deal')}" if fresh.n_deals else what):
            if view.may_change and not source.is_running:
                label = "Resume" if source.was_cut_off else "Sync now"
                st.button(
                    label, icon=":material/sync:", key=f"{key}_sync", on_click=syncs.start, args=(source.connection,)
                )
                crm_cards.menu(view, source.connection)
        known = replace(freshness.stamp(fresh, source.connection, view), name="", note="")
        cards.stamps([known], now=view.now)
        if source.is_running:
            progress(source, view)
        elif source.run and source.run.status == "failed":
            # It may quote the CRM, whose text must not become a link or a picture here.
            st.markdown(
                f":red[:material/error: {lead_words.plain(source.run.error_message or 'The last sync failed.')}]"
            )
            st.markdown(f":gray[:small[Error id]] `{source.run.error_id}`")
            crm_cards.own_credentials(view, fresh.connection_id)
        elif source.was_cut_off:
            st.markdown(":orange[:material/pause_circle:] :gray[The last sync was stopped before its end. Resume goes "
                        "on where it stopped; nothing is fetched twice.]")  # fmt: skip


def progress(source: Source, view: View) -> None:
    """How far a running sync is, with a button to stop it."""
    run = source.run
    if run is None or run.status != "running":
        st.progress(0.0, text="Waiting for its turn …")
        return
    counts = syncs.run_counts(view, run.run_id)
    done = set(syncs.done_of(counts))
    here = counts[counts["kind"] == run.step]
    fetched = int(here["fetched"].sum()) if len(here) else 0
    elapsed = formats.duration((view.now - run.started_at).total_seconds())
    words = f"{syncs.step_name(run.step)}: {formats.count(fetched)} fetched · {elapsed}"
    st.progress(min(0.98, len(done) / len(syncs.STEPS) + 0.02), text=words)
    with st.container(horizontal=True, gap="small"):
        for kind in syncs.STEPS:
            icon, color = ("check_circle", "green") if kind in done else (
                ("progress_activity", "blue") if kind == run.step else ("circle", "gray"))  # fmt: skip
            st.markdown(f":small[:{color}[:material/{icon}:] {syncs.KIND_NAMES[kind]}]", width="content")
    if view.may_change:
        is_cancelling = run.cancel_requested_at is not None
        st.button("Stopping after this page …" if is_cancelling else "Stop after this page", type="tertiary",
                  icon=":material/stop_circle:", key=f"cancel_{run.run_id}", disabled=is_cancelling,
                  on_click=syncs.cancel, args=(run, view))  # fmt: skip


@st.fragment(run_every="2s")
def sources_live(view: View) -> None:
    """Redraws itself while something runs; when it is over, the whole page follows."""
    now_view = data.at_now(view)
    found = syncs.sources(now_view)
    for source in found:
        source_card(source, now_view)
    if not any(source.is_running for source in found):
        st.rerun()


def sources_section(view: View) -> bool:
    found = syncs.sources(view)
    crm_cards.head(view)
    if not found:
        states.empty(
            "No source is read" if change_data.connections(view) else "No source is connected",
            "Import CSV exports on the tab beside, connect a CRM, or set CRM_PROVIDER in .env and start again.",
            key="no_source",
            icon="power_off",
        )
    if any(source.is_running for source in found):
        sources_live(view)
    else:
        for source in found:
            source_card(source, view)
    crm_cards.others(view)
    return bool(found)


def runs_section(view: View) -> None:
    found = syncs.runs(view)
    if found.empty:
        cards.title("Runs", "No sync or import has run yet")
        return
    with cards.titled("Runs", "The newest first"):
        export.menu(lambda: found, RUN_COLUMNS, name="runs", key="runs")
    tables.plain(found, RUN_COLUMNS, caption="Sync runs")
    runs = zip(found["run_id"], found["started_at"], found["connection"], strict=True)
    # The box tells its options apart by these texts, and two runs may begin in one minute.
    names = {int(run_id): f"{formats.clock(started)} · {source} · run {run_id}" for run_id, started, source in runs}
    st.space("small")
    with cards.titled(
        "Does it add up?", "Fetched = new + changed + unchanged + rejected; what we hold against the CRM’s own count"
    ):
        run_id = st.selectbox("Run", list(names), format_func=names.__getitem__, key="run_picked",
                              label_visibility="collapsed", width=320)  # fmt: skip
    reconciliation(view, run_id)
    rejected(view, run_id)


def reconciliation(view: View, run_id: int) -> None:
    counts = syncs.reconciled(syncs.run_counts(view, run_id))
    if counts.empty:
        st.markdown(":gray[This run ended before its first page.]")
        return
    counts = counts.assign(kind=counts["kind"].map(syncs.KIND_NAMES))
    gaps = pd.DataFrame(
        {
            name: ["bad" if pd.notna(value) and value != 0 else "" for value in counts[name]]
            for name in ("sum_gap", "count_gap")
        }
    ).assign(rejected=["risk" if value else "" for value in counts["rejected"]])
    tables.plain(counts, COUNT_COLUMNS, caption="Reconciliation of the run", tones=gaps)
    n_gaps = int((gaps[["sum_gap", "count_gap"]] == "bad").any(axis=1).sum())
    if n_gaps:
        st.markdown(f":red[◆ {formats.plural(n_gaps, 'object does', 'objects do')} not add up.] :gray[A gap that stays "
                    "after the next sync means that records are missing here or there.]")  # fmt: skip
    else:
        st.markdown(":green[:material/check_circle:] :gray[Everything that was fetched is accounted for.]")


def rejected(view: View, run_id: int) -> None:
    page, n = syncs.rejected_rows(view, run_id)
    if not n:
        return
    st.space("small")
    if not view.sees_everything:
        cards.title(
            "Rejected rows", f"{formats.plural(n, 'row')} kept aside; they may be anybody’s, so you cannot see them"
        )
        return
    shown = f", the first {len(page)} shown" if len(page) < n else ""
    with cards.titled("Rejected rows", f"{formats.plural(n, 'row')} kept aside{shown}"):
        export.raw_menu(lambda: syncs.all_rejected(view, run_id), name=f"rejected-run-{run_id}", key="rejected")
    with st.container(height=min(340, 80 + 38 * len(page)), border=False):
        tables.plain(page.assign(kind=page["kind"].str.capitalize()), REJECTED_COLUMNS, caption="Rejected rows")


def _plural(kind: str) -> str:
    return syncs.KIND_NAMES.get(kind, kind.capitalize())


def missing_section(view: View) -> None:
    found = syncs.missing(view)
    if found.empty:
        is_known = any(source.freshness.synced_at is not None for source in syncs.sources(view))
        told = "Nothing: every source tells everything that is asked of it"
        cards.title("What the sources do not tell", told if is_known else "Not known yet: no run has come to its end")
        return
    cards.title("What the sources do not tell", "Missing is not zero: these objects are left out of every number")
    shown = found.assign(kind=found["kind"].map(_plural), since=found["since"].dt.tz_convert(view.zone))
    tables.plain(shown, MISSING_COLUMNS, caption="Missing objects")


def page() -> None:
    view = shell.begin("Data", is_analysis=False)
    names = ["Sources", "Import CSV", "Organization"] if view.may_change else ["Sources"]
    tabs = dict(zip(names, st.tabs(names, key="data_tab", on_change="rerun"), strict=True))
    with tabs["Sources"], states.guarded("The sources could not be read", key="sources"):
        if sources_section(view):
            runs_section(view)
            st.space("small")
            missing_section(view)
    if "Import CSV" in tabs:
        with tabs["Import CSV"], states.guarded("The import could not go on", key="import"):
            import_wizard.draw(view)
        with tabs["Organization"], states.guarded("The settings could not be read", key="settings"):
            organization_settings.draw(view)


page()
