"""Wiring: one place that turns settings into a database and CRM adapters with their ports. Holds no business rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from adapters import registry
from adapters.base import CrmAdapter
from adapters.errors import ConfigError, FatalError
from ops import credentials
from ops.settings import PROJECT, Settings, secret_key
from snapshots import embedded
from snapshots.budget import DatabaseBudget
from snapshots.database import Database, migrate
from snapshots.demo_store import DatabaseDemoStore
from snapshots.organizations import CrmConnection, get_organization
from snapshots.probe import probe


def utc_now() -> datetime:
    """The clock of the real world; everything below takes it as an argument."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the parts of a running installation are handed."""

    settings: Settings
    database_url: str
    database: Database
    now: Callable[[], datetime] = utc_now

    def adapter(self, connection: CrmConnection) -> CrmAdapter:
        """The adapter of a CRM connection, by its own credentials where it has some, else by the settings.

        Raises adapters.errors.ConfigError where a setting is missing or the credentials cannot be opened."""
        return self.adapter_with(*self.origin(connection))

    def origin(self, connection: CrmConnection) -> tuple[CrmConnection, Settings]:
        """What the adapter of a connection is made from; equal as long as the adapter would be the same. Raises as
        `adapter` does."""
        own = credentials.settings_of(
            self.database, self.settings, organization_id=connection.organization_id,
            connection_id=connection.connection_id, provider=connection.provider, name=connection.name,
        )  # fmt: skip
        return connection, own

    def adapter_with(self, connection: CrmConnection, settings: Settings) -> CrmAdapter:
        """The adapter of a connection by these settings: to try them before they are kept."""
        return replace(self, settings=settings)._made(connection)

    def _made(self, connection: CrmConnection) -> CrmAdapter:
        makers: Mapping[str, Callable[[CrmConnection], CrmAdapter]] = {
            "demo": self._demo, "csv": self._csv, "hubspot": self._hubspot, "nutshell": self._nutshell,
            "pipedrive": self._pipedrive, "salesforce": self._salesforce,
        }  # fmt: skip
        make = makers.get(connection.provider)
        adapter: CrmAdapter = registry.load(connection.provider)() if make is None else make(connection)
        return adapter

    def close(self) -> None:
        self.database.close()

    def _demo(self, connection: CrmConnection) -> CrmAdapter:
        from adapters.demo import DemoCrm
        from adapters.demo.world import DemoSettings

        values: dict[str, Any] = dict(connection.settings)
        size = DemoSettings(**{**values, "born": date.fromisoformat(values["born"])})
        return DemoCrm(size, now=self.now, store=DatabaseDemoStore(self.database, connection.organization_id))

    def _csv(self, connection: CrmConnection) -> CrmAdapter:
        from adapters.csv_export import CsvExport, ExportMapping, guess_mapping, inspect_export

        organization = get_organization(self.database, connection.organization_id)
        path, saved = Path(str(connection.settings["path"])), connection.settings.get("mapping")
        mapping = ExportMapping.model_validate(saved) if saved else guess_mapping(inspect_export(path))
        adapter = CsvExport(path, mapping, zone=organization.zone, default_currency=organization.default_currency)
        if not adapter.capabilities.kinds:  # an empty folder must not look like a day without news
            raise FatalError(
                f"CSV export: {path} holds no table of deals, leads or anything else known. Check the path."
            )
        return adapter

    def _hubspot(self, connection: CrmConnection) -> CrmAdapter:
        from adapters.hubspot import HubSpot, HubSpotAccess, limits

        settings = self.settings
        if settings.hubspot_api_key is None:
            raise ConfigError(
                "HUBSPOT_API_KEY is missing: set it to the token of a HubSpot private app.", setting="HUBSPOT_API_KEY"
            )

        def budget(rate: float, burst: float) -> DatabaseBudget:
            return DatabaseBudget(
                database=self.database, organization_id=connection.organization_id, rate=rate, burst=burst
            )

        return HubSpot(
            HubSpotAccess(
                token=settings.hubspot_api_key.get_secret_value(),
                base_url=settings.hubspot_base_url,
                version=settings.hubspot_api_version,
                lead_id_property=settings.hubspot_lead_id_property,
                source_property=settings.hubspot_source_property,
                allow_private_hosts=settings.allow_private_hosts,
            ),
            budget=budget(limits.GENERAL_RATE, limits.GENERAL_BURST),
            search_budget=budget(limits.SEARCH_RATE, limits.SEARCH_BURST),
            now=self.now,
        )

    def _nutshell(self, connection: CrmConnection) -> CrmAdapter:
        from adapters.nutshell import Nutshell, NutshellAccess, limits
        from adapters.nutshell.contacts import FieldNames
        from adapters.nutshell.objects import configured_types

        settings, database = self.settings, self.database
        email, api_key = settings.nutshell_email, settings.nutshell_api_key
        if email is None or api_key is None:
            name = "NUTSHELL_EMAIL" if email is None else "NUTSHELL_API_KEY"
            raise ConfigError(f"{name} is missing: set a Nutshell user's address and an API key.", setting=name)
        return Nutshell(
            NutshellAccess(
                email=email,
                api_key=api_key.get_secret_value(),
                base_url=settings.nutshell_base_url,
                zone=get_organization(database, connection.organization_id).zone,
                fields=FieldNames(
                    lead_id=settings.nutshell_lead_id_field,
                    source=settings.nutshell_source_field,
                    company=settings.nutshell_company_field,
                ),
                activity_types=configured_types(settings.nutshell_activity_types or ""),
                allow_private_hosts=settings.allow_private_hosts,
            ),
            budget=DatabaseBudget(
                database=database, organization_id=connection.organization_id, rate=limits.RATE, burst=limits.BURST
            ),
            now=self.now,
        )

    def _pipedrive(self, connection: CrmConnection) -> CrmAdapter:
        from adapters.pipedrive import Pipedrive, PipedriveAccess, limits
        from adapters.pipedrive.objects import configured_types

        settings, database = self.settings, self.database
        if settings.pipedrive_api_token is None:
            what = "PIPEDRIVE_API_TOKEN is missing: set it to the API token of a Pipedrive user."
            raise ConfigError(what, setting="PIPEDRIVE_API_TOKEN")
        budget = partial(DatabaseBudget, database=database, organization_id=connection.organization_id)
        return Pipedrive(
            PipedriveAccess(
                token=settings.pipedrive_api_token.get_secret_value(),
                base_url=settings.pipedrive_base_url,
                lead_id_field=settings.pipedrive_lead_id_field,
                source_field=settings.pipedrive_source_field,
                activity_types=configured_types(settings.pipedrive_activity_types or ""),
                allow_private_hosts=settings.allow_private_hosts,
            ),
            budget=budget(rate=limits.GENERAL_RATE, burst=limits.GENERAL_BURST),
            search_budget=budget(rate=limits.SEARCH_RATE, burst=limits.SEARCH_BURST),
            now=self.now,
        )

    def _salesforce(self, connection: CrmConnection) -> CrmAdapter:
        from adapters.salesforce import Ports, Salesforce, SalesforceAccess, limits
        from snapshots.token_cache import DatabaseLock, DatabaseTokenCache

        settings, database, organization_id = self.settings, self.database, connection.organization_id
        if settings.salesforce_client_id is None:
            what = "SALESFORCE_CLIENT_ID is missing: set it to the consumer key of an app in Salesforce."
            raise ConfigError(what, setting="SALESFORCE_CLIENT_ID")
        secret, token = settings.salesforce_client_secret, settings.salesforce_refresh_token
        return Salesforce(
            SalesforceAccess(
                client_id=settings.salesforce_client_id,
                login_url=settings.salesforce_login_url,
                client_secret=secret.get_secret_value() if secret else None,
                username=settings.salesforce_username,
                private_key=_private_key(settings.salesforce_private_key_file),
                refresh_token=token.get_secret_value() if token else None,
                version=settings.salesforce_api_version,
                lead_id_field=settings.salesforce_lead_id_field,
                source_field=settings.salesforce_source_field,
                assumed_currency=get_organization(database, organization_id).default_currency,
                allow_private_hosts=settings.allow_private_hosts,
            ),
            Ports(
                budget=DatabaseBudget(
                    database=database, organization_id=organization_id, rate=limits.RATE, burst=limits.BURST
                ),
                now=self.now,
                token_cache=DatabaseTokenCache(
                    database=database,
                    organization_id=organization_id,
                    secret_key=secret_key(settings).get_secret_value(),
                    now=self.now,
                ),
                lock=DatabaseLock(database, organization_id),
            ),
        )


def _private_key(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return (PROJECT / path).read_text()
    except OSError as error:
        what = f"SALESFORCE_PRIVATE_KEY_FILE cannot be read: {error.strerror}."
        raise ConfigError(what, setting="SALESFORCE_PRIVATE_KEY_FILE") from error


def open_services(settings: Settings, *, with_migrations: bool = True) -> Services:
    """Connect, starting the embedded server where DATABASE_URL is unset. Raises EmbeddedServerError or
    DatabaseUnreachableError."""
    url = database_url(settings)
    probe(url)
    if with_migrations:
        migrate(url)
    return Services(settings=settings, database_url=url, database=Database(url))


def database_url(settings: Settings) -> str:
    """DATABASE_URL, else the address of the embedded server, which is started and lives as long as this process."""
    if settings.database_url is not None:
        scheme, _, rest = settings.database_url.get_secret_value().partition("://")
        return f"postgresql://{rest}" if scheme else rest
    return embedded.start(embedded_folder(settings))


def embedded_folder(settings: Settings) -> Path:
    return settings.home / "pg"
