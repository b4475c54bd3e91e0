"""Admin, sources and campaigns: names with aliases, rules over what visits say, what was paid, and who is own staff."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import pandas as pd
import streamlit as st

from snapshots.marketing import Cost, Marketing, Name, NameKind, NameTaken, Unknown
from snapshots.origins import CONDITIONS, UtmRule
from snapshots.tables import decimals
from workbench import admin_data, cards, formats, lead_words, tables
from workbench.columns import Column, ColumnKind
from workbench.view import View

_COST_COLUMNS: Final = (
    Column(field="name", title="Paid for", width=1.3),
    Column(field="first_day", title="From", kind=ColumnKind.DATE),
    Column(field="last_day", title="To", kind=ColumnKind.DATE),
    Column(field="amount_minor", title="Cost", kind=ColumnKind.MONEY),
)
_RULE_TITLES: Final = {
    "utm_source": "utm_source is", "utm_medium": "utm_medium is", "utm_campaign": "utm_campaign is",
    "click": "Click id", "referrer": "Came from", "source": "→ Source", "campaign": "→ Campaign",
}  # fmt: skip


def draw(view: View) -> None:
    """The section; changes count for all visits that ever came, at once."""
    marketing = admin_data.marketing(view)
    for kind in ("source", "campaign"):
        _unknown(marketing, kind)
    left, right = st.container(key="split_names").columns([1, 1], gap="small")
    with left.container(border=True, height="stretch"):
        _names(marketing, "source", view)
    with right.container(border=True, height="stretch"):
        _names(marketing, "campaign", view)
    with st.container(border=True):
        _rules(marketing, view)
    with st.container(border=True):
        _costs(marketing, view)
    with st.container(border=True):
        _staff(view)


def _tried(change: Any, *arguments: Any, done: str, place: str = "sources_fault") -> None:
    """Runs a change; what is wrong with it is said at the place, and nothing has changed then."""
    try:
        change(*arguments)
    except (NameTaken, ValueError, LookupError) as error:
        st.session_state[place] = str(error)
        return
    st.toast(done, icon=":material/check:")


def _told_fault(place: str) -> None:
    if fault := st.session_state.pop(place, None):
        st.error(lead_words.plain(fault), icon=":material/error:")


# --- words that nobody named ------------------------------------------------------------------------------------------


def _unknown(marketing: Marketing, kind: NameKind) -> None:
    found = marketing.unknown(kind, most=8)
    _told_fault("sources_fault")
    if not found:
        return
    cards.title(f"New {kind}s", "Words that visits said and nobody named; they are shown as they came")
    names = marketing.names(kind)
    for number, one in enumerate(found):
        _unknown_row(marketing, one, names, key=f"unknown_{kind}_{number}")


def _unknown_row(marketing: Marketing, one: Unknown, names: list[Name], *, key: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=key):
        seen = f"{formats.plural(one.n, 'visit')}, last {formats.day(one.last_day)}"
        st.markdown(f"**{lead_words.plain(one.word)}** :gray[:small[{seen}]]", width="stretch")
        st.button(f"Add as a {one.kind}", key=f"{key}_add", on_click=_tried, args=(marketing.add, one.kind, one.word),
                  kwargs={"done": "It is a name of its own now."})  # fmt: skip
        if names:
            with st.popover("Is the same as", key=f"{key}_same"):
                for name in names[:40]:
                    st.button(
                        lead_words.plain(name.name), key=f"{key}_{name.name_id}", type="tertiary", on_click=_tried,
                        args=(marketing.add_alias, one.kind, name.name_id, one.word),
                        kwargs={"done": "It is an alias now."},
                    )  # fmt: skip


# --- names ------------------------------------------------------------------------------------------------------------


def _names(marketing: Marketing, kind: NameKind, view: View) -> None:
    names = marketing.names(kind)
    cards.title(f"{kind.capitalize()}s", formats.plural(len(names), kind) if names else "None is named yet")
    if names:
        frame = pd.DataFrame([{"name": one.name, "aliases": ", ".join(one.aliases)} for one in names])
        columns = (
            Column(field="name", title="Name"), Column(field="aliases", title="Also written", width=1.6, missing="–")
        )  # fmt: skip
        tables.plain(frame, columns, caption=f"{kind.capitalize()}s and their aliases")
    _edit_name(marketing, kind, names)


def _edit_name(marketing: Marketing, kind: NameKind, names: list[Name]) -> None:
    by_id: dict[int, Name | None] = {0: None, **{one.name_id: one for one in names}}
    picked = st.selectbox(
        "Add or change", list(by_id), key=f"name_{kind}_picked",
        format_func=lambda one: held.name if (held := by_id[one]) else f"New {kind}",
    )  # fmt: skip
    held = by_id.get(picked or 0)
    key = f"name_{kind}_{picked}"
    name = st.text_input("Name", held.name if held else "", key=f"{key}_name", max_chars=120)
    aliases = st.text_input("Also written (with commas between)", ", ".join(held.aliases) if held else "",
                            key=f"{key}_aliases")  # fmt: skip
    words = tuple(one.strip() for one in aliases.split(",") if one.strip())
    with st.container(horizontal=True, gap="small"):
        if held is None:
            st.button("Add", type="primary", key=f"{key}_save", disabled=not name.strip(), on_click=_add,
                      args=(marketing, kind, name, words))  # fmt: skip
            return
        changed = Name(name_id=held.name_id, kind=kind, name=name, aliases=words)
        st.button("Save", type="primary", key=f"{key}_save", on_click=_tried, args=(marketing.change, changed),
                  kwargs={"done": "Saved."})  # fmt: skip
        st.button("Remove", key=f"{key}_remove", on_click=_tried, args=(marketing.remove, kind, held.name_id),
                  kwargs={"done": "Removed; visits show what they said."},
                  help="With its aliases and what it cost. No visit is lost.")  # fmt: skip


def _add(marketing: Marketing, kind: NameKind, name: str, words: tuple[str, ...]) -> None:
    _tried(lambda: marketing.add(kind, name, aliases=words), done="Added.")
    for field in ("name", "aliases"):
        st.session_state.pop(f"name_{kind}_0_{field}", None)


# --- rules ------------------------------------------------------------------------------------------------------------


def _rules(marketing: Marketing, view: View) -> None:
    cards.title("UTM rules", "The first that matches names the source; * stands for any text. Without one: utm_source, "
                "the advertiser of a click, the form’s own source, the page that led here, else direct")  # fmt: skip
    rules = marketing.rules()
    frame = pd.DataFrame(
        [{name: getattr(one, name) for name in (*CONDITIONS, "source", "campaign")} for one in rules],
        columns=[*CONDITIONS, "source", "campaign"], dtype="object",
    )  # fmt: skip
    edited = st.data_editor(
        frame, key=f"utm_rules_{view.organization_id}_{hash(tuple(rules))}", num_rows="dynamic", hide_index=True,
        column_config={name: st.column_config.TextColumn(title, max_chars=120) for name, title in _RULE_TITLES.items()},
    )  # fmt: skip
    wanted = [
        UtmRule(**{str(name): str(word or "").strip() for name, word in row.items()})
        for row in edited.fillna("").to_dict("records")
        if any(str(word or "").strip() for word in row.values())
    ]
    st.button("Save rules", key="utm_rules_save", disabled=wanted == rules, on_click=_tried,
              args=(marketing.save_rules, wanted), kwargs={"done": "The rules count now, for earlier visits too."},
              type="primary" if wanted != rules else "secondary")  # fmt: skip


# --- costs ------------------------------------------------------------------------------------------------------------


def _costs(marketing: Marketing, view: View) -> None:
    cards.title("What it cost", "Spread evenly over its days; Lead analytics shows cost per lead, per deal and return")
    names = {one.name_id: one for kind in ("source", "campaign") for one in marketing.names(kind)}
    costs = marketing.costs()
    if costs:
        shown = [
            {"name": _title(names[one.name_id]), "first_day": one.first_day, "last_day": one.last_day,
             "amount_minor": one.amount_minor, "currency": one.currency}
            for one in costs
        ]  # fmt: skip
        tables.plain(pd.DataFrame(shown), _COST_COLUMNS, caption="Costs")
        _remove_cost(marketing, costs, names)
    if not names:
        st.markdown(":gray[Name a source or campaign first.]")
        return
    _add_cost(marketing, names, view)


def _title(name: Name) -> str:
    return f"{name.name} ({name.kind})"


def _remove_cost(marketing: Marketing, costs: list[Cost], names: dict[int, Name]) -> None:
    by_id = {one.cost_id: one for one in costs}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        picked = st.selectbox(
            "One of them", list(by_id), key="cost_picked", width=380, index=None, placeholder="Choose one to remove it",
            format_func=lambda one: f"{_title(names[by_id[one].name_id])}, from {formats.day(by_id[one].first_day)}",
        )  # fmt: skip
        st.button("Remove", key="cost_remove", disabled=picked is None, on_click=_tried,
                  args=(marketing.remove_cost, picked), kwargs={"done": "Removed."})  # fmt: skip


def _add_cost(marketing: Marketing, names: dict[int, Name], view: View) -> None:
    today = view.now.astimezone(view.zone).date()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        name_id = st.selectbox("Paid for", list(names), format_func=lambda one: _title(names[one]), key="cost_name",
                               width=240)  # fmt: skip
        days = st.date_input("From and to", (today.replace(day=1), today), key="cost_days", format="YYYY-MM-DD",
                             width=230)  # fmt: skip
        amount = st.number_input("Amount", min_value=0.0, step=100.0, key="cost_amount", width=150)
        currency = st.text_input("Currency", view.reporting_currency or view.default_currency or "", max_chars=3,
                                 key="cost_currency", width=90)  # fmt: skip
        is_whole = isinstance(days, tuple) and len(days) == 2
        st.button("Add cost", key="cost_add", type="primary", disabled=not (is_whole and amount and currency),
                  on_click=_save_cost, args=(marketing, name_id, days, amount, currency))  # fmt: skip
    _told_fault("cost_fault")


def _save_cost(marketing: Marketing, name_id: int, days: tuple[date, date], amount: float, currency: str) -> None:
    """The amount is empty afterwards; what it was paid for and when stay, for the next one is often much like it."""
    code = currency.strip().upper()
    minor = round(amount * 10 ** decimals(code))
    cost = Cost(name_id=name_id, first_day=days[0], last_day=days[1], amount_minor=minor, currency=code)
    _tried(marketing.add_cost, cost, done="Added.", place="cost_fault")
    if "cost_fault" not in st.session_state:
        st.session_state["cost_amount"] = 0.0


# --- own staff --------------------------------------------------------------------------------------------------------


def _staff(view: View) -> None:
    cards.title("Own staff", "Visits from these networks are kept apart and not counted. Elsewhere your own people "
                "open a page of the website once with ?slms_staff=1 at the end of its address.")  # fmt: skip
    known = admin_data.staff_networks(view)
    frame = pd.DataFrame(known, columns=["network", "note"], dtype="object")
    edited = st.data_editor(
        frame, key=f"staff_{view.organization_id}_{hash(tuple(known))}", num_rows="dynamic", hide_index=True,
        column_config={"network": "Network, such as 203.0.113.0/24", "note": "Note"},
    )  # fmt: skip
    rows = edited.fillna("").to_dict("records")
    wanted = [(str(row["network"]).strip(), str(row["note"]).strip()) for row in rows if str(row["network"]).strip()]
    st.button("Save networks", key="staff_save", disabled=wanted == known, on_click=_tried,
              args=(admin_data.save_staff_networks, view, wanted),
              kwargs={"done": "Saved; it counts within half a minute."})  # fmt: skip
