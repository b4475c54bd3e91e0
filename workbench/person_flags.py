"""On a salesperson's page: how many of the open deals are flagged, and the flags that were raised last."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date
from typing import Final

import pandas as pd
import streamlit as st

from insights.health import words as health_words
from snapshots import health_flags, health_rows, lanes
from snapshots.health_flags import HealthRun
from snapshots.reads import Reader
from workbench import cards, formats, health_data, installation, places, states
from workbench.columns import Column, ColumnKind
from workbench.health_filters import HealthChoice
from workbench.row_sets import DEAL
from workbench.tables import plain as table
from workbench.view import View

SHOWN: Final = 5
COLUMNS: Final = (
    DEAL,
    Column(field="rule", title="Flag", width=1.2),
    Column(field="why", title="Why", width=2.2),
    Column(field="first_day", title="Since", kind=ColumnKind.DATE),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFlags:
    """run: the newest judged day by the as-of day; None: there is none. n_deals: flagged ones. newest: COLUMNS."""

    run: HealthRun | None
    n_deals: int
    newest: pd.DataFrame


def begin(view: View) -> Future[PersonFlags]:
    """Begins to read, side by side with what else the page reads. view: narrowed to the person."""
    reader = installation.reader(view.viewer)
    return lanes.begin(lambda: _read(reader, view))


def _read(reader: Reader, view: View) -> PersonFlags:
    run = health_flags.run_of(reader.database, view.organization_id, view.as_of)
    if run is None:
        return PersonFlags(run=None, n_deals=0, newest=pd.DataFrame())
    asked = health_data.asked(view, run, HealthChoice())
    found, n = health_rows.newest_flags(reader, view.slice(), asked, limit=SHOWN)
    return PersonFlags(run=run, n_deals=n, newest=_in_words(found, run.day))


def _in_words(found: pd.DataFrame, judged_on: date) -> pd.DataFrame:
    flags = found["flag"].tolist()
    told = [health_words.on_day(one, judged_on) for one in flags]
    return found.assign(
        rule=[health_words.title(one["rule"]) for one in flags],
        why=[health_words.in_short(one["rule"], shown) + on for one, (shown, on) in zip(flags, told, strict=True)],
        first_day=pd.to_datetime([one["first_day"] for one in flags]),
    )


def draw(view: View, begun: Future[PersonFlags]) -> None:
    """view: of the page, narrowed to the person. begun: of `begin`."""
    with states.guarded("The flagged deals could not be read", key="person_flags"):
        found = begun.result()
        with cards.titled("Flagged deals", _note(found)):
            st.page_link(places.HEALTH, label="Pipeline health", icon=":material/health_and_safety:",
                         query_params=places.link(view.filters))  # fmt: skip
        if found.run is None:
            day = formats.day(view.as_of)
            st.markdown(f":gray[The open deals were not judged by {day}. The worker judges them once a day.]")
        elif found.newest.empty:
            st.markdown(":gray[None of the open deals is flagged.]")
        else:
            table(found.newest, COLUMNS, caption="Flags that were raised last")


def _note(found: PersonFlags) -> str:
    if found.run is None:
        return ""
    judged = f"as judged on {formats.day(found.run.day)}"
    if not found.n_deals:
        return judged.capitalize()
    return f"{formats.plural(found.n_deals, 'open deal')}, {judged}; the newest flags first"
