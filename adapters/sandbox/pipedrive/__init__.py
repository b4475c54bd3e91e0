"""The world as a Pipedrive account: v2 and what is left of v1, with Pipedrive's limits and refusals."""

from adapters.sandbox.pipedrive.server import ALL_RIGHTS, PipedriveServer, Plan

__all__ = ["ALL_RIGHTS", "PipedriveServer", "Plan"]
