"""Admin, organizations: which there are, the settings of the one that is looked at, a new one, and the end of one."""

from __future__ import annotations

import calendar

import pandas as pd
import streamlit as st

from snapshots.organizations import NameTaken, get_organization
from workbench import (
    admin_data,
    cards,
    data,
    formats,
    installation,
    lead_words,
    new_organization,
    organization_settings,
    tables,
)
from workbench.columns import Column
from workbench.view import View

_COLUMNS = (
    Column(field="name", title="Organization", width=1.4),
    Column(field="time_zone", title="Time zone"),
    Column(field="default", title="Currency of amounts that name none", missing="None"),
    Column(field="reporting", title="Reporting currency", missing="None"),
    Column(field="year", title="Year begins in"),
    Column(field="kind", title="Data"),
)
_MONTHS = list(calendar.month_name)[1:]


def draw(view: View) -> None:
    _listed(view)
    _named(view)
    organization_settings.draw(view)
    _new()
    if not view.is_sample:  # which has a button of its own
        _end(view)


def _listed(view: View) -> None:
    mine = admin_data.mine()
    cards.title("Organizations", f"{formats.plural(len(mine), 'organization')} that you administer")
    frame = pd.DataFrame(
        [
            {
                "name": one.name + (" (this one)" if one.organization_id == view.organization_id else ""),
                "time_zone": one.time_zone, "default": one.default_currency, "reporting": one.reporting_currency,
                "year": _MONTHS[one.fiscal_year_start - 1], "kind": "Made up" if one.is_sample else "Your own",
            }
            for one in mine
        ]
    )  # fmt: skip
    tables.plain(frame, _COLUMNS, caption="Organizations")


def _named(view: View) -> None:
    held = get_organization(installation.database(), view.organization_id)
    with st.container(border=True):
        cards.title("Name and year", "“Quarter to date” and “Year to date” follow the first month of the year")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            key = view.organization_id
            name = st.text_input("Name", held.name, key=f"org_name_{key}", max_chars=200, width=280)
            month = st.selectbox("The year begins in", range(1, 13), index=held.fiscal_year_start - 1, width=180,
                                 format_func=lambda n: _MONTHS[n - 1], key=f"org_year_{key}")  # fmt: skip
            is_saved = st.button("Save", type="primary", key="org_save")
        if is_saved:
            try:
                admin_data.rename(view, name=name, fiscal_year_start=month)
            except NameTaken as error:
                st.error(lead_words.plain(str(error)), icon=":material/error:")
                return
            st.toast("Saved.", icon=":material/check:")
            st.rerun()


def _new() -> None:
    with st.container(border=True):
        cards.title("New organization", "With data, users and settings of its own, which no other one sees")
        wanted = new_organization.ask("admin_new")
        hindrance = new_organization.hindrance(wanted) if wanted.name else ""
        if hindrance:
            st.markdown(f":gray[{lead_words.plain(hindrance)}]")
        is_possible = bool(wanted.name) and not hindrance
        if st.button("Make it", key="admin_new_make", icon=":material/add:", disabled=not is_possible):
            made = new_organization.make(wanted)
            st.query_params.from_dict({"org": str(made.organization_id)})
            st.toast(f"{lead_words.plain(made.name)} is there.", icon=":material/check:")
            st.rerun()


def _end(view: View) -> None:
    with st.container(border=True):
        cards.title("Remove this organization", "With its data, leads, forms, users, keys and its audit log, for good")
        n = admin_data.n_received(view)
        if n:
            st.markdown(f":orange[:material/warning:] {formats.plural(n, 'lead')} came in here from outside. Export "
                        "what you need on the page *Leads* first.")  # fmt: skip
        with st.container(horizontal=True, vertical_alignment="bottom"):
            typed = st.text_input("Type its name to confirm", key="org_end_name", placeholder=view.organization_name,
                                  autocomplete="off", width=280)  # fmt: skip
            is_same = typed.strip() == view.organization_name
            is_ended = st.button("Remove it", key="org_end", icon=":material/delete_forever:", disabled=not is_same)
        if is_ended and is_same:
            admin_data.remove_organization(view)
            data.forget_organization()
            st.toast(f"{lead_words.plain(view.organization_name)} was removed.", icon=":material/check:")
            st.rerun()
