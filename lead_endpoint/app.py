"""The Flask application. `create_app()` is all there is to it; behind granian it runs under `front.Front`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from lead_endpoint.documentation import documentation
from lead_endpoint.insights import insights
from lead_endpoint.integrations import integrations
from lead_endpoint.messages import problem, unavailable, unexpected
from lead_endpoint.parts import Parts, from_settings
from lead_endpoint.public import public, response
from lead_endpoint.reception import MOST_BYTES
from lead_endpoint.scores import scores
from lead_endpoint.unsubscribing import unsubscribing
from lead_endpoint.weekly import weekly
from snapshots.intake import StoreUnavailable

if TYPE_CHECKING:
    from ops.services import Services


def create_app(services: Services | None = None) -> Flask:
    """services: what the application works with; None: what the settings describe, at the first request."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined]  # of Flask's own provider
    app.extensions["slms"] = Parts(from_settings if services is None else lambda: services)
    for blueprint in (public, integrations, scores, insights, weekly, unsubscribing, documentation):
        app.register_blueprint(blueprint)
    app.register_error_handler(HTTPException, _http_problem)
    app.register_error_handler(StoreUnavailable, lambda _: response(unavailable("The database cannot be reached.")))
    app.register_error_handler(Exception, lambda error: response(unexpected(error)))
    return app


def _http_problem(error: HTTPException) -> Response:
    status = error.code or 500
    headers = [(name, value) for name, value in error.get_headers() if name.lower() in {"allow", "retry-after"}]
    return response(problem(status, error.description or "", *headers))
