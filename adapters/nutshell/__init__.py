"""Nutshell behind the protocol. See `docs/crm/nutshell.md`."""

from adapters.nutshell.crm import Nutshell, NutshellAccess

__all__ = ["Nutshell", "NutshellAccess"]
