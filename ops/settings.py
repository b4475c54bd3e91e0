"""Settings: from the environment, else from `.env` in the project's root. Owns their names, checks and remedies.

Secrets are `SecretStr`, so that no log, repr or traceback shows them; the messages here name settings, never values.
"""

from __future__ import annotations

import difflib
import os
import secrets
from contextlib import suppress
from decimal import Decimal
from email.utils import parseaddr
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT = Path(__file__).resolve().parents[1]
Port = Annotated[int, Field(ge=1, le=65535)]


class Provider(StrEnum):
    HUBSPOT = "hubspot"
    PIPEDRIVE = "pipedrive"
    NUTSHELL = "nutshell"
    SALESFORCE = "salesforce"
    CSV = "csv"
    DEMO = "demo"


class WritingLevel(StrEnum):
    """How much of a note a language model may word; docs/coaching.md says what each means."""

    L0 = "L0"
    L1 = "L1"
    L2 = "L2"
    L3 = "L3"


class SettingsError(Exception):
    """One or more settings are wrong; one line each, with the name and the remedy, without the value."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class Settings(BaseSettings):
    """Every setting there is. `.env.example` explains each."""

    model_config = SettingsConfigDict(
        env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True, hide_input_in_errors=True, frozen=True
    )

    slms_home: Path = Path(".slms")
    database_url: SecretStr | None = None

    crm_provider: Provider | None = None
    organization_name: str = "My organization"
    time_zone: str = "UTC"
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = None
    hubspot_api_key: SecretStr | None = None
    hubspot_base_url: str = "https://api.hubapi.com"
    hubspot_api_version: Annotated[str, Field(pattern=r"^(v3|20\d\d-(03|09))$")] = "v3"
    hubspot_lead_id_property: str | None = None
    hubspot_source_property: str | None = None
    nutshell_email: str | None = None
    nutshell_api_key: SecretStr | None = None
    nutshell_base_url: str = "https://app.nutshell.com"
    nutshell_lead_id_field: str | None = None
    nutshell_source_field: str | None = None
    nutshell_company_field: str | None = None
    nutshell_activity_types: str | None = None
    pipedrive_api_token: SecretStr | None = None
    pipedrive_base_url: str = "https://api.pipedrive.com"
    pipedrive_lead_id_field: str | None = None
    pipedrive_source_field: str | None = None
    pipedrive_activity_types: str | None = None
    salesforce_login_url: str = "https://login.salesforce.com"
    salesforce_client_id: str | None = None
    salesforce_client_secret: SecretStr | None = None
    salesforce_username: str | None = None
    salesforce_private_key_file: Path | None = None
    salesforce_refresh_token: SecretStr | None = None
    salesforce_api_version: Annotated[str, Field(pattern=r"^[3-9]\d\.0$")] = "62.0"
    salesforce_lead_id_field: str | None = None
    salesforce_source_field: str | None = None
    csv_folder: Path | None = None

    openai_api_key: SecretStr | None = None
    openai_base_url: str | None = None
    openai_model: str | None = None
    llm_level: WritingLevel = WritingLevel.L2
    llm_price_in: Annotated[Decimal, Field(ge=0)] | None = None
    llm_price_out: Annotated[Decimal, Field(ge=0)] | None = None
    llm_monthly_budget: Annotated[Decimal, Field(ge=0)] = Decimal(5)
    llm_monthly_tokens: Annotated[int, Field(ge=0)] = 2_000_000
    llm_reasoning_effort: Annotated[str, Field(pattern="^[a-z]{2,12}$")] | None = None
    llm_send_deal_names: bool = False
    forecast_prophet: bool = False

    reports_kept_days: Annotated[int, Field(ge=396)] = 400
    forecast_facts_kept_days: Annotated[int, Field(ge=400)] = 1100
    replays_kept_days: Annotated[int, Field(ge=400)] = 1100
    runs_kept_days: Annotated[int, Field(ge=91)] = 400

    workbench_address: str = "127.0.0.1"
    workbench_port: Port = 8501
    endpoint_address: str = "127.0.0.1"
    endpoint_port: Port = 8000
    default_organization: str | None = None
    lead_wait_s: Annotated[float, Field(ge=0, le=30)] = 2.0
    lead_rate_per_minute: Annotated[float, Field(gt=0)] = 60.0
    lead_rate_burst: Annotated[float, Field(ge=1)] = 30.0
    secret_key: SecretStr | None = Field(default=None, min_length=32)
    public_url: str | None = None
    trusted_proxies: Annotated[int, Field(ge=0, le=10)] = 0
    allow_private_hosts: bool = False
    dask_scheduler: str | None = None
    smtp_url: SecretStr | None = None
    smtp_from: str | None = None

    @property
    def home(self) -> Path:
        """The folder of everything that this installation keeps outside the database."""
        return PROJECT / self.slms_home

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            parts = urlsplit(url.get_secret_value())
            if parts.scheme not in {"postgres", "postgresql", "postgresql+psycopg"}:
                raise ValueError("must name a PostgreSQL server: postgresql://user:password@host:5432/database")
            if not parts.path.strip("/"):
                raise ValueError("names no database: postgresql://user:password@host:5432/database")
        return url

    @field_validator(
        "hubspot_base_url", "nutshell_base_url", "pipedrive_base_url", "salesforce_login_url", "openai_base_url",
        "public_url",
    )  # fmt: skip
    @classmethod
    def _is_web_address(cls, url: str | None) -> str | None:
        if url is not None:
            parts = urlsplit(url)
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                raise ValueError("must be an address that starts with http:// or https://")
        return url

    @field_validator("nutshell_activity_types")
    @classmethod
    def _is_list_of_types(cls, text: str | None) -> str | None:
        if text is not None:
            from adapters.nutshell.objects import configured_types

            configured_types(text)
        return text

    @field_validator("pipedrive_activity_types")
    @classmethod
    def _is_list_of_pipedrive_types(cls, text: str | None) -> str | None:
        if text is not None:
            from adapters.pipedrive.objects import configured_types

            configured_types(text)
        return text

    @field_validator("smtp_url")
    @classmethod
    def _is_mail_address(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and urlsplit(url.get_secret_value()).scheme not in {"smtp", "smtps"}:
            raise ValueError("must look like smtps://user:password@mail.example.com:465 (or smtp://)")
        return url

    @field_validator("smtp_from")
    @classmethod
    def _is_sender(cls, sender: str | None) -> str | None:
        if sender is not None and (not sender.isprintable() or "@" not in parseaddr(sender)[1]):
            raise ValueError("must be an e-mail address, such as SLMS <leads@example.com>")
        return sender

    @field_validator("time_zone")
    @classmethod
    def _is_time_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("must be a name such as Europe/Berlin or America/New_York") from error
        return name

    @model_validator(mode="after")
    def _provider_is_complete(self) -> Self:
        if self.crm_provider is Provider.HUBSPOT and self.hubspot_api_key is None:
            raise ValueError("HUBSPOT_API_KEY is missing: CRM_PROVIDER=hubspot needs the token of a private app")
        if self.crm_provider is Provider.NUTSHELL:
            for name in ("nutshell_email", "nutshell_api_key"):
                if getattr(self, name) is None:
                    raise ValueError(f"{name.upper()} is missing: CRM_PROVIDER=nutshell needs a user's address and key")
        if self.crm_provider is Provider.PIPEDRIVE and self.pipedrive_api_token is None:
            raise ValueError("PIPEDRIVE_API_TOKEN is missing: CRM_PROVIDER=pipedrive needs the API token of a user")
        if self.crm_provider is Provider.SALESFORCE:
            self._salesforce_is_complete()
        if self.crm_provider is Provider.CSV:
            if self.csv_folder is None:
                raise ValueError("CSV_FOLDER is missing: CRM_PROVIDER=csv needs the folder or zip of the exports")
            if not (PROJECT / self.csv_folder).exists():
                raise ValueError("CSV_FOLDER does not exist: give the path of a folder or zip of CRM exports")
        return self

    def _salesforce_is_complete(self) -> None:
        if self.salesforce_client_id is None:
            raise ValueError("SALESFORCE_CLIENT_ID is missing: CRM_PROVIDER=salesforce needs the key of an app")
        if self.salesforce_private_key_file is not None and self.salesforce_refresh_token is None:
            if self.salesforce_username is None:
                raise ValueError("SALESFORCE_USERNAME is missing: SALESFORCE_PRIVATE_KEY_FILE signs for a user")
            if not (PROJECT / self.salesforce_private_key_file).is_file():
                raise ValueError("SALESFORCE_PRIVATE_KEY_FILE does not exist: give the path of a PEM file")
        given = (self.salesforce_refresh_token, self.salesforce_private_key_file, self.salesforce_client_secret)
        if all(one is None for one in given):
            raise ValueError(
                "SALESFORCE_CLIENT_SECRET is missing (or SALESFORCE_PRIVATE_KEY_FILE with SALESFORCE_USERNAME, or "
                "SALESFORCE_REFRESH_TOKEN): CRM_PROVIDER=salesforce needs one way to log in"
            )


def load(env_file: Path = PROJECT / ".env") -> Settings:
    """The settings of this process. Raises SettingsError with a line per fault."""
    misspelt = _misspelt(env_file)
    if misspelt:
        raise SettingsError(misspelt)
    try:
        return Settings(_env_file=env_file)
    except ValidationError as error:
        raise SettingsError([_line(fault) for fault in error.errors(include_input=False)]) from None


def secret_key(settings: Settings) -> SecretStr:
    """SECRET_KEY, else the key that was made at the first run and is kept in `.slms/secret_key`."""
    if settings.secret_key is not None:
        return settings.secret_key
    path = settings.home / "secret_key"
    if not path.exists():
        _make_secret(path)
    return SecretStr(path.read_text().strip())


def _make_secret(path: Path) -> None:
    # Written aside and linked: of several processes one wins, and none reads half a key.
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"secret_key.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(48))
    with suppress(FileExistsError):
        path.hardlink_to(draft)
    draft.unlink()


def _misspelt(env_file: Path) -> list[str]:
    """Names in `.env` that are almost a setting's. Others are none of our business."""
    known = [name.upper() for name in Settings.model_fields]
    names = [name for name in (dotenv_values(env_file) if env_file.is_file() else {}) if name.upper() not in known]
    close = {name: difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.85) for name in names}
    return [
        f"{name} in {env_file.name} is not a setting. Did you mean {match[0]}?"
        for name, match in close.items()
        if match
    ]


def _line(fault: ErrorDetails) -> str:
    name = str(fault["loc"][0]).upper() if fault["loc"] else ""
    message = fault["msg"].removeprefix("Value error, ")
    return (
        f"{name} {_plain(name, fault['type'], message)}. See .env.example." if name else f"{message}. See .env.example."
    )


_PATTERNS = {
    "CURRENCY": "must be a currency code of three capital letters, such as EUR",
    "HUBSPOT_API_VERSION": "must be v3 or a dated version of HubSpot's API, such as 2026-03",
    "LLM_REASONING_EFFORT": "must be a word that the model knows, such as none, low or medium",
    "SALESFORCE_API_VERSION": "must be a version of Salesforce's API, such as 62.0",
}


def _plain(name: str, kind: str, message: str) -> str:
    if kind == "value_error":
        return message
    if kind in {"too_short", "string_too_short"}:
        return "is too short: use at least 32 random characters, or remove it and one is made for you"
    if kind == "string_pattern_mismatch":
        return _PATTERNS[name]
    return f"is wrong: {message[0].lower()}{message[1:]}"
