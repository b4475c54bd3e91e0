"""The sheet of a change of CRM: a select per owner, team, pipeline and stage, deals in bulk, what becomes of the rest.

Every choice begins as it was guessed and says why; nothing is kept before it is confirmed.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd
import streamlit as st

from adapters.records import Kind
from snapshots.change_guesses import DealFacts, DealGuess, Guess, Item
from snapshots.crm_changes import CrmChange, Sheet
from snapshots.handover import Choices
from workbench import cards, change_data, formats, tables
from workbench.columns import Column, ColumnKind
from workbench.lead_words import plain, visible
from workbench.view import View

_WIDTHS: Final = (1.2, 1.4, 1.4)
NEW: Final = 0
"""The choice of something that is not known here."""
MOST_ROWS: Final = 25
"""Rows on a page: each holds a select with everybody in it."""
MOST_SHOWN: Final = 200
_TITLES: Final = {
    Kind.OWNER: ("Salespeople", "By e-mail address, else by name"),
    Kind.TEAM: ("Teams", "By name"),
    Kind.PIPELINE: ("Pipelines", "By name"),
    Kind.STAGE: ("Stages", "Within pipelines that are the same: by name, else by place"),
}
_WORDS: Final = {Kind.OWNER: "salesperson", Kind.TEAM: "team", Kind.PIPELINE: "pipeline", Kind.STAGE: "stage"}
_PAIR_COLUMNS: Final = (
    Column(field="theirs", title="There", width=1.5),
    Column(field="company", title="Company"),
    Column(field="created", title="Created there", kind=ColumnKind.DATE),
    Column(field="amount", title="Amount there", kind=ColumnKind.MONEY),
    Column(field="ours", title="Here", width=1.5),
    Column(field="our_created", title="Created here", kind=ColumnKind.DATE),
    Column(field="our_amount", title="Amount here", kind=ColumnKind.MONEY, currency_field="our_currency"),
    Column(field="status", title="Status here"),
)
_DEAL_COLUMNS: Final = (
    Column(field="name", title="Deal", width=1.5),
    Column(field="company", title="Company"),
    Column(field="created", title="Created", kind=ColumnKind.DATE),
    Column(field="amount", title="Amount", kind=ColumnKind.MONEY),
)


def draw(view: View, change: CrmChange, sheet: Sheet) -> tuple[Choices, list[str]]:
    """What is chosen, and what keeps it from being confirmed."""
    items, faults = _items(change, sheet)
    deals = _deals(change, sheet)
    ended = _unmoved(change, sheet, frozenset(deals.values()))
    return Choices(items=items, deals=deals, ended=ended), faults


# --- owners, teams, pipelines, stages --------------------------------------------------------------------------------


def _items(change: CrmChange, sheet: Sheet) -> tuple[dict[Kind, Mapping[str, int | None]], list[str]]:
    chosen: dict[Kind, Mapping[str, int | None]] = {}
    faults: list[str] = []
    for kind in (Kind.OWNER, Kind.TEAM, Kind.PIPELINE, Kind.STAGE):
        guesses = sheet.guesses[kind]
        if kind is Kind.STAGE:
            guesses = change_data.stage_guesses(sheet, chosen[Kind.PIPELINE])
        chosen[kind] = _kind(change, sheet, kind, guesses, chosen) if sheet.theirs[kind] else {}
        faults += _doubled(sheet, kind, chosen[kind])
    return chosen, faults


def _doubled(sheet: Sheet, kind: Kind, chosen: Mapping[str, int | None]) -> list[str]:
    names = {one.key: one.name for one in sheet.ours[kind]}
    counts = Counter(ours for ours in chosen.values() if ours is not None)
    return [f"{names.get(ours)} was chosen for more than one {_WORDS[kind]}." for ours, n in counts.items() if n > 1]


def _kind(
    change: CrmChange,
    sheet: Sheet,
    kind: Kind,
    guesses: Mapping[str, Guess],
    chosen: Mapping[Kind, Mapping[str, int | None]],
) -> dict[str, int | None]:
    title, note = _TITLES[kind]
    with st.container(border=True, key=f"map_{kind.value}", gap="xsmall"):
        found = sum(guess.ours is not None for guess in guesses.values())
        cards.title(title, f"{note}. {found} of {len(guesses)} in {change.to_name} were found here")

        _heads(change, kind)

        offers = {
            str(one.key): _offer(change, sheet, kind, one, guesses[str(one.key)], _options(sheet, kind, one, chosen))
            for one in sheet.theirs[kind]
        }

        def row(one: Item) -> int | None:
            return _row(change, sheet, kind, one, guesses[str(one.key)], offers[str(one.key)])

        seen = _seen(sheet.theirs[kind], guesses, row, key=f"map_{change.change_id}_{kind.value}_page")
        made = {key: seen.get(key, offer.kept) for key, offer in offers.items()}
        held = {ours for ours in made.values() if ours is not None}
        left = [one.name or "Unnamed" for one in sheet.ours[kind] if one.key not in held]
        if left:
            shown = ", ".join(plain(name) for name in left[:8])
            more = f" and {len(left) - 8} more" if len(left) > 8 else ""
            st.markdown(f":gray[:small[Here alone, and kept with their history: {shown}{more}.]]")
    return made


def _heads(change: CrmChange, kind: Kind) -> None:
    """Names of the columns, for eyes alone: each select says by itself whom it is about."""
    heads = (f"In {plain(change.to_name)}", "Here", "Why")
    with st.container(key=f"maphead_{kind.value}"):
        for place, words in zip(st.columns(_WIDTHS, gap="small"), heads, strict=True):
            place.markdown(f":gray[:small[{words}]]")


def _seen(
    theirs: Sequence[Item], guesses: Mapping[str, Guess], row: Callable[[Item], int | None], *, key: str
) -> dict[str, int | None]:
    """The rows of a page of them, and what is chosen there. What was not found stands first."""
    n_pages = -(-len(theirs) // MOST_ROWS)
    ordered: Sequence[Item] = theirs
    if _is_flat(theirs) or n_pages > 1:
        ordered = sorted(theirs, key=lambda one: guesses[str(one.key)].ours is not None)
    place = st.container(gap="xsmall")
    number = st.pagination(n_pages, key=key) if n_pages > 1 else 1
    with place:
        return {str(one.key): row(one) for one in ordered[(number - 1) * MOST_ROWS : number * MOST_ROWS]}


def _is_flat(theirs: Sequence[Item]) -> bool:
    """Stages keep their order."""
    return all(one.pipeline is None for one in theirs)


def _options(sheet: Sheet, kind: Kind, one: Item, chosen: Mapping[Kind, Mapping[str, int | None]]) -> list[Item]:
    taken = set(sheet.fixed[kind].values())
    ours = [other for other in sheet.ours[kind] if other.key not in taken]
    if kind is not Kind.STAGE:
        return ours
    pipeline = chosen[Kind.PIPELINE].get(str(one.pipeline))
    of_it = [other for other in ours if pipeline is not None and other.pipeline == pipeline]
    return [other for other in of_it if other.status == one.status]


@dataclass(frozen=True, slots=True)
class _Offer:
    """What can be chosen for one of theirs. usual: the choice that was guessed. state: the name of the answer in the
    session. fixed: what it was tied to before, which is no choice."""

    names: Mapping[int, str]
    choices: Sequence[int]
    usual: int
    state: str
    fixed: int | None

    @property
    def kept(self) -> int | None:
        """What was chosen when the row was last shown, else the guess."""
        if self.fixed is not None:
            return self.fixed
        return st.session_state.get(self.state, self.usual) or None


def _offer(change: CrmChange, sheet: Sheet, kind: Kind, one: Item, guess: Guess, options: Sequence[Item]) -> _Offer:
    names = {int(other.key): _named(other) for other in options}
    return _Offer(
        names=names,
        choices=[NEW, *sorted(names, key=lambda key: names[key].casefold())],
        usual=guess.ours if guess.ours is not None and guess.ours in names else NEW,
        state=f"map_{change.change_id}_{kind.value}_{one.key}_{guess.ours}_{len(names) + 1}",
        fixed=sheet.fixed[kind].get(str(one.key)),
    )


def _row(change: CrmChange, sheet: Sheet, kind: Kind, one: Item, guess: Guess, offer: _Offer) -> int | None:
    name = _named(one)
    row = st.container(key=f"maprow_{kind.value}_{one.key}")
    left, middle, right = row.columns(_WIDTHS, gap="small", vertical_alignment="center")
    about = html.escape(visible(_about(sheet, kind, one)))
    left.html(f'<div class="slms-mapped"><b>{html.escape(name)}</b><span>{about}</span></div>')
    if offer.fixed is not None:
        known = next((other.name for other in sheet.ours[kind] if other.key == offer.fixed), None)
        middle.markdown(plain(known or "Unnamed"))
        picked: int | None = offer.fixed
    else:
        answer = middle.selectbox(
            plain(f"{name} in {change.to_name} is"), offer.choices, index=offer.choices.index(offer.usual),
            key=offer.state, label_visibility="collapsed", persist_state="page",
            format_func=lambda key: offer.names.get(key) or f"New here: {name}",
        )  # fmt: skip
        picked = answer or None
    right.markdown(_why(picked, guess))
    return picked


def _named(one: Item | DealFacts) -> str:
    """For places that show text as it is."""
    return visible(one.name or "Unnamed")


def _about(sheet: Sheet, kind: Kind, one: Item) -> str:
    if kind is Kind.OWNER and one.email:
        return one.email
    if kind is Kind.STAGE:
        pipeline = next((other.name for other in sheet.theirs[Kind.PIPELINE] if other.key == one.pipeline), None)
        of_closed = "" if one.status == "open" else f" · {one.status} deals"
        return f"{pipeline or 'Unnamed'}{of_closed}"
    return ""


def _why(picked: int | None, guess: Guess) -> str:
    if picked != guess.ours:
        return ":blue[:material/edit:] :gray[:small[Changed by you]]"
    if picked is None:
        return f":orange[:material/add_circle:] :gray[:small[{plain(guess.why)}, so it is new]]"
    return f":green[:material/check_circle:] :gray[:small[{plain(guess.why)}]]"


# --- deals -----------------------------------------------------------------------------------------------------------


def _deals(change: CrmChange, sheet: Sheet) -> dict[str, int]:
    fixed = sheet.fixed[Kind.DEAL]
    groups: dict[str, list[DealGuess]] = {}
    for pair in sheet.pairs:
        groups.setdefault(pair.why, []).append(pair)
    with st.container(border=True, key="map_deal", gap="xsmall"):
        n_open = sum(one.status == "open" for one in sheet.their_deals.values())
        cards.title("Deals", f"{formats.plural(len(sheet.their_deals), 'deal')} in {change.to_name}, "
                             f"{formats.count(n_open)} open")  # fmt: skip
        if fixed:
            st.markdown(
                f":green[:material/check_circle:] {formats.plural(len(fixed), 'deal')} :gray[known from before]"
            )
        chosen: dict[str, int] = {}
        for number, (why, pairs) in enumerate(groups.items()):
            chosen |= _group(change, sheet, why, pairs, number)
        _new_deals(change, sheet, chosen)
    return chosen


def _group(change: CrmChange, sheet: Sheet, why: str, pairs: Sequence[DealGuess], number: int) -> dict[str, int]:
    state = f"map_{change.change_id}_deals_{change.read_at}_{number}"
    told = f"{formats.plural(len(pairs), 'deal is', 'deals are')} the same: {why[:1].lower()}{why[1:]}"
    is_same = st.checkbox(plain(told), value=True, key=state)
    with st.expander("Show them"):
        shown = pairs[:MOST_SHOWN]
        frame = pd.DataFrame([_pair(sheet.their_deals[p.theirs], sheet.our_deals[p.ours]) for p in shown])
        tables.plain(frame, _PAIR_COLUMNS, caption=f"Deals taken to be the same: {why}")
        names = {pair.theirs: f"{_named(sheet.their_deals[pair.theirs])} · {visible(pair.theirs)}" for pair in pairs}
        others = st.multiselect("Not the same", list(names), format_func=names.__getitem__, key=f"{state}_not",
                                disabled=not is_same, placeholder="None")  # fmt: skip
    return {pair.theirs: pair.ours for pair in pairs if pair.theirs not in others} if is_same else {}


def _pair(theirs: DealFacts, ours: DealFacts) -> dict[str, object]:
    return {
        "theirs": theirs.name, "company": theirs.company, "created": theirs.created_at, "amount": theirs.amount_minor,
        "currency": theirs.currency, "ours": ours.name, "our_created": ours.created_at, "our_amount": ours.amount_minor,
        "our_currency": ours.currency, "status": ours.status.capitalize(),
    }  # fmt: skip


def _new_deals(change: CrmChange, sheet: Sheet, chosen: Mapping[str, int]) -> None:
    known = chosen.keys() | sheet.fixed[Kind.DEAL].keys()
    new = [one for key, one in sheet.their_deals.items() if key not in known]
    n_open = sum(one.status == "open" for one in new)
    if n_open:
        st.markdown(f":orange[:material/add_circle:] {formats.plural(n_open, 'open deal')} :gray[in "
                    f"{plain(change.to_name)} alone: new here, counted from the day of the change on]")  # fmt: skip
    if len(new) > n_open:
        n = formats.plural(len(new) - n_open, "closed deal")
        st.markdown(f":gray[:material/history: {n} in {plain(change.to_name)} alone: kept, counted nowhere, as days "
                    f"before the change are told by {plain(change.from_name)}]")  # fmt: skip


def _unmoved(change: CrmChange, sheet: Sheet, taken: frozenset[int]) -> frozenset[int]:
    left = {int(one.key): one for one in sheet.unmoved(taken)}
    with st.container(border=True, key="map_unmoved", gap="xsmall"):
        cards.title("Open deals that were not moved", f"Open here, and not found in {change.to_name}")
        if not left:
            st.markdown(":green[:material/check_circle:] :gray[Every open deal was found.]")
            return frozenset()
        ways = {
            True: "End them on the day of the change, with the reason “not moved”",
            False: "Keep them open as they are",
        }
        ends = st.radio(f"What of {formats.plural(len(left), 'deal')}?", list(ways), format_func=ways.__getitem__,
                        key=f"map_{change.change_id}_ends")  # fmt: skip
        names = {key: f"{_named(one)} · {visible(one.company or 'no company')}" for key, one in left.items()}
        state = f"map_{change.change_id}_but_{ends}_{len(left)}"
        but = st.multiselect("But keep these" if ends else "But end these", list(names), format_func=names.__getitem__,
                             key=state, placeholder="None")  # fmt: skip
        shown = list(left.values())[:MOST_SHOWN]
        frame = pd.DataFrame([
            {"name": one.name, "company": one.company, "created": one.created_at, "amount": one.amount_minor,
             "currency": one.currency} for one in shown
        ])  # fmt: skip
        with st.expander(f"The first {MOST_SHOWN} of them" if len(left) > MOST_SHOWN else "Show them"):
            tables.plain(frame, _DEAL_COLUMNS, caption="Open deals that were not moved")
    return frozenset(left) - set(but) if ends else frozenset(but)
