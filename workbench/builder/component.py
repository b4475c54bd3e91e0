"""Registers the builder with Streamlit: its modules in one script, its style, and the value that it sends.

What goes in is plain JSON, what comes out is the draft to be saved; all of editing happens in the browser.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import streamlit as st

_FOLDER: Final = Path(__file__).parent
_MODULES: Final = (
    "elements", "model", "history", "saving", "colours", "controls", "canvas", "inspector", "form_panels",
    "texts_panel", "preview", "builder",
)  # fmt: skip
"""Each after those that it imports."""
NAME: Final = "slms_form_builder"


@cache
def script() -> str:
    """The modules as one, for Streamlit takes one script. Each stands in a function of its own, so that names of one
    do not meet those of another."""
    return "\n".join(_wrapped(name, (_FOLDER / f"{name}.js").read_text(encoding="utf-8")) for name in _MODULES)


_IMPORT = re.compile(r'^import (.+?) from "\./(\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:const|function|class) (\w+))", re.MULTILINE)


def _wrapped(name: str, text: str) -> str:
    text = _IMPORT.sub(lambda found: f"const {_taken(found[1])} = {found[2]}_module;", text)
    if name == _MODULES[-1]:
        return text
    exported = ", ".join(_EXPORT.findall(text))
    return f"const {name}_module = (() => {{\n{_EXPORT.sub('', text)}\nreturn {{ {exported} }};\n}})();"


def _taken(names: str) -> str:
    return names.removeprefix("* as ")


@cache
def _mounted() -> Callable[..., Any]:
    return st.components.v2.component(
        NAME, html='<div class="builder"></div>', css=(_FOLDER / "builder.css").read_text(encoding="utf-8"), js=script()
    )


def draw(data: Mapping[str, Any], *, key: str, on_draft: Callable[[], None]) -> None:
    """The builder with this content. on_draft: called when the browser sends a draft, which `sent` then reads."""
    _mounted()(key=key, data=dict(data), on_draft_change=on_draft)


def sent(key: str) -> Mapping[str, Any] | None:
    """What the builder under this key sent last; None: nothing that could be read."""
    found = st.session_state.get(key)
    value = found.get("draft") if isinstance(found, Mapping) else None
    return value if isinstance(value, Mapping) else None
