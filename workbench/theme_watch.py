"""Asks for a rerun when the viewer switches between light and dark.

Charts and grids get their colours from Python, which learns of a live switch only with the next run. This component
shows nothing; it watches a colour variable that Streamlit sets and reports a change of its lightness.
"""

from __future__ import annotations

import streamlit as st

_SCRIPT = """
export default function ({ parentElement, setTriggerValue }) {
  const host = parentElement.host ?? parentElement
  const dark = () => {
    const app = document.querySelector('.stApp')
    return app ? getComputedStyle(app).colorScheme.includes('dark') : false
  }
  let before = dark()
  const timer = setInterval(() => {
    const now = dark()
    if (now !== before) { before = now; setTriggerValue('switched', now ? 'dark' : 'light') }
  }, 400)
  return () => clearInterval(timer)
}
"""
_watch = None


def draw() -> None:
    global _watch  # noqa: PLW0603  # a component is registered once per process, when the first page is drawn
    if _watch is None:
        _watch = st.components.v2.component("slms_theme_watch", js=_SCRIPT, isolate_styles=False)
    _watch(key="theme_watch", on_switched_change=lambda: None)
