"""What the list of received leads is narrowed by: a value that stands in the URL, and the chips that change it.

Its period is the one of the other pages but ends today, whatever day the CRM's data end, unless a past day is
chosen. The rest is its own:
`?state=parked&reason=config&form=7&flag=no_email&q=ada&tab=refused`. Like the other filters it lives in the session,
and a URL that names any of it and differs from what was last written wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

import streamlit as st

from insights.metrics import Period
from snapshots.forms import FormSettings
from snapshots.lead_filter import NO_SCORE, LeadFilter, LeadState
from snapshots.slices import NOBODY
from workbench import filter_bar, formats, lead_words, score_words
from workbench.filters import RANGES
from workbench.url_choice import UrlChoice, ids
from workbench.view import View

PARAMETERS: Final = ("state", "reason", "form", "flag", "came", "camp", "given", "scored", "q", "tab")
REFUSED: Final = "refused"
"""The tab of submissions that were not accepted."""
BANDS: Final[Mapping[str, str]] = {**score_words.BANDS, NO_SCORE: "No score"}
MOST_WORDS: Final = 50
SCORED: Final = "scored"
"""The tab of the CRM's leads by score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadChoice:
    """Empty lists mean all. tab: "", REFUSED or SCORED."""

    states: tuple[LeadState, ...] = ()
    reasons: tuple[str, ...] = ()
    form_ids: tuple[int, ...] = ()
    flags: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    campaigns: tuple[str, ...] = ()
    owner_ids: tuple[int, ...] = ()
    bands: tuple[str, ...] = ()
    search: str = ""
    tab: str = ""

    @property
    def is_narrowed(self) -> bool:
        return bool(self.states or self.reasons or self.form_ids or self.is_counted)

    @property
    def is_counted(self) -> bool:
        """Whether the numbers at the top cannot tell how many there are."""
        return bool(self.flags or self.sources or self.campaigns or self.owner_ids or self.bands or self.search)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the list can be narrowed by, beside what is always the same. Sources and campaigns are words of strangers;
    owners: names by id."""

    sources: Sequence[str] = ()
    campaigns: Sequence[str] = ()
    owners: Mapping[int, str] = field(default_factory=dict)
    has_scores: bool = False


def from_url(params: Mapping[str, Sequence[str]]) -> LeadChoice:
    """What a URL asks for; what cannot be read is left out."""
    words = [text.strip() for text in params.get("q", ())]
    return LeadChoice(
        states=tuple(state for state in LeadState if state.value in params.get("state", ())),
        reasons=tuple(reason for reason in lead_words.REASONS if reason in params.get("reason", ())),
        form_ids=ids(params.get("form", ())),
        flags=tuple(flag for flag in lead_words.FLAGS if flag in params.get("flag", ())),
        sources=tuple(params.get("came", ()))[:MOST_WORDS],
        campaigns=tuple(params.get("camp", ()))[:MOST_WORDS],
        owner_ids=ids(params.get("given", ())),
        bands=tuple(band for band in BANDS if band in params.get("scored", ())),
        search=words[-1] if words else "",
        tab=next((tab for tab in (REFUSED, SCORED) if tab in params.get("tab", ())), ""),
    )


def to_url(choice: LeadChoice) -> dict[str, list[str]]:
    """The query parameters that bring this choice back."""
    params = {
        "state": [state.value for state in choice.states],
        "reason": list(choice.reasons),
        "form": [str(form_id) for form_id in choice.form_ids],
        "flag": list(choice.flags),
        "came": list(choice.sources),
        "camp": list(choice.campaigns),
        "given": [str(owner_id) for owner_id in choice.owner_ids],
        "scored": list(choice.bands),
        "q": [choice.search] if choice.search else [],
        "tab": [choice.tab] if choice.tab else [],
    }
    return {name: values for name, values in params.items() if values}


_CHOICE: Final = UrlChoice("lead_choice", PARAMETERS, from_url, to_url, LeadChoice())


def adopt(form_ids: Sequence[int]) -> LeadChoice:
    """The choice of this run, without forms that are not there."""
    st.query_params.pop("lead", None)  # the browser's way back from a lead's page brings it along
    return _CHOICE.adopt(
        lambda choice: replace(choice, form_ids=tuple(one for one in choice.form_ids if one in form_ids))
    )


def kept() -> LeadChoice:
    """The choice of the session, for the way back to the list."""
    return _CHOICE.kept()


def change(**changes: Any) -> None:
    """Changes the choice of the session; the URL follows with the next run."""
    _CHOICE.change(**changes)


def clear() -> None:
    """Everything again, in the same tab."""
    tab = kept().tab
    _CHOICE.clear()
    _CHOICE.change(tab=tab)


def show_all_time() -> None:
    filter_bar.drop(range="all", first=None, last=None)


# --- days ------------------------------------------------------------------------------------------------------------


def period(view: View) -> Period:
    """The days that are looked at; they end today, or with the as-of day that was chosen."""
    return view.filters.period(latest=_today(view), year_begins=view.choices.year_begins)


def days(view: View) -> str:
    """The same in words."""
    asked = period(view)
    return "all time" if asked.first is None else formats.day_range(asked.first, asked.last)


def when(view: View) -> str:
    """The same after "received"."""
    return "at any time" if period(view).first is None else days(view)


def wanted(view: View, choice: LeadChoice) -> LeadFilter:
    """The same as the database is asked."""
    asked = period(view)
    return LeadFilter(
        since=None if asked.first is None else _midnight(asked.first, view),
        before=_midnight(asked.last + timedelta(days=1), view) if asked.first or view.looks_back else None,
        states=choice.states,
        reasons=choice.reasons,
        form_ids=choice.form_ids,
        flags=choice.flags,
        sources=choice.sources,
        campaigns=choice.campaigns,
        owner_ids=choice.owner_ids,
        bands=choice.bands,
        search=choice.search,
    )


def _today(view: View) -> date:
    return view.now.astimezone(view.zone).date()


def _midnight(day: date, view: View) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=view.zone)


# --- chips -----------------------------------------------------------------------------------------------------------


def draw(
    view: View, choice: LeadChoice, forms: Sequence[FormSettings], *, is_whole: bool, options: Options | None = None
) -> None:
    """The chips, beside the organization's. is_whole: with those that narrow the list, for whoever sees it."""
    range_chip(view)
    if len(forms) > 1:
        _list("Form", "form_ids", choice.form_ids, {form.form_id: form.name for form in forms}, "list_alt")
    if not is_whole:
        return
    _list("State", "states", choice.states, lead_words.STATES, "flag")
    reasons = {key: f"{one.label} ({lead_words.STATES[one.state].lower()})" for key, one in lead_words.REASONS.items()}
    _list("Reason", "reasons", choice.reasons, reasons, "help")
    _list("Note", "flags", choice.flags, {key: label for key, (label, _) in lead_words.FLAGS.items()}, "sell")
    _where_from_and_to(choice, options or Options())
    if choice.is_narrowed:
        st.button("Clear", type="tertiary", icon=":material/close:", on_click=clear, key="lead_clear")


