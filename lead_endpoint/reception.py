"""What happens to a lead that is posted: read, checked, committed, delivered at once where that is quick, answered.

Free of any framework, so that the Flask route and the asynchronous front in `front.py` give the same answers. The order
never changes: nobody is told that a lead is accepted before it is on disk.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lead_endpoint import pages, submission
from lead_endpoint.lead_ids import LeadIds
from lead_endpoint.messages import Answer, Request, answer, page, problem, problem_fields, unavailable
from lead_endpoint.meter import Meter
from lead_endpoint.networks import client_network
from lead_endpoint.rate import RateLimit
from snapshots.intake import Form, Receipt, Received, Refused

MOST_BYTES = 64 * 1024
MOST_TYPE = 200
"""Characters of a Content-Type that are kept."""
LOOK_UPS = 0
"""Counted like a form; no form has this id."""
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
STATUS = {"created": "ok", "updated": "updated", "exists": "exists"}
"""What the CRM did, in the words of the answer."""


@dataclass(frozen=True, slots=True)
class Rules:
    """proxies: how many of ours stand before us. wait_s: how long a sender waits for the CRM at most."""

    proxies: int = 0
    wait_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Reading:
    """A request of which the form is still to be looked up. fields: None where the body cannot be read."""

    request: Request
    form_key: str | None
    fields: Mapping[str, object] = field(default_factory=dict)
    fault: submission.Unreadable | None = None

    @property
    def is_form(self) -> bool:
        """A plain HTML form, whose sender is a person who sees a page next."""
        accepts = self.request.header("accept")
        is_scripted = "application/json" in accepts and "text/html" not in accepts
        return submission.is_form(self.request.header("content-type")) and not is_scripted


@dataclass(frozen=True, slots=True)
class Wanted:
    """A lead to be committed. may_wait: the sender would like to hear what the CRM says."""

    lead: Received
    form: Form
    reading: Reading
    may_wait: bool


@dataclass(frozen=True, slots=True)
class Turned:
    """A submission that is not accepted. kept: what is stored of it; None: nothing."""

    answer: Answer
    kept: Refused | None = None


@dataclass(slots=True)
class Reception:
    """The stages of a request; who runs them brings the threads or the event loop."""

    rules: Rules
    limit: RateLimit
    meter: Meter
    ids: LeadIds

    def read(self, request: Request) -> Reading | Answer:
        """The body's fields, and the key of its form."""
        if request.header("content-encoding") not in {"", "identity"}:
            return problem(415, "Send the body as it is, without Content-Encoding.", field_name="Content-Encoding")
        if len(request.body) > MOST_BYTES:
            return too_large()
        try:
            fields = submission.read(request.body, request.header("content-type"))
        except submission.Unreadable as fault:
            return Reading(request, request.query.get("form"), {}, fault)
        return Reading(request, request.query.get("form") or submission.control(fields, "form"), fields)

    def may_look_up(self, reading: Reading) -> Answer | None:
        """Before the database is asked for a form that is not remembered; the refusal where one network has it asked
        too often, since made-up keys would keep the look-ups of everybody else waiting."""
        standing = self.limit.count(LOOK_UPS, self._network(reading.request))
        return None if standing.wait_s is None else self._too_many(standing.wait_s)

    def _network(self, request: Request) -> str:
        return client_network(request.peer, request.headers, proxies=self.rules.proxies)

    def _too_many(self, wait_s: float) -> Answer:
        self.meter.refused("rate")
        wait = str(int(wait_s) + 1)
        return problem(429, f"Too many submissions from your network. Wait {wait} s.", ("retry-after", wait))

    def judge(self, reading: Reading, form: Form | None) -> Wanted | Turned:
        """Whether the lead is accepted, set aside, or refused. Nothing is stored yet."""
        request = reading.request
        if form is None:
            return self._refuse(reading, None, 422, "form", _no_form(reading.form_key))
        network = self._network(request)
        standing = self.limit.count(form.form_id, network)
        if standing.wait_s is not None:
            return Turned(self._too_many(standing.wait_s))
        if reading.fault is not None:
            return self._refuse(reading, (form, network), reading.fault.status, None, str(reading.fault))
        key = _idempotency_key(reading)
        if key is not None and not _KEY.fullmatch(key):
            text = "The idempotency key must have 1 to 255 visible ASCII characters."
            return self._refuse(reading, (form, network), 422, "Idempotency-Key", text)
        try:
            person = submission.person(reading.fields, phone_region=_phone_region(form))
        except submission.Invalid as fault:
            return self._refuse(reading, (form, network), 422, fault.field, str(fault))
        aside = _set_aside(reading, form, is_over=standing.is_over)
        prefers_later = "respond-async" in request.header("prefer")
        may_wait = aside is None and not prefers_later and not reading.is_form and self.rules.wait_s > 0
        lead = self._lead(reading, form, network, key, person)
        if aside is not None:
            lead = replace(lead, due_in_s=None, reason=aside[0], detail=aside[1])
        return Wanted(lead, form, reading, may_wait)

    def _lead(self, reading: Reading, form: Form, network: str, key: str | None, person: submission.Person) -> Received:
        request, lead_id = reading.request, self.ids.new()
        return Received(
            organization_id=form.organization_id,
            form_id=form.form_id,
            lead_id=lead_id,
            idempotency_key=key,
            request_hash=hashlib.sha256(request.body).digest(),
            body=request.body,
            body_type=request.header("content-type")[:MOST_TYPE],
            network=network,
            contact_key=person.contact_key or str(lead_id),
            email=person.email,
            phone=person.phone,
            first_name=person.first_name,
            last_name=person.last_name,
            company=person.company,
            extra=person.extra,
            flags=person.flags,
        )

    def accepted(self, wanted: Wanted, receipt: Receipt) -> Answer:
        """The answer to a lead that is on disk."""
        if not receipt.is_same:
            return self._problem(
                wanted.reading,
                422,
                "Idempotency-Key",
                "This idempotency key was used with another body. Use a new one.",
            )
        if receipt.is_new:
            self.meter.accepted(wanted.lead.reason or "pending")
        if wanted.reading.is_form:
            return Answer(303, b"", "text/plain", (("location", thanks_url(wanted.reading, wanted.form)),))
        found: dict[str, object] = {"lead_id": str(receipt.lead_id), "email": receipt.email}
        if receipt.state == "delivered" and receipt.outcome in STATUS and wanted.may_wait:
            return answer(200, {"status": STATUS[receipt.outcome], "crm_contact_id": receipt.external_id, **found})
        headers = (("preference-applied", "respond-async"),) if not wanted.may_wait else ()
        return answer(202, {"status": "accepted", **found}, *headers)

    def not_stored(self, reading: Reading) -> Answer:
        self.meter.refused("unavailable")
        if not reading.is_form:
            return unavailable()
        said = problem_fields(503, "")
        found = page(503, pages.trouble("We could not store your message just now.", str(said["correlation_id"])))
        return Answer(found.status, found.body, found.content_type, (*found.headers, ("retry-after", "2")))

    def _refuse(
        self, reading: Reading, origin: tuple[Form, str] | None, status: int, field_name: str | None, text: str
    ) -> Turned:
        """origin: form and network; None: there is no form, and so nobody to keep the attempt for."""
        self.meter.refused(field_name or "body")
        said = self._problem(reading, status, field_name, text)
        if origin is None:
            return Turned(said)
        form, network = origin
        kept = Refused(
            organization_id=form.organization_id,
            form_id=form.form_id,
            body=reading.request.body,
            body_type=reading.request.header("content-type")[:MOST_TYPE],
            network=network,
            field=field_name,
            reason=text,
        )
        return Turned(said, kept)

    def _problem(self, reading: Reading, status: int, field_name: str | None, text: str) -> Answer:
        if not reading.is_form:
            return problem(status, text, field_name=field_name)
        return page(status, pages.correction(text, str(problem_fields(status, text)["correlation_id"])))


