"""Connecting a CRM to an organization: trying the access, keeping it, reading the CRM before it takes over from one.

Nothing is kept that was not tried; what was tried is told line by line, with the remedy for each fault.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from datetime import timedelta

from adapters.base import Check, CrmAdapter
from adapters.errors import ConfigError, CrmError
from ops import credentials
from ops.first_run import CRM_NAMES
from ops.jobs import defer_sync
from ops.services import Services
from snapshots import crm_changes
from snapshots.change_reading import read
from snapshots.crm_changes import CrmChange
from snapshots.organizations import CrmConnection, activate_connection, connect_crm, get_connection, list_connections

log = logging.getLogger(__name__)

BEAT_EVERY = timedelta(seconds=1)


def try_out(services: Services, organization_id: int, provider: str, values: Mapping[str, str]) -> list[Check]:
    """What the CRM says to these credentials; kept nowhere. Raises credentials.WrongFields."""
    settings = credentials.settings_with(services.settings, provider, values)
    # No connection yet: what an adapter needs of it are its organization and its CRM.
    tried = CrmConnection(
        organization_id=organization_id, connection_id=0, provider=provider, name=CRM_NAMES[provider], settings={},
        is_active=False,
    )  # fmt: skip
    return _checked(lambda: services.adapter_with(tried, settings))


def check(services: Services, connection: CrmConnection) -> list[Check]:
    """What the CRM says to the credentials that a connection has, right by right."""
    return _checked(lambda: services.adapter(connection))


def _checked(make: Callable[[], CrmAdapter]) -> list[Check]:
    try:
        with closing(make()) as adapter:
            return adapter.check()
    except ConfigError as error:
        return [Check(name="settings", ok=False, detail=str(error), remedy="Correct what was entered.")]
    except CrmError as error:
        return [Check(name="access", ok=False, detail=str(error), remedy="Try again, or check the address.")]


def works(checks: list[Check]) -> bool:
    """Whether the CRM lets us in; single rights may still be missing."""
    return bool(checks) and checks[0].ok


def connect(
    services: Services, organization_id: int, provider: str, values: Mapping[str, str], *, by: str, waits: bool
) -> CrmConnection:
    """A new connection with credentials of its own. waits: it is not read yet, for it is to take over from another
    one; else its first sync is queued."""
    connection = connect_crm(
        services.database, organization_id, provider=provider, settings={}, is_active=False,
        name=_free_name(services, organization_id, CRM_NAMES[provider]), by=by,
    )  # fmt: skip
    keep(services, connection, values, by=by)
    if not waits:  # not before: a refresh would read the account that the environment names
        activate_connection(services.database, organization_id, connection.connection_id, by=by)
        with services.database.as_app(organization_id) as transaction:
            defer_sync(transaction, organization_id, connection.connection_id, trigger="first")
    return get_connection(services.database, organization_id, connection.connection_id)


def keep(services: Services, connection: CrmConnection, values: Mapping[str, str], *, by: str) -> None:
    """The connection's credentials, in place of those that it had."""
    credentials.keep(
        services.database, services.settings, organization_id=connection.organization_id,
        connection_id=connection.connection_id, values=values, by=by, now=services.now(),
    )  # fmt: skip


def _free_name(services: Services, organization_id: int, wanted: str) -> str:
    taken = {one.name for one in list_connections(services.database, organization_id)}
    names = [wanted, *(f"{wanted} {n}" for n in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)


def read_for(services: Services, change: CrmChange, *, on_progress: Callable[[int], None] = lambda _: None) -> None:
    """Reads the new CRM of a change, so that a person can confirm what is what. A failure is written down with it."""
    beaten_at = services.now()

    def beat(n: int) -> None:
        nonlocal beaten_at
        on_progress(n)
        if services.now() - beaten_at >= BEAT_EVERY:
            beaten_at = services.now()
            crm_changes.beat(services.database, change, n, now=beaten_at)

    try:
        connection = get_connection(services.database, change.organization_id, change.to_connection_id)
        with closing(services.adapter(connection)) as adapter:
            crm_changes.save_reading(services.database, change, read(adapter, beat), now=services.now())
    except CrmError as error:
        crm_changes.fail(services.database, change, str(error))
    except Exception as error:
        log.exception("%s could not be read for the change of CRM", change.to_name)
        with suppress(Exception):
            words = f"Unexpected {type(error).__name__}; the log of the workbench has the details."
            crm_changes.fail(services.database, change, words)
