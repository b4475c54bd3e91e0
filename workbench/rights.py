"""Whether the one who looks may still do something, at the moment of doing it.

A button keeps the view of the run that drew it, so a role that was withdrawn since then would allow one thing more.
Whatever changes something asks here, where the role is read from the database each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from snapshots.database import Database
from snapshots.slices import Role, Viewer
from workbench import access, installation
from workbench.view import View


def viewer(view: View) -> Viewer:
    """Who looks, as the database says now; the local administrator as ever. Raises PermissionError for who may not look
    at this organization any more."""
    return view.viewer if access.email() is None else _now(view.organization_id)


def _now(organization_id: int) -> Viewer:
    found = installation.viewers().get(organization_id)
    if found is None:
        raise PermissionError("You are no user of this organization any more.")
    return found


def administers(one: Viewer) -> bool:
    return one.role is Role.ADMIN


def changes_settings(one: Viewer) -> bool:
    return one.may_change_settings


def demand(view: View, allows: Callable[[Viewer], bool], refusal: str) -> None:
    """Raises PermissionError, which says `refusal`, for who may not."""
    if not allows(viewer(view)):
        raise PermissionError(refusal)


def demand_settings(organization_id: int, refusal: str) -> None:
    """The same for what settings allow, where no view is at hand."""
    if not _now(organization_id).may_change_settings:
        raise PermissionError(refusal)


class Asking(Database):
    """The installation's database for what a page holds on to between runs: each transaction of an organization asks
    first. demand: raises PermissionError."""

    def __init__(self, demand: Callable[[], None]) -> None:
        held = installation.database()
        self.url, self.engine, self._demand = held.url, held.engine, demand

    @contextmanager
    def as_app(self, organization_id: int) -> Iterator[Any]:  # of the database, whose type pages do not know
        self._demand()
        with super().as_app(organization_id) as connection:
            yield connection
