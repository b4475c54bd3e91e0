"""Everybody gets their own weekly report: of whom that is, by which address, and why somebody is left out.

A manager gets the one of the own teams, everybody else the one of the own rows. Whose login may not see the teams gets
no report of them, whatever the CRM calls him.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parseaddr

from insights.report.document import Week
from ops import reports
from ops.services import Services
from snapshots.reads import Reader
from snapshots.report_archive import Readership
from snapshots.report_everybody import Own
from snapshots.slices import Role, Viewer
from snapshots.users import User, list_users


@dataclass(frozen=True, slots=True, kw_only=True)
class Everybody:
    """own: who gets which report. n_unreachable: active people without an address; n_shared: whose address is
    somebody else's too, so that the report would reach others; n_off: whose login was switched off."""

    own: Sequence[Own]
    n_unreachable: int
    n_shared: int
    n_off: int

    def n(self, audience: str) -> int:
        return sum(one.readership.audience == audience for one in self.own)


def everybody(services: Services, organization_id: int, week: Week) -> Everybody:
    """Of the salespeople who are active at the end of the week."""
    readers = reports.readers_of(services, organization_id, week)
    active = [one.owner_id for one in readers if one.audience == "rep" and one.owner_id is not None]
    managers = {one.owner_id for one in readers if one.audience == "manager"}
    users = sorted(list_users(services.database, organization_id), key=lambda one: one.is_active)
    logins = {one.owner_id: one for one in users if one.owner_id is not None}  # of several the one that is on
    off = {key for key in active if key in logins and not logins[key].is_active}
    addresses = _addresses(services, organization_id, week, logins)
    reached = {key: addresses[key] for key in active if key not in off and key in addresses}
    often = Counter(one.casefold() for one in reached.values())
    own = [
        Own(_readership(key, logins.get(key), is_manager=key in managers), address)
        for key, address in reached.items() if often[address.casefold()] == 1
    ]  # fmt: skip
    return Everybody(
        own=own, n_unreachable=len(active) - len(off) - len(reached), n_shared=len(reached) - len(own), n_off=len(off)
    )


def _readership(owner_id: int, login: User | None, *, is_manager: bool) -> Readership:
    sees_teams = is_manager and (login is None or login.role is not Role.REP)
    return Readership("manager" if sees_teams else "rep", owner_id)


def _addresses(services: Services, organization_id: int, week: Week, logins: Mapping[int, User]) -> dict[int, str]:
    """Of the login, else the one that the CRM gives; what is no address is left out."""
    owners = Reader(services.database, Viewer(organization_id, Role.ANALYST)).owners(week.last)
    told = dict(zip(owners["owner_id"].astype("int64"), owners["email"], strict=True))
    found = {int(key): logins[key].email if key in logins else email for key, email in told.items()}
    return {key: one.strip() for key, one in found.items() if isinstance(one, str) and "@" in parseaddr(one)[1]}
