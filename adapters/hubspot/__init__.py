"""HubSpot behind the protocol. See `docs/crm/hubspot.md`."""

from adapters.hubspot.crm import HubSpot, HubSpotAccess

__all__ = ["HubSpot", "HubSpotAccess"]
