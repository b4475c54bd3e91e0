"""Where the link of a weekly report's mail leads: a page with a button, and what the button or a mail program asks for.

A mail program that knows RFC 8058 posts by itself, a person sees the page first: looking at a link, as scanners of mail
do, ends nothing.
"""

from __future__ import annotations

from flask import Blueprint, Response

from lead_endpoint import pages
from lead_endpoint.messages import HTML, PAGE_POLICY, Answer, unavailable
from lead_endpoint.public import parts, response

unsubscribing = Blueprint("unsubscribing", __name__)
POLICY = PAGE_POLICY.replace("form-action 'none'", "form-action 'self'")


@unsubscribing.get("/public/unsubscribe/<token>")
def ask(token: str) -> Response:
    return _answered(token, is_asked=True)


@unsubscribing.post("/public/unsubscribe/<token>")
def end(token: str) -> Response:
    return _answered(token, is_asked=False)


def _answered(token: str, *, is_asked: bool) -> Response:
    from snapshots.database import OUTAGES

    try:
        return response(_page(token, is_asked=is_asked))
    except OUTAGES:
        return response(unavailable("The database cannot be reached. Try again later."))


def _page(token: str, *, is_asked: bool) -> Answer:
    # What reports need is loaded by the first who asks, not with the route that takes leads.
    from ops import unsubscribing as links

    services = parts().services
    named = links.read(services.settings, token)
    if named is None:
        return _shown(404, pages.unsubscribing_unknown())
    if is_asked:
        found = links.recipient(services.database, named)
    else:
        found = links.unsubscribe(services.database, named, at=services.now())
    if found is None or found.unsubscribed_at is not None:
        return _shown(200, pages.unsubscribed(None if found is None else found.address))
    return _shown(200, pages.unsubscribing(found.address))


def _shown(status: int, html: str) -> Answer:
    headers = (("content-security-policy", POLICY), ("x-robots-tag", "noindex"))
    return Answer(status, html.encode(), HTML, headers)
