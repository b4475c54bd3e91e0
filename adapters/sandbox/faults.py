"""What goes wrong on purpose: which request, how often, and how. A dialect decides how its CRM words it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class Mishap(StrEnum):
    """What happens instead of an answer, or to it."""

    THROTTLED = "throttled"
    """Refused by the limit of a few seconds, whatever was spent."""
    OVER_QUOTA = "over_quota"
    """Refused by the daily limit."""
    STATUS = "status"
    """The plain status of `Fault.status`."""
    LOGIN_PAGE = "login_page"
    """A web page with status 200."""
    EXPIRED = "expired"
    """The token is not valid any more."""
    CUT = "cut"
    """The connection ends in the middle of the body."""
    DRIP = "drip"
    """The body comes byte by byte, `Fault.seconds` apart."""
    LOST_BEFORE = "lost_before"
    """The connection ends before anything was done."""
    LOST_AFTER = "lost_after"
    """It was done, but the answer does not arrive."""
    EDIT = "edit"
    """Somebody edits the world (`Fault.edit`) just before the request is answered, which it then is."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """route: matches "METHOD /path". skip: so many matching requests pass first; times: how many are hit."""

    mishap: Mishap
    route: str = ""
    skip: int = 0
    times: int = 1
    status: int = 503
    seconds: float = 1.0
    edit: Callable[[], object] | None = None
    retry_after_s: float | None = None


@dataclass(slots=True)
class Faults:
    """The schedule. Of several that are due the first one comes; edits come besides."""

    planned: list[Fault] = field(default_factory=list)

    def plan(self, *faults: Fault) -> None:
        self.planned.extend(faults)

    def due(self, method: str, path: str) -> Fault | None:
        found: Fault | None = None
        for fault in self.planned:
            if fault.times <= 0 or not re.search(fault.route, f"{method} {path}"):
                continue
            if fault.skip > 0:
                fault.skip -= 1
            elif fault.mishap is Mishap.EDIT:
                fault.times -= 1
                if fault.edit is not None:
                    fault.edit()
            elif found is None:
                fault.times -= 1
                found = fault
        return found
