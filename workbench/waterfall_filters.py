"""What the page Pipeline changes asks beside the filters of all: a value that stands in the URL, and its chips.

`?closes=quarter&pipe=3&product=7&swings=0&part=won`, `?closes=days&due_from=2026-10-01&due_to=2026-11-15`. It lives in
the session, and a URL that names any of it wins. `money=` names the currency, where there are several.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

import streamlit as st

from insights.forecast_period import quarter_of
from insights.waterfall import Cause
from snapshots.slices import NOBODY
from workbench import filter_bar, formats
from workbench.filters import EARLIEST_DAY
from workbench.url_choice import UrlChoice, ids
from workbench.view import View

PARAMETERS: Final = ("closes", "due_from", "due_to", "pipe", "product", "swings", "part", "money")
CLOSES: Final[Mapping[str, str]] = {
    "": "any time",
    "quarter": "this quarter",
    "next": "next quarter",
    "both": "this and next quarter",
    "days": "between two days",
}
DAYS: Final = "days"
LATEST_DAY: Final = date(2199, 12, 31)
"""Of close dates that can be asked for."""
ENDS: Final = ("start", "end")
NO_CURRENCY: Final = "none"
"""In a URL: amounts that have none."""
LONGEST_CODE: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What there is to choose from, names by id. products: with NOBODY for none; empty where nothing has one."""

    pipelines: Mapping[int, str]
    products: Mapping[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterfallChoice:
    """closes: of CLOSES, quarters counted from the last day. due: first and last close date where it is DAYS, else
    None. product_ids: NOBODY asks for deals without one. has_swings: what was done and taken back between counts. part:
    whose deals are listed. currency: that is shown, NO_CURRENCY: of amounts without one; "": the one with most."""

    closes: str = ""
    due: tuple[date, date] | None = None
    pipeline_ids: tuple[int, ...] = ()
    product_ids: tuple[int, ...] = ()
    has_swings: bool = True
    part: str = "end"
    currency: str = ""

    @property
    def is_narrowed(self) -> bool:
        return bool(self.closes or self.pipeline_ids or self.product_ids)

    def window(self, view: View) -> tuple[date, date] | None:
        """First and last close date."""
        if self.closes in ("", DAYS):
            return self.due
        first, last = quarter_of(view.period.last, year_begins=view.choices.year_begins)
        next_first, next_last = quarter_of(last + timedelta(days=1), year_begins=view.choices.year_begins)
        return {"quarter": (first, last), "next": (next_first, next_last), "both": (first, next_last)}[self.closes]

    def shown(self, currencies: Sequence[str | None]) -> str | None:
        """The one to show of those there are, at least one."""
        asked = None if self.currency == NO_CURRENCY else self.currency
        return asked if asked in currencies else currencies[0]


def from_url(params: Mapping[str, Sequence[str]]) -> WaterfallChoice:
    """What a URL asks for; what cannot be read is left out."""
    closes, part = (params.get("closes") or [""])[-1], (params.get("part") or ["end"])[-1]
    currency = (params.get("money") or [""])[-1]
    due = _due(*((params.get(name) or [""])[-1] for name in ("due_from", "due_to"))) if closes == DAYS else None
    is_known = closes in CLOSES and (closes == DAYS) == (due is not None)
    return WaterfallChoice(
        closes=closes if is_known else "",
        due=due,
        pipeline_ids=ids(params.get("pipe", ())),
        product_ids=ids(params.get("product", ())),
        has_swings="0" not in params.get("swings", ()),
        part=part if part in {*Cause, *ENDS} else "end",
        currency=currency if len(currency) <= LONGEST_CODE else "",
    )


def _due(first: str, last: str) -> tuple[date, date] | None:
    try:
        days = sorted((date.fromisoformat(first), date.fromisoformat(last)))
    except ValueError:
        return None
    return (days[0], days[1]) if days[0] >= EARLIEST_DAY and days[1] <= LATEST_DAY else None


def to_url(choice: WaterfallChoice) -> dict[str, list[str]]:
    """The query parameters that bring this choice back."""
    params = {
        "closes": [choice.closes] if choice.closes else [],
        **{name: [day.isoformat()] for name, day in zip(("due_from", "due_to"), choice.due or (), strict=False)},
        "pipe": [str(one) for one in choice.pipeline_ids],
        "product": [str(one) for one in choice.product_ids],
        "swings": [] if choice.has_swings else ["0"],
        "part": [choice.part] if choice.part != "end" else [],
        "money": [choice.currency] if choice.currency else [],
    }
    return {name: values for name, values in params.items() if values}


_CHOICE: Final = UrlChoice("waterfall_choice", PARAMETERS, from_url, to_url, WaterfallChoice())


def adopt(known: Known) -> WaterfallChoice:
    """The choice of this run, without pipelines and products that are not there."""
    return _CHOICE.adopt(
        lambda choice: replace(
            choice,
            pipeline_ids=tuple(one for one in choice.pipeline_ids if one in known.pipelines),
            product_ids=tuple(one for one in choice.product_ids if one in known.products),
        )
    )


def change(**changes: Any) -> None:
    """Changes the choice of the session; the URL follows with the next run."""
    _CHOICE.change(**changes)


def clear() -> None:
    """Any close date, every pipeline and product."""
    change(closes="", due=None, pipeline_ids=(), product_ids=())


def described(view: View, choice: WaterfallChoice, known: Known) -> str:
    """What the chips of this page ask for, in words; "" where they ask for all."""
    window = choice.window(view)
    parts = [
        f"close dates of {formats.day_range(*window)}" if window else "",
        _named("pipeline", choice.pipeline_ids, known.pipelines),
        _named("product", choice.product_ids, known.products),
        "" if choice.has_swings else "without swings",
    ]
    said = "; ".join(part for part in parts if part)
    return f"{said[:1].upper()}{said[1:]}." if said else ""


def _named(what: str, chosen: Sequence[int], names: Mapping[int, str]) -> str:
    return f"{what} {', '.join(names[one] for one in chosen)}" if chosen else ""


def draw(view: View, choice: WaterfallChoice, known: Known) -> None:
    """The chips."""
    _closes(view, choice)
    if len(known.pipelines) > 1:
        _several("Pipeline", "pipeline_ids", choice.pipeline_ids, known.pipelines, "filter_alt")
    if set(known.products) - {NOBODY}:
        _several("Product", "product_ids", choice.product_ids, known.products, "inventory_2")
    _swings(choice)


def _closes(view: View, choice: WaterfallChoice) -> None:
    window = choice.window(view)
    label = formats.day_range(*choice.due) if choice.due else CLOSES[choice.closes]
    with st.popover(f"Closes: {label}", icon=":material/event:", key="chip_closes"):
        st.session_state["wf_closes"] = choice.closes
        st.radio("Deals that are to close", list(CLOSES), format_func=lambda one: CLOSES[one].capitalize(),
                 key="wf_closes", on_change=_on_closes, args=(_days_to_begin_with(view, window),))  # fmt: skip
        if choice.due:
            st.session_state["wf_due"] = choice.due
            st.date_input("From and to", min_value=EARLIEST_DAY, max_value=LATEST_DAY, format="YYYY-MM-DD",
                          key="wf_due", on_change=_on_due)  # fmt: skip
        st.caption(
            "Choose a quarter, or two days, to see what was pulled in between them and pushed out."
            if window is None
            else f"Close dates of {formats.day_range(*window)}. Deals without one are left out."
        )


def _days_to_begin_with(view: View, window: tuple[date, date] | None) -> tuple[date, date]:
    """Where two days are asked for that nobody has named yet: those of the quarter that was chosen, else of this."""
    found = window or replace(WaterfallChoice(), closes="quarter").window(view)
    assert found is not None
    return found


def _on_closes(days: tuple[date, date]) -> None:
    closes = st.session_state["wf_closes"]
    change(closes=closes, due=days if closes == DAYS else None)


def _on_due() -> None:
    days = st.session_state["wf_due"]
    if isinstance(days, tuple) and len(days) == 2:
        change(due=days)


def _several(what: str, field: str, chosen: Sequence[int], names: Mapping[int, str], icon: str) -> None:
    key = f"wf_{what.lower()}"
    first = [filter_bar.short(names[one]) for one in chosen[:1]]
    more = f" +{len(chosen) - 1}" if len(chosen) > 1 else ""
    label = f"{what}: {first[0]}{more}" if first else f"{what}: all"
    with st.popover(label, icon=f":material/{icon}:", key=f"chip_{what.lower()}"):
        st.session_state[key] = list(chosen)
        st.multiselect(
            what, list(names), format_func=names.__getitem__, key=key, placeholder=f"All {what.lower()}s", width=280,
            on_change=lambda: change(**{field: tuple(sorted(st.session_state[key]))}),
        )  # fmt: skip


def _swings(choice: WaterfallChoice) -> None:
    label = "With swings" if choice.has_swings else "Without swings"
    with st.popover(label, icon=":material/swap_vert:", key="chip_swings"):
        st.session_state["wf_swings"] = choice.has_swings
        st.toggle("With swings", key="wf_swings", on_change=lambda: change(has_swings=st.session_state["wf_swings"]))
        st.caption(
            "On: every change between the two days counts. Off: only the two days are compared, so that what a deal "
            "did and took back, and deals that were open only between, are left out."
        )
