"""Salesforce behind the protocol. See `docs/crm/salesforce.md`."""

from adapters.salesforce.crm import Ports, Salesforce
from adapters.salesforce.tokens import SalesforceAccess

__all__ = ["Ports", "Salesforce", "SalesforceAccess"]
