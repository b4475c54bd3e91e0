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
    """Where a form is served from. integrity, touch_integrity: hashes of the frozen widget and of the frozen script for
    pages without a form; None where these are not built here."""

    base: str
    key: str
    integrity: str | None
    touch_integrity: str | None = None

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
    """The widget's element."""
    return _pinned(place, "widget", f' data-form="{html.escape(place.key)}"{more}', place.integrity)


def _pinned(place: Place, name: str, more: str, integrity: str | None) -> str:
    """A script element; where its bytes are known the frozen one, which a browser runs unaltered or not at all."""
    pin = "" if integrity is None else f'\n  integrity="{integrity}" crossorigin="anonymous"'
    file = f"{name}.js" if integrity is None else f"{name}.v1.js"
    return f'<script async src="{html.escape(place.base)}/{file}"{more}{pin}></script>'


def widget(place: Place) -> Snippet:
    """The form as it was built here."""
    when = "For most pages: the form stands where this line stands, and follows each version that you publish."
    return Snippet(name="Script", when=when, code=_script(place))


def touch(place: Place) -> Snippet:
    """What notes where a visitor came from, on a page without a form."""
    when = (
        "For every other page of the website, first of all those that ads lead to: campaign, click and referrer of the "
        "visit are kept in the browser until a form is sent."
    )
    return Snippet(name="On pages without a form", when=when, code=_pinned(place, "touch", "", place.touch_integrity))


def frame(place: Place, title: str) -> Snippet:
    """The form in a frame, for whoever may not run scripts of others."""
    when = (
        "Where nothing of the page may reach the form. The second line fits the height and says where the visitor came "
        "from; it may be left out."
    )
    source = f"{html.escape(place.page)}/embed.html"
    code = (
        f'<iframe title="{html.escape(title)}" src="{source}" width="100%" height="640"></iframe>\n'
        f'<script async src="{html.escape(place.base)}/frame.js"></script>'
    )
    return Snippet(name="Frame", when=when, code=code)


def replaced_form(place: Place, definition: Mapping[str, Any], send: str = "Send") -> Snippet:
    """The plain form, whose place the widget takes where it can run."""
    when = "Where the form has to work even if the script is blocked; what was entered by then is taken over."
    code = _form(place, definition, send, ' id="lead-form"') + "\n" + _script(place, ' data-replace="#lead-form"')
    return Snippet(name="HTML form that the script replaces", when=when, code=code)


def plain_form(place: Place, definition: Mapping[str, Any], send: str = "Send") -> Snippet:
    """HTML alone, with the fields of this version; it does not follow later ones. send: what its button says."""
    when = "For pages without scripts. It shows every field at once, and is to be copied again after changes."
    return Snippet(name="HTML form", when=when, code=_form(place, definition, send))


def _form(place: Place, definition: Mapping[str, Any], send: str, more: str = "") -> str:
    fields = [field for step in definition["steps"] for field in step["fields"]]
    language = html.escape(definition["language"])
    lines = [
        f'<form{more} lang="{language}" action="{html.escape(place.base)}/public/leads" method="post">',
        f'  <input type="hidden" name="form" value="{html.escape(place.key)}">',
        f'  <input type="hidden" name="_language" value="{language}">',
        *(f"  {line}" for field in fields for line in _control(field)),
        '  <div hidden><label>Leave this empty <input name="_gotcha" autocomplete="off"></label></div>',
        f"  <button>{html.escape(send)}</button>",
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
    said = f' aria-describedby="lead-{name}-help"' if field["help"] else ""
    value, placeholder = html.escape(field["default"]), html.escape(field["placeholder"])
    hint = f' placeholder="{placeholder}"' if placeholder else ""
    match field["kind"]:
        case "hidden":
            yield f'<input type="hidden" name="{name}" value="{value}">'
            return
        case "checkbox" | "consent":
            text = html.escape(field["consent_text"]) or label
            # Nobody agrees by default.
            ticked = " checked" if field["kind"] == "checkbox" and field["default"] == "yes" else ""
            yield f'<label><input type="checkbox" name="{name}" value="yes"{ticked}{said}{must}> {text}</label>'
        case "multi_select":
            yield f"<fieldset{said}><legend>{label}</legend>"
            for one, text, is_usual in _options(field):
                ticked = " checked" if is_usual else ""
                yield f'  <label><input type="checkbox" name="{name}" value="{one}"{ticked}> {text}</label>'
            yield "</fieldset>"
        case "select":
            yield f'<label>{label} <select name="{name}"{said}{must}>'
            yield f'  <option value="">{placeholder}</option>'
            for one, text, is_usual in _options(field):
                yield f'  <option value="{one}"{" selected" if is_usual else ""}>{text}</option>'
            yield "</select></label>"
        case "long_text":
            more = f"{hint}{_limits(field)}{said}{must}"
            yield f'<label>{label} <textarea name="{name}" rows="4"{more}>{value}</textarea></label>'
        case kind:
            fill = f' autocomplete="{_AUTOFILL[name]}"' if name in _AUTOFILL else ""
            begins = f' value="{value}"' if value else ""
            of_kind = "url" if kind == "text" and field["limits"].get("form") == "url" else _TYPES.get(kind, "text")
            more = f"{fill}{begins}{hint}{_limits(field)}{said}{must}"
            yield f'<label>{label} <input name="{name}" type="{of_kind}"{more}></label>'
    if field["help"]:
        yield f'<small id="lead-{name}-help">{html.escape(field["help"])}</small>'


_LIMITS = {"least": "min", "most": "max", "shortest": "minlength", "longest": "maxlength"}
_PATTERNS = {"digits": "[0-9]+", "letters": r"[\p{L}\s'’.\-]+"}
"""As the endpoint reads these limits."""


def _limits(field: Mapping[str, Any]) -> str:
    """The limits as attributes, of the kinds that browsers know them of."""
    kind, limits = field["kind"], field["limits"]
    known = ("least", "most") if kind in {"number", "date"} else ("shortest", "longest")
    found = {_LIMITS[name]: _written(limits[name]) for name in known if limits.get(name) is not None}
    if kind == "number":
        found["step"] = "any"
    elif kind == "text" and limits.get("form") in _PATTERNS:
        found["pattern"] = html.escape(_PATTERNS[limits["form"]])
    return "".join(f' {name}="{text}"' for name, text in found.items())


def _written(limit: object) -> str:
    whole = isinstance(limit, float) and limit.is_integer()
    return str(int(limit)) if whole else html.escape(str(limit))  # type: ignore[call-overload]  # it is a float


def _options(field: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Value, label, and whether the field starts with it."""
    return (
        (html.escape(one["value"]), html.escape(one["label"]), one["value"] == field["default"])
        for one in field["options"]
    )


def qr_code(address: str) -> str:
    """An SVG, dark on white, with the quiet zone that readers need."""
    out = io.BytesIO()
    segno.make(address, error="m").save(out, kind="svg", scale=4, border=4, light="#ffffff", xmldecl=False, title=None)
    return out.getvalue().decode()
