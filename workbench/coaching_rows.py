"""The rows behind the figures of *How notes do*: a dialog over the page, one list per figure, to read and to export.

Which one is open stands in the session (`workbench.lead_dialogs`): figures are of the days and people of the filter
bar, which stand in the address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import streamlit as st

from snapshots.coaching_outcomes import FOLLOWED_DAYS
from workbench import coaching_words, export, formats, grid, lead_dialogs
from workbench.coaching_data import STATES
from workbench.coaching_evaluation import Evaluated
from workbench.columns import Column, ColumnKind
from workbench.view import View

ROWS: Final = "coaching_rows"
Names = Mapping[int, str]
WHO: Final = Column(field="who", title="Salesperson", width=1.2)
WEEK: Final = Column(field="week", title="Week of", kind=ColumnKind.DATE)
NOTE_COLUMNS: Final = (
    WHO, WEEK, Column(field="state_name", title="State", width=0.8),
    Column(field="worded", title="Worded by", width=1.3),
    Column(field="version", title="Versions", kind=ColumnKind.COUNT),
    Column(field="n_wrong", title="Called wrong", kind=ColumnKind.COUNT),
    Column(field="n_done", title="Done", kind=ColumnKind.COUNT),
)  # fmt: skip
ASKED_COLUMNS: Final = (
    WHO, WEEK, Column(field="of", title="Kind", width=0.7),
    Column(field="version", title="Version", kind=ColumnKind.COUNT),
    Column(field="written_at", title="Written", kind=ColumnKind.TIME, width=1.2),
    Column(field="asked_level", title="Asked for", width=0.8), Column(field="became", title="Became", width=1.2),
    Column(field="why", title="Refused or missing before", width=2.4, missing="Nothing"),
)  # fmt: skip
WRONG_COLUMNS: Final = (
    WHO, WEEK, Column(field="sentence", title="Sentence", width=2.6, missing="The note as a whole"),
    Column(field="comment", title="What is wrong", width=2.0, missing="No comment"),
    Column(field="about", title="About", width=1.2, missing="No fact"),
    Column(field="said_at", title="Said", kind=ColumnKind.TIME, width=1.2),
    Column(field="said_by", title="By", width=1.2), Column(field="version", title="Version", kind=ColumnKind.COUNT),
)  # fmt: skip
WRONG_IN_SHORT: Final = tuple(one for one in WRONG_COLUMNS if one.field not in {"said_at", "version"})
"""What has room on the page itself."""
SUGGESTED_COLUMNS: Final = (
    Column(field="deal", title="Deal", width=1.8, missing="Unnamed deal"), WHO, WEEK,
    Column(field="reason", title="Suggested because", width=1.5),
    Column(field="happened", title="What happened", width=1.5),
    Column(field="done", title="Called done", width=0.9),
    Column(field="stands", title="Stands", width=0.8, missing="Gone"),
)  # fmt: skip
COST_COLUMNS: Final = (
    WHO, WEEK, Column(field="of", title="Kind", width=0.7),
    Column(field="n_requests", title="Requests", kind=ColumnKind.COUNT, missing="Not kept any more",
           help="Requests are kept for 180 days; what they cost stays with the note"),
    Column(field="tokens", title="Tokens", kind=ColumnKind.COUNT),
    Column(field="dollars", title="Cost (USD)", kind=ColumnKind.NUMBER, text_field="cost", is_right=True),
    Column(field="n_unpriced", title="Without a price", kind=ColumnKind.COUNT),
)  # fmt: skip
OF: Final = {"rep": "Note", "manager": "Draft"}


@dataclass(frozen=True, slots=True)
class Listed:
    """A list: what it is called, what it holds, and from what it is made."""

    title: str
    note: str
    columns: Sequence[Column]
    make: Callable[[Evaluated, Names, View], pd.DataFrame]


def open_rows(key: str) -> None:
    """Asks for the rows behind a figure; the dialog opens with the run that follows."""
    lead_dialogs.ask(ROWS, key)


def dialog_if_asked(found: Evaluated, names: Names, view: View) -> None:
    listed = LISTS.get(lead_dialogs.asked(ROWS))
    if listed is not None:
        st.dialog(listed.title, width="large", on_dismiss=lead_dialogs.close)(_dialog)(
            listed, listed.make(found, names, view), view
        )


def _dialog(listed: Listed, frame: pd.DataFrame, view: View) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f":gray[{listed.note}]", width="stretch")
        export.menu(lambda: frame, listed.columns, name=f"{listed.title}-{view.as_of.isoformat()}", key="coaching_rows")
    if frame.empty:
        st.markdown(":gray[No rows in this view.]")
        return
    shown = grid.rows_for(frame, listed.columns)
    definitions = [grid.column_definition(column, **grid.room_for(shown, column)) for column in listed.columns]
    grid.draw(shown, definitions, key=f"coaching_rows_{lead_dialogs.asked(ROWS)}", max_height=458)


# --- lists -----------------------------------------------------------------------------------------------------------


def worded(row: Any) -> str:
    """By whom a note is worded, of a row of NOTES."""
    if row.level == "edited":
        return str(row.written_by)
    return "Without AI" if row.level == "L0" else f"A model ({row.level})"


def note_rows(found: Evaluated, names: Names, view: View) -> pd.DataFrame:
    notes = found.notes
    return _who(notes, names).assign(
        state_name=notes["state"].map(STATES), worded=[worded(one) for one in notes.itertuples()]
    )  # fmt: skip


def asked_rows(found: Evaluated, names: Names, view: View) -> pd.DataFrame:
    asked = found.asked
    return _who(asked, names).assign(
        of=asked["note_for"].map(OF), became=asked["is_accepted"].map({True: "Accepted", False: "Written without AI"}),
        written_at=asked["written_at"].dt.tz_convert(view.zone),
        why=["; ".join(coaching_words.reason(str(code)) for code in told) for told in asked["codes"]],
    )  # fmt: skip


def wrong_rows(found: Evaluated, names: Names, view: View) -> pd.DataFrame:
    wrong = found.wrong
    return _who(wrong, names).assign(
        about=[coaching_words.about(one) for one in wrong["metrics"]],
        said_at=wrong["said_at"].dt.tz_convert(view.zone),
    )  # fmt: skip


def suggested_rows(found: Evaluated, names: Names, view: View) -> pd.DataFrame:
    told = found.suggested
    return _who(told, names).assign(
        reason=[coaching_words.REASONS.get(str(one), str(one)) for one in told["metric"]],
        happened=[_happened(one) for one in told.itertuples()],
        done=told["is_done"].map({True: "Yes", False: "No"}), stands=told["status"].str.capitalize(),
    )  # fmt: skip


def _happened(row: Any) -> str:
    if row.n_activities:
        return formats.plural(int(row.n_activities), "activity", "activities")
    return "Nothing" if row.is_over else "Nothing yet"


def cost_rows(found: Evaluated, names: Names, view: View) -> pd.DataFrame:
    costs = found.costs
    dollars = costs["micro_usd"].astype("Float64") / 1e6
    return _who(costs, names).assign(
        of=costs["note_for"].map(OF), n_requests=costs["n_requests"].where(costs["n_requests"] > 0).astype("Int64"),
        dollars=dollars, cost=[formats.MISSING if pd.isna(one) else f"${one:.4f}" for one in dollars],
    )  # fmt: skip


def _who(frame: pd.DataFrame, names: Names) -> pd.DataFrame:
    return frame.assign(who=[names.get(int(one), f"Salesperson {one}") for one in frame["owner_id"]])


LISTS: Final[Mapping[Any, Listed]] = {
    "n_notes": Listed("Notes", "Each note of these days in its newest version.", NOTE_COLUMNS, note_rows),
    "accepted": Listed("Writings by a model", "Each time that a model was asked to word a note, the newest week first.",
                       ASKED_COLUMNS, asked_rows),
    "called_wrong": Listed("Called wrong", "What people call wrong, of any version of these notes, the newest first.",
                           WRONG_COLUMNS, wrong_rows),
    "acted_on": Listed("Suggested deals", f"What happened on each deal within {FOLLOWED_DAYS} days.",
                       SUGGESTED_COLUMNS, suggested_rows),
    "note_cost": Listed("Cost of notes", "All requests about each note together, in US dollars.", COST_COLUMNS,
                        cost_rows),
}  # fmt: skip
"""By the key of a figure."""
