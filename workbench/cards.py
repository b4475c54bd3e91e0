"""The pieces of a page: KPI cards, titles, source stamps, avatars. Draws what it is given, computes nothing.

Titles and what stands beside them are text, never Markdown: the names in them are other people's.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import streamlit as st

from workbench import formats
from workbench.lead_words import plain

Tone = Literal["good", "bad", "neutral"]
_COLORS = {"good": "green", "bad": "red", "neutral": "gray"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kpi:
    """One card. tone is "neutral" unless the change is beyond noise.

    change: unsigned text of the pill ("8.4 %"); None where there is nothing to compare with. direction: its arrow.
    rows: what the button says ("214 deals"); None where the number has no rows behind it.
    further: values in other currencies, which stand under the first and are never added to it.
    why: why there is no value, or what it leaves out. past: what a second button says, of the rows behind `why`; it
    opens "past_" and the key.
    """

    key: str
    label: str
    value: str
    definition: str
    change: str | None = None
    direction: Literal["up", "down", "off"] = "off"
    tone: Tone = "neutral"
    note: str = ""
    rows: str | None = None
    trend: Sequence[float] | None = None
    further: Sequence[str] = ()
    why: str = ""
    past: str | None = None


def page_title(text: str, about: str = "") -> None:
    """The page's name, and beside it in small which days or what its numbers are of."""
    with st.container(key="pagetitle", horizontal=True, vertical_alignment="bottom", gap="small"):
        st.title(plain(text), anchor=False, width="content")
        if about:
            st.markdown(f":gray[:small[{plain(about)}]]", width="content")


def title(text: str, note: str = "") -> None:
    """A card's title, one line everywhere, so that titles of neighbouring cards stand on one line."""
    with st.container(gap=None, width="stretch"):
        st.header(plain(text), anchor=False)
        if note:
            st.markdown(f":gray[:small[{plain(note)}]]")


@contextmanager
def titled(text: str, note: str = "") -> Iterator[None]:
    """A card's title with controls at its right end."""
    row = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small")
    with row:
        title(text, note)
        with st.container(horizontal=True, width="content", gap="xsmall", vertical_alignment="center"):
            yield


def kpi_band(kpis: Sequence[Kpi], *, open_rows: Callable[[str], None]) -> None:
    """The KPIs as one band of cells parted by hairlines; a whole cell opens the rows behind its number.

    The style sheet says for each number of cells how they wrap, so that no row of them has a hole.
    """
    with st.container(key=f"kpis_{len(kpis)}", gap=None), st.grid(len(kpis), gap=None):
        for kpi in kpis:
            _cell(kpi, open_rows)


def _cell(kpi: Kpi, open_rows: Callable[[str], None]) -> None:
    with st.container(key=f"kpi_{kpi.key}", gap=None, height="stretch"):
        st.metric(
            kpi.label,
            kpi.value,
            kpi.change,
            delta_color=_COLORS[kpi.tone],  # type: ignore[arg-type]
            delta_arrow=kpi.direction,
            delta_description=kpi.note or None,
            help=kpi.definition,
            chart_data=list(kpi.trend) if kpi.trend is not None else None,
            chart_type="line",
        )
        if kpi.further:
            st.markdown(f":small[**+ {plain(' + '.join(kpi.further))}**]")
        if kpi.why:
            st.markdown(f":gray[:small[{plain(kpi.why)}]]")
        if kpi.past:
            st.button(kpi.past, type="tertiary", icon=":material/history:", key=f"past_{kpi.key}", on_click=open_rows,
                      args=(f"past_{kpi.key}",), help=f"Show what became of them: {kpi.label.lower()}")  # fmt: skip
        if kpi.rows:
            st.button(
                kpi.rows,
                type="tertiary",
                icon=":material/chevron_right:",
                icon_position="right",
                key=f"open_{kpi.key}",
                on_click=open_rows,
                args=(kpi.key,),
                help=f"Show the rows behind {kpi.label.lower()}",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """How fresh one source is. note: what it holds, e.g. "118 deals".

    trouble: what went wrong last, e.g. "last sync failed"; refreshed_at then says how old the data are.
    is_import: read once from files, so that age is no fault.
    """

    name: str
    refreshed_at: datetime | None
    is_stale: bool = False
    note: str = ""
    trouble: str = ""
    is_import: bool = False

    def words(self, now: datetime) -> str:
        """ "synced 12 min ago", "stale, 9 days old", "last sync failed, data read 3 h ago"."""
        age = formats.age(self.refreshed_at, now=now)
        if self.refreshed_at is None:
            return self.trouble or "not synced yet"
        if self.trouble:
            return f"{self.trouble}, data {age}" if age.endswith("old") else f"{self.trouble}, data read {age}"
        if self.is_import:
            return f"imported {age.replace('old', 'ago')}"
        return f"stale, {age}" if self.is_stale else f"synced {age}"


def stamps(sources: Iterable[Stamp], *, now: datetime) -> None:
    """One line with a stamp per source: a filled dot when fresh, a hollow square when stale or in trouble."""
    parts = []
    for source in sources:
        words = source.words(now)
        text = html.escape(f"{words} · {source.note}" if source.note else words)
        exact = html.escape(formats.clock(source.refreshed_at))
        mark = "slms-dot" + (" slms-failed" if source.trouble else " slms-stale" if source.is_stale else "")
        parts.append(
            f'<span class="slms-source" title="{exact}"><span class="{mark}" aria-hidden="true"></span>'
            f"<b>{html.escape(source.name)}</b> {text}</span>"
        )
    if parts:
        st.html(f'<div role="status" class="slms-sources">{"".join(parts)}</div>')


def avatar(name: str) -> None:
    letters = [next((one for one in part if one.isalnum()), "") for part in name.split()]
    initials = "".join(one for one in letters if one)[:2].upper() or "?"
    st.html(f'<div class="slms-avatar" aria-hidden="true">{html.escape(initials)}</div>', width="content")


def as_it_was(day_text: str, *, knows_then: bool, covers: str = "") -> None:
    """The line that says that the page looks back, and what that covers. covers: instead of what all pages do."""
    deals = "as they were known on that evening" if knows_then else "as they were, by what is known today"
    usual = f"Deals {deals}; owners and teams as they were; leads and activities by the day on which they happened."
    st.markdown(f":small[:primary[:material/history: **As it was on {day_text}.**] :gray[{plain(covers or usual)}]]")


def no_past(why: str) -> None:
    """The line that says that a page shows what is now although a past day was chosen."""
    st.markdown(f":small[:primary[:material/history_toggle_off: **This page has no past.**] :gray[{plain(why)}]]")
