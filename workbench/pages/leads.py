"""Leads: what came in, where its delivery stands, what waits for a person, and what was refused at the door."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from insights.charts import Palette
from snapshots.forms import FormSettings
from snapshots.inbox import InboxCounts
from snapshots.lead_filter import LeadState
from workbench import (
    admin_data,
    cards,
    export,
    formats,
    grid,
    lead_accounts,
    lead_dialogs,
    lead_filters,
    lead_numbers,
    lead_snippets,
    lead_watch,
    lead_words,
    leads_data,
    places,
    rows,
    score_words,
    scored_filters,
    scored_leads,
    shell,
    states,
    tokens,
)
from workbench.columns import Column
from workbench.content import RowsPage
from workbench.lead_filters import REFUSED, SCORED, LeadChoice
from workbench.leads_data import Loaded
from workbench.view import View

TABS = {"": "Leads", REFUSED: "Refused", SCORED: "Scored leads"}
_EPOCH = "leads_epoch"  # names the grids: a new one has nothing selected


# --- top -------------------------------------------------------------------------------------------------------------


def chips(view: View) -> Loaded:
    loaded = leads_data.load(view)
    if loaded.choice.tab == SCORED:
        scored_filters.draw(view, scored_filters.adopt())
        return loaded
    scored_filters.leave()
    if not loaded.counts.is_untouched:
        lead_filters.draw(view, loaded.choice, loaded.forms, is_whole=loaded.sees, options=loaded.options)
    return loaded


def open_number(key: str) -> None:
    """Narrows the list to the rows behind a number."""
    number = lead_numbers.NUMBERS[key.removeprefix("in_")]
    if key == "in_refused":
        lead_filters.change(tab=REFUSED)
    else:
        states_ = (number.state,) if number.state else ()
        lead_filters.change(tab="", states=states_, reasons=(), flags=(), sources=(), campaigns=(), owner_ids=(),
                            bands=(), search="")  # fmt: skip


def overlooked(found: InboxCounts, view: View) -> None:
    """What waits for a person and lies outside the days that are looked at."""
    left_out = lead_numbers.overlooked(found)
    if not left_out:
        return
    what = " and ".join(f"{formats.count(n)} {lead_words.STATES[state].lower()}" for state, n in left_out.items())
    n = sum(left_out.values())
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="leads_overlooked"):
        st.markdown(f":gray[:small[:material/history: {what} {'lead' if n == 1 else 'leads'} outside these days still "
                    f"{'waits' if n == 1 else 'wait'} for a person.]]", width="content")  # fmt: skip
        st.button("Show all time", type="tertiary", key="leads_all_time", on_click=lead_filters.show_all_time)


def unsent(view: View) -> None:
    """For administrators: messages about leads that wait for a person, and the way there."""
    if not admin_data.may_administer(view):
        return
    n = admin_data.notification_counts(view).get("parked", 0)
    if not n:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="leads_unsent"):
        said = formats.plural(n, "message about leads", "messages about leads")
        st.markdown(f":orange[:material/warning:] :small[{said} could not be sent:]", width="content")
        st.page_link(places.ADMIN, label="Admin → Notifications",
                     query_params=places.link(view.filters, section="Notifications"))  # fmt: skip


def untouched(view: View, forms: Sequence[FormSettings]) -> None:
    """The page before the first lead: what to do next."""
    then = "goes to your CRM by itself"
    if not leads_data.has_destination(view):
        then = "waits here until a CRM that takes leads is connected"
    states.empty(
        "No lead has come in yet",
        f"Send one from your website or from a terminal: it appears here at once, and {then}.",
        key="leads",
        icon="move_to_inbox",
    )
    with st.container(border=True, key="leads_how"):
        cards.title("How leads get in", "Paste this into a page or a terminal")
        lead_snippets.draw(forms, key="how")


# --- lists -----------------------------------------------------------------------------------------------------------


def definitions(page: RowsPage, shown: Any, palette: Palette) -> list[dict[str, Any]]:
    made = []
    for column in page.columns:
        definition = grid.column_definition(column, **grid.room_for(shown, column))
        if column.field == "name":
            definition |= {"pinned": "left", "flex": None, "width": 270, "minWidth": 120,
                           "cellRenderer": grid.name_renderer(palette)}  # fmt: skip
        elif column.field == "state":
            # As wide as its longest word, "Quarantined", behind a mark.
            definition |= {"cellRenderer": grid.mark_renderer(palette), "minWidth": 132}
        elif column is leads_data.BAND:
            definition |= {"cellRenderer": grid.mark_renderer(palette), "minWidth": 92}
        if column is not leads_data.COMPANY and not (column in _IF_ANY and _is_blank(page, column)):
            made.append(definition)
    return made


_IF_ANY = (leads_data.SCORE, leads_data.BAND, leads_data.OWNER, leads_data.CAMPAIGN, leads_data.NOTES)


def _is_blank(page: RowsPage, column: Column) -> bool:
    """No lead on this page has any."""
    held = page.frame[column.field]
    return not (held.notna() & (held != "")).any()


def leads_list(view: View, loaded: Loaded) -> None:
    pager = rows.Pager((view.filters, loaded.choice), "leads")
    page = leads_data.leads_page(view, loaded, after=pager.after)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f":gray[{page.note}]", width="stretch")
        with st.container(horizontal=True, width="content", gap="xsmall", vertical_alignment="center"):
            _search(loaded.choice)
            if view.may_change:
                _replay_buttons(view, loaded)
            export.menu(
                lambda: leads_data.all_leads(view, loaded), page.columns,
                name=f"leads-{lead_filters.period(view).last.isoformat()}", key="leads",
                note=f"All leads of this list, up to {formats.count(rows.EXPORT_LIMIT)}.",
            )  # fmt: skip
    if page.frame.empty:
        _none(view, loaded)
        return
    shown = grid.rows_for(page.frame, page.columns)
    shown["lead_id"] = page.frame["lead_id"].tolist()
    shown["name"] = shown["name__text"]
    shown["name__note"] = page.frame["company"].tolist()
    palette = tokens.palette()
    shown["state__mark"] = [lead_words.MARKS[state] for state in page.frame["lead_state"]]
    shown["state__color"] = [getattr(palette, lead_words.TONES[state]) for state in page.frame["lead_state"]]
    shown["band__mark"] = [score_words.MARKS.get(band, "") for band in page.frame["band"]]
    shown["band__color"] = [getattr(palette, score_words.TONES.get(band, "faint")) for band in page.frame["band"]]
    epoch = st.session_state.get(_EPOCH, 0)
    answer = grid.draw(shown, definitions(page, shown, palette), key=f"leads_{pager.number}_{epoch}", opens=True,
                       max_height=620)  # fmt: skip
    pager.draw(page, key="leads")
    if answer.selected is not None:
        open_lead(str(answer.selected["lead_id"]), view)


def open_lead(lead_id: str, view: View) -> None:
    _forget_selection()
    st.switch_page(places.LEAD, query_params=places.link(view.filters, lead=lead_id))


def _forget_selection() -> None:
    st.session_state[_EPOCH] = st.session_state.get(_EPOCH, 0) + 1


def _search(choice: LeadChoice) -> None:
    st.session_state["lead_search"] = choice.search
    st.text_input(
        "Find a lead", placeholder="Name, e-mail, phone, company", icon=":material/search:",
        label_visibility="collapsed", width=250, key="lead_search", type="search", on_change=_on_search,
        help="A whole e-mail address or a lead’s id finds exactly that; anything else is looked for in name, e-mail, "
        "phone and company.",
    )  # fmt: skip


def _on_search() -> None:
    lead_filters.change(search=(st.session_state["lead_search"] or "").strip())


def _replay_buttons(view: View, loaded: Loaded) -> None:
    """Replay what is parked; release what is in quarantine only where nothing else is shown, for much of it is spam."""
    _replay_button("Replay", LeadState.PARKED, leads_data.n_listed(view, loaded, (LeadState.PARKED,)))
    if loaded.choice.states == (LeadState.QUARANTINED,):
        _replay_button("Release", LeadState.QUARANTINED, leads_data.n_listed(view, loaded, ()))


def _replay_button(verb: str, state: LeadState, n: int) -> None:
    if n:
        what = f"{formats.count(n)} {lead_words.STATES[state].lower()}"
        st.button(f"{verb} {what}", icon=":material/playlist_play:", key=f"all_{state.value}",
                  on_click=lead_dialogs.ask, args=("replay_all", state))  # fmt: skip


def _none(view: View, loaded: Loaded) -> None:
    choice, found = loaded.choice, loaded.counts

    def actions() -> None:
        if choice.is_narrowed:
            st.button("Clear filters", type="primary", on_click=lead_filters.clear, key="leads_none_clear")
        if view.filters.range != "all":
            st.button("Show all time", on_click=lead_filters.show_all_time, key="leads_none_all")

    received = f"{formats.plural(found.received, 'lead was', 'leads were')} received {lead_filters.when(view)}"
    why = "; the filters leave none of them." if choice.is_narrowed and found.received else "."
    states.empty("No leads in this list", received + why, key="leads_none", icon="filter_alt_off", actions=actions)


def refused_list(view: View, choice: LeadChoice, found: InboxCounts) -> None:
    if not found.refused:
        states.empty("Nothing was refused", f"Every submission {lead_filters.when(view)} was accepted.",
                     key="refused_none", icon="verified")  # fmt: skip
        return
    pager = rows.Pager((view.filters, choice), REFUSED)
    page = leads_data.refused_page(view, choice, total=found.refused, after=pager.after)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f":gray[{page.note}. They cannot be a lead; their senders were told what to correct.]",
                    width="stretch")  # fmt: skip
        export.menu(lambda: leads_data.all_refused(view, choice, total=found.refused), page.columns,
                    name=f"refused-{lead_filters.period(view).last.isoformat()}", key=REFUSED)  # fmt: skip
    shown = grid.rows_for(page.frame, page.columns)
    shown["refused_id"] = page.frame["refused_id"].tolist()
    epoch = st.session_state.get(_EPOCH, 0)
    columns = [grid.column_definition(column, **grid.room_for(shown, column)) for column in page.columns]
    answer = grid.draw(shown, columns, key=f"refused_{pager.number}_{epoch}", opens=True, max_height=620)
    pager.draw(page, key=REFUSED)
    if answer.selected is not None:
        _forget_selection()
        lead_dialogs.ask("refused", int(answer.selected["refused_id"]))
        st.rerun()


# --- page ------------------------------------------------------------------------------------------------------------


def _on_tab() -> None:
    titles = {title: tab for tab, title in TABS.items()}
    lead_filters.change(tab=titles.get(st.session_state["leads_tab"], ""))


def lists(view: View, loaded: Loaded) -> None:
    """The tab that is looked at alone: all of them would want the place in the pages of rows."""
    has_lists = loaded.sees and not loaded.counts.is_untouched
    names = {tab: title for tab, title in TABS.items() if has_lists or tab != REFUSED}
    chosen = loaded.choice.tab if loaded.choice.tab in names else ""
    st.session_state["leads_tab"] = TABS[chosen]
    tabs = dict(zip(names, st.tabs(list(names.values()), key="leads_tab", on_change=_on_tab), strict=True))
    with tabs[chosen]:
        if chosen == SCORED:
            with states.guarded("The scores could not be read", key="scored"):
                scored_leads.draw(view, scored_filters.adopt())
        elif loaded.counts.is_untouched:
            untouched(view, loaded.forms)
        elif not loaded.sees:
            for_whom_it_is_not(view)
        elif chosen == REFUSED:
            with states.guarded("The refused submissions could not be read", key="refused"):
                refused_list(view, loaded.choice, loaded.counts)
        else:
            with states.guarded("The leads could not be read", key="leads"):
                leads_list(view, loaded)


def for_whom_it_is_not(view: View) -> None:
    states.empty(
        "Who they are is not shown to you",
        "A lead that came in belongs to nobody yet, so administrators, sales ops and analysts see it. Once the CRM has "
        "given it an owner, it stands among that person’s rows.",
        key="leads_closed",
        icon="lock",
    )


def head(view: View, loaded: Loaded) -> None:
    with st.container(key="leads_head", horizontal=True, vertical_alignment="center", gap="small"):
        if loaded.choice.tab == SCORED:
            cards.page_title("Leads", "Open in the CRM, as they are now")
            return
        if loaded.counts.is_untouched:
            cards.page_title("Leads")
            return
        cards.page_title("Leads", f"Received {lead_filters.when(view)}")
        with st.popover("How leads get in", icon=":material/code:", key="leads_how_popover", width="content"):
            lead_snippets.draw(loaded.forms, key="how")


def numbers(view: View, loaded: Loaded) -> None:
    """What came in, and what waits for a person."""
    if loaded.sees:
        lead_accounts.draw(view)
    cards.kpi_band(lead_numbers.kpis(loaded.counts, view, opens=loaded.sees), open_rows=open_number)
    if loaded.sees:
        overlooked(loaded.counts, view)
        with states.guarded("The messages about leads could not be counted", key="unsent"):
            unsent(view)


def watch(view: View, n: int) -> None:
    """Numbers and list follow what is delivered meanwhile."""
    if n:
        lead_watch.until_changed(lambda: leads_data.n_pending(view), n, key="leads")


def page() -> None:
    found: list[Loaded] = []
    view = shell.begin(
        None, is_analysis=False, chips=lambda view: found.append(chips(view)),
        past="Leads received until that day. Their state, and all that waits or is scored, is as of now.",
    )  # fmt: skip
    with states.guarded("The leads could not be read", key="inbox"):
        lead_dialogs.told()
        loaded = found[0]
        head(view, loaded)
        if loaded.choice.tab != SCORED and not loaded.counts.is_untouched:
            numbers(view, loaded)
        lists(view, loaded)
        if loaded.counts.is_untouched or not loaded.sees or loaded.choice.tab == SCORED:
            return
        lead_dialogs.of_list(view, loaded.choice)
        watch(view, loaded.n_pending)


page()
