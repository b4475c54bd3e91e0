"""Admin, routing: who gets which leads, who has room and who is away, and where a lead would go now."""

from __future__ import annotations

from typing import Final

import pandas as pd
import streamlit as st

from snapshots.routing_rules import Absence, Rule, RuleRefused
from workbench import admin_data, admin_dry_run, admin_rule, cards, formats, lead_words, places, states, tables
from workbench.columns import Column, ColumnKind
from workbench.view import View

_ASSIGNED: Final = (
    Column(field="at", title="When", kind=ColumnKind.TIME),
    Column(field="owner", title="Goes to", missing="Nobody"),
    Column(field="rule", title="Rule", missing="None"),
    Column(field="because", title="Why", width=2),
    Column(field="lead", title="Lead"),
)


def draw(view: View) -> None:
    admin_rule.told()
    _rules(view)
    left, right = st.container(key="split_routing").columns(2, gap="small")
    with left.container(border=True, height="stretch"):
        _people(view)
    with right.container(border=True, height="stretch"):
        _absences(view)
    with st.container(border=True):
        admin_dry_run.draw(view)
    _last(view)
    admin_rule.draw(view)


def _rules(view: View) -> None:
    rules = admin_data.rules(view)
    with cards.titled("Rules", "The first one that matches decides, before the lead goes to the CRM"):
        st.button("Add a rule", icon=":material/add:", type="primary", key="rule_add", on_click=admin_rule.ask,
                  args=(Rule(name=""),))  # fmt: skip
        if not any(one.is_default for one in rules):
            st.button("Set the default", key="rule_default", on_click=admin_rule.ask,
                      args=(Rule(name="Default", is_default=True),))  # fmt: skip
    if not rules:
        states.empty("Nobody is given leads yet", "Leads go to the CRM without an owner until there is a rule.",
                     key="rules", icon="alt_route")  # fmt: skip
        return
    ordered = [one for one in rules if not one.is_default]
    with st.container(border=True, gap="xsmall", key="rules"):
        for place, rule in enumerate(rules):
            _rule(view, rule, place, is_last=rule.is_default or place == len(ordered) - 1)


def _rule(view: View, rule: Rule, place: int, *, is_last: bool) -> None:
    key = f"rule_{rule.rule_id}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=key):
        name = "Default" if rule.is_default else f"{place + 1}. {lead_words.plain(rule.name)}"
        off = "" if rule.is_active else " :gray-badge[off]"
        words = lead_words.plain(f"{admin_rule.when(view, rule)} → {admin_rule.whom(view, rule)}")
        lines = [f"**{name}**{off}", f":gray[:small[{words}]]", admin_rule.warning(view, rule)]
        st.markdown("  \n".join(filter(None, lines)), width="stretch")
        with st.container(horizontal=True, width="content", gap="xsmall"):
            if not rule.is_default:
                _move(view, rule, "up", -1, is_possible=place > 0)
                _move(view, rule, "down", 1, is_possible=not is_last)
            st.button(
                "Edit",
                key=f"{key}_edit",
                on_click=admin_rule.ask,
                args=(rule,),
                help=lead_words.plain(f"Edit {rule.name}"),
            )
            st.button("Remove", key=f"{key}_remove", type="tertiary", help=lead_words.plain(f"Remove {rule.name}"),
                      on_click=admin_data.remove_rule, args=(view, rule.rule_id))  # fmt: skip


def _move(view: View, rule: Rule, way: str, step: int, *, is_possible: bool) -> None:
    st.button(
        "", icon=f":material/arrow_{way}ward:", key=f"rule_{rule.rule_id}_{way}",
        help=lead_words.plain(f"Move {rule.name} {way}"),
        disabled=not is_possible, on_click=admin_data.move_rule, args=(view, rule.rule_id, step),
    )  # fmt: skip


# --- people ----------------------------------------------------------------------------------------------------------


