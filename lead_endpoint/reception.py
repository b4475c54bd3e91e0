"""What happens to a lead that is posted: read, checked, committed, delivered at once where that is quick, answered.

Free of any framework, so that the Flask route and the asynchronous front in `front.py` give the same answers. The order
never changes: nobody is told that a lead is accepted before it is on disk.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from lead_endpoint import answer_words, answers, pages, submission
from lead_endpoint.answer_words import Spoken
from lead_endpoint.answers import Answers, Wrong
from lead_endpoint.lead_ids import LeadIds
from lead_endpoint.messages import Answer, Request, answer, in_ascii, page, problem, problem_fields, unavailable
from lead_endpoint.meter import Meter
from lead_endpoint.networks import client_network
from lead_endpoint.protection import CONSPICUOUS, Guard, is_disposable, may_embed
from lead_endpoint.rate import RateLimit
from snapshots.form_definition import ThankYou
from snapshots.intake import Form, Receipt, Received, Refused

MOST_BYTES = 64 * 1024
MOST_TYPE = 200
"""Characters of a Content-Type that are kept."""
LOOK_UPS = 0
"""Counted like a form; no form has this id."""
MOST_DIGITS = 9
THANKS = ThankYou().message
"""Forms without words of their own share a page."""
EXPOSED = "retry-after, x-correlation-id"
_VISIT = re.compile(r"[A-Za-z0-9_-]{16,40}")
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
    def version(self) -> int | None:
        """The version of the form that was filled in, as it claims."""
        said = submission.control(self.fields, submission.VERSION_FIELD) or ""
        return int(said) if said.isascii() and said.isdigit() and len(said) <= MOST_DIGITS else None

    @property
    def is_form(self) -> bool:
        """A plain HTML form, whose sender is a person who sees a page next."""
        accepts = self.request.header("accept")
        is_scripted = "application/json" in accepts and "text/html" not in accepts
        return submission.is_form(self.request.header("content-type")) and not is_scripted


@dataclass(frozen=True, slots=True)
class Wanted:
    """A lead to be committed. may_wait: the sender would like to hear what the CRM says. proof: the proof of work that
    it brought, which counts once."""

    lead: Received
    form: Form
    reading: Reading
    may_wait: bool
    proof: str | None = None


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
    guard: Guard

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

    def may_look_up(self, request: Request) -> Answer | None:
        """Before the database is asked for a form that is not remembered; the refusal where one network has it asked
        too often, since made-up keys would keep the look-ups of everybody else waiting."""
        standing = self.limit.count(LOOK_UPS, self._network(request))
        return None if standing.wait_s is None else self._too_many(standing.wait_s)

    def _network(self, request: Request) -> str:
        return client_network(request.peer, request.headers, proxies=self.rules.proxies)

    def _too_many(self, wait_s: float) -> Answer:
        self.meter.refused("rate")
        wait = str(int(wait_s) + 1)
        return problem(429, f"Too many submissions from your network. Wait {wait} s.", ("retry-after", wait))

    def judge(self, reading: Reading, form: Form | None) -> Wanted | Turned:
        """Whether the lead is accepted, set aside, or refused. form: as it was when it was filled in. Nothing is stored
        yet."""
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
        given = _answers(reading, form)
        person = _person(reading, form, given)
        wrong = _all_wrong(given, person)
        if not isinstance(person, submission.Person) or wrong:
            return self._refuse(reading, (form, network), 422, wrong[0].field, wrong[0].message, wrong)
        proof = self.guard.proof(reading.fields, form)
        doubt = self.guard.doubt(request, reading.fields, form, is_over=standing.is_over, is_proved=proof is not None)
        prefers_later = "respond-async" in request.header("prefer")
        may_wait = doubt is None and not prefers_later and not reading.is_form and self.rules.wait_s > 0
        lead = self._lead(reading, form, network, key, person, given)
        if doubt is not None:
            lead = replace(lead, due_in_s=None, reason=doubt.reason, detail=doubt.detail)
            if doubt.reason in CONSPICUOUS:
                self.guard.suspects.note(form.form_id, network)
        return Wanted(lead, form, reading, may_wait, proof)

    def _lead(
        self,
        reading: Reading,
        form: Form,
        network: str,
        key: str | None,
        person: submission.Person,
        given: Answers | None,
    ) -> Received:
        request, lead_id, fields = reading.request, self.ids.new(), reading.fields
        at = self.guard.now().isoformat(timespec="seconds") if given and given.consents else ""
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
            flags=_flags(person, form),
            form_version=form.version,
            visit=_visit(fields),
            source=_origin(fields, form, submission.SOURCE_FIELD)
            or (form.definition.source if form.definition else None)
            or None,
            campaign=_origin(fields, form, submission.CAMPAIGN_FIELD)
            or (form.definition.campaign if form.definition else None)
            or None,
            consents=[asdict(one) | {"at": at} for one in given.consents] if given else (),
        )

    def accepted(self, wanted: Wanted, receipt: Receipt) -> Answer:
        """The answer to a lead that is on disk."""
        if not receipt.is_same:
            return self._problem(
                wanted.reading,
                422,
                "Idempotency-Key",
                "This idempotency key was used with another body. Use a new one.",
                form=wanted.form,
            )
        if receipt.is_new:
            self.meter.accepted(wanted.lead.reason or "pending")
            if wanted.proof is not None:
                self.guard.seals.spend(wanted.proof)
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
        found = page(503, pages.trouble(str(said["correlation_id"]), _speaking(reading, None)))
        return Answer(found.status, found.body, found.content_type, (*found.headers, ("retry-after", "2")))

    def _refuse(
        self,
        reading: Reading,
        origin: tuple[Form, str] | None,
        status: int,
        field_name: str | None,
        text: str,
        wrong: Sequence[Wrong] = (),
    ) -> Turned:
        """origin: form and network; None: there is no form, and so nobody to keep the attempt for. wrong: all that has
        to be corrected."""
        self.meter.refused(field_name or "body")
        form = origin[0] if origin else None
        said = self._problem(reading, status, field_name, text, _told(wrong, reading, form), form=form)
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
            reason="; ".join(f"{one.field}: {one.message}" for one in wrong) if len(wrong) > 1 else text,
        )
        return Turned(said, kept)

    def _problem(
        self,
        reading: Reading,
        status: int,
        field_name: str | None,
        text: str,
        errors: Sequence[Mapping[str, str]] = (),
        *,
        form: Form | None,
    ) -> Answer:
        """errors: each with field, label and message."""
        if not reading.is_form:
            said = [{"field": one["field"], "message": one["message"]} for one in errors]
            return problem(status, text, field_name=field_name, errors=said)
        lines = [f"{one['label']}: {one['message']}" if one["label"] else one["message"] for one in errors]
        reference = str(problem_fields(status, text)["correlation_id"])
        return page(status, pages.correction(lines or [text], reference, _speaking(reading, form)))

    def shared(self, answer: Answer, request: Request, form: Form | None) -> Answer:
        """The answer with what lets the page that asked read it: exactly the pages that may show the form."""
        headers = (*answer.headers, *self._cors(request, form))
        return Answer(answer.status, answer.body, answer.content_type, headers)

    def _cors(self, request: Request, form: Form | None) -> tuple[tuple[str, str], ...]:
        """None: there is no form; then everybody may read why."""
        origin = request.header("origin")
        is_free = form is None or may_embed(form, origin)
        if origin in {"", "null"} or not (is_free or self.guard.is_own(request, origin)):
            return (("vary", "Origin"),)
        return (
            ("vary", "Origin"),
            ("access-control-allow-origin", origin),
            ("access-control-expose-headers", EXPOSED),
        )


def too_large() -> Answer:
    return problem(413, f"The body is larger than {MOST_BYTES // 1024} KiB.")


def thanks_url(reading: Reading, form: Form) -> str:
    """Where a plain form leads to: an address of the form's own list, or the page here. Never one that the request
    alone names, which could lead people anywhere."""
    wish = submission.control(reading.fields, submission.NEXT_FIELD)
    if form.definition is None:
        return "/thanks"
    language = answers.spoken(form.definition, submission.control(reading.fields, submission.LANGUAGE_FIELD))
    is_usual = language == "en" and answers.thanks_of(form.definition, language) == THANKS
    own = "/thanks" if is_usual else f"/thanks?form={form.key}"
    if language != form.definition.language:
        own += f"{'&' if '?' in own else '?'}lang={language}"
    listed = [one for one in form.definition.redirects if one == wish]
    return in_ascii(listed[0] if listed else form.definition.thank_you.url or own)


def _answers(reading: Reading, form: Form) -> Answers | None:
    """None where nobody can say what the form asks."""
    if form.definition is None:
        return None
    language = submission.control(reading.fields, submission.LANGUAGE_FIELD)
    return answers.read(form.definition, submission.texts_of(reading.fields), language)


def _person(reading: Reading, form: Form, given: Answers | None) -> submission.Person | submission.Invalid:
    said = given.texts if given else None
    try:
        return submission.person(reading.fields, phone_region=answers.phone_region(form.definition), said=said)
    except submission.Invalid as fault:
        return fault


def _all_wrong(given: Answers | None, person: submission.Person | submission.Invalid) -> list[Wrong]:
    """Each field once; without somebody to answer, that first."""
    found = {one.field: one for one in given.wrong} if given else {}
    if isinstance(person, submission.Invalid) and person.field not in found:
        return [Wrong(person.field, str(person)), *found.values()]
    return list(found.values())


def _speaking(reading: Reading, form: Form | None) -> Spoken:
    """In the language of what was sent; without a form that speaks it, in the browser's."""
    wish = submission.control(reading.fields, submission.LANGUAGE_FIELD)
    if form is not None and form.definition is not None:
        return answer_words.of_form(form.definition, answers.spoken(form.definition, wish))
    return answer_words.by_wishes(wish or "", reading.request.header("accept-language"))


