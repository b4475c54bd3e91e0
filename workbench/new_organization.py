"""A new organization, as a page asks for it and makes it. Whoever signs in and makes one administers it."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import available_timezones

import streamlit as st

from snapshots.organizations import Organization, create_organization, find_organization
from snapshots.slices import Role
from snapshots.users import save_user
from workbench import access, formats, installation


@dataclass(frozen=True, slots=True)
class NewOrganization:
    """currency: an ISO 4217 code, of amounts that name none; None: they stay without one."""

    name: str
    time_zone: str
    currency: str | None


def ask(key: str) -> NewOrganization:
    """The fields; `key` begins the names of their widgets."""
    with st.container(horizontal=True):
        name = st.text_input("Name", key=f"{key}_name", placeholder="Acme sales", width=240)
        zones = sorted(available_timezones())
        zone = st.selectbox("Time zone", zones, index=zones.index("UTC"), key=f"{key}_zone", width=220)
        currency = st.selectbox("Currency of amounts that name none", formats.CURRENCIES, index=None,
                                key=f"{key}_currency", placeholder="None", width=260)  # fmt: skip
    return NewOrganization(name.strip(), zone, currency)


def hindrance(wanted: NewOrganization) -> str:
    """Why it cannot be made yet; empty where it can."""
    if not wanted.name:
        return "Name the organization first."
    taken = find_organization(installation.database(), wanted.name)
    return f"There is an organization {wanted.name} already: open it, or choose another name." if taken else ""


def make(wanted: NewOrganization) -> Organization:
    """Raises organizations.NameTaken: nothing may come into another organization by guessing its name."""
    made = create_organization(
        installation.database(), wanted.name, time_zone=wanted.time_zone, default_currency=wanted.currency,
        is_new=True, by=access.who(),
    )  # fmt: skip
    if (email := access.email()) is not None:
        save_user(installation.database(), made.organization_id, email, role=Role.ADMIN, by=access.who())
    return made
