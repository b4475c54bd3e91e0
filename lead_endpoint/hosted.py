"""Forms as visitors see them: their JSON for the widget, and the page of a form, which works without any script."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from lead_endpoint import answer_words, pages
from lead_endpoint.answer_words import Spoken
from lead_endpoint.answers import spoken, thanks_of
from lead_endpoint.messages import HTML, Answer, Request, answer, ascii_host, page, problem
from lead_endpoint.networks import client_network
from lead_endpoint.reception import THANKS, Reception
from lead_endpoint.widget_words import words
from snapshots.form_definition import Definition, FieldKind, FieldTexts, Translation
from snapshots.form_finder import FormFinder
from snapshots.intake import Form, StoreUnavailable

MOST_PREFILLED: Final = 500
"""Characters of a value that an address fills in."""
MOST_LANGUAGES: Final = 200
"""Characters of what a browser says of its languages that are looked at."""
PREFLIGHT_LASTS_S: Final = 600


@dataclass(frozen=True, slots=True)
class Window:
    """base: the path under which the endpoint is reached; "" where that is the root. on_blocked: told at once of each
    page that asked for a form which it may not show."""

    reception: Reception
    forms: FormFinder
    base: str = ""
    on_blocked: Callable[[Form, Request], object] | None = None

    def _form(self, key: str, request: Request) -> Form | Answer | None:
        known, form = self.forms.remembered(key)
        return form if known else self.reception.may_look_up(request) or self.forms.find(key)

    def _network(self, request: Request) -> str:
        return client_network(request.peer, request.headers, proxies=self.reception.rules.proxies)

    def definition(self, key: str, request: Request) -> Answer:
        """What the widget draws. 403: not on this page; 404: no such form; 410: it takes nothing at the moment. Why is
        said in words for the visitor, and every page may read that."""
        form = self._form(key, request)
        if isinstance(form, Answer):
            return self._with_cors(form, form, request)
        if form is not None and self.reception.guard.is_elsewhere(request, form):
            if self.on_blocked is not None:
                self.on_blocked(form, request)
            return self._with_cors(problem(403, _said(form, request, "blocked")), None, request)
        if form is None or form.definition is None or form.status != "published":
            return self._with_cors(_missing(form, request), form, request)
        return self._with_cors(answer(200, self._shown(form, form.definition, request)), form, request)

    def _shown(self, form: Form, definition: Definition, request: Request) -> dict[str, Any]:
        guard, now = self.reception.guard, self.reception.guard.now()
        asks = guard.asks_work(form, self._network(request))
        return {
            "key": form.key,
            "version": form.version,
            **definition.shown,
            "token": guard.seals.token(form.key, now),
            "proof_of_work": guard.seals.challenge(form.key, now) if asks else None,
        }

    def challenge(self, key: str, request: Request) -> Answer:
        """Another challenge, where the first one has grown old while the form was filled in."""
        form = self._form(key, request)
        if isinstance(form, Answer):
            found = form
        elif form is None or form.status != "published":
            found = _missing(form, request)
        else:
            found = answer(200, self.reception.guard.seals.challenge(form.key, self.reception.guard.now()))
        return self._with_cors(found, form, request)

    def preflight(self, key: str | None, request: Request, methods: str) -> Answer:
        """What a browser asks before it sends something of another page. Without a key (leads name their form in the
        body) every page is told to go on; the answer to what it sends then says who may read it."""
        form = self._form(key, request) if key else None
        headers = (
            ("access-control-allow-methods", methods),
            ("access-control-allow-headers", "content-type, idempotency-key, prefer"),
            ("access-control-max-age", str(PREFLIGHT_LASTS_S)),
        )
        return self._with_cors(Answer(204, b"", "text/plain", headers), form, request)

    def _with_cors(self, found: Answer, form: Form | Answer | None, request: Request) -> Answer:
        return self.reception.shared(found, request, None if isinstance(form, Answer) else form)

    def thanks(self, request: Request) -> Answer:
        """The page after a plain form, in the words of the form that the address names, where these can be had."""
        key = request.query.get("form")
        try:
            form = self._form(key, request) if key else None
        except StoreUnavailable:
            form = None
        definition = form.definition if isinstance(form, Form) else None
        if definition is None:
            return page(200, pages.thanks(answer_words.by_wishes(request.query.get("lang", ""))))
        language = spoken(definition, request.query.get("lang"))
        return page(200, pages.thanks(answer_words.of_form(definition, language), _message(definition, language)))

    def page(self, key: str, request: Request, *, is_bare: bool = False) -> Answer:
        """The page of a form. is_bare: as it stands in an iframe of another page."""
        form = self._form(key, request)
        if isinstance(form, Answer):
            return form
        if form is None or form.definition is None or form.status != "published":
            html = pages.gone(form is not None, _speaking(form, request))
            return _page(404 if form is None else 410, html, _policy(None, ""))
        nonce = secrets.token_urlsafe(16)
        definition = form.definition
        language = _language(definition, request)
        html = pages.form(
            form=_translated(self._shown(form, definition, request), definition.translations.get(language), language),
            key=form.key,
            endpoint=self.base,
            words=_words(definition, language),
            values=_prefilled(definition, request.query),
            parents=definition.domains,
            nonce=nonce,
            bare=is_bare,
        )
        return _page(200, html, _policy(definition, nonce))


def _language(definition: Definition, request: Request) -> str:
    """The first of the visitor's languages that the form speaks; else its own. `lang` in the address goes before."""
    accepted = _accepted(request).split(",")
    wishes = [request.query.get("lang", ""), *(one.partition(";")[0].strip() for one in accepted)]
    spoken = {one.lower(): one for one in (definition.language, *definition.translations)}
    for wish in (one.lower() for one in wishes):
        found = spoken.get(wish) or spoken.get(wish.partition("-")[0])
        if found:
            return found
    return definition.language