def _told(wrong: Sequence[Wrong], reading: Reading, form: Form | None) -> list[dict[str, str]]:
    definition = form.definition if form else None
    labels = {one.name: one.label for one in definition.fields} if definition else {}
    if definition is not None:
        wish = submission.control(reading.fields, submission.LANGUAGE_FIELD)
        translation = definition.translations.get(answers.spoken(definition, wish))
        translated = translation.fields.items() if translation else ()
        labels |= {name: texts.label for name, texts in translated if texts.label and name in labels}
    return [{"field": one.field, "label": labels.get(one.field, ""), "message": one.message} for one in wrong]


def _flags(person: submission.Person, form: Form) -> tuple[str, ...]:
    is_asked = form.definition is not None and form.definition.protection.check_disposable
    return (*person.flags, "disposable") if is_asked and person.email and is_disposable(person.email) else person.flags


def _visit(fields: Mapping[str, object]) -> str | None:
    said = submission.control(fields, submission.VISIT_FIELD)
    return said if said and _VISIT.fullmatch(said) else None


def _origin(fields: Mapping[str, object], form: Form, control: str) -> str | None:
    """As the page says; or as whoever sends it says in a plain field, unless the form asks visitors for one of that
    name."""
    plain = control.removeprefix("_")
    said = _said(fields, control)
    if said is not None or plain not in fields:
        return said
    is_asked = form.definition is not None and any(one.name == plain for one in form.definition.fields)
    return None if is_asked else _said(fields, plain)


def _said(fields: Mapping[str, object], name: str) -> str | None:
    said = submission.control(fields, name)
    return said[: submission.MOST_NAME] if said else None


def _idempotency_key(reading: Reading) -> str | None:
    """The header's, in quotation marks or without, else that of a form's field."""
    said = reading.request.header("idempotency-key").strip().strip('"')
    return said or submission.control(reading.fields, submission.KEY_FIELD)


def _no_form(key: str | None) -> str:
    if key is None:
        return "Name the form: add its key as `form`. There are several organizations, and no DEFAULT_ORGANIZATION."
    return "There is no form with this key. Copy the key from the form's page."
