"""The world as a HubSpot account: paths of v3 and of the dated versions, and HubSpot's limits and refusals."""

from adapters.sandbox.hubspot.server import ALL_SCOPES, HubSpotServer, Plan

__all__ = ["ALL_SCOPES", "HubSpotServer", "Plan"]
