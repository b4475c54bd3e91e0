"""Scores of open deals on the page Pipeline: the chance of winning beside each, when it may close, what is expected.

Scores are of now: where the page looks back, or the model has proven nothing, there are none. A row opens the deal's
flags all the same.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any, Final

import pandas as pd
import streamlit as st

from insights import stages
from insights.metrics import METRICS
from insights.report_card import DEFINITIONS
from snapshots import scored_rows, scores
from snapshots.scored_rows import ScoreFilter
from snapshots.scores import CurrentScore
from workbench import (
    cards,
    figures,
    formats,
    grid,
    health_sheet,
    installation,
    lead_dialogs,
    lead_words,
    rights,
    score_sheet,
    score_sheet_data,
    score_words,
    states,
)
from workbench.columns import Column, ColumnKind
from workbench.content import RowsPage
from workbench.row_sets import AMOUNT
from workbench.view import View

_DIALOG, _EPOCH = "deal_score", "deal_score_epoch"
COLUMNS: Final = (
    Column(field="probability", title="Chance", kind=ColumnKind.RATE, text_field="chance", width=0.7,
           help=DEFINITIONS["Chance"]),
    Column(field="expected_minor", title="Expected value", kind=ColumnKind.MONEY, text_field="expected_text",
           help="Amount × chance of winning"),
    Column(field="close_likely", title="Expected close", kind=ColumnKind.DATE, text_field="closes", width=1.6,
           help="The middle of when such deals were won; in eight of ten cases between the days in brackets"),
    Column(field="why", title="Why", width=2.2),
)  # fmt: skip


def is_shown(view: View) -> bool:
    used = score_sheet_data.in_use(view, "deal")
    return not view.looks_back and used is not None and bool(used.card["gate"]["open"])


def cards_of(view: View, rates: pd.DataFrame) -> list[cards.Kpi]:
    """The card of what is expected by the model; none where no scores are shown."""
    if not is_shown(view):
        return []
    wanted = ScoreFilter(owner_ids=view.filters.owner_ids, team_ids=view.filters.team_ids, sources=view.filters.sources)
    bands = scored_rows.deal_bands(installation.database(), rights.viewer(view), wanted=wanted)
    found = stages.expected_by_model(
        bands, rates=rates, day=pd.Timestamp(view.as_of), reporting_currency=view.reporting_currency
    )
    note = f"n {formats.count(found.n)}" if found.n else ""
    return [replace(figures.card(found), rows=None, note=note, definition=METRICS["expected_by_model"].definition)]


def with_scores(view: View, page: RowsPage) -> RowsPage:
    """The page with the columns of scores behind the amount; as it is where none are shown."""
    if not is_shown(view):
        return page
    place = list(page.columns).index(AMOUNT) + 1
    columns = (*page.columns[:place], *COLUMNS, *page.columns[place:])
    return replace(page, columns=columns, frame=told(view, page.frame))


def told(view: View, frame: pd.DataFrame) -> pd.DataFrame:
    """Deals with what their scores say: `probability`, `chance`, `expected_minor` (in the deal's currency),
    `close_likely`, `closes`, `why`."""
    if not is_shown(view):
        return frame
    keys = [str(one) for one in frame["deal_id"]]
    found = scores.current_of(installation.database(), rights.viewer(view), "deal", keys)
    held = [found.get(key) for key in keys]
    made = pd.DataFrame(
        [_said(one, currency) for one, currency in zip(held, frame["currency"], strict=True)],
        columns=["probability", "chance", "expected_minor", "expected_text", "close_likely", "closes", "why"],
        index=frame.index, dtype=object,
    )  # fmt: skip
    return pd.concat([frame, made], axis=1)


def _said(one: CurrentScore | None, currency: object) -> tuple[Any, ...]:
    if one is None:
        return None, formats.MISSING, None, formats.MISSING, None, formats.MISSING, None
    expected = one.expected_minor if one.currency == currency else None
    return (one.probability, score_words.chance(one.probability), expected,
            formats.money_short(expected, one.currency), one.close_likely, _closes(one),
            score_words.in_short(one.reasons))  # fmt: skip


def _closes(one: CurrentScore) -> str:
    if one.close_likely is None:
        return formats.MISSING
    if one.close_early is None or one.close_late is None:
        return formats.day(one.close_likely)
    return f"{_short(one.close_likely)} ({_short(one.close_early)} – {formats.day(one.close_late)})"


def _short(day: date) -> str:
    return f"{day.day} {day:%b}"


def draw_grid(page: RowsPage, *, key: str, max_height: int) -> None:
    """The open deals; a row opens the reasons of its score, where there are scores, and its flags."""
    shown = grid.rows_for(page.frame, page.columns)
    shown["deal_id"] = page.frame["deal_id"].tolist()
    definitions = []
    is_one_of_many = page.next_after is not None or (page.total or 0) > len(page.frame)
    for column in page.columns:
        # Largest first over all pages: a click on a head would sort the page that is shown, alone.
        definition = grid.column_definition(column, **grid.room_for(shown, column))
        definition |= {"sortable": False} if is_one_of_many else {}
        if column.field == "why":
            definition |= {"minWidth": 260}
        elif column.field == "name":
            definition |= {"minWidth": 180, "pinned": "left"}
        definitions.append(definition)
    epoch = st.session_state.get(_EPOCH, 0)
    answer = grid.draw(shown, definitions, key=f"{key}_{epoch}", opens=True, max_height=max_height)
    if answer.selected is not None:
        st.session_state[_EPOCH] = epoch + 1
        lead_dialogs.ask(_DIALOG, (str(answer.selected["deal_id"]), str(answer.selected["name__text"])))
        st.rerun()


def dialog_if_asked(view: View) -> bool:
    """Opens the reasons and flags of the deal that was asked for; False where none was."""
    asked = lead_dialogs.asked(_DIALOG)
    if asked is None:
        return False
    key, name = asked
    st.dialog(lead_words.plain(name), width="medium", on_dismiss=lead_dialogs.close)(_sheet)(view, key)
    return True


def _sheet(view: View, key: str) -> None:
    has_scores = is_shown(view)
    if has_scores:
        with states.guarded("The score could not be read", key="deal_sheet", still_works="The list still works."):
            with states.loading(240):
                found = score_sheet_data.sheet(view, "deal", key)
            if found is None:
                st.markdown(":gray[It has no score: it is not scored yet, or closed meanwhile.]")
            else:
                score_sheet.draw(view, found, has_title=False)
                score_sheet.lab_link(view, "deal")
    with states.guarded("The flags could not be read", key="deal_flags", still_works="The list still works."):
        flags = health_sheet.section if has_scores else health_sheet.alone
        flags(view, int(key))