def _where_from_and_to(choice: LeadChoice, options: Options) -> None:
    """What is chosen stays to be taken back, though these days know nothing of it."""
    sources = dict.fromkeys([*options.sources, *choice.sources])
    campaigns = dict.fromkeys([*options.campaigns, *choice.campaigns])
    owners = {**options.owners, NOBODY: "Nobody"}
    if sources:
        _list("Source", "sources", choice.sources, {one: lead_words.visible(one) for one in sources}, "input")
    if [one for one in campaigns if one]:
        named = {one: lead_words.visible(one) or "None" for one in campaigns}
        _list("Campaign", "campaigns", choice.campaigns, named, "campaign")
    if options.owners or choice.owner_ids:
        known = owners | {one: f"No. {one}" for one in choice.owner_ids if one not in owners}
        _list("Assigned to", "owner_ids", choice.owner_ids, known, "person")
    if options.has_scores or choice.bands:
        _list("Score", "bands", choice.bands, BANDS, "local_fire_department")


def _list(what: str, name: str, chosen: Sequence[Any], names: Mapping[Any, str], icon: str) -> None:
    labels = [names[item].partition(" (")[0] for item in chosen if item in names]
    more = f" +{len(labels) - 1}" if len(labels) > 1 else ""
    label = filter_bar.short(labels[0]) if labels else "all"
    with st.popover(f"{what}: {label}{more}", icon=f":material/{icon}:", key=f"chip_{name}"):
        st.session_state[f"lead_{name}"] = [item for item in chosen if item in names]
        st.multiselect(
            what, list(names), format_func=names.__getitem__, key=f"lead_{name}", on_change=_on_list, args=(name,),
            placeholder="All", width=300,
        )  # fmt: skip


def _on_list(name: str) -> None:
    change(**{name: tuple(st.session_state[f"lead_{name}"])})


def range_chip(view: View) -> None:
    """The days, which end today or with the as-of day."""
    asked, filters = period(view), view.filters
    first = asked.first or view.choices.earliest
    label = days(view) if filters.range == "custom" else RANGES[filters.range]
    with st.popover(label, icon=":material/date_range:", key="chip_lead_range"):
        st.session_state["lead_range"] = filters.range
        st.pills(
            "Received in", list(RANGES), format_func=RANGES.__getitem__, required=True, key="lead_range",
            on_change=_on_range, args=(min(first, asked.last), asked.last), width=340,
        )  # fmt: skip
        if filters.range == "custom":
            st.session_state["lead_days"] = (min(first, asked.last), asked.last)
            st.date_input(
                "From and to",
                max_value=view.filters.as_of or _today(view),
                format="YYYY-MM-DD",
                key="lead_days",
                on_change=_on_days,
            )
        st.caption(
            f"{days(view).capitalize()}. Leads are counted by the moment they came in; the days end "
            f"{'with the as-of day' if view.looks_back else 'today'}."
        )


def _on_range(first: date, last: date) -> None:
    chosen = st.session_state["lead_range"]
    is_custom = chosen == "custom"
    filter_bar.drop(range=chosen, first=first if is_custom else None, last=last if is_custom else None)


def _on_days() -> None:
    chosen = st.session_state["lead_days"]
    if isinstance(chosen, tuple) and len(chosen) == 2:
        filter_bar.drop(range="custom", first=chosen[0], last=chosen[1])
