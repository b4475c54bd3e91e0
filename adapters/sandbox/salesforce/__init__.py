"""The world as a Salesforce org: log-in, queries, records, bulk queries, with Salesforce's limits and refusals."""

from adapters.sandbox.salesforce.server import Org, SalesforceServer

__all__ = ["Org", "SalesforceServer"]
