"""On a salesperson's page: which of the last year's weeks were out of the ordinary, and what they were."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from workbench import anomaly_data, cards, export, formats, places, states
from workbench.anomaly_data import ALARM_COLUMNS, RECORD_WEEKS
from workbench.tables import plain as table
from workbench.view import View

SHOWN = 5
_COLUMNS = tuple(one for one in ALARM_COLUMNS if one.field in {"day", "what", "value", "expected", "said", "why"})


def draw(view: View, owner_id: int) -> None:
    """Nothing where no week was ever looked at. view: of the page, narrowed to this person."""
    with states.guarded("The weeks out of the ordinary could not be read", key="person_alarms"):
        found = anomaly_data.of_person(view, owner_id)
        if found is None:
            return
        note = (
            f"{formats.plural(len(found), 'alarm')} in {RECORD_WEEKS} weeks. It says that a week was unlikely, not why"
        )
        with cards.titled("Weeks out of the ordinary", note):
            st.page_link(places.ANOMALIES, label="Week by week", icon=":material/troubleshoot:",
                         query_params=_link(view, owner_id))  # fmt: skip
            if not found.empty:
                export.menu(lambda: found, _COLUMNS, name=f"alarms-{owner_id}-{view.as_of.isoformat()}",
                            key="person_alarms", note=f"All alarms of {RECORD_WEEKS} weeks.")  # fmt: skip
        if found.empty:
            st.markdown(":gray[None: every whole week was about as was to be expected.]")
        else:
            table(_marked(found.head(SHOWN)), _COLUMNS, caption="Weeks out of the ordinary")


def _marked(found: pd.DataFrame) -> pd.DataFrame:
    marks = found["direction"].map({"drop": "▼ ", "rise": "▲ "})
    return found.assign(what=marks + found["what"])


def _link(view: View, owner_id: int) -> dict[str, list[str]]:
    return places.link(view.filters, series=str(owner_id), range="all")
