"""What pages load, for one viewer: reads through `snapshots`, measures through `insights`, cached by viewer, filters
and the organization's data version. No SQL and no metric of its own.

Here stands what several pages need; each page's own part is in `overview_data`, `look_data`, `people_data`,
`person_data`, `pipeline_data` and `rows_data`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Final, TypeVar, cast
from zoneinfo import ZoneInfo

import streamlit as st

from insights import metrics
from insights.charts import Mark
from ops import overview as ops_overview
from snapshots import crm_changes, organizations, status
from snapshots.slices import Slice, Viewer
from workbench import access, formats, installation, rights
from workbench.view import View

Loader = TypeVar("Loader", bound=Callable[..., object])

viewers = installation.viewers
make_view = installation.make_view
first_choice = installation.first_choice


def cached(function: Loader) -> Loader:
    """Keeps what `function` returns, by its arguments; they name the viewer and the data version.

    An hour at most: a clock that moves past midnight or a rate of tomorrow must not stay unseen.
    """
    return cast(Loader, st.cache_data(ttl=3600, max_entries=256, show_spinner=False)(function))


def at_now(view: View) -> View:
    """The same view at the present moment, for parts of a page that redraw themselves."""
    return replace(view, now=installation.services().now())


@cached
def _overview_frames(viewer: Viewer, data_version: int, span: Slice, weeks_to: date) -> metrics.OverviewFrames:
    return ops_overview.frames(installation.reader(viewer), span, weeks_to)


def _frames(view: View) -> tuple[metrics.OverviewFrames, date]:
    until = min(view.period.last, view.as_of)
    span = metrics.span(view.period, view.compared, until)
    return _overview_frames(view.viewer, view.data_version, view.slice(span), view.as_of), until


def measured(view: View) -> tuple[dict[str, metrics.Kpi], metrics.OverviewFrames]:
    frames, until = _frames(view)
    found = metrics.overview(
        frames, period=view.period, comparison=view.compared, until=until, reporting_currency=view.reporting_currency
    )
    return found, frames


def untold(view: View) -> dict[str, str]:
    """Metrics that no source of the organization can tell, with the reason in words."""
    missing = status.missing_objects(installation.database(), view.organization_id)
    return ops_overview.untold(missing, organizations.list_connections(installation.database(), view.organization_id))


def told_no_more(view: View) -> list[str]:
    """Sentences about what a CRM that was retired told, and none that is read does: no number from then on is zero."""
    known = organizations.list_connections(installation.database(), view.organization_id)
    read, retired = ({one.name for one in known if one.is_active}, {one.name for one in known if one.retired_at})
    missing = status.missing_objects(installation.database(), view.organization_id)
    since, found = moves(view), []
    for kind in ops_overview.PLURALS if read and retired and since else ():
        lacking = set(missing.loc[missing["kind"] == kind, "connection"])
        if read <= lacking and not retired <= lacking:
            found.append(
                f"{', '.join(sorted(read))} does not tell of {ops_overview.PLURALS[kind]}: there are none from "
                f"{formats.day(since[-1].day)} on, which is not zero."
            )
    return found


def moves(view: View) -> list[Mark]:
    """When the organization changed its CRM, as charts mark it."""
    return _moves(view.viewer, view.data_version, view.time_zone)


@cached
def _moves(viewer: Viewer, data_version: int, time_zone: str) -> list[Mark]:
    found = crm_changes.moves(installation.database(), viewer.organization_id)
    return [Mark(day=at.astimezone(ZoneInfo(time_zone)).date(), label=f"Moved to {name}") for at, name in found]


SAMPLE_LEADS: Final = "sample_leads"
"""In the session: what would go with the sample data that are to be removed, by its name."""


_SAMPLE_REFUSAL = "Only administrators and sales ops remove the sample data."


def ask_to_remove_sample(organization_id: int) -> None:
    """Removes the sample data at once, unless leads came in there or people set something up: that is no sample."""
    rights.demand_settings(organization_id, _SAMPLE_REFUSAL)
    own = organizations.own_work(installation.database(), organization_id)
    if own:
        st.session_state[SAMPLE_LEADS] = own
    else:
        remove_sample(organization_id)


def remove_sample(organization_id: int) -> None:
    """Removes the sample organization with everything in it. Raises PermissionError for who may not change settings."""
    rights.demand_settings(organization_id, _SAMPLE_REFUSAL)
    organization = organizations.get_organization(installation.database(), organization_id)
    if not organization.is_sample:
        raise PermissionError(f"{organization.name} is not sample data.")
    organizations.delete_organization(installation.database(), organization_id, by=access.who())
    forget_organization()


def forget_organization() -> None:
    """After one was removed, the session and the URL name none."""
    for key in ("filters", SAMPLE_LEADS):
        st.session_state.pop(key, None)
    st.query_params.clear()
