"""What if: an open lead or deal, or a typical one, with other values; its score, reasons and the change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd
import streamlit as st

from insights import report_card
from insights.scoring.reasons import group_of
from workbench import cards, formats, model_trial_data, score_words, states
from workbench.model_lab_data import Lab
from workbench.model_trial_data import Known
from workbench.view import View

SHOWN: Final = 6
"""Columns that stand in the form at first, by what the score differs by most."""
_NOT_GIVEN: Final = "Not given"


@st.fragment
def draw(view: View, lab: Lab) -> None:
    """Redraws itself alone, for every change asks the model anew."""
    noun = lab.subject
    with states.guarded("The what-if could not be drawn", key="lab_trial"):
        cards.title("What if?", f"An open {noun} with other values, by the version in use; nothing of it is kept")
        assert lab.used is not None
        with states.loading(120):
            known = model_trial_data.known(view, lab.used)
        if known is None:
            st.markdown(":gray[The model in use was made by another version of this program. Train a new one.]")
            return
        name = _picked(known, noun)
        row = known.row(name)
        left, right = st.container(key="split_trial").columns([1, 1.2], gap="medium")
        with left:
            changed = _form(known, row, lab.used.card, key=f"{lab.subject}_{name}")
        with right:
            _answer(known, row, changed, noun)


def _picked(known: Known, noun: str) -> int:
    """0: a typical one."""
    names = {0: f"A typical open {noun} (medians, most frequent values)", **known.names}
    picked = st.selectbox(f"Open {noun}", list(names), format_func=names.__getitem__, key=f"trial_{noun}",
                          label_visibility="collapsed",
                          help=f"The {formats.count(len(known.names))} with the highest scores")  # fmt: skip
    return int(picked or 0)


def _form(known: Known, row: pd.DataFrame, card: Mapping[str, Any], *, key: str) -> pd.DataFrame:
    """The row with what was changed."""
    columns = _by_weight(known, card)
    values = {name: _field(known, name, row[name].iloc[0], key) for name in columns[:SHOWN]}
    if columns[SHOWN:]:
        with st.expander(f"{len(columns) - SHOWN} more", type="compact"):
            values |= {name: _field(known, name, row[name].iloc[0], key) for name in columns[SHOWN:]}
    return row.assign(**{name: pd.Series([value], dtype=row[name].dtype) for name, value in values.items()})


def _by_weight(known: Known, card: Mapping[str, Any]) -> Sequence[str]:
    order = [str(one["group"]) for one in card.get("importance", ())]
    place = {group: number for number, group in enumerate(order)}
    names = [name for name in known.sorts if name in known.rows]
    return sorted(names, key=lambda name: (place.get(group_of(name), len(order)), name))


def _field(known: Known, name: str, value: Any, key: str) -> Any:
    """A widget for one column, with the value as it is; what it holds now."""
    label, key = report_card.shown(name), f"trial_{key}_{name}"
    if known.sorts[name] == "number":
        given = None if formats.is_missing(value) else float(value)
        found = st.number_input(label, value=given, step=known.step(name), key=key, placeholder=_NOT_GIVEN)
        # A number comes back as it is printed, with two decimals.
        is_same = found is not None and given is not None and abs(found - given) < 0.006
        return given if is_same else float("nan") if found is None else found
    options = known.options(name)
    place = options.index(str(value)) if str(value) in options else None
    return st.selectbox(label, options, index=place, key=key, placeholder=_NOT_GIVEN, accept_new_options=True)


def _answer(known: Known, row: pd.DataFrame, changed: pd.DataFrame, noun: str) -> None:
    before, after = known.score(row), known.score(changed)
    is_changed = any(_differs(row[name].iloc[0], changed[name].iloc[0]) for name in row.columns)
    st.html(score_words.standing(after.score, after.band, after.probability, known.base_rate, subject=noun))
    if is_changed:
        st.markdown(f"**The change**: {score_words.change_in_words(before.score, after.score)}.")
    else:
        st.markdown(":gray[As it is now. Change a value to see what it does.]")
    st.html(score_words.bars(after.reasons, after.score))
    if after.action is not None:
        st.markdown(f":material/bolt: Next: **{after.action['action']}**, "
                    f"{score_words.points(float(after.action['points']))} points.")  # fmt: skip
    st.caption("By what was seen in the past. That doing it now has the same effect is not proven: who was called may "
               "have been the likelier buyer.")  # fmt: skip


def _differs(one: Any, other: Any) -> bool:
    if formats.is_missing(one) or formats.is_missing(other):
        return formats.is_missing(one) != formats.is_missing(other)
    return bool(one != other) and str(one) != str(other)
