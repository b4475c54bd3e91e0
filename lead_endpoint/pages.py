"""The pages that people see after sending a plain HTML form: thanks, or what to correct. No script, nothing from
elsewhere; whatever stands in them is escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, Template


@cache
def _template(name: str) -> Template:
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)
    return environment.get_template(name)


def thanks() -> str:
    return _template("message.html").render(
        title="Thank you", text="We have received your message and will get back to you.", is_error=False
    )


def correction(text: str, reference: str) -> str:
    """What is wrong with a form, for the person who filled it in. reference: names the attempt to whoever helps."""
    return _template("message.html").render(
        title="Please check your entries", text=text, is_error=True, reference=reference
    )


def trouble(text: str, reference: str) -> str:
    return _template("message.html").render(title="Please try again", text=text, is_error=True, reference=reference)
