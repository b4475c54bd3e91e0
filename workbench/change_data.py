"""What the pages show and do of a change of CRM: the sheet to confirm, the readings that run, and each step."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import streamlit as st

from adapters.records import Kind
from ops import connecting
from snapshots import change_guesses, crm_changes, crm_credentials, handover, organizations
from snapshots.change_guesses import Guess
from snapshots.crm_changes import CrmChange, Sheet
from snapshots.handover import Choices
from snapshots.organizations import CrmConnection, list_connections
from snapshots.slices import Role
from workbench import access, installation, rights, syncs
from workbench.data import cached
from workbench.view import View


def may_change(view: View) -> bool:
    """Credentials and the change of CRM are the administrators' own."""
    return view.viewer.role is Role.ADMIN


def by() -> str:
    """Who does it, as it is written down."""
    return access.who()


def connections(view: View) -> list[CrmConnection]:
    return list_connections(installation.database(), view.organization_id)


def current(view: View) -> CrmChange | None:
    """The change that is open, else the newest that was not given up."""
    found = crm_changes.list_changes(installation.database(), view.organization_id)
    return next((one for one in found if one.state != "undone"), None)


@st.cache_resource(show_spinner=False)
def _executor() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="change")


@st.cache_resource(show_spinner=False)
def _readings() -> dict[tuple[int, int], Future[None]]:
    return {}


def start(view: View, old: CrmConnection, new: CrmConnection) -> CrmChange:
    """A change from one to the other; the new one is read on a thread of this process. Raises ChangeRefused."""
    _demand_admin(view)
    change = crm_changes.start(
        installation.database(), view.organization_id, from_connection_id=old.connection_id,
        to_connection_id=new.connection_id, now=installation.services().now(), by=by(),
    )  # fmt: skip
    _read(change)
    return change


def read_again(view: View, change: CrmChange) -> None:
    _demand_admin(view)
    crm_changes.read_again(installation.database(), change, now=installation.services().now())
    _read(change)


def _read(change: CrmChange) -> None:
    key = (change.organization_id, change.change_id)
    if key not in _readings() or _readings()[key].done():
        _readings()[key] = _executor().submit(connecting.read_for, installation.services(), change)


def give_up(view: View, change: CrmChange) -> None:
    _demand_admin(view)
    crm_changes.give_up(installation.database(), change, now=installation.services().now(), by=by())


def confirm(view: View, change: CrmChange, choices: Choices) -> None:
    """Raises ChangeRefused."""
    _demand_admin(view)
    handover.confirm(installation.database(), change, choices, by=by(), now=installation.services().now())


def undo(view: View, change: CrmChange) -> None:
    """Raises ChangeRefused."""
    _demand_admin(view)
    handover.undo(installation.database(), change, by=by())


def start_first_sync(view: View, change: CrmChange) -> None:
    _demand_admin(view)
    syncs.start(organizations.get_connection(installation.database(), view.organization_id, change.to_connection_id))


def retire(view: View, connection: CrmConnection) -> None:
    _demand_admin(view)
    now = installation.services().now()
    organizations.retire_connection(
        installation.database(), view.organization_id, connection.connection_id, now=now, by=by()
    )


def read_beside(view: View, connection: CrmConnection) -> None:
    """The waiting connection is read from now on, beside the others."""
    _demand_admin(view)
    organizations.activate_connection(installation.database(), view.organization_id, connection.connection_id, by=by())
    syncs.start(organizations.get_connection(installation.database(), view.organization_id, connection.connection_id))


def handed_over(view: View) -> set[int]:
    """Connections that another one took over from: they come back by a change alone."""
    found = crm_changes.list_changes(installation.database(), view.organization_id)
    return {one.from_connection_id for one in found if one.switched_at is not None}


def has_own_credentials(view: View, connection_id: int) -> bool:
    return connection_id in crm_credentials.owners_of_credentials(installation.database(), view.organization_id)


def _demand_admin(view: View) -> None:
    rights.demand(view, rights.administers, "Only administrators connect CRMs.")


def sheet(view: View, change: CrmChange) -> Sheet:
    """What there is to confirm."""
    return _sheet(view.organization_id, change.change_id, str(change.read_at), view.data_version, change)


@cached
def _sheet(organization_id: int, change_id: int, read_at: str, data_version: int, _change: CrmChange) -> Sheet:
    return crm_changes.sheet(installation.database(), _change)


def stage_guesses(found: Sheet, pipelines: Mapping[str, int | None]) -> Mapping[str, Guess]:
    """The stages' guesses under the pipelines as they are chosen."""
    fixed = found.fixed[Kind.STAGE]
    taken = set(fixed.values())
    new = [one for one in found.theirs[Kind.STAGE] if str(one.key) not in fixed]
    left = [one for one in found.ours[Kind.STAGE] if one.key not in taken]
    known = {key: Guess(ours=ours, why="Known from before") for key, ours in fixed.items()}
    return {**change_guesses.stages(new, left, pipelines), **known}
