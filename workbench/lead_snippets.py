"""How leads get in: the endpoint's address, the key of a form, and code to copy that any form understands."""

from __future__ import annotations

import html
import json
import shlex
from collections.abc import Sequence

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