def _people(view: View) -> None:
    cards.title("Capacity", "Leads that somebody gets on a day at most; empty: as many as come")
    staff, held = admin_data.staff(view), admin_data.capacities(view)
    if not staff:
        st.markdown(":gray[No CRM has told of salespeople yet.]")
        return
    frame = pd.DataFrame(
        {"name": [one.name for one in staff.values()], "per_day": [held.get(one) for one in staff]}
    ).astype({"per_day": "Int64"})
    edited = st.data_editor(
        frame, hide_index=True, disabled=["name"], alt="Capacity by salesperson",
        height=min(320, 38 + 35 * len(frame)),
        key=f"capacity_{view.organization_id}_{hash(tuple(sorted(held.items())))}",
        column_config={
            "name": st.column_config.TextColumn("Salesperson"),
            "per_day": st.column_config.NumberColumn("Leads a day", min_value=1, max_value=10_000, step=1),
        },
    )  # fmt: skip
    if st.button("Save capacities", key="capacity_save"):
        for owner_id, given in zip(staff, edited["per_day"].tolist(), strict=True):
            wanted = None if pd.isna(given) else int(given)
            if wanted != held.get(owner_id):
                admin_data.set_capacity(view, owner_id, wanted)
        st.toast("Capacities saved.", icon=":material/check:")
        st.rerun()


def _absences(view: View) -> None:
    cards.title("Out of office", "On these days somebody gets no leads; by turns the others go on")
    staff = {one.owner_id: one.name for one in admin_data.staff(view).values()}
    for one in admin_data.absences(view):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            who = lead_words.plain(staff.get(one.owner_id, "Somebody who has left"))
            stand_in = f" · {lead_words.plain(staff.get(one.stand_in_id, '?'))} stands in" if one.stand_in_id else ""
            told = formats.day_range(one.first_day, one.last_day)
            st.markdown(f"{who} :gray[:small[{told}{stand_in}]]", width="stretch")
            st.button("Remove", type="tertiary", key=f"absence_{one.absence_id}", help=f"Remove the absence of {who}",
                      on_click=admin_data.remove_absence, args=(view, one.absence_id))  # fmt: skip
    if not staff:
        return
    nobody = {0: "Nobody"} | staff
    who_id = st.selectbox("Who", list(staff), format_func=staff.__getitem__, index=None, key="absence_who",
                          placeholder="Choose a salesperson")  # fmt: skip
    today = admin_data.today(view)
    days = st.date_input("First and last day", (today, today), min_value=today, key="absence_days", format="YYYY-MM-DD")
    stand_in_id = st.selectbox("Who stands in where a rule names this person", list(nobody), key="absence_stand_in",
                               format_func=nobody.__getitem__)  # fmt: skip
    first, last = days if len(days) == 2 else (None, None)
    is_added = st.button("Add", key="absence_add", disabled=who_id is None or last is None)
    if is_added and who_id and first and last:
        absence = Absence(
            absence_id=0, owner_id=who_id, first_day=first, last_day=last, stand_in_id=stand_in_id or None
        )
        try:
            admin_data.add_absence(view, absence)
        except RuleRefused as error:
            st.error(lead_words.plain(str(error)), icon=":material/error:")
            return
        st.rerun()


# --- what happened ---------------------------------------------------------------------------------------------------


def _last(view: View) -> None:
    found = admin_data.assignments(view)
    if not found:
        cards.title("Last assignments", "No lead has been given to anybody yet")
        return
    cards.title("Last assignments", f"{formats.plural(len(found), 'lead')}, the newest first")
    frame = pd.DataFrame(
        [
            {"at": one.at.astimezone(view.zone), "owner": one.owner, "rule": one.rule, "because": one.because,
             "lead": str(one.lead_id)}
            for one in found
        ]
    )  # fmt: skip
    with st.container(height=min(420, 80 + 38 * len(found)), border=False):
        tables.plain(frame, _ASSIGNED, caption="Last assignments")
    ids = [str(one.lead_id) for one in found]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        picked = st.selectbox("Open a lead", ids, index=None, placeholder="Choose a lead", key="assigned_picked",
                              width=360)  # fmt: skip
        if picked:
            st.page_link(places.LEAD, label="Open", icon=":material/open_in_new:",
                         query_params=places.link(view.filters, lead=picked))  # fmt: skip
