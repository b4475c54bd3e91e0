"""Credentials of single CRM connections: the fields of each CRM, how they are sealed, and the settings that come out.

A connection with credentials of its own is wired as if they stood in the environment; one without takes those of the
environment. They are sealed with Fernet under a key that is derived from SECRET_KEY, and never leave this module but as
`Settings`, whose secrets no repr, log or traceback shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson
from cryptography.fernet import Fernet, InvalidToken
from pydantic import ValidationError

from adapters.errors import ConfigError
from ops import logs
from ops.settings import Settings, secret_key
from snapshots import crm_credentials
from snapshots.database import Database
from snapshots.sealing import cipher

PURPOSE = b"slms crm credentials"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a CRM's credentials. name: of the setting that it stands for. is_further: few need it."""

    name: str
    label: str
    help: str = ""
    is_secret: bool = False
    is_needed: bool = False
    is_further: bool = False

    @property
    def setting(self) -> str:
        return self.name.upper()


def _secret(name: str, label: str, help: str = "", *, is_needed: bool = False) -> Field:
    return Field(name=name, label=label, help=help, is_secret=True, is_needed=is_needed)


def _further(name: str, label: str, help: str = "") -> Field:
    return Field(name=name, label=label, help=help, is_further=True)


_KEPT = "Of a field in the CRM that you made for it; empty: it is not sent."
FIELDS: Mapping[str, tuple[Field, ...]] = {
    "hubspot": (
        _secret("hubspot_api_key", "Access token", "Of a private app: pat-…", is_needed=True),
        _further("hubspot_base_url", "Address", "Another one than HubSpot’s: a proxy or a sandbox"),
        _further("hubspot_lead_id_property", "Property for a lead’s id", _KEPT),
        _further("hubspot_source_property", "Property for a lead’s source", _KEPT),
    ),
    "nutshell": (
        Field(name="nutshell_email", label="User’s e-mail address", is_needed=True),
        _secret("nutshell_api_key", "API key", "Setup, API keys", is_needed=True),
        _further("nutshell_base_url", "Address", "Another one than Nutshell’s: a proxy or a sandbox"),
        _further("nutshell_lead_id_field", "Field for a lead’s id", _KEPT),
        _further("nutshell_source_field", "Field for a lead’s source", _KEPT),
        _further("nutshell_company_field", "Field for a lead’s company", _KEPT),
        _further("nutshell_activity_types", "Activity types", "What your types are: Demo=meeting; Phone Call=call"),
    ),
    "pipedrive": (
        _secret("pipedrive_api_token", "API token", "Personal preferences, API", is_needed=True),
        _further("pipedrive_base_url", "Address", "Another one than Pipedrive’s: a proxy or a sandbox"),
        _further("pipedrive_lead_id_field", "Field for a lead’s id", _KEPT),
        _further("pipedrive_source_field", "Field for a lead’s source", _KEPT),
        _further("pipedrive_activity_types", "Activity types", "What your types are: demo=meeting"),
    ),
    "salesforce": (
        Field(name="salesforce_client_id", label="Consumer key", help="Of an External Client App", is_needed=True),
        _secret("salesforce_client_secret", "Consumer secret"),
        _secret("salesforce_refresh_token", "Refresh token", "In place of client credentials"),
        Field(name="salesforce_login_url", label="Address", help="Of your org (My Domain), or of a sandbox"),
        _further("salesforce_lead_id_field", "Field for a lead’s id", _KEPT),
        _further("salesforce_source_field", "Field for a lead’s source", _KEPT),
    ),
}
"""What an administrator enters, by CRM. A CRM that is not here has no credentials."""


class WrongFields(Exception):
    """What was entered cannot be right; one line each, without the values."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(" ".join(lines))
        self.lines = lines


def settings_with(settings: Settings, provider: str, values: Mapping[str, str]) -> Settings:
    """The settings as if these values, by the fields' names, stood in the environment, and none else of this CRM.

    Raises WrongFields.
    """
    fields = FIELDS[provider]
    given = {field.name: values.get(field.name, "").strip() for field in fields}
    missing = [f"{field.label} is missing." for field in fields if field.is_needed and not given[field.name]]
    if missing:
        raise WrongFields(missing)
    held = {name: getattr(settings, name) for name in Settings.model_fields}
    held |= {name: Settings.model_fields[name].default for name in _names_of(provider)} | {"crm_provider": None}
    try:
        made = Settings(**held | {name: value for name, value in given.items() if value})
    except ValidationError as error:
        labels = {field.name: field.label for field in fields}
        faults = error.errors(include_input=False, include_url=False)
        raise WrongFields(
            [f"{labels.get(str(one['loc'][0]), one['loc'][0])} {_plain(one['msg'])}." for one in faults]
        ) from None
    logs.hide(logs.secrets_of(made))
    return made


def _names_of(provider: str) -> list[str]:
    return [name for name in Settings.model_fields if name.startswith(f"{provider}_")]


def _plain(message: str) -> str:
    text = message.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


def keep(
    database: Database, settings: Settings, *, organization_id: int, connection_id: int, values: Mapping[str, str],
    by: str, now: datetime,
) -> None:  # fmt: skip
    """Seal and store these values for this connection."""
    sealed = _cipher(settings).encrypt(orjson.dumps({name: value for name, value in values.items() if value.strip()}))
    crm_credentials.keep(database, organization_id, connection_id, sealed, by=by, now=now)


def settings_of(
    database: Database, settings: Settings, *, organization_id: int, connection_id: int, provider: str, name: str
) -> Settings:
    """The settings with which to reach this connection. Raises ConfigError where its credentials cannot be opened."""
    if provider not in FIELDS:
        return settings
    sealed = crm_credentials.kept(database, organization_id, connection_id)
    if sealed is None:
        return settings
    try:
        values: dict[str, str] = orjson.loads(_cipher(settings).decrypt(sealed))
    except InvalidToken:
        raise ConfigError(
            f"The credentials of {name} cannot be opened: they were sealed under another SECRET_KEY. Put the former "
            "key back (SECRET_KEY, or .slms/secret_key), or enter the credentials again on Data → Sources.",
            setting="SECRET_KEY",
        ) from None
    try:
        return settings_with(settings, provider, values)
    except WrongFields as error:
        raise ConfigError(
            f"The credentials of {name} do not fit this version: {error} Enter them again on Data → Sources.",
            setting=FIELDS[provider][0].setting,
        ) from None


def _cipher(settings: Settings) -> Fernet:
    return cipher(secret_key(settings).get_secret_value(), PURPOSE)
