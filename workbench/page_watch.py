"""What a page needs of the browser and Streamlit does not do: it shows nothing, and looks twice a second.

- Charts and grids get their colours from Python, which learns of a live switch between light and dark only with the
  next run: a switch asks for one.
- Streamlit's navigation puts headings between the items of a list, and its small lines are pictures without a name:
  assistive technology is told what they are. The number beside a small line says what it shows.
"""

from __future__ import annotations

import streamlit as st

_SCRIPT = """
const all = selector => document.querySelectorAll(selector)
const isDark = () => {
  const app = document.querySelector('.stApp')
  return app ? getComputedStyle(app).colorScheme.includes('dark') : false
}
const mend = () => {
  for (const list of all('[data-testid=stSidebarNavItems]')) {
    list.setAttribute('role', 'presentation')
    for (const item of list.querySelectorAll('li')) item.setAttribute('role', 'presentation')
    for (const part of list.querySelectorAll(':scope > div')) {
      part.setAttribute('role', 'group')
      part.setAttribute('aria-label', part.querySelector('header p')?.textContent ?? 'Pages')
    }
  }
  // Popovers and dialogs stand outside the app's element; `light-dark()` in them goes by the document.
  document.documentElement.style.colorScheme = isDark() ? 'dark' : 'light'
  for (const line of all('[data-testid=stMetricChart]')) line.setAttribute('aria-hidden', 'true')
}
export default function ({ setTriggerValue }) {
  let before = isDark()
  const timer = setInterval(() => {
    mend()
    const now = isDark()
    if (now !== before) { before = now; setTriggerValue('switched', now ? 'dark' : 'light') }
  }, 400)
  mend()
  return () => clearInterval(timer)
}
"""
_watch = None


def draw() -> None:
    global _watch  # noqa: PLW0603  # a component is registered once per process, when the first page is drawn
    if _watch is None:
        _watch = st.components.v2.component("slms_page_watch", js=_SCRIPT, isolate_styles=False)
    _watch(key="page_watch", on_switched_change=lambda: None)
