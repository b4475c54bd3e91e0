"""The world as a Nutshell account: its REST paths, its event feed, its HTML refusals."""

from adapters.sandbox.nutshell.server import NutshellServer, Plan

__all__ = ["NutshellServer", "Plan"]
