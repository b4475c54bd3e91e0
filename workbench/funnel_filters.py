"""What the pages on forms are narrowed by: days that end on the as-of day or today, forms, their versions,
sources, campaigns, teams and owners.

Sources and campaigns are those of visits, which are not the sources that a CRM knows:
`?form=7&version=7.2&src=google&campaign=Brand`. Like the other filters they live in the session, and a URL that names
any wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

import streamlit as st

from snapshots.lead_funnel import VisitFilter
from snapshots.slices import Slice
from workbench import filter_bar, lead_filters
from workbench.url_choice import UrlChoice, an_id, ids
from workbench.view import View

PARAMETERS: Final = ("form", "version", "src", "campaign")
NO_CAMPAIGN: Final = "No campaign"


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelChoice:
    """Empty means all; the campaign "" is none. versions: a form and a version of it; 0: not said."""

    form_ids: tuple[int, ...] = ()
    versions: tuple[tuple[int, int], ...] = ()
    sources: tuple[str, ...] = ()
    campaigns: tuple[str, ...] = ()

    @property
    def is_narrowed(self) -> bool:
        return self != FunnelChoice()

    def of_visits(self, *, kind: int | None = None) -> VisitFilter:
        """The same as the database is asked."""
        return VisitFilter(
            form_ids=self.form_ids, form_versions=self.versions, sources=self.sources, campaigns=self.campaigns,
            kind=kind,
        )  # fmt: skip


def from_url(params: Mapping[str, Sequence[str]]) -> FunnelChoice:
    """What a URL asks for; what cannot be read is left out."""
    return FunnelChoice(
        form_ids=ids(params.get("form", ())),
        versions=tuple(sorted({one for text in params.get("version", ()) if (one := _version(text)) is not None})),
        sources=tuple(sorted(set(params.get("src", ())))),
        campaigns=tuple(sorted(set(params.get("campaign", ())))),
    )


def _version(text: str) -> tuple[int, int] | None:
    """ "7.2": of form 7 version 2; None where it says no such thing."""
    form_id, version = (an_id(part) for part in (text.partition(".")[0], text.partition(".")[2]))
    return None if form_id is None or version is None else (form_id, version)


def to_url(choice: FunnelChoice) -> dict[str, list[str]]:
    """The query parameters that bring this choice back."""
    params = {
        "form": [str(one) for one in choice.form_ids],
        "version": [f"{form_id}.{version}" for form_id, version in choice.versions],
        "src": list(choice.sources),
        "campaign": list(choice.campaigns),
    }
    return {name: values for name, values in params.items() if values}


_CHOICE: Final = UrlChoice("funnel_choice", PARAMETERS, from_url, to_url, FunnelChoice())


def adopt(newest: Mapping[int, int]) -> FunnelChoice:
    """The choice of this run, without forms and versions that are not there. newest: of each form the newest version
    that was ever published."""
    return _CHOICE.adopt(lambda choice: _mended(choice, newest))


def _mended(choice: FunnelChoice, newest: Mapping[int, int]) -> FunnelChoice:
    form_ids = tuple(one for one in choice.form_ids if one in newest)
    among = set(form_ids or newest)
    versions = tuple((form_id, one) for form_id, one in choice.versions if form_id in among and one <= newest[form_id])
    return replace(choice, form_ids=form_ids, versions=versions)


def change(**changes: Any) -> None:
    """Changes the choice of the session; the URL follows with the next run."""
    _CHOICE.change(**changes)


def clear() -> None:
    """Everything again."""
    _CHOICE.clear()
    filter_bar.drop(team_ids=(), owner_ids=())


def slice_of(view: View) -> Slice:
    """The days that are looked at, and the teams and owners, as of the day that was chosen, else today."""
    asked = lead_filters.period(view)
    return Slice(
        first_day=asked.first,
        last_day=asked.last,
        as_of=view.filters.as_of or today(view),
        team_ids=view.filters.team_ids,
        owner_ids=view.filters.owner_ids,
    )


def today(view: View) -> date:
    return view.now.astimezone(view.zone).date()


def draw(view: View, choice: FunnelChoice, names: Mapping[str, Mapping[Any, str]], *, has_people: bool) -> None:
    """The chips. names: what there is to choose from, by field of the choice. has_people: with teams and owners."""
    lead_filters.range_chip(view)
    for field, what, icon in (
        ("form_ids", "Form", "dynamic_form"), ("versions", "Version", "history"), ("sources", "Source", "input"),
        ("campaigns", "Campaign", "campaign"),
    ):  # fmt: skip
        if len(names.get(field, {})) > 1 or getattr(choice, field):
            _list(what, field, getattr(choice, field), names[field], icon)
    if has_people:
        for field, what, icon in (("team_ids", "Team", "groups"), ("owner_ids", "Owner", "person")):
            options = view.choices.teams if field == "team_ids" else view.choices.owners
            if options:
                _list(what, field, getattr(view.filters, field), options, icon)
    if choice.is_narrowed or (has_people and (view.filters.team_ids or view.filters.owner_ids)):
        st.button("Clear", type="tertiary", icon=":material/close:", on_click=clear, key="funnel_clear")


def _list(what: str, field: str, chosen: Sequence[Any], names: Mapping[Any, str], icon: str) -> None:
    labels = [names[one] for one in chosen if one in names]
    more = f" +{len(labels) - 1}" if len(labels) > 1 else ""
    label = filter_bar.short(labels[0]) if labels else "all"
    with st.popover(f"{what}: {label}{more}", icon=f":material/{icon}:", key=f"chip_funnel_{field}"):
        key = f"funnel_{field}"
        st.session_state[key] = [one for one in chosen if one in names]
        st.multiselect(
            what, list(names), format_func=names.__getitem__, key=key, on_change=_on_list, args=(field,),
            placeholder=f"All {what.lower()}s", width=300,
        )  # fmt: skip


def _on_list(field: str) -> None:
    values = tuple(st.session_state[f"funnel_{field}"])
    if field in {"team_ids", "owner_ids"}:
        filter_bar.drop(**{field: values})
    else:
        change(**{field: values})


def keep_form(form_id: int) -> None:
    """The form whose details are shown stays chosen."""
    st.session_state["widgets_form"] = form_id
