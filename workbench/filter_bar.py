"""The row of chips above a page. Each chip says its own value; the URL always says what the page shows.

The filters live in one session value; widgets are set from it before they are drawn and write to it when changed, so
nothing is lost when a popover is closed or the page is switched. A URL that names an organization and differs from
what was last written (a colleague's link, Back) wins over the session; one without it comes from the navigation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

import streamlit as st

from insights.metrics import Period
from snapshots.slices import NOBODY
from workbench import formats
from workbench.filters import COMPARISONS, PARAMETERS, RANGES, Filters, from_url, to_url, unreadable
from workbench.lead_words import plain

_FILTERS, _URL = "filters", "filters_url"
MAX_NAME: Final = 28
"""Longer names are cut on a chip; its list shows them whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What there is to choose from, names by id. earliest, latest: where the data begin and end.

    is_dated: False where nothing has a date at all; then there is no period but all time. year_begins: the month in
    which the organization's years begin.
    """

    organizations: Mapping[int, str]
    teams: Mapping[int, str]
    owners: Mapping[int, str]
    sources: Mapping[str, str]
    earliest: date
    latest: date
    is_dated: bool = True
    year_begins: int = 1

    def period(self, filters: Filters) -> Period:
        """The days that the filters ask for."""
        if not self.is_dated:
            return Period(None, filters.as_of or self.latest)
        return filters.period(latest=self.latest, year_begins=self.year_begins)


def adopt(*, organization_id: int) -> tuple[Filters, frozenset[str]]:
    """The filters of this run: those of the URL if somebody brought one, else the session's, else the defaults; and
    the parameters of that URL that could not be read."""
    params = {name: st.query_params.get_all(name) for name in PARAMETERS if name in st.query_params}
    state = st.session_state
    is_link = "org" in params and params != state.get(_URL)
    is_read = _FILTERS not in state or is_link
    if is_read:
        state[_FILTERS] = from_url(params, organization_id=organization_id)
    filters: Filters = state[_FILTERS]
    return filters, unreadable(params) if is_read else frozenset()


def keep(filters: Filters) -> None:
    """Makes these the filters of the session, and writes them to the URL."""
    wanted = to_url(filters)
    for name in PARAMETERS:
        if name in wanted and st.query_params.get_all(name) != wanted[name]:
            st.query_params[name] = wanted[name]
        elif name not in wanted and name in st.query_params:
            del st.query_params[name]
    st.session_state[_FILTERS], st.session_state[_URL] = filters, wanted


def known(filters: Filters, choices: Choices) -> tuple[Filters, bool]:
    """The filters without what does not exist here, and whether anything was left out."""
    kept = replace(
        filters,
        team_ids=tuple(item for item in filters.team_ids if item in choices.teams),
        owner_ids=tuple(item for item in filters.owner_ids if item in choices.owners),
        sources=tuple(item for item in filters.sources if item in choices.sources),
    )
    return kept, kept != filters


def _change(**changes: Any) -> None:
    st.session_state[_FILTERS] = replace(st.session_state[_FILTERS], **changes)


def _on_list(name: str, key: str) -> None:
    _change(**{name: tuple(sorted(st.session_state[key]))})


def _on_organization() -> None:
    # Teams, owners and sources of one organization mean nothing in another.
    cleared = st.session_state[_FILTERS].cleared()
    st.session_state[_FILTERS] = replace(cleared, organization_id=st.session_state["f_org"])


def _on_range() -> None:
    chosen = st.session_state["f_range"]
    if chosen != "custom":
        _change(range=chosen, first=None, last=None)
    else:
        _change(range="custom", first=st.session_state["f_shown"][0], last=st.session_state["f_shown"][1])


def _on_days() -> None:
    days = st.session_state["f_days"]
    if isinstance(days, tuple) and len(days) == 2:
        _change(range="custom", first=days[0], last=days[1])


def _on_comparison() -> None:
    _change(comparison=st.session_state["f_cmp"])


def _on_as_of(latest: date) -> None:
    day = st.session_state["f_asof"]
    _change(as_of=day if day and day < latest else None)


def clear() -> None:
    """Takes away team, owner, source and as-of day, and shows what is known now."""
    st.session_state[_FILTERS] = st.session_state[_FILTERS].cleared()


def drop(**changes: Any) -> None:
    """Takes single filters away; for the buttons of empty states."""
    _change(**changes)


def _chosen(what: str, names: Sequence[str]) -> str:
    if not names:
        return f"{what}: all"
    return f"{what}: {short(names[0])}" + (f" +{len(names) - 1}" if len(names) > 1 else "")


def short(name: str) -> str:
    """A name on a chip, which reads Markdown: as it is, and cut where it is long."""
    return plain(name if len(name) <= MAX_NAME else name[: MAX_NAME - 1].rstrip() + "…")


def draw(
    filters: Filters, choices: Choices, *, organization_name: str, is_whole: bool, is_of_person: bool = False,
    further: Callable[[], None] | None = None, has_past: bool = True,
) -> None:  # fmt: skip
    """The chips, in one row that wraps; only the organization's and, with `has_past`, the day's where not `is_whole`.

    is_of_person: the page is about one salesperson, so that teams and owners are no choice. further: draws the chips of
    a page that has its own.
    """
    if not is_whole and len(choices.organizations) < 2 and further is None and not has_past:
        return
    with st.container(horizontal=True, key="filterbar", gap="xsmall", vertical_alignment="center"):
        if len(choices.organizations) > 1:
            _organization(filters, choices, organization_name)
        if further is not None:
            further()
        if is_whole:
            _range(filters, choices)
            whose(filters, choices, is_of_person=is_of_person)
        if is_whole or has_past:
            _as_of(filters, choices, has_versions=is_whole)
        if is_whole and filters.is_narrowed:
            st.button("Clear", type="tertiary", icon=":material/close:", on_click=clear, key="f_clear")


def whose(filters: Filters, choices: Choices, *, is_of_person: bool = False) -> None:
    """The chips that say whose rows, and of which source."""
    if not is_of_person:
        _list("Team", "team_ids", filters.team_ids, choices.teams, "groups")
        _list("Owner", "owner_ids", filters.owner_ids, choices.owners, "person")
    _list("Source", "sources", filters.sources, choices.sources, "input")


def _organization(filters: Filters, choices: Choices, name: str) -> None:
    with st.popover(short(name), icon=":material/apartment:", key="chip_org"):
        st.session_state["f_org"] = filters.organization_id
        names = choices.organizations
        st.selectbox(
            "Organization", list(names), format_func=names.__getitem__, key="f_org", on_change=_on_organization
        )


def _range(filters: Filters, choices: Choices) -> None:
    if not choices.is_dated:
        st.popover("All time", icon=":material/date_range:", key="chip_range", disabled=True,
                   help="Nothing in these data has a date, so there is no other period.")  # fmt: skip
        return
    period = choices.period(filters)
    compared = filters.compared(period)
    first = period.first or min(choices.earliest, period.last)
    is_custom = filters.range == "custom"
    label = formats.day_range(first, period.last) if is_custom else RANGES[filters.range]
    if compared:
        label += f" vs {COMPARISONS[filters.comparison].removesuffix(' period')}"
    with st.popover(label, icon=":material/date_range:", key="chip_range"):
        st.session_state["f_range"], st.session_state["f_shown"] = filters.range, (first, period.last)
        st.pills(
            "Date range",
            list(RANGES),
            format_func=RANGES.__getitem__,
            required=True,
            key="f_range",
            on_change=_on_range,
            width=340,
        )
        if is_custom:
            st.session_state["f_days"] = (first, period.last)
            st.date_input(
                "From and to", max_value=choices.latest, format="YYYY-MM-DD", key="f_days", on_change=_on_days
            )
        st.session_state["f_cmp"] = filters.comparison
        st.radio(
            "Compare with",
            list(COMPARISONS),
            format_func=lambda name: COMPARISONS[name].capitalize(),
            key="f_cmp",
            on_change=_on_comparison,
            disabled=period.first is None,
        )
        st.caption(_range_note(period, compared, first))


def _range_note(period: Period, compared: Period | None, first: date) -> str:
    note = formats.day_range(first, period.last)
    if period.first is None:
        return f"{note}, and what has no date. All time has nothing to be compared with."
    if compared and compared.first:
        return f"{note}, compared with {formats.day_range(compared.first, compared.last)}: as long, same weekdays."
    return f"{note}."


def _list(what: str, name: str, chosen: Sequence[Any], names: Mapping[Any, str], icon: str) -> None:
    if not set(names) - {NOBODY}:
        return
    key = f"f_{name}"
    label = _chosen(what, [names[item] for item in chosen if item in names])
    with st.popover(label, icon=f":material/{icon}:", key=f"chip_{name}"):
        st.session_state[key] = [item for item in chosen if item in names]
        st.multiselect(
            what,
            list(names),
            format_func=names.__getitem__,
            key=key,
            on_change=_on_list,
            args=(name, key),
            placeholder=f"All {what.lower()}s",
            width=280,
        )


KNOWN: Final[Mapping[bool, str]] = {False: "As known now", True: "As known then"}


def _as_of(filters: Filters, choices: Choices, *, has_versions: bool) -> None:
    """has_versions: the page reads deals, of which is kept what was known when."""
    day = filters.as_of or choices.latest
    looks_back, knows_then = filters.as_of is not None, has_versions and filters.knows_then
    label = f"As of {formats.day(day)}" + (", as known then" if knows_then else "")
    kind: Any = "primary" if looks_back or knows_then else "secondary"
    with st.popover(label, icon=":material/history:", type=kind, key="chip_as_of"):
        st.session_state["f_asof"] = day
        st.date_input(
            "As of the end of",
            min_value=min(choices.earliest, day),
            max_value=max(choices.latest, day),
            format="YYYY-MM-DD",
            key="f_asof",
            on_change=_on_as_of,
            args=(choices.latest,),
        )
        if has_versions:
            _known(filters)
        else:
            st.caption("What happened after this day is left out.")
        if looks_back:
            st.button("Back to the latest day", key="f_now", on_click=drop, kwargs={"as_of": None})


def _known(filters: Filters) -> None:
    st.session_state["f_known"] = filters.knows_then
    st.radio("Deals", list(KNOWN), format_func=KNOWN.__getitem__, key="f_known", on_change=_on_known)
    st.caption(
        "Now: deals as they were at the end of this day, by all that we know today. Then: as they were known on that "
        "evening, without what was learnt later. Owners, teams, leads and activities are as known now."
    )


def _on_known() -> None:
    _change(knows_then=st.session_state["f_known"])