def _words(definition: Definition, language: str) -> dict[str, str]:
    translation = definition.translations.get(language)
    return words(language, translation.words if translation else definition.words)


def _translated(shown: dict[str, Any], translation: Translation | None, language: str) -> dict[str, Any]:
    """Texts that are not translated stay in the form's own language."""
    if translation is None:
        return shown
    titles = dict(enumerate(translation.steps))
    steps = [
        {
            "title": titles.get(number) or step["title"],
            "fields": [_in_words(one, translation.fields.get(one["name"])) for one in step["fields"]],
        }
        for number, step in enumerate(shown["steps"])
    ]
    return {**shown, "title": translation.title or shown["title"], "language": language, "steps": steps}


def _in_words(field: dict[str, Any], texts: FieldTexts | None) -> dict[str, Any]:
    if texts is None:
        return field
    said = {name: text for name in ("label", "help", "placeholder", "consent_text") if (text := getattr(texts, name))}
    options = [one | {"label": texts.options.get(one["value"]) or one["label"]} for one in field["options"]]
    return {**field, **said, "options": options}


def _missing(form: Form | None, request: Request) -> Answer:
    return (
        problem(404, _said(None, request, "missing")) if form is None else problem(410, _said(form, request, "closed"))
    )


def _said(form: Form | None, request: Request, name: str) -> str:
    return _speaking(form, request).say(name)


def _speaking(form: Form | None, request: Request) -> Spoken:
    """In the form's words, in a language that it speaks; where it has none, in the visitor's."""
    if form is not None and form.definition is not None:
        return answer_words.of_form(form.definition, _language(form.definition, request))
    return answer_words.by_wishes(_accepted(request))


def _accepted(request: Request) -> str:
    return request.header("accept-language")[:MOST_LANGUAGES]


def _message(definition: Definition, language: str) -> str:
    """What the form thanks with; "" where nobody wrote anything, and what is known in that language is said."""
    message = thanks_of(definition, language)
    return "" if message == THANKS and answer_words.primary(language) in answer_words.KNOWN else message


def _prefilled(definition: Definition, query: Mapping[str, str]) -> dict[str, str]:
    """What the address says, by name of the field: a hidden field may have a parameter of its own, others are called by
    their name. Nobody agrees to anything by following a link."""
    given = {one.name: query.get(one.from_query or one.name, "") for one in definition.fields if _may_fill(one.kind)}
    return {name: text[:MOST_PREFILLED] for name, text in given.items() if text}


def _may_fill(kind: FieldKind) -> bool:
    return kind is not FieldKind.CONSENT


def _page(status: int, html: str, policy: str) -> Answer:
    # The page's own address is told to itself alone: without it, a browser hides where the plain form was sent from.
    headers = (("content-security-policy", policy), ("referrer-policy", "same-origin"))
    return Answer(status, html.encode(), HTML, headers)


def _policy(definition: Definition | None, nonce: str) -> str:
    """What the page may do, and which pages may frame it: those that may show the form."""
    if definition is None:
        return "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors *; base-uri 'none'"
    # A browser holds the redirect after a form against this too.
    leads_to = sorted({_origin(one) for one in (*definition.redirects, definition.thank_you.url) if one} - {""})
    rules = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": f"'self' 'nonce-{nonce}'",
        "connect-src": "'self'",
        "form-action": " ".join(["'self'", *leads_to]),
        "frame-ancestors": " ".join(["'self'", *definition.domains]) if definition.domains else "*",
        "base-uri": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _origin(address: str) -> str:
    """Scheme, host and port; the host as browsers write it, for the header is ASCII. Empty where it is no host: the
    page is shown all the same."""
    parts = urlsplit(address)
    host = ascii_host(parts.hostname or "")
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "") if host else ""
