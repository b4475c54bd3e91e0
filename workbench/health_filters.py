"""What the page Pipeline health asks beside the filters of all: `?rule=stale&stage=12&snoozed=1`, or
`?rule=stale&past=1` for what became of past flags. It lives in the session, and a URL that names any of it wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import streamlit as st

from insights.health.rules import RULES
from workbench import filter_bar
from workbench.url_choice import UrlChoice, ids

PARAMETERS: Final = ("rule", "stage", "snoozed", "past")
LISTS: Final[Mapping[str, str]] = {"standing": "Not snoozed", "snoozed": "Snoozed", "past": "Past flags"}
"""What can be listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthChoice:
    """rules, stage_ids: of these alone, none mean all. are_snoozed: the flags that are snoozed, else the others.
    are_past: what became of past flags; then neither stage nor snooze counts."""

    rules: tuple[str, ...] = ()
    stage_ids: tuple[int, ...] = ()
    are_snoozed: bool = False
    are_past: bool = False

    @property
    def is_narrowed(self) -> bool:
        return bool(self.rules or self.stage_ids)


def from_url(params: Mapping[str, Sequence[str]]) -> HealthChoice:
    """What a URL asks for; what cannot be read is left out."""
    return HealthChoice(
        rules=tuple(rule for rule in RULES if rule in params.get("rule", ())),
        stage_ids=ids(params.get("stage", ())),
        are_snoozed="1" in params.get("snoozed", ()),
        are_past="1" in params.get("past", ()),
    )


def to_url(choice: HealthChoice) -> dict[str, list[str]]:
    """The query parameters that bring this choice back."""
    params = {
        "rule": list(choice.rules), "stage": [str(one) for one in choice.stage_ids],
        "snoozed": ["1"] if choice.are_snoozed else [], "past": ["1"] if choice.are_past else [],
    }  # fmt: skip
    return {name: values for name, values in params.items() if values}


_CHOICE: Final = UrlChoice("health_choice", PARAMETERS, from_url, to_url, HealthChoice())


def adopt(stage_ids: Sequence[int]) -> HealthChoice:
    """The choice of this run, without stages that are not there."""
    return _CHOICE.adopt(
        lambda choice: replace(choice, stage_ids=tuple(one for one in choice.stage_ids if one in stage_ids))
    )


def change(**changes: Any) -> None:
    """Changes the choice of the session; the URL follows with the next run."""
    _CHOICE.change(**changes)


def clear() -> None:
    """Every rule and stage, whoever owns the deals."""
    change(rules=(), stage_ids=())
    filter_bar.clear()


def draw(choice: HealthChoice, stages: Mapping[int, str]) -> None:
    """The chips, beside those of every page."""
    _list("Rule", "rules", choice.rules, {key: one.title for key, one in RULES.items()}, "flag")
    if stages and not choice.are_past:
        _list("Stage", "stage_ids", choice.stage_ids, stages, "view_week")
    listed = "past" if choice.are_past else "snoozed" if choice.are_snoozed else "standing"
    with st.popover(LISTS[listed], icon=f":material/{'history' if choice.are_past else 'snooze'}:", key="chip_snoozed",
                    type="secondary" if listed == "standing" else "primary"):  # fmt: skip
        st.session_state["health_listed"] = listed
        st.radio("Flags", list(LISTS), format_func=LISTS.__getitem__, key="health_listed", on_change=_on_listed)
        st.caption(
            "A snoozed flag is quiet until its day, and counts on no card. Past flags are those that the cards’ "
            "records are of, each with what became of its deal."
        )


def _on_listed() -> None:
    listed = st.session_state["health_listed"]
    change(are_snoozed=listed == "snoozed", are_past=listed == "past")


def _list(what: str, name: str, chosen: Sequence[Any], names: Mapping[Any, str], icon: str) -> None:
    labels = [names[one] for one in chosen if one in names]
    more = f" +{len(labels) - 1}" if len(labels) > 1 else ""
    label = f"{what}: {filter_bar.short(labels[0])}{more}" if labels else f"{what}: all"
    with st.popover(label, icon=f":material/{icon}:", key=f"chip_{name}"):
        key = f"health_{name}"
        st.session_state[key] = [one for one in chosen if one in names]
        st.multiselect(what, list(names), format_func=names.__getitem__, key=key, placeholder=f"All {what.lower()}s",
                       width=280, on_change=_on_list, args=(name, key, tuple(names)))  # fmt: skip


def _on_list(name: str, key: str, order: Sequence[Any]) -> None:
    change(**{name: tuple(one for one in order if one in st.session_state[key])})
