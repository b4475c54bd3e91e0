"""What to paste into a website so that the form stands there: script, plain form, iframe, link with a QR code."""

from __future__ import annotations

import streamlit as st

from snapshots.form_versions import FormSummary
from workbench import cards, form_snippets, forms_data, installation, lead_snippets, states
from workbench.builder import state
from workbench.form_snippets import Place, Snippet
from workbench.view import View


def draw(view: View, form: FormSummary) -> None:
    live = forms_data.published(view, form)
    if live is None:
        states.empty("Not published yet", "Publish the form first; then here is what to paste into a website.",
                     key="embed", icon="code")  # fmt: skip
        return
    settings = installation.services().settings
    where = Place(base=lead_snippets.base(settings), key=form.key, integrity=forms_data.hash_of("widget.v1.js"),
                  touch_integrity=forms_data.hash_of("touch.v1.js"))  # fmt: skip
    if form.status != "published":
        st.markdown(
            f":orange[:material/pause_circle: The form is {form.status}: visitors are told that it takes nothing.]"
        )
    if not settings.public_url:
        st.caption(":material/info: These addresses work on this machine. Set `PUBLIC_URL` for websites elsewhere.")
    definition = state.parsed(live)
    title = (definition.title if definition else "") or form.name
    _snippet(form_snippets.widget(where))
    _snippet(form_snippets.touch(where))
    _link(where)
    _snippet(form_snippets.frame(where, title))
    send = forms_data.send_word(live)
    _snippet(form_snippets.replaced_form(where, live, send))
    _snippet(form_snippets.plain_form(where, live, send))


def _snippet(snippet: Snippet) -> None:
    cards.title(snippet.name, snippet.when)
    st.code(snippet.code, language=None, wrap_lines=True)


def _link(where: Place) -> None:
    cards.title("Link and QR code", "For e-mails, signatures and print: the form on a page of its own")
    st.code(where.page, language=None, wrap_lines=True)
    drawn = form_snippets.qr_code(where.page)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.image(drawn, width=160, alt="QR code of the form’s page")
        st.download_button("Download as SVG", drawn, file_name=f"form-{where.key}.svg", mime="image/svg+xml",
                           icon=":material/download:", key="qr_download")  # fmt: skip
