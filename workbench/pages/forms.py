"""Form builder: the forms of the organization, and with `?form=ID` one of them, to edit, publish and embed."""

from __future__ import annotations

import streamlit as st

from workbench import form_dialogs, form_list, form_sheet, forms_data, shell, states
from workbench.url_choice import an_id

PARAMETER = "form"


def asked() -> int | None:
    """The form that the URL names; None: the list."""
    return an_id(st.query_params.get(PARAMETER, ""))


def page() -> None:
    view = shell.begin(None, is_analysis=False)
    with states.guarded("The forms could not be read", key="forms"):
        form_id = asked()
        form = None if form_id is None else forms_data.summary(view, form_id)
        if PARAMETER in st.query_params and form is None:
            st.caption(":material/link_off: The link names a form that is not here; these are all there are.")
        if form is None:
            form_list.draw(view)
        else:
            form_sheet.draw(view, form)
        form_dialogs.draw(view)


page()
