"""What puts a published form on a website, as code to copy. Whatever a form says is escaped."""

from __future__ import annotations

import html
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import segno


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a form is served from. integrity: hash of the frozen widget; None where it is not built here."""

    base: str
    key: str
    integrity: str | None

    @property
    def page(self) -> str:
        """The form on a page of its own."""
        return f"{self.base}/forms/{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """when: one sentence on when to take this one."""

    name: str
    when: str
    code: str


def _script(place: Place, more: str = "") -> str:
    """The element; where its bytes are known the frozen widget, which a browser runs unaltered or not at all."""
    pinned = "" if place.integrity is None else f'\n  integrity="{place.integrity}" crossorigin="anonymous"'
    name = "widget.js" if place.integrity is None else "widget.v1.js"
    key, base_ = html.escape(place.key), html.escape(place.base)
    return f'<script async src="{base_}/{name}" data-form="{key}"{more}{pinned}></script>'


def widget(place: Place) -> Snippet:
    """The form as it was built here."""
    when = "For most pages: the form stands where this line stands, and follows each version that you publish."
    return Snippet(name="Script", when=when, code=_script(place))


def frame(place: Place, title: str) -> Snippet:
    """The form in a frame, for whoever may not run scripts of others."""
    when = "Where nothing of the page may reach the form. The second line fits the height; it may be left out."
    source = f"{html.escape(place.page)}/embed.html"
    code = (
        f'<iframe title="{html.escape(title)}" src="{source}" width="100%" height="640"></iframe>\n'
        f'<script async src="{html.escape(place.base)}/frame.js"></script>'
    )
    return Snippet(name="Frame", when=when, code=code)


def replaced_form(place: Place, definition: Mapping[str, Any]) -> Snippet:
    """The plain form, whose place the widget takes where it can run."""
    when = "Where the form has to work even if the script is blocked; what was entered by then is taken over."
    code = _form(place, definition, ' id="lead-form"') + "\n" + _script(place, ' data-replace="#lead-form"')
    return Snippet(name="HTML form that the script replaces", when=when, code=code)


def plain_form(place: Place, definition: Mapping[str, Any]) -> Snippet:
    """HTML alone, with the fields of this version; it does not follow later ones."""
    when = "For pages without scripts. It shows every field at once, and is to be copied again after changes."
    return Snippet(name="HTML form", when=when, code=_form(place, definition))


def _form(place: Place, definition: Mapping[str, Any], more: str = "") -> str:
    fields = [field for step in definition["steps"] for field in step["fields"]]
    lines = [
        f'<form{more} action="{html.escape(place.base)}/public/leads" method="post">',
        f'  <input type="hidden" name="form" value="{html.escape(place.key)}">',
        *(f"  {line}" for field in fields for line in _control(field)),
        '  <div hidden><label>Leave this empty <input name="_gotcha" autocomplete="off"></label></div>',
        "  <button>Send</button>",
        "</form>",
    ]
    return "\n".join(lines)


_AUTOFILL = {
    "email": "email", "phone": "tel", "name": "name", "first_name": "given-name", "last_name": "family-name",
    "company": "organization",
}  # fmt: skip
_TYPES = {"email": "email", "phone": "tel", "number": "number", "date": "date", "hidden": "hidden"}


def _control(field: Mapping[str, Any]) -> Iterator[str]:
    """The lines of one field. What depends on another is never required here, for it is always shown."""
    name, label = html.escape(field["name"]), html.escape(field["label"])
    must = " required" if field["is_required"] and not field["show_if"] else ""
    match field["kind"]:
        case "hidden":
            yield f'<input type="hidden" name="{name}" value="{html.escape(field["default"])}">'
        case "checkbox" | "consent":
            said = html.escape(field["consent_text"]) or label
            yield f'<label><input type="checkbox" name="{name}" value="yes"{must}> {said}</label>'
        case "multi_select":
            yield f"<fieldset><legend>{label}</legend>"
            for value, text in _options(field):
                yield f'  <label><input type="checkbox" name="{name}" value="{value}"> {text}</label>'
            yield "</fieldset>"
        case "select":
            yield f'<label>{label} <select name="{name}"{must}>'
            yield '  <option value=""></option>'
            for value, text in _options(field):
                yield f'  <option value="{value}">{text}</option>'
            yield "</select></label>"
        case "long_text":
            yield f'<label>{label} <textarea name="{name}" rows="4"{must}></textarea></label>'
        case kind:
            fill = f' autocomplete="{_AUTOFILL[name]}"' if name in _AUTOFILL else ""
            yield f'<label>{label} <input name="{name}" type="{_TYPES.get(kind, "text")}"{fill}{must}></label>'


def _options(field: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    return ((html.escape(one["value"]), html.escape(one["label"])) for one in field["options"])


def qr_code(address: str) -> str:
    """An SVG, dark on white, with the quiet zone that readers need."""
    out = io.BytesIO()
    segno.make(address, error="m").save(out, kind="svg", scale=4, border=4, light="#ffffff", xmldecl=False, title=None)
    return out.getvalue().decode()
