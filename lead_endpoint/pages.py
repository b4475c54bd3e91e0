"""The pages that people see: thanks or what to correct after sending a plain HTML form, and the page of the API. No
script, nothing from elsewhere; whatever stands in them is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, Template
from markupsafe import Markup

from lead_endpoint.answer_words import Spoken, by_wishes

ENGLISH: Final = by_wishes("en")
TEMPLATES = Path(__file__).parent / "templates"


@cache
def _template(name: str) -> Template:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template(name)


def thanks(spoken: Spoken = ENGLISH, message: str = "") -> str:
    """message: in the form's own words, and in its language. Where no other sentence is in that, it stands alone."""
    lines = (message or spoken.say("thanks")).splitlines()
    title = spoken.say("thanks_title") if "thanks_title" in spoken.own or not lines else lines.pop(0)
    return _template("message.html").render(title=title, lines=lines, is_error=False, language=spoken.language)


def correction(lines: Sequence[str], reference: str, spoken: Spoken = ENGLISH) -> str:
    """What is wrong with a form, for the person who filled it in. reference: names the attempt to whoever helps."""
    return _problem(spoken, "check_title", lines, reference)


def trouble(reference: str, spoken: Spoken = ENGLISH) -> str:
    """The message could not be stored."""
    return _problem(spoken, "trouble_title", [spoken.say("not_stored")], reference)


def _problem(spoken: Spoken, title: str, lines: Sequence[str], reference: str) -> str:
    return _template("message.html").render(
        title=spoken.say(title), lines=lines, is_error=True, last=spoken.say("go_back", reference),
        language=spoken.page_language,
    )  # fmt: skip


def gone(is_closed: bool, spoken: Spoken = ENGLISH) -> str:
    """Instead of a form. is_closed: it is there, and takes nothing at the moment."""
    title, text = ("closed_title", "no_messages") if is_closed else ("missing_title", "check_address")
    return _template("message.html").render(
        title=spoken.say(title), lines=[spoken.say(text)], is_error=True, language=spoken.page_language
    )


def unsubscribing(address: str) -> str:
    """With a button that ends the weekly report of this address."""
    return _template("message.html").render(
        title="Unsubscribe", lines=[f"{address} will get no more of these reports."], is_error=False, is_asked=True,
        button="Unsubscribe",
    )  # fmt: skip


def unsubscribed(address: str | None) -> str:
    """address: None where it is not on the list any more."""
    told = "This address" if address is None else address
    return _template("message.html").render(
        title="Unsubscribed", lines=[f"{told} gets no more of these reports."], is_error=False
    )


def unsubscribing_unknown() -> str:
    """The link is none of ours."""
    return _template("message.html").render(
        title="There is no such link", lines=["It may be cut off. Copy the whole of it from the mail."], is_error=True
    )


def form(**content: object) -> str:
    """A form as a page of its own; it works without any script."""
    return _template("form.html").render(**content)


def docs(style: str, **content: object) -> str:
    """The page of the API. style: stands in the page, so that nothing else needs to be asked for."""
    return _template("docs.html").render(style=Markup(style), **content)  # noqa: S704  # a file of ours


def docs_style() -> str:
    return (TEMPLATES / "docs.css").read_text(encoding="utf-8")
