"""How leads get in: the endpoint's address, the key of a form, and code to copy: of any form for programs, and of a
published one for websites."""

from __future__ import annotations

import html
import io
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import segno
import streamlit as st

from ops.settings import Settings
from snapshots.forms import FormSettings
from workbench import installation

EXAMPLE = {
    "email": "ada@example.com",
    "name": "Ada Lovelace",
    "phone": "+49 30 901820",
    "company": "Analytical Engines",
}
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104  # what listens everywhere is reached here


def base(settings: Settings) -> str:
    """The endpoint's address, without a slash at its end: PUBLIC_URL, else on this machine."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    host = _ANY_ADDRESS.get(settings.endpoint_address, settings.endpoint_address)
    return f"http://{host}:{settings.endpoint_port}"


def address(settings: Settings) -> str:
    """Where leads are posted to."""
    return f"{base(settings)}/public/leads"


def curl(url: str, key: str) -> str:
    body = json.dumps({"form": key, **EXAMPLE})
    return f"curl {shlex.quote(url)} \\\n  -H 'Content-Type: application/json' \\\n  -d {shlex.quote(body)}"


def form(url: str, key: str) -> str:
    """A form that works without any script. The hidden field catches programs that fill in everything."""
    return "\n".join(
        [
            f'<form action="{html.escape(url)}" method="post">',
            f'  <input type="hidden" name="form" value="{html.escape(key)}">',
            '  <label>E-mail <input name="email" type="email" autocomplete="email" required></label>',
            '  <label>Name <input name="name" autocomplete="name"></label>',
            '  <label>Phone <input name="phone" type="tel" autocomplete="tel"></label>',
            '  <label>Company <input name="company" autocomplete="organization"></label>',
            '  <div hidden><label>Leave this empty <input name="_gotcha" autocomplete="off"></label></div>',
            "  <button>Send</button>",
            "</form>",
        ]
    )


def script(url: str, key: str) -> str:
    body = json.dumps({"form": key, **EXAMPLE}, indent=2)
    return (
        f"const answer = await fetch({json.dumps(url)}, {{\n"
        "  method: 'POST',\n"
        "  headers: { 'Content-Type': 'application/json', 'Idempotency-Key': crypto.randomUUID() },\n"
        f"  body: JSON.stringify({body}),\n"
        "})"
    )


# --- a published form ------------------------------------------------------------------------------------------------


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


def widget(place: Place) -> Snippet:
    """The script; where its bytes are known the frozen one, which a browser runs unaltered or not at all."""
    pinned = "" if place.integrity is None else f' integrity="{place.integrity}" crossorigin="anonymous"'
    name = "widget.js" if place.integrity is None else "widget.v1.js"
    base_ = html.escape(place.base)
    code = (
        f'<script async src="{base_}/{name}"{pinned}\n'
        f'  data-form="{html.escape(place.key)}" data-endpoint="{base_}"></script>'
    )
    return Snippet(name="Script", code=code, when="For most pages: the form appears where this line stands, looks as "
                   "set here, and follows each version that you publish.")  # fmt: skip


def frame(place: Place, title: str) -> Snippet:
    """The form in a frame, for whoever may not run scripts of others."""
    code = (
        f'<iframe src="{html.escape(place.page)}/embed.html" title="{html.escape(title)}"\n'
        '  width="100%" height="640" style="border: 0"></iframe>'
    )
    return Snippet(name="Frame", code=code, when="Where a website builder takes no scripts, or nothing of the page may "
                   "reach the form.")  # fmt: skip


def plain_form(place: Place, definition: Mapping[str, Any]) -> Snippet:
    """HTML alone, with the fields of this version; it does not follow later ones."""
    fields = [field for step in definition["steps"] for field in step["fields"]]
    lines = [
        f'<form action="{html.escape(place.base)}/public/leads" method="post">',
        f'  <input type="hidden" name="form" value="{html.escape(place.key)}">',
        *(f"  {line}" for field in fields for line in _control(field)),
        '  <div hidden><label>Leave this empty <input name="_gotcha" autocomplete="off"></label></div>',
        "  <button>Send</button>",
        "</form>",
    ]
    return Snippet(name="HTML form", code="\n".join(lines), when="For pages without scripts, or with a look of their "
                   "own. Copy it again after changes: it shows every field at once, conditions or not.")  # fmt: skip


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
            yield f'<label>{label} <input name="{name}" type="{_TYPES.get(kind, "text")}"{must}></label>'


def _options(field: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    return ((html.escape(one["value"]), html.escape(one["label"])) for one in field["options"])


def qr_code(address: str) -> str:
    """An SVG, dark on white, with the quiet zone that readers need."""
    out = io.BytesIO()
    segno.make(address, error="m").save(out, kind="svg", scale=4, border=4, light="#ffffff", xmldecl=False, title=None)
    return out.getvalue().decode()


# --- any form, for programs ------------------------------------------------------------------------------------------


def draw(forms: Sequence[FormSettings], *, key: str) -> None:
    """The address, and for the form that is picked what to paste into a page or a terminal."""
    settings = installation.services().settings
    url = address(settings)
    picked = forms[0]
    if len(forms) > 1:
        picked = st.selectbox("Form", list(forms), format_func=lambda one: one.name, key=f"{key}_form", width=320)
    with st.container(horizontal=True, gap="small", key=f"{key}_places"):
        with st.container(gap=None, width="stretch"):
            st.markdown(":gray[:small[Address]]")
            st.code(url, language=None, wrap_lines=True)
        with st.container(gap=None, width="stretch"):
            st.markdown(":gray[:small[Form key]]")
            st.code(picked.key, language=None, wrap_lines=True)
    codes = {"HTML form": form, "curl": curl, "JavaScript": script}
    for tab, write in zip(st.tabs(list(codes), key=f"{key}_code"), codes.values(), strict=True):
        # Streamlit's colours of code are too pale to read.
        tab.code(write(url, picked.key), language=None, wrap_lines=True)
    where = "" if settings.public_url else " on this machine; set `PUBLIC_URL` for websites elsewhere"
    st.caption(
        f"An e-mail address or a phone number is enough; further fields are kept. The endpoint answers{where}. "
        "The key names the form and is no secret."
    )
