"""What a page needs of the browser and Streamlit does not do: it shows nothing, and looks twice a second.

- Charts and grids get their colours from Python, which learns of a live switch between light and dark only with the
  next run: a switch asks for one.
- Streamlit's navigation puts headings between the items of a list, and its small lines are pictures without a name:
  assistive technology is told what they are. The number beside a small line says what it shows.
- Frames of grids are all called the same: they are numbered.
"""

from __future__ import annotations

import streamlit as st

from workbench import tokens

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
  const grids = all('iframe[src*="st_aggrid"]')
  for (const [place, grid] of grids.entries()) {
    const title = grids.length > 1 ? `Table ${place + 1} of ${grids.length}` : 'Table'
    if (grid.title !== title) grid.title = title
  }
}
let asked = null, timer = null
export default function ({ data, setTriggerValue }) {
  document.documentElement.dataset.slmsDrawn = data.theme
  // Called again with each run, before what it returned the last time: one that goes by old data must not look on.
  clearInterval(timer)
  const look = () => {
    mend()
    const theme = isDark() ? 'dark' : 'light'
    // Once per switch: a page that cannot follow must not be asked for ever.
    if (theme === data.theme) asked = null
    else if (theme !== asked) { asked = theme; setTriggerValue('switched', theme) }
  }
  const mine = timer = setInterval(look, 400)
  look()
  return () => clearInterval(mine)
}
"""
_watch = None


def draw() -> None:
    global _watch  # noqa: PLW0603  # a component is registered once per process, when the first page is drawn
    if _watch is None:
        _watch = st.components.v2.component("slms_page_watch", js=_SCRIPT, isolate_styles=False)
    theme = "dark" if tokens.is_dark() else "light"
    _watch(key="page_watch", data={"theme": theme}, on_switched_change=lambda: None)
