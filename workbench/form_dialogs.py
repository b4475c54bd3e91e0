"""The dialogs about forms, and what is done with one at once: make, rename, publish, pause, archive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import streamlit as st

from snapshots.form_versions import DraftChanged, DraftHasFaults, FormSummary, Status
from workbench import form_words, formats, forms_data, lead_words, states
from workbench.builder.state import NamedFault
from workbench.builder.templates import EMPTY, TEMPLATES, Template
from workbench.view import View

_OPEN, _TOLD = "form_dialog", "form_told"
_STATUS: Final[dict[str, tuple[Status, str]]] = {
    "pause": (
        "paused",
        "Paused. Visitors are told that it takes nothing; what is sent anyway waits on the page Leads. "
        "“Take leads again” in its menu resumes it.",
    ),
    "resume": ("published", "It takes leads again."),
    "archive": ("archived", "Archived. Its leads and versions stay; “Show archived forms” brings it back."),
}


def ask(name: str, form_id: int | None = None) -> None:
    """Opens a dialog with the run that follows."""
    st.session_state[_OPEN] = (name, form_id)


def close() -> None:
    st.session_state.pop(_OPEN, None)


def tell(words: str) -> None:
    """What was done, said once with the next run."""
    st.session_state[_TOLD] = words


def do(view: View, what: str, form: FormSummary) -> None:
    """What was picked in a form's menu: at once, or its dialog."""
    if what == "rename":
        ask("rename", form.form_id)
        return
    try:
        if what == "duplicate":
            made = forms_data.duplicate(view, form.form_id)
            st.query_params["form"] = str(made.form_id)
            tell(f"Duplicated as “{made.name}”.")
            return
        if what == "unarchive":
            was: Status = "draft" if form.published_version is None else "paused"
            forms_data.set_status(view, form.form_id, was)
            tell(f"Out of the archive, as {form_words.STATUSES[was][0].lower()}.")
            return
        status, words = _STATUS[what]
        forms_data.set_status(view, form.form_id, status)
        tell(words)
    except ValueError as error:
        tell(str(error))


def draw(view: View) -> None:
    """The dialog that is open, if any, and what was done last."""
    if words := st.session_state.pop(_TOLD, None):
        st.toast(words)
    found = st.session_state.get(_OPEN)
    if found is None or not view.may_change:
        return
    name, form_id = found
    form = None if form_id is None else forms_data.summary(view, form_id)
    if name == "new":
        st.dialog("New form", width="large", on_dismiss=close)(_new)(view)
    elif form is not None and name == "rename":
        st.dialog("Rename the form", on_dismiss=close)(_rename)(view, form)
    elif form is not None and name == "publish":
        st.dialog("Publish", on_dismiss=close)(_publish)(view, form)


def _done(words: str) -> None:
    close()
    tell(words)
    st.rerun()


# --- new, rename -----------------------------------------------------------------------------------------------------


def _new(view: View) -> None:
    offered: dict[str, Template] = {**TEMPLATES, "empty": EMPTY}
    picked = st.radio(
        "Start from", list(offered), format_func=lambda one: offered[one].name, key="form_template",
        captions=[one.about for one in offered.values()],
    )  # fmt: skip
    name = st.text_input("Name", value=offered[picked].name, max_chars=120, key=f"form_name_{picked}",
                         help="For people here; visitors see the form’s title.")  # fmt: skip

    def make() -> None:
        made = forms_data.create(view, name, offered[picked])
        st.query_params["form"] = str(made.form_id)
        _done(f"“{lead_words.plain(made.name)}” is a draft: visitors see it once it is published.")

    _button("Make the form", make, key="form_make")


def _rename(view: View, form: FormSummary) -> None:
    name = st.text_input("Name", value=form.name, max_chars=120, key=f"form_rename_{form.form_id}",
                         help="For people here; visitors see the form’s title.")  # fmt: skip

    def rename() -> None:
        forms_data.rename(view, form.form_id, name)
        _done("Renamed.")

    _button("Rename", rename, key="form_rename_yes")


def _button(label: str, action: Callable[[], None], *, key: str) -> None:
    """The dialog's own button; a ValueError is shown beside it."""
    if not st.button(label, type="primary", key=key):
        return
    with states.guarded("That could not be done", key=f"guard_{key}", still_works="Nothing was changed."):
        try:
            action()
        except ValueError as error:
            st.error(lead_words.plain(str(error)))


# --- publish ---------------------------------------------------------------------------------------------------------


def _publish(view: View, form: FormSummary) -> None:
    wanted = forms_data.publication(view, form)
    if wanted.faults:
        st.markdown("The draft cannot be published yet:")
        _list([fault_words(one) for one in wanted.faults])
        st.button("Back to the form", key="publish_back", on_click=close)
        return
    if wanted.changes is None:
        st.markdown("This is its first version. From then on the form can be shown on websites.")
    elif not wanted.changes:
        st.markdown("Nothing differs from the version that is answered now.")
        if form.status == "published":
            st.button("Back to the form", key="publish_back", on_click=close)
            return
    else:
        st.markdown(f"Different from version {form.published_version}, which is answered now:")
        _list(wanted.changes)
        st.caption("Leads that came in keep the version that they answered.")

    def publish() -> None:
        try:
            version = forms_data.publish(view, form, wanted)
        except DraftChanged:
            st.warning("The draft was saved again meanwhile. Here is what would be published now.")
            return
        except DraftHasFaults as error:
            raise ValueError(str(error)) from error
        _done(f"Version {version} is published. Websites show it within seconds.")

    _button("Publish", publish, key="publish_yes")


def fault_words(fault: NamedFault) -> str:
    return f"{fault.title}: {fault.message}" if fault.title else fault.message


def _list(sentences: list[str]) -> None:
    st.markdown("\n".join(f"- {lead_words.plain(one)}" for one in sentences[:MOST_SENTENCES]))
    if len(sentences) > MOST_SENTENCES:
        st.caption(f"and {formats.plural(len(sentences) - MOST_SENTENCES, 'more change')}")


MOST_SENTENCES: Final = 30
