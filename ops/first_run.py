"""What an installation holds when it starts: the demo organization, or the one that CRM_PROVIDER names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import date, timedelta
from decimal import Decimal

from adapters.demo.world import DemoSettings
from adapters.registry import load
from ops.jobs import defer_sync, sync_now
from ops.services import Services
from ops.settings import PROJECT, Provider
from snapshots.organizations import (
    CrmConnection,
    Organization,
    connect_crm,
    create_organization,
    delete_organization,
    find_organization,
    list_connections,
    list_organizations,
)
from snapshots.status import freshness, save_rates
from snapshots.sync import Progress, RunReport

SAMPLE_NAME = "Sample data"
DEMO_CONNECTION = "Demo CRM"
CRM_NAMES = {"hubspot": "HubSpot", "nutshell": "Nutshell", "pipedrive": "Pipedrive", "salesforce": "Salesforce"}


def load_demo(
    services: Services,
    size: DemoSettings | None = None,
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> RunReport:
    """Make the demo organization and read it to the end; one that was begun is finished as it was begun.

    size: None makes the usual one, with two years of history up to today.
    """
    organization = create_organization(
        services.database, SAMPLE_NAME, time_zone="Europe/Berlin", default_currency="EUR", is_sample=True
    )
    known = list_connections(services.database, organization.organization_id)
    connection = known[0] if known else _connect_demo(services, organization, size or usual_demo(services.now().date()))
    return sync_now(services, connection, trigger="demo", on_progress=on_progress, should_stop=should_stop)


def born(today: date, years: float = DemoSettings().years) -> date:
    """The first day of a demo world that has this much history today."""
    return today - timedelta(days=round(365.25 * years))


def usual_demo(today: date) -> DemoSettings:
    return DemoSettings(born=born(today))


def demo_values(size: DemoSettings) -> dict[str, object]:
    """As a CRM connection keeps them."""
    return {**asdict(size), "born": size.born.isoformat()}


def remove_demo(services: Services) -> bool:
    """Delete the demo organization with all it holds. False where there is none."""
    organization = find_organization(services.database, SAMPLE_NAME)
    if organization is None or not organization.is_sample:
        return False
    delete_organization(services.database, organization.organization_id)
    return True


def demo_is_wanted(services: Services) -> bool:
    """True for an empty database without a CRM_PROVIDER, and for a demo that was never finished."""
    if services.settings.crm_provider is not None:
        return False
    organizations = list_organizations(services.database)
    return not organizations or any(one.is_sample and _is_unfinished(services, one) for one in organizations)


def connect_provider(services: Services) -> Organization | None:
    """The organization of CRM_PROVIDER, made and its first sync queued where that has not happened yet."""
    settings = services.settings
    if settings.crm_provider is None:
        return None
    load(settings.crm_provider.value)  # says now, in a sentence, where there is no such adapter
    is_sample = settings.crm_provider is Provider.DEMO
    organization = create_organization(
        services.database,
        SAMPLE_NAME if is_sample else settings.organization_name,
        time_zone=settings.time_zone,
        default_currency=settings.currency,
        is_sample=is_sample,
    )
    name, values = _connection_of(services)
    known = list_connections(services.database, organization.organization_id)
    connection = connect_crm(
        services.database,
        organization.organization_id,
        provider=settings.crm_provider.value,
        name=name,
        settings=values,
        # Beside another CRM it waits on the page Data: a deal that both hold would count twice.
        is_active=not any(one.is_active for one in known),
    )
    if connection.is_active and not _was_read(services, organization):
        with services.database.as_app(organization.organization_id) as transaction:
            defer_sync(transaction, organization.organization_id, connection.connection_id, trigger="first")
    return organization


_SAMPLE_RATES = {"USD": "0.92", "GBP": "1.17", "JPY": "0.0061"}
_SAMPLE_DRIFT = ("1", "1.015", "0.99", "1.005")
"""By quarter, so that the sample shows what dated rates do."""


def sample_rates(first: date, until: date) -> list[tuple[str, str, date, Decimal]]:
    """Made-up rates to EUR from `first` on, four a year. (currency, to currency, from which day on, rate)"""
    days = [first + timedelta(days=91 * n) for n in range((until - first).days // 91 + 1)]
    return [
        (currency, "EUR", day, Decimal(rate) * Decimal(_SAMPLE_DRIFT[n % len(_SAMPLE_DRIFT)]))
        for currency, rate in _SAMPLE_RATES.items()
        for n, day in enumerate(days)
    ]


def _connect_demo(services: Services, organization: Organization, size: DemoSettings) -> CrmConnection:
    today = services.now().date()
    save_rates(
        services.database, organization.organization_id, sample_rates(size.born, today), entered_by="sample data"
    )
    return connect_crm(
        services.database,
        organization.organization_id,
        provider="demo",
        name=DEMO_CONNECTION,
        settings=demo_values(size),
    )


def _connection_of(services: Services) -> tuple[str, dict[str, object]]:
    settings = services.settings
    if settings.crm_provider is Provider.CSV and settings.csv_folder is not None:
        return "CSV export", {"path": str((PROJECT / settings.csv_folder).resolve()), "refresh": True}
    if settings.crm_provider is Provider.DEMO:
        return DEMO_CONNECTION, demo_values(usual_demo(services.now().date()))
    return CRM_NAMES.get(str(settings.crm_provider), str(settings.crm_provider)), {}


def _is_unfinished(services: Services, sample: Organization) -> bool:
    """Its first reading did not come to an end. One that moved to another CRM was read before."""
    known = list_connections(services.database, sample.organization_id)
    return not _was_read(services, sample) and all(one.retired_at is None for one in known)


def _was_read(services: Services, organization: Organization) -> bool:
    return any(one.synced_at is not None for one in freshness(services.database, organization.organization_id))
