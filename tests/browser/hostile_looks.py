"""What a page looks like on which a hostile word was more than text, and how much of what it should say it says."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any, Final

from hostile_texts import PLANTED
from playwright.sync_api import Dialog, Frame, Page

ELEMENTS: Final = """() => {
  const wrong = [], roots = [document];
  const told = one => one.outerHTML.slice(0, 160);
  const strange = new Set('OBJECT EMBED MARQUEE BASE MATH VIDEO AUDIO'.split(' '));
  // What Streamlit's Markdown would make of the words, each by the text that is left of it.
  const made = {EM: ['em'], STRONG: ['bold'], DEL: ['gone'], CODE: ['code'], H1: ['heading'], BLOCKQUOTE: ['quote'],
                LI: ['task'], TH: ['a', 'b'], SPAN: ['x', 'y', 'z', 'w', 'home']};
  while (roots.length) {
    for (const one of roots.pop().querySelectorAll('*')) {
      if (one.shadowRoot) roots.push(one.shadowRoot);
      const tag = one.tagName.toUpperCase();
      if (strange.has(tag)) wrong.push(told(one));
      for (const at of one.attributes) {
        // A preview of a form is a page of ours, which may run and reach nothing.
        const isPreview = one.sandbox && one.sandbox.length && !one.sandbox.contains('allow-same-origin');
        // A report may run nothing: it says so before anything else.
        const isReport = /^<!doctype html>[^'/]*"Content-Security-Policy" content="default-src &#x27;none&#x27;;/;
        const isOurs = isPreview || (at.name === 'srcdoc' && isReport.test(at.value));
        if (at.name.startsWith('on') || (at.name === 'srcdoc' && !isOurs)) wrong.push(told(one));
        const leads = /^(src|href|action|formaction|data|poster|xlink:href)$/.test(at.name);
        if (leads && /^\\s*javascript:|HOST/i.test(at.value)) wrong.push(told(one));
      }
      if (/^(SCRIPT|STYLE)$/.test(tag) && /alert\\(1\\)/.test(one.textContent)) wrong.push(told(one));
      if (tag === 'META' && /refresh/i.test(one.httpEquiv)) wrong.push(told(one));
      if (one.matches('.katex, img[alt="Streamlit logo"], img[alt=x]')) wrong.push(told(one));
      if (!made[tag] || one.children.length || !made[tag].includes(one.textContent.trim())) continue;
      const isMade = one.closest('[data-testid=stMarkdownContainer]');
      if (isMade && (tag !== 'SPAN' || one.className || one.getAttribute('style'))) wrong.push(told(one));
    }
  }
  return wrong;
}""".replace("HOST", PLANTED.replace(".", "\\."))
WORDS: Final = """() => {
  const found = [], roots = [document];
  while (roots.length) {
    const root = roots.pop();
    for (const one of root.querySelectorAll('*')) {
      if (one.shadowRoot) roots.push(one.shadowRoot);
      const isSaid = !/^(SCRIPT|STYLE|NOSCRIPT|TEMPLATE)$/.test(one.tagName);
      const says = [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim());
      if (isSaid && (says || /^(P|H[1-6]|LABEL|BUTTON)$/.test(one.tagName))) found.push(one.textContent);
      if ('value' in one && typeof one.value === 'string') found.push(one.value);
      for (const name of ['title', 'aria-label', 'alt']) if (one.hasAttribute(name)) found.push(one.getAttribute(name));
    }
  }
  return found;
}"""
TURNED: Final = "\u202e\u2066\u2069\u200f"
ARROWS: Final = ("a → b", "b ← c", "c — d", "d ≥ e", "e ≤ f", "f ≈ g", "g ↔ h", "😄")


class Watch:
    """ran: what showed that a word was run, anywhere on the page since it was opened."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.ran: list[str] = []
        page.on("dialog", self._on_dialog)
        page.on("popup", lambda other: self.ran.append(f"popup: {other.url}"))
        page.on("framenavigated", self._on_navigated)

    def _on_dialog(self, dialog: Dialog) -> None:
        self.ran.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _on_navigated(self, frame: Frame) -> None:
        if PLANTED in frame.url or frame.url.startswith(("javascript:", "data:")):
            self.ran.append(f"navigated: {frame.url}")

    def check(self, where: str) -> str:
        """Nothing ran, and nothing stands there that could. Returns all that the page says."""
        wrong, said = list(self.ran), ""
        for frame in self.page.frames:
            wrong += frame.evaluate(ELEMENTS)
            said += "\n".join(frame.evaluate(WORDS)) + "\n"
        wrong += [one for one in ARROWS if one in said]
        assert wrong == [], (where, wrong[:8])
        return said


def missing(said: str, words: Iterable[str]) -> list[str]:
    """Those of the words that the page does not say. White space counts as much as a page shows of it; control and
    format characters stand as their code."""
    shown = _together(said)
    return [word for word in words if _together(word) not in shown]


def _together(text: str) -> str:
    coded = "".join(f"⟨{ord(one):04X}⟩" if unicodedata.category(one) == "Cf" else one for one in text)
    return " ".join(coded.split())


def turned(said: str) -> list[str]:
    """Lines with controls that turn round other text."""
    return [line[:120] for line in said.split("\n") if any(one in line for one in TURNED)]


def hovered(page: Page, part: Any) -> None:
    """The tooltip of a chart, if it has one."""
    part.hover(force=True)
    page.wait_for_function("() => document.querySelector('#vg-tooltip-element.visible, .vg-tooltip.visible') !== null")
