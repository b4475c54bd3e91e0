"""The list of forms: what each is called, where it stands, how many leads it brought, and what may be done with it."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from snapshots.form_versions import FormSummary
from workbench import cards, form_dialogs, form_words, formats, forms_data, lead_words, states
from workbench.view import View

_WIDTHS = (4, 2, 3, 2, 2.2)
_ARCHIVED = "forms_archived"


def draw(view: View) -> None:
    everything = forms_data.summaries(view, archived=True)
    n_archived = sum(one.status == "archived" for one in everything)
    with st.container(key="forms_head", horizontal=True, vertical_alignment="center", gap="small"):
        cards.page_title("Form builder", "Where leads come in from your websites")
        if n_archived:
            st.toggle(f"Show {formats.plural(n_archived, 'archived form')}", key=_ARCHIVED)
        if view.may_change:
            st.button("New form", type="primary", icon=":material/add:", key="form_new", on_click=form_dialogs.ask,
                      args=("new",))  # fmt: skip
    shown = [one for one in everything if one.status != "archived" or st.session_state.get(_ARCHIVED)]
    if not shown:
        _none(view)
        return
    received = forms_data.received(view)
    with st.container(border=True, key="forms_list", gap=None):
        _head()
        for form in shown:
            _row(view, form, received)
    if [one.is_default for one in shown] == [True] and view.may_change:
        _first(view)


def _none(view: View) -> None:
    def actions() -> None:
        if view.may_change:
            st.button("New form", icon=":material/add:", key="form_new_empty", on_click=form_dialogs.ask, args=("new",))

    states.empty("No form yet", "A form takes leads from a website; start from a template and change it.", key="forms",
                 icon="dynamic_form", actions=actions)  # fmt: skip


def _first(view: View) -> None:
    """Beside the default form alone: what a further one is for."""
    del view
    st.caption(
        "The default form takes what names no form. Make one for each place that should look, ask or count on its own: "
        "a demo request, a newsletter, an event."
    )


def _head() -> None:
    with st.container(key="formhead"):
        columns = st.columns(_WIDTHS, vertical_alignment="center")
        counted = "Leads that came in through the form, whatever became of them; refused submissions are none"
        titles = {"Form": None, "Status": None, "Version": None, f"Last {forms_data.COUNTED_DAYS} days": counted}
        for column, (title, help_) in zip(columns, titles.items(), strict=False):
            column.markdown(f":gray[:small[{title}]]", help=help_)


def _row(view: View, form: FormSummary, received: Mapping[int, int]) -> None:
    with st.container(key=f"formrow_{form.form_id}"):
        name, status, version, leads, actions = st.columns(_WIDTHS, vertical_alignment="center")
        with name:
            note = " :gray[:small[default]]" if form.is_default else ""
            st.button(f"**{lead_words.plain(form.name)}**{note}", type="tertiary", key=f"form_open_{form.form_id}",
                      on_click=open_form, args=(form.form_id,))  # fmt: skip
        word, icon, colour = form_words.STATUSES[form.status]
        status.badge(word, icon=f":material/{icon}:", color=colour)
        version.markdown(f":gray[{form_words.standing(form)}]")
        leads.markdown(formats.plural(received.get(form.form_id, 0), "lead"))
        with actions:
            menu(view, form)


def open_form(form_id: int) -> None:
    st.query_params["form"] = str(form_id)


def menu(view: View, form: FormSummary) -> None:
    """What may be done with a form as a whole."""
    if not view.may_change:
        return
    what = {"duplicate": ":material/content_copy: Duplicate", "rename": ":material/edit: Rename"}
    if form.status == "published":
        what["pause"] = ":material/pause_circle: Pause"
    if form.status == "paused":
        what["resume"] = ":material/play_circle: Take leads again"
    if form.status == "archived":
        what["unarchive"] = ":material/unarchive: Take it out of the archive"
    elif not form.is_default:
        what["archive"] = ":material/archive: Archive"
    picked = st.menu_button("More", list(what), format_func=what.__getitem__, icon=":material/more_horiz:",
                            key=f"form_more_{form.form_id}")  # fmt: skip
    if picked:
        form_dialogs.do(view, picked, form)
        st.rerun()
