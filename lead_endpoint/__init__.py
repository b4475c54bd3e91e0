"""What the web sees: leads come in here, integrations read here. `create_app` makes the Flask application."""

from lead_endpoint.app import create_app

__all__ = ["create_app"]