def too_large() -> Answer:
    return problem(413, f"The body is larger than {MOST_BYTES // 1024} KiB.")


def thanks_url(reading: Reading, form: Form) -> str:
    """Where a plain form leads to: an address of the form's own list, or the page here. Never one that the request
    alone names, which could lead people anywhere."""
    wish = submission.control(reading.fields, submission.NEXT_FIELD)
    if form.definition is None:
        return "/thanks"
    return str(wish) if wish in form.definition.redirects else form.definition.thank_you.url or "/thanks"


def _phone_region(form: Form) -> str | None:
    fields = form.definition.fields if form.definition else ()
    return next((one.country for one in fields if one.name == "phone" and one.country), None)


def _idempotency_key(reading: Reading) -> str | None:
    """The header's, in quotation marks or without, else that of a form's field."""
    said = reading.request.header("idempotency-key").strip().strip('"')
    return said or submission.control(reading.fields, submission.KEY_FIELD)


def _no_form(key: str | None) -> str:
    if key is None:
        return "Name the form: add its key as `form`. There are several organizations, and no DEFAULT_ORGANIZATION."
    return "There is no form with this key. Copy the key from the form's page."


def _set_aside(reading: Reading, form: Form, *, is_over: bool) -> tuple[str, str] | None:
    """Why a lead that is accepted should be looked at by a person before it goes to the CRM."""
    fields = reading.fields
    claimed = submission.control(fields, "organization_id") or reading.request.query.get("organization_id")
    if claimed is not None and claimed != str(form.organization_id):
        return "organization", "It names another organization than its form's."
    if submission.control(fields, submission.TRAP_FIELD):
        return "spam", "The field that people do not see is filled."
    if is_over:
        return "rate", "Many submissions came from the same network."
    if form.status != "published":
        return "paused", "The form is paused."
    return None
