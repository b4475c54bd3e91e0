"""The colours of the page in front of the viewer, and their CSS variables. The palettes stand in `insights.charts`."""

from __future__ import annotations

from dataclasses import fields

import streamlit as st

from insights.charts import DARK, LIGHT, Palette


def is_dark() -> bool:
    """Whether the viewer's page is dark now. Wrong for one run after a live switch; `page_watch` asks for the next."""
    return (st.context.theme.type or "light") == "dark"


def palette() -> Palette:
    return DARK if is_dark() else LIGHT


def css_variables() -> str:
    """Both themes in one rule: the browser picks by the `color-scheme` that Streamlit sets, without asking us."""
    pairs = (
        f"--slms-{field.name.replace('_', '-')}:light-dark({getattr(LIGHT, field.name)},{getattr(DARK, field.name)});"
        for field in fields(Palette)
    )
    return ":root{" + "".join(pairs) + "}"
