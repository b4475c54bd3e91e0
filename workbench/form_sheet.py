"""One form: its head with what may be done, the builder, what to embed, and its versions."""

from __future__ import annotations

import logging
from typing import Any

import streamlit as st

from snapshots.form_versions import FormSummary, Version
from workbench import (
    blocked_pages,
    cards,
    form_dialogs,
    form_embed,
    form_list,
    form_words,
    formats,
    forms_data,
    lead_words,
    states,
)
from workbench.builder import component, state
from workbench.view import View

log = logging.getLogger(__name__)
TABS = ("Build", "Embed", "Versions")


def draw(view: View, form: FormSummary) -> None:
    _head(view, form)
    blocked_pages.draw(view, form, key="sheet")
    build, embed, versions = st.tabs(TABS, key="form_tab", on_change="rerun")
    # The builder stays where it is, with what is being typed; the others are drawn where they are looked at.
    with build, states.guarded("The builder could not be opened", key="builder"):
        _builder(view, form)
    if embed.open:
        with embed, states.guarded("What to embed could not be read", key="embed"):
            form_embed.draw(view, form)
    if versions.open:
        with versions, states.guarded("The versions could not be read", key="versions"):
            _versions(view, form)


def _close() -> None:
    st.query_params.pop("form", None)


def _head(view: View, form: FormSummary) -> None:
    st.button("All forms", type="tertiary", icon=":material/arrow_back:", key="form_close", on_click=_close)
    word, icon, colour = form_words.STATUSES[form.status]
    with st.container(key="forms_head", horizontal=True, vertical_alignment="center", gap="small"):
        cards.page_title(form.name, form_words.standing(form))
        st.badge(word, icon=f":material/{icon}:", color=colour)
        form_list.menu(view, form)
        if view.may_change and form.status != "archived":
            is_behind = form.has_unpublished_changes or form.status == "draft"
            st.button("Publish", type="primary" if is_behind else "secondary", icon=":material/publish:",
                      key="form_publish", on_click=form_dialogs.ask, args=("publish", form.form_id))  # fmt: skip
    if not view.may_change:
        st.caption(":material/lock: You can look at this form; administrators and sales ops change it.")


# --- builder ---------------------------------------------------------------------------------------------------------


def _answer_key(form_id: int) -> str:
    return f"builder_answer_{form_id}"


def _builder(view: View, form: FormSummary) -> None:
    key = f"builder_{form.form_id}"

    def on_draft() -> None:
        sent = component.sent(key)
        if sent is not None:
            st.session_state[_answer_key(form.form_id)] = _saved(view, form.form_id, dict(sent))

    answer = st.session_state.get(_answer_key(form.form_id))
    component.draw(forms_data.for_builder(view, form, answer), key=key, on_draft=on_draft)


def _saved(view: View, form_id: int, sent: dict[str, Any]) -> dict[str, Any]:
    """What the builder is told; a failure too, for there the draft is still whole and can be sent again."""
    try:
        return forms_data.save(view, form_id, sent)
    except Exception as error:
        identifier = states.error_id(error)
        log.exception("A draft could not be saved [%s]", identifier)
        problem = (
            f"The draft could not be saved. It is still here; nothing is lost while this page is open. {identifier}"
        )
        return {"client": sent.get("client"), "number": sent.get("number"), "problem": problem}


# --- versions --------------------------------------------------------------------------------------------------------


def _versions(view: View, form: FormSummary) -> None:
    found = forms_data.versions(view, form.form_id)
    if not found:
        states.empty("Not published yet", "Each time a form is published, it becomes a version that never changes.",
                     key="versions", icon="history")  # fmt: skip
        return
    cards.title("Versions", "Leads keep the version that they answered")
    for version, before in zip(found, [*found[1:], None], strict=True):
        _version(view, form, version, before)


def _version(view: View, form: FormSummary, version: Version, before: Version | None) -> None:
    told = ["The first version"] if before is None else _changes(before, version)
    with st.container(key=f"formversion_{version.version}"):
        is_live = version.version == form.published_version
        with cards.titled(f"Version {version.version}", _when(view, version)):
            if is_live:
                st.badge("Answered now", icon=":material/check_circle:", color="green")
            if view.may_change:
                st.button("Make it the draft", icon=":material/history:", key=f"restore_{version.version}",
                          on_click=_restore, args=(view, form, version.version))  # fmt: skip
        st.markdown("\n".join(f"- {lead_words.plain(one)}" for one in told[: form_dialogs.MOST_SENTENCES]))


def _when(view: View, version: Version) -> str:
    at = formats.clock(version.published_at.astimezone(view.zone))
    return f"{at} by {version.published_by}"


def _changes(before: Version, after: Version) -> list[str]:
    old, new = (one.definition.model_dump(mode="json") for one in (before, after))
    return state.changes(old, new) or ["The same as the one before"]


def _restore(view: View, form: FormSummary, version: int) -> None:
    forms_data.restore(view, form.form_id, version)
    form_dialogs.tell(
        f"Version {version} is the draft now. Visitors see it once it is published; undo brings yours back."
    )
