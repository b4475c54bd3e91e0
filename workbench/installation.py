"""The installation behind the pages: its database, its organizations, who is looking and at which of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

import pandas as pd
import streamlit as st

from ops import settings
from ops.services import Services, open_services
from snapshots.database import Database
from snapshots.organizations import Organization, get_organization, list_organizations
from snapshots.reads import FilterOptions, Reader
from snapshots.slices import NOBODY, UNKNOWN, Role, Viewer
from snapshots.users import viewers_of
from workbench import access
from workbench.filter_bar import Choices, known
from workbench.filters import Filters
from workbench.view import View


@st.cache_resource(show_spinner=False)
def services() -> Services:
    """The one installation of this process; the embedded server is started and migrated when none is configured."""
    return open_services(settings.load())


def database() -> Database:
    return services().database


def missing_mail_settings() -> list[str]:
    """What keeps mail from being sent; empty where it is set up."""
    settings_ = services().settings
    told = {"SMTP_URL": settings_.smtp_url, "SMTP_FROM": settings_.smtp_from}
    return [name for name, value in told.items() if value is None]


def viewers() -> Mapping[int, Viewer]:
    """The organizations that the one who looks may see, each with the role there. Stops the run for strangers."""
    email = access.email()
    if email is None:
        return {one.organization_id: Viewer(one.organization_id, Role.ADMIN) for one in list_organizations(database())}
    found = viewers_of(database(), email)
    if not found:
        access.stranger(email)
    return found


def first_choice(viewers_: Mapping[int, Viewer]) -> int:
    """The organization that opens when nobody asked for one: own data before sample data, filled before empty."""
    mine = [one for one in list_organizations(database()) if one.organization_id in viewers_]
    return min(mine, key=lambda one: (one.data_version == 0, one.is_sample, one.name)).organization_id


def reader(viewer: Viewer) -> Reader:
    return Reader(database(), viewer)


@st.cache_data(ttl=3600, max_entries=200, show_spinner=False)
def rates(viewer: Viewer, data_version: int) -> pd.DataFrame:
    """RATES of the viewer's organization."""
    return reader(viewer).rates()


@st.cache_data(ttl=3600, max_entries=200, show_spinner=False)
def _options(_database: Database, viewer: Viewer, data_version: int, day: date) -> FilterOptions:
    return Reader(_database, viewer).filter_options(day)


def make_view(viewers_: Mapping[int, Viewer], filters: Filters, *, now: datetime) -> tuple[View, bool]:
    """The view that the filters ask for, and whether they named something that is not there for this viewer."""
    was_foreign = filters.organization_id not in viewers_
    if was_foreign:
        filters = replace(filters.cleared(), organization_id=next(iter(viewers_)))
    viewer = viewers_[filters.organization_id]
    organization = get_organization(database(), viewer.organization_id)
    today = now.astimezone(organization.zone).date()
    options = _options(database(), viewer, organization.data_version, today)
    choices = _choices(viewers_, options, options.latest(today), organization.fiscal_year_start)
    kept, was_dropped = known(filters, choices)
    return _view(viewer, organization, kept, choices, now=now), was_dropped or was_foreign


def _choices(viewers_: Mapping[int, Viewer], options: FilterOptions, latest: date, year_begins: int) -> Choices:
    names = {one.organization_id: one.name for one in list_organizations(database()) if one.organization_id in viewers_}
    return Choices(
        organizations=names,
        teams=options.teams,
        owners={NOBODY: "Nobody", **options.owners},
        sources={source: "Unknown source" if source == UNKNOWN else source for source in options.sources},
        earliest=min(options.first_day or latest, latest),
        latest=latest,
        is_dated=options.last_day is not None,
        year_begins=year_begins,
    )


def _view(viewer: Viewer, organization: Organization, filters: Filters, choices: Choices, *, now: datetime) -> View:
    if filters.as_of and filters.as_of >= choices.latest:
        filters = replace(filters, as_of=None)
    period = choices.period(filters)
    return View(
        viewer=viewer,
        organization_name=organization.name,
        is_sample=organization.is_sample,
        time_zone=organization.time_zone,
        default_currency=organization.default_currency,
        reporting_currency=organization.reporting_currency,
        data_version=organization.data_version,
        filters=filters,
        choices=choices,
        period=period,
        compared=filters.compared(period),
        as_of=filters.as_of or choices.latest,
        now=now,
    )
