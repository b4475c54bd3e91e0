"""Widgets: each form and version, how many see it and what becomes of them, where it stands, and whether it is open."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from insights import funnel
from snapshots.form_versions import FormSummary, Status
from workbench import (
    blocked_pages,
    cards,
    export,
    funnel_cards,
    funnel_data,
    funnel_filters,
    funnel_rows,
    lead_words,
    places,
    rate_words,
    shell,
    states,
    tables,
    widgets_data,
)
from workbench.columns import Column, ColumnKind
from workbench.funnel_data import Loaded
from workbench.view import View

FORM = Column(field="form", title="Form", width=1.5)
VERSION = Column(field="version_text", title="Version", width=0.7)
STATUS = Column(field="status", title="Status", width=1.1)
HOST_COLUMNS = (
    Column(field="host", title="Domain", width=1.4),
    Column(field="last_day", title="Last seen", kind=ColumnKind.DATE, width=0.8),
)


def chips(view: View) -> Loaded:
    forms = funnel_data.forms_of(view)
    choice = funnel_filters.adopt(funnel_data.newest_versions(forms))
    loaded = funnel_data.load(view, choice, forms)
    if not loaded.is_untouched:
        funnel_filters.draw(view, choice, funnel_data.names(view, choice, forms), has_people=False)
    return loaded


def untouched(view: View) -> None:
    states.empty(
        "No form was seen yet",
        "Open the Form builder, copy a form’s snippet and paste it into a page of your website. What visitors do with "
        "it stands here a second later.",
        key="widgets",
        icon="widgets",
        actions=lambda: st.page_link(places.FORMS, label="Open the Form builder", icon=":material/dynamic_form:",
                                     query_params=places.link(view.filters)),
    )  # fmt: skip


def versions_card(loaded: Loaded) -> None:
    frame = widgets_data.versions(loaded)
    with cards.titled("Forms and their versions", funnel_cards.apart_note(loaded)):
        with st.popover("What counts", icon=":material/rule:", key="widgets_rules"):
            st.markdown(funnel_cards.RULES_HELP)
            st.caption(funnel_cards.RULES)
        export.menu(lambda: frame, (FORM, VERSION, STATUS, *funnel_cards.exported(funnel_cards.COUNTS)),
                    name=f"forms-{loaded.slice.last_day.isoformat()}", key="widgets_versions")  # fmt: skip
    if frame.empty:
        st.markdown(":gray[No visit in these days.]")
        return
    funnel_cards.group_table(frame, (FORM,), by="version", key="widgets_grid", sparks=True)


def chosen(loaded: Loaded) -> FormSummary | None:
    """The form that the details are of: the one that is filtered for, else the one that is picked."""
    forms = [one for one in loaded.forms.values() if one.status != "archived" or one.form_id in loaded.choice.form_ids]
    if len(loaded.choice.form_ids) == 1:
        return loaded.forms[loaded.choice.form_ids[0]]
    if not forms:
        return None
    by_id = {one.form_id: one for one in forms}
    picked = st.selectbox(
        "Form", list(by_id), format_func=lambda one: by_id[one].name, key="widgets_form", width=260,
        label_visibility="collapsed",
    )  # fmt: skip
    return by_id.get(picked)


def details(loaded: Loaded) -> None:
    with st.container(key="widgets_of", horizontal=True, vertical_alignment="center", gap="small"):
        cards.title("One form")
        form = chosen(loaded)
        if form is None:
            return
        _status(loaded, form)
        st.page_link(places.FORMS, label="Open in the builder", icon=":material/edit:", width="content",
                     query_params=places.link(loaded.view.filters, form=str(form.form_id)))  # fmt: skip
    mine = widgets_data.of_form(loaded, form.form_id)
    left, right = st.container(key="split_widgets").columns([1.25, 1], gap="small")
    with left.container(border=True, height="stretch", key="widget_funnel"):
        cards.title("How far do visitors come?", "Each step with its share of the step before; paler: of the contacts")
        parts = funnel.contact_parts(mine.leads)
        funnel_cards.steps_chart(funnel.funnel(mine.counts), parts, key="widget_steps")
    with right.container(border=True, height="stretch", key="widget_sources"):
        _sources(mine, form.form_id)
        _hosts(loaded, form.form_id)
        blocked_pages.draw(loaded.view, form, key="widgets", has_frame=False)


def _status(loaded: Loaded, form: FormSummary) -> None:
    word = form.status.capitalize()
    st.badge(word, color={"published": "green", "paused": "orange"}.get(form.status, "gray"))  # type: ignore[arg-type]
    if not loaded.view.may_change or form.status not in {"published", "paused"}:
        return
    # Two buttons, not one with two words: its tooltip would stay where the mouse is.
    if form.status == "published":
        st.button("Pause", icon=":material/pause:", key="widget_pause", on_click=_set, args=(loaded, form, "paused"),
                  help="Visitors are told that it takes nothing; what is sent anyway waits in quarantine.")  # fmt: skip
    else:
        st.button("Resume", icon=":material/play_arrow:", key="widget_resume", on_click=_set,
                  args=(loaded, form, "published"),
                  help="It is paused: visitors are told that it takes nothing. Resume takes leads again, at once.",
                  )  # fmt: skip


def _set(loaded: Loaded, form: FormSummary, status: Status) -> None:
    widgets_data.set_status(loaded.view, form.form_id, status)
    name = lead_words.plain(form.name)
    if status == "paused":
        st.toast(f"“{name}” is paused: visitors are told that it takes nothing, and what is sent anyway waits on the "
                 "page Leads. “Resume” takes leads again.", icon=":material/pause:")  # fmt: skip
    else:
        st.toast(f"“{name}” takes leads again.", icon=":material/play_arrow:")


def _sources(mine: Loaded, form_id: int) -> None:
    assert mine.visits is not None
    cards.title("Where do they come from?", "Views, valid leads and the share of them")
    top = funnel.by_group(mine.visits, mine.leads, ["source"]).head(5)
    if top.empty:
        st.markdown(":gray[No visit in these days.]")
        return
    frame = funnel_cards.with_rates(top.assign(**{"is": [f"{form_id}.{word}" for word in top["source"]]}))
    columns = (Column(field="source", title="Source", width=1.2), *(one for one in funnel_cards.COUNTS
               if one.field in {"views", "valid"}))  # fmt: skip
    rate = replace(funnel_cards.CAPTURE, text_field="capture_said")
    funnel_rows.small_table(frame, (*columns, rate), by="form_source", step="views",
                            key="widget_source", caption="Sources of one form")  # fmt: skip


def _hosts(loaded: Loaded, form_id: int) -> None:
    hosts = widgets_data.hosts(loaded, form_id)
    cards.title("Seen on")
    if hosts.empty:
        st.markdown(":gray[No page of a website told of it yet.]")
        return
    tables.plain(hosts.head(6), HOST_COLUMNS, caption="Domains on which the form was seen")


def for_whom_it_is_not() -> None:
    states.empty(
        "Visits belong to nobody",
        "Administrators, sales ops and analysts see them. What became of your own leads stands on Lead analytics.",
        key="widgets_closed",
        icon="lock",
    )


def page() -> None:
    found: list[Loaded] = []
    view = shell.begin(
        None, is_analysis=False, chips=lambda view: found.append(chips(view)),
        past="Visits and leads until that day; whether a form is live or paused, and where it stands, is as of now.",
    )  # fmt: skip
    with states.guarded("The forms could not be read", key="widgets"):
        loaded = found[0]
        with st.container(key="widgets_head", horizontal=True, vertical_alignment="center", gap="small"):
            cards.page_title("Widgets", f"Visits {funnel_data.period_note(loaded)}")
        if not view.sees_everything:
            for_whom_it_is_not()
            return
        if loaded.is_untouched:
            untouched(view)
            return
        whole = widgets_data.without_people(loaded)
        cards.kpi_band(funnel_cards.kpis(whole), open_rows=funnel_rows.open_step)
        st.caption(rate_words.RULE)
        versions_card(whole)
        details(whole)
        funnel_rows.dialog_if_asked(whole)


page()
