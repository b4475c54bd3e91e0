"""What speaks against a submission. Whatever it is, the lead is taken and set aside for a person; nothing is refused
for it, nobody is told (a program would learn from it), and what a person releases goes its way.

What may speak against it, in the order in which it is asked: another organization, the field that people do not see, a
form that is closed, the page it came from, the form's token, the time it took, a proof of work that is missing, how
many came. A proof of work counts for a sender: it outweighs a token, a time or a number that looks odd. An address that
is thrown away after use is noted, and says nothing against anybody.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Final
from urllib.parse import urlsplit

from lead_endpoint import submission
from lead_endpoint.messages import Request
from lead_endpoint.rate import RateLimit
from lead_endpoint.seals import Seals
from lead_endpoint.submission import Fields
from snapshots.form_definition import Protection
from snapshots.intake import Form

REMEMBER_S: Final = 3600.0
"""So long a network stays conspicuous from which something was set aside."""
MOST_NETWORKS: Final = 20_000
CONSPICUOUS: Final = frozenset({"spam", "token", "quick", "rate"})


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a person should look first. reason: one of the words that the page Leads knows; detail: the same in full."""

    reason: str
    detail: str


@dataclass(slots=True)
class Suspects:
    """Networks that were conspicuous on a form lately; their browsers have to compute. clock: monotonic seconds."""

    clock: Callable[[], float]
    _until: OrderedDict[tuple[int, str], float] = field(default_factory=OrderedDict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def note(self, form_id: int, network: str) -> None:
        with self._guard:
            self._until.pop((form_id, network), None)
            self._until[form_id, network] = self.clock() + REMEMBER_S
            if len(self._until) > MOST_NETWORKS:
                self._until.popitem(last=False)

    def holds(self, form_id: int, network: str) -> bool:
        return self._until.get((form_id, network), 0.0) > self.clock()


@dataclass(frozen=True, slots=True)
class Guard:
    """seals: what was handed out with a form, and is looked at when it comes back. host: under which people reach us,
    where a proxy says another one; with its port, if that is not the usual one."""

    seals: Seals
    suspects: Suspects
    limit: RateLimit
    now: Callable[[], datetime]
    host: str = ""

    def asks_work(self, form: Form, network: str) -> bool:
        """Whether a browser there has to compute before it sends this form."""
        when = form.definition.protection.proof_of_work if form.definition else "off"
        if when == "suspicious":
            return self.suspects.holds(form.form_id, network) or self.limit.is_near(form.form_id, network)
        return when == "always"

    def proof(self, fields: Fields, form: Form) -> str | None:
        """The proof of work of a submission; None where it has none that counts."""
        solution = submission.control(fields, submission.PROOF_FIELD)
        return solution if solution and self.seals.is_solved(solution, form.key, self.now()) else None

    def doubt(self, request: Request, fields: Fields, form: Form, *, is_over: bool, is_proved: bool) -> Doubt | None:
        """What speaks against it; None: nothing. is_over: too many came from its network. is_proved: it brought a proof
        of work."""
        found = _organization(request, fields, form) or _trap(fields) or _closed(form)
        if found is None and form.definition is not None:
            found = self._of_form(request, fields, form, form.definition.protection, is_proved=is_proved)
        if found is None and is_over and not is_proved:
            found = Doubt("rate", "Many submissions came from the same network.")
        return found

    def _of_form(
        self, request: Request, fields: Fields, form: Form, asked: Protection, *, is_proved: bool
    ) -> Doubt | None:
        found = self._page(request, form)
        if found is None and not is_proved:
            found = self._token(fields, form, asked) or _time(fields, asked)
        if found is None and asked.proof_of_work == "always" and not is_proved:
            found = Doubt("proof", "It came without the proof of work that the form asks of every browser.")
        return found

    def _page(self, request: Request, form: Form) -> Doubt | None:
        if not self.is_elsewhere(request, form):
            return None
        page = request.header("origin")[:200]
        return Doubt("origin", f"It came from a page of {page}, which is not on the form's list.")

    def is_elsewhere(self, request: Request, form: Form) -> bool:
        """Whether it comes from a page that may not show the form. A browser that says nothing of the page (`null`, or
        no header) says nothing against it."""
        origin = request.header("origin")
        return not (origin in {"", "null"} or may_embed(form, origin) or self.is_own(request, origin))

    def is_own(self, request: Request, origin: str) -> bool:
        """Whether it is a page of the endpoint itself."""
        try:
            return urlsplit(origin).netloc in {self.host, request.header("host")} - {""}
        except ValueError:
            return False

    def _token(self, fields: Fields, form: Form, asked: Protection) -> Doubt | None:
        """A form that was copied into a page has neither token nor version, which says nothing against it."""
        token = submission.control(fields, submission.TOKEN_FIELD)
        if token is None:
            has_version = submission.control(fields, submission.VERSION_FIELD) is not None
            if has_version and asked.needs_token:
                return Doubt("token", "It claims to come from our form, and brings none of the tokens that this has.")
            return None
        age = self.seals.age(token, form.key, self.now())
        if age is None:
            is_odd = asked.needs_token
            return Doubt("token", "Its token is not of this form, or older than a week.") if is_odd else None
        if age.total_seconds() < asked.least_fill_s:
            return Doubt("quick", f"It was sent {age.total_seconds():.1f} s after the form was shown.")
        return None


def _organization(request: Request, fields: Fields, form: Form) -> Doubt | None:
    said = (submission.control(fields, name) for name in ("organization_id", "_organization"))
    claimed = next((one for one in said if one is not None), request.query.get("organization_id"))
    if claimed is None or claimed == str(form.organization_id):
        return None
    return Doubt("organization", "It names another organization than its form's.")


def _trap(fields: Fields) -> Doubt | None:
    is_filled = submission.control(fields, submission.TRAP_FIELD)
    return Doubt("spam", "The field that people do not see is filled.") if is_filled else None


def _closed(form: Form) -> Doubt | None:
    if form.status == "published" and form.definition is not None:
        return None
    what = {"paused": "is paused", "archived": "is archived"}.get(form.status, "has no published version")
    return Doubt("paused", f"The form {what}.")


def may_embed(form: Form, origin: str) -> bool:
    """Whether pages of this origin may show the form: exactly one of its list; without a list all may."""
    domains = form.definition.domains if form.definition else ()
    return not domains or origin in domains


def _time(fields: Fields, asked: Protection) -> Doubt | None:
    said = submission.control(fields, submission.FILLED_FIELD)
    if said is None or not (said.isascii() and said.isdigit()) or len(said) > 12:
        return None
    took_s = int(said) / 1000
    return Doubt("quick", f"It was filled in within {took_s:.1f} s.") if took_s < asked.least_fill_s else None


def is_disposable(email: str) -> bool:
    """Whether the address is of a service that gives out addresses for a few minutes."""
    parts = email.rpartition("@")[2].lower().split(".")
    return any(".".join(parts[at:]) in _domains() for at in range(len(parts) - 1))


@cache
def _domains() -> frozenset[str]:
    from disposable_email_domains import blocklist

    return frozenset(blocklist)
