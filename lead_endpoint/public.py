"""The public routes: leads, forms and what they need, the page after a form, and what monitors ask."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request

from lead_endpoint import statics
from lead_endpoint.beacons import ALLOWED, BEACONS_PATH
from lead_endpoint.messages import Answer, Request, answer, problem
from lead_endpoint.parts import Parts
from snapshots import intake

public = Blueprint("public", __name__)


def parts() -> Parts:
    found: Parts = current_app.extensions["slms"]
    return found


def response(found: Answer) -> Response:
    made = Response(found.body, status=found.status)
    made.headers.clear()
    for name, value in found.all_headers():
        made.headers.add(name, value)
    made.headers["content-length"] = str(len(found.body))
    return made


def asked() -> Request:
    """The request at hand."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    query = {name: values[0] for name, values in request.args.lists() if values}
    return Request(request.method, request.path, headers, request.get_data(), request.remote_addr or "", query)


@public.post("/public/leads", provide_automatic_options=False)
def post_lead() -> Response:
    return response(parts().desk.handle_from_thread(asked()))


@public.route("/public/leads", methods=["OPTIONS"], provide_automatic_options=False)
def before_lead() -> Response:
    return response(parts().window.preflight(None, asked(), "POST"))


@public.post(BEACONS_PATH, provide_automatic_options=False)
def post_beacon() -> Response:
    return response(parts().beacons.take(asked()))


@public.route(BEACONS_PATH, methods=["OPTIONS"], provide_automatic_options=False)
def before_beacon() -> Response:
    return response(ALLOWED)


@public.get("/public/forms/<key>", provide_automatic_options=False)
def form_definition(key: str) -> Response:
    return response(parts().window.definition(key, asked()))


@public.get("/public/forms/<key>/challenge", provide_automatic_options=False)
def form_challenge(key: str) -> Response:
    return response(parts().window.challenge(key, asked()))


@public.route("/public/forms/<key>", methods=["OPTIONS"], provide_automatic_options=False)
@public.route("/public/forms/<key>/challenge", methods=["OPTIONS"], provide_automatic_options=False)
def before_form(key: str) -> Response:
    return response(parts().window.preflight(key, asked(), "GET"))


@public.get("/forms/<key>")
def form_page(key: str) -> Response:
    return response(parts().window.page(key, asked()))


@public.get("/forms/<key>/embed.html")
def form_frame(key: str) -> Response:
    return response(parts().window.page(key, asked(), is_bare=True))


@public.get("/widget.js")
@public.get("/widget.v1.js")
@public.get("/widget.work.v1.js")
@public.get("/touch.js")
@public.get("/touch.v1.js")
@public.get("/frame.js")
@public.get("/form.css")
def static_file() -> Response:
    return response(statics.send(request.path.rpartition("/")[2], asked()))


@public.get("/thanks")
def thanks() -> Response:
    return response(parts().window.thanks(asked()))


@public.get("/healthz")
def healthz() -> Response:
    """The process answers."""
    return response(answer(200, {"status": "ok"}))


@public.get("/readyz")
def readyz() -> Response:
    """A lead could be stored now."""
    if intake.is_ready(parts().pool):
        return response(answer(200, {"status": "ok"}))
    return response(problem(503, "The database cannot be reached, or is not migrated.", ("retry-after", "2")))
