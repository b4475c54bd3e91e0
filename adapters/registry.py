"""Which CRMs there are. An adapter's module is imported when it is asked for, not before."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from adapters.errors import ConfigError

_ADAPTERS = {
    "csv": "adapters.csv_export:CsvExport", "demo": "adapters.demo:DemoCrm", "hubspot": "adapters.hubspot:HubSpot",
    "nutshell": "adapters.nutshell:Nutshell", "pipedrive": "adapters.pipedrive:Pipedrive",
    "salesforce": "adapters.salesforce:Salesforce",
}  # fmt: skip
TAKES_LEADS: tuple[str, ...] = ("demo", "hubspot", "nutshell", "pipedrive", "salesforce")
"""The CRMs to which leads can be delivered; an export is only read."""


def adapter_names() -> tuple[str, ...]:
    """The names that `load` takes, as CRM_PROVIDER spells them."""
    return tuple(_ADAPTERS)


def load(provider: str) -> Any:
    """The adapter's class. Each has its own arguments, see its module. Raises ConfigError for a name without one."""
    place = _ADAPTERS.get(provider)
    if place is None:
        known = ", ".join(adapter_names())
        what = f"CRM_PROVIDER={provider}: There is no such CRM. Use one of: {known}."
        raise ConfigError(what, setting="CRM_PROVIDER")
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
