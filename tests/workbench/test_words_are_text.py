"""No name is handed to Streamlit as Markdown: whatever somebody else chose goes through `lead_words.plain`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

WORKBENCH: Final = Path(__file__).parents[2] / "workbench"
READS_MARKDOWN: Final = {
    "markdown", "caption", "title", "header", "button", "toast", "error", "warning", "info", "success", "badge",
    "checkbox", "toggle", "radio", "pills", "segmented_control", "expander", "popover", "page_link", "progress",
    "spinner", "number_input", "text_input", "text_area", "selectbox", "multiselect", "metric", "dialog", "menu_button",
}  # fmt: skip
SHOWN: Final = {"label", "help", "text", "body", "captions"}
"""What of a call is Markdown besides its first argument."""
OTHERS: Final = {"name", "to_name", "from_name", "organization_name", "email", "word", "error_message", "detail"}
"""Attributes that hold what a CRM, a visitor or a colleague said."""
MAKES_TEXT: Final = {"plain", "escape", "short"}


def named(node: ast.AST) -> Iterator[str]:
    """The names in an expression that nothing has made text of."""
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in MAKES_TEXT:
            return
    if isinstance(node, ast.Attribute) and node.attr in OTHERS:
        yield ast.unparse(node)
    for part in ast.iter_child_nodes(node):
        yield from named(part)


def of_streamlit(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in READS_MARKDOWN:
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id not in {"cards", "states", "self"}:
                yield node


def raw_names(source: str) -> list[str]:
    found = []
    for call in of_streamlit(ast.parse(source)):
        shown = [*call.args[:1], *(one.value for one in call.keywords if one.arg in SHOWN)]
        found += [f"line {call.lineno}: {name}" for part in shown for name in named(part)]
    return found


@pytest.mark.parametrize("path", sorted(WORKBENCH.rglob("*.py")), ids=lambda path: path.stem)
def test_no_name_is_read_as_markdown(path: Path) -> None:
    assert raw_names(path.read_text(encoding="utf-8")) == []


def test_a_name_that_is_read_as_markdown_is_found() -> None:
    assert raw_names('st.button("x", help=f"Remove {rule.name}")') == ["line 1: rule.name"]
    assert raw_names('st.markdown(f"**{plain(rule.name)}**")') == []
