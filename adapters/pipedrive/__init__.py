"""Pipedrive behind the protocol. See `docs/crm/pipedrive.md`."""

from adapters.pipedrive.crm import Pipedrive, PipedriveAccess

__all__ = ["Pipedrive", "PipedriveAccess"]
